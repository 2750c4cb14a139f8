"""Searches inside documents (Q115, Q116, Q117): each operator by each kind of index, held to what PostgreSQL itself can
do with them; and the fix, applied, ends the finding."""

import contextlib
import json
import re
import subprocess

import psycopg
import psycopg2
import pytest

import harness

SETTINGS = {"large_table_rows": 1000, "medium_table_rows": 100, "stats_period": 600, "catalog_refresh": 600}
RULES = ("Q115", "Q116", "Q117")

TABLE = """
CREATE TABLE docs (id int PRIMARY KEY, data jsonb, loose json, tags text[]);
INSERT INTO docs SELECT g, jsonb_build_object('k', g, 'tags', jsonb_build_array('t' || g), 'deep', jsonb_build_object('j', g)),
  '{"k": 1}', ARRAY['t' || g] FROM generate_series(1, 5000) g;
"""

# By what is found when no index serves it. "…" is a document, and the rest as Django and people write it.
SEARCHES = {
    "Q115": [
        "data @> '{\"k\": 1}'",
        "data @> '{\"k\": 1}'::jsonb",
        "docs.data @> '{\"deep\": {\"j\": 1}}' AND data IS NOT NULL",
        "data ? 'k'",
        "data ?| ARRAY['k', 'm']",
        "data ?& ARRAY['k', 'm']",
        "data ?| '{k,m}'",
        "data @@ '$.k == 1'",
        "data @? '$.k ? (@ == 1)'",
        "data <@ '{\"k\": 1}'",
        "data OPERATOR(pg_catalog.@>) '{\"k\": 1}'",
        "'{\"k\": 1}' <@ data",
    ],
    "Q116": [
        "(data -> 'k') = '1'",
        "(\"docs\".\"data\" -> 'k') = '1'::jsonb",
        "data -> 'k' = to_jsonb(1)",
        "(data ->> 'k') = '1'",
        "(data ->> 'k') IN ('1', '2')",
        "(data ->> 'k')::int = 1",
        "(data #> '{deep,j}') = '1'",
        "(data #>> '{deep,j}') = '1'",
        "data -> 'deep' -> 'j' = '1'",
        "data -> 'deep' ->> 'j' = '1'",
        "data['k'] = '1'",
        "(data -> 'tags') @> '[\"t1\"]'",
        "data -> 'tags' ? 't1'",
        "data -> 'deep' @> '{\"j\": 1}'",
        "(loose ->> 'k') = '1'",
    ],
    # No index ever, or another matter: silent.
    None: [
        "NOT (data ? 'k')",
        "NOT (data @> '{\"k\": 1}')",
        "id = 5 AND data @> '{\"k\": 1}'",
        "id = 5 AND data -> 'k' = '1'",
        "data -> 'k' IS NULL",
        "tags @> ARRAY['t1'] AND id = 5",
    ],
}

INDEXES = [
    (),
    ("USING gin (data)",),
    ("USING gin (data jsonb_path_ops)",),
    ("USING gin (data jsonb_path_ops)", "USING gin (data)"),
    ("((data -> 'k'))",),
    ("((data ->> 'k'))",),
    ("(((data ->> 'k')::int))",),
    ("((data #> '{deep,j}'))", "((data #>> '{deep,j}'))"),
    ("((data -> 'deep' -> 'j'))", "((data -> 'deep' ->> 'j'))"),
    ("USING gin ((data -> 'tags'))",),
    ("USING gin ((data -> 'tags') jsonb_path_ops)", "USING gin ((data -> 'deep') jsonb_path_ops)"),
    ("USING hash ((data -> 'k'))",),
    ("((data['k']))",),
    ("((loose ->> 'k'))",),
    ("(data)",),
    ("USING gin (tags, data)",),
    ("USING gin (data) WHERE id > 100000",),
    ("USING gin (data) WHERE data IS NOT NULL",),
]


@pytest.fixture(autouse=True)
def needs_proctor(request):
    if request.config.getoption("--direct"):
        pytest.skip("needs pgproctor")


@pytest.fixture(scope="module")
def docs(postgres, database):
    postgres.sql(TABLE, database)
    postgres.sql("ANALYZE", database)
    return database


def served(cursor, search):
    """Whether PostgreSQL can find the rows by an index, asked with all other ways made dear."""
    cursor.execute("SET enable_seqscan = off; SET enable_indexonlyscan = off")
    cursor.execute(f"EXPLAIN SELECT id FROM docs WHERE {search}")
    return any("Index Cond" in row[0] and "Cond: (data IS NOT NULL)" not in row[0] for row in cursor.fetchall())


def checked(binary, config, dsn, statements):
    """By statement, the codes and the fixes of what is found."""
    done = subprocess.run([binary, "check", "--config", config, "--format", "json", "--fail-on", "never", "--dsn", dsn, "-"],
                          input="".join(statement + ";\n" for statement in statements), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    found = [{} for _ in statements]
    for event in map(json.loads, done.stdout.splitlines()):
        if event["event"] == "finding" and event["code"] in RULES:
            found[event["line"] - 1][event["code"]] = event.get("fix_sql")
    return found


def test_as_postgresql_has_it(postgres, docs, tmp_path):
    proctor = harness.Proctor(postgres, tmp_path, settings=SETTINGS)
    config, wrong, counts = proctor.write_config(), [], {"served": 0, "found": 0}
    searches = [(search, code) for code, group in SEARCHES.items() for search in group]
    with contextlib.closing(psycopg2.connect(postgres.dsn(docs))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for definitions in INDEXES:
            for number, definition in enumerate(definitions):
                cursor.execute(f"CREATE INDEX docs_try{number} ON docs {definition}")
            cursor.execute("ANALYZE docs")
            found = checked(proctor.binary, config, postgres.dsn(docs), [f"SELECT id FROM docs WHERE {search}" for search, _ in searches])
            for (search, code), codes in zip(searches, found):
                by_index = served(cursor, search)
                counts["served"] += bool(by_index and code)
                counts["found"] += bool(codes)
                if code is None or by_index:
                    right = not codes
                elif code == "Q115":
                    right = set(codes) in ({"Q115"}, {"Q117"})
                else:
                    right = set(codes) == {code}
                if not right:
                    wrong.append(f"{definitions}: {search}: {'served' if by_index else 'not served'}, {sorted(codes)} found")
            for number in range(len(definitions)):
                cursor.execute(f"DROP INDEX docs_try{number}")
    assert not wrong, "\n".join(wrong)
    assert counts["served"] > 40 and counts["found"] > 200, counts


def test_the_fix_ends_it(postgres, docs, tmp_path):
    """Q115 and Q117 propose an index; with it the finding goes, and PostgreSQL takes it."""
    proctor = harness.Proctor(postgres, tmp_path, settings=SETTINGS)
    config = proctor.write_config()
    with contextlib.closing(psycopg2.connect(postgres.dsn(docs))) as connection:
        connection.autocommit = True
        cursor = connection.cursor()
        for before, searches in (((), SEARCHES["Q115"]), (("USING gin (data jsonb_path_ops)",), ["data ? 'k'", "data ?| ARRAY['k', 'm']", "data ?& '{k}'"])):
            for search in searches:
                for definition in before:
                    cursor.execute(f"CREATE INDEX docs_before ON docs {definition}")
                statement = f"SELECT id FROM docs WHERE {search}"
                (found,) = checked(proctor.binary, config, postgres.dsn(docs), [statement])
                ((code, fix),) = found.items()
                assert code == ("Q117" if before else "Q115"), search
                if search.startswith("data <@"):
                    assert fix is None
                    continue
                cursor.execute(fix)
                assert served(cursor, search), f"{search}: {fix}"
                assert checked(proctor.binary, config, postgres.dsn(docs), [statement]) == [{}], f"{search}: {fix}"
                cursor.execute(f"DROP INDEX {re.search('CONCURRENTLY (.*?) ON', fix)[1]}; DROP INDEX IF EXISTS docs_before")


def test_bound(start_proctor, postgres, docs):
    """Bound on the server, a document and a key may be parameters: silent as soon as an index may be for that key."""
    proctor = start_proctor(settings=SETTINGS)
    with psycopg.connect(proctor.dsn(docs), autocommit=True) as connection:
        connection.execute("SELECT 1")
        proctor.wait_for("catalog", database=docs)
        for binary in (False, True):
            connection.execute("SELECT id FROM docs WHERE data @> %s", (json.dumps({"k": 1}),), binary=binary)
            connection.execute("SELECT id FROM docs WHERE (data -> %s) = %s", ("k", "1"), binary=binary)
    proctor.wait_for("disconnect")
    assert {event["code"] for event in proctor.events("finding")} & set(RULES) == {"Q115", "Q116"}
    proctor.stop()
    proctor.log.unlink()
    postgres.sql("CREATE INDEX docs_key ON docs ((data -> 'k')); CREATE INDEX docs_data ON docs USING gin (data)", docs)
    proctor.start()
    with psycopg.connect(proctor.dsn(docs), autocommit=True) as connection:
        connection.execute("SELECT 1")
        proctor.wait_for("catalog", database=docs)
        connection.execute("SELECT id FROM docs WHERE data @> %s", (json.dumps({"k": 1}),))
        connection.execute("SELECT id FROM docs WHERE (data -> %s) = %s", ("k", "1"))
        connection.execute("SELECT id FROM docs WHERE (data ->> %s) = %s", ("k", "1"))
    proctor.wait_for("disconnect")
    assert not {event["code"] for event in proctor.events("finding")} & set(RULES)

"""`pgproctor check` on a real database: the same verdicts as at the wire, a script that is followed, and the migrations
that a Django project has yet to apply."""

import json
import os
import re
import subprocess

import psycopg2
import pytest

import harness

STATEMENTS = [
    "CREATE INDEX fresh ON product (price)",
    "ALTER TABLE product ALTER COLUMN name TYPE varchar(20)",
    "ALTER TABLE product ALTER COLUMN price SET NOT NULL",
    "ALTER TABLE product ADD COLUMN u uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE product ADD COLUMN c int DEFAULT 0",
    "SELECT id FROM product WHERE upper(name) LIKE upper('%chair%')",
    "SELECT id FROM product WHERE id = 1",
    "DROP TABLE product CASCADE",
]


@pytest.fixture(scope="module")
def products(postgres, database):
    postgres.sql(
        "CREATE TABLE product (id int PRIMARY KEY, name varchar(100), price int);"
        "INSERT INTO product SELECT g, 'name ' || g, g FROM generate_series(1, 5000) g",
        database,
    )
    postgres.sql("ANALYZE product", database)
    return database


def check(postgres, database, text, *arguments):
    binary = harness.ROOT / "build" / "release" / "pgproctor"
    command = [os.environ.get("PROCTOR_BINARY") or binary, "check", "--format", "json", "--dsn", postgres.dsn(database)]
    command += ["--large-table-rows", "1000", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=200)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_the_same_verdicts_as_at_the_wire(postgres, products, tmp_path):
    """Each statement has the same findings in a file as when it comes from a client."""
    # With several workers one learns a moment later what clients of the others have used.
    proctor = harness.Proctor(postgres, tmp_path, {"large_table_rows": 1000, "workers": 1})
    proctor.start()
    try:
        connections = [psycopg2.connect(proctor.dsn(products)) for _ in range(2)]
        proctor.wait_for("catalog")
        for statement in STATEMENTS:
            # By two, since what a session has used does not keep itself from dropping it.
            for connection in connections:
                connection.cursor().execute(statement)
                connection.rollback()
        for connection in connections:
            connection.close()
    finally:
        proctor.stop()
    # What the catalog alone shows comes when that is read, not with a statement.
    judged = [event for event in proctor.events("finding") if not event["code"].startswith("D50")]
    wire = {(event["code"], event["severity"], event["message"]) for event in judged}
    found = set()
    for statement in STATEMENTS:
        _, events = check(postgres, products, f"BEGIN; {statement}; ROLLBACK;")
        found |= {(event["code"], event["severity"], event["message"]) for event in events if event["event"] == "finding"}
    assert {code for code, _, _ in wire} >= {"M202", "M209", "M211", "M205", "Q101", "M220"}
    # The wire has just seen the table used; check, without --traffic, knows of no use.
    assert severities(wire, "M220") == {"block"} and severities(found, "M220") == {"warning"}
    assert {one for one in found if one[0] != "M220"} == {one for one in wire if one[0] != "M220"}


def severities(findings, code):
    return {severity for of, severity, _ in findings if of == code}


def test_the_script_is_followed(postgres, products):
    """What one statement proves, the next one needs not verify; lines and positions are the statement's."""
    status, events = check(
        postgres,
        products,
        "SET lock_timeout = '2s'; ALTER TABLE product ADD CONSTRAINT there CHECK (price IS NOT NULL) NOT VALID;\n"
        "ALTER TABLE product VALIDATE CONSTRAINT there;\n"
        "ALTER TABLE product ALTER COLUMN price SET NOT NULL;\n",
        "--locks",
    )
    assert status == 0
    assert not [event for event in events if event["event"] == "finding"]
    locks = [(event["line"], event["lock"], event["scan"]) for event in events if event["event"] == "lock"]
    assert locks == [(1, "ACCESS EXCLUSIVE", False), (2, "SHARE UPDATE EXCLUSIVE", True), (3, "ACCESS EXCLUSIVE", False)]
    status, events = check(postgres, products, "SET lock_timeout = 1;\n  ALTER TABLE product ALTER price SET NOT NULL;")
    assert status == 1
    assert [(event["line"], event["position"], event["code"]) for event in events] == [(2, 29, "M211")]


def test_migrations(postgres, database):
    """All of an empty database's migrations are printed by manage.py, and only make what is new."""
    environment = harness.manage_environment(postgres.port, postgres.host, database)
    os.environ.update(environment)
    try:
        status, events = check(postgres, database, "", "--migrations", str(harness.SHOP))
    finally:
        for name in environment:
            del os.environ[name]
    assert status == 0
    assert not [event for event in events if event["event"] == "unparsed"]


# -- without a catalog -------------------------------------------------------------------------------------------

# What a rule's own example does not show without a catalog, and why. (What a comment in the example says of an index is
# not known to anybody; with the index in the file they speak: see below.)
AUDIT = "read from the catalog's own tables and statistics"
TRAFFIC = "by what clients send over a time"
PLAIN = "a plain index would do, and many a column has one"
COLUMN = "the column's type, constraints or values decide"
CUT = "the example stands for a list too long to print"
OTHERS = "by what else the database has: other indexes, views, partitions, domains"
SILENT = {
    **dict.fromkeys(("D502", "D504", "D505", "D506", "D507", "D508", "Q129"), AUDIT),
    **dict.fromkeys(("D501", "D509"), TRAFFIC),
    "Q121": CUT,
    **dict.fromkeys(("Q107", "Q108", "Q109", "Q110", "Q122", "Q127"), PLAIN),
    **dict.fromkeys(("D503", "Q123", "M209", "M210", "M239", "M244", "Q128", "Q130"), COLUMN),
    **dict.fromkeys(("M203", "M216", "M220", "M222", "M227", "M228", "M231", "Q102", "Q103", "Q117"), OTHERS),
}


def without(text, *arguments):
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    command = [binary, "check", "--format", "json", *arguments, "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=200)
    assert done.returncode in (0, 1), done.stderr
    return [line for line in map(json.loads, done.stdout.splitlines()) if line["event"] == "finding"]


def examples():
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    rules = subprocess.run([binary, "check", "--rules"], capture_output=True, text=True, check=True).stdout
    for code in re.findall(r"(?m)^([A-Z]\d{3})\b", rules):
        page = subprocess.run([binary, "explain", code], capture_output=True, text=True, check=True).stdout
        example = re.search(r"(?ms)^EXAMPLE\n(.*?)^SAFE", page).group(1)
        yield code, example.replace("SELECT …", "SELECT *").replace("sk_live_…", "sk_live_" + "4eC39HqLyjWDarjtT1zdp7dc")


def test_examples_without_a_catalog():
    """Every rule's own example is found by the size that it is told, or is on the list with the reason."""
    spoken = {}
    for code, example in examples():
        findings = without(example, "--assume-rows", "1e8")
        spoken[code] = code in {finding["code"] for finding in findings}
    assert len(spoken) > 70
    assert {code for code, found in spoken.items() if not found} == set(SILENT)


@pytest.mark.parametrize(
    "statement, code",
    [
        ("UPPER(name::text) LIKE UPPER('%foo%') ORDER BY created DESC LIMIT 20", "Q101"),
        ("name ILIKE '%foo%'", "Q101"),
        ("name LIKE 'foo%'", "Q104"),
        ("UPPER(name) = UPPER('foo')", "Q105"),
        ("name ~ 'foo'", "Q106"),
        ("data @> '{}'", "Q115"),
        ("data ? 'a'", "Q115"),
        ("data ->> 'a' = 'b'", "Q116"),
        ("tags @> ARRAY['a']", "Q118"),
    ],
)
def test_a_search_without_a_catalog(statement, code):
    """It has its severity at the size that is told, one less where none is, and says what is not known; small tables and
    what an id leaves few rows of are silent."""
    sql = f"SELECT * FROM shop_product WHERE {statement};"
    (finding,) = without(sql, "--assume-rows", "5000000")
    (unsized,) = without(sql)
    assert (finding["code"], finding["evidence"], finding["table_rows"]) == (code, "syntax", 5000000)
    assert finding["message"].endswith("as far as is known without a catalog")
    assert (unsized["code"], finding["severity"], unsized["severity"]) in [
        (code, "error", "warning"),
        (code, "warning", "info"),
    ]
    assert "its size is unknown" in unsized["message"]
    assert without(sql, "--assume-rows", "50") == []
    assert without(sql.replace("WHERE", "WHERE id = 5 AND"), "--assume-rows", "5000000") == []


@pytest.mark.parametrize(
    "index, statement, code",
    [
        ("gin (upper(name) gin_trgm_ops)", "UPPER(name::text) LIKE UPPER('%foo%')", None),
        ("gin (name gin_trgm_ops)", "UPPER(name::text) LIKE UPPER('%foo%')", "Q103"),
        ("gin (upper(name) gin_trgm_ops)", "UPPER(name::text) LIKE UPPER('%fo%')", "Q102"),
        ("btree (name text_pattern_ops)", "name LIKE 'foo%'", None),
        ("btree (name)", "name LIKE 'foo%'", "Q104"),
        ("btree (upper(name))", "UPPER(name) = UPPER('foo')", None),
        ("gin (data)", "data ? 'a'", None),
        ("gin (data jsonb_path_ops)", "data ? 'a'", "Q117"),
        ("gin (name gin_trgm_ops) WHERE price > 5", "UPPER(name::text) LIKE UPPER('%foo%')", None),
    ],
)
def test_an_index_of_the_file(postgres, database, index, statement, code):
    """An index that the file builds is known from then on, with a catalog too, until it is dropped; with one that can't
    be read nothing is said."""
    query = f"SELECT * FROM goods WHERE {statement};"
    build = f"CREATE INDEX CONCURRENTLY fresh ON goods USING {index};\n"
    sql = build + query + "\nDROP INDEX CONCURRENTLY fresh;\n" + query
    bare = without(query, "--assume-rows", "5000000")[0]["code"]
    found = [(one["line"], one["code"]) for one in without(sql, "--assume-rows", "5000000") if one["code"][0] == "Q"]
    assert found == ([(2, code)] if code else []) + [(4, bare)]
    postgres.sql(
        "CREATE EXTENSION IF NOT EXISTS pg_trgm; DROP TABLE IF EXISTS goods;"
        "CREATE TABLE goods (id int, name text, data jsonb, price int);"
        "INSERT INTO goods SELECT g, 'name ' || g, '{}', g FROM generate_series(1, 2000) g",
        database,
    )
    postgres.sql("ANALYZE goods", database)
    _, lines = check(postgres, database, build + query)
    found = [one["code"] for one in lines if one["event"] == "finding" and one["code"][0] == "Q"]
    assert found == ([code] if code else [])


def test_a_file_that_never_commits(postgres, products):
    """What such a file does is undone when its session ends: it is told. One that commits, or never began, is silent."""
    change = "ALTER TABLE product ADD COLUMN c int"
    for text, told in [
        (f"BEGIN; {change};", True),
        (f"BEGIN; {change}; SAVEPOINT s; RELEASE s;", True),
        (f"BEGIN; {change}; COMMIT;", False),
        (f"BEGIN; {change}; ROLLBACK;", False),
        (f"{change};", False),
    ]:
        _, events = check(postgres, products, text, "--fail-on", "never")
        notes = [event["message"] for event in events if event["event"] == "note"]
        assert any("ends inside a transaction" in note for note in notes) == told, (text, notes)

"""Findings: what fires, what has to stay silent beside it, and that new DDL is known at once."""

import itertools

import psycopg
import psycopg2
import pytest

from harness import wait_until

ROWS = 2000
markers = itertools.count(1)


@pytest.fixture(scope="module", autouse=True)
def tables(postgres, database):
    """One table a case: each name tells what is on it."""
    statements = ["CREATE EXTENSION pg_trgm"]
    for table in ("bare", "plain", "trgm", "uppertrgm", "short", "learns", "mail", "mailed", "patterned", "bound", "altered"):
        statements.append(f"CREATE TABLE {table} (id int PRIMARY KEY, name varchar(100), n int, other int, ts timestamp)")
        statements.append(
            f"INSERT INTO {table} SELECT g, md5(g::text), g, NULL, now() FROM generate_series(1, {ROWS}) g"
        )
    statements += [
        "CREATE TABLE tiny (id int PRIMARY KEY, name text)",
        "CREATE TABLE parent (id int PRIMARY KEY)",
        "INSERT INTO parent SELECT g FROM generate_series(1, 3000) g",
        "CREATE INDEX plain_name ON plain (name)",
        "CREATE INDEX trgm_name ON trgm USING gin (name gin_trgm_ops)",
        "CREATE INDEX uppertrgm_name ON uppertrgm USING gin (upper(name) gin_trgm_ops)",
        "CREATE INDEX short_name ON short USING gin (upper(name) gin_trgm_ops)",
        "CREATE INDEX mailed_name ON mailed (upper(name))",
        "CREATE INDEX patterned_name ON patterned (name varchar_pattern_ops)",
        "ANALYZE",
    ]
    for statement in statements:
        postgres.sql(statement, database)


SETTINGS = {"stats_period": 60, "large_table_rows": 1000, "medium_table_rows": 500}


@pytest.fixture(scope="module")
def watched(start_proctor, database, tables):
    """A pgproctor that has read the catalog already."""
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT 1")
    proctor.wait_for("catalog", database=database)
    return proctor


def icontains(table, term="walnut"):
    return f'SELECT "{table}"."id" FROM "{table}" WHERE UPPER("{table}"."name"::text) LIKE UPPER(\'%{term}%\') ORDER BY "{table}"."name"'


def run(proctor, database, *statements, times=1):
    connection = psycopg2.connect(proctor.dsn(database))
    connection.autocommit = True
    for _ in range(times):
        for statement in statements:
            with connection.cursor() as cursor:
                cursor.execute(statement)
    connection.close()


def codes(proctor, table):
    return {event["code"] for event in proctor.events("finding", table=table)}




def settled(proctor, database, table):
    """The codes found on a table, once all that ran before has reached the log."""
    proctor.settled(database)
    return codes(proctor, table)


def test_icontains_fires_once(watched, database):
    """Q101 at first sight, one line however often it runs, with table, rows, evidence and both fixes."""
    run(watched, database, icontains("learns", "one"), icontains("learns", "two"), times=3)
    event = watched.wait_for("finding", code="Q101", table="learns")
    assert settled(watched, database, "learns") == {"Q101"}
    assert len(watched.events("finding", code="Q101", table="learns")) == 1
    assert event["rule"] == "leading-wildcard-unindexed" and event["action"] == "logged"
    assert event["column"] == "name" and event["evidence"] == "catalog"
    assert abs(event["table_rows"] - ROWS) < ROWS / 10
    assert "gin_trgm_ops" in event["fix_sql"] and "upper" in event["fix_sql"].lower() and "CONCURRENTLY" in event["fix_sql"]
    assert "GinIndex" in event["fix_django"] and "Upper" in event["fix_django"]
    assert event["message"] and event["hint"] and event["severity"] == "error" and len(event["fingerprint"]) == 16


def test_the_fix_is_known_at_once(start_proctor, database, postgres):
    """The suggested index, built through pgproctor, silences the finding without waiting for the interval."""
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "catalog_refresh": 3600})
    run(proctor, database, "SELECT 1")
    proctor.wait_for("catalog", database=database)
    postgres.sql("CREATE TABLE fixed AS TABLE bare; ANALYZE fixed", database)
    run(proctor, database, "CREATE TABLE makes_it_look_again (id int)")
    run(proctor, database, "SELECT 2")
    assert wait_until(lambda: fires(proctor, database, "fixed"), every=0.2)
    fix = proctor.events("finding", code="Q101", table="fixed")[0]["fix_sql"]
    for statement in fix.split(";"):
        if statement.strip():
            run(proctor, database, statement)
    assert wait_until(lambda: not fires(proctor, database, "fixed"), every=0.2)


def fires(proctor, database, table):
    """Whether a search of a kind that was never seen before gives a finding of its own now."""
    novelty = next(markers)
    known = len(proctor.events("finding", code="Q101", table=table))
    condition = "abs(" * novelty + "n" + ")" * novelty + " >= 0"
    run(proctor, database, f"SELECT id FROM {table} WHERE UPPER(name::text) LIKE UPPER('%abc%') AND {condition} ORDER BY name")
    settled(proctor, database, table)
    return len(proctor.events("finding", code="Q101", table=table)) > known


@pytest.mark.parametrize(
    "table, statement, expected",
    [
        ("uppertrgm", icontains("uppertrgm"), set()),
        ("trgm", icontains("trgm"), {"Q103"}),
        ("short", icontains("short", "ab"), {"Q102"}),
        ("tiny", icontains("tiny"), set()),
        ("plain", "SELECT id FROM plain WHERE name LIKE 'abc%' ORDER BY n", {"Q104"}),
        ("patterned", "SELECT id FROM patterned WHERE name LIKE 'abc%' ORDER BY n", set()),
        ("mail", "SELECT id FROM mail WHERE UPPER(name::text) = UPPER('a@example.com')", {"Q105"}),
        ("mailed", "SELECT id FROM mailed WHERE UPPER(name::text) = UPPER('a@example.com')", set()),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)
def test_pattern_rules(watched, database, table, statement, expected):
    run(watched, database, statement)
    assert settled(watched, database, table) == expected


def test_regex(watched, database):
    run(watched, database, "SELECT id AS regex FROM mail WHERE name ~ 'abcdef'")
    watched.wait_for("finding", code="Q106", table="mail")


def test_contains_is_served_where_icontains_is_not(watched, database):
    """The index on the bare column serves LIKE on it: silence, on the same table that has Q103 for icontains."""
    run(watched, database, "SELECT id FROM trgm WHERE name LIKE '%walnut%' ORDER BY other")
    settled(watched, database, "trgm")
    assert not watched.events("finding", table="trgm", query=lambda text: '"other"' in text or "BY other" in text)


def test_bound_parameters(watched, database):
    """The pattern comes in Bind: with a leading wildcard it fires, without one Q101 stays silent."""
    with psycopg.connect(watched.dsn(database)) as connection:
        connection.execute("SELECT id FROM bound WHERE name LIKE %s ORDER BY n", ["abc%"])
    assert "Q101" not in settled(watched, database, "bound")
    with psycopg.connect(watched.dsn(database)) as connection:
        connection.execute("SELECT id FROM bound WHERE name LIKE %s ORDER BY n", ["%abc%"])
    watched.wait_for("finding", code="Q101", table="bound")


BLOCKING = [
    ("M202", "CREATE INDEX a1 ON altered (n)", "CREATE INDEX CONCURRENTLY a2 ON altered (n)"),
    ("M204", "REINDEX TABLE altered", "REINDEX TABLE CONCURRENTLY altered"),
    ("M205", "ALTER TABLE altered ADD r float DEFAULT random()", "ALTER TABLE altered ADD r2 timestamptz DEFAULT now()"),
    ("M206", "ALTER TABLE altered ADD s serial", "ALTER TABLE altered ADD s2 int"),
    ("M209", "ALTER TABLE altered ALTER n TYPE bigint", "ALTER TABLE altered ALTER name TYPE varchar(200)"),
    ("M211", "ALTER TABLE altered ALTER ts SET NOT NULL", "ALTER TABLE altered ALTER ts DROP NOT NULL"),
    ("M212", "ALTER TABLE altered ADD CHECK (n > 0)", "ALTER TABLE altered ADD CONSTRAINT c2 CHECK (n > 0) NOT VALID"),
    (
        "M213",
        "ALTER TABLE altered ADD FOREIGN KEY (other) REFERENCES parent",
        "ALTER TABLE altered ADD CONSTRAINT f2 FOREIGN KEY (other) REFERENCES parent NOT VALID",
    ),
    ("M214", "ALTER TABLE altered ADD UNIQUE (n)", "ALTER TABLE altered ADD UNIQUE USING INDEX u_n"),
    ("M215", "ALTER TABLE keyless ADD PRIMARY KEY (n)", "ALTER TABLE keyless2 ADD PRIMARY KEY USING INDEX u_k"),
    ("M223", "VACUUM FULL altered", "VACUUM altered"),
]


@pytest.mark.parametrize("code, harmful, harmless", BLOCKING, ids=[case[0] for case in BLOCKING])
def test_blocking_ddl(start_proctor, postgres, database, code, harmful, harmless):
    """Each harmful statement is found while observed, and runs; its harmless twin is not."""
    postgres.sql(
        "DROP TABLE IF EXISTS altered, keyless, keyless2; CREATE TABLE altered AS TABLE bare;"
        "ALTER TABLE altered ALTER n SET NOT NULL;"
        "CREATE TABLE keyless AS TABLE bare; CREATE TABLE keyless2 AS TABLE bare; ALTER TABLE keyless2 ALTER n SET NOT NULL;"
        "CREATE UNIQUE INDEX u_n ON altered (id, n); CREATE UNIQUE INDEX u_k ON keyless2 (n); ANALYZE",
        database,
    )
    for statement, expected in ((harmless, False), (harmful, True)):
        proctor = start_proctor(direct_ok=False, settings=SETTINGS)
        run(proctor, database, "SELECT 1")
        proctor.wait_for("catalog", database=database)
        run(proctor, database, statement)
        assert proctor.stop() == 0
        found = proctor.events("finding", code=code)
        assert bool(found) == expected, statement
        if found:
            assert found[0]["action"] == "logged" and found[0]["severity"] == "block" and found[0]["hint"]


def test_created_in_the_same_transaction(start_proctor, database):
    """What a transaction has made itself locks nobody out."""
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    run(proctor, database, "SELECT 1")
    proctor.wait_for("catalog", database=database)
    with psycopg2.connect(proctor.dsn(database)) as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE newborn AS TABLE bare")
        cursor.execute("CREATE INDEX newborn_n ON newborn (n)")
    connection.close()
    proctor.stop()
    assert not proctor.events("finding", code="M202")

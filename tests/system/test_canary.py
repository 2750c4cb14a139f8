"""No literal ever leaves: values planted everywhere a client can put them are in no line that pgproctor writes."""

import subprocess

import psycopg
import psycopg2
import pytest

import harness

CANARIES = [f"cAnArY{n}xYzZy" for n in range(12)]
NUMBER = "8675309424242"


@pytest.fixture(autouse=True)
def needs_proctor(request):
    if request.config.getoption("--direct"):
        pytest.skip("needs pgproctor")


@pytest.fixture(scope="module")
def secrets(postgres, database):
    postgres.sql(
        "CREATE TABLE secrets (id bigint PRIMARY KEY, name text UNIQUE);"
        "INSERT INTO secrets SELECT g, md5(g::text) FROM generate_series(1, 3000) g; ANALYZE",
        database,
    )


@pytest.fixture(autouse=True)
def tidy(postgres, database, secrets):
    yield
    postgres.sql("DROP ROLE IF EXISTS clerk; DROP INDEX IF EXISTS i; DELETE FROM secrets WHERE id > 3000", database)
    postgres.sql("ALTER TABLE secrets DROP COLUMN IF EXISTS note, DROP COLUMN IF EXISTS r", database)
    postgres.sql("ALTER TABLE secrets DROP CONSTRAINT IF EXISTS secrets_name_check", database)


def ignoring_errors(execute, *arguments):
    try:
        execute(*arguments)
    except (psycopg.Error, psycopg2.Error):
        pass


def plant(dsn):
    c = CANARIES
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    for statement in (
        f"SELECT id FROM secrets WHERE name LIKE '%{c[0]}%' ORDER BY name",
        f"SELECT id FROM secrets WHERE UPPER(name::text) LIKE UPPER('%{c[0]}%') AND id > {NUMBER}",
        f"INSERT INTO secrets VALUES ({NUMBER}, '{c[1]}')",
        f"INSERT INTO secrets VALUES (1, '{c[1]}')",
        f"INSERT INTO secrets VALUES ({NUMBER}1, '{c[1]}')",
        f"SELECT '{c[2]}'::int",
        f"SELECT $tag${c[2]}$tag$, E'{c[2]}\\n', U&'{c[2]}', B'1' /* {c[3]} */ -- {c[3]}",
        f"DO $$ BEGIN RAISE NOTICE '{c[4]}'; RAISE EXCEPTION '{c[4]}'; END $$",
        f"SELEC '{c[5]}'",
        f"SELECT '{c[5]}",
        f"CREATE INDEX i ON secrets (id) WHERE name <> '{c[6]}'",
        f"ALTER TABLE secrets ADD note text DEFAULT '{c[6]}', ADD r float DEFAULT random() + {NUMBER}",
        f"ALTER TABLE secrets ADD CHECK (name <> '{c[6]}')",
        f"CREATE ROLE clerk LOGIN PASSWORD '{c[7]}'",
        f"SET application_name.x = '{c[7]}'",
        f"PREPARE p AS SELECT '{c[8]}'; EXECUTE p; DEALLOCATE p",
        f"SELECT pg_sleep(0.15), '{c[8]}'",
        f"COPY (SELECT '{c[9]}') TO STDOUT",
        f"EXPLAIN SELECT * FROM secrets WHERE name = '{c[9]}'",
        "SELECT '" + c[9] + "'" + "+1" * 60_000,
        "SELECT length('" + c[9] * 200_000 + "')",
    ):
        ignoring_errors(cursor.execute, statement)
    connection.close()
    with psycopg.connect(dsn, autocommit=True) as connection:
        for query in ("SELECT id FROM secrets WHERE name LIKE %s", "SELECT id FROM secrets WHERE name ~ %s", "SELECT %s::int"):
            ignoring_errors(connection.execute, query, [f"%{c[10]}%"])
            ignoring_errors(lambda: connection.execute(query, [c[10]], prepare=True))
        ignoring_errors(connection.execute, "SELECT %s::bigint", [int(NUMBER)])
        with connection.cursor().copy("COPY secrets (id, name) FROM STDIN") as copy:
            copy.write_row((int(NUMBER) + 7, c[11]))


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_no_canary_in_the_log(start_proctor, postgres, database, secrets, log_format, mode):
    proctor = start_proctor(
        settings={"large_table_rows": 1000, "medium_table_rows": 100, "slow_query": 0.1, "mode": mode, "log_format": log_format},
        databases={"*": postgres.catalog_dsn() + " password=" + CANARIES[7]},
    )
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT 1")
    connection.close()
    assert harness.wait_until(lambda: any("catalog" in line for line in proctor.lines()))
    plant(proctor.dsn(database))
    assert proctor.stop() == 0
    report = subprocess.run([proctor.binary, "report", "--format", "text", proctor.log], capture_output=True, text=True)
    for name, text in (("log", proctor.log.read_text()), ("output", proctor.process.said()), ("report", report.stdout)):
        for canary in (*CANARIES, NUMBER):
            at = text.find(canary)
            assert at < 0, f"{name}: …{text[max(0, at - 300):at + 100]}"
    assert "Q101" in proctor.log.read_text() or "leading-wildcard" in proctor.log.read_text()

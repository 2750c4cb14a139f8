"""The catalog connection: where it comes from, and that traffic does without it."""

import time

import psycopg2
import pytest

from harness import free_port, wait_until

SEARCH = "SELECT n FROM big WHERE name LIKE '%abc%' ORDER BY n"
SETTINGS = {"large_table_rows": 1000}


@pytest.fixture(scope="module", autouse=True)
def table(postgres, database):
    postgres.sql("CREATE TABLE big AS SELECT g AS n, md5(g::text) AS name FROM generate_series(1, 2000) g; ANALYZE", database)


def search(proctor, database):
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute(SEARCH)
    connection.close()


def test_libpq_defaults(start_proctor, database):
    """Without a DSN the catalog is read with libpq's defaults against the upstream, as the user who logged in."""
    proctor = start_proctor(direct_ok=False, settings=SETTINGS, databases={})
    search(proctor, database)
    proctor.wait_for("catalog", database=database, level="info")
    search(proctor, database)
    proctor.wait_for("finding", code="Q101", table="big")


def test_dsn_of_one_database(start_proctor, postgres, database):
    """[databases] has a DSN for this one."""
    dsn = postgres.catalog_dsn() + f" dbname={database}"
    proctor = start_proctor(direct_ok=False, settings=SETTINGS, databases={database: dsn})
    search(proctor, database)
    proctor.wait_for("catalog", database=database, level="info")
    search(proctor, database)
    proctor.wait_for("finding", code="Q101", table="big")


def test_broken_dsn(start_proctor, postgres, database):
    """The catalog's server is not there: said once, with what it costs, and traffic flows."""
    databases = {"*": f"host=127.0.0.1 port={free_port()} user=postgres password=hunter2-the-password"}
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "catalog_refresh": 1}, databases=databases)
    for _ in range(4):
        search(proctor, database)
        time.sleep(0.5)
    proctor.wait_for("catalog", level="warning")
    assert proctor.stop() == 0
    assert len(proctor.events("catalog", level="warning")) == 1
    assert "hunter2" not in proctor.log.read_text()
    assert proctor.events("disconnect", database=database)


def test_catalog_does_not_hold_up_traffic(start_proctor, database):
    """A catalog server that accepts and never answers: queries run at once all the same."""
    import socket

    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen(5)
        databases = {"*": f"host=127.0.0.1 port={mute.getsockname()[1]} user=postgres"}
        proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "catalog_timeout": 60}, databases=databases)
        began = time.monotonic()
        for _ in range(5):
            search(proctor, database)
        assert time.monotonic() - began < 20
        assert proctor.stop() == 0


def test_never_analysed(start_proctor, postgres, database):
    """A table without statistics counts by its size on disk."""
    postgres.sql("CREATE TABLE raw AS SELECT g AS n, repeat('x', 200) AS name FROM generate_series(1, 20000) g", database)
    assert postgres.sql("SELECT reltuples FROM pg_class WHERE relname = 'raw'", database)[0][0] <= 0
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    with psycopg2.connect(proctor.dsn(database)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        proctor.wait_for("catalog", database=database)
        cursor.execute("SELECT n FROM raw WHERE name LIKE '%abc%' ORDER BY n")
    connection.close()
    event = proctor.wait_for("finding", code="Q101", table="raw")
    assert 2_000 < event["table_rows"] < 200_000


def test_new_and_locked(start_proctor, postgres, database):
    """A migration's first step has made a table, its second has it to itself while the catalog is read: an empty table
    is small all the same, and one that is full is not."""
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "medium_table_rows": 500})
    change = psycopg2.connect(proctor.dsn(database))
    change.autocommit = True
    cursor = change.cursor()
    cursor.execute("SELECT 1")
    proctor.wait_for("catalog", database=database)
    postgres.sql("CREATE TABLE made_empty (id int); CREATE INDEX ON made_empty (id) WHERE id > 5;"
                 "CREATE TABLE made_full AS SELECT g AS id FROM generate_series(1, 2000) g", database)
    counted = lambda: postgres.sql("SELECT pg_stat_get_live_tuples('made_full'::regclass)", database)[0][0] == 2000
    assert wait_until(counted)
    cursor.execute("SET lock_timeout = '10s'")
    cursor.execute("BEGIN")
    cursor.execute("LOCK TABLE made_empty, made_full IN ACCESS EXCLUSIVE MODE")
    with psycopg2.connect(proctor.dsn(database)) as other:
        other.autocommit = True
        other.cursor().execute("CREATE TABLE told (id int)")
    other.close()

    def found():
        # Until the catalog that has both has been read.
        cursor.execute("SAVEPOINT s")
        cursor.execute("CREATE INDEX made_empty_id ON made_empty (id)")
        cursor.execute("CREATE INDEX made_full_id ON made_full (id)")
        cursor.execute("ROLLBACK TO s")
        return proctor.events("finding", code="M202", table="made_full")

    assert wait_until(found, every=0.2)[0]["table_rows"] == 2000
    cursor.execute("ROLLBACK")
    change.close()
    assert proctor.stop() == 0
    assert not [line for line in proctor.events("finding", table="made_empty") if line["code"] != "M201"]
    assert "its size is unknown" not in proctor.log.read_text()

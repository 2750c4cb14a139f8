"""What the log says of statements: fingerprints are libpg_query's, and calls, rows, errors and time go to the right one."""

import time

import psycopg
import psycopg2
import pytest

from recognise import figures, fingerprint


@pytest.fixture
def fresh(start_proctor):
    return start_proctor(direct_ok=False, settings={"stats_period": 60})


@pytest.fixture(autouse=True, scope="module")
def table(postgres, database):
    postgres.sql("CREATE TABLE t (id int PRIMARY KEY, name text); INSERT INTO t SELECT g, 'n' || g FROM generate_series(1, 1000) g", database)


STATEMENTS = [
    "SELECT 1",
    "SELECT id, name FROM t WHERE id = 5 AND name LIKE '%x%' ORDER BY name DESC LIMIT 3",
    'SELECT "t"."id", UPPER("t"."name"::text) FROM "t" WHERE ("t"."id" IN (1, 2, 3) AND NOT ("t"."name" IS NULL))',
    "SELECT a.id FROM t a JOIN t b ON a.id = b.id LEFT JOIN LATERAL (SELECT count(*) FROM t WHERE id < a.id) c ON true WHERE a.id < 3",
    "WITH w AS (SELECT id FROM t WHERE id < 10), v AS (TABLE w) SELECT sum(id) OVER (ORDER BY id) FROM v",
    "UPDATE t SET name = name || 'x' WHERE id BETWEEN 1 AND 2 RETURNING id",
    "INSERT INTO t (id, name) VALUES (100001, 'a'), (100002, 'b') ON CONFLICT (id) DO UPDATE SET name = EXCLUDED.name",
    "DELETE FROM t WHERE id > 100000",
    "CREATE TABLE made (id serial PRIMARY KEY, at timestamptz DEFAULT now(), CHECK (id > 0))",
    "ALTER TABLE made ADD COLUMN note varchar(20) DEFAULT 'x' NOT NULL",
    "CREATE INDEX made_note ON made USING btree (upper(note) text_pattern_ops) WHERE id > 3",
    "DROP TABLE made CASCADE",
    "SET search_path TO public",
    "SHOW search_path",
    "EXPLAIN (COSTS off) SELECT * FROM t",
    "SELECT $$dollar$$, E'esc\\n', U&'\\0041', B'101', 1.5e3, ARRAY[1, 2], ROW(1, 'a'), '{\"a\": 1}'::jsonb -> 'a'",
]


def test_fingerprints_are_libpg_querys(fresh, database):
    """Each statement alone, by the simple protocol; the log holds exactly libpg_query's fingerprint for it."""
    connection = psycopg2.connect(fresh.dsn(database))
    connection.autocommit = True
    ran = []
    for statement in STATEMENTS:
        with connection.cursor() as cursor:
            cursor.execute(statement)
            ran.append(statement)
    connection.close()
    seen = figures(fresh)
    missing = [statement for statement in ran if fingerprint(statement) not in seen]
    assert not missing
    assert all(len(name) == 16 and name == name.lower() for name in seen)


def test_calls_rows_and_errors(fresh, database):
    """Literals differ, the fingerprint doesn't: 20 calls with 10 rows each, 5 errors."""
    connection = psycopg2.connect(fresh.dsn(database))
    connection.autocommit = True
    cursor = connection.cursor()
    for n in range(20):
        cursor.execute(f"SELECT name FROM t WHERE id > {n * 10} AND id <= {n * 10 + 10}")
    for n in range(5):
        with pytest.raises(psycopg2.Error):
            cursor.execute(f"SELECT {n} / 0 FROM t")
    cursor.execute("INSERT INTO t SELECT g, 'new' FROM generate_series(2001, 2030) g")
    cursor.execute("DELETE FROM t WHERE id > 2000")
    connection.close()
    seen = figures(fresh)
    row = seen[fingerprint("SELECT name FROM t WHERE id > 1 AND id <= 2")]
    assert (row["calls"], row["rows"], row["errors"]) == (20, 200, 0)
    assert row["total_ms"] > 0 and "$1" in row["query"]
    row = seen[fingerprint("SELECT 1 / 0 FROM t")]
    assert (row["calls"], row["errors"]) == (5, 5)
    assert seen[fingerprint("INSERT INTO t SELECT g, 'new' FROM generate_series(2001, 2030) g")]["rows"] == 30
    assert seen[fingerprint("DELETE FROM t WHERE id > 2000")]["rows"] == 30


def test_fetch_belongs_to_the_cursors_query(fresh, database):
    """Time and rows of FETCH count for the query of DECLARE: this one sleeps while it is fetched."""
    query = "SELECT id, pg_sleep(0.002) FROM t WHERE id <= 100"
    with psycopg2.connect(fresh.dsn(database)) as connection, connection.cursor("named") as cursor:
        cursor.itersize = 20
        cursor.execute(query)
        assert len(list(cursor)) == 100
    connection.close()
    seen = figures(fresh)
    rows = [row for row in seen.values() if "pg_sleep" in (row["query"] or "")]
    assert rows and max(row["total_ms"] for row in rows) > 150
    assert sum(row["rows"] for row in rows) == 100
    assert not [row for row in seen.values() if "FETCH" in row["query"].upper() and row["total_ms"] > 100]


def test_prepared_statements_are_attributed(fresh, database):
    """Parse once, Bind and Execute 30 times; and the same by SQL's PREPARE and EXECUTE."""
    query = "SELECT name FROM t WHERE id = %s"
    with psycopg.connect(fresh.dsn(database), autocommit=True) as connection:
        for n in range(1, 31):
            connection.execute(query, [n], prepare=True)
        connection.execute("PREPARE p (int) AS SELECT id FROM t WHERE name = 'n' || $1")
        fetched = sum(len(connection.execute(f"EXECUTE p ({n})").fetchall()) for n in range(1, 11))
    seen = figures(fresh)
    row = seen[fingerprint("SELECT name FROM t WHERE id = $1")]
    assert (row["calls"], row["rows"]) == (30, 30)
    row = seen[fingerprint("PREPARE p (int) AS SELECT id FROM t WHERE name = 'n' || $1")]
    assert (row["calls"], row["rows"]) == (11, fetched) and fetched > 0


def test_portals_in_pieces(fresh, database):
    """A portal executed piece by piece, with a row limit each time, is one call with all its rows."""
    with psycopg.connect(fresh.dsn(database)) as connection:
        with connection.cursor("portal") as cursor:
            cursor.execute("SELECT id FROM t WHERE id <= 500 ORDER BY id")
            while cursor.fetchmany(100):
                pass
    rows = [row for row in figures(fresh).values() if "<= $1" in (row["query"] or "") and "ORDER BY" in row["query"]]
    assert sum(row["rows"] for row in rows) == 500


def test_several_statements_in_one_message(fresh, database):
    """The message's statements are one entry, and its rows are all their rows."""
    connection = psycopg2.connect(fresh.dsn(database))
    connection.autocommit = True
    connection.cursor().execute("SELECT id FROM t WHERE id <= 3; SELECT name FROM t WHERE id <= 4")
    connection.close()
    rows = [row for row in figures(fresh).values() if "name" in (row["query"] or "")]
    assert rows


def test_latency_percentiles(fresh, database):
    """Nine fast calls and one of 0.3 s: the median is small, the maximum and the log of slow queries tell of the one."""
    connection = psycopg2.connect(fresh.dsn(database))
    connection.autocommit = True
    took_ms = []
    for wait in [0] * 9 + [0.3]:
        began = time.monotonic()
        connection.cursor().execute(f"SELECT pg_sleep({wait})")
        took_ms.append((time.monotonic() - began) * 1000)
    connection.close()
    fresh.stop()
    (event,) = fresh.events("fingerprint", fingerprint=fingerprint("SELECT pg_sleep(1)"))
    assert event["calls"] == 10
    # No more than what the client saw, and what a bucket is wide.
    assert event["p50_ms"] < sorted(took_ms)[5] * 1.1 and 280 < event["p99_ms"] < max(took_ms) * 1.1
    assert 300 <= event["max_ms"] <= max(took_ms)
    assert abs(event["mean_ms"] * 10 - event["total_ms"]) < 1
    assert event["histogram"]


def test_slow_query(start_proctor, database):
    proctor = start_proctor(direct_ok=False, settings={"slow_query": 0.1})
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT pg_sleep(0.25)")
    connection.close()
    event = proctor.wait_for("slow", fingerprint=fingerprint("SELECT pg_sleep(1)"))
    assert event["took_ms"] > 200 and event["database"] == database


def test_connections_are_named(start_proctor, database):
    """connect and disconnect name who, from where; every line has ts, event and level."""
    proctor = start_proctor(direct_ok=False)
    psycopg2.connect(proctor.dsn(database), application_name="till 7").close()
    event = proctor.wait_for("disconnect", database=database)
    assert (event["user"], event["application"]) == ("postgres", "till 7")
    assert event["client_address"].startswith("127.0.0.1")
    assert proctor.events("connect", database=database, application="till 7")
    for event in proctor.events():
        assert event["ts"].endswith("Z") and event["event"] and event["level"] in ("debug", "info", "warning", "error")


def test_comment_tags(start_proctor, database):
    """sqlcommenter's tags reach the log as fields, and split no fingerprint."""
    proctor = start_proctor(direct_ok=False, settings={"slow_query": 0.05})
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT pg_sleep(0.1) /*controller='shop.search',route='%2Fsearch%2F'*/")
    connection.close()
    event = proctor.wait_for("slow")
    assert (event["route"], event["controller"]) == ("/search/", "shop.search")
    assert event["fingerprint"] == fingerprint("SELECT pg_sleep(1)")

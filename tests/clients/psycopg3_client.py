"""psycopg 3, by one of its manners: sync, client (client-side binding), pipeline, binary; psycopg3_async.py has the other."""

import hashlib
import io
import sys
import threading
import time

import psycopg
from psycopg import pq
from psycopg.types.json import Jsonb
from psycopg_pool import ConnectionPool

from activities import ROWS, Activities, dsn, error, raises

MANNER = sys.argv[1]
BINARY = MANNER == "binary"
activity = Activities(f"psycopg {psycopg.__version__}, libpq {pq.version()}")
WRONG = ["SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere", "INSERT INTO item VALUES (1, 'again')", "SELECT 'a'::int"]


def connect(**more):
    factory = psycopg.ClientCursor if MANNER == "client" else psycopg.Cursor
    return psycopg.connect(dsn(**more), autocommit=True, cursor_factory=factory)


class Piped:
    """Runs what it is called with inside a pipeline where that is the manner."""

    def __init__(self, connection):
        self.connection = connection

    def __enter__(self):
        self.pipeline = self.connection.pipeline() if MANNER == "pipeline" else None
        return self.pipeline and self.pipeline.__enter__()

    def __exit__(self, *exception):
        return self.pipeline.__exit__(*exception) if self.pipeline else None


@activity("query")
def query(connection):
    connection.execute("DROP TABLE IF EXISTS item")
    connection.execute("CREATE TABLE item (id int PRIMARY KEY, name text)")
    with Piped(connection), connection.cursor(binary=BINARY) as cursor:
        cursor.executemany("INSERT INTO item VALUES (%s, %s)", [(n, f"näme '{n}' \\ %") for n in range(300)])
        found = []
        for n in range(20):
            cursor.execute("SELECT * FROM item WHERE name LIKE %s AND id = ANY(%s) ORDER BY id", ["n%", [n, n + 1, 400]])
            found.append(cursor.fetchall())
        cursor.executemany("SELECT id FROM item WHERE id < %s", [(2,), (3,)], returning=True)
        while True:
            found.append(cursor.fetchall())
            if not cursor.nextset():
                break
        cursor.execute("SELECT repeat('x', 1000000), g FROM generate_series(1, 3) g")
        return found, [len(row[0]) for row in cursor], cursor.statusmessage


@activity("types")
def types(connection):
    with Piped(connection), connection.cursor(binary=BINARY) as cursor:
        cursor.execute(
            "SELECT 1::int8, 1.50::numeric, 'NaN'::float8, '2024-02-29'::date, '2024-02-29 12:00+02'::timestamptz, %s::bytea, %s, %s, "
            "NULL, true, '[1,5)'::int4range, %s, ARRAY['a', NULL, 'b''c'], interval '1 day', %s::uuid, %s, %s",
            (b"\x00\xff'\\", "🐘 'quoted' \\", ["x", None], Jsonb({"a": [1]}), "00000000-0000-0000-0000-00000000002a", 1 << 40, 1.5),
        )
        return cursor.fetchone()


@activity("prepared")
def prepared(connection):
    rows = []
    with Piped(connection):
        for n in range(12):
            rows.append(connection.execute("SELECT id, name FROM item WHERE id < %s ORDER BY id", (n % 3,), binary=BINARY).fetchall())
        for n in range(150):
            # More statements than it keeps: the oldest is closed again.
            rows.append(connection.execute(f"SELECT {n}, %s::int", (n,), prepare=MANNER != "client" or None, binary=BINARY).fetchall())
    count = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
    connection.execute("DEALLOCATE ALL")
    return rows, count, connection.execute("SELECT id FROM item WHERE id < %s", (1,), prepare=MANNER != "client" or None).fetchall()


@activity("transaction")
def transaction(connection):
    outcomes = []
    with Piped(connection):
        with connection.transaction():
            connection.execute("UPDATE item SET name = 'kept' WHERE id = 1")
            with connection.transaction() as inner:
                connection.execute("DELETE FROM item")
                raise psycopg.Rollback(inner)
        outcomes.append(connection.execute("SELECT count(*), min(name) FROM item").fetchone())

        def fails():
            with connection.transaction():
                connection.execute("DELETE FROM item")
                with connection.transaction():
                    connection.execute("SELECT 1/0").fetchone()

        outcomes.append(raises(fails))
    outcomes.append([connection.execute("SELECT count(*) FROM item").fetchone(), connection.info.transaction_status.name])
    return outcomes


@activity("batch")
def batch(connection):
    """Pipelines, with errors in them: what stood before in the same one is rolled back, what comes after is skipped."""
    if not psycopg.capabilities.has_pipeline():
        return "no pipelines in this libpq"
    outcomes = []

    def fails():
        with connection.pipeline() as pipeline:
            connection.execute("INSERT INTO item VALUES (7001, 'kept')")
            pipeline.sync()
            connection.execute("INSERT INTO item VALUES (7002, 'rolled back')")
            connection.execute("SELECT 1/0")
            connection.execute("SELECT 3")
            pipeline.sync()
            connection.execute("INSERT INTO item VALUES (7003, 'in the next one')")

    def aborted():
        with connection.pipeline():
            connection.execute("SELECT 1/0")
            connection.execute("SELECT 3").fetchone()

    outcomes += [raises(fails), raises(aborted)]
    outcomes.append(connection.execute("SELECT id FROM item WHERE id > 7000").fetchall())
    with connection.pipeline():
        cursors = [connection.execute("SELECT %s::int, repeat('x', 1000)", (n,), binary=BINARY) for n in range(3000)]
        outcomes.append(sum(cursor.fetchone()[0] for cursor in cursors))
    return outcomes


@activity("cursor")
def cursor(connection):
    outcomes = []
    with connection.transaction(), connection.cursor("named", scrollable=True) as named:
        named.itersize = 333
        named.execute("SELECT g, md5(g::text) FROM generate_series(1, %s) g", (2000,), binary=BINARY)
        outcomes.append(sum(row[0] for row in named))
        named.scroll(10, mode="absolute")
        outcomes.append(named.fetchone())
    with connection.cursor() as streaming:
        outcomes.append(sum(row[0] for row in streaming.stream("SELECT g, md5(g::text) FROM generate_series(1, 2000) g", binary=BINARY)))
        if pq.version() >= 170000:
            outcomes.append(sum(row[0] for row in streaming.stream("SELECT g FROM generate_series(1, 2000) g", size=100)))
    return outcomes


@activity("copy in")
def copy_in(connection):
    connection.execute("DROP TABLE IF EXISTS copied")
    connection.execute("CREATE TABLE copied (id int, name text)")
    outcomes = []
    with connection.cursor() as cursor:
        with cursor.copy("COPY copied FROM STDIN" + (" (FORMAT binary)" if BINARY else "")) as copy:
            if BINARY:
                copy.set_types(["int4", "text"])
            for n in range(ROWS):
                copy.write_row((n, f"name {n}"))

        def bad():
            with cursor.copy("COPY copied FROM STDIN") as copy:
                for n in range(5000):
                    copy.write(f"{'x' if n == 1000 else n}\tname\n")

        def broken():
            with cursor.copy("COPY copied FROM STDIN") as copy:
                copy.write("1\tname\n")
                raise ValueError("the source broke")

        outcomes += [raises(bad), raises(broken)]
    return connection.execute("SELECT count(*), sum(id) FROM copied").fetchone(), outcomes


@activity("copy out")
def copy_out(connection):
    with connection.cursor() as cursor:
        data = io.BytesIO()
        with cursor.copy("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT (FORMAT csv)") as copy:
            for piece in copy:
                data.write(piece)
        with cursor.copy("COPY (SELECT * FROM copied ORDER BY id LIMIT 1000) TO STDOUT (FORMAT binary)") as copy:
            copy.set_types(["int4", "text"])
            rows = list(copy.rows())

        def fails():
            with cursor.copy("COPY (SELECT 1 / (500 - g) FROM generate_series(1, 1000) g) TO STDOUT") as copy:
                list(copy)

        def leaves():
            with cursor.copy("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000) g) TO STDOUT") as copy:
                copy.read()
                raise ValueError("enough")

        return [len(data.getvalue()), hashlib.sha256(data.getvalue()).hexdigest(), len(rows), rows[-1], raises(fails), raises(leaves),
                cursor.execute("SELECT 1").fetchone()]


@activity("cancel")
def cancel(connection):
    outcomes = []
    ways = [connection.cancel, connection.cancel_safe] if hasattr(connection, "cancel_safe") else [connection.cancel]
    for way in ways * 2:
        began = time.monotonic()
        timer = threading.Timer(0.2, way)
        timer.start()
        with Piped(connection):
            outcomes.append(raises(lambda: connection.execute("SELECT pg_sleep(20)").fetchone()))
        timer.join()
        outcomes.append([connection.execute("SELECT 1").fetchone(), time.monotonic() - began < 10])
    return outcomes


@activity("notify")
def notify(connection):
    other = connect()
    notices = []
    connection.add_notice_handler(lambda diagnosed: notices.append((diagnosed.severity, diagnosed.message_primary)))
    connection.execute("LISTEN here")
    with Piped(other):
        for n in range(5):
            other.execute("SELECT pg_notify('here', %s)", (f"idle {n}",))
    got = [(note.channel, note.payload, note.pid == other.info.backend_pid) for note in connection.notifies(timeout=10, stop_after=5)]
    connection.execute("UNLISTEN *")
    connection.execute("DO $$ BEGIN RAISE NOTICE 'noted'; RAISE WARNING 'warned'; END $$")
    other.close()
    return got, notices


@activity("error")
def wrong(connection):
    outcomes = []
    for sql in WRONG:
        try:
            with Piped(connection):
                connection.execute(sql).fetchall()
        except psycopg.Error as caught:
            diagnosed = caught.diag
            outcomes.append([*error(caught), diagnosed.message_primary, diagnosed.statement_position, diagnosed.constraint_name, diagnosed.severity_nonlocalized])
        outcomes.append(connection.execute("SELECT 1").fetchone())
    return outcomes, raises(connect, password="wrong"), raises(connect, dbname="nowhere")


@activity("protocol 3.2")
def newest(connection):
    """The newest protocol that libpq and the server both know, a cancel by its longer key, and no other log-in than SCRAM."""
    if pq.version() < 180000:
        return "needs libpq 18"
    with connect(max_protocol_version="latest", require_auth="scram-sha-256") as newest:
        version = newest.pgconn.full_protocol_version
        timer = threading.Timer(0.2, newest.cancel_safe)
        timer.start()
        outcome = raises(newest.execute, "SELECT pg_sleep(20)")
        timer.join()
        return version, outcome, newest.execute("SELECT 1").fetchone(), raises(connect, require_auth="md5")


@activity("reconnect")
def reconnect(connection):
    def kill(victim):
        with connect() as killer:
            killer.execute("SELECT pg_terminate_backend(%s)", (victim.info.backend_pid,))
        time.sleep(0.3)

    kill(connection)
    outcomes = [raises(connection.execute, "SELECT 1"), connection.closed]
    with ConnectionPool(dsn(), min_size=2, max_size=4, check=ConnectionPool.check_connection, kwargs={"autocommit": True}) as pool:
        for _ in range(3):
            with pool.connection() as borrowed:
                outcomes.append(borrowed.execute("SELECT 1").fetchone())
                kill(borrowed)
        with pool.connection() as borrowed:
            outcomes.append(borrowed.execute("SELECT 2").fetchone())
    return outcomes


if __name__ == "__main__":
    activity.run(connect())

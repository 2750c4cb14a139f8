"""psycopg2: simple queries only, COPY, large objects by function calls, its asynchronous mode, logical replication."""

import io
import select
import threading
import time

import psycopg2
import psycopg2.extras
from psycopg2 import errors, extensions

from activities import DATABASE, ROWS, Activities, dsn, error, raises

activity = Activities(f"psycopg2 {psycopg2.__version__.split()[0]}, libpq {psycopg2.__libpq_version__}")
WRONG = ["SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere", "INSERT INTO item VALUES (1, 'again')", "SELECT 'a'::int", "SELECT 1; SELECT 1/0"]


def connect(**more):
    connection = psycopg2.connect(dsn(), **more)
    connection.autocommit = True
    return connection


@activity("query")
def query(connection):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS item; CREATE TABLE item (id int PRIMARY KEY, name text)")
        cursor.executemany("INSERT INTO item VALUES (%s, %s)", [(n, f"näme '{n}' \\ %") for n in range(50)])
        psycopg2.extras.execute_values(cursor, "INSERT INTO item VALUES %s", [(n, None) for n in range(50, 500)], page_size=100)
        psycopg2.extras.execute_batch(cursor, "UPDATE item SET name = %s WHERE id = %s", [("x", n) for n in range(100, 200)])
        counts = cursor.rowcount, cursor.statusmessage
        cursor.execute("SELECT * FROM item WHERE name LIKE %s AND id = ANY(%s) ORDER BY id", ("n%", [1, 2, 3, 400]))
        found = cursor.fetchall()
        cursor.execute("SELECT repeat('x', 1000000), g FROM generate_series(1, 3) g")
        big = [len(row[0]) for row in cursor]
        cursor.execute("SELECT 1; SELECT 2")
        return counts, found, big, cursor.fetchall(), [column.name for column in cursor.description]


@activity("types")
def types(connection):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1::int8, 1.50::numeric, 'NaN'::float8, '2024-02-29'::date, '2024-02-29 12:00+02'::timestamptz, %s, %s, %s, "
            "NULL, true, '[1,5)'::int4range, '{\"a\": [1]}'::jsonb, ARRAY['a', NULL, 'b''c'], '\\xdeadbeef'::bytea, interval '1 day'",
            (b"\x00\xff'\\", "🐘 'quoted' \\", ["x", None]),
        )
        return [bytes(value) if isinstance(value, memoryview) else value for value in cursor.fetchone()]


@activity("prepared")
def prepared(connection):
    with connection.cursor() as cursor:
        cursor.execute("PREPARE one (int) AS SELECT id FROM item WHERE id < $1 ORDER BY id")
        rows = []
        for n in (2, 3, 4):
            cursor.execute("EXECUTE one (%s)", (n,))
            rows.append(cursor.fetchall())
        cursor.execute("DEALLOCATE one")
        return rows, raises(cursor.execute, "EXECUTE one (1)")


@activity("transaction")
def transaction(connection):
    connection.autocommit = False
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute("UPDATE item SET name = 'kept' WHERE id = 1")
        with connection.cursor() as cursor:
            cursor.execute("SAVEPOINT a; DELETE FROM item")
            wrong = raises(cursor.execute, "SELECT 1/0"), raises(cursor.execute, "SELECT 1"), connection.info.transaction_status
            cursor.execute("ROLLBACK TO a; SELECT count(*) FROM item")
            count = cursor.fetchone()
            connection.rollback()
            xid = connection.xid(1, "global", "branch")
            return wrong, count, str(xid)
    finally:
        connection.rollback()
        connection.autocommit = True


@activity("cursor")
def cursor(connection):
    connection.autocommit = False
    with connection.cursor("named", scrollable=True) as named:
        named.itersize = 333
        named.execute("SELECT g, md5(g::text) FROM generate_series(1, 2000) g")
        total = sum(row[0] for row in named)
        named.scroll(10, mode="absolute")
        row = named.fetchone()
    connection.commit()
    with connection.cursor("held", withhold=True) as held:
        held.execute("SELECT generate_series(1, 10)")
        first = held.fetchmany(3)
        connection.commit()
        rest = held.fetchall()
    connection.commit()
    connection.autocommit = True
    return total, row, first, rest


@activity("copy in")
def copy_in(connection):
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS copied; CREATE TABLE copied (id int, name text)")
        cursor.copy_expert("COPY copied FROM STDIN", io.StringIO("".join(f"{n}\tname {n}\n" for n in range(ROWS))))
        cursor.copy_from(io.StringIO("1,a\n2,b\n"), "copied", sep=",")
        wrong = raises(cursor.copy_expert, "COPY copied FROM STDIN", io.StringIO("1\ta\n" * 1000 + "x\ty\n" + "2\tb\n" * 1000))

        class Broken:
            def read(self, size):
                raise ValueError("the source broke")

        broken = raises(cursor.copy_expert, "COPY copied FROM STDIN", Broken())
        cursor.execute("SELECT count(*), sum(id) FROM copied")
        return cursor.fetchone(), wrong, broken[1]


@activity("copy out")
def copy_out(connection):
    with connection.cursor() as cursor:
        text, binary = io.StringIO(), io.BytesIO()
        cursor.copy_expert("COPY (SELECT * FROM copied ORDER BY id, name) TO STDOUT (FORMAT csv)", text)
        cursor.copy_expert("COPY copied TO STDOUT (FORMAT binary)", binary)
        wrong = raises(cursor.copy_expert, "COPY (SELECT 1 / (500 - g) FROM generate_series(1, 1000) g) TO STDOUT", io.StringIO())
        cursor.execute("SELECT 1")
        return hash_of(text.getvalue().encode()), len(binary.getvalue()), wrong, cursor.fetchone()


def hash_of(data):
    import hashlib

    return [len(data), hashlib.sha256(data).hexdigest()]


@activity("cancel")
def cancel(connection):
    outcomes = []
    for _ in range(3):
        began = time.monotonic()
        timer = threading.Timer(0.2, connection.cancel)
        timer.start()
        with connection.cursor() as cursor:
            outcomes.append(raises(cursor.execute, "SELECT pg_sleep(20)"))
            timer.join()
            cursor.execute("SELECT 1")
            outcomes.append([cursor.fetchone(), time.monotonic() - began < 10])
    return outcomes


@activity("notify")
def notify(connection):
    other = connect()
    with connection.cursor() as cursor, other.cursor() as sender:
        cursor.execute("LISTEN here")
        for n in range(5):
            sender.execute("SELECT pg_notify('here', %s)", (f"idle {n}",))
        while len(connection.notifies) < 5 and select.select([connection], [], [], 10)[0]:
            connection.poll()
        cursor.execute("BEGIN; NOTIFY here, 'own'; COMMIT")
        cursor.execute("UNLISTEN *")
        del connection.notices[:]
        cursor.execute("DO $$ BEGIN RAISE NOTICE 'noted'; RAISE WARNING 'warned'; END $$")
        result = [(note.channel, note.payload, note.pid == other.info.backend_pid) for note in connection.notifies], connection.notices
    other.close()
    return result


@activity("error")
def wrong(connection):
    outcomes = []
    with connection.cursor() as cursor:
        for sql in WRONG:
            try:
                cursor.execute(sql)
            except psycopg2.Error as caught:
                diagnosed = caught.diag
                outcomes.append([*error(caught), diagnosed.message_primary, diagnosed.statement_position, diagnosed.constraint_name, diagnosed.severity_nonlocalized])
            cursor.execute("SELECT 1")
            outcomes.append(cursor.fetchone())
    return outcomes, errors.lookup("42501").__name__, raises(psycopg2.connect, dsn(password="wrong")), raises(psycopg2.connect, dsn(dbname="nowhere"))


@activity("large object")
def large_object(connection):
    connection.autocommit = False
    large = connection.lobject(0, "wb")
    large.write(b"0123456789" * 50_000)
    large.seek(5)
    large.write(b"written")
    large.close()
    large = connection.lobject(large.oid, "rb")
    data = large.read()
    large.unlink()
    connection.commit()
    connection.autocommit = True
    return hash_of(data)


@activity("asynchronous")
def asynchronous(_):
    connection = psycopg2.connect(dsn(), async_=1)

    def wait():
        while (state := connection.poll()) != extensions.POLL_OK:
            select.select([connection] if state == extensions.POLL_READ else [], [connection] if state == extensions.POLL_WRITE else [], [], 10)

    wait()
    cursor = connection.cursor()
    outcomes = []
    for sql in ("SELECT pg_sleep(0.1), 1", "SELECT repeat('x', 3000000)", "SELECT 2 -- " + "y" * 500000):
        cursor.execute(sql)
        wait()
        outcomes.append(len(str(cursor.fetchall())))
    cursor.execute("SELECT 1/0")
    outcomes.append(raises(wait))
    connection.close()
    return outcomes


@activity("replication")
def replication(connection):
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_create_logical_replication_slot('slot_{DATABASE}', 'test_decoding')")
        cursor.execute("INSERT INTO item VALUES (9001, 'decoded')")
    logical = psycopg2.connect(dsn(), connection_factory=psycopg2.extras.LogicalReplicationConnection)
    stream = logical.cursor()
    stream.start_replication(slot_name=f"slot_{DATABASE}", options={"include-xids": "0"})
    got = []
    deadline = time.monotonic() + 15
    while len(got) < 3 and time.monotonic() < deadline:
        message = stream.read_message()
        if message:
            got.append(message.payload)
            stream.send_feedback(flush_lsn=message.data_start)
        else:
            select.select([stream], [], [], 0.5)
    logical.close()
    with connection.cursor() as cursor:
        for _ in range(50):
            # The walsender may take a moment to leave.
            if raises(cursor.execute, f"SELECT pg_drop_replication_slot('slot_{DATABASE}')")[0] == "no error":
                break
            time.sleep(0.1)
    return got


@activity("reconnect")
def reconnect(connection):
    killer = connect()
    with killer.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
    killer.close()
    time.sleep(0.3)
    with connection.cursor() as cursor:
        outcome = raises(cursor.execute, "SELECT 1")
    closed = connection.closed
    connections = [connect() for _ in range(10)]
    answers = []
    for again in connections:
        with again.cursor() as cursor:
            cursor.execute("SELECT current_database()")
            answers.append(cursor.fetchone() is not None)
        again.close()
    return outcome, closed, answers


if __name__ == "__main__":
    activity.run(connect())

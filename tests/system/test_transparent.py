"""Whatever a client does, it gets through pgproctor what it gets from PostgreSQL directly."""

import asyncio
import io
import select
import subprocess
import threading
import time

import psycopg
import psycopg2
import psycopg2.extras
import psycopg2.extensions
import pytest

from wire import Wire, kinds, message


@pytest.fixture
def same(postgres, proctor, database):
    """Runs a script, a function of a DSN, both ways; its result."""

    def run(script):
        direct = script(postgres.dsn(database))
        through = script(proctor.dsn(database))
        assert through == direct
        return through

    return run


@pytest.fixture(autouse=True)
def table(postgres, database):
    postgres.sql(
        "DROP TABLE IF EXISTS t, loaded; CREATE TABLE t (id int PRIMARY KEY, name text, data bytea);"
        "INSERT INTO t SELECT g, 'name ' || g, decode(repeat('00ff', g % 7), 'hex') FROM generate_series(1, 500) g;"
        "CREATE TABLE loaded (LIKE t)",
        database,
    )


def psql(dsn, *arguments, given=None):
    done = subprocess.run(
        ["psql", "-X", "-d", dsn, *arguments], input=given, capture_output=True, text=True, timeout=200
    )
    return done.returncode, done.stdout, done.stderr


# -- psql -------------------------------------------------------------------------------------------------


def test_psql_commands(same):
    """Several -c, several statements in one -c, an empty one, an error in the middle with its position and hint."""
    status, out, err = same(
        lambda dsn: psql(
            dsn, "-c", "SELECT 1 AS one; SELECT 'zwei' AS two, NULL; ;", "-c", "", "-c", "SELECT nme FROM t", "-c", "TABLE t"
        )
    )
    assert "zwei" in out and "name 500" in out
    assert 'column "nme" does not exist' in err and "HINT" in err


def test_psql_script(same):
    """A script with notices, a failed transaction, savepoints, \\gset, \\d and \\bind-like prepared statements."""
    script = r"""
    DO $$ BEGIN RAISE NOTICE 'hello %', 42; END $$;
    BEGIN; SAVEPOINT a; SELECT 1/0; SELECT 1; ROLLBACK TO a; SELECT 2 AS after_savepoint; COMMIT;
    BEGIN; SELECT 1/0; SELECT 'refused'; COMMIT;
    PREPARE p(int) AS SELECT name FROM t WHERE id = $1; EXECUTE p(7); DEALLOCATE p;
    SELECT count(*) AS n FROM t \gset
    \echo :n rows
    \d t
    SELECT 1 \; SELECT 2;
    """
    status, out, err = same(lambda dsn: psql(dsn, given=script))
    assert "500 rows" in out and "hello 42" in err and "after_savepoint" in out and "current transaction is aborted" in err


def test_psql_copy(same):
    """\\copy out and in again, 20,000 rows, and a COPY whose data the server refuses."""

    def script(dsn):
        out = psql(dsn, "-c", r"\copy (SELECT g, md5(g::text) FROM generate_series(1, 20000) g) TO STDOUT")
        into = psql(
            dsn, "-c", "TRUNCATE loaded", "-c", r"\copy loaded (id, name) FROM STDIN", given=out[1]
        )
        bad = psql(dsn, "-c", r"\copy loaded (id, name) FROM STDIN", given="not a number\tx\n")
        return out, into, bad, psql(dsn, "-At", "-c", "SELECT count(*), md5(string_agg(name, '' ORDER BY id)) FROM loaded")

    out, into, bad, total = same(script)
    assert out[1].count("\n") == 20000 and into[0] == 0
    assert bad[0] == 1 and "invalid input syntax" in bad[2]
    assert total[1].startswith("20000|")


def test_psql_large_result(same):
    """A result of some 30 MB, unchanged."""
    status, out, err = same(lambda dsn: psql(dsn, "-At", "-c", "SELECT repeat(md5(g::text), 30) FROM generate_series(1, 30000) g"))
    assert status == 0 and len(out) > 28_000_000


# -- pgbench ------------------------------------------------------------------------------------------------


def pgbench(proctor, database, *arguments):
    done = subprocess.run(
        ["pgbench", "-h", proctor.host, "-p", str(proctor.port), "-U", "postgres", *arguments, database],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert "ERROR" not in done.stderr and "aborted" not in done.stderr, done.stderr
    return done.stdout


def test_pgbench_fills(proctor, database):
    pgbench(proctor, database, "-i", "-q", "-s", "2")


@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_pgbench_selects(proctor, database, mode):
    """Eight clients, three seconds, not one error."""
    out = pgbench(proctor, database, "-n", "-S", "-M", mode, "-c", "8", "-j", "2", "-T", "3")
    assert "number of failed transactions: 0" in out


@pytest.mark.parametrize("mode", ["simple", "prepared"])
def test_pgbench_writes(proctor, database, mode):
    out = pgbench(proctor, database, "-n", "-M", mode, "-c", "4", "-j", "2", "-T", "2")
    assert "number of failed transactions: 0" in out


def test_pgbench_pipeline(proctor, database, tmp_path):
    """A pipeline of several requests before one Sync."""
    script = tmp_path / "pipeline.sql"
    script.write_text(
        "\\set id random(1, 500)\n\\startpipeline\n"
        + "SELECT name FROM t WHERE id = :id;\n" * 20
        + "\\endpipeline\n"
    )
    out = pgbench(proctor, database, "-n", "-M", "extended", "-c", "4", "-t", "200", "-f", str(script))
    assert "number of failed transactions: 0" in out


# -- psycopg2 -----------------------------------------------------------------------------------------------


def test_psycopg2_types(same):
    """Values of many types, both ways."""

    def script(dsn):
        with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute(
                "SELECT %s, %s, %s::numeric, %s::bytea, %s::timestamptz, %s::text[], %s::jsonb, NULL, id FROM t WHERE id < %s",
                [1, "it's \\ \"quoted\" ü €", "1.50", b"\x00\xff", "2024-01-01 12:00Z", ["a", "b,c"], '{"k": [1]}', 4],
            )
            return [tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in cursor.fetchall()]

    assert len(same(script)) == 3


def test_psycopg2_copy(same):
    def script(dsn):
        with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("TRUNCATE loaded")
            cursor.copy_from(io.StringIO("".join(f"{n}\trow {n}\n" for n in range(50_000))), "loaded", columns=("id", "name"))
            out = io.StringIO()
            cursor.copy_expert("COPY (SELECT name FROM loaded ORDER BY id) TO STDOUT", out)
            return out.getvalue()

    assert same(script).endswith("row 49999\n")


def test_psycopg2_cancel(same, postgres):
    """cancel() reaches the query that runs, and the connection goes on."""

    def script(dsn):
        connection = psycopg2.connect(dsn)
        canceller = postgres.when_sleeping(connection.info.backend_pid, connection.cancel)
        with connection.cursor() as cursor:
            with pytest.raises(psycopg2.errors.QueryCanceled):
                cursor.execute("SELECT pg_sleep(60)")
            canceller.join()
            connection.rollback()
            cursor.execute("SELECT 7")
            result = cursor.fetchone()
        connection.close()
        return result

    assert same(script) == (7,)


def test_psycopg2_notices(same):
    def script(dsn):
        with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
            cursor.execute("DO $$ BEGIN FOR i IN 1..20 LOOP RAISE NOTICE 'notice %', i; END LOOP; END $$")
            return list(connection.notices)

    assert same(script)[-1] == "NOTICE:  notice 20\n"


def test_psycopg2_listen_notify(same):
    """A notification arrives at an idle connection, without a query of its own."""

    def script(dsn):
        listener, sender = psycopg2.connect(dsn), psycopg2.connect(dsn)
        for connection in (listener, sender):
            connection.autocommit = True
        listener.cursor().execute("LISTEN news")
        sender.cursor().execute("NOTIFY news, 'payload'")
        assert select.select([listener], [], [], 5)[0]
        listener.poll()
        result = [(notify.channel, notify.payload) for notify in listener.notifies]
        listener.close()
        sender.close()
        return result

    assert same(script) == [("news", "payload")]


def test_psycopg2_named_cursor(same):
    def script(dsn):
        with psycopg2.connect(dsn) as connection, connection.cursor("c") as cursor:
            cursor.itersize = 40
            cursor.execute("SELECT id FROM t ORDER BY id")
            rows = [row[0] for row in cursor]
            cursor.scroll(10, mode="absolute")
            return rows, cursor.fetchone()

    assert len(same(script)[0]) == 500


def test_psycopg2_large_object(same):
    """Large objects go by the function-call message."""

    def script(dsn):
        connection = psycopg2.connect(dsn)
        large = connection.lobject(0, "wb")
        large.write(bytes(range(256)) * 4000)
        connection.commit()
        read = connection.lobject(large.oid, "rb").read()
        connection.rollback()
        connection.close()
        return read

    assert len(same(script)) == 1_024_000


def test_psycopg2_errors(same):
    """An error's every field."""

    def script(dsn):
        connection = psycopg2.connect(dsn)
        fields = []
        for statement in ("INSERT INTO t VALUES (1)", "SELECT 'x'::int", "SELECT * FROM nowhere", "SELEC 1"):
            with connection.cursor() as cursor, pytest.raises(psycopg2.Error) as caught:
                cursor.execute(statement)
            diag = caught.value.diag
            names = "severity sqlstate message_primary message_detail message_hint statement_position constraint_name table_name"
            fields.append([getattr(diag, name) for name in names.split()])
            connection.rollback()
        connection.close()
        return fields

    assert [error[1] for error in same(script)] == ["23505", "22P02", "42P01", "42601"]


def test_psycopg2_two_phase_and_status(same):
    """Transaction status as the driver sees it, and the settings a server reports at the start."""

    def script(dsn):
        connection = psycopg2.connect(dsn, options="-c statement_timeout=54321", application_name="näme")
        cursor = connection.cursor()
        cursor.execute("SHOW statement_timeout")
        shown = cursor.fetchone()
        cursor.execute("SHOW application_name")
        result = [shown, cursor.fetchone(), connection.info.transaction_status, connection.get_parameter_status("server_version")]
        connection.close()
        return result

    assert same(script)[0] == ("54321ms",)


# -- psycopg 3 ------------------------------------------------------------------------------------------------


def test_psycopg3_pipeline(same):
    def script(dsn):
        with psycopg.connect(dsn, autocommit=True) as connection, connection.pipeline():
            cursors = [connection.execute("SELECT name FROM t WHERE id = %s", [n]) for n in range(1, 200)]
            return [cursor.fetchone() for cursor in cursors]

    assert len(same(script)) == 199


def test_psycopg3_pipeline_error(same):
    """An error in a pipeline aborts what follows up to the Sync, and only that."""

    def script(dsn):
        with psycopg.connect(dsn, autocommit=True) as connection:
            outcomes = []
            try:
                with connection.pipeline() as pipeline:
                    first = connection.execute("SELECT 1")
                    connection.execute("SELECT 1 / 0")
                    connection.execute("SELECT 2")
                    pipeline.sync()
            except psycopg.Error as error:
                outcomes.append(type(error).__name__)
            outcomes.append(connection.execute("SELECT 3").fetchone())
            outcomes.append(connection.info.transaction_status.name)
            return outcomes

    assert same(script)[1:] == [(3,), "IDLE"]


def test_psycopg3_prepared(same):
    """The same statement often enough to be prepared, and what DDL does to it."""

    def script(dsn):
        with psycopg.connect(dsn, autocommit=True) as connection:
            rows = [connection.execute("SELECT name FROM t WHERE id = %s", [n], prepare=True).fetchone() for n in range(1, 30)]
            count = connection.execute("SELECT count(*) FROM pg_prepared_statements").fetchone()
            connection.execute("DEALLOCATE ALL")
            return rows, count

    assert same(script)[1] == (1,)


def test_psycopg3_binary_and_server_cursor(same):
    def script(dsn):
        with psycopg.connect(dsn) as connection:
            binary = connection.execute("SELECT id, data FROM t ORDER BY id", binary=True).fetchall()
            with connection.cursor("server_side", binary=True) as cursor:
                cursor.execute("SELECT id FROM t WHERE id > %s ORDER BY id", [100])
                return binary, cursor.fetchmany(30), cursor.fetchall()

    binary, some, rest = same(script)
    assert len(binary) == 500 and len(some) + len(rest) == 400


def test_psycopg3_copy(same):
    def script(dsn):
        with psycopg.connect(dsn) as connection:
            cursor = connection.cursor()
            cursor.execute("TRUNCATE loaded")
            with cursor.copy("COPY loaded (id, name) FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int4", "text"])
                for n in range(5000):
                    copy.write_row((n, f"row {n}"))
            with cursor.copy("COPY loaded (id, name) TO STDOUT") as copy:
                return b"".join(bytes(piece) for piece in copy)

    assert same(script).count(b"\n") == 5000


def test_psycopg3_copy_given_up(same):
    """A COPY that the client breaks off (CopyFail) leaves a usable connection."""

    def script(dsn):
        with psycopg.connect(dsn, autocommit=True) as connection:
            with pytest.raises(psycopg.errors.QueryCanceled):
                with connection.cursor().copy("COPY loaded (id, name) FROM STDIN") as copy:
                    copy.write_row((1, "one"))
                    raise ZeroDivisionError
            return connection.execute("SELECT count(*) FROM loaded").fetchone()

    def wrapped(dsn):
        try:
            return script(dsn)
        except ZeroDivisionError:
            return "the client's own exception"

    same(wrapped)


def test_psycopg3_notifies_and_cancel(same, postgres):
    def script(dsn):
        with psycopg.connect(dsn, autocommit=True) as connection:
            got = []
            connection.add_notify_handler(got.append)
            connection.execute("LISTEN here")
            connection.execute("NOTIFY here, 'me'")
            connection.execute("SELECT 1")
            canceller = postgres.when_sleeping(connection.info.backend_pid, connection.cancel)
            with pytest.raises(psycopg.errors.QueryCanceled):
                connection.execute("SELECT pg_sleep(60)")
            canceller.join()
            return [notify.payload for notify in got], connection.execute("SELECT 1").fetchone()

    assert same(script) == (["me"], (1,))


def test_psycopg3_async(same):
    """Twenty asynchronous connections at once."""

    async def one(dsn, n):
        async with await psycopg.AsyncConnection.connect(dsn) as connection:
            cursor = await connection.execute("SELECT name, pg_sleep(0.05) FROM t WHERE id = %s", [n])
            return (await cursor.fetchone())[0]

    async def all_of(dsn):
        return await asyncio.gather(*[one(dsn, n) for n in range(1, 21)])

    assert same(lambda dsn: asyncio.run(all_of(dsn)))[-1] == "name 20"


# -- bytes ------------------------------------------------------------------------------------------------


def test_same_bytes(postgres, proctor, database):
    """A session of raw messages, byte for byte: simple and extended, several per segment, an error and the skip to
    Sync, an unknown portal, Flush without Sync, function call, COPY fail, Terminate."""

    def body(*parts):
        return b"".join(part.encode() + b"\0" if isinstance(part, str) else part for part in parts)

    requests = [
        message(b"Q", b"SELECT 1 AS a; SELECT 'b'::text; ; BEGIN\0"),
        message(b"Q", b"\0") + message(b"Q", b"SELECT 1/0\0") + message(b"Q", b"ROLLBACK\0"),
        message(b"P", body("s", "SELECT $1::int + 1", b"\0\0"))
        + message(b"D", b"Ss\0")
        + message(b"B", body("", "s", b"\0\0\0\1\0\0\0\2" + b"41" + b"\0\0"))
        + message(b"E", body("", b"\0\0\0\0"))
        + message(b"C", b"Ss\0")
        + message(b"S"),
        message(b"P", body("", "SELEC", b"\0\0")) + message(b"B", body("", "", b"\0\0\0\0\0\0")) + message(b"S"),
        message(b"E", body("no such portal", b"\0\0\0\0")) + message(b"S"),
        message(b"P", body("", "SELECT g FROM generate_series(1, 5) g", b"\0\0"))
        + message(b"B", body("", "", b"\0\0\0\0\0\0"))
        + message(b"E", body("", b"\0\0\0\2"))
        + message(b"E", body("", b"\0\0\0\0"))
        + message(b"S"),
        message(b"Q", b"COPY loaded (id) FROM STDIN\0") + message(b"f", b"given up\0"),
        message(b"Q", b"SELECT 'caf\xc3\xa9', '\xf0\x9f\x90\x98'\0"),
    ]

    def run(server, pieces):
        answers = []
        with Wire(server.host, server.port) as wire:
            wire.login(database)
            for request in requests:
                for at in range(0, len(request), pieces):
                    wire.send(request[at : at + pieces])
                readies = request.count(b"S\0\0\0\4") + sum(request.count(q) for q in (b"Q\0\0",))
                # Each Query and each Sync is answered by one ReadyForQuery.
                for _ in range(max(1, readies)):
                    answers.append(wire.until(b"Z"))
            wire.send(message(b"X"))
            answers.append(wire.closed())
        return answers

    direct = run(postgres, 1 << 20)
    assert run(proctor, 1 << 20) == direct
    assert run(proctor, 1) == direct
    assert any(b"E" in kinds(answer) for answer in direct if isinstance(answer, list))


def test_cancel_with_wrong_key(proctor, database):
    """A cancel request with a wrong key has no effect, and its connection is closed without an answer."""
    with Wire(proctor.host, proctor.port) as wire:
        wire.login(database)
        with Wire(proctor.host, proctor.port) as other:
            other.send(b"\0\0\0\x10" + b"\x04\xd2\x16\x2e" + b"\0\0\0\1" + b"\0\0\0\2")
            assert other.closed() == b""
        assert b"D" in kinds(wire.query("SELECT 1"))


def test_refused_tls_goes_on_in_clear(proctor, database):
    """SSLRequest and GSSENCRequest are answered by one N each, and the start-up goes on."""
    assert proctor.process, "Debian's server itself would take up GSS"
    with Wire(proctor.host, proctor.port) as wire:
        wire.send(b"\0\0\0\x08\x04\xd2\x16\x30")
        assert wire.socket.recv(10) == b"N"
        wire.send(b"\0\0\0\x08\x04\xd2\x16\x2f")
        assert wire.socket.recv(10) == b"N"
        assert kinds(wire.login(database)).endswith(b"Z")


def test_slow_reader_is_not_hoarded_for(proctor, database):
    """A client that doesn't read stops the server instead of filling memory, and gets all of it later."""
    process = getattr(proctor, "process", None)
    before_kb = proctor.memory_kb() if process else 0
    with Wire(proctor.host, proctor.port, timeout=60) as wire:
        wire.login(database)
        wire.send(message(b"Q", b"SELECT repeat('x', 1000000) FROM generate_series(1, 100)\0"))
        time.sleep(1.5)
        if process:
            assert proctor.memory_kb() - before_kb < 20_000
        answer = wire.until(b"Z")
    assert kinds(answer).count(b"D") == 100

"""Input that no client should send: a clear error or an untouched forward, a line in the log, and nobody else notices."""

import os
import signal
import struct
import subprocess
import threading
import time

import psycopg2
import pytest

import harness
from wire import Wire, error_of, kinds, message, startup


@pytest.fixture(scope="module")
def crowd(proctor, postgres, database, scratch):
    """A pgbench that runs beside all these tests; at the end it has to have had no error."""
    subprocess.run(["pgbench", "-i", "-q", "-d", postgres.dsn(database)], check=True, capture_output=True)
    bench = harness.Process(
        ["/usr/bin/pgbench", "-h", proctor.host, "-p", proctor.port, "-U", "postgres", "-n", "-S", "-c", "2", "-T", "3600"]
        + ["-R", "200", "--progress=1", database],
        scratch / "crowd",
    )
    yield bench
    assert harness.wait_until(lambda: "progress" in bench.said()), bench.said()
    assert bench.running(), f"pgbench ended early: {bench.said()[-1000:]}"
    bench.stop()
    said = bench.said()
    assert "ERROR" not in said and "abort" not in said and "error:" not in said, said


@pytest.fixture(autouse=True)
def undisturbed(proctor, database, crowd):
    """After each test pgproctor is the same process and serves new clients."""
    yield
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT 1")
    connection.close()
    assert crowd.running()
    assert proctor.process.running()


def warnings(proctor):
    return [event for event in proctor.events() if event["level"] in ("warning", "error")]


def logs_one_more(proctor, before):
    return harness.wait_until(lambda: len(warnings(proctor)) > before)


@pytest.mark.parametrize(
    "garbage",
    [
        b"garbage on the port\r\n" * 100,
        b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x7f\xff\xff\xff" + b"\0" * 100,
        b"\xff\xff\xff\xff" + b"\0" * 100,
        b"\0\0\0\0" + b"\0" * 100,
        b"\0\0\0\x07" + b"\0" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 500,
        b"\0\0\0\x08\0\x02\0\0",
        startup(user="postgres")[:-2] + b"xy",
        os.urandom(4000),
    ],
    ids=["text", "http", "2gib", "minus one", "zero", "seven", "tls", "protocol 2", "unterminated", "random"],
)
def test_garbage_at_the_start(proctor, garbage):
    """The connection is closed and the log says why."""
    before = len(warnings(proctor))
    with Wire(proctor.host, proctor.port) as wire:
        wire.send(garbage)
        wire.closed()
    assert logs_one_more(proctor, before)


def test_health_check(proctor):
    """A connection that is opened and closed without a byte is nothing to warn of."""
    before = len(warnings(proctor))
    for _ in range(5):
        Wire(proctor.host, proctor.port).close()
    psycopg2.connect(proctor.dsn(), application_name="after them").close()
    proctor.wait_for("disconnect", application="after them")
    assert len(warnings(proctor)) == before


def test_half_open(proctor, database):
    """Clients that send half a start-up packet and wait keep nobody from logging in."""
    waiting = [Wire(proctor.host, proctor.port) for _ in range(50)]
    for wire in waiting:
        wire.send(startup(user="postgres", database=database)[:7])
    psycopg2.connect(proctor.dsn(database)).close()
    waiting[0].send(startup(user="postgres", database=database)[7:])
    assert kinds(waiting[0].until(b"Z")).endswith(b"Z")
    for wire in waiting:
        wire.close()


def test_login_timeout(start_proctor, database):
    proctor = start_proctor(direct_ok=False, settings={"client_login_timeout": 1})
    began = time.monotonic()
    with Wire(proctor.host, proctor.port) as wire:
        wire.send(b"\0\0")
        wire.closed()
        assert 0.9 < time.monotonic() - began < 20


@pytest.mark.parametrize("kind", [b"Q", b"P", b"B", b"E", b"d", b"\x80", b"z"])
@pytest.mark.parametrize("length", [0x7FFFFFFF, 0xFFFFFFFF, 3, 0])
def test_bad_length_after_login(postgres, proctor, database, kind, length):
    """A length that can't be: the client sees what the server says to it, then the end."""

    def outcome(server):
        with Wire(server.host, server.port) as wire:
            wire.login(database)
            wire.send(kind + struct.pack("!I", length) + b"xxxx")
            answer = wire.until(b"none")
            error = error_of(answer)
            return error and (error["S"], error["C"])

    assert outcome(proctor) == outcome(postgres)


def test_cut_off_in_a_message(proctor, database):
    """A client that goes away inside a message, and one that goes away inside a result."""
    for part in (b"Q\0\0\1\0SELECT 1", b"Q", message(b"Q", b"SELECT repeat('x', 1000000) FROM generate_series(1, 50)\0")):
        with Wire(proctor.host, proctor.port) as wire:
            wire.login(database)
            wire.send(part)
            time.sleep(0.1)


def both(postgres, proctor, database, sql):
    """SQLSTATE or the first column's length, directly and through pgproctor."""

    def outcome(server):
        with Wire(server.host, server.port, timeout=60) as wire:
            wire.login(database)
            answer = wire.query(sql)
            error = error_of(answer)
            if error:
                return error["C"]
            after = wire.query("SELECT 1")
            assert b"D" in kinds(after)
            return next(body for kind, body in answer if kind == b"D")[:200]

    through = outcome(proctor)
    assert through == outcome(postgres)
    return through


def test_sql_that_does_not_parse(start_proctor, postgres, database):
    """The server's error reaches the client; the log has one line for the text, however often it comes."""
    proctor = start_proctor(direct_ok=False)
    for _ in range(4):
        assert both(postgres, proctor, database, "SELEC nonsense FROM (((") == b"42601".decode()
    proctor.wait_for("unparsed")
    proctor.stop()
    events = proctor.events("unparsed")
    assert len(events) == 1 and events[0]["reason"]
    assert "nonsense" not in proctor.log.read_text()


HARD = {
    "16 MB literal": "SELECT length('" + "x" * (16 << 20) + "')",
    "2 MB of values": "SELECT count(*) FROM (VALUES " + ",".join(["(1)"] * (1 << 19)) + ") v",
    "100,000 parentheses": "SELECT " + "(" * 100_000 + "1" + ")" * 100_000,
    "sum of 128 KB": "SELECT 1" + "+1" * 65_000,
    "sum of 10,000": "SELECT 1" + "+1" * 10_000,
    "100,000 ORs": "SELECT 1 WHERE 1=1" + " OR 1=2" * 100_000,
    "1,000 nested selects": "SELECT * FROM " + "(SELECT * FROM " * 1_000 + "(SELECT 1) q" + ") q" * 1_000,
    "2,000 nested arrays": "SELECT " + "ARRAY[" * 2_000 + "1" + "]" * 2_000,
    "5,000 nots": "SELECT " + "NOT " * 5_000 + "true",
    "nested comments": "SELECT 1 " + "/*" * 5_000 + "*/" * 5_000,
    "open quote": "SELECT '" + "x" * 100_000,
    "open comment": "SELECT 1 /* " + "x" * 100_000,
    "50,000 statements": "SELECT 1;" * 50_000,
    "invalid utf-8 in quotes": "SELECT '\udce9'",
}


@pytest.mark.parametrize("name", HARD)
def test_hard_sql(postgres, proctor, database, name):
    """What overflows libpg_query or takes it seconds: the client gets what the server says, soon."""
    sql = HARD[name]
    began = time.monotonic()
    if name == "invalid utf-8 in quotes":
        both(postgres, proctor, database, RawText(b"SELECT '\xe9\x28'"))
    else:
        both(postgres, proctor, database, sql)
    assert time.monotonic() - began < 40


class RawText:
    """Bytes where wire.query() expects text."""

    def __init__(self, raw):
        self.raw = raw

    def encode(self):
        return self.raw


def test_oversize_rejected(start_proctor, database):
    """oversize = reject: a statement too long to look at is refused by name, and the session goes on."""
    proctor = start_proctor(direct_ok=False, settings={"oversize": "reject"})
    with psycopg2.connect(proctor.dsn(database)) as connection:
        cursor = connection.cursor()
        with pytest.raises(psycopg2.Error) as caught:
            cursor.execute("SELECT length('" + "x" * (2 << 20) + "')")
        assert "pgproctor" in str(caught.value)
        connection.rollback()
        cursor.execute("SELECT 1")
    connection.close()


@pytest.mark.parametrize("seed", range(5))
def test_random_messages(proctor, database, seed):
    """Random types, lengths and bodies after the login."""
    import random

    source = random.Random(seed)
    with Wire(proctor.host, proctor.port) as wire:
        wire.login(database)
        data = b""
        for _ in range(200):
            data += message(bytes([source.choice(b"QPBEDCSHFdcfXp\x01")]), source.randbytes(source.randrange(60)))
        try:
            wire.send(data)
            wire.socket.shutdown(1)
        except OSError:
            pass
        wire.closed()


def test_many_connections_at_once(proctor, database):
    """Sixty threads log in, ask and leave, ten times each."""
    failures = []

    def visit():
        try:
            for _ in range(10):
                connection = psycopg2.connect(proctor.dsn(database))
                connection.cursor().execute("SELECT 1")
                connection.close()
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=visit) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# -- a server that dies ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mortal(scratch):
    """A PostgreSQL of its own, since the others are shared."""
    directory = scratch / "mortal"
    directory.mkdir()
    os.chmod(directory, 0o755)
    server = harness.Postgres(directory, restart_after_crash="on", shared_buffers="16MB").start()
    yield server
    server.stop()


def outcome_of_sleep(mortal, server, kill):
    """What a client of that server, or of pgproctor before it, sees when its backend ends in the middle of a query."""
    connection = psycopg2.connect(server.dsn())
    pid = connection.info.backend_pid
    killer = mortal.when_sleeping(pid, kill, pid)
    with pytest.raises(psycopg2.Error) as caught:
        connection.cursor().execute("SELECT pg_sleep(60)")
    killer.join()
    connection.close()
    return type(caught.value).__name__, str(caught.value).strip()


def test_killed_backend(mortal, start_proctor):
    """kill -9 of a backend in the middle of a query: the client gets what it gets directly, the log a line, and when
    the server is back so is everything."""
    proctor = start_proctor(mortal, direct_ok=False)

    def kill(pid):
        os.kill(pid, signal.SIGKILL)

    # A postmaster that has not noticed yet still answers; after it has, there is another checkpointer.
    before = checkpointer(mortal)
    direct = outcome_of_sleep(mortal, mortal, kill)
    assert harness.wait_until(lambda: checkpointer(mortal) not in (before, None))
    through = outcome_of_sleep(mortal, proctor, kill)
    assert through == direct
    event = proctor.wait_for("disconnect", reason=lambda text: "server" in text)
    assert event["level"] == "warning" and event["database"] == "postgres"
    assert harness.wait_until(mortal_answers(proctor))


def test_terminated_backend(mortal, start_proctor):
    """pg_terminate_backend: the server's FATAL 57P01 reaches the client, and its SQLSTATE the log."""
    proctor = start_proctor(mortal, direct_ok=False)

    def terminate(pid):
        mortal.sql(f"SELECT pg_terminate_backend({pid})")

    assert outcome_of_sleep(mortal, proctor, terminate) == outcome_of_sleep(mortal, mortal, terminate)
    assert proctor.wait_for("disconnect", sqlstate="57P01")


def checkpointer(server):
    """Its process id, None while nobody can log in."""
    try:
        return server.sql("SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'")[0][0]
    except (psycopg2.Error, IndexError):
        return None


def mortal_answers(server):
    def answers():
        try:
            connection = psycopg2.connect(server.dsn())
            connection.cursor().execute("SELECT 1")
            connection.close()
            return True
        except psycopg2.Error:
            return False

    return answers

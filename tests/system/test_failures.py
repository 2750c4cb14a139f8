"""What is around pgproctor fails: the log's disk, the catalog's connection, the server, clients by the hundred."""

import os
import random
import socket
import struct
import time

import psycopg2
import pytest

import harness
from wire import Wire, error_of, message, startup


@pytest.fixture
def silent():
    """Accepts connections and never says a word; the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def answers(proctor, database):
    with psycopg2.connect(proctor.dsn(database)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 42")
        assert cursor.fetchone() == (42,)
    connection.close()


def test_log_on_a_full_disk(start_proctor, database):
    """Traffic goes on, and the end is clean."""
    proctor = start_proctor(direct_ok=False, settings={"logfile": "/dev/full", "slow_query": 0.001})
    for _ in range(20):
        answers(proctor, database)
    time.sleep(1.2)
    answers(proctor, database)
    assert proctor.stop() == 0


def test_catalog_that_never_answers(start_proctor, database, silent):
    """Statements are judged without it, and the stop doesn't wait for it."""
    proctor = start_proctor(
        direct_ok=False, databases={"*": f"host=127.0.0.1 port={silent} user=postgres"}, settings={"catalog_timeout": 30}
    )
    answers(proctor, database)
    time.sleep(0.5)
    answers(proctor, database)
    before = time.monotonic()
    assert proctor.stop() == 0
    assert time.monotonic() - before < 20


def test_server_that_never_answers(start_proctor, silent):
    """The client is told when the time to log in is over; half a log-in doesn't keep the stop waiting."""
    proctor = start_proctor(
        direct_ok=False, settings={"upstream": f"127.0.0.1:{silent}", "client_login_timeout": 1}, databases={}
    )
    patient = start_proctor(
        direct_ok=False,
        settings={"upstream": f"127.0.0.1:{silent}", "client_login_timeout": 60, "shutdown_timeout": 60},
        databases={},
    )
    before = time.monotonic()
    with Wire(proctor.host, proctor.port) as wire:
        wire.send(startup(user="postgres", database="postgres"))
        messages = wire.until(b"E")
        assert 0.9 < time.monotonic() - before < 20
        assert error_of(messages)["C"] == "08P01" and error_of(messages)["V"] == "FATAL"
    with Wire(patient.host, patient.port) as wire:
        wire.send(startup(user="postgres", database="postgres"))
        time.sleep(0.2)
        before = time.monotonic()
        assert patient.stop() == 0
        assert time.monotonic() - before < 20


def test_one_byte_at_a_time_before_log_in(start_proctor, database):
    """However busy it looks, the time to log in is counted from the start."""
    proctor = start_proctor(direct_ok=False, settings={"client_login_timeout": 1})
    with Wire(proctor.host, proctor.port) as wire:
        before = time.monotonic()
        with pytest.raises(OSError):
            for byte in startup(user="postgres", database=database, application_name="x" * 1000):
                wire.send(bytes([byte]))
                time.sleep(0.05)
        assert time.monotonic() - before < 30
    answers(proctor, database)


@pytest.mark.parametrize("seed", range(3))
def test_clients_that_break_off_anywhere(proctor, database, seed):
    """Three hundred of them, cut off at a random byte of a random conversation, by FIN or RST: no session is left
    behind, here or in the server, and the next client is served."""
    chance = random.Random(seed)
    conversation = (
        startup(user="postgres", database=database)
        + message(b"Q", b"SELECT 1\0")
        + message(b"P", b"s\0SELECT $1::text\0\0\0")
        + message(b"B", b"\0s\0\0\0\0\1\0\0\0\5hello\0\0")
        + message(b"E", b"\0\0\0\0\0")
        + message(b"S")
        + message(b"Q", b"CREATE TEMPORARY TABLE t (a int); COPY t FROM STDIN\0")
        + message(b"d", b"1\n") * 50
        + message(b"c")
        + message(b"Q", b"SELECT repeat('x', 100000) FROM generate_series(1, 50)\0")
        + message(b"Q", b"SELECT pg_sleep(0.2)\0")
    )
    wires = []
    for _ in range(300):
        wire = Wire(proctor.host, proctor.port)
        try:
            wire.send(conversation[: chance.randrange(len(conversation))])
            if chance.random() < 0.5:
                time.sleep(chance.random() / 100)
                wire.socket.settimeout(0.01)
                wire.socket.recv(chance.randrange(1, 65536))
        except (TimeoutError, ConnectionError):
            pass
        wires.append(wire)
        if len(wires) > 20:
            leave(wires.pop(chance.randrange(len(wires))), chance)
    for wire in wires:
        leave(wire, chance)
    answers(proctor, database)

    def gone():
        count = proctor.postgres.sql(
            f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND backend_type = 'client backend'"
            " AND application_name NOT LIKE 'pgproctor%'"
        )
        return count[0][0] == 0

    assert harness.wait_until(gone)
    assert harness.wait_until(lambda: proctor.events("stats")[-1]["sessions"] == 0)
    assert proctor.process.running()


def leave(wire, chance):
    if chance.random() < 0.5:
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


def test_few_descriptors(start_proctor, database, tmp_path):
    """ulimit -n 64: clients past it are refused in words, those inside go on, and the log says it once."""
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    limited = tmp_path / "limited"
    limited.write_text(f'#!/bin/sh\nulimit -n 64\nexec {binary} "$@"\n')
    limited.chmod(0o755)
    proctor = start_proctor(direct_ok=False, binary=limited)
    inside, refusals = [], []
    for _ in range(40):
        try:
            inside.append(psycopg2.connect(proctor.dsn(database)))
        except psycopg2.OperationalError as error:
            refusals.append(str(error))
    assert len(inside) > 5 and len(refusals) > 5
    assert all("no more connections allowed (file descriptors)" in text for text in refusals), refusals
    for connection in inside:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.close()
    harness.wait_until(lambda: len(proctor.events("disconnect", reason="client terminated")) == len(inside))
    answers(proctor, database)
    proctor.wait_for("warning", message="there are file descriptors again", refused=len(refusals))
    assert len(proctor.events("error")) == 1

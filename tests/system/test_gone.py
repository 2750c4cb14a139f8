"""A client that vanishes takes its work with it, as it would without pgproctor."""

import socket
import struct
import time

import psycopg2
import pytest

from harness import wait_until
from wire import Wire, kinds, message

RUNNING = "SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}' AND state = 'active'"


def running(postgres, name):
    return postgres.sql(RUNNING.format(name))[0][0] > 0


def busy(wire, database, name):
    """A server that works for long, and looks after its client meanwhile."""
    wire.login(database, application_name=name)
    assert kinds(wire.query("SET client_connection_check_interval = '100ms'")) == b"CZ"
    wire.send(message(b"Q", b"SELECT pg_sleep(120)\0"))


def fill(wire):
    """Sends until nothing more goes in: not even pgproctor reads."""
    wire.socket.settimeout(0.5)
    batch = message(b"Q", b"SELECT 1 -- " + b"x" * 60000 + b"\0") * 16
    with pytest.raises(TimeoutError):
        for _ in range(200):
            wire.socket.sendall(batch)


def reset(wire):
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.close()


@pytest.mark.parametrize("side", ["direct", "proctor", "enforcing"])
def test_gone_under_back_pressure(start_proctor, postgres, database, side):
    """It was not read any more when it went: that it has gone is seen all the same, and the server gets to know."""
    server = postgres
    if side != "direct":
        server = start_proctor(settings={"mode": "enforce"} if side == "enforcing" else {})
    name = f"gone {side}"
    wire = Wire(server.host, server.port)
    busy(wire, database, name)
    assert wait_until(lambda: running(postgres, name))
    fill(wire)
    assert running(postgres, name)
    reset(wire)
    assert wait_until(lambda: not running(postgres, name))


def test_still_there_under_back_pressure(proctor, postgres, database):
    """Nobody who waits is taken for gone."""
    holder = psycopg2.connect(postgres.dsn(database))
    with Wire(proctor.host, proctor.port) as wire:
        holder.cursor().execute("SELECT pg_advisory_lock(4711)")
        wire.login(database, application_name="patient")
        wire.send(message(b"Q", b"SELECT pg_advisory_lock(4711)\0"))
        fill(wire)
        time.sleep(2.5)
        assert running(postgres, "patient")
        holder.close()
        wire.socket.settimeout(30)
        assert kinds(wire.until(b"Z")) == b"TDCZ"
        assert kinds(wire.until(b"Z")) == b"TDCZ"

"""Sessions that say nothing for days live: pgproctor's clock is put forward by Debian's libfaketime, so that whatever timer of
its own is to end them does so at once. What the system does meanwhile, keepalive, it does by its own clock."""

import os
import select
import socket
import time
from pathlib import Path

import psycopg2
import pytest

from wire import Wire, kinds, message

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
DAYS = 30
SETTINGS = {"mode": "enforce", "client_login_timeout": 60, "tcp_keepidle": 1, "tcp_keepintvl": 1, "tcp_keepcnt": 1}


@pytest.mark.skipif(LIBRARY is None, reason="Debian's libfaketime is not installed")
@pytest.mark.skipif("PROCTOR_BINARY" in os.environ, reason="a sanitizer has to be loaded first")
def test_thirty_days(start_proctor, database, tmp_path):
    now = tmp_path / "now"
    now.write_text("+0")
    clock = {"LD_PRELOAD": str(LIBRARY), "FAKETIME_TIMESTAMP_FILE": str(now), "FAKETIME_NO_CACHE": "1"}
    proctor = start_proctor(direct_ok=False, settings=SETTINGS, environment=clock)

    def connect():
        connection = psycopg2.connect(proctor.dsn(database))
        connection.autocommit = True
        return connection

    listening, open_transaction, other = connect(), connect(), connect()
    listening.cursor().execute("LISTEN here")
    open_transaction.cursor().execute("BEGIN; CREATE TEMP TABLE kept (n int)")
    half = Wire(proctor.host, proctor.port)  # in the middle of a message
    half.login(database)
    query = message(b"Q", b"SELECT 6 * 7\0")
    half.send(query[:9])
    unread = socket.socket()  # with more to read than there is room for
    unread.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    unread.connect((proctor.host, proctor.port))
    slow = Wire.__new__(Wire)
    slow.socket, slow.received = unread, b""
    slow.login(database)
    slow.send(message(b"Q", b"SELECT repeat('x', 1000000) FROM generate_series(1, 20)\0"))
    working = Wire(proctor.host, proctor.port)  # waits for the server
    working.login(database)
    working.send(message(b"Q", b"SELECT pg_sleep(5)\0"))
    never = Wire(proctor.host, proctor.port)  # sends no start-up packet: this one's time is over
    time.sleep(0.5)

    now.write_text(f"+{DAYS}d")
    # Putting it forward wakes nobody who sleeps meanwhile, by the system's clock; somebody who comes by does, at each worker.
    visitors = [socket.create_connection((proctor.host, proctor.port)) for _ in range(2 * proctor.wait_for("started")["workers"])]
    assert never.closed() == b""
    proctor.wait_for("stats", uptime_s=lambda seconds: seconds and seconds > DAYS * 24 * 3600)
    time.sleep(2)

    other.cursor().execute("NOTIFY here, 'awake'")
    assert select.select([listening], [], [], 30)[0]
    listening.poll()
    assert [notify.payload for notify in listening.notifies] == ["awake"]
    open_transaction.cursor().execute("INSERT INTO kept VALUES (1); COMMIT; SELECT * FROM kept")
    half.send(query[9:])
    assert kinds(half.until(b"Z")) == b"TDCZ"
    assert kinds(slow.until(b"Z")) == b"T" + b"D" * 20 + b"CZ"
    assert kinds(working.until(b"Z")) == b"TDCZ"
    assert not proctor.events("disconnect") and not proctor.events("blind")
    for connection in (listening, open_transaction, other, half, slow, working, *visitors):
        connection.close()

"""A client that doesn't read costs no memory: back-pressure reaches the server."""

import struct
import time

import pytest

import stuck
from messages import E, P, Q, S, X, c
from play import Player, Send, Until, whole, login

ROWS, ROW_BYTES = 1000, 1024 * 1024
SECONDS = 10
GROWTH_KB_MAX = 1024


def measured(proctor):
    """It, if what it takes is its own."""
    if proctor.sanitized():
        pytest.skip("a sanitizer's memory is its own")
    return proctor


def test_a_gigabyte_for_a_client_that_does_not_read(modes, side, capsys):
    """1 GiB of rows, and ten seconds without a read: pgproctor grows by less than 1 MiB over what it took with the
    same session idle, then and while all of it is read at last; and all of it comes."""
    counted = stuck.counters()
    proctor = measured(modes.get("observe"))
    player = Player((proctor.host, proctor.port), whole, side)
    player.begin()
    for step in [*login(), Send(Q("SELECT 1")), Until("Z")]:
        player.step(step)
    time.sleep(0.5)
    idle = proctor.memory_kb()
    player.step(Send(Q(f"SELECT repeat('x', {ROW_BYTES}) FROM generate_series(1, {ROWS})")))
    waiting = 0
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        waiting = max(waiting, proctor.memory_kb())
        time.sleep(0.05)
    # The server is stopped in the middle of a write, not done.
    assert side(f"SELECT wait_event FROM pg_stat_activity WHERE pid = {player.pid}") == [("ClientWrite",)]

    reading, size, reads, end = 0, 0, 0, b""
    piece = bytearray(1 << 18)
    while not end.endswith(b"Z\0\0\0\5I"):
        try:
            count = player.connection.recv_into(piece)
        except TimeoutError:
            count = None
        if count is None:
            ports = {port for (port,) in side("SELECT client_port FROM pg_stat_activity WHERE client_port > 0")}
            ports |= {player.connection.getsockname()[1], proctor.port, proctor.postgres.port}
            why = stuck.told(player.connection, counted, ports, [proctor.process.child.pid, player.pid], side)
            pytest.fail(f"no byte came in time after {size} of them, in {reads} reads\n{why}", pytrace=False)
        assert count > 0
        size += count
        end = (end + bytes(piece[max(0, count - 6) : count]))[-6:]
        reads += 1
        if reads % 50 == 1:
            reading = max(reading, proctor.memory_kb())
    reading = max(reading, proctor.memory_kb())
    player.step(Send(X))
    player.connection.close()
    with capsys.disabled():
        print(f"\n  idle {idle} kB, not read for {SECONDS} s +{waiting - idle} kB, then read {size >> 20} MiB +{reading - idle} kB")
    assert size > ROWS * ROW_BYTES
    assert waiting - idle < GROWTH_KB_MAX
    assert reading - idle < GROWTH_KB_MAX


MESSAGE_BYTES = 256 << 20


@pytest.mark.parametrize("kind", ["CopyData", "Bind"])
def test_a_message_of_a_quarter_of_a_gigabyte(modes, side, capsys, kind):
    """One CopyData, or one Bind's value, of 256 MiB: it streams, and the server gets all of it."""
    proctor = measured(modes.get("enforce"))
    player = Player((proctor.host, proctor.port), whole, side)
    player.begin()
    for step in [*login(), Send(Q("CREATE TEMP TABLE long (value text)")), Until("Z")]:
        player.step(step)
    player.connection.settimeout(60)
    time.sleep(0.5)
    idle = most = proctor.memory_kb()
    if kind == "CopyData":
        player.step(Send(Q("COPY long FROM STDIN")))
        player.step(Until("G"))
        before, behind, after = b"", b"\n", c
    else:
        player.step(Send(P("INSERT INTO long VALUES ($1)")))
        before, behind, after = b"\0\0" + struct.pack("!HHi", 0, 1, MESSAGE_BYTES), b"\0\0", E() + S
    player.step(Send(kind[0].replace("C", "d").encode() + struct.pack("!i", 4 + len(before) + MESSAGE_BYTES + len(behind)) + before))
    piece = b"x" * (1 << 20)
    for number in range(MESSAGE_BYTES >> 20):
        player.connection.sendall(piece)
        if number % 16 == 0:
            most = max(most, proctor.memory_kb())
    player.step(Send(behind, after))
    player.step(Until("Z"))
    assert not any(kind == "E" for kind, *_ in player.transcript)
    player.step(Send(Q("SELECT length(value) FROM long")))
    player.step(Until("Z"))
    player.step(Send(X))
    player.connection.close()
    most = max(most, proctor.memory_kb())
    with capsys.disabled():
        print(f"\n  {kind} of {MESSAGE_BYTES >> 20} MiB: +{most - idle} kB")
    assert any(kind == "D" and body.endswith(str(MESSAGE_BYTES).encode()) for kind, body, *_ in player.transcript)
    assert most - idle < GROWTH_KB_MAX

"""Who sends faster than the other side takes is slowed down: pgproctor's memory stays what it was."""

import io
import socket
import threading

import psycopg2
import pytest

from wire import Wire, message

MEGABYTE = 1 << 20
# Two queues of a quarter of a megabyte, a ring of 65,536 requests, and what malloc keeps.
ROOM = 40 * MEGABYTE


@pytest.fixture(scope="module")
def proctor(start_proctor):
    return start_proctor(direct_ok=False)


@pytest.fixture
def memory(proctor):
    """The peak of its memory since the fixture began, less what it was then; in bytes."""
    proctor.forget_peak()
    before = proctor.memory_kb()

    def grown():
        value = (proctor.memory_kb("VmHWM") - before) * 1024
        print(f"{value / MEGABYTE:.1f} MB more than before")
        return value

    return grown


def connect(proctor, database, small=True):
    wire = Wire.__new__(Wire)
    wire.received = b""
    wire.socket = socket.socket()
    if small:
        # Little room in the kernel, so that the proxy's own queues are what fills.
        wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    wire.socket.settimeout(20)
    wire.socket.connect((proctor.host, proctor.port))
    wire.login(database)
    return wire


def test_a_million_queries_and_no_reader(proctor, database, memory):
    """The client is stopped long before its last query; what it has asked is answered, in order, as soon as it reads."""
    with connect(proctor, database) as wire:
        many = b"".join(message(b"Q", b"SELECT %d\0" % number) for number in range(1_000_000))
        wire.socket.settimeout(3)
        sent = 0
        with pytest.raises(TimeoutError):
            while sent < len(many):
                sent += wire.socket.send(many[sent : sent + 65536])
        assert 0 < sent < len(many) / 2
        assert memory() < ROOM
        wire.socket.settimeout(20)
        values = []
        while len(values) < 5000:
            kind, body = wire.message()
            if kind == b"D":
                values.append(int(body[6:]))
        assert values == list(range(5000))
        assert memory() < ROOM


def test_pipelined_parses_and_no_sync(proctor, database, memory):
    """The same for the extended protocol, where the server may keep its replies to itself."""
    with connect(proctor, database) as wire:
        one = message(b"P", b"\0SELECT 1\0\0\0") + message(b"B", b"\0\0\0\0\0\0\0\0") + message(b"E", b"\0\0\0\0\0")
        many = one * 30_000
        writer = threading.Thread(target=wire.socket.sendall, args=(many + message(b"S"),))
        writer.start()
        kinds = b"".join(kind or b"" for kind, _ in wire.until(b"Z"))
        writer.join()
        assert kinds == b"12DC" * 30_000 + b"Z"
        assert memory() < ROOM


def test_a_large_result_and_a_slow_reader(proctor, database, memory):
    """200 MB, of which the client reads little at first and then all."""
    with connect(proctor, database) as wire:
        wire.send(message(b"Q", b"SELECT repeat('x', 1000000) FROM generate_series(1, 200)\0"))
        for _ in range(20):
            wire.socket.recv(4096)
            threading.Event().wait(0.05)
        assert memory() < ROOM
        total, tail = 20 * 4096, b""
        while not tail.endswith(b"Z\0\0\0\5I"):
            piece = wire.socket.recv(1 << 20)
            assert piece
            total += len(piece)
            tail = (tail + piece)[-6:]
        assert total > 200_000_000
        assert memory() < ROOM


def test_copy_in_both_directions(proctor, database, memory):
    """100 MB in, with a server that has to write each row, and out again."""
    with psycopg2.connect(proctor.dsn(database)) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE copied (a int, b text)")
        row = "x" * 1000
        rows = io.StringIO("".join(f"{number}\t{row}\n" for number in range(100_000)))
        cursor.copy_expert("COPY copied FROM STDIN", rows)
        cursor.execute("SELECT count(*), sum(length(b)) FROM copied")
        assert cursor.fetchone() == (100_000, 100_000_000)

        class Count:
            bytes = 0

            def write(self, data):
                self.bytes += len(data)
                return len(data)

        count = Count()
        cursor.copy_expert("COPY copied TO STDOUT", count)
        assert count.bytes == len(rows.getvalue())
        assert memory() < ROOM
    connection.close()


def test_a_long_statement_from_many(proctor, database, memory):
    """A Query that does not come whole is kept as far as it has come, and no farther than what is judged: twenty
    clients with a megabyte less a byte each cost twenty of them; one that is too long is not kept at all."""
    wires = [connect(proctor, database, small=False) for _ in range(20)]
    for wire in wires:
        wire.send(message(b"Q", b"SELECT '" + b"x" * (MEGABYTE - 100) + b"'\0")[:-1])
    with connect(proctor, database, small=False) as wire:
        wire.query("SELECT '" + "x" * (30 * MEGABYTE) + "'")
        assert memory() < 20 * 2 * MEGABYTE + ROOM
    for wire in wires:
        wire.send(b"\0")
        assert any(kind == b"C" for kind, _ in wire.until(b"Z"))
        wire.close()

"""What only an odd server says gets to the client as it is: a test's own listener plays the server."""

import socket
import struct
import threading
import time

import pytest

import harness
from messages import P, Q, S, message, startup, string, version

HELLO = message("R", b"\0\0\0\0") + message("S", string("standard_conforming_strings") + string("on"))
READY = message("Z", b"I")
KEY = message("K", struct.pack("!II", 4711, 12345))
FATAL = message("E", b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0")
# What a postmaster says that can't start a process: a message of protocol 2, without a length.
NO_FORK = b"Ecould not fork new process for connection: Cannot allocate memory\n\0"


class OddServer:
    """Answers each connection with the same bytes: `first` to the start-up packet, `second` to what comes then; and
    closes, with `reset` by RST, with `stays` not before the client. Listens where a PostgreSQL would, so that harness.Proctor finds it."""

    def __init__(self, first, second=b"", reset=False, pieces=None, stays=False):
        self.first, self.second, self.reset, self.stays = first, second, reset, stays
        self.pieces = pieces or (lambda data: [data])
        self.received = b""
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.host, self.port = self.listener.getsockname()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                for answer in (self.first, self.second):
                    if not answer:
                        break
                    data = connection.recv(65536)
                    if not data:
                        break
                    self.received += data
                    for piece in self.pieces(answer):
                        connection.sendall(piece)
                        time.sleep(0.01)
                if self.stays:
                    connection.recv(65536)
                if self.reset:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def close(self):
        self.listener.close()


@pytest.fixture
def through(tmp_path):
    """Sends these to such a server through pgproctor; all that came back, and the server."""
    started = []

    def play(server, *sent, wait=()):
        proctor = harness.Proctor(server, tmp_path, databases={}, settings={"catalog": "host=127.0.0.1 port=1 user=nobody"}).start()
        started.append((server, proctor))
        received = b""
        with socket.create_connection((proctor.host, proctor.port), timeout=30) as client:
            for number, data in enumerate(sent):
                client.sendall(data)
                while number < len(wait) and not received.endswith(wait[number]):
                    received += client.recv(65536)
            while True:
                try:
                    data = client.recv(65536)
                except ConnectionResetError:
                    break
                if not data:
                    break
                received += data
        return received, proctor

    yield play
    for server, proctor in started:
        server.close()
        assert proctor.stop() == 0
        assert "Sanitizer" not in proctor.process.said() and "bug:" not in proctor.process.said()


PACKET = startup(user="alice", database="shop")


@pytest.mark.parametrize(
    "said",
    [NO_FORK, FATAL, FATAL + b"and more", b"E", b"E\0\0", b"", message("N", b"SWARNING\0Mold\0\0") + FATAL, b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    ids=["a text without a length", "FATAL", "bytes behind FATAL", "one byte", "half a header", "nothing", "a notice before it", "another protocol"],
)
def test_before_log_in(through, said):
    """Whatever it is that a server refuses with, the client gets each byte, then the end."""
    for cut in (lambda data: [data], lambda data: [data[at : at + 1] for at in range(len(data))][:80]):
        # With nothing to say it reads the packet, and closes.
        server = OddServer(said or b"unsaid", pieces=cut if said else lambda data: [])
        received, _ = through(server, PACKET)
        assert received == b"".join(cut(said))
        assert server.received == PACKET


@pytest.mark.parametrize("size", [4, 32, 256])
def test_keys_of_any_length(through, size):
    """BackendKeyData with a key of 4 to 256 bytes, and NegotiateProtocolVersion before all else."""
    packet = startup(user="alice", database="shop", code=version(3, 2))
    said = message("v", struct.pack("!II", version(3, 2), 0)) + HELLO + message("K", struct.pack("!I", 4711) + b"k" * size) + READY
    received, proctor = through(OddServer(said), packet)
    assert received == said
    assert not proctor.events("blind")


UNKNOWN = message("?", b"what nobody knows yet")


@pytest.mark.parametrize(
    "said",
    [
        UNKNOWN + message("C", string("SELECT 0")) + READY,
        message("I") + READY + message("S", string("some_new_setting") + string("on")) + message("N", b"SNOTICE\0\0"),
        message("C", string("SELECT 0"))[:7],
        b"T\0\0",
        message("E", b"SFATAL\0VFATAL\0C57P01\0Madministrator\0\0") + b"Z",
        READY + READY,
        message("D", b"\0\0\0\0") * 2 + b"D\0\0\0\1",
    ],
    ids=["an unknown message", "parameters and notices while idle", "half a message", "half a header", "FATAL and half a header", "ready twice", "a length that can't be"],
)
@pytest.mark.parametrize("asked", [Q("SELECT 1"), P("SELECT 1") + S], ids=["Query", "Parse"])
def test_behind_log_in(through, said, asked):
    """An answer that can't be followed goes on byte for byte, to the last before the server's end."""
    for cut in (lambda data: [data], lambda data: [data[at : at + 1] for at in range(len(data))]):
        beginning = HELLO + KEY + READY
        received, _ = through(OddServer(beginning, said, pieces=lambda data: [data] if data is beginning else cut(data)), PACKET, asked, wait=(READY,))
        assert received == beginning + said


@pytest.mark.parametrize("cut", [1, 4, 5, 6, 40])
def test_half_a_message(tmp_path, cut):
    """What a server has begun to say is the client's at once, without the rest."""
    row = message("D", b"\0\1\0\0\0\x40" + b"x" * 64)
    server = OddServer(HELLO + KEY + READY, row[:cut], stays=True)
    proctor = harness.Proctor(server, tmp_path, databases={}, settings={"catalog": "host=127.0.0.1 port=1 user=nobody"}).start()
    try:
        with socket.create_connection((proctor.host, proctor.port), timeout=30) as client:
            client.sendall(PACKET)
            received = b""
            while not received.endswith(READY):
                received += client.recv(65536)
            client.sendall(Q("SELECT 1"))
            begun = b""
            # Of a header only the whole says what the message is.
            while len(begun) < (cut if cut >= 5 else 0):
                begun += client.recv(65536)
            assert begun == row[: cut if cut >= 5 else 0]
    finally:
        server.close()
        assert proctor.stop() == 0


def test_reset(through):
    """RST instead of an end: what came before is the client's all the same."""
    received, _ = through(OddServer(HELLO + KEY + READY, message("E", b"SFATAL\0VFATAL\0C57P02\0Mcrash\0\0"), reset=True), PACKET, Q("SELECT 1"), wait=(READY,))
    assert received.startswith(HELLO + KEY + READY)


def test_a_protocol_to_come(through):
    """A newer minor than any known today, and its options, are the server's to answer."""
    packet = startup(("_pq_.future", "yes"), user="alice", database="shop", code=version(3, 77))
    said = message("v", struct.pack("!II", version(3, 2), 1) + string("_pq_.future")) + HELLO + KEY + READY
    server = OddServer(said)
    assert through(server, packet)[0] == said
    assert server.received == packet

"""Neither side ever takes all of what it is sent: sockets with little room, pieces of any size, both directions at once."""

import random
import select
import socket
import ssl
import struct
import time

from messages import B, E, P, S, SSL_REQUEST, Q, startup
from play import DATABASE, SECONDS, USER

VALUES = 500
ROOM_BYTES = 8192
AGAIN = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


def little_room(proctor, encryption):
    client = socket.socket()
    client.settimeout(SECONDS)
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        client.setsockopt(socket.SOL_SOCKET, buffer, ROOM_BYTES)
    client.connect((proctor.host, proctor.port))
    if encryption:
        client.sendall(SSL_REQUEST)
        assert client.recv(1) == b"S"
        client = ssl._create_unverified_context().wrap_socket(client)
    client.sendall(startup(user=USER, database=DATABASE))
    received = b""
    while not received.endswith(b"Z\0\0\0\5I"):
        received += client.recv(1000)
    client.setblocking(False)
    return client


def exchange(client, asked, chance):
    """Sends it all, reading meanwhile, as little at a time as comes into the mind; yields each answer's type and body."""
    piece = received = b""
    sent = 0
    deadline = time.monotonic() + 2 * SECONDS
    while time.monotonic() < deadline:
        if not getattr(client, "pending", int)():
            select.select([client], [client] if sent < len(asked) else [], [], 1)
        # TLS wants to be asked for the same piece again.
        piece = piece or asked[sent : sent + chance.randint(1, 30_000)]
        try:
            sent += client.send(piece)
            piece = b""
        except AGAIN:
            pass
        try:
            data = client.recv(chance.randint(1, 10_000))
            assert data, "an end"
            received += data
        except AGAIN:
            pass
        while len(received) >= 5 and len(received) > struct.unpack("!I", received[1:5])[0]:
            size = struct.unpack("!I", received[1:5])[0]
            yield chr(received[0]), received[5 : size + 1]
            received = received[size + 1 :]


def test_every_byte_comes_back(modes, leg):
    """Values of any length, pipelined, come back each as it was, in their order."""
    chance = random.Random(4711)
    values = []
    asked = P("SELECT $1::text", "echo")
    for number in range(VALUES):
        size = chance.choice((1, 10, 100, 1000, 8185, 16384, 100_000)) + chance.randint(0, 99)
        values.append(f"{number} {chance.getrandbits(size * 4):x}"[:size].encode())
        asked += B(values[-1], statement="echo") + E() + (S if chance.random() < 0.2 else b"")
    asked += S + Q("SELECT 'the end'")
    client = little_room(modes.get(leg[0]), leg[1])
    expected = iter(values)
    with client:
        for kind, body in exchange(client, asked, chance):
            assert kind in "12DCZT", (kind, body)
            if kind == "T":
                break
            if kind == "D":
                assert body[6:] == next(expected)
    assert next(expected, None) is None

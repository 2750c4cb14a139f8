"""A server and clients for thousands of idle sessions, which PostgreSQL itself would need gigabytes for: the stub lets
everybody in and answers each Query with an empty result at once, whatever it says.

    stub.py serve PORT
    stub.py replay PORT FILE    the statements of FILE, each ended by a zero byte, over eight sessions
    stub.py probe PORT          small queries between the lines "start" and "stop" of its input; then the slowest's ms
    stub.py burn 0              no session at all: works for as many ms as each line of its input says
"""

import os
import resource
import select
import selectors
import socket
import struct
import sys
import time


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


WELCOME = (
    message(b"R", struct.pack("!I", 0))
    + b"".join(message(b"S", name + b"\0" + value + b"\0") for name, value in [
        (b"application_name", b""), (b"client_encoding", b"UTF8"), (b"DateStyle", b"ISO, MDY"),
        (b"default_transaction_read_only", b"off"), (b"in_hot_standby", b"off"), (b"integer_datetimes", b"on"),
        (b"IntervalStyle", b"postgres"), (b"is_superuser", b"on"), (b"server_encoding", b"UTF8"),
        (b"server_version", b"15.0"), (b"session_authorization", b"postgres"),
        (b"standard_conforming_strings", b"on"), (b"TimeZone", b"UTC")])
    + message(b"K", struct.pack("!II", 1, 1))
    + message(b"Z", b"I")
)
ANSWER = message(b"C", b"SELECT 0\0") + message(b"Z", b"I")


def allow_descriptors(wanted):
    """How many there may be: as many as wanted where root may raise the limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except (ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def serve(port):
    allow_descriptors(20000)
    selector = selectors.DefaultSelector()
    listener = socket.create_server(("127.0.0.1", port), backlog=4096)
    listener.setblocking(False)
    selector.register(listener, selectors.EVENT_READ, None)
    while True:
        for key, _ in selector.select():
            if key.data is None:
                client, _ = listener.accept()
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                selector.register(client, selectors.EVENT_READ, Session(client))
            elif not key.data.read():
                selector.unregister(key.fileobj)
                key.fileobj.close()


class Session:
    def __init__(self, client):
        self.client = client
        self.started = False
        self.header = b""
        self.left = 0  # of the message under way

    def read(self):
        try:
            data = self.client.recv(262144)
        except OSError:
            return False
        if not data:
            return False
        if not self.started:
            # One packet at a time: the clients here send nothing before they are in.
            self.started = True
            self.client.sendall(WELCOME)
            return True
        while data:
            if self.left == 0:
                self.header, data = self.header + data[: 5 - len(self.header)], data[5 - len(self.header):]
                if len(self.header) < 5:
                    return True
                self.left = struct.unpack("!I", self.header[1:])[0] - 4
            taken = min(self.left, len(data))
            self.left -= taken
            data = data[taken:]
            if self.left == 0:
                if self.header[:1] == b"Q":
                    self.client.sendall(ANSWER)
                self.header = b""
        return True


class Client:
    """A session that speaks just enough of the protocol to be one."""

    def __init__(self, port, host="127.0.0.1", timeout=30):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = struct.pack("!I", 196608) + b"user\0postgres\0database\0postgres\0\0"
        self.socket.sendall(struct.pack("!I", len(body) + 4) + body)
        self.until_ready()

    def until_ready(self):
        data = b""
        while not data.endswith(b"Z\0\0\0\5I"):
            piece = self.socket.recv(262144)
            if not piece:
                raise OSError("the session was closed")
            data = data[-16:] + piece

    def query(self, sql):
        self.socket.sendall(message(b"Q", sql + b"\0"))
        self.until_ready()

    def close(self):
        self.socket.close()


def probe(port):
    client = Client(port)
    print("ready", flush=True)
    # Unbuffered: a line that Python has read ahead would not wake select.
    while os.read(0, 6) == b"start\n":
        slowest = 0.0
        while not select.select([0], [], [], 0)[0]:
            began = time.perf_counter()
            client.query(b"SELECT 1")
            slowest = max(slowest, time.perf_counter() - began)
        os.read(0, 5)
        print(slowest * 1000, flush=True)
    client.close()


def burn(_):
    for line in sys.stdin:
        end = time.perf_counter() + float(line) / 1000
        while time.perf_counter() < end:
            pass
        print("burnt", flush=True)


def replay(port, path, sessions=8):
    """Each session sends its next statement as soon as the one before is answered."""
    with open(path, "rb") as file:
        statements = iter(file.read().split(b"\0")[:-1])
    selector = selectors.DefaultSelector()
    clients = [Client(port) for _ in range(sessions)]
    for client in clients:
        selector.register(client.socket, selectors.EVENT_READ, client)
        client.socket.sendall(message(b"Q", next(statements) + b"\0"))
    waiting = sessions
    while waiting > 0:
        for key, _ in selector.select():
            key.data.until_ready()
            sql = next(statements, None)
            if sql is None:
                waiting -= 1
            else:
                key.data.socket.sendall(message(b"Q", sql + b"\0"))
    for client in clients:
        client.close()


if __name__ == "__main__":
    {"serve": serve, "replay": replay, "probe": probe, "burn": burn}[sys.argv[1]](int(sys.argv[2]), *sys.argv[3:])

"""PostgreSQL's protocol on a bare socket, for what no driver would send."""

import socket
import struct


class Wire:
    def __init__(self, host, port, timeout=30):
        self.socket = socket.create_connection((host, port), timeout=timeout)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def closed(self):
        """Reads to the end and returns what still came; fails by time-out when the other side keeps it open."""
        data, self.received = self.received, b""
        try:
            while True:
                piece = self.socket.recv(65536)
                if not piece:
                    return data
                data += piece
        except ConnectionError:
            return data

    def login(self, database="postgres", user="postgres", **parameters):
        self.send(startup(database=database, user=user, **parameters))
        return self.until(b"Z")

    def message(self):
        """The next message, its type and its body; (None, b"") at the end."""
        header = self._take(5)
        if len(header) < 5:
            return None, b""
        return header[:1], self._take(struct.unpack("!I", header[1:])[0] - 4)

    def until(self, kind):
        """All messages up to the first of that kind, or to the end."""
        messages = []
        while True:
            messages.append(self.message())
            if messages[-1][0] in (kind, None):
                return messages

    def query(self, text):
        self.send(message(b"Q", text.encode() + b"\0"))
        return self.until(b"Z")

    def _take(self, size):
        try:
            while len(self.received) < size:
                piece = self.socket.recv(65536)
                if not piece:
                    break
                self.received += piece
        except ConnectionError:
            pass
        data, self.received = self.received[:size], self.received[size:]
        return data


def message(kind, body=b""):
    return kind + struct.pack("!I", len(body) + 4) + body


def startup(**parameters):
    body = struct.pack("!I", 0x00030000)
    for name, value in parameters.items():
        body += name.encode() + b"\0" + value.encode() + b"\0"
    body += b"\0"
    return struct.pack("!I", len(body) + 4) + body


def error_of(messages):
    """The fields of the first ErrorResponse, by their letter, or None; what is not UTF-8 escaped."""
    for kind, body in messages:
        if kind == b"E":
            return {field[:1].decode(): field[1:].decode(errors="backslashreplace") for field in body.split(b"\0") if field}
    return None


def kinds(messages):
    return b"".join(kind or b"" for kind, _ in messages)

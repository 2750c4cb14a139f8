"""SCRAM-SHA-256 on a raw socket, for what no driver sends."""

import base64
import hashlib
import hmac
import socket
import struct
import time


class Scram:
    """A SCRAM client of the test's own, on a raw socket, that can be wrong."""

    def __init__(self, proctor, user="alice", database="postgres", minor=0):
        self.socket = socket.create_connection(("127.0.0.1", proctor.port), timeout=30)
        body = struct.pack("!HH", 3, minor) + b"user\0" + user.encode() + b"\0database\0" + database.encode() + b"\0\0"
        self.socket.sendall(struct.pack("!i", len(body) + 4) + body)

    def message(self):
        head = self.exactly(5)
        return head[:1], self.exactly(struct.unpack("!i", head[1:])[0] - 4)

    def exactly(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            assert piece, f"the end after {data}"
            data += piece
        return data

    def say(self, body, kind=b"p", slowly=False):
        packet = kind + struct.pack("!i", len(body) + 4) + body
        for piece in [bytes([byte]) for byte in packet] if slowly else [packet]:
            self.socket.sendall(piece)
            time.sleep(0.002 if slowly else 0)

    def first(self, text=b"n,,n=,r=abcdef", mechanism=b"SCRAM-SHA-256", slowly=False):
        self.say(mechanism + b"\0" + struct.pack("!i", len(text)) + text, slowly=slowly)

    def prove(self, challenge, password, bare=b"n=,r=abcdef", header=b"biws", slowly=False):
        fields = dict(part.split(b"=", 1) for part in challenge.split(b","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields[b"s"]), int(fields[b"i"]))
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        final = b"c=" + header + b",r=" + fields[b"r"]
        signed = b",".join([bare, challenge, final])
        signature = hmac.digest(hashlib.sha256(client_key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.say(final + b",p=" + base64.b64encode(proof), slowly=slowly)
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        return base64.b64encode(hmac.digest(server_key, signed, "sha256"))

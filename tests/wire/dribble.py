"""A server that answers one byte at a time: stands between pgproctor and PostgreSQL, passes requests on as they come
and the bytes of an answer by themselves, waiting until pgproctor has read each."""

import random
import socket
import threading

from play import BYTEWISE_MAX, send_pieces


class Dribble:
    port = 5432

    def __init__(self, server, directory):
        self.server = server
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(f"{directory}/.s.PGSQL.{self.port}")
        self.listener.listen(50)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.socket(socket.AF_UNIX)
            try:
                far.connect(self.server)
            except OSError:
                near.close()
                continue
            requests = threading.Thread(target=self.relay, args=(near, far, 1 << 20), daemon=True)
            answers = threading.Thread(target=self.relay, args=(far, near, 1), daemon=True)
            requests.start()
            answers.start()
            threading.Thread(target=self.close_both, args=(near, far, requests, answers), daemon=True).start()

    def relay(self, source, target, size):
        generator = random.Random(size)
        try:
            while data := source.recv(1 << 16):
                # All of every answer would take minutes: of a long one only the beginning is cut so, and of the
                # start-up's, which is always the same, nothing.
                bytewise = BYTEWISE_MAX if len(data) < 2 * BYTEWISE_MAX else BYTEWISE_MAX // 10
                if data[:1] == b"R":
                    bytewise = 0
                at = 0
                while at < len(data):
                    piece = size if at < bytewise else generator.randint(1, max(2, len(data) // 10))
                    send_pieces(target, [data[at : at + piece], b""])
                    at += piece
        except (OSError, ValueError):
            pass  # closed meanwhile
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    @staticmethod
    def close_both(near, far, requests, answers):
        answers.join()
        # The server has closed: what it closes on may still be sending.
        near.close()
        far.close()


class Recorder(Dribble):
    """Stands there as well, cuts nothing, and keeps what each connection sends to the server."""

    def __init__(self, server, directory):
        super().__init__(server, directory)
        self.requests = []

    def relay(self, source, target, size):
        received = bytearray()
        if size > 1:
            self.requests.append(received)
        try:
            while data := source.recv(1 << 16):
                received += data
                target.sendall(data)
        except OSError:
            pass  # closed meanwhile
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass

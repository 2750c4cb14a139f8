"""TLS on a script's connection, with what comes and goes in its own hands: records as large as what is sent, their bytes
in as many pieces as wanted, and an end by close_notify."""

import random
import select
import ssl

from messages import SSL_REQUEST

WAYS = ("asked", "direct", "shredded")
READ_BYTES = 1 << 16


class Encrypted:
    """What `play` needs of a socket. `asked` begins with SSLRequest, `direct` with a ClientHello; `shredded` is asked for,
    too, and cuts the encrypted bytes as they are sent."""

    def __init__(self, connection, way):
        self.socket, self.way = connection, way
        self.family = connection.family
        self.generator = random.Random(way)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.ahead = None  # received by asking whether there is anything
        self.held = False
        self.ended = None
        if way != "direct":
            connection.sendall(SSL_REQUEST)
            answer = connection.recv(1)
            if answer != b"S":
                raise ConnectionError(f"the answer to SSLRequest is {answer}")
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["postgresql"])
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        while not self.step(self.tls.do_handshake):
            self.feed()

    def sendall(self, data):
        if data:
            self.tls.write(data)
        self.flush()

    def recv(self, size):
        """Nothing at the end, whether TLS says it or only TCP: `ended` tells which."""
        while self.ahead is None:
            self.ahead = self.decrypted(size)
            if self.ahead is None:
                self.feed()
        data, self.ahead = self.ahead, None
        return data

    def readable(self, seconds):
        """Whether there is something to receive, be it the end."""
        while self.ahead is None:
            self.ahead = self.decrypted(READ_BYTES)
            if self.ahead is None and not select.select([self.socket], [], [], seconds)[0]:
                return False
            if self.ahead is None:
                self.feed()
        return True

    def hold(self):
        """What is sent stays here until the end."""
        self.held = True

    def shutdown(self, how):
        self.held = False
        # What is here already would be dropped, as coming too late.
        while self.incoming.pending and (data := self.decrypted(READ_BYTES)):
            self.ahead = (self.ahead or b"") + data
        self.step(self.tls.unwrap)
        self.flush()
        self.socket.shutdown(how)

    def close(self):
        self.socket.close()

    def settimeout(self, seconds):
        self.socket.settimeout(seconds)

    def setsockopt(self, *option):
        self.socket.setsockopt(*option)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()

    # -- helpers --

    def step(self, function):
        """Whether TLS could do that with the bytes that are here; sends what it wants sent."""
        try:
            function()
            done = True
        except ssl.SSLWantReadError:
            done = False
        except ssl.SSLError:
            # Only at the end: a close_notify that finds data still unread.
            done = True
        self.flush()
        return done

    def decrypted(self, size):
        if self.ended:
            return b""
        try:
            data = self.tls.read(size)
        except ssl.SSLWantReadError:
            return None
        except ssl.SSLZeroReturnError:
            data = b""
        except ssl.SSLEOFError:
            self.ended = "end without close_notify"
            return b""
        if not data:
            self.ended = "end"
        return data

    def feed(self):
        data = self.socket.recv(READ_BYTES)
        if data:
            self.incoming.write(data)
        else:
            self.incoming.write_eof()

    def flush(self):
        if self.held:
            return
        data = self.outgoing.read()
        at = 0
        while at < len(data):
            size = self.generator.randint(1, max(30, len(data) // 30)) if self.way == "shredded" else len(data)
            self.socket.sendall(data[at : at + size])
            at += size

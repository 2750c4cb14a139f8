"""What a connection with TLS goes through: cancels, resets, bulk data, certificates read anew, and what is no TLS's."""

import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import psycopg2
import pytest

import harness
import wire
from encryption import ask, connect, openssl
from encryption import certificates, needs_binary, proctor_of, secure  # fixtures
from wire import message


@pytest.mark.parametrize("client, server", [("require", "require"), ("disable", "require"), ("require", "disable")])
def test_cancel(proctor_of, secure, certificates, client, server):
    """A cancel reaches the server over TLS, and also in the clear where TLS is demanded: libpq before 17 sends it so."""
    proctor = proctor_of(client, server)
    connection = connect(proctor, certificates, sslmode="prefer")
    canceller = secure.when_sleeping(connection.info.backend_pid, connection.cancel)
    with pytest.raises(psycopg2.errors.QueryCanceled):
        ask(connection, "SELECT pg_sleep(60)")
    canceller.join()
    assert ask(connection, "SELECT 1") == 1


def test_cancel_inside_tls(proctor_of, certificates):
    """As libpq 17 sends it: encrypted; the end comes, with close_notify, after the server's."""
    proctor = proctor_of("require", "require")
    connection = connect(proctor, certificates, sslmode="require")
    with socket.create_connection(("127.0.0.1", proctor.port)) as raw:
        raw.sendall(struct.pack("!ii", 8, 80877103))
        assert raw.recv(1) == b"S"
        context = ssl._create_unverified_context()
        with context.wrap_socket(raw, suppress_ragged_eofs=False) as client:
            client.sendall(struct.pack("!iiii", 16, 80877102, connection.info.backend_pid, 12345))
            assert client.recv(1) == b""
    assert ask(connection, "SELECT 1") == 1


@pytest.mark.parametrize("encrypted", [False, True])
@pytest.mark.parametrize("size", [4, 5, 32, 256])
def test_cancel_keys(postgres, certificates, tmp_path, size, encrypted):
    """A cancel reaches the server as it came, whatever the length of its key, and the client reads the end only when the
    server has closed: it would else send what the cancel then hits."""
    cancel = struct.pack("!iii", 12 + size, 80877102, 4711) + bytes(range(256))[:size]
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        settings = {
            "client_tls_sslmode": "prefer", "client_tls_key_file": certificates / "server.key",
            "client_tls_cert_file": certificates / "server.crt", "upstream": f"127.0.0.1:{listener.getsockname()[1]}",
        }
        proctor = harness.Proctor(postgres, tmp_path, settings, databases={}).start()
        listener.accept()[0].close()
        client = socket.create_connection(("127.0.0.1", proctor.port))
        if encrypted:
            client.sendall(struct.pack("!ii", 8, 80877103))
            assert client.recv(1) == b"S"
            client = ssl._create_unverified_context().wrap_socket(client, suppress_ragged_eofs=False)
        client.sendall(cancel)
        accepted, _ = listener.accept()
        accepted.settimeout(30)
        received = b""
        while len(received) < len(cancel) and (piece := accepted.recv(1000)):
            received += piece
        assert received == cancel
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        accepted.close()
        client.settimeout(30)
        assert client.recv(1) == b""
        client.close()
        assert proctor.stop() == 0


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def test_reset_in_every_state(proctor_of, certificates, secure):
    """Wherever a client breaks off, by RST or by an end without a word, everything of it goes, in pgproctor and in the
    server, and others are served."""
    proctor = proctor_of("prefer", "allow")
    request = struct.pack("!ii", 8, 80877103)
    start, password = wire.startup(user="postgres", database="postgres"), wire.startup(user="tlsonly", database="postgres")
    query, copy = message(b"Q", b"SELECT pg_sleep(0.2)\0"), message(b"Q", b"COPY pg_class TO STDOUT\0")
    tls = direct(proctor, ["postgresql"])
    hello = ssl.MemoryBIO()
    half = ssl._create_unverified_context().wrap_bio(ssl.MemoryBIO(), hello)
    with pytest.raises(ssl.SSLWantReadError):
        half.do_handshake()
    hello = hello.read()
    reset(tls)
    begun = proctor.descriptors()

    def clear(*steps):
        return "clear", steps

    states = [
        clear(), clear(b"\0"), clear(b"\0\0\0"), clear(request), clear(request, 1), clear(request, 1, hello[:20]), clear(request, 1, hello),
        clear(request, 1, hello, 5), clear(hello[:1]), clear(hello), clear(start[:8]), clear(start[:-1]), clear(start), clear(start, 1), clear(password, 9),
        clear(password, 9, message(b"p", b"SCRAM-SHA-256\0")[:7]), clear(start, "Z"), clear(start, "Z", b"Q\0"), clear(start, "Z", query[:9]),
        clear(start, "Z", query), clear(start, "Z", copy), clear(start, "Z", copy, 100), clear(start, "Z", message(b"Q", b"BEGIN\0"), 5),
        clear(start, "Z", message(b"Q", b"COPY pg_class FROM STDIN\0"), 5), clear(start, "Z", message(b"X")), clear(struct.pack("!iiii", 16, 80877102, 1, 1)),
        ("TLS", ()), ("TLS", (start[:5],)), ("TLS", (start,)), ("TLS", (start, "Z")), ("TLS", (start, "Z", query[:9])), ("TLS", (start, "Z", query)),
        ("TLS", (start, "Z", copy, 100)), ("TLS", (password, 9)), ("TLS", (struct.pack("!iiii", 16, 80877102, 1, 1),)),
    ]
    for how in (reset, socket.socket.close):
        for kind, steps in states:
            client = direct(proctor, ["postgresql"]) if kind == "TLS" else socket.create_connection(("127.0.0.1", proctor.port))
            client.settimeout(30)
            for step in steps:
                if isinstance(step, bytes):
                    client.sendall(step)
                elif step == "Z":
                    received = b""
                    while not received.endswith(b"Z\0\0\0\5I"):
                        received += client.recv(1000)
                else:
                    for _ in range(step):
                        assert client.recv(1)
            how(client)
        connection = connect(proctor, certificates, sslmode="require", channel_binding="disable")
        assert ask(connection, "SELECT 1") == 1
        connection.close()
    assert harness.wait_until(lambda: proctor.descriptors() <= begun), (proctor.descriptors(), begun)
    assert harness.wait_until(
        lambda: secure.sql("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'") == [(1,)], 20
    )


def direct(proctor, alpn):
    context = ssl._create_unverified_context()
    if alpn:
        context.set_alpn_protocols(alpn)
    raw = socket.create_connection(("127.0.0.1", proctor.port))
    return context.wrap_socket(raw)


def test_direct_tls(proctor_of, certificates):
    """A ClientHello as the first bytes works with ALPN `postgresql`, and with nothing else."""
    proctor = proctor_of("prefer", "require")
    with direct(proctor, ["http/1.1", "postgresql"]) as client:
        assert client.selected_alpn_protocol() == "postgresql"
        client.sendall(wire.startup(user="postgres", database="postgres"))
        assert client.recv(1) == b"R"
    with pytest.raises(ssl.SSLError):
        direct(proctor, ["http/1.1"]).recv(1)
    with direct(proctor, None) as client:
        client.sendall(wire.startup(user="postgres", database="postgres"))
        assert client.recv(1) == b""
    off = proctor_of("disable", "require")
    with pytest.raises((ssl.SSLError, ConnectionError)):
        direct(off, ["postgresql"])


def test_clear_bytes_behind_the_request(proctor_of, certificates):
    """What is sent along with an SSLRequest is never taken for encrypted: CVE-2021-23214."""
    proctor = proctor_of("prefer", "disable")
    with socket.create_connection(("127.0.0.1", proctor.port)) as client:
        client.sendall(struct.pack("!ii", 8, 80877103) + wire.startup(user="postgres", database="postgres"))
        received = b""
        while piece := client.recv(1000):
            received += piece
        assert b"unencrypted data after SSL request" in received and b"08P01" in received


@pytest.mark.parametrize("answer", [b"SX", b"NX", b"E\0\0\0\x20SFATAL\0"])
def test_clear_bytes_behind_the_answer(postgres, certificates, tmp_path, answer):
    """What a server sends behind its answer ends the connection: CVE-2021-23222. The client is told."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        settings = {"server_tls_sslmode": "prefer", "upstream": f"127.0.0.1:{listener.getsockname()[1]}"}
        proctor = harness.Proctor(postgres, tmp_path, settings, databases={}).start()
        seen = []

        def serve():
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                request = accepted.recv(100)
                if not request:
                    continue
                accepted.sendall(answer)
                try:
                    while piece := accepted.recv(1000):
                        request += piece
                except ConnectionError:
                    pass
                seen.append(request)

        threading.Thread(target=serve, daemon=True).start()
        with pytest.raises(psycopg2.OperationalError, match="SSL request"):
            connect(proctor, certificates, "postgres")
        assert harness.wait_until(lambda: seen) and set(seen) == {struct.pack("!ii", 8, 80877103)}
        assert proctor.stop() == 0


def test_bulk(proctor_of, certificates):
    """100 MB by COPY, in and out, arrive as they were sent; a reader that stops doesn't make pgproctor grow."""
    proctor = proctor_of("require", "require")
    connection = connect(proctor, certificates, sslmode="require")
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMP TABLE bulk (n int, t text)")

        class Rows:
            def __init__(self):
                self.n, self.rest = 0, b""

            def read(self, size):
                while len(self.rest) < size and self.n < 100_000:
                    self.rest += b"%d\t%s\n" % (self.n, b"%07d" % self.n * 150)
                    self.n += 1
                piece, self.rest = self.rest[:size], self.rest[size:]
                return piece

        cursor.copy_expert("COPY bulk FROM STDIN", Rows())
        cursor.execute("SELECT count(*), sum(length(t)), bool_and(t = repeat(lpad(n::text, 7, '0'), 150)) FROM bulk")
        assert cursor.fetchone() == (100_000, 105_000_000, True)

        class Sink:
            size = 0
            slow = True

            def write(self, data):
                if self.slow and self.size > 1_000_000:
                    time.sleep(1)
                    self.slow = False
                    self.resident_kb = proctor.memory_kb()
                self.size += len(data)

        sink = Sink()
        before_kb = proctor.memory_kb()
        cursor.copy_expert("COPY bulk TO STDOUT", sink)
        assert sink.size == 105_000_000 + sum(len(str(n)) + 2 for n in range(100_000))
        assert proctor.sanitized() or sink.resident_kb - before_kb < 4096


def shown(proctor):
    """The certificate that pgproctor shows now."""
    with direct(proctor, ["postgresql"]) as client:
        return client.getpeercert(binary_form=True)


def test_reload(proctor_of, certificates, tmp_path):
    """SIGHUP reads certificates anew, for new connections; a bad file changes nothing and is told."""
    for name in ("crt", "key"):
        (tmp_path / f"own.{name}").write_bytes((certificates / f"server.{name}").read_bytes())
    proctor = proctor_of(
        "prefer", "require",
        client_tls_cert_file=tmp_path / "own.crt", client_tls_key_file=tmp_path / "own.key",
    )
    connection = connect(proctor, certificates, sslmode="require", channel_binding="disable")
    first = shown(proctor)
    for name in ("crt", "key"):
        (tmp_path / f"own.{name}").write_bytes((certificates / f"other.{name}").read_bytes())
    proctor.process.child.send_signal(signal.SIGHUP)
    proctor.wait_for("reloaded")
    assert harness.wait_until(lambda: shown(proctor) != first)
    second = shown(proctor)
    assert ask(connection, "SELECT 1") == 1
    (tmp_path / "own.key").write_text("nonsense")
    proctor.process.child.send_signal(signal.SIGHUP)
    event = proctor.wait_for("warning", message=lambda text: "stay as they were" in text)
    assert "own.key" in event["message"] and "nonsense" not in event["message"]
    assert shown(proctor) == second
    assert ask(connection, "SELECT 1") == 1


@pytest.mark.parametrize(
    "settings, expected",
    [
        (["client_tls_sslmode = require"], "client_tls_key_file"),
        (["client_tls_sslmode = sometimes"], "verify-full"),
        (["client_tls_sslmode = require", "client_tls_key_file = /none", "client_tls_cert_file = /none"], "No such file"),
        (["server_tls_sslmode = verify-full"], "server_tls_ca_file"),
        (["server_tls_sslmode = require", "server_tls_protocols = tlsv9"], "server_tls_protocols"),
    ],
)
def test_mistakes(tmp_path, settings, expected):
    """One line, and nothing is started."""
    path = tmp_path / "pgproctor.ini"
    path.write_text("\n".join(["[pgproctor]", f"listen_port = {harness.free_port()}", *settings]) + "\n")
    binary = harness.os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    done = subprocess.run([binary, "serve", "--config", path], capture_output=True, text=True, timeout=200)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1 and expected in done.stderr


def test_close_notify(proctor_of, certificates):
    """The end of a session is announced to both sides: the server has nothing to complain about, nor has the client."""
    proctor = proctor_of("require", "require")
    with direct(proctor, ["postgresql"]) as client:
        client.suppress_ragged_eofs = False
        client.sendall(wire.startup(user="postgres", database="postgres"))
        received = b""
        while not received.endswith(b"Z\0\0\0\5I"):
            received += client.recv(1000)
        client.sendall(b"X\0\0\0\4")
        assert client.recv(1) == b""
    raw = direct(proctor, ["postgresql"])
    raw.sendall(wire.startup(user="postgres", database="postgres"))
    assert raw.recv(1) == b"R"
    # Without one: as good as an end.
    socket.socket.shutdown(raw, socket.SHUT_WR)
    raw.close()
    assert harness.wait_until(lambda: len(proctor.events("disconnect")) >= 2)
    assert "SSL error" not in proctor.postgres.process.said()


def test_no_renegotiation(proctor_of, certificates):
    """A client that renegotiates gets nowhere."""
    proctor = proctor_of("prefer", "disable", client_tls_protocols="tlsv1.2")
    done = subprocess.run(
        ["openssl", "s_client", "-starttls", "postgres", "-connect", f"127.0.0.1:{proctor.port}"],
        input="R\n", capture_output=True, text=True, timeout=200,
    )
    assert "no renegotiation" in done.stdout + done.stderr

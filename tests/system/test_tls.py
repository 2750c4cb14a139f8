"""TLS on either side: what each sslmode gives, every way to log in, cancels, bulk data, and certificates read anew."""

import re
import signal
import socket
import ssl
import struct
import subprocess
import threading
import time

import psycopg2
import psycopg2.extras
import pytest

import harness
import wire
from scram import Scram
from wire import Wire, kinds, message, startup

PASSWORD = "correct horse"
HBA = """
local all all trust
host all postgres 127.0.0.1/32 trust
host all scram 127.0.0.1/32 scram-sha-256
host all md5 127.0.0.1/32 md5
host all clear 127.0.0.1/32 password
hostssl all client 127.0.0.1/32 cert
hostnossl all nossl 127.0.0.1/32 trust
hostssl all tlsonly 127.0.0.1/32 scram-sha-256
hostssl replication tlsonly 127.0.0.1/32 scram-sha-256
host replication scram 127.0.0.1/32 scram-sha-256
"""
MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


@pytest.fixture(autouse=True)
def needs_binary(request):
    if request.config.getoption("--direct"):
        pytest.skip("needs pgproctor")


def openssl(directory, *arguments):
    subprocess.run(["openssl", *arguments], cwd=directory, check=True, capture_output=True)


def make_certificate(directory, name, signed=True, file=None):
    """NAME.key and NAME.crt (or FILE.…), for localhost and 127.0.0.1."""
    file = file or name
    new = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", f"/CN={name}", "-keyout", f"{file}.key"]
    if not signed:
        openssl(directory, "req", "-x509", *new, "-days", "2", "-out", f"{file}.crt")
        return
    openssl(directory, "req", "-new", *new, "-out", f"{file}.csr")
    (directory / "san").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1")
    authority = ["-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial"]
    openssl(directory, "x509", "-req", "-days", "2", "-in", f"{file}.csr", *authority, "-extfile", "san", "-out", f"{file}.crt")


@pytest.fixture(scope="module")
def certificates(scratch):
    directory = scratch / "tls"
    directory.mkdir()
    make_certificate(directory, "authority", signed=False, file="ca")
    for name in ("server", "client", "other"):
        make_certificate(directory, name)
    return directory


@pytest.fixture(scope="module")
def secure(scratch, certificates):
    """A PostgreSQL with ssl = on and all ways to log in."""
    place = scratch / "secure"
    place.mkdir()
    place.chmod(0o755)
    postgres = harness.Postgres(place)
    key = place / "server.key"
    key.write_bytes((certificates / "server.key").read_bytes())
    key.chmod(0o600)
    if postgres.owner:
        harness.os.chown(key, postgres.owner.pw_uid, postgres.owner.pw_gid)
    postgres.settings.update(
        ssl="on",
        ssl_cert_file=certificates / "server.crt",
        ssl_key_file=key,
        ssl_ca_file=certificates / "ca.crt",
        shared_buffers="32MB",
        log_connections="on",
        wal_level="replica",
        max_wal_senders=4,
    )
    try:
        postgres.start()
        for name, encryption in (("scram", "scram-sha-256"), ("md5", "md5"), ("clear", "scram-sha-256"), ("tlsonly", "scram-sha-256")):
            postgres.sql(f"SET password_encryption = '{encryption}'; CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
        postgres.sql("ALTER ROLE scram REPLICATION; ALTER ROLE tlsonly REPLICATION; CREATE ROLE client LOGIN; CREATE ROLE nossl LOGIN")
        (place / "data" / "pg_hba.conf").write_text(HBA)
        postgres.sql("SELECT pg_reload_conf()")
        time.sleep(0.3)
        yield postgres
    finally:
        postgres.stop()


@pytest.fixture
def proctor_of(secure, certificates, tmp_path):
    """Starts a pgproctor with these modes; by default it shows the server's own certificate."""
    started = []

    def start(client="disable", server="disable", shows="server", **settings):
        directory = tmp_path / str(len(started))
        directory.mkdir()
        if client != "disable":
            settings = {
                "client_tls_key_file": certificates / f"{shows}.key",
                "client_tls_cert_file": certificates / f"{shows}.crt",
                "client_tls_ca_file": certificates / "ca.crt",
                **settings,
            }
        if server.startswith("verify"):
            settings = {"server_tls_ca_file": certificates / "ca.crt", **settings}
        settings = {"client_tls_sslmode": client, "server_tls_sslmode": server, **settings}
        proctor = harness.Proctor(secure, directory, settings, databases={})
        started.append(proctor)
        return proctor.start()

    yield start
    for proctor in started:
        proctor.stop()
        assert "Sanitizer" not in proctor.process.said() and "bug:" not in proctor.process.said()


def connect(proctor, certificates, user="scram", **parameters):
    if parameters.get("sslmode", "").startswith("verify"):
        parameters = {"sslrootcert": certificates / "ca.crt", **parameters}
    parameters = {"host": "127.0.0.1", "port": proctor.port, "dbname": "postgres", "password": PASSWORD, **parameters}
    connection = psycopg2.connect(user=user, **{name: str(value) for name, value in parameters.items()})
    connection.autocommit = True
    return connection


def ask(connection, query):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


SERVER_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.mark.parametrize("server", ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])
@pytest.mark.parametrize("client", MODES[:4])
def test_every_mode(proctor_of, certificates, client, server):
    """The client leg is encrypted when both want it, the server leg as the mode says, whatever the other leg does; SCRAM
    works in each combination."""
    proctor = proctor_of(client, server)
    for mode in MODES:
        impossible = (client == "disable" and mode in MODES[3:]) or (client == "require" and mode == "disable")
        if impossible:
            with pytest.raises(psycopg2.OperationalError, match="SSL|28000"):
                connect(proctor, certificates, sslmode=mode)
            continue
        connection = connect(proctor, certificates, sslmode=mode)
        expected = client != "disable" and mode not in (("disable", "allow") if client != "require" else ("disable",))
        assert bool(connection.info.ssl_in_use) == expected, mode
        assert ask(connection, SERVER_ENCRYPTED) == (server not in ("disable", "allow"))
        connection.close()
    done = subprocess.run(
        ["psql", "-XAtc", "SELECT 6 * 7", f"host=127.0.0.1 port={proctor.port} user=postgres dbname=postgres sslmode=prefer"],
        capture_output=True, text=True, timeout=20,
    )
    assert done.stdout == "42\n", done.stderr


@pytest.mark.parametrize("user", ["scram", "md5", "clear", "postgres"])
@pytest.mark.parametrize("client, server", [("require", "verify-full"), ("require", "disable"), ("disable", "require")])
def test_logging_in(proctor_of, certificates, user, client, server):
    """Every method passes through; a wrong password is refused in the server's words."""
    proctor = proctor_of(client, server)
    mode = "verify-full" if client == "require" else "prefer"
    assert ask(connect(proctor, certificates, user, sslmode=mode), "SELECT current_user") == user
    if user != "postgres":
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(proctor, certificates, user, sslmode=mode, password="wrong")
    assert proctor.stop() == 0
    assert not any(PASSWORD in line for line in proctor.lines())


@pytest.mark.parametrize("client", ["disable", "require"])
def test_allow(proctor_of, certificates, client):
    """In the clear where the server lets a user in like that, and with TLS where it doesn't; what it says to who may come
    in neither way, or with a wrong password, is the client's to read."""
    proctor = proctor_of(client, "allow")
    for user, encrypted in (("scram", False), ("tlsonly", True), ("nossl", False), ("md5", False), ("tlsonly", True)):
        with connect(proctor, certificates, user, sslmode=client) as connection:
            assert (ask(connection, "SELECT current_user"), ask(connection, SERVER_ENCRYPTED)) == (user, encrypted)
            threading.Timer(0.3, connection.cancel).start()
            with pytest.raises(psycopg2.errors.QueryCanceled):
                ask(connection, "SELECT pg_sleep(20)")
        connection.close()
    for user in ("scram", "tlsonly"):
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(proctor, certificates, user, sslmode=client, password="wrong")
    with pytest.raises(psycopg2.OperationalError, match='no pg_hba.conf entry for host "127.0.0.1", user "stranger".*SSL encryption'):
        connect(proctor, certificates, "stranger", sslmode=client)
    with pytest.raises(psycopg2.OperationalError, match="valid client certificate"):
        connect(proctor, certificates, "client", sslmode=client)
    factory = psycopg2.extras.PhysicalReplicationConnection
    connection = psycopg2.connect(
        host="127.0.0.1", port=proctor.port, user="tlsonly", password=PASSWORD, sslmode=client, connection_factory=factory
    )
    with connection.cursor() as cursor:
        cursor.execute("IDENTIFY_SYSTEM")
        assert len(cursor.fetchone()) == 4
    connection.close()
    # A client that doesn't wait: its query comes with the start-up packet.
    if client == "disable":
        with Wire(proctor.host, proctor.port) as wire:
            wire.send(startup(user="postgres", database="postgres") + message(b"Q", b"SELECT 6 * 7\0"))
            wire.until(b"Z")
            assert kinds(wire.until(b"Z")) == b"TDCZ"
    assert not proctor.events("blind") and not proctor.events("error") and not proctor.events("warning")


def test_allow_with_pooled_clients(proctor_of, certificates):
    """Many at once, coming and going, of both kinds: none of them is mixed up with another."""
    proctor = proctor_of("disable", "allow")
    failed = []

    def come_and_go(user):
        try:
            for _ in range(10):
                connection = connect(proctor, certificates, user)
                assert (ask(connection, "SELECT current_user"), ask(connection, SERVER_ENCRYPTED)) == (user, user == "tlsonly")
                connection.close()
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=come_and_go, args=(user,)) for user in ("scram", "tlsonly") * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed


REFUSAL = message(b"E", b"SFATAL\0VFATAL\0C28000\0Mno pg_hba.conf entry, no encryption\0\0")
NEGOTIATION = message(b"v", struct.pack("!ii", 0x30000, 0))
AUTHENTICATED = message(b"R", struct.pack("!i", 0)) + message(b"S", b"a\0b\0")


@pytest.mark.parametrize("piece", [1, 7, 1000])
@pytest.mark.parametrize(
    "first, second, expected",
    [
        (REFUSAL, b"N", REFUSAL),
        (NEGOTIATION + REFUSAL, b"N", NEGOTIATION + REFUSAL),
        (REFUSAL, b"S", REFUSAL),  # and then no handshake
        (REFUSAL, b"", REFUSAL),
        (REFUSAL.replace(b"28000", b"53300"), None, REFUSAL.replace(b"28000", b"53300")),
        (AUTHENTICATED, None, AUTHENTICATED),
        (NEGOTIATION + AUTHENTICATED, None, NEGOTIATION + AUTHENTICATED),
        (b"Efork failure: no memory\0", None, b"Efork failure: no memory\0"),
        (b"E\0\0", None, b"E\0\0"),
        (b"", None, b""),
    ],
)
def test_allow_whatever_the_server_does(postgres, tmp_path, first, second, expected, piece):
    """The client reads what the server said in the clear, byte for byte, when that was not the end or TLS leads nowhere."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = []

        def serve():
            for answer in (first, second)[: 1 if second is None else 2]:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                with accepted:
                    seen.append(accepted.recv(1000))
                    for at in range(0, len(answer), piece):
                        accepted.sendall(answer[at : at + piece])
                        time.sleep(0.001)

        settings = {"server_tls_sslmode": "allow", "upstream": f"127.0.0.1:{listener.getsockname()[1]}"}
        proctor = harness.Proctor(postgres, tmp_path, settings, databases={})
        proctor.start()
        packet = startup(user="postgres", database="postgres")
        # The first connection is the one by which pgproctor sees, at its start, that there is a server.
        probed, _ = listener.accept()
        probed.close()
        threading.Thread(target=serve, daemon=True).start()
        with socket.create_connection(("127.0.0.1", proctor.port)) as client:
            client.settimeout(10)
            client.sendall(packet)
            received = b""
            while piece_read := client.recv(1000):
                received += piece_read
        assert received == expected
        assert seen == [packet] + ([struct.pack("!ii", 8, 80877103)] if second is not None else [])
        assert proctor.stop() == 0
        assert "Sanitizer" not in proctor.process.said()


def test_client_certificates(proctor_of, certificates):
    """pgproctor shows the server a certificate of its own for `cert`, and asks the client for one under verify-ca."""
    proctor = proctor_of(
        "verify-ca", "verify-full",
        server_tls_cert_file=certificates / "client.crt", server_tls_key_file=certificates / "client.key",
    )
    own = {"sslcert": certificates / "other.crt", "sslkey": certificates / "other.key"}
    assert ask(connect(proctor, certificates, "client", sslmode="require", **own), "SELECT current_user") == "client"
    with pytest.raises(psycopg2.OperationalError, match="certificate required"):
        connect(proctor, certificates, "client", sslmode="require", sslcert="/nonexistent", sslkey="/nonexistent")
    event = proctor.wait_for("disconnect", tls_error=lambda text: text)
    assert "did not return a certificate" in event["tls_error"]


def test_the_server_wants_a_certificate(proctor_of, certificates):
    """Without one `cert` fails, and the client reads the server's own words."""
    proctor = proctor_of("disable", "require")
    with pytest.raises(psycopg2.OperationalError, match="valid client certificate"):
        connect(proctor, certificates, "client")


def test_channel_binding(proctor_of, certificates):
    """With the server's own certificate SCRAM-SHA-256-PLUS passes from end to end."""
    proctor = proctor_of("require", "verify-full")
    connection = connect(proctor, certificates, sslmode="verify-full", channel_binding="require")
    assert ask(connection, "SELECT current_user") == "scram"
    assert not proctor.events("warning")


def test_channel_binding_needs_both_legs(proctor_of, certificates):
    """Behind a clear leg to the server there is nothing to bind to: who insists is refused by its own driver."""
    proctor = proctor_of("require", "disable")
    assert ask(connect(proctor, certificates, sslmode="require", channel_binding="prefer"), "SELECT current_user") == "scram"
    with pytest.raises(psycopg2.OperationalError, match="channel binding is required"):
        connect(proctor, certificates, sslmode="require", channel_binding="require")


def test_a_client_that_takes_its_time(proctor_of, secure):
    """As long as the server waits for somebody's password no clock of pgproctor's runs; and the client may name its
    mechanism first, and begin later."""
    proctor = proctor_of("disable", "disable", client_login_timeout=1)
    directly, through = Scram(secure, "scram"), Scram(proctor, "scram")
    assert directly.message() == through.message()
    for client in (directly, through):
        client.say(b"SCRAM-SHA-256\0\xff\xff\xff\xff")
        assert client.message() == (b"R", b"\0\0\0\x0b")
    time.sleep(2.5)
    for client in (directly, through):
        client.say(b"n,,n=,r=abcdef")
        client.prove(client.message()[1][4:], PASSWORD)
        assert client.message()[1][:4] == b"\0\0\0\x0c"
        assert client.message()[1] == b"\0\0\0\0"


def test_channel_binding_with_another_certificate(proctor_of, certificates):
    """It cannot work, the log says so once, the client reads what helps, and that helps."""
    proctor = proctor_of("require", "verify-full", shows="other")
    told = {"message": lambda text: "different certificates" in text}
    proctor.wait_for("warning", **told)
    for _ in range(2):
        with pytest.raises(psycopg2.OperationalError) as refused:
            connect(proctor, certificates, sslmode="require")
        for remedy in ("server's own certificate", "without TLS", "unix socket", "channel_binding=disable"):
            assert remedy in str(refused.value)
    time.sleep(0.3)
    assert len(proctor.events("warning", **told)) == 1
    connection = connect(proctor, certificates, sslmode="require", channel_binding="disable")
    assert ask(connection, SERVER_ENCRYPTED) is True
    # What else is refused keeps its words.
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(proctor, certificates, sslmode="require", channel_binding="disable", password="wrong")
    with pytest.raises(psycopg2.OperationalError, match='database "none" does not exist'):
        connect(proctor, certificates, sslmode="require", channel_binding="disable", dbname="none")


def test_binding_is_not_offered_in_the_clear(proctor_of, certificates, secure):
    """A clear client of an encrypted server is offered SCRAM-SHA-256 alone, byte for byte; the server itself offers
    both."""
    proctor = proctor_of("disable", "require")
    with socket.create_connection(("127.0.0.1", proctor.port)) as client:
        client.sendall(wire.startup(user="scram", database="postgres"))
        expected = b"R" + struct.pack("!ii", 4 + 4 + 15, 10) + b"SCRAM-SHA-256\0\0"
        received = b""
        while len(received) < len(expected):
            piece = client.recv(1000)
            assert piece
            received += piece
        assert received == expected


@pytest.mark.parametrize("client, server", [("require", "require"), ("disable", "require"), ("require", "disable")])
def test_replication(proctor_of, certificates, client, server):
    """A walsender logs in by SCRAM like any other client, and is then passed on unseen."""
    proctor = proctor_of(client, server)
    factory = psycopg2.extras.PhysicalReplicationConnection
    dsn = f"host=127.0.0.1 port={proctor.port} user=scram password='{PASSWORD}' sslmode=prefer"
    connection = psycopg2.connect(dsn, connection_factory=factory)
    with connection.cursor() as cursor:
        cursor.execute("IDENTIFY_SYSTEM")
        assert len(cursor.fetchone()) == 4
    connection.close()
    proctor.wait_for("connect", user="scram")
    assert not proctor.events("blind") and not proctor.events("unparsed")


def test_the_server_is_not_who_it_should_be(proctor_of, certificates, tmp_path):
    """A certificate by another authority, or for another name, refuses clients with the reason; require takes it."""
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    make_certificate(stranger, "stranger", signed=False)
    for mode in ("verify-ca", "verify-full"):
        proctor = proctor_of("disable", mode, server_tls_ca_file=stranger / "stranger.crt")
        with pytest.raises(psycopg2.OperationalError, match="SSL handshake: .*certificate"):
            connect(proctor, certificates)
        assert "certificate" in proctor.wait_for("error")["reason"]
        # Nobody had to connect to find that out.
        assert "clients are refused" in proctor.wait_for("warning", message=lambda text: "no TLS with" in text)["message"]


def test_the_server_offers_none(postgres, certificates, tmp_path):
    """prefer goes on in the clear, on the same connection; require refuses and says why."""
    for mode in ("prefer", "require"):
        directory = tmp_path / mode
        directory.mkdir()
        proctor = harness.Proctor(postgres, directory, {"server_tls_sslmode": mode}, databases={}).start()
        if mode == "prefer":
            assert ask(connect(proctor, certificates, "postgres"), SERVER_ENCRYPTED) is False
        else:
            with pytest.raises(psycopg2.OperationalError, match="offers no SSL"):
                connect(proctor, certificates, "postgres")
        assert proctor.stop() == 0


def test_unix_sockets_are_clear(secure, certificates, tmp_path):
    """On a unix socket neither side speaks TLS, whatever the modes say."""
    settings = {
        "client_tls_sslmode": "require",
        "client_tls_cert_file": certificates / "server.crt",
        "client_tls_key_file": certificates / "server.key",
        "server_tls_sslmode": "require",
        "upstream": f"{secure.socket_dir}:{secure.port}",
        "unix_socket_dir": tmp_path,
    }
    proctor = harness.Proctor(secure, tmp_path, settings, databases={}).start()
    connection = connect(proctor, certificates, "postgres", host=tmp_path, sslmode="prefer")
    assert not connection.info.ssl_in_use
    assert ask(connection, SERVER_ENCRYPTED) is False
    connection.close()
    assert proctor.stop() == 0


@pytest.mark.parametrize("client, server", [("require", "require"), ("disable", "require"), ("require", "disable")])
def test_cancel(proctor_of, certificates, client, server):
    """A cancel reaches the server over TLS, and also in the clear where TLS is demanded: libpq before 17 sends it so."""
    proctor = proctor_of(client, server)
    connection = connect(proctor, certificates, sslmode="prefer")
    threading.Timer(0.5, connection.cancel).start()
    began = time.monotonic()
    with pytest.raises(psycopg2.errors.QueryCanceled):
        ask(connection, "SELECT pg_sleep(20)")
    assert time.monotonic() - began < 5
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
        listener.settimeout(10)
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
        accepted.settimeout(10)
        received = b""
        while len(received) < len(cancel) and (piece := accepted.recv(1000)):
            received += piece
        assert received == cancel
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        accepted.close()
        client.settimeout(10)
        assert client.recv(1) == b""
        client.close()
        assert proctor.stop() == 0


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def descriptors(proctor):
    return len(harness.os.listdir(f"/proc/{proctor.process.child.pid}/fd"))


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
    begun = descriptors(proctor)

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
            client.settimeout(10)
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
    assert harness.wait_until(lambda: descriptors(proctor) <= begun, 20), (descriptors(proctor), begun)
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
                    self.resident = resident(proctor)
                self.size += len(data)

        sink = Sink()
        before = resident(proctor)
        cursor.copy_expert("COPY bulk TO STDOUT", sink)
        assert sink.size == 105_000_000 + sum(len(str(n)) + 2 for n in range(100_000))
        assert sink.resident - before < 4096


def resident(proctor):
    """In kB."""
    status = open(f"/proc/{proctor.process.child.pid}/status").read()
    return int(re.search(r"VmRSS:\s+(\d+)", status).group(1))


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
    done = subprocess.run([binary, "serve", "--config", path], capture_output=True, text=True, timeout=10)
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
        input="R\n", capture_output=True, text=True, timeout=20,
    )
    assert "no renegotiation" in done.stdout + done.stderr

"""Who is let in over TLS: what each sslmode gives on either side, every way to log in, certificates and channel binding."""

import socket
import struct
import subprocess
import threading
import time

import psycopg2
import psycopg2.extras
import pytest

import harness
import wire
from encryption import PASSWORD, SERVER_ENCRYPTED, ask, connect, make_certificate
from encryption import certificates, needs_binary, proctor_of, secure  # fixtures
from scram import Scram
from wire import Wire, kinds, message, startup

MODES = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]


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
        capture_output=True, text=True, timeout=200,
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
def test_allow(proctor_of, secure, certificates, client):
    """In the clear where the server lets a user in like that, and with TLS where it doesn't; what it says to who may come
    in neither way, or with a wrong password, is the client's to read."""
    proctor = proctor_of(client, "allow")
    for user, encrypted in (("scram", False), ("tlsonly", True), ("nossl", False), ("md5", False), ("tlsonly", True)):
        with connect(proctor, certificates, user, sslmode=client) as connection:
            assert (ask(connection, "SELECT current_user"), ask(connection, SERVER_ENCRYPTED)) == (user, encrypted)
            canceller = secure.when_sleeping(connection.info.backend_pid, connection.cancel)
            with pytest.raises(psycopg2.errors.QueryCanceled):
                ask(connection, "SELECT pg_sleep(60)")
            canceller.join()
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
    proctor = proctor_of("disable", "disable", client_login_timeout=3)
    directly, through = Scram(secure, "scram"), Scram(proctor, "scram")
    assert directly.message() == through.message()
    for client in (directly, through):
        client.say(b"SCRAM-SHA-256\0\xff\xff\xff\xff")
        assert client.message() == (b"R", b"\0\0\0\x0b")
    time.sleep(4)
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

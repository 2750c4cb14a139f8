"""auth = terminate: pgproctor lets clients in by SCRAM itself and logs them in to the server, over TLS legs that show
different certificates; what it refuses it refuses as PostgreSQL does, and what it knows shows nowhere."""

import base64
import re
import signal
import socket
import struct
import subprocess
import time

import psycopg
import psycopg2
import psycopg2.extras
import pytest

import harness
import wire
from encryption import make_certificates, needs_binary, openssl, running
from scram import Scram

PASSWORD = "cAnArY correct horse"
OTHER = "cAnArY battery staple"
HBA = """
local all all trust
host all postgres 127.0.0.1/32 trust
host all trusted 127.0.0.1/32 trust
host all md5 127.0.0.1/32 md5
host all clear 127.0.0.1/32 password
host all rejected 127.0.0.1/32 reject
hostssl all tlsonly 127.0.0.1/32 scram-sha-256
host all tlsonly 127.0.0.1/32 reject
host all all 127.0.0.1/32 scram-sha-256
host replication all 127.0.0.1/32 scram-sha-256
"""
ROLES = ["alice", 'o"dd', "trusted", "clear", "rejected", "moved", "tlsonly"]
LEGS = [("disable", "disable"), ("disable", "require"), ("require", "disable"), ("require", "require")]
QUERY = "SELECT usename, passwd FROM pg_shadow WHERE usename=$1"


@pytest.fixture(scope="module")
def certificates(scratch):
    return make_certificates(scratch / "terminate", "server", "other")


def make_roles(postgres):
    for role in ROLES:
        quoted = '"' + role.replace('"', '""') + '"'
        postgres.sql(f"SET password_encryption = 'scram-sha-256'; CREATE ROLE {quoted} LOGIN PASSWORD '{PASSWORD}'")
    postgres.sql(f"SET password_encryption = 'md5'; CREATE ROLE md5 LOGIN PASSWORD '{PASSWORD}'")
    postgres.sql("ALTER ROLE alice REPLICATION; CREATE ROLE nologin PASSWORD 'x'; CREATE ROLE authority LOGIN SUPERUSER")
    postgres.sql("CREATE ROLE powerless LOGIN")


@pytest.fixture(scope="module")
def server(scratch, certificates):
    """A PostgreSQL with TLS that asks for SCRAM."""
    with running(scratch / "scram", certificates, HBA, make_roles) as postgres:
        yield postgres


def users(postgres, *names):
    """Lines of auth_file, by what the server has."""
    rows = postgres.sql("SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword LIKE 'SCRAM%'")
    quoted = ['"' + name.replace('"', '""') + '" "' + secret + '"' for name, secret in rows if not names or name in names]
    return "\n".join(["; of the tests", "", *quoted, ""])


@pytest.fixture
def terminate(server, certificates, tmp_path):
    """Starts a pgproctor with auth = terminate; on its client leg it shows another certificate than the server."""
    started = []

    def start(client="disable", upstream="disable", file=True, shows="other", environment=None, **settings):
        directory = tmp_path / str(len(started))
        directory.mkdir()
        if client != "disable":
            settings = {
                "client_tls_key_file": certificates / f"{shows}.key",
                "client_tls_cert_file": certificates / f"{shows}.crt",
                **settings,
            }
        if file is not None:
            path = directory / "users.txt"
            path.write_text(users(server) if file is True else file)
            path.chmod(0o600)
            settings = {"auth_file": path, **settings}
        settings = {"auth": "terminate", "client_tls_sslmode": client, "server_tls_sslmode": upstream, **settings}
        proctor = harness.Proctor(server, directory, settings, databases={}, environment=environment)
        started.append(proctor)
        return proctor.start()

    yield start
    for proctor in started:
        assert proctor.stop() == 0
        said, log = proctor.process.said(), proctor.log.read_text()
        assert "Sanitizer" not in said and "bug:" not in said and "runtime error" not in said
        for secret in ("cAnArY", "SCRAM-SHA-256$4096", *verifier_parts(server)):
            assert secret not in log and secret not in said


def verifier_parts(postgres):
    for (secret,) in postgres.sql("SELECT rolpassword FROM pg_authid WHERE rolpassword LIKE 'SCRAM%'"):
        _, salt, keys = secret.split("$")
        yield from (salt.split(":")[1], *keys.split(":"))


def parameters(proctor, user, **more):
    values = {"host": "127.0.0.1", "port": proctor.port, "dbname": "postgres", "password": PASSWORD, "user": user}
    return {name: str(value) for name, value in {**values, **more}.items() if value is not None}


def connect(proctor, user="alice", **more):
    connection = psycopg2.connect(**parameters(proctor, user, **more))
    connection.autocommit = True
    return connection


def ask(connection, query="SELECT current_user"):
    with connection.cursor() as cursor:
        cursor.execute(query)
        return cursor.fetchone()[0]


ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


@pytest.mark.parametrize("client", ["disable", "require"])
def test_in_the_clear_first(terminate, client):
    """server_tls_sslmode = allow: pgproctor logs in with TLS where the server doesn't let a user in without."""
    proctor = terminate(client, "allow")
    for user, encrypted in (("alice", False), ("tlsonly", True), ("trusted", False)):
        connection = connect(proctor, user, sslmode=client)
        assert (ask(connection), ask(connection, ENCRYPTED)) == (user, encrypted)
        connection.close()
    with pytest.raises(psycopg2.OperationalError, match="pg_hba.conf rejects connection"):
        connect(proctor, "rejected", sslmode=client)
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(proctor, "tlsonly", sslmode=client, password="wrong")


@pytest.mark.parametrize("binding", ["require", "prefer", "disable"])
@pytest.mark.parametrize("client, upstream", LEGS)
def test_every_leg(terminate, client, upstream, binding):
    """Whatever the legs are, and though they show different certificates: psql, psycopg2 and psycopg3 get in, with channel
    binding where their own leg is TLS."""
    proctor = terminate(client, upstream)
    more = {"sslmode": client, "channel_binding": binding}
    if client == "disable" and binding == "require":
        with pytest.raises(psycopg2.OperationalError, match="channel binding required"):
            connect(proctor, **more)
        return
    connection = connect(proctor, **more)
    assert ask(connection) == "alice"
    assert ask(connection, ENCRYPTED) == (upstream == "require")
    assert bool(connection.info.ssl_in_use) == (client == "require")
    connection.close()
    with psycopg.connect(**parameters(proctor, 'o"dd', **more)) as connection:
        assert connection.execute("SELECT current_user").fetchone() == ('o"dd',)
    done = subprocess.run(
        ["psql", "-XAtc", "SELECT current_user, 6 * 7", "options=-csearch_path=pg_temp " + " ".join(
            f"{name}='{value}'" for name, value in parameters(proctor, "alice", **more).items())],
        capture_output=True, text=True, timeout=200,
    )
    assert done.stdout == "alice|42\n", done.stderr
    assert not [event for event in proctor.events("warning") if "different certificates" in event["message"]]


@pytest.mark.parametrize("key, digest", [(["ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "sha384"), (["rsa:2048"], "sha256"), (["rsa:2048"], "sha512"), (["ed25519"], None)])
def test_every_kind_of_certificate(terminate, certificates, key, digest):
    """The binding is made by the digest that the certificate is signed with; one that is signed without a digest of its own
    offers none, and who does not insist gets in."""
    name = f"{key[0].split(':')[0]}-{digest}"
    options = [f"-{digest}"] if digest else []
    openssl(certificates, "req", "-x509", "-nodes", "-newkey", *key, *options, "-subj", "/CN=any", "-days", "2", "-keyout", f"{name}.key", "-out", f"{name}.crt")
    proctor = terminate("require", "disable", shows=name)
    assert ask(connect(proctor, sslmode="require", channel_binding="prefer")) == "alice"
    if digest:
        assert ask(connect(proctor, sslmode="require", channel_binding="require")) == "alice"
    else:
        with pytest.raises(psycopg2.OperationalError, match="channel binding"):
            connect(proctor, sslmode="require", channel_binding="require")


@pytest.mark.parametrize("client, upstream", LEGS)
def test_wrong_passwords_and_unknown_users(terminate, server, client, upstream):
    """Both get PostgreSQL's own words, and the same."""
    proctor = terminate(client, upstream)
    for user, password in (("alice", "wrong"), ("alice", ""), ("nobody", PASSWORD), ("nologin", PASSWORD)):
        with pytest.raises(psycopg2.OperationalError) as refused:
            connect(proctor, user, sslmode=client, password=password or "x")
        assert f'password authentication failed for user "{user}"' in str(refused.value)
    event = proctor.wait_for("disconnect", user="nobody")
    assert event["sqlstate"] == "28P01"
    assert not proctor.events("connect")


def test_the_servers_errors_are_its_own(terminate, server):
    """A database that does not exist, a rejection by pg_hba.conf, a role that may not log in: in the server's words."""
    proctor = terminate("require", "require")
    for more, error in (
        ({"dbname": "nowhere"}, 'database "nowhere" does not exist'),
        ({"user": "rejected"}, "pg_hba.conf rejects connection"),
        ({"options": "-c no_such=1"}, 'unrecognized configuration parameter "no_such"'),
    ):
        arguments = {"user": "alice", **more}
        user = arguments.pop("user")
        directly = psycopg2.OperationalError
        with pytest.raises(psycopg2.OperationalError, match=re.escape(error)) as refused:
            connect(proctor, user, sslmode="require", **arguments)
        with pytest.raises(directly, match=re.escape(error)) as directly_refused:
            psycopg2.connect(**{**parameters(proctor, user, sslmode="require", **arguments), "port": server.port})
        assert said(refused) == said(directly_refused)


def said(refused):
    return re.sub(r'.*?FATAL: ', "FATAL:", str(refused.value), flags=re.S)


def test_parameters_are_the_clients(terminate):
    """What the start-up packet asks for reaches the server, and what the server reports the client."""
    proctor = terminate("require", "require")
    connection = connect(proctor, sslmode="require", application_name="me", options="-c work_mem=3MB -c intervalstyle=iso_8601")
    assert ask(connection, "SHOW application_name") == "me"
    assert ask(connection, "SHOW work_mem") == "3MB"
    assert connection.info.parameter_status("IntervalStyle") == "iso_8601"
    assert connection.info.parameter_status("is_superuser") == "off"
    assert proctor.wait_for("connect", user="alice")["application"] == "me"


def test_cancel(terminate, server):
    """A cancel needs no log-in, and finds its query."""
    proctor = terminate("require", "require")
    connection = connect(proctor, sslmode="require")
    canceller = server.when_sleeping(connection.info.backend_pid, connection.cancel)
    with connection.cursor() as cursor, pytest.raises(psycopg2.errors.QueryCanceled):
        cursor.execute("SELECT pg_sleep(60)")
    canceller.join()


@pytest.mark.parametrize("client, upstream", [("require", "require"), ("disable", "disable")])
def test_replication(terminate, client, upstream):
    """A walsender logs in like any other."""
    proctor = terminate(client, upstream)
    dsn = f"host=127.0.0.1 port={proctor.port} user=alice password='{PASSWORD}' sslmode={client}"
    connection = psycopg2.connect(dsn, connection_factory=psycopg2.extras.PhysicalReplicationConnection)
    with connection.cursor() as cursor:
        cursor.execute("IDENTIFY_SYSTEM")
        assert len(cursor.fetchone()) == 4
    connection.close()


def test_a_server_that_trusts(terminate):
    """The client has to prove itself all the same, and then all that the server had said is there."""
    proctor = terminate("require", "require")
    connection = connect(proctor, "trusted", sslmode="require", channel_binding="require")
    assert ask(connection) == "trusted"
    assert connection.info.parameter_status("server_version")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(proctor, "trusted", sslmode="require", password="wrong")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(proctor, "postgres", sslmode="require")


@pytest.mark.parametrize("user", ["md5", "clear"])
def test_what_cannot_be_made_of_a_verifier(terminate, user):
    """md5 and a password in clear: client and log are told what helps."""
    proctor = terminate("require", "require")
    with pytest.raises(psycopg2.OperationalError) as refused:
        connect(proctor, user, sslmode="require")
    assert "SCRAM verifier" in str(refused.value) and "pg_hba.conf" in str(refused.value)
    event = proctor.wait_for("warning", user=user)
    assert "scram-sha-256" in event["hint"]


def test_the_password_was_changed_in_the_server(terminate, server):
    """Until auth_file follows, neither password lets in: the old one is told why, the new one is simply wrong here; the
    log says what to do, and SIGHUP does it."""
    proctor = terminate("require", "require")
    connect(proctor, "moved", sslmode="require").close()
    try:
        server.sql(f"ALTER ROLE moved PASSWORD '{OTHER}'")
        with pytest.raises(psycopg2.OperationalError) as refused:
            connect(proctor, "moved", sslmode="require")
        assert "the server has another" in str(refused.value) and "SIGHUP" in str(refused.value)
        assert "auth_file" in proctor.wait_for("warning", user="moved")["message"]
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(proctor, "moved", sslmode="require", password=OTHER)
        path = proctor.settings["auth_file"]
        path.write_text(users(server))
        proctor.process.child.send_signal(signal.SIGHUP)
        proctor.wait_for("reloaded", what=lambda text: "auth_file" in text)
        assert ask(connect(proctor, "moved", sslmode="require", password=OTHER)) == "moved"
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            connect(proctor, "moved", sslmode="require")
    finally:
        server.sql(f"ALTER ROLE moved PASSWORD '{PASSWORD}'")


def test_a_bad_file_at_reload(terminate, server):
    """What was read stays; the log names file and line. A file that others can read is remarked on."""
    proctor = terminate()
    path = proctor.settings["auth_file"]
    path.write_text(users(server, "alice") + f'"bob" "{PASSWORD}"\n')
    path.chmod(0o644)
    proctor.process.child.send_signal(signal.SIGHUP)
    event = proctor.wait_for("warning", message=lambda text: "stays as it was" in text)
    assert f"{path}:4: " in event["message"]
    assert ask(connect(proctor, 'o"dd')) == 'o"dd'
    path.write_text(users(server, "alice"))
    proctor.process.child.send_signal(signal.SIGHUP)
    proctor.wait_for("reloaded", what=lambda text: "auth_file" in text)
    assert "chmod 600" in proctor.wait_for("warning", message=lambda text: "by others" in text)["message"]
    assert ask(connect(proctor)) == "alice"
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(proctor, 'o"dd')


@pytest.mark.parametrize("file, error", [
    (None, "auth: terminate needs SCRAM verifiers"),
    ("MISSING", "No such file or directory"),
    ('"alice"\n', ":1: the password is missing"),
    (f'\n"alice" "{PASSWORD}"\n', ":2: the password is not a SCRAM verifier"),
    ('"alice" "md5' + "0" * 32 + '"\n', ":1: an md5 password cannot"),
])
def test_what_keeps_it_from_starting(server, tmp_path, file, error):
    """One line, exit status 1, and nothing secret in it."""
    settings = {"auth": "terminate"}
    if file is not None:
        settings["auth_file"] = tmp_path / "users.txt"
        if file != "MISSING":
            settings["auth_file"].write_text(file)
    proctor = harness.Proctor(server, tmp_path, settings, databases={})
    with pytest.raises(harness.Unready) as failed:
        proctor.start()
    text = str(failed.value)
    assert "exit status 1" in text and error in text and PASSWORD not in text


@pytest.mark.parametrize("client, upstream", LEGS)
def test_auth_query(terminate, server, client, upstream):
    """Verifiers out of the server itself: a password that was changed counts at once."""
    proctor = terminate(client, upstream, file=None, auth_user="postgres", auth_query=QUERY)
    assert ask(connect(proctor, sslmode=client)) == "alice"
    for user in ("nobody", "powerless"):
        with pytest.raises(psycopg2.OperationalError, match=f'password authentication failed for user "{user}"'):
            connect(proctor, user, sslmode=client)
    try:
        server.sql(f"ALTER ROLE moved PASSWORD '{OTHER}'")
        assert ask(connect(proctor, "moved", sslmode=client, password=OTHER)) == "moved"
        # The connection that is kept is ended by the server: the next question makes another.
        server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgproctor auth_query'")
        assert ask(connect(proctor, "moved", sslmode=client, password=OTHER)) == "moved"
    finally:
        server.sql(f"ALTER ROLE moved PASSWORD '{PASSWORD}'")
    assert not proctor.events("error")


def test_auth_file_goes_before_auth_query(terminate, server):
    """Who is in the file is not asked for; who isn't is. Their passwords are used as they are found."""
    lines = users(server, "moved").replace("moved", "alice")
    proctor = terminate(file=lines, auth_user="postgres")
    with pytest.raises(psycopg2.OperationalError, match="the server has another"):
        connect(proctor)
    assert ask(connect(proctor, 'o"dd')) == 'o"dd'


def test_auth_query_that_fails(terminate):
    """The client is told that it is not its fault, the log why, once."""
    proctor = terminate(file=None, auth_user="powerless", environment={"PGPASSWORD": "wrong"})
    for _ in range(2):
        with pytest.raises(psycopg2.OperationalError, match="cannot look up"):
            connect(proctor)
    proctor.wait_for("error", message=lambda text: "auth_query" in text)
    time.sleep(0.3)
    assert len(proctor.events("error")) == 1
    assert proctor.wait_for("disconnect", reason="auth_query failed")["sqlstate"] == "08006"


def test_auth_query_finds_what_is_no_verifier(terminate):
    """An md5 password: refused as any other, and the log says why."""
    proctor = terminate(file=None, auth_user="postgres", auth_query="SELECT 'alice', 'md5' || repeat('0', 32) WHERE $1 <> ''")
    with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
        connect(proctor)
    assert "no SCRAM verifier" in proctor.wait_for("warning", user="alice")["message"]


def test_a_client_that_does_not_answer(terminate):
    """client_login_timeout ends it; one that goes away takes its server connection along."""
    proctor = terminate(client_login_timeout=1)
    with socket.create_connection(("127.0.0.1", proctor.port)) as raw:
        raw.sendall(wire.startup(user="alice", database="postgres"))
        received = b""
        while piece := raw.recv(4096):
            received += piece
        assert received.startswith(b"R\0\0\0\x17\0\0\0\x0aSCRAM-SHA-256\0\0E")
        assert b"client_login_timeout" in received
    proctor.wait_for("disconnect", sqlstate="08P01")


def fields_of(body):
    return {part[:1].decode(): part[1:].decode() for part in body.split(b"\0") if part}


def test_the_messages(terminate):
    """Offer, challenge, signature and AuthenticationOk, byte for byte, though the client's come one byte at a time and the
    first Query in the same packet as the proof."""
    proctor = terminate()
    client = Scram(proctor)
    assert client.message() == (b"R", b"\0\0\0\x0aSCRAM-SHA-256\0\0")
    client.first(slowly=True)
    kind, body = client.message()
    assert (kind, body[:4]) == (b"R", b"\0\0\0\x0b") and body[4:].startswith(b"r=abcdef")
    signature = client.prove(body[4:], PASSWORD, slowly=True)
    client.say(b"SELECT 'early'\0", b"Q")
    assert client.message() == (b"R", b"\0\0\0\x0cv=" + signature)
    assert client.message() == (b"R", b"\0\0\0\0")
    kinds = b""
    while kinds.count(b"Z") < 2:
        kinds += client.message()[0]
    assert re.fullmatch(rb"S+KZTDCZ", kinds)


def test_a_belated_first_message(terminate):
    """A client may name its mechanism alone, and is then asked by an empty challenge."""
    client = Scram(terminate())
    client.message()
    client.say(b"SCRAM-SHA-256\0\xff\xff\xff\xff")
    assert client.message() == (b"R", b"\0\0\0\x0b")
    client.say(b"n,,n=,r=abcdef")
    client.prove(client.message()[1][4:], PASSWORD)
    assert client.message()[1][:4] == b"\0\0\0\x0c"
    assert client.message()[1] == b"\0\0\0\0"


def test_protocol_versions(terminate, server):
    """NegotiateProtocolVersion comes before the offer, as from the server."""
    client = Scram(terminate(), minor=9)
    directly = Scram(server, minor=9)
    assert client.message() == directly.message()
    client.first() if client.message() == (b"R", b"\0\0\0\x0aSCRAM-SHA-256\0\0") else pytest.fail("no offer")
    client.prove(client.message()[1][4:], PASSWORD)
    assert client.message()[1][:4] == b"\0\0\0\x0c"


WRONG = {
    "no such mechanism": (lambda client: client.first(mechanism=b"SCRAM-SHA-256-PLUS"), "08P01", "client selected an invalid SASL authentication mechanism"),
    "no SASL": (lambda client: client.say(b"SELECT 1\0", b"Q"), "08P01", "expected SASL response, got message type 81"),
    "empty": (lambda client: client.first(b""), "08P01", "malformed SCRAM message"),
    "binds": (lambda client: client.first(b"p=tls-server-end-point,,n=,r=abc"), "08P01", "malformed SCRAM message"),
    "another flag": (lambda client: client.first(b"x,,n=,r=abc"), "08P01", "malformed SCRAM message"),
    "an identity": (lambda client: client.first(b"n,a=bob,n=,r=abc"), "0A000", "client uses authorization identity, but it is not supported"),
    "an extension": (lambda client: client.first(b"n,,m=x,n=,r=abc"), "0A000", "client requires an unsupported SCRAM extension"),
    "no nonce": (lambda client: client.first(b"n,,n="), "08P01", "malformed SCRAM message"),
    "a wild nonce": (lambda client: client.first(b"n,,n=,r=a\x7fb"), "08P01", "non-printable characters in SCRAM nonce"),
    "too long": (lambda client: client.first(b"n,,n=,r=" + b"a" * 1024), "28P01", 'password authentication failed for user "alice"'),
    "a long nonce": (lambda client: (client.first(b"n,,n=,r=" + b"a" * 980), client.message(), client.say(b"c=biws,r=a,p=AAAA")), "08P01", "malformed SCRAM message"),
    "another nonce": (lambda client: (client.first(), client.message(), client.say(b"c=biws,r=abcdef,p=" + b"A" * 43 + b"=")), "08P01", "invalid SCRAM response"),
    "no base64": (lambda client: (client.first(), client.message(), client.say(b"c=biws,r=abcdef,p=!!!!")), "08P01", "malformed SCRAM message"),
    "garbage": (lambda client: (client.first(), client.message(), client.say(b"c=biws,r=abcdef,p=" + b"A" * 43 + b"=,x")), "08P01", "malformed SCRAM message"),
    "another header": (lambda client: (client.first(), client.prove(client.message()[1][4:], PASSWORD, header=b"eSws")), "08P01", "unexpected SCRAM channel-binding attribute in client-final-message"),
    "a wrong proof": (lambda client: (client.first(), client.prove(client.message()[1][4:], "wrong")), "28P01", 'password authentication failed for user "alice"'),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_a_client_can_do_wrong(terminate, server, case):
    """Each error has the SQLSTATE and the message that PostgreSQL gives it, and ends the connection."""
    wrong, sqlstate, text = WRONG[case]
    answers = []
    for place in (terminate(), server):
        client = Scram(place)
        client.message()
        wrong(client)
        while (message := client.message())[0] != b"E":
            pass
        fields = fields_of(message[1])
        answers.append({name: fields[name] for name in "SVCM"})
        assert client.socket.recv(1) == b""
    assert answers[0] == {"S": "FATAL", "V": "FATAL", "C": sqlstate, "M": text}
    assert answers[0] == answers[1]


def test_an_unknown_user_looks_like_any_other(terminate, server):
    """The salt shown for a name is always the same, the one that the server shows, whether there is such a user or not."""
    def challenge(place, user):
        client = Scram(place, user)
        client.message()
        client.first()
        fields = dict(part.split(b"=", 1) for part in client.message()[1][4:].split(b","))
        assert len(base64.b64decode(fields[b"s"])) == 16
        return fields[b"s"], fields[b"i"]

    one, other = terminate(), terminate()
    for user in ("alice", "nobody", "nologin", "somebody"):
        assert challenge(one, user) == challenge(other, user) == challenge(server, user)
    assert challenge(one, "nobody") != challenge(one, "somebody")


def test_downgrade(terminate, certificates):
    """A TLS client that could bind and says it saw no offer is refused: somebody has taken the offer out."""
    proctor = terminate("require", "require")
    context = __import__("ssl").create_default_context(cafile=certificates / "ca.crt")
    context.check_hostname = False
    with socket.create_connection(("127.0.0.1", proctor.port), timeout=30) as raw:
        raw.sendall(struct.pack("!ii", 8, 80877103))
        assert raw.recv(1) == b"S"
        client = Scram.__new__(Scram)
        client.socket = context.wrap_socket(raw)
        client.socket.sendall(wire.startup(user="alice", database="postgres"))
        assert client.message() == (b"R", b"\0\0\0\x0aSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")
        client.first(b"y,,n=,r=abcdef")
        kind, body = client.message()
        assert fields_of(body)["C"] == "28000"
        assert fields_of(body)["M"] == "SCRAM channel binding negotiation error"


def test_psql_asks_for_its_password_in_between(terminate):
    """Without a password libpq goes away at the offer and comes again."""
    proctor = terminate("require", "require")
    with pytest.raises(psycopg2.OperationalError, match="no password supplied"):
        connect(proctor, sslmode="require", password=None)
    assert ask(connect(proctor, sslmode="require")) == "alice"


def test_two_hundred_log_ins_leave_nothing(terminate, server):
    """Neither memory nor descriptors: half of them right, half of them wrong."""
    proctor = terminate("require", "require", auth_user="postgres", file=users(server, "alice"))
    def log_in(count):
        for number in range(count):
            user = ("alice", 'o"dd', "nobody")[number % 3]
            if number % 2:
                connect(proctor, user if user != "nobody" else "alice", sslmode="require").close()
            else:
                with pytest.raises(psycopg2.OperationalError):
                    connect(proctor, user, sslmode="require", password="wrong")

    log_in(60)
    assert harness.wait_until(lambda: len(proctor.events("disconnect")) == 60)
    before, kept = proctor.descriptors(), proctor.memory_kb()
    log_in(200)
    assert harness.wait_until(lambda: len(proctor.events("disconnect")) == 260)
    assert harness.wait_until(lambda: proctor.descriptors() <= before), (before, proctor.descriptors())
    if not proctor.sanitized():
        assert proctor.memory_kb() - kept < 2048

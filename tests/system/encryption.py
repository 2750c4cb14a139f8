"""PostgreSQL with TLS and each way to log in, a pgproctor before it, and certificates for both."""

import contextlib
import os
import subprocess

import psycopg2
import pytest

import harness

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
SERVER_ENCRYPTED = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"


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


def make_certificates(directory, *names):
    """Those, by an authority of their own, ca.crt."""
    directory.mkdir()
    make_certificate(directory, "authority", signed=False, file="ca")
    for name in names:
        make_certificate(directory, name)
    return directory


@contextlib.contextmanager
def running(place, certificates, hba, prepare, **settings):
    """A PostgreSQL with ssl = on; `prepare` makes its roles before the pg_hba.conf holds."""
    place.mkdir()
    place.chmod(0o755)
    postgres = harness.Postgres(place)
    key = place / "server.key"
    key.write_bytes((certificates / "server.key").read_bytes())
    key.chmod(0o600)
    if postgres.owner:
        os.chown(key, postgres.owner.pw_uid, postgres.owner.pw_gid)
    postgres.settings.update(
        ssl="on",
        ssl_cert_file=certificates / "server.crt",
        ssl_key_file=key,
        shared_buffers="32MB",
        log_connections="on",
        wal_level="replica",
        max_wal_senders=4,
        **settings,
    )
    try:
        postgres.start()
        prepare(postgres)
        (place / "data" / "pg_hba.conf").write_text(hba)
        postgres.reload()
        yield postgres
    finally:
        postgres.stop()


def make_roles(postgres):
    for name, encryption in (("scram", "scram-sha-256"), ("md5", "md5"), ("clear", "scram-sha-256"), ("tlsonly", "scram-sha-256")):
        postgres.sql(f"SET password_encryption = '{encryption}'; CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
    postgres.sql("ALTER ROLE scram REPLICATION; ALTER ROLE tlsonly REPLICATION; CREATE ROLE client LOGIN; CREATE ROLE nossl LOGIN")


@pytest.fixture(autouse=True)
def needs_binary(request):
    if request.config.getoption("--direct"):
        pytest.skip("needs pgproctor")


@pytest.fixture(scope="module")
def certificates(scratch, request):
    return make_certificates(scratch / f"{request.module.__name__}-certificates", "server", "client", "other")


@pytest.fixture(scope="module")
def secure(scratch, certificates, request):
    """Roles for all ways to log in."""
    place = scratch / f"{request.module.__name__}-server"
    with running(place, certificates, HBA, make_roles, ssl_ca_file=certificates / "ca.crt") as postgres:
        yield postgres


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

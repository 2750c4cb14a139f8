"""GSSAPI log-in through pgproctor, against a Kerberos realm of its own. Needs Debian's krb5-kdc, krb5-admin-server and krb5-user;
without them every test here is skipped."""

import os
import shutil
import subprocess
import threading

import psycopg
import psycopg2
import pytest

import harness
from encryption import running
from encryption import certificates, needs_binary  # fixtures

PROGRAMS = {"krb5kdc": "krb5-kdc", "kdb5_util": "krb5-kdc", "kadmin.local": "krb5-admin-server", "kinit": "krb5-user"}
MISSING = sorted({package for program, package in PROGRAMS.items() if not shutil.which(program)})
pytestmark = pytest.mark.skipif(bool(MISSING), reason=f"no Kerberos: Debian's {', '.join(MISSING)} is not installed")

REALM = "TEST.LOCAL"
HBA = """
local all all trust
host all postgres 127.0.0.1/32 trust
hostgssenc all encrypted 127.0.0.1/32 gss include_realm=0
host all encrypted 127.0.0.1/32 reject
host all all 127.0.0.1/32 gss include_realm=0
"""
PRINCIPAL = "SELECT gss_authenticated, principal, encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()"


class Realm:
    """A KDC on localhost with alice and the server in it."""

    def __init__(self, place):
        place.mkdir()
        place.chmod(0o755)
        self.keytab = place / "keytab"
        port = harness.free_port()
        (place / "krb5.conf").write_text(
            f"[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\ndns_canonicalize_hostname = false\nrdns = false\n"
            f"[realms]\n{REALM} = {{\nkdc = 127.0.0.1:{port}\n}}\n[domain_realm]\nlocalhost = {REALM}\n"
        )
        (place / "kdc.conf").write_text(
            f"[kdcdefaults]\nkdc_listen = 127.0.0.1:{port}\nkdc_tcp_listen = 127.0.0.1:{port}\n"
            f"[realms]\n{REALM} = {{\ndatabase_name = {place}/principal\nkey_stash_file = {place}/stash\nacl_file = {place}/acl\n}}\n"
        )
        self.environment = {"KRB5_CONFIG": f"{place}/krb5.conf", "KRB5_KDC_PROFILE": f"{place}/kdc.conf", "KRB5CCNAME": f"FILE:{place}/tickets"}
        self.run("kdb5_util", "create", "-r", REALM, "-s", "-P", "master")
        self.run("kadmin.local", "-q", "addprinc -pw secret alice")
        self.run("kadmin.local", "-q", "addprinc -randkey postgres/localhost")
        self.run("kadmin.local", "-q", f"ktadd -k {self.keytab} postgres/localhost")
        self.process = harness.Process([shutil.which("krb5kdc"), "-n"], place / "kdc.log", environment=self.environment)
        assert harness.wait_until(lambda: harness.listening("127.0.0.1", port)), self.process.said()
        self.run("kinit", "alice", given="secret\n")

    def run(self, program, *arguments, given=None):
        done = subprocess.run([program, *arguments], env={**os.environ, **self.environment}, input=given, capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def realm(scratch):
    realm = Realm(scratch / "realm")
    yield realm
    realm.process.stop()


@pytest.fixture
def tickets(realm, monkeypatch):
    """alice's, for this process and its children."""
    for name, value in realm.environment.items():
        monkeypatch.setenv(name, value)


def make_roles(postgres):
    for role in ("alice", "bob", "encrypted"):
        postgres.sql(f"CREATE ROLE {role} LOGIN")
    postgres.sql("CREATE TABLE big AS SELECT g AS n FROM generate_series(1, 2000) g; ALTER TABLE big OWNER TO alice; ANALYZE; GRANT CREATE ON SCHEMA public TO alice")


@pytest.fixture(scope="module")
def server(scratch, certificates, realm):
    keytab = scratch / "postgres.keytab"
    shutil.copy(realm.keytab, keytab)
    owner = harness.Postgres(scratch).owner
    if owner:
        os.chown(keytab, owner.pw_uid, owner.pw_gid)
    with running(scratch / "gss", certificates, HBA, make_roles, krb_server_keyfile=keytab) as postgres:
        yield postgres


@pytest.fixture(scope="module")
def proctor(start_proctor, server):
    return start_proctor(server, settings={"mode": "enforce", "large_table_rows": 1000})


def conninfo(place, user="alice", **parameters):
    """The name is what the ticket is for, the address where it goes."""
    parameters = {"host": "localhost", "hostaddr": "127.0.0.1", "port": place.port, "user": user, "dbname": "postgres", "sslmode": "disable", **parameters}
    return " ".join(f"{name}={value}" for name, value in parameters.items())


def psql(place, text, **parameters):
    done = subprocess.run(["psql", "-XAt", conninfo(place, **parameters), "-c", text], capture_output=True, text=True, timeout=200)
    return done.stdout, done.stderr.replace(str(place.port), "PORT")


@pytest.mark.parametrize("mode", ["disable", "prefer"])
def test_logging_in(tickets, server, proctor, mode):
    """Encryption by GSSAPI is answered no, as a server without it does; the log-in passes."""
    assert psql(server, PRINCIPAL, gssencmode=mode) == (f"t|alice@{REALM}|{'t' if mode == 'prefer' else 'f'}\n", "")
    assert psql(proctor, PRINCIPAL, gssencmode=mode) == (f"t|alice@{REALM}|f\n", "")
    for connect in (psycopg2.connect, psycopg.connect):
        connection = connect(conninfo(proctor, gssencmode=mode))
        cursor = connection.cursor()
        cursor.execute(PRINCIPAL)
        assert cursor.fetchone() == (True, f"alice@{REALM}", False)
        connection.close()


def test_encryption_demanded(tickets, proctor):
    assert "server doesn't support GSSAPI encryption, but it was required" in psql(proctor, "SELECT 1", gssencmode="require")[1]


def test_refusals_are_the_servers(tickets, server, proctor, monkeypatch):
    """Another's name, a user who may come in encrypted only, and nobody's ticket."""
    for user in ("bob", "encrypted"):
        direct = psql(server, "SELECT 1", user=user, gssencmode="disable")
        assert psql(proctor, "SELECT 1", user=user, gssencmode="disable") == direct
        assert "FATAL" in direct[1]
    monkeypatch.setenv("KRB5CCNAME", "FILE:/nonexistent")
    direct = psql(server, "SELECT 1", gssencmode="disable")
    assert psql(proctor, "SELECT 1", gssencmode="disable") == direct
    assert "GSSAPI" in direct[1]


def test_over_tls(tickets, start_proctor, server, certificates):
    """TLS to the client, or to both sides, and GSSAPI only to log in."""
    files = {"client_tls_cert_file": certificates / "server.crt", "client_tls_key_file": certificates / "server.key"}
    for upstream in ("disable", "require"):
        proctor = start_proctor(server, settings={"client_tls_sslmode": "require", "server_tls_sslmode": upstream, **files})
        for mode in ("disable", "prefer"):
            assert psql(proctor, PRINCIPAL, sslmode="require", gssencmode=mode) == (f"t|alice@{REALM}|f\n", "")


def test_what_comes_after(tickets, server, proctor):
    """The session is followed, judged and cancelled like any other, and no token is in the log."""
    connection = psycopg2.connect(conninfo(proctor))
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT count(*) FROM big")
    proctor.wait_for("catalog", database="postgres")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="index-build-blocks-writes"):
        cursor.execute("CREATE INDEX big_n ON big (n)")
    cursor.execute("CREATE INDEX CONCURRENTLY big_n ON big (n)")
    cursor.execute("DROP INDEX big_n")
    canceller = server.when_sleeping(connection.info.backend_pid, connection.cancel)
    with pytest.raises(psycopg2.errors.QueryCanceled):
        cursor.execute("SELECT pg_sleep(60)")
    canceller.join()
    cursor.execute("SELECT 6 * 7")
    assert cursor.fetchone() == (42,)
    connection.close()
    assert not proctor.events("blind") and not proctor.events("error") and not proctor.events("warning")


def test_terminated(tickets, start_proctor, server, tmp_path):
    """auth = terminate knows passwords alone: where the server asks for a ticket it refuses, and says why."""
    server.sql("ALTER ROLE alice PASSWORD 'secret'")
    verifier = server.sql("SELECT rolpassword FROM pg_authid WHERE rolname = 'alice'")[0][0]
    users = tmp_path / "userlist.txt"
    users.write_text(f'"alice" "{verifier}"\n')
    users.chmod(0o600)
    proctor = start_proctor(server, settings={"auth": "terminate", "auth_file": users})
    out, error = psql(proctor, "SELECT 1", gssencmode="disable", password="secret")
    assert out == "" and "it offers no SCRAM" in error

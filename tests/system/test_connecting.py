"""How libpq chooses among hosts, and what it finds out about each, is the same through pgproctor."""

import fcntl
import os
import pty
import subprocess
import termios

import psycopg2
import pytest

import harness


def outcome(place, attributes, first=None, options="''"):
    """What a connection to two hosts ends in: which of them, or the error without their ports."""
    ports = f"{first or place.port},{place.port}"
    try:
        connection = psycopg2.connect(f"host={place.host},{place.host} port={ports} dbname=postgres user=postgres target_session_attrs={attributes} options={options}")
    except psycopg2.OperationalError as error:
        return str(error).replace(str(place.port), "<port>").replace(str(first), "<first>")
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery(), current_setting('transaction_read_only')")
        found = cursor.fetchone()
    connection.close()
    return found


@pytest.mark.parametrize("attributes", ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"])
def test_target_session_attributes(postgres, proctor, attributes):
    """A primary is taken or refused for what it is."""
    wanted = outcome(postgres, attributes)
    assert outcome(proctor, attributes) == wanted
    assert (attributes in ("read-only", "standby")) == isinstance(wanted, str)


@pytest.mark.parametrize("attributes", ["any", "read-write"])
def test_the_next_host(postgres, proctor, attributes):
    """Where nobody listens at the first address, the second is tried."""
    dead = harness.free_port()
    assert outcome(proctor, attributes, dead) == outcome(postgres, attributes, dead) == (False, "off")


@pytest.mark.parametrize("attributes", ["read-write", "read-only"])
def test_read_only_by_default(postgres, proctor, attributes):
    """What the session itself asks for at its start counts, too."""
    wanted = outcome(postgres, attributes, options="'-c default_transaction_read_only=on'")
    assert outcome(proctor, attributes, options="'-c default_transaction_read_only=on'") == wanted
    assert isinstance(wanted, str) == (attributes == "read-write")


def test_two_connections_for_a_password(start_proctor, postgres):
    """psql asks for a password only when the server wants one, and connects anew with it: the first connection ends in the
    middle of the log-in, which is no error of anybody."""
    postgres.sql("CREATE ROLE asked LOGIN PASSWORD 'typed'")
    hba = harness.Path(postgres.sql("SHOW hba_file")[0][0])
    before = hba.read_text()
    hba.write_text("host all asked 127.0.0.1/32 scram-sha-256\n" + before)
    postgres.reload()
    try:
        proctor = start_proctor(settings={"client_login_timeout": "10s"})
        near, far = pty.openpty()
        psql = subprocess.Popen(
            ["psql", "-XAtc", "SELECT current_user", proctor.dsn(user="asked")], stdin=far, stdout=subprocess.PIPE, stderr=far, start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0), text=True,
        )
        assert b"Password" in os.read(near, 1000)
        os.write(near, b"typed\n")
        assert psql.communicate(timeout=60)[0] == "asked\n"
        os.close(near)
        os.close(far)
        assert not proctor.events("warning") and not proctor.events("error")
    finally:
        hba.write_text(before)
        postgres.sql("DROP ROLE asked; SELECT pg_reload_conf()")

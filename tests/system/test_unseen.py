"""What can't be judged, because it is no SQL or too long: passed on by default, and refused where a setting says so, which
leaves everything as the server's own error would."""

import struct

import psycopg2
import psycopg2.errors
import psycopg2.extras
import pytest

from wire import Wire, error_of, kinds, message, startup

MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def refusing(start_proctor):
    return start_proctor(direct_ok=False, settings={"fastpath": "reject", "replication": "reject", "oversize": "reject"})


@pytest.fixture(scope="module")
def passing(start_proctor):
    return start_proctor()


def call(oid, *arguments):
    """A FunctionCall, everything as text."""
    values = b"".join(struct.pack("!I", len(value)) + value for value in arguments)
    return message(b"F", struct.pack("!IHH", oid, 0, len(arguments)) + values + struct.pack("!H", 0))


LENGTH = 1317  # length(text)


def test_fastpath_passes(passing, database):
    with Wire(passing.host, passing.port) as wire:
        wire.login(database)
        wire.send(call(LENGTH, b"four"))
        answer = wire.until(b"Z")
        assert kinds(answer) == b"VZ" and answer[0][1].endswith(b"4")
    passing.stop()
    seen = [event for event in passing.events("fingerprint") if event["query"] == "(function call by oid)"]
    assert sum(event["calls"] for event in seen) == 1
    passing.start()


def test_fastpath_refused(refusing, postgres, database):
    """Types of messages, states and effects are those of a function that there isn't."""
    outcomes = []
    for server, function in ((postgres, 0), (refusing, LENGTH)):
        with Wire(server.host, server.port) as wire:
            wire.login(database)
            wire.query("DROP TABLE IF EXISTS t; CREATE TABLE t (n int)")
            seen = []
            for data, syncs in [
                (call(function, b"four"), 1),
                (message(b"Q", b"BEGIN; INSERT INTO t VALUES (1)\0") + call(function, b"four") + call(function, b"x"), 3),
                (message(b"Q", b"COMMIT\0") + message(b"Q", b"SELECT count(*) FROM t\0"), 2),
                (message(b"P", b"\0SELEC\0\0\0") + call(function, b"four") + message(b"S"), 1),
                (message(b"P", b"\0INSERT INTO t VALUES (2)\0\0\0") + message(b"B", b"\0" * 8) + message(b"E", b"\0" * 5), 0),
                (call(function, b"four") + message(b"S"), 2),
                (message(b"Q", b"SELECT count(*) FROM t\0"), 1),
                (message(b"Q", b"BEGIN\0") + message(b"Q", b"SELECT 1/0\0") + call(function, b"four"), 3),
            ]:
                wire.send(data)
                for _ in range(syncs):
                    answer = wire.until(b"Z")
                    error = error_of(answer)
                    seen.append((kinds(answer), [body for kind, body in answer if kind in (b"Z", b"D")], error and error["C"].replace("42883", "42501")))
            outcomes.append(seen)
    assert outcomes[1] == outcomes[0]


def test_large_objects(passing, refusing, database):
    """libpq's large objects go by fastpath."""
    for proctor, fails in ((passing, False), (refusing, True)):
        connection = psycopg2.connect(proctor.dsn(database))
        if fails:
            with pytest.raises(psycopg2.OperationalError):
                connection.lobject()
        else:
            large = connection.lobject()
            large.write(b"x" * 100000)
            large.seek(0)
            assert len(large.read()) == 100000
        connection.close()


@pytest.mark.parametrize("kind", [psycopg2.extras.LogicalReplicationConnection, psycopg2.extras.PhysicalReplicationConnection])
def test_replication(passing, refusing, database, kind):
    """This server has no walsenders, and is the one to say so; unless pgproctor lets nobody ask."""
    with pytest.raises(psycopg2.OperationalError) as caught:
        psycopg2.connect(passing.dsn(database), connection_factory=kind)
    assert "max_wal_senders" in str(caught.value)
    with pytest.raises(psycopg2.OperationalError) as caught:
        psycopg2.connect(refusing.dsn(database), connection_factory=kind)
    assert "FATAL" in str(caught.value) and "replication = reject" in str(caught.value)


@pytest.mark.parametrize("value", ["true", "T", "1", "On", "y", "yes", "database", "DATABASE"])
def test_replication_in_any_spelling(refusing, database, value):
    with Wire(refusing.host, refusing.port) as wire:
        wire.send(startup(user="postgres", database=database, replication=value))
        answer = wire.until(b"Z")
        assert error_of(answer)["C"] == "28000" and answer[-1][0] is None


def test_oversize_leaves_the_same_state(refusing, postgres, database):
    """As a text of the same place and length that the server can't parse: in a transaction, as the k-th of a pipeline, by
    a name, and behind an error."""
    long = b" " * (MEBIBYTE + 1)
    outcomes = []
    for server, text in ((postgres, b"SELEC" + long), (refusing, b"SELECT 1" + long)):
        with Wire(server.host, server.port) as wire:
            wire.login(database)
            wire.query("DROP TABLE IF EXISTS t; CREATE TABLE t (n int)")
            insert = message(b"P", b"\0INSERT INTO t VALUES (1)\0\0\0") + message(b"B", b"\0" * 8) + message(b"E", b"\0" * 5)
            unnamed = message(b"P", b"\0SELECT 'kept'\0\0\0") + message(b"S")
            use = message(b"B", b"\0" * 8) + message(b"E", b"\0" * 5) + message(b"S")
            seen = []
            for data, syncs in [
                (message(b"Q", text + b"\0"), 1),
                (message(b"Q", b"BEGIN\0") + message(b"Q", text + b"\0") + message(b"Q", b"SELECT 1\0") + message(b"Q", b"COMMIT\0"), 4),
                (insert + message(b"P", b"s\0" + text + b"\0\0\0") + insert + message(b"S"), 1),
                (message(b"Q", b"SELECT count(*) FROM t\0"), 1),
                (unnamed + message(b"P", b"s\0" + text + b"\0\0\0") + message(b"S") + use, 3),
                (unnamed + message(b"P", b"\0" + text + b"\0\0\0") + message(b"S") + use, 3),
                (message(b"P", b"\0SELEC\0\0\0") + message(b"Q", text + b"\0") + message(b"S"), 1),
                (message(b"Q", b"BEGIN\0") + message(b"Q", b"SELECT 1/0\0") + message(b"Q", text + b"\0"), 3),
            ]:
                wire.send(data)
                for _ in range(syncs):
                    answer = wire.until(b"Z")
                    error = error_of(answer)
                    code = error and ("42501" if "SELEC" in error["M"] or "oversize" in error["M"] else error["C"])
                    seen.append((kinds(answer), [body for kind, body in answer if kind in (b"Z", b"D")], code))
            outcomes.append(seen)
    assert outcomes[1] == outcomes[0]
    refusing.stop()
    lines = [event for event in refusing.events("unparsed") if event["reason"] == "(not parsed: too long)"]
    assert len(lines) == 1
    refusing.start()


def test_a_message_that_no_server_takes(refusing, postgres, database):
    """At the header of a gibibyte the server ends the session, without waiting for the rest."""
    for kind in (b"Q", b"P", b"F"):
        for server in (postgres, refusing):
            with Wire(server.host, server.port) as wire:
                wire.login(database)
                wire.send(kind + struct.pack("!I", 0x40000000))
                assert wire.closed() == b""

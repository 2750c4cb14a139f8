"""Which text the server reads depends on standard_conforming_strings and client_encoding, and what is under way may change
both: nothing that it would read as harmful gets past as something else."""

import random
import socket
import struct
import time

import psycopg2
import pytest

from wire import Wire, error_of, kinds, message, startup

SETTINGS = {"large_table_rows": 1000, "mode": "enforce", "stats_period": 60}
# Harmful with standard_conforming_strings off, on; and with a client_encoding that hides ASCII, that doesn't.
OFF = rb"SELECT 'a\', '; CREATE INDEX big_n ON big (n); --'"
ON = rb"SELECT 'a\'; CREATE INDEX big_n ON big (n); --'"
HIDDEN = b"SELECT E'\x83\\'; CREATE INDEX big_n ON big (n); --'"
PLAIN = b"SELECT E'\xc3\xa9\x83\\', '; CREATE INDEX big_n ON big (n); --'"


@pytest.fixture(scope="module")
def latin(postgres):
    """A database whose texts are all valid in the server, whatever the bytes."""
    postgres.sql("CREATE DATABASE latin ENCODING LATIN1 LOCALE 'C' TEMPLATE template0")
    return "latin"


@pytest.fixture(scope="module", autouse=True)
def tables(postgres, database, latin):
    for name in (database, latin):
        postgres.sql(
            "CREATE TABLE big AS SELECT g AS n FROM generate_series(1, 2000) g; CREATE TABLE größe AS TABLE big;"
            "CREATE SCHEMA tenant; CREATE TABLE tenant.orders AS TABLE big; CREATE SCHEMA small; CREATE TABLE small.orders (n int); ANALYZE;"
            "CREATE FUNCTION change(value text) RETURNS text LANGUAGE plpgsql AS "
            "$$ BEGIN RETURN set_config('standard_conforming_strings', value, false); END $$",
            name,
        )


@pytest.fixture(scope="module")
def enforcing(start_proctor, database, latin, tables):
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    for name in (database, latin):
        with psycopg2.connect(proctor.dsn(name)) as connection:
            connection.cursor().execute("SELECT 1")
        connection.close()
        proctor.wait_for("catalog", database=name)
    return proctor


@pytest.fixture(autouse=True)
def nothing_was_built(postgres, database, latin, tables):
    yield
    for name in (database, latin):
        built = postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'big_n'", name)
        postgres.sql("DROP INDEX IF EXISTS big_n", name)
        assert built == [(0,)]


def query(text):
    return message(b"Q", (text if isinstance(text, bytes) else text.encode()) + b"\0")


def extended(text, then=b""):
    text = text if isinstance(text, bytes) else text.encode()
    return message(b"P", b"\0" + text + b"\0\0\0") + message(b"B", b"\0" * 8) + message(b"E", b"\0" * 5) + then


SYNC, FLUSH = message(b"S"), message(b"H")


def send(wire, data, cut):
    """At once, or in pieces that end anywhere."""
    if cut is None:
        wire.send(data)
        return
    wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    rng = random.Random(cut)
    while data:
        size = rng.randint(1, 40)
        wire.send(data[:size])
        data = data[size:]
        time.sleep(0.0005)


def refused(wire):
    """The SQLSTATE of the next error."""
    while True:
        kind, body = wire.message()
        assert kind is not None
        if kind == b"E":
            return error_of([(kind, body)])["C"]


# What turns standard_conforming_strings off, and leaves it off for what stands right behind it. And what turns it on.
TURNED_OFF = {
    "SET": query("SET standard_conforming_strings = off"),
    "SET LOCAL": query("BEGIN") + query("SET LOCAL standard_conforming_strings TO off"),
    "set_config": query("SELECT set_config('standard_conforming_strings', 'off', false)"),
    "set_config, put together": query("SELECT set_config('standard_' || 'conforming_strings', 'o' || 'ff', false)"),
    "a function": query("SELECT change('off')"),
    "DO": query("DO $$ BEGIN PERFORM change('off'); END $$"),
    "one of several": query("SELECT 1; SET standard_conforming_strings = off; SELECT 2"),
    "PREPARE, EXECUTE": query("PREPARE p AS SELECT change('off')") + query("EXECUTE p"),
    "Parse, Bind": extended("SET standard_conforming_strings = off", SYNC),
    "without Sync": extended("SET standard_conforming_strings = off"),
    "without Sync, with Flush": extended("SELECT change('off')", FLUSH),
    "UPDATE of pg_settings": query("UPDATE pg_settings SET setting = 'off' WHERE name = 'standard_conforming_strings'"),
}
TURNED_ON = {
    "SET": query("SET standard_conforming_strings = on"),
    "RESET": query("RESET standard_conforming_strings"),
    "RESET ALL": query("RESET ALL"),
    "DISCARD ALL": query("DISCARD ALL"),
    "ROLLBACK": None,
    "ROLLBACK TO": None,
    "COMMIT of SET LOCAL": None,
}


@pytest.mark.parametrize("cut", [None, 1, 2])
@pytest.mark.parametrize("how", TURNED_OFF)
@pytest.mark.parametrize("harmful", [query(OFF), extended(OFF, SYNC)], ids=["Query", "Parse"])
def test_turned_off(enforcing, database, how, cut, harmful):
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        send(wire, TURNED_OFF[how] + harmful, cut)
        assert refused(wire) == "42501"


@pytest.mark.parametrize("cut", [None, 1, 2])
@pytest.mark.parametrize("how", TURNED_ON)
def test_turned_on(enforcing, database, how, cut):
    """The other direction: settled off, and on again."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        change = TURNED_ON[how]
        if change:
            wire.query("SET standard_conforming_strings = off")
        else:
            wire.query("BEGIN; SAVEPOINT s")
            wire.query("SET LOCAL standard_conforming_strings = off")
            change = query({"ROLLBACK TO": "ROLLBACK TO s"}.get(how, how.split()[0]))
        send(wire, change + query(ON), cut)
        assert refused(wire) == "42501"


@pytest.mark.parametrize("options", ["-c standard_conforming_strings=off", "--standard-conforming-strings=off"])
def test_from_the_start(enforcing, database, options):
    """With trust the first statement may come along with the start-up packet."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.send(startup(user="postgres", database=database, options=options) + query(OFF))
        assert refused(wire) == "42501"


@pytest.mark.parametrize("whose", ["ROLE postgres", "DATABASE {}", "ROLE postgres IN DATABASE {}"])
def test_by_alter_role(enforcing, postgres, database, whose):
    """Nothing in the start-up packet tells: only ParameterStatus does."""
    whose = whose.format(database)
    postgres.sql(f"ALTER {whose} SET standard_conforming_strings = off", database)
    try:
        with Wire(enforcing.host, enforcing.port) as wire:
            wire.send(startup(user="postgres", database=database) + query(OFF))
            assert refused(wire) == "42501"
        with Wire(enforcing.host, enforcing.port) as wire:
            wire.login(database)
            wire.send(query(OFF))
            assert refused(wire) == "42501"
            assert wire.until(b"Z") and kinds(wire.query(ON.decode())).endswith(b"TDCZ")
    finally:
        postgres.sql(f"ALTER {whose} RESET standard_conforming_strings", database)


def test_within_one_message(enforcing, database):
    """The server reads all of a Query by the setting as it was when the Query came, and so does pgproctor."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        text = b"SET standard_conforming_strings = off; " + OFF
        wire.send(query(text))
        assert error_of(wire.until(b"Z")) is None
        wire.query("SET standard_conforming_strings = on")
        wire.send(query(b"SET standard_conforming_strings = off; " + ON))
        assert error_of(wire.until(b"Z"))["C"] == "42501"
        assert kinds(wire.query("SELECT 'a\\'")) == b"TDCZ"


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize("encoding", ["SJIS", "BIG5", "GBK", "UHC", "GB18030", "SHIFT_JIS_2004"])
@pytest.mark.parametrize("form", ["SET client_encoding = '{}'", "SET NAMES '{}'", "SELECT set_config('client_encoding', '{}', false)"])
def test_encoding_under_way(enforcing, database, encoding, form, cut):
    """A backslash that is the end of a character quotes nothing."""
    text = HIDDEN if encoding not in ("BIG5",) else HIDDEN.replace(b"\x83", b"\xa5")
    if encoding == "UHC":
        text = b"SELECT E'\x81A'; CREATE INDEX big_n ON big (n); --'"
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        send(wire, query(form.format(encoding)) + query(text), cut)
        assert refused(wire) == "42501"


def test_encoding_back_under_way(enforcing, latin):
    """And one that is a character of its own does quote."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(latin)
        wire.send(query("SET client_encoding = SJIS"))
        wire.until(b"Z")
        wire.send(query("RESET client_encoding") + query(PLAIN))
        wire.until(b"Z")
        assert error_of(wire.until(b"Z"))["C"] == "42501"


SAMPLES = {
    "SJIS": b"'\x83\x5c\x83\x7c'",
    "SHIFT_JIS_2004": b"'\x83\x5c'",
    "BIG5": b"'\xa5\x5c\xa5\x7c'",
    "GBK": b"'\x81\x5c\x81\x7c'",
    "UHC": b"'\x81\x41\xb0\xa1'",
    "GB18030": b"'\x81\x5c\x81\x30\x81\x30'",
    "JOHAB": b"'\xb0\xa1'",
    "EUC_JP": b"'\xa5\xbd'",
    "LATIN1": b"'caf\xe9'",
    "WIN1251": b"'\xef\xf0\xe8'",
    "KOI8R": b"'\xd0\xd2\xc9'",
}


@pytest.mark.parametrize("encoding", SAMPLES)
def test_texts_are_read_in_their_encoding(enforcing, database, encoding):
    """The session goes on as without pgproctor, what stands behind such a string is judged, and what the log says of it
    is text."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database, client_encoding=encoding)
        wire.send(query(b"SELECT E" + SAMPLES[encoding] + b" AS \"" + SAMPLES[encoding].strip(b"'") + b"\""))
        assert kinds(wire.until(b"Z")) == b"TDCZ"
        wire.send(query(b"SELECT E" + SAMPLES[encoding] + b"; CREATE INDEX big_n ON big (n)"))
        assert error_of(wire.until(b"Z"))["C"] == "42501"
        wire.send(query(b"SELECT '\x81\x27; CREATE INDEX big_n ON big (n)"))
        whole = encoding in ("LATIN1", "WIN1251", "KOI8R")  # elsewhere half a character
        assert error_of(wire.until(b"Z"))["C"] in ("42501" if whole else "22021", "22P05")


@pytest.mark.parametrize("encoding", ["UTF8", "LATIN1", "SQL_ASCII"])
def test_names_in_any_encoding(enforcing, latin, encoding):
    """The table is the same whatever the client's encoding, and the server's; in the log it is UTF-8."""
    text = "CREATE INDEX big_n ON größe (n)".encode("latin-1" if encoding != "UTF8" else "utf-8")
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(latin, client_encoding=encoding)
        wire.send(query(text))
        error = b"".join(body for kind, body in wire.until(b"Z") if kind == b"E")
        assert b"C42501\0" in error and text.split()[4] in error
    event = enforcing.wait_for("finding", table="größe", action="rejected")
    assert "größe" in event["query"]


@pytest.mark.parametrize("encoding, name", [("LATIN1", "ü"), ("UTF8", "ü"), ("SJIS", "表"), ("GB18030", "ü"), ("UTF8", "n" * 70), ("LATIN1", "ü" * 30)])
def test_prepared_names_in_any_encoding(start_proctor, database, encoding, name):
    """Protocol and SQL share the names, whatever the client's encoding: what one has prepared is known to the other."""
    proctor = start_proctor(direct_ok=False, settings=SETTINGS, rules={"Q101": "reject"})
    with Wire(proctor.host, proctor.port) as wire:
        wire.login(database)
        wire.query("SELECT 1")
        proctor.wait_for("catalog", database=database)
        wire.query(f"SET client_encoding = {encoding}")
        name = name.encode({"SJIS": "shift_jis"}.get(encoding, encoding))
        like = b"SELECT n FROM big WHERE n::text LIKE $1"
        wire.send(query(b'PREPARE "' + name + b'" (text) AS ' + like))
        assert error_of(wire.until(b"Z")) is None
        for value, code in ((b"%1%", "42501"), (b"1%", None)):
            wire.send(message(b"B", b"\0" + name[:63] + b"\0\0\0\0\1" + struct.pack("!i", len(value)) + value + b"\0\0") + SYNC)
            error = error_of(wire.until(b"Z"))
            assert (error and error["C"]) == code
        wire.send(query(b'DEALLOCATE "' + name + b'"'))
        assert error_of(wire.until(b"Z")) is None
        wire.send(message(b"P", name[:63] + b"\0" + like + b"\0\0\0") + SYNC)
        assert error_of(wire.until(b"Z")) is None
        wire.send(query(b'EXECUTE "' + name + b'" (\'%1%\')'))
        assert error_of(wire.until(b"Z"))["C"] == "42501"


ENCODED = {"LATIN1": "latin-1", "WIN1252": "cp1252", "LATIN9": "iso8859-15", "WIN1250": "cp1250", "GB18030": "gb18030", "UTF8": "utf-8"}


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize("encoding", ENCODED)
@pytest.mark.parametrize("how", [query, lambda text: extended(text, SYNC)], ids=["simple", "extended"])
def test_names_while_the_encoding_changes(enforcing, database, how, encoding, cut):
    """Another encoding is another name, and the table that it is in the one under way is judged."""
    before = "UTF8" if encoding != "UTF8" else "LATIN1"
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database, client_encoding=before)
        text = "CREATE INDEX big_n ON größe (n)".encode(ENCODED[encoding])
        send(wire, how(f"SET client_encoding = {encoding}") + how(text), cut)
        wire.until(b"Z")
        assert error_of(wire.until(b"Z"))["C"] == "42501"
        assert kinds(wire.query("SELECT 1")) == b"TDCZ"


def test_names_while_the_encoding_changes_are_found(start_proctor, database, tables):
    """In observe mode, too; and the safe variant is silent."""
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "mode": "observe"})
    with Wire(proctor.host, proctor.port) as wire:
        wire.login(database)
        wire.query("SELECT 1")
        proctor.wait_for("catalog", database=database)
        wire.send(query("SET client_encoding = LATIN1") + query("CREATE INDEX CONCURRENTLY other ON größe (n)".encode("latin-1")))
        wire.until(b"Z")
        assert error_of(wire.until(b"Z")) is None
        wire.query("DROP INDEX other; RESET client_encoding")
        assert not [found for found in proctor.events("finding") if found["rule"] == "index-build-blocks-writes"]
        wire.send(query("SET client_encoding = LATIN1") + query("BEGIN; CREATE INDEX big_n ON größe (n); ROLLBACK".encode("latin-1")))
        wire.until(b"Z")
        assert error_of(wire.until(b"Z")) is None
    event = proctor.wait_for("finding", rule="index-build-blocks-writes")
    assert (event["table"], event["action"]) == ("größe", "logged")


PATHS = {
    "SET": query("SET search_path = tenant"),
    "SET LOCAL": query("BEGIN") + query("SET LOCAL search_path = tenant"),
    "extended": extended("SET search_path = tenant", SYNC),
    "extended, without a Sync": extended("SET search_path = tenant"),
    "SET LOCAL without BEGIN": extended("SET LOCAL search_path = tenant"),
    "DISCARD ALL": query("DISCARD ALL"),
    "RESET": query("RESET search_path"),
    "rolled back": query("BEGIN") + query("SET search_path = small") + query("ROLLBACK"),
    "failed": extended("SET search_path = small") + extended("SELECT 1/0", SYNC),
}


@pytest.mark.parametrize("cut", [None, 1])
@pytest.mark.parametrize("how", PATHS)
def test_path_under_way(enforcing, database, how, cut):
    """It is the path that counts by the time when the server gets to the statement."""
    back = how in ("DISCARD ALL", "RESET", "rolled back", "failed")
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database, options="-c search_path=tenant" if back else "-c search_path=small")
        wire.query("SELECT 1")
        if how in ("DISCARD ALL", "RESET"):
            wire.query("SET search_path = small")
        send(wire, PATHS[how] + extended("CREATE INDEX big_n ON orders (n)", SYNC), cut)
        assert refused_at_last(wire) == "42501"


def refused_at_last(wire):
    while (sqlstate := refused(wire)) == "22012":
        pass
    return sqlstate


def test_path_that_never_was(enforcing, database):
    """One that was not set, or is not any more, takes nobody's index away."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database, options="-c search_path=small")
        wire.query("BEGIN")
        wire.query("SET LOCAL search_path = tenant")
        wire.query("ROLLBACK")
        wire.send(query("SET application_name = 'x'") + query("BEGIN; CREATE INDEX big_n ON orders (n); ROLLBACK"))
        wire.until(b"Z")
        assert error_of(wire.until(b"Z")) is None
        wire.query("SET search_path = tenant")
        wire.query("SET search_path = small")
        assert error_of(wire.query("BEGIN; CREATE INDEX big_n ON orders (n); ROLLBACK")) is None


def test_escapes_in_the_servers_encoding(enforcing, latin, database):
    """E'\\xe9' is a character in LATIN1, and half of one in UTF8."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(latin)
        wire.send(query(rb"SELECT E'\xe9', E'\351'"))
        assert kinds(wire.until(b"Z")) == b"TDCZ"
        wire.send(query(rb"SELECT E'\xe9'; CREATE INDEX big_n ON big (n)"))
        assert error_of(wire.until(b"Z"))["C"] == "42501"
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        wire.send(query(rb"SELECT E'\xe9'"))
        assert error_of(wire.until(b"Z"))["C"] == "22021"


def test_a_pipeline_without_end(enforcing, database):
    """10,000 statements that can be read in two ways, and no Sync: they flow, and nothing is kept of them."""
    count = 10000
    with Wire(enforcing.host, enforcing.port, timeout=60) as wire:
        wire.login(database)
        before_kb = enforcing.memory_kb()
        pipeline = b"".join(extended(rb"SELECT 'a\b', %d" % (number % 10)) for number in range(count))
        sent = 0
        wire.socket.setblocking(False)
        replies = 0
        buffer = b""
        pipeline += FLUSH
        deadline = time.monotonic() + 60
        while replies < count and time.monotonic() < deadline:
            if sent < len(pipeline):
                try:
                    sent += wire.socket.send(pipeline[sent : sent + 65536])
                except BlockingIOError:
                    pass
            try:
                buffer += wire.socket.recv(1 << 20)
            except BlockingIOError:
                time.sleep(0.001)
            while len(buffer) >= 5:
                size = 1 + struct.unpack("!I", buffer[1:5])[0]
                if len(buffer) < size:
                    break
                assert buffer[:1] in b"12DC", buffer[:size]
                replies += buffer[:1] == b"C"
                buffer = buffer[size:]
        assert replies == count and sent == len(pipeline)
        wire.socket.setblocking(True)
        wire.send(SYNC)
        assert kinds(wire.until(b"Z")) == b"Z"
        assert enforcing.memory_kb() - before_kb < 40 << 10

"""Encodings whose characters end in bytes that look like ASCII — a backslash, a bar, a letter, a digit —, at a real server:
each such character comes back as it does directly, and where it stands in a statement, that statement is judged as the
server reads it. (How a text is read while its encoding changes is in test_lexing.py.)"""

import struct

import psycopg2
import pytest

from test_lexing import SYNC, extended, query
from wire import Wire, error_of, kinds, message

ENCODINGS = ["SJIS", "SHIFT_JIS_2004", "BIG5", "GBK", "UHC", "GB18030", "JOHAB"]
# In these each letter, too, is a last byte; the server takes JOHAB's last bytes from beyond ASCII only.
BACKSLASH = ["SJIS", "SHIFT_JIS_2004", "BIG5", "GBK", "GB18030"]
SETTINGS = {"large_table_rows": 1000, "mode": "enforce", "stats_period": 60}
RULES = {"Q101": "reject", "Q102": "reject", "Q103": "off", "Q104": "off", "Q108": "off"}
BUILD = b"CREATE INDEX big_n ON big (n)"
# What a table may be named by.
NAMES = {"SJIS": "表", "SHIFT_JIS_2004": "表", "BIG5": "功", "GBK": "乗", "UHC": "갂", "GB18030": "乗", "JOHAB": "갸"}
CODECS = {"SJIS": "cp932", "SHIFT_JIS_2004": "shift_jis_2004", "BIG5": "big5", "GBK": "gbk", "UHC": "cp949", "GB18030": "gb18030", "JOHAB": "johab"}


@pytest.fixture(scope="module", autouse=True)
def tables(postgres, database):
    postgres.sql(
        "CREATE EXTENSION pg_trgm; CREATE TABLE big AS SELECT g AS n, g::text AS bare, g::text AS indexed FROM generate_series(1, 2000) g;"
        "CREATE INDEX ON big USING gin (indexed gin_trgm_ops);"
        + "".join(f'CREATE TABLE "{name}" AS TABLE big;' for name in set(NAMES.values()))
        + "ANALYZE",
        database,
    )


@pytest.fixture(scope="module")
def enforcing(start_proctor, database, tables):
    proctor = start_proctor(direct_ok=False, settings=SETTINGS, rules=RULES)
    psycopg2.connect(proctor.dsn(database)).close()
    proctor.wait_for("catalog", database=database)
    return proctor


@pytest.fixture(autouse=True)
def nothing_was_built(postgres, database, tables):
    yield
    built = postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'big_n'", database)
    postgres.sql("DROP INDEX IF EXISTS big_n", database)
    assert built == [(0,)]


@pytest.fixture(scope="module")
def characters(postgres, database):
    """Of an encoding, all two bytes of which the server makes one character outside ASCII, and of GB18030 some of four; only
    those that end in ASCII, unless there are none. With the bytes that it makes of them for the client again."""
    postgres.sql(
        "CREATE FUNCTION turned(bytes bytea, encoding name) RETURNS bytea LANGUAGE plpgsql AS $$ BEGIN RETURN"
        " CASE WHEN length(convert_from(bytes, encoding)) = 1 AND octet_length(convert_from(bytes, encoding)) > 1 THEN convert_to(convert_from(bytes, encoding), encoding) END;"
        " EXCEPTION WHEN OTHERS THEN RETURN NULL; END $$",
        database,
    )
    found = {}

    def of(encoding):
        if encoding not in found:
            byte = "set_byte('\\x00', 0, {})"
            pairs = f"SELECT {byte.format('a')} || {byte.format('b')} AS bytes FROM generate_series(129, 254) a, generate_series(33, 254) b"
            if encoding == "GB18030":
                pairs += f" UNION ALL SELECT '\\x81'::bytea || {byte.format('b')} || '\\x81'::bytea || {byte.format('d')} FROM generate_series(48, 57) b, generate_series(48, 57) d"
            rows = postgres.sql(f"SELECT bytes, turned FROM ({pairs}) p, turned(bytes, '{encoding}') WHERE turned IS NOT NULL ORDER BY bytes", database)
            every = [(bytes(before), bytes(after)) for before, after in rows]
            found[encoding] = [pair for pair in every if pair[0][-1] < 0x80] or every
        return found[encoding]

    return of


def by_last_byte(pairs):
    """One of each, and the one that comes back as it was where there is one."""
    chosen = {}
    for before, after in pairs:
        if before[-1] not in chosen or (before == after and chosen[before[-1]][0] != chosen[before[-1]][1]):
            chosen[before[-1]] = (before, after)
    return [before for before, _ in chosen.values()]


def bind(statement, value, then=SYNC):
    """The unnamed statement with one text parameter."""
    parse = message(b"P", b"\0" + statement + b"\0\0\0")
    return parse + message(b"B", b"\0\0\0\0\0\1" + struct.pack("!i", len(value)) + value + b"\0\0") + message(b"D", b"P\0") + message(b"E", b"\0" * 5) + then


def rows(messages):
    """The first column of each row."""
    return [body[6 : 6 + struct.unpack("!i", body[2:6])[0]] for kind, body in messages if kind == b"D"]


def test_what_ends_in_ascii(characters):
    """What this file is about is there, as much of it as the standards say."""
    counts = {encoding: (len(characters(encoding)), len(by_last_byte(characters(encoding)))) for encoding in ENCODINGS}
    assert all(count > 500 and last >= 52 for count, last in counts.values()), counts
    for encoding in ENCODINGS:
        assert (0x5C in {before[-1] for before, _ in characters(encoding)}) == (encoding in BACKSLASH)
    assert min(before[-1] for before, _ in characters("JOHAB")) > 0xA0
    assert b"\x81\x30\x81\x30" in dict(characters("GB18030"))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_character_comes_back(postgres, enforcing, database, characters, encoding):
    """In strings of each kind, behind a comment, as a name, as a parameter, copied in and out: the same bytes as directly."""
    pairs = characters(encoding)
    sent = b"".join(before for before, _ in pairs)
    expected = b"".join(after for _, after in pairs)
    some = b"".join(by_last_byte(pairs)[:20])
    requests = [
        query(b"SELECT E'" + sent + b"'"),
        query(b"SELECT '" + sent + b"'"),
        query(b"SELECT $x$" + sent + b"$x$"),
        query(b"/* " + sent + b" */ SELECT 1 -- " + sent),
        query(b'SELECT 1 AS "' + some + b'"'),
        query(b"SELECT 1 AS " + some),
        query(b"SELECT $" + some + b"$x$" + some + b"$"),
        query(b'SELECT "' + some + b'" FROM big'),
        extended(b"SELECT E'" + sent + b"'", SYNC),
        bind(b"SELECT $1::text", sent),
        query(b"PREPARE \"" + some + b"\" AS SELECT '" + sent + b"'") + query(b'EXECUTE "' + some + b'"'),
        query(b"CREATE TEMP TABLE IF NOT EXISTS copied (value text)"),
        query(b"COPY copied FROM STDIN") + message(b"d", sent + b"\n") + message(b"c"),
        query(b"COPY copied TO STDOUT"),
    ]
    transcripts = []
    for place in (postgres, enforcing):
        with Wire(place.host, place.port, timeout=30) as wire:
            wire.login(database, client_encoding=encoding)
            said = []
            for request in requests:
                wire.send(request)
                said.append(wire.until(b"Z"))
                if request.count(b"PREPARE"):
                    said.append(wire.until(b"Z"))
            transcripts.append(said)
    direct, through = transcripts
    assert through == direct
    for answer in (direct[0], direct[1], direct[2], direct[8], direct[9], direct[11]):
        assert rows(answer) == [expected]
    assert (b"d", expected + b"\n") in direct[-1]


HARMFUL = {
    "escape string": b"SELECT E'%c'; %b; --'",
    "string": b"SELECT '%c'; %b; --'",
    "name": b'SELECT 1 AS "%c"; %b; --"',
    "bare name": b"SELECT 1 AS %c; %b",
    "dollar quotes": b"SELECT $%c$'$%c$; %b; --'",
    "comment": b"/* %c */ %b",
    "line": b"--%c\n%b",
    "inside": b"/* /* %c*/ */ %b",
}
HARMLESS = {
    # Not \\', which the server refuses in these encodings.
    "escape string": b"SELECT E'%c''; %b; --'",
    "string": b"SELECT '%c''; %b; --'",
    "name": b'SELECT 1 AS "%c""; %b; --"',
    "dollar quotes": b"SELECT $%c$%c'; %b; --$%c$",
    "comment": b"SELECT 1 /* %c; %b */",
    "line": b"SELECT 1 --%c; %b",
    "inside": b"SELECT 1 /* /* %c*/ ; %b */",
}


def filled(template, character):
    return template.replace(b"%c", character).replace(b"%b", BUILD)


@pytest.mark.parametrize("how", [query, lambda text: extended(text, SYNC)], ids=["simple", "extended"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_what_stands_behind_is_judged(enforcing, database, characters, encoding, how):
    """What ends a string, a name or a comment is seen behind a character with any last byte; and what is still inside of it
    is not taken for a statement."""
    with Wire(enforcing.host, enforcing.port, timeout=30) as wire:
        wire.login(database, client_encoding=encoding)
        for character in by_last_byte(characters(encoding)):
            for name, template in HARMFUL.items():
                text = filled(template, character)
                wire.send(how(text))
                error = error_of(wire.until(b"Z"))
                assert error and error["C"] == "42501", (name, text, error)
            for name, template in HARMLESS.items():
                text = filled(template, character)
                wire.send(how(text))
                said = wire.until(b"Z")
                assert error_of(said) is None and kinds(said).endswith(b"DCZ"), (name, text, error_of(said))


def shown(encoding):
    return NAMES[encoding].encode(CODECS[encoding])


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_table_of_that_name(enforcing, database, encoding):
    """It is found in the catalog, shown to the client in its encoding and to the log's readers in UTF-8; the safe variant is
    silent."""
    name = shown(encoding)
    assert len(name) == 2 and (name[1] < 0x80) == (encoding != "JOHAB")
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database, client_encoding=encoding)
        for quote in (b"", b'"'):
            text = b"CREATE INDEX%s big_n ON " + quote + name + quote + b" (n)"
            wire.send(query(text % b""))
            body = next(body for kind, body in wire.until(b"Z") if kind == b"E")
            assert b"C42501\0" in body and b'DELETE on "' + name + b'" wait' in body
            wire.send(query(text % b" CONCURRENTLY") + query(b"DROP INDEX CONCURRENTLY big_n"))
            assert error_of(wire.until(b"Z")) is None and error_of(wire.until(b"Z")) is None
    event = enforcing.wait_for("finding", table=NAMES[encoding], action="rejected")
    assert f"ON {NAMES[encoding]} (n)" in event["query"].replace('"', "")


@pytest.mark.parametrize("bound", [False, True], ids=["literal", "bound"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_patterns(enforcing, database, characters, encoding, bound):
    """A wildcard is one where the server sees one, whatever a character's last byte, and what is too short for trigrams is
    counted in characters."""
    with Wire(enforcing.host, enforcing.port, timeout=30) as wire:
        wire.login(database, client_encoding=encoding)

        def outcome(column, pattern):
            select = b"SELECT 1 FROM big WHERE " + column + b" LIKE "
            wire.send(bind(select + b"$1", pattern) if bound else query(select + b"'" + pattern + b"'"))
            error = error_of(wire.until(b"Z"))
            return error and (error["C"], error["M"].split(":")[1].strip())

        for character in by_last_byte(characters(encoding)):
            wildcard = ("42501", "leading-wildcard-unindexed")
            assert outcome(b"bare", b"%" + character + b"%") == wildcard, character
            assert outcome(b"bare", b"_" + character) == wildcard, character
            assert outcome(b"bare", character + b"%") is None, character
            assert outcome(b"bare", character + b"_") is None, character
            assert outcome(b"bare", b"\\%" + character + b"%") is None, character
        name = shown(encoding)
        assert outcome(b"indexed", b"%" + 2 * name + b"%") == ("42501", "pattern-too-short-for-trigram")
        assert outcome(b"indexed", b"%" + 3 * name + b"%") is None

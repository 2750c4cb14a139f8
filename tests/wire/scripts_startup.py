"""Chapter 1: start-up packets and what comes before them."""

import struct

from messages import (
    GSSENC_REQUEST, SSL_REQUEST, B, D, E, H, P, Q, S, X, c, cancel_request, d, message, packet, run, startup, string, version,
)
from play import DATABASE, RUNS, USER, Await, Cancel, Direct, End, HalfClose, Last, Quiet, Raw, Script, Send, Until

OURS = ("user", USER), ("database", DATABASE)


def raw(name, *steps, **options):
    return Script(name, list(steps), login=False, **options)


def length(size):
    """A packet that says it is that long; four bytes of code follow."""
    return struct.pack("!II", size & 0xFFFFFFFF, version(3, 0))


def starts(name, *parameters, code=version(3, 0), then=(Send(X), End()), **options):
    return raw(name, Send(startup(*parameters, code=code)), Until("Z"), *then, **options)


def refused(name, *parameters, code=version(3, 0), **options):
    return raw(name, Send(startup(*parameters, code=code)), End(), **options)


def newer(name, *steps, code=version(3, 2), extra=()):
    return raw(name, Send(startup(*OURS, *extra, code=code)), Until("Z"), *steps, Send(X), End())


def held(*steps):
    """These, while a query of its waits for a lock."""
    return [Direct("SELECT pg_advisory_lock(4712)"), Send(Q("SELECT pg_advisory_lock(4712)")), LOCKED, *steps, Direct("SELECT pg_advisory_unlock(4712)"), Until("Z")]


LOCKED = Await("SELECT state = 'active' AND wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = {pid}")


SCRIPTS = [
    # -- the first bytes ----------------------------------------------------------------------------
    raw("a health check connects and closes", HalfClose(), End()),
    *(raw(f"{size} bytes and the end", Send(startup(*OURS)[:size]), HalfClose(), End()) for size in (1, 2, 3, 4, 7, 8, 20)),
    *(
        raw(f"a start-up packet of {size} bytes", Send(length(size)), End())
        for size in (0, 1, 3, 4, 7, 10005, 65536, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
    ),
    raw("the longest start-up packet", Send(startup(*OURS, ("application_name", "x" * 9954))), Until("Z"), Send(X), End()),
    raw("a byte that begins no start-up packet and no TLS", Send(b"\x15"), HalfClose(), End()),
    raw("TLS at once where there is none", Send(b"\x16\x03\x01\x00\x2d\x01\x00\x00\x29\x03\x03" + b"r" * 32), End()),
    raw("HTTP comes to the wrong door", Send(b"GET / HTTP/1.1\r\n\r\n"), End()),
    # -- SSLRequest and GSSENCRequest -----------------------------------------------------------------
    raw("TLS refused", Send(SSL_REQUEST), Raw(1), Send(startup(*OURS)), Until("Z"), Send(X), End()),
    raw("GSS refused", Send(GSSENC_REQUEST), Raw(1), Send(startup(*OURS)), Until("Z"), Send(X), End()),
    raw(
        "TLS refused, then GSS",
        Send(SSL_REQUEST), Raw(1), Send(GSSENC_REQUEST), Raw(1), Send(startup(*OURS)), Until("Z"), Send(X), End(),
    ),
    raw(
        "GSS refused, then TLS",
        Send(GSSENC_REQUEST), Raw(1), Send(SSL_REQUEST), Raw(1), Send(startup(*OURS)), Until("Z"), Send(X), End(),
    ),
    raw("TLS asked for twice", Send(SSL_REQUEST), Raw(1), Send(SSL_REQUEST), End(), own_words=True),
    raw("GSS asked for twice", Send(GSSENC_REQUEST), Raw(1), Send(GSSENC_REQUEST), End(), own_words=True),
    raw(
        "TLS, GSS, and TLS again",
        Send(SSL_REQUEST), Raw(1), Send(GSSENC_REQUEST), Raw(1), Send(SSL_REQUEST), End(), own_words=True,
    ),
    raw("a packet behind SSLRequest", Send(SSL_REQUEST, startup(*OURS)), Raw(1), HalfClose(), End(), read_at_once=True, own_words=True),
    raw("a packet behind GSSENCRequest", Send(GSSENC_REQUEST, startup(*OURS)), Raw(1), HalfClose(), End(), read_at_once=True, own_words=True),
    raw("TLS refused, and the client leaves", Send(SSL_REQUEST), Raw(1), HalfClose(), End()),
    raw("a long SSLRequest", Send(packet(80877103, b"abc")), Raw(1), Send(startup(*OURS)), Until("Z"), Send(X), End()),
    # -- CancelRequest ---------------------------------------------------------------------------------
    raw("a cancel for nobody", Send(cancel_request(1, b"\0\0\0\1")), End()),
    raw("TLS refused, then a cancel", Send(SSL_REQUEST), Raw(1), Send(cancel_request(1, b"\0\0\0\1")), End()),
    raw("a cancel without a key", Send(cancel_request(1, b"")), End()),
    raw("a cancel with a key too long for 3.0", Send(cancel_request(1, b"k" * 5)), End()),
    raw("a cancel with a key too long for any", Send(cancel_request(1, b"k" * 257)), End()),
    # -- protocol 3.2, with whatever the server makes of it ------------------------------------------------------
    newer("a cancel in 3.2, whose key may be long", Send(Q("SELECT pg_sleep(20)")), RUNS, Cancel(), Until("Z"), Send(Q("SELECT 1")), Until("Z")),
    newer("the key's first bytes cancel nothing", *held(Cancel(cut=-1))),
    newer("a key with one byte more cancels nothing", *held(Cancel(cut=1))),
    newer("another key of that length cancels nothing", *held(Cancel(b"k" * 32))),
    newer("everything in 3.2", Send(run("SELECT $1::text", "hello"), H, S, Q("SELECT 1; SELECT 2"), P("SELEC"), S), Until("Z", 3),
          Send(Q("COPY loaded FROM STDIN"), d("1\tone\n"), c), Until("Z"), Send(Q("COPY loaded TO STDOUT"), Q("LISTEN here; NOTIFY here")), Until("Z", 2)),
    newer("the greased version, with a greased option", Send(Q("SELECT 1")), Until("Z"), code=version(3, 9999), extra=[("_pq_.test_protocol_negotiation", "")]),
    *(
        raw(f"a cancel in the clear with a key of {size} bytes", Send(cancel_request(1, b"k" * size)), End()) for size in (1, 3, 32, 255, 256, 10000 - 12, 10001 - 12)
    ),
    # -- versions -----------------------------------------------------------------------------------------
    *(
        refused(f"protocol {major}.{minor}", *OURS, code=version(major, minor))
        for major, minor in ((0, 0), (1, 0), (2, 0), (2, 9), (4, 0), (1234, 1), (1234, 5681), (65535, 65535))
    ),
    raw("protocol 2.0 with the fixed fields of its time", Send(packet(version(2, 0), b"\0" * 288)), End()),
    *(starts(f"protocol 3.{minor}", *OURS, code=version(3, minor)) for minor in (1, 2, 9999, 65535)),
    starts("an unknown protocol option", *OURS, ("_pq_.greased", "1")),
    starts("three protocol options in 3.2", ("_pq_.b", "1"), *OURS, ("_pq_.a", ""), ("_pq_.b", "2"), code=version(3, 2)),
    starts("only the newer minor, negotiated, then used", *OURS, code=version(3, 9999), then=(
        Send(P("SELECT $1::text"), B("hello"), D("P"), E(), S), Until("Z"), Send(X), End())),
    # -- parameters ------------------------------------------------------------------------------------------
    starts("the database defaults to the user", ("user", USER)),
    starts("an empty database is none", ("user", USER), ("database", "")),
    refused("no user", ("database", DATABASE)),
    refused("an empty user", ("user", ""), ("database", DATABASE)),
    refused("no such user", ("user", "nobody here"), ("database", DATABASE)),
    refused("no such database", ("user", USER), ("database", "nowhere")),
    refused("a user longer than names are", ("user", "u" * 100), ("database", DATABASE)),
    refused("a database longer than names are", ("user", USER), ("database", "d" * 100)),
    starts("duplicates: the last counts", ("user", "first"), ("database", "first"), *OURS, ("application_name", "one"), ("application_name", "two")),
    starts("settings in any case", *OURS, ("timezone", "Asia/Tokyo"), ("DATESTYLE", "SQL, DMY"), ("Client_Encoding", "latin1")),
    starts("an encoding in quotes, as asyncpg has it", *OURS, ("client_encoding", "'utf-8'"), then=(Send(Q("SHOW client_encoding")), Until("Z"), Send(X), End())),
    starts("settings that lexing depends on", *OURS, ("standard_conforming_strings", "off"), ("search_path", "pg_catalog"), then=(
        Send(Q(r"SELECT 'a\'b', current_schema")), Until("Z"), Send(X), End())),
    starts("a role and another's authorization", *OURS, ("role", "pg_monitor"), then=(Send(Q("SELECT current_user, session_user; RESET ROLE; SELECT current_user")), Until("Z"), Send(X), End())),
    starts("someone else's authorization", *OURS, ("session_authorization", "pg_monitor"), then=(Send(Q("SELECT current_user, session_user")), Until("Z"), Send(X), End())),
    starts("options with -c, -- and backslashes", *OURS, ("options", r"-c standard_conforming_strings=off --work_mem=77kB -c application_name=a\ b\\c"), then=(
        Send(Q(r"SELECT 'it\'s', current_setting('work_mem')")), Until("Z"), Send(X), End())),
    Script("a notice at log-in", [
        Direct("SET client_min_messages = error; CREATE ROLE warned LOGIN; ALTER ROLE warned SET default_text_search_config = 'nowhere'"),
        Send(startup(("user", "warned"), ("database", DATABASE))), Until("Z"), Send(Q("SELECT 1")), Until("Z"), Direct("DROP ROLE warned; RESET client_min_messages"), Send(X), End()], login=False),
    refused("an unknown setting", *OURS, ("no_such_setting", "1")),
    refused("a value that a setting doesn't take", *OURS, ("client_encoding", "KLINGON")),
    refused("an option that there is not", *OURS, ("options", "--nonsense")),
    starts("a setting with a dot is the client's own", *OURS, ("my.own", "x"), then=(Send(Q("SHOW my.own")), Until("Z"), Send(X), End())),
    raw("no terminator", Send(packet(version(3, 0), string("user") + string(USER))), End()),
    raw("a name without a value", Send(packet(version(3, 0), string("user") + string(USER) + b"database\0")), End()),
    raw("bytes behind the terminator", Send(packet(version(3, 0), string("user") + string(USER) + b"\0extra\0")), End()),
    raw("a value without an end", Send(packet(version(3, 0), string("user") + b"postgres")), End()),
    raw("nothing behind the version", Send(packet(version(3, 0))), End()),
    raw("only a terminator", Send(packet(version(3, 0), b"\0")), End()),
    raw("no terminator in protocol 4", Send(packet(version(4, 0), b"x")), End()),
    # -- pipelined -----------------------------------------------------------------------------------------------
    raw(
        "queries behind the start-up packet",
        Send(startup(*OURS), Q("SELECT 1"), P("SELECT 2"), B(), E(), S, X), Until("Z", 3), End(),
    ),
    raw("only a Terminate behind the start-up packet", Send(startup(*OURS), X), Until("Z"), End()),
    raw("half a message behind the start-up packet", Send(startup(*OURS), Q("SELECT 1")[:7]), Until("Z"), Quiet(), Send(Q("SELECT 1")[7:], X), End()),
    raw("queries behind a start-up packet that is refused", Send(startup(("user", "nobody here")), Q("SELECT 1")), End()),
    raw("half-closed behind the start-up packet", Send(startup(*OURS), Q("SELECT 1")), HalfClose(), End()),
    raw("the end in the same segment as start-up packet and query", Last(startup(*OURS), Q("SELECT 1")), End()),
    raw("the end in the same segment as the start-up packet", Last(startup(*OURS)), End()),
    raw("the end in the same segment as a cancel", Last(cancel_request(1, b"\0\0\0\1")), End()),
    # -- replication ---------------------------------------------------------------------------------------------
    *(
        starts(f"replication={value}", *OURS, ("replication", value), then=(
            Send(Q("SHOW server_version_num")), Until("Z"), Send(Q("BOGUS")), Until("Z"), Send(X), End()))
        for value in ("true", "1", "on", "yes", "database")
    ),
    starts("IDENTIFY_SYSTEM", *OURS, ("replication", "true"), lsn=True, then=(
        Send(Q("IDENTIFY_SYSTEM")), Until("Z"), Send(Q("SELECT 1")), Until("Z"), Send(Q("TIMELINE_HISTORY 77")), Until("Z"), Send(X), End())),
    starts("SQL and IDENTIFY_SYSTEM in a database", *OURS, ("replication", "database"), lsn=True, then=(
        Send(Q("IDENTIFY_SYSTEM"), Q("SELECT id FROM t WHERE id < 3; SELECT 2"), Q("BEGIN"), Q("SELECT 1/0"), Q("ROLLBACK")), Until("Z", 5), Send(X), End())),
    starts("the extended protocol to a walsender", *OURS, ("replication", "true"), then=(
        Send(P("SELECT 1"), S), Until("Z"), Send(Q("SHOW server_version_num"), X), End())),
    *(
        starts(f"replication={value} is an ordinary session", *OURS, ("replication", value), then=(
            Send(Q("SELECT 1"), P("SELECT 2"), B(), E(), S), Until("Z", 2), Send(X), End()))
        for value in ("false", "0", "off", "no", "f", "of")
    ),
    refused("replication=maybe", *OURS, ("replication", "maybe")),
    refused("an empty replication", *OURS, ("replication", "")),
    # -- what may not come before the server is ready -----------------------------------------------------------
    raw("a password that nobody asked for", Send(startup(*OURS), message("p", b"secret\0")), End()),
    Script("a start-up packet twice", [Send(startup(*OURS)), End()], blind=True),
]

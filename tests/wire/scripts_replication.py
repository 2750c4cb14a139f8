"""Chapter 6, the rest: CopyBoth, as a walsender speaks it.

The log's positions, times and keepalives are the server's own and never the same twice (`streamed`); what a logical slot's
plug-in makes of the changes is."""

import struct

from messages import E, H, P, Q, S, X, c, d, f, message, startup
from play import DATABASE, USER, Await, Cancel, Direct, Drop, End, HalfClose, Pause, Quiet, Script, Send, Streamed, Until

SLOT = "CREATE_REPLICATION_SLOT script TEMPORARY LOGICAL test_decoding NOEXPORT_SNAPSHOT"
START = "START_REPLICATION SLOT script LOGICAL 0/0 (\"include-xids\" '0', \"skip-empty-xacts\" '1')"
INSERT = Direct("INSERT INTO written VALUES (1), (2)")
MORE = Direct("INSERT INTO written VALUES (3)")
FREE = Await("SELECT NOT EXISTS (SELECT FROM pg_stat_replication WHERE pid = {pid})")


def status(reply=0):
    """A standby's, about nothing yet."""
    return d(b"r" + struct.pack("!qqqqB", 0, 0, 0, 0, reply))


def streams(name, *steps, **options):
    replicates = Send(startup(("user", USER), ("database", DATABASE), ("replication", "database")))
    return Script(f"CopyBoth, {name}", [replicates, Until("Z"), Send(Q(SLOT)), Until("Z"), *steps], login=False, lsn=True, streamed=True, **options)


def begins(name, *steps, **options):
    return streams(name, Send(Q(START)), Until("W"), *steps, **options)


# Both sides have said that they are done, and the session goes on.
ENDED = (Until("Z"), Send(Q("SELECT id FROM t WHERE id < 3")), Until("Z"), Send(X), End())

SCRIPTS = [
    begins("changes, then done", INSERT, Streamed(b"COMMIT"), Send(status()), MORE, Streamed(b"COMMIT"), Send(c), *ENDED),
    begins("done at once", Send(c), *ENDED),
    streams("done before it has begun", Send(Q(START), c), *ENDED),
    begins("done and a query in one segment", Send(c, Q("SELECT 1")), Until("Z", 2), Send(X), End()),
    begins("twice", INSERT, Streamed(b"COMMIT"), Send(c), Until("Z"), Send(Q(START)), Until("W"), Send(c), *ENDED),
    begins("many changes at once", Direct("INSERT INTO written SELECT generate_series(1, 3000)"), Streamed(b"COMMIT"), Send(c), *ENDED),
    begins("status in pieces and many", Send(*(status() for _ in range(200))), INSERT, Streamed(b"COMMIT"), Send(status(), status(), c), *ENDED),
    begins("an answer is asked for", Send(status(reply=1)), Pause(0.1), INSERT, Streamed(b"COMMIT"), Send(c), *ENDED),
    begins("data after CopyDone", Send(c, status(), status()), *ENDED),
    begins("two CopyDones", Send(c, c), *ENDED),
    begins("CopyFail", Send(f("enough")), End(), FREE),
    begins("Sync and Flush in the middle", Send(H, S), End(), FREE),
    begins("a Query in the middle", Send(Q("SELECT 1")), End(), FREE),
    begins("the extended protocol in the middle", Send(P("SELECT 1"), E()), End(), FREE),
    begins("Terminate in the middle", INSERT, Streamed(b"COMMIT"), Send(X), End(), FREE),
    begins("an unknown message in the middle", Send(message("z", b"what")), End(), FREE),
    begins("data of an unknown kind", Send(d(b"zzz")), End(), FREE),
    begins("data of no kind", Send(d(b"")), *ENDED),
    begins("status that ends too soon", Send(d(b"r\0\0"), status(), c), *ENDED),
    begins("half-closed", INSERT, Streamed(b"COMMIT"), HalfClose(), End(), FREE, bare_end=True),
    begins("half-closed behind CopyDone", Send(c), Until("Z"), HalfClose(), End(), FREE),
    begins("half-closed in the middle of a message", Send(status()[:9]), HalfClose(), End(), FREE, bare_end=True),
    begins("reset", INSERT, Streamed(b"COMMIT"), Drop(reset=True), FREE),
    begins("closed", Drop(), FREE),
    # An error in the middle, from outside.
    begins("cancelled", INSERT, Streamed(b"COMMIT"), Cancel(), Until("Z"), Send(status(), c), Quiet(), Send(Q("SELECT 1")), Until("Z"), Send(X), End()),
    begins("terminated from outside", Direct("SELECT pg_terminate_backend({pid})"), End(), FREE),
    begins("an idle minute's worth of nothing", Pause(0.3), Send(status()), Pause(0.3), INSERT, Streamed(b"COMMIT"), Send(c), *ENDED),
    # And what never gets so far.
    streams("a slot that there is not", Send(Q("START_REPLICATION SLOT nowhere LOGICAL 0/0")), Until("Z"), Send(X), End()),
    streams("an option that the plug-in doesn't know", Send(Q("START_REPLICATION SLOT script LOGICAL 0/0 (bogus 'x')"), c), Until("Z"), Send(X), End()),
    streams("ahead of the log", Send(Q("START_REPLICATION PHYSICAL FFFFFF/0"), c), Until("Z"), Send(X), End()),
    streams("from before the log begins", Send(Q("START_REPLICATION PHYSICAL 0/10000")), Until("Z"), Send(status(), c, Q("SELECT 1")), Until("Z"), Send(X), End()),
]

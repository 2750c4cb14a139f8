"""Chapter 10: how sessions end."""

from messages import P, Q, S, X, c, d, run
from play import Await, Direct, Drop, End, HalfClose, Pause, Quiet, Script, Send, Until

GONE = Await("SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})")
WRITTEN = Direct("SELECT n FROM written ORDER BY n")
LOCKED = Direct("SELECT count(*) FROM pg_locks WHERE pid = {pid}")
INSERT = Q("INSERT INTO written VALUES (1)")

ONE_LOADED = Await(
    "SELECT EXISTS (SELECT FROM pg_stat_progress_copy JOIN pg_stat_activity USING (pid)"
    " WHERE pid = {pid} AND bytes_processed > 0 AND wait_event = 'ClientRead')"
)


def query(sql):
    return [Send(Q(sql)), Until("Z")]


SCRIPTS = [
    # -- Terminate -------------------------------------------------------------------------------------------
    Script("Terminate", [Send(X), End()]),
    Script("Terminate behind a query", [Send(Q("SELECT 1"), X), End()]),
    Script("Terminate behind a pipeline", [Send(run("SELECT 1"), S, run("SELECT 2"), S, X), End()]),
    Script("Terminate without the Sync: rolled back", [Send(run("INSERT INTO written VALUES (1)"), X), End(), GONE, WRITTEN]),
    Script("Terminate in a transaction: rolled back", [*query("BEGIN"), Send(INSERT), Until("Z"), Send(X), End(), GONE, WRITTEN, LOCKED]),
    Script("Terminate with something behind it", [Send(X, Q("SELECT 1")), End()]),
    Script("Terminate with a body", [Send(b"X\0\0\0\7abc"), End()]),
    Script("Terminate and close without reading", [Send(INSERT, X), Drop(), GONE, WRITTEN]),
    # -- half-close ----------------------------------------------------------------------------------------------
    Script("half-closed while idle", [HalfClose(), End()]),
    Script("half-closed behind a query", [Send(Q("SELECT g FROM generate_series(1, 1000) g")), HalfClose(), End()]),
    Script("half-closed behind a pipeline", [Send(run("SELECT 1"), S, run("SELECT 2"), S), HalfClose(), End()]),
    Script("half-closed during a slow query", [Send(Q("SELECT pg_sleep(0.2)")), HalfClose(), End()]),
    Script("half-closed behind Flush without Sync", [Send(run("INSERT INTO written VALUES (1)"), b"H\0\0\0\4"), HalfClose(), End(), GONE, WRITTEN]),
    Script("half-closed in the middle of a header", [Send(b"Q\0\0"), HalfClose(), End()]),
    Script("half-closed in the middle of a message", [Send(INSERT[:20]), HalfClose(), End(), GONE, WRITTEN]),
    Script("half-closed in the middle of a second message", [Send(INSERT, INSERT[:-3]), HalfClose(), End(), GONE, WRITTEN]),
    Script("half-closed in a transaction", [*query("BEGIN"), Send(INSERT), HalfClose(), End(), GONE, WRITTEN]),
    Script("half-closed while data is copied in", [Send(Q("COPY loaded FROM STDIN")), Until("G"), Send(d("1\tone\n")), HalfClose(), End(), GONE, Direct("TABLE loaded")]),
    Script("half-closed with a large result to come", [Send(Q("SELECT repeat('x', 1000) FROM generate_series(1, 5000)")), HalfClose(), Pause(0.1), End()]),
    # -- gone --------------------------------------------------------------------------------------------------
    Script("gone while idle", [Drop(), GONE]),
    Script("gone in a transaction: rolled back", [*query("BEGIN"), Send(INSERT), Until("Z"), Drop(), GONE, WRITTEN, LOCKED]),
    Script("gone by RST in a transaction", [*query("BEGIN"), Send(INSERT), Until("Z"), Drop(reset=True), GONE, WRITTEN, LOCKED]),
    Script("gone in the middle of a message", [Send(INSERT[:-5]), Drop(), GONE, WRITTEN]),
    Script("gone behind a query: it runs", [Send(INSERT), Until("C"), Drop(), GONE, WRITTEN]),
    Script("gone with a large result to come", [Send(Q("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)")), Until("D"), Drop(), GONE]),
    Script("gone by RST with a large result to come", [Send(Q("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)")), Until("D"), Drop(reset=True), GONE]),
    Script("gone while data is copied in", [Send(Q("COPY loaded FROM STDIN")), Until("G"), Send(d("1\tone\n")), Drop(), GONE, Direct("TABLE loaded")]),
    Script("gone while data is copied out", [Send(Q("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 1000000)) TO STDOUT")), Until("d"), Drop(), GONE]),
    Script("gone during a long query, and the server looks for it", [*query("SET client_connection_check_interval = '50ms'"), Send(Q("SELECT pg_sleep(20)")), Quiet(0.05), Drop(), GONE]),
    Script("gone with a Parse that was not synced", [Send(P("SELECT 1", "a")), Drop(), GONE]),
    Script("an advisory lock ends with its session", [*query("SELECT pg_advisory_lock(4711)"), Drop(), GONE, Direct("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'")]),
    # -- the server goes first ---------------------------------------------------------------------------------
    Script("all that was sent arrives before the end", [Send(Q("SELECT repeat('x', 1000) FROM generate_series(1, 3000); SELECT pg_terminate_backend(pg_backend_pid())")), End()]),
    Script("data after the server's end", [Direct("SELECT pg_terminate_backend({pid})"), GONE, Send(Q("SELECT 1")), End()]),
    Script("copied in, and the server goes", [Send(Q("COPY loaded FROM STDIN")), Until("G"), Send(d("1\tone\n")), ONE_LOADED, Direct("SELECT pg_terminate_backend({pid})"), GONE, Send(d("2\ttwo\n"), c), End()]),
]

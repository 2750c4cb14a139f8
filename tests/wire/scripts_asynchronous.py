"""Chapter 7: what the server sends unasked: notices, parameters, notifications, and its own end."""

from messages import B, D, E, H, P, Q, S, X, c, d, run
from play import RUNS, Await, Cancel, Direct, End, Pause, Quiet, Script, Send, Until

# The backend waits for the client, in a transaction or not.
IDLE = Await("SELECT state LIKE 'idle%' FROM pg_stat_activity WHERE pid = {pid}")
READS = Await("SELECT state = 'active' AND wait_event = 'ClientRead' FROM pg_stat_activity WHERE pid = {pid}")
# What was sent has been taken, and more is waited for. Not whether a row is loaded: newer servers first look ahead.
ONE_LOADED = Await(
    "SELECT EXISTS (SELECT FROM pg_stat_progress_copy JOIN pg_stat_activity USING (pid)"
    " WHERE pid = {pid} AND bytes_processed > 0 AND wait_event = 'ClientRead')"
)

# In the session beside it, to which the postmaster sends word at the same time.
RELOADED = Await("SELECT current_setting('intervalstyle') = 'iso_8601'")
RELOADED_AGAIN = Await("SELECT current_setting('intervalstyle') = 'postgres'")


def script(name, *steps, **options):
    return Script(name, [*steps, Send(X), End()], **options)


def query(sql):
    return [Send(Q(sql)), Until("Z")]


SCRIPTS = [
    # -- notifications -------------------------------------------------------------------------------------
    script("one's own notification", *query("LISTEN here"), *query("NOTIFY here, 'me'"), *query("SELECT 1")),
    script("one's own, with more in the same segment", Send(Q("LISTEN here"), Q("NOTIFY here, 'a'; NOTIFY here, 'b'"), Q("SELECT 1")), Until("Z", 3)),
    script("another's, while idle", *query("LISTEN here"), IDLE, Direct("NOTIFY here, 'hello'"), Until("A"), Quiet(), *query("SELECT 1")),
    script("many of another's, while idle", *query("LISTEN here"), IDLE, Direct("SELECT count(pg_notify('here', g::text)) FROM generate_series(1, 500) g"), Until("A", 500), *query("SELECT 1")),
    script("in a transaction they wait for its end", *query("LISTEN here"), *query("BEGIN"), IDLE, Direct("NOTIFY here, 'later'"), Quiet(), *query("SELECT 1"), *query("COMMIT")),
    script("between the messages of an extended batch", *query("LISTEN here"), Send(P("SELECT 1"), B(), H), Until("2"), Direct("NOTIFY here, 'in between'"), Quiet(), Send(E(), S), Until("Z"), Quiet()),
    script("a payload of 7,999 bytes", *query("LISTEN here"), IDLE, Direct("SELECT pg_notify('here', repeat('x', 7999))"), Until("A")),
    script("while data is copied in", *query("LISTEN here"), Send(Q("COPY loaded FROM STDIN")), Until("G"), Direct("NOTIFY here, 'copying'"), Quiet(), Send(d("1\tone\n"), c), Until("Z"), Quiet()),
    script("UNLISTEN", *query("LISTEN here"), *query("LISTEN there"), *query("UNLISTEN here"), *query("NOTIFY here; NOTIFY there")),
    # -- parameters -----------------------------------------------------------------------------------------
    script("SET of everything that is reported", *(
        step for sql in (
            "SET application_name = 'renamed é'", "SET client_encoding = 'LATIN1'", "SET DateStyle = 'SQL, DMY'", "SET IntervalStyle = 'iso_8601'",
            "SET TimeZone = 'Asia/Tokyo'", "SET standard_conforming_strings = off", "SET default_transaction_read_only = on",
            "RESET ALL", "SET work_mem = '1MB'", "SET SESSION AUTHORIZATION pg_monitor", "RESET SESSION AUTHORIZATION",
        ) for step in query(sql))),
    script("set_config, SET LOCAL, and what a rollback brings back", *query("SELECT set_config('TimeZone', 'UTC', false)"), *query("BEGIN; SET LOCAL DateStyle = 'German'"), *query("SELECT 1"), *query("COMMIT"), *query("BEGIN; SET IntervalStyle = 'sql_standard'"), *query("ROLLBACK")),
    script("a SET in a pipeline", Send(run("SET TimeZone = 'UTC'"), run("SELECT 1"), S, run("SET TimeZone = 'Asia/Tokyo'"), run("SELECT 1/0"), S), Until("Z", 2)),
    script("an application name longer than any", *query(f"SET application_name = '{'n' * 200}'")),
    script("a configuration reloaded: told with the next answer", IDLE, Direct("ALTER SYSTEM SET intervalstyle = 'iso_8601'"), Direct("SELECT pg_reload_conf()"), RELOADED, Pause(0.3), *query("SELECT 1"), Direct("ALTER SYSTEM RESET intervalstyle"), Direct("SELECT pg_reload_conf()"), RELOADED_AGAIN, Pause(0.3), Send(run("SELECT 1"), S), Until("Z")),
    # -- notices -------------------------------------------------------------------------------------------
    script("notices while rows come", Send(Q("SELECT g, notices(1) FROM generate_series(1, 5) g")), Until("Z")),
    script("notices in an extended batch", Send(P("SELECT notices(2)"), D("S"), B(), D("P"), E(), S, P("DROP TABLE IF EXISTS nowhere"), B(), E(), S), Until("Z", 2)),
    script("notices, slowly", Direct("SELECT pg_advisory_lock(4712)"), Send(Q("DO $$ BEGIN RAISE NOTICE '1'; PERFORM pg_advisory_lock(4712); RAISE NOTICE '2'; END $$")), Until("N"), Quiet(), Direct("SELECT pg_advisory_unlock(4712)"), Until("Z")),
    script("rows, slowly: each comes when it is there", Send(Q("SET client_min_messages = error")), Until("Z"), Send(Q("SELECT g, repeat('x', 9000), pg_sleep(0.03) FROM generate_series(1, 4) g")), Until("D"), Until("Z")),
    # -- cancel ---------------------------------------------------------------------------------------------
    script("cancelled", Send(Q("SELECT pg_sleep(20)")), RUNS, Cancel(), Until("Z"), *query("SELECT 1")),
    script("cancelled in a transaction", *query("BEGIN"), Send(Q("SELECT pg_sleep(20)")), RUNS, Cancel(), Until("Z"), *query("ROLLBACK")),
    script("cancelled in a pipeline", Send(run("SELECT 1"), run("SELECT pg_sleep(20)"), run("SELECT 2"), S, run("SELECT 3"), S), RUNS, Cancel(), Until("Z", 2)),
    script("cancelled in the middle of a query of many", Send(Q("INSERT INTO written VALUES (1); SELECT pg_sleep(20); SELECT 2")), RUNS, Cancel(), Until("Z"), Direct("TABLE written")),
    script("cancelled while data is copied in", Send(Q("COPY loaded FROM STDIN")), Until("G"), Send(d("1\tone\n")), ONE_LOADED, Cancel(), Send(d("2\ttwo\n"), c), Until("Z"), *query("SELECT 1")),
    script("cancelled while idle: nothing", IDLE, Cancel(), Quiet(), *query("SELECT 1")),
    script("a wrong key cancels nothing", Send(Q("SELECT pg_sleep(0.2)")), Cancel(b"\0\0\0\0"), Until("Z")),
    # -- the server's own end --------------------------------------------------------------------------------
    Script("terminated while idle", [IDLE, Direct("SELECT pg_terminate_backend({pid})"), End()]),
    Script("terminated in a transaction", [*query("BEGIN"), IDLE, Direct("SELECT pg_terminate_backend({pid})"), End()]),
    Script("terminated in a query", [Send(Q("SELECT 1; SELECT pg_sleep(20)")), RUNS, Direct("SELECT pg_terminate_backend({pid})"), End()]),
    Script("terminated in a pipeline", [Send(run("SELECT 1"), H, run("SELECT pg_sleep(20)"), run("SELECT 2"), S), RUNS, Direct("SELECT pg_terminate_backend({pid})"), End()]),
    Script("terminated by itself", [Send(Q("SELECT pg_terminate_backend(pg_backend_pid())"), Q("SELECT 1")), End()]),
    Script("terminated while data is copied in", [Send(Q("COPY loaded FROM STDIN")), Until("G"), READS, Direct("SELECT pg_terminate_backend({pid})"), End()]),
    Script("idle in a transaction for too long", [*query("SET idle_in_transaction_session_timeout = '100ms'"), *query("BEGIN"), End()]),
    Script("idle for too long", [*query("SET idle_session_timeout = '100ms'"), End()]),
    script("a statement that takes too long", *query("SET statement_timeout = '50ms'"), *query("SELECT pg_sleep(5)"), *query("SELECT 1")),
]

"""Chapter 6: COPY."""

from messages import B, D, E, F, H, P, Q, S, X, c, d, f, message, run
from play import Direct, End, Pause, Quiet, Script, Send, Until

LOADED = Direct("SELECT * FROM loaded ORDER BY id")
IN = "COPY loaded FROM STDIN"
STUBBORN = "COPY stubborn FROM STDIN"


def script(name, *steps, **options):
    return Script(name, [*steps, Send(X), End()], **options)


SCRIPTS = [
    script("in", Send(Q(IN)), Until("G"), Send(d("1\tone\n"), d("2\ttwo\n"), c), Until("Z"), LOADED),
    script("in, nothing", Send(Q(IN)), Until("G"), Send(c), Until("Z"), LOADED),
    script("in, all in one segment", Send(Q(IN), d("1\tone\n"), c, Q("SELECT 1")), Until("Z", 2), LOADED),
    script("in, rows across messages, many in one, an empty message", Send(Q(IN)), Until("G"), Send(d("1\to"), d(""), d("ne\n2\tt"), d("wo\n3\tthree\n4\tfour\n"), c), Until("Z"), LOADED),
    script("in, the end marker", Send(Q(IN)), Until("G"), Send(d("1\tone\n\\.\n"), d("2\tafter\n"), c), Until("Z"), LOADED),
    script("in, CSV, the end marker in the middle", Send(Q(IN + " (FORMAT csv)")), Until("G"), Send(d('1,one\n2,"a\n\\.\nb"\n'), d("\\.\n"), c), Until("Z"), LOADED),
    script("in, given up", Send(Q(IN)), Until("G"), Send(d("1\tone\n"), f("changed my mind")), Until("Z"), LOADED),
    script("in, given up at once", Send(Q(IN), f("no")), Until("Z"), Send(Q("SELECT 1")), Until("Z")),
    script("in, a bad row, and data after the error", Send(Q(IN)), Until("G"), Send(d("one\tx\n")), Pause(0.05), Send(d("2\ttwo\n") * 5, c), Until("Z"), Send(Q("SELECT 1")), Until("Z"), LOADED),
    script("in, a bad row, all in one segment", Send(Q(IN), d("one\tx\n"), d("2\ttwo\n") * 5, c, Q("SELECT 1")), Until("Z", 2), LOADED),
    script("in, a bad row, then CopyFail", Send(Q(IN), d("one\tx\n"), f("too late"), Q("SELECT 1")), Until("Z", 2)),
    script("in, refused before it begins, the data sent all the same", Send(Q("COPY nowhere FROM STDIN"), d("1\tone\n"), c, Q("SELECT 1")), Until("Z", 2)),
    script("in, of the wrong user's kind", Send(Q("COPY loaded (nme) FROM STDIN"), d("1\n") * 100, c), Until("Z"), Send(Q("SELECT 1")), Until("Z")),
    script("in, in a transaction, rolled back", Send(Q("BEGIN")), Until("Z"), Send(Q(IN), d("1\tone\n"), c), Until("Z"), Send(Q("TABLE loaded"), Q("ROLLBACK")), Until("Z", 2), LOADED),
    script("in, 400 kB", Send(Q(IN)), Until("G"), Send(*(d("".join(f"{n}\t{'x' * 90}\n" for n in range(at, at + 40))) for at in range(0, 4000, 40)), c), Until("Z"), Direct("SELECT count(*), sum(id), sum(length(name)) FROM loaded")),
    script("in, one message of 300 kB", Send(Q(IN)), Until("G"), Send(d("1\t" + "x" * 300000 + "\n"), c), Until("Z"), Direct("SELECT length(name) FROM loaded")),
    script("in, binary, wrong", Send(Q(IN + " (FORMAT binary)")), Until("G"), Send(d("1\tone\n"), c), Until("Z")),
    script("in, binary", Send(Q(IN + " (FORMAT binary)")), Until("G"), Send(d(b"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\2\0\0\0\4\0\0\0\7\0\0\0\1x\xff\xff"), c), Until("Z"), LOADED),
    script("in, twice in one query", Send(Q(IN + "; " + IN)), Until("G"), Send(d("1\tone\n"), c), Until("G"), Send(d("2\ttwo\n"), c), Until("Z"), LOADED),
    script("in, twice in one query, the data at once", Send(Q(IN + "; " + IN), d("1\tone\n"), c, d("2\ttwo\n"), c), Until("Z"), LOADED),
    script("in, twice, the first fails: the second's data is dropped", Send(Q(IN + "; " + IN), d("x\tone\n"), c, d("2\ttwo\n"), c, Q("SELECT 1")), Until("Z", 2), LOADED),
    script("in, twice, the second given up", Send(Q(IN + "; " + IN), d("1\tone\n"), c, d("2\ttwo\n"), f("enough")), Until("Z"), LOADED),
    script("Flush and Sync in the middle of it count for nothing", Send(Q(IN)), Until("G"), Send(d("1\tone\n"), H, S, S, d("2\ttwo\n"), c), Until("Z"), Send(Q("SELECT 1")), Until("Z"), Send(S), Until("Z"), LOADED),
    script("notices from a trigger on the way", Send(Q("COPY noisy FROM STDIN")), Until("G"), Send(d("1\n2\n"), d("3\n"), c), Until("Z")),
    # What is no copy message ends it, and since the rest of it can't be told from data, the session.
    *(
        Script(f"in, a {message[:1].decode()} in the middle", [Send(Q(IN)), Until("G"), Send(d("1\tone\n"), message), End(), LOADED])
        for message in (Q("SELECT 1"), P("SELECT 1"), B(), E(), D("S"))
    ),
    Script("in, Terminate in the middle", [Send(Q(IN)), Until("G"), Send(d("1\tone\n"), X), End(), LOADED]),
    Script("in, an unknown message in the middle", [Send(Q(IN)), Until("G"), Send(message("z")), End(), LOADED], blind=True),
    # -- by the extended protocol -----------------------------------------------------------------------
    script("extended in", Send(P(IN), B(), D("P"), E(), H), Until("G"), Send(d("1\tone\n"), c, S), Until("Z"), LOADED),
    script("extended in, its Sync swallowed", Send(P(IN), B(), E(), S), Until("G"), Quiet(), Send(d("1\tone\n"), c), Quiet(), Send(S), Until("Z"), LOADED),
    script("extended in, several Syncs swallowed", Send(P(IN), B(), E(), S, S, H), Until("G"), Send(S, d("1\tone\n"), S, c, S), Until("Z"), Send(run("SELECT 1"), S), Until("Z"), LOADED),
    script("extended in, all in one segment", Send(P(IN), B(), E(), d("1\tone\n"), c, S, run("SELECT 1"), S), Until("Z", 2), LOADED),
    script("extended in, all in one segment, with the swallowed Sync", Send(P(IN), B(), E(), S, d("1\tone\n"), c, S, run("SELECT 1"), S), Until("Z", 2), LOADED),
    script("extended in, given up", Send(P(IN), B(), E(), H), Until("G"), Send(d("1\tone\n"), f("no"), S), Until("Z"), LOADED),
    script("extended in, a bad row: skipped to Sync", Send(P(IN), B(), E(), H), Until("G"), Send(d("x\n")), Until("E"), Send(d("2\ttwo\n"), c, Q("SELECT 1"), S), Until("Z"), LOADED),
    script("extended in, a bad row, all in one segment", Send(P(IN), B(), E(), d("x\n"), c, S, run("SELECT 2"), S), Until("Z", 2)),
    script("extended in, a bad row, a swallowed Sync before it", Send(P(IN), B(), E(), S, d("x\n"), c, S, run("SELECT 2"), S), Until("Z", 2)),
    script("extended in, a bad row, a Sync after it that is not swallowed", Send(P(IN), B(), E(), d("x\n"), d("2\ttwo\n"), S, c, S, run("SELECT 2"), S), Until("Z", 3)),
    script("extended in, it fails before it begins", Send(P("COPY nowhere FROM STDIN"), B(), E(), d("x\n"), c, S, run("SELECT 2"), S), Until("Z", 2)),
    script("extended in, it can't begin: read only", Send(Q("BEGIN READ ONLY")), Until("Z"), Send(P(IN), B(), E(), S, d("1\tone\n"), c, S), Until("Z", 2), Send(Q("ROLLBACK")), Until("Z")),
    script("extended in, in the middle of a pipeline", Send(run("INSERT INTO written VALUES (1)"), P(IN), B(), E(), d("1\tone\n"), c, run("INSERT INTO written VALUES (2)"), S), Until("Z"), LOADED, Direct("TABLE written")),
    script("extended in, named and run twice", Send(P(IN, "load"), B(statement="load"), E(), d("1\tone\n"), c, B(statement="load"), E(), d("2\ttwo\n"), c, S), Until("Z"), LOADED),
    # It fails after CopyInResponse and before it reads anything: then no Sync is swallowed. Whether one was is seen by
    # what comes next; and by nothing as long as what was under way behind it looks like what came later.
    script("in, it fails at once", Send(Q(STUBBORN)), Until("Z"), Send(d("1\n"), c, Q("SELECT 1")), Until("Z")),
    script("extended in, it fails at once, the Sync is one", Send(P(STUBBORN), B(), E(), S), Until("Z"), Send(d("1\n"), c, S), Until("Z"), Send(run("SELECT 1"), S), Until("Z")),
    script("extended in, it fails at once, data in the same segment", Send(P(STUBBORN), B(), E(), S, d("1\n"), c, S), Until("Z", 2), Send(run("SELECT 1"), S), Until("Z")),
    script("extended in, it fails at once, many Syncs", Send(P(STUBBORN), B(), E(), S, S, d("1\n"), S, c, S, run("SELECT 1"), S), Until("Z", 5), Send(Q("SELECT 1")), Until("Z")),
    script("extended in, it fails at once, and what follows runs", Send(P(STUBBORN), B(), E(), S, run("SELECT 1"), S), Until("Z", 2), Send(Q("SELECT 1")), Until("Z")),
    script("extended in, it fails at once, a query follows", Send(P(STUBBORN), B(), E(), S, Q("SELECT 1"), Q("SELECT 2")), Until("Z", 3), Send(Q("SELECT 1")), Until("Z")),
    script("extended in, it fails at once, data and what follows runs", Send(P(STUBBORN), B(), E(), S, d("1\n"), c, run("SELECT 1"), S, run("SELECT 2"), S), Until("Z", 3), Send(Q("SELECT 1")), Until("Z")),
    script("extended in, it fails at once, without a Sync", Send(P(STUBBORN), B(), E(), d("1\n"), c, run("SELECT 1"), S, run("SELECT 2"), S), Until("Z", 2), Send(Q("SELECT 1")), Until("Z")),
    script("extended in, it fails later, and what follows is skipped", Send(P(IN), B(), E(), S, d("x\n"), c, run("SELECT 1"), S, run("SELECT 2"), S), Until("Z", 2), Send(Q("SELECT 1")), Until("Z")),
    *(
        script(f"extended in, {kind}, and all that follows looks alike", Send(P(sql), B(), E(), S, d("x\n"), c, *[run("SELECT 1"), S] * 3), Until("Z", zs), *[Send(run("SELECT 1"), S), Until("Z")] * 3)
        for kind, sql, zs in (("it fails at once", STUBBORN, 4), ("it fails later", IN, 3))
    ),
    *(
        script(f"extended in, {kind}, and what follows fails", Send(P(sql), B(), E(), S, S, d("x\n"), c, run("SELECT 1/0"), S, run("SELECT nothing"), S, Q("SELECT 1")), Until("Z", zs), Send(F(177, "1", "2"), S), Until("Z", 2))
        for kind, sql, zs in (("it fails at once", STUBBORN, 5), ("it fails later", IN, 3))
    ),
    script("extended in, it fails at once, and data follows for the next", Send(P(STUBBORN), B(), E(), S, P(IN), B(), E(), d("1\tone\n"), c, S, d("x"), S), Until("Z", 3), LOADED),
    script("extended out", Send(P("COPY t TO STDOUT"), B(), D("P"), E(), S), Until("Z")),
    script("extended out in a pipeline", Send(run("SELECT 1"), P("COPY (SELECT 1, 2) TO STDOUT"), B(), E(), run("SELECT 2"), S), Until("Z")),
    script("extended out, an error on the way", Send(P("COPY (SELECT 10 / (3 - g) FROM generate_series(1, 5) g) TO STDOUT"), B(), E(), run("SELECT 2"), S), Until("Z")),
    # -- out ------------------------------------------------------------------------------------------------
    script("out, row by row", Send(Q("COPY (SELECT g, repeat('x', g % 50) FROM generate_series(1, 3000) g) TO STDOUT")), Until("Z")),
    script("out, nothing", Send(Q("COPY loaded TO STDOUT")), Until("Z")),
    script("out, CSV with newlines", Send(Q(r"COPY (SELECT E'a\nb', 'c,d', 'e''f', NULL) TO STDOUT (FORMAT csv, HEADER)")), Until("Z")),
    script("out, binary", Send(Q("COPY t TO STDOUT (FORMAT binary)")), Until("Z")),
    script("out, twice, and rows between", Send(Q("COPY (SELECT 1) TO STDOUT; SELECT 2; COPY (SELECT 3) TO STDOUT")), Until("Z")),
    script("out, notices, parameters and a notification on the way", Send(Q("LISTEN here"), Q("COPY (SELECT notices(1), set_config('TimeZone', 'UTC', false), pg_notify('here', 'x') FROM generate_series(1, 3)) TO STDOUT")), Until("Z", 2)),
    script("by the server's own means", Send(Q("COPY loaded FROM PROGRAM 'printf \"1\\tone\\n\"'"), Q("COPY loaded TO PROGRAM 'cat >/dev/null'"), Q("COPY loaded FROM '/nowhere'")), Until("Z", 3), LOADED),
    script("not inside a function", Send(Q("DO $$ BEGIN EXECUTE 'COPY t TO STDOUT'; END $$"), Q("DO $$ BEGIN EXECUTE 'COPY loaded FROM STDIN'; END $$"), d("1\tone\n"), c, Q("SELECT 1")), Until("Z", 3), LOADED),
    script("out, big rows", Send(Q("COPY (SELECT repeat('y', 100000) FROM generate_series(1, 5)) TO STDOUT")), Until("Z")),
    script("out, while the client sends more", Send(Q("COPY (SELECT g FROM generate_series(1, 20000) g) TO STDOUT"), Q("SELECT 1"), run("SELECT 2"), S), Until("Z", 3)),
    script("out, data sent that nobody asked for", Send(d("x"), c, f("y"), Q("SELECT 1")), Until("Z")),
    script("both, in one pipeline of queries", Send(Q(IN), d("1\tone\n"), c, Q("COPY loaded TO STDOUT"), Q(IN), d("2\ttwo\n"), c, Q("COPY loaded TO STDOUT")), Until("Z", 4)),
]

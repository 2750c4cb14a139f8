"""Chapter 8: rejected statements. `bad` is one that pgproctor rejects, or one of the same kind that fails by itself;
`bad_value` is such a value for the pattern of LIKE."""

from messages import B, C, D, E, H, P, Q, S, X, c, d, run
from play import Direct, End, Quiet, Script, Send, Until

EFFECTS = [
    Direct("SELECT n FROM written ORDER BY n"),
    Direct("SELECT count(*) FROM pg_class WHERE relname LIKE 'big_%'"),
    Direct("SELECT count(*) FROM loaded"),
]
LIKE = "SELECT n FROM big WHERE name LIKE $1 ORDER BY n LIMIT 2"


def script(name, *steps):
    return Script(name, [*steps, *EFFECTS, Send(X), End()])


def queries(name, *texts):
    return script(name, *(step for text in texts for step in (Send(Q(text)), Until("Z"))))


def insert(n):
    return run(f"INSERT INTO written VALUES ({n})")


def scripts(bad, bad_value):
    return [
        # -- simple queries --------------------------------------------------------------------------
        queries("a simple query", bad, "SELECT 1", "INSERT INTO written VALUES (1)"),
        queries("in a transaction", "BEGIN", "INSERT INTO written VALUES (1)", bad, "SELECT 1", "COMMIT", "SELECT 2"),
        queries("in a transaction, rolled back", "BEGIN", bad, "ROLLBACK", "INSERT INTO written VALUES (1)"),
        queries("first in a transaction", "BEGIN", bad, bad, "INSERT INTO written VALUES (1)", "END"),
        queries("first, middle and last of many", f"{bad}; INSERT INTO written VALUES (1); SELECT 1",
                f"INSERT INTO written VALUES (2); {bad}; SELECT 2", f"INSERT INTO written VALUES (3); SELECT 3; {bad}"),
        queries("of many, in a transaction", "BEGIN; INSERT INTO written VALUES (1)", f"INSERT INTO written VALUES (2); {bad}", "COMMIT"),
        queries("of many, with their own transaction", f"BEGIN; INSERT INTO written VALUES (1); COMMIT; {bad}", f"BEGIN; {bad}; COMMIT", "SELECT 1"),
        queries("in a savepoint", "BEGIN; INSERT INTO written VALUES (1); SAVEPOINT a", bad, "SELECT 1", "ROLLBACK TO a", "INSERT INTO written VALUES (2)", "COMMIT"),
        queries("in a savepoint of a savepoint", "BEGIN", "SAVEPOINT a", "SAVEPOINT b", bad, "ROLLBACK TO b", bad, "ROLLBACK TO a", "INSERT INTO written VALUES (1)", "RELEASE a", "COMMIT"),
        queries("in a failed transaction", "BEGIN", "SELECT 1/0", bad, "SELECT 1", "ROLLBACK", "SELECT 2"),
        queries("behind ROLLBACK in a failed transaction", "BEGIN", "SELECT 1/0", f"ROLLBACK; {bad}", "ROLLBACK"),
        queries("behind ROLLBACK TO in a failed transaction", "BEGIN; SAVEPOINT a", "SELECT 1/0", f"ROLLBACK TO a; {bad}; COMMIT", "ROLLBACK"),
        queries("behind COMMIT in a failed transaction", "BEGIN", "SELECT 1/0", f"COMMIT; {bad}", "ROLLBACK"),
        script("behind ROLLBACK in a transaction that fails in the same segment", Send(Q("BEGIN"), Q("SELECT 1/0"), Q(f"ROLLBACK; {bad}"), Q("ROLLBACK")), Until("Z", 4)),
        queries("read only, serializable", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY", bad, "COMMIT"),
        script("between queries of one segment", Send(Q("SELECT 1"), Q(bad), Q("INSERT INTO written VALUES (1)"), Q(bad), Q("SELECT 2")), Until("Z", 5)),
        script("a transaction in one segment", Send(Q("BEGIN"), Q("INSERT INTO written VALUES (1)"), Q(bad), Q("SELECT 1"), Q("COMMIT")), Until("Z", 5)),
        script("a failed transaction, ended and gone on in one segment", Send(Q("BEGIN"), Q("SELECT 1/0"), Q("ROLLBACK"), Q(bad), Q("SELECT 1")), Until("Z", 5)),
        script("a transaction that fails in the same segment", Send(Q("BEGIN"), Q("SELECT 1/0"), Q(bad), Q("SELECT 1"), Q("ROLLBACK")), Until("Z", 5)),
        script("drops the unnamed statement and portal as any query", Send(P("SELECT 1"), B(), Q(bad), B(), S, E(), S), Until("Z", 3)),
        script("cursors and prepared statements around it", Send(Q("PREPARE p AS SELECT 1")), Until("Z"), Send(Q("BEGIN; DECLARE k CURSOR WITH HOLD FOR SELECT 1; COMMIT"), Q(bad), Q("EXECUTE p"), Q("FETCH k")), Until("Z", 4)),
        script("a COPY before and after it", Send(Q(f"COPY loaded FROM STDIN; {bad}"), d("1\tone\n"), c, Q("COPY loaded FROM STDIN"), d("2\ttwo\n"), c), Until("Z", 2)),
        # -- Parse -----------------------------------------------------------------------------------------
        script("at Parse", Send(P(bad), S), Until("Z"), Send(run("SELECT 1"), S), Until("Z")),
        script("at Parse, the whole statement sent", Send(run(bad), S, run("SELECT 1"), S), Until("Z", 2)),
        script("at Parse, each message by itself", Send(P(bad)), Until("E"), Send(B(), D("P"), E()), Quiet(0.05), Send(H), Quiet(0.05), Send(S), Until("Z")),
        script("first of a pipeline", Send(run(bad), insert(1), S, insert(2), S), Until("Z", 2)),
        script("third of five: those before it roll back", Send(insert(1), insert(2), run(bad), insert(4), insert(5), S, insert(6), S), Until("Z", 2)),
        script("last of a pipeline", Send(insert(1), insert(2), run(bad), S), Until("Z")),
        script("third of five, flushed before", Send(insert(1), insert(2), H), Until("C", 2), Send(run(bad), insert(4), S), Until("Z")),
        script("several in a pipeline of many Syncs", Send(*(run(bad) + S if n % 3 == 1 else insert(n) + S for n in range(9))), Until("Z", 9)),
        script("two in one batch", Send(run(bad), run(bad), S, run(bad), S), Until("Z", 2)),
        script("in a pipeline with BEGIN and COMMIT", Send(run("BEGIN"), insert(1), run(bad), run("COMMIT"), S), Until("Z"), Send(run("COMMIT"), S), Until("Z")),
        script("in a pipelined transaction of many Syncs", Send(run("BEGIN"), S, insert(1), S, run(bad), S, insert(2), S, run("COMMIT"), S), Until("Z", 5)),
        script("in a savepoint of a pipeline", Send(run("BEGIN"), insert(1), run("SAVEPOINT a"), S, run(bad), S, run("ROLLBACK TO a"), insert(2), run("COMMIT"), S), Until("Z", 3)),
        script("a Query behind it is skipped", Send(P(bad), Q("INSERT INTO written VALUES (1)"), S, Q("INSERT INTO written VALUES (2)")), Until("Z", 2)),
        script("a COPY behind it is skipped", Send(P(bad), P("COPY loaded FROM STDIN"), B(), E(), d("1\tone\n"), c, S, Q("SELECT 1")), Until("Z", 2)),
        script("behind an error it is skipped itself", Send(P("SELEC"), run(bad), Q(bad), S, Q("SELECT 1")), Until("Z", 2)),
        script("the name stays undefined", Send(P(bad, "s"), S, B(statement="s"), S, P("SELECT 1", "s"), S, B(statement="s"), E(), S), Until("Z", 4)),
        script("a name that is taken already", Send(P("SELECT 1", "s"), S, P(bad, "s"), S, B(statement="s"), E(), S), Until("Z", 3)),
        script("the unnamed is gone", Send(P("SELECT 1"), S, P(bad), S, B(), E(), S), Until("Z", 3)),
        script("another name is not", Send(P("SELECT 1", "kept"), S, P(bad), S, P(bad, "other"), S, B(statement="kept"), E(), S), Until("Z", 4)),
        script("in a failed transaction by Parse", Send(run("BEGIN"), run("SELECT 1/0"), S, run(bad), S, run("ROLLBACK"), S), Until("Z", 3)),
        script("behind ROLLBACK in a pipeline", Send(Q("BEGIN"), Q("SELECT 1/0")), Until("Z", 2), Send(run("ROLLBACK"), run(bad), insert(1), S, insert(2), S), Until("Z", 2)),
        script("Terminate behind it", Send(insert(1), run(bad), X), End()),
        script("half of it, and the rest later", Send(P(bad)[:-9]), Quiet(0.03), Send(P(bad)[-9:], S), Until("Z")),
        # -- Bind, because of a value ----------------------------------------------------------------------------
        script("at Bind", Send(P(LIKE), B(bad_value), D("P"), E(), S, run("SELECT 1"), S), Until("Z", 2)),
        script("at Bind, third of five", Send(insert(1), P(LIKE, "s"), B("ab%", statement="s"), E(), B(bad_value, statement="s"), E(), insert(2), S, insert(3), S), Until("Z", 2)),
        script("at Bind, and the statement lives on", Send(P(LIKE, "s"), S, B("0a%", statement="s"), E(), S, B(bad_value, statement="s"), E(), S, B("0b%", statement="s"), E(), S), Until("Z", 4)),
        script("at Bind, to a named portal", Send(P(LIKE, "s"), S, B(bad_value, portal="p", statement="s"), E("p"), S, E("p"), S), Until("Z", 3)),
        script("at Bind, in a transaction", Send(Q("BEGIN"), Q("INSERT INTO written VALUES (1)"), P(LIKE, "s"), S, B(bad_value, statement="s"), E(), S, Q("SELECT 1"), Q("COMMIT")), Until("Z", 6)),
        script("at Bind, in a transaction that fails in the same segment", Send(P(LIKE, "s"), S, Q("BEGIN"), Q("SELECT 1/0"), B(bad_value, statement="s"), E(), S, Q("ROLLBACK"), Q("SELECT 1")), Until("Z", 6)),
        script("at Bind, behind ROLLBACK in the same segment", Send(P(LIKE, "s"), S, Q("BEGIN"), Q("SELECT 1/0"), Q("ROLLBACK"), B(bad_value, statement="s"), E(), S, Q("SELECT 1")), Until("Z", 6)),
        script("at Bind, in a savepoint", Send(Q("BEGIN; INSERT INTO written VALUES (1); SAVEPOINT a"), P(LIKE, "s"), S), Until("Z", 2), Send(B(bad_value, statement="s"), E(), S), Until("Z"), Send(Q("ROLLBACK TO a; INSERT INTO written VALUES (2); COMMIT"), B("0c%", statement="s"), E(), S), Until("Z", 2)),
        script("at Bind, a portal open in the same transaction", Send(run("BEGIN"), P("SELECT g FROM generate_series(1, 9) g"), B(portal="open"), E("open", 2), P(LIKE, "s"), S, B(bad_value, statement="s"), S, E("open", 2), S, run("ROLLBACK"), S), Until("Z", 4)),
        script("Close and Describe behind it", Send(P(LIKE, "s"), S, B(bad_value, statement="s"), C("S", "s"), S, D("S", "s"), S), Until("Z", 3)),
    ]

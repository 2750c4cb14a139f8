"""Chapter 5: the extended query protocol, and function calls."""

import struct

from messages import B, C, D, E, F, H, P, Q, S, X, message, run, string
from play import Direct, Drop, End, HalfClose, Quiet, Script, Send, Until

WRITTEN = Direct("SELECT n FROM written ORDER BY n")
INT4, TEXT = 23, 25


def batches(name, *batches, then=(), **options):
    """Each batch by itself, as many ReadyForQuery waited for as it has Sync, Query and FunctionCall messages."""
    steps = []
    for batch in batches:
        batch = batch if isinstance(batch, tuple) else (batch,)
        steps += [Send(*batch), Until("Z", sum(message[:1] in b"SQF" for message in batch))]
    return Script(name, [*steps, *then, Send(X), End()], **options)


def insert(n):
    return P(f"INSERT INTO written VALUES ({n})") + B() + E()


SCRIPTS = [
    # -- the plain course --------------------------------------------------------------------------------
    batches("all in one segment", (run("SELECT $1::int + 1, $2::text", "41", None), S)),
    Script("each message by itself, flushed", [
        Send(P("SELECT $1::int"), H), Until("1"), Send(D("S"), H), Until("T"), Send(B("5"), H), Until("2"), Send(D("P"), H),
        Until("T"), Send(E(), H), Until("C"), Send(S), Until("Z"), Send(X), End()]),
    Script("without Flush and Sync the server keeps its answers", [
        Send(P("SELECT 1"), B(), D("P"), E()), Quiet(), Send(H), Until("C"), Send(S), Until("Z"), Send(X), End()]),
    Script("Flush of nothing", [Send(H), Quiet(), Send(H, S), Until("Z"), Send(X), End()]),
    batches("Sync alone, twice, thrice", S, (S, S), (S, S, S)),
    batches("formats, and types given", (
        P("SELECT $1, $2::int, $3::bytea", "f", (INT4, 0, 0)), D("S", "f"),
        B(struct.pack("!i", 7), "8", b"\0\xff", statement="f", formats=(1, 0, 1), results=(1, 0, 1)), D("P"), E(), S),
        (B("1", "2", "\\x03", statement="f", results=(1,)), D("P"), E(), S)),
    batches("wrong numbers of values, formats and results", (
        P("SELECT $1::int", "one"), B(statement="one"), S), (B("1", "2", statement="one"), S),
        (B("1", statement="one", formats=(0, 0)), S), (B("1", statement="one", results=(0, 0)), S), (B("x", statement="one"), S),
        (B("1", statement="one", formats=(7,)), S), (B("1", statement="one", results=(9,)), E(), S), (B("1", statement="one"), E(), S)),
    batches("a statement of each kind", *(
        (run(sql), S) for sql in (
            "SELECT id FROM t WHERE id < 3", "INSERT INTO written VALUES (1) RETURNING n + 1", "UPDATE written SET n = 2", "DELETE FROM written",
            "", "-- nothing", "SHOW work_mem", "EXPLAIN (COSTS off) SELECT 1", "SET work_mem = '2MB'", "CREATE TEMP TABLE made (n int)",
            "DROP TABLE made", "BEGIN", "SAVEPOINT a", "RELEASE a", "COMMIT", "CALL twice(4)", "SELECT", "LISTEN here", "VALUES (1), (2)",
            "DO $$ BEGIN RAISE NOTICE 'hi'; END $$", "COPY t TO STDOUT", "CHECKPOINT"))),
    batches("two statements in one Parse", (P("SELECT 1; SELECT 2"), S), (P("SELECT 1;"), S), (P(";"), B(), E(), S)),
    batches("a long Parse, a long Bind", (P("SELECT length('" + "x" * 100000 + "')"), B(), E(), S), (P("SELECT length($1)"), B("v" * 200000), E(), S)),
    batches("a Parse beyond what is inspected", (P("SELECT length('" + "x" * 1100000 + "')", "huge"), B(statement="huge"), E(), S), (B(statement="huge"), E(), S)),
    batches("a hundred parameters", (P("SELECT " + " + ".join(f"${n}::int" for n in range(1, 101))), B(*(str(n) for n in range(100))), E(), S)),
    batches("300 parameters of an IN list", (P("SELECT id FROM t WHERE id IN (" + ", ".join(f"${n}" for n in range(1, 301)) + ") ORDER BY id"), B(*(str(n) for n in range(300))), E(), S)),
    batches("as many parameters as there can be", (P("SELECT count(*) FROM (VALUES " + ", ".join(f"(${n})" for n in range(1, 65536)) + ") v"), B(*("7" * 65535)), E(), S)),
    Script("a long text that nobody knows, and a megabyte behind it", [
        Send(P("SELECT 1 WHERE 7 IN (" + ", ".join(str(n * n) for n in range(40000)) + ")"), B(), E(), *(run("SELECT length($1)", "v" * 100000) for _ in range(12)), S),
        Until("Z"), Send(X), End()]),
    # -- pipelines ------------------------------------------------------------------------------------------
    Script("a pipeline of fifty Syncs", [Send(*(run(f"SELECT {n}") + S for n in range(50))), Until("Z", 50), Send(X), End()]),
    Script("a pipeline with errors in some", [
        Send(*(run(f"SELECT 12 / {n % 3}") + S for n in range(12))), Until("Z", 12), Send(X), End()]),
    Script("a pipeline of one transaction", [
        Send(run("BEGIN"), insert(1), insert(2), run("COMMIT"), S, insert(3), S), Until("Z", 2), WRITTEN, Send(X), End()]),
    Script("half-closed where everything is skipped", [Send(P("SELEC"), Q("SELECT 1"), H), HalfClose(), End()]),
    Script("gone where everything is skipped", [Send(P("SELEC"), insert(1), H), Until("E"), Drop(), WRITTEN]),
    Script("an implicit transaction rolled back", [
        Send(insert(1), insert(2), run("SELECT 1/0"), insert(3), S, insert(4), S), Until("Z", 2), WRITTEN, Send(X), End()]),
    Script("an implicit transaction with COMMIT in it", [
        Send(insert(1), run("COMMIT"), insert(2), run("SELECT 1/0"), S), Until("Z"), WRITTEN, Send(X), End()]),
    Script("a deferred error at Sync", [
        Send(P("INSERT INTO deferred VALUES (1), (1)"), B(), E(), S, run("SELECT 1"), S), Until("Z", 2), Send(X), End()]),
    Script("a long pipeline before the first answer is read", [
        Send(*(run("SELECT repeat('x', 2000)") for _ in range(300)), S), Until("Z"), Send(X), End()]),
    Script("Flush between, one Sync", [
        Send(run("SELECT 1"), H), Until("C"), Send(run("SELECT 2"), H), Until("C"), Send(S), Until("Z"), Send(X), End()]),
    # -- errors and the skip to Sync ---------------------------------------------------------------------
    batches("skipped to Sync", (P("SELEC"), B(), D("S"), D("P"), E(), C("S", "x"), H, S)),
    Script("a Query is skipped, too", [
        Send(P("SELEC"), Q("INSERT INTO written VALUES (1)"), E(), S, Q("SELECT 2")), Until("Z", 2), WRITTEN, Send(X), End()]),
    Script("a Query alone after an error", [
        Send(P("SELEC")), Until("E"), Send(Q("SELECT 1")), Quiet(), Send(S), Until("Z"), Send(Q("SELECT 2")), Until("Z"), Send(X), End()]),
    Script("a function call and copy data are skipped, too", [
        Send(E("nowhere"), F(177, "1", "2"), message("d", b"x"), message("c"), message("f", b"x\0"), S), Until("Z"), Send(X), End()]),
    Script("Terminate is not skipped", [Send(P("SELEC"), X), End()]),
    Script("the error comes at once, without Flush", [Send(P("SELEC")), Until("E"), Send(S), Until("Z"), Send(X), End()]),
    Script("several errors, one Sync", [Send(P("SELEC"), P("SELECTT"), E("a"), S, P("SELECTTT"), S), Until("Z", 2), Send(X), End()]),
    batches("in a failed transaction", (run("BEGIN"), S), (run("SELECT 1/0"), S), (run("SELECT 1"), S), (P("ROLLBACK TO x"), B(), E(), S), (run("ROLLBACK"), S), (run("SELECT 1"), S)),
    batches("a savepoint brings it back", (run("BEGIN"), insert(1), run("SAVEPOINT a"), S), (insert(2), run("SELECT 1/0"), S), (run("ROLLBACK TO a"), insert(3), run("COMMIT"), S), then=(WRITTEN,)),
    batches("an error in Execute after rows", (P("SELECT 10 / (3 - g) FROM generate_series(1, 5) g"), B(), D("P"), E(), E(), S)),
    # -- names ------------------------------------------------------------------------------------------------
    batches("named statements live on", (P("SELECT $1::text", "a"), S), (B("1", statement="a"), E(), S), (B("2", statement="a"), E(), S), (C("S", "a"), S), (B("3", statement="a"), E(), S)),
    batches("a name twice", (P("SELECT 1", "a"), S), (P("SELECT 2", "a"), S), (B(statement="a"), E(), S)),
    batches("the unnamed twice", (P("SELECT 1"), P("SELECT 2"), B(), E(), S), (B(), E(), S)),
    batches("a failed Parse defines nothing, and drops the unnamed", (P("SELECT 1"), S), (P("SELEC"), S), (B(), S), (P("SELEC", "n"), S), (B(statement="n"), S)),
    batches("unknown names", (B(statement="x"), S), (E("x"), S), (D("S", "x"), S), (D("P", "x"), S), (C("S", "x"), C("P", "x"), S), (D("P"), S), (E(), S)),
    batches("prepared in a transaction rolled back, still there", (run("BEGIN"), P("SELECT 1", "a"), run("ROLLBACK"), S), (B(statement="a"), E(), S)),
    batches("SQL and protocol share the names", (Q("PREPARE a AS SELECT 1"),), (B(statement="a"), E(), S), (P("SELECT 2", "a"), S), (P("SELECT 3", "b"), S), Q("EXECUTE b"), Q("DEALLOCATE a"), (B(statement="a"), S), (C("S", "b"), S), Q("EXECUTE b")),
    batches("DEALLOCATE ALL and DISCARD ALL", (P("SELECT 1", "a"), P("SELECT 2", "b"), S), Q("DEALLOCATE ALL"), (B(statement="a"), S), (P("SELECT 3", "a"), S), Q("DISCARD ALL"), (B(statement="a"), S), (P("DEALLOCATE ALL"), B(), E(), B(), S)),
    batches("names that are long, quoted, not ASCII", *((P("SELECT 1", name), B(portal=name, statement=name), D("P", name), E(name), C("P", name), S) for name in ("n" * 70, 'a"b', "ünïcødé", "a b;--"))),
    batches("closing a statement closes its portals", (P("SELECT 1", "a"), B(portal="p", statement="a"), C("S", "a"), E("p"), S)),
    batches("a plan that changes", Q("CREATE TEMP TABLE shape (a int); INSERT INTO shape VALUES (1)"), (P("SELECT * FROM shape", "s"), S), Q("ALTER TABLE shape ADD b int"), (B(statement="s"), E(), S)),
    # -- portals --------------------------------------------------------------------------------------------
    batches("suspended and continued", (P("SELECT g FROM generate_series(1, 5) g"), B(), E(rows=2), E(rows=2), E(rows=2), E(rows=2), S)),
    batches("suspended exactly at the end", (P("SELECT g FROM generate_series(1, 2) g"), B(), E(rows=2), E(rows=2), S)),
    batches("suspended, then Sync: gone", (P("SELECT g FROM generate_series(1, 5) g"), B(portal="p"), E("p", 2), S), (E("p", 2), S)),
    batches("suspended in a transaction: kept", (run("BEGIN"), S), (P("SELECT g FROM generate_series(1, 5) g"), B(portal="p"), E("p", 2), S), (E("p", 2), S), (E("p"), S), (C("P", "p"), S), (E("p"), S), (run("COMMIT"), S)),
    batches("two portals in turn", (P("SELECT g FROM generate_series(1, 4) g", "s"), B(portal="a", statement="s"), B(portal="b", statement="s"), E("a", 1), E("b", 3), E("a", 3), E("b"), E("a"), S)),
    batches("a portal's name twice", (P("SELECT 1"), B(portal="p"), B(portal="p"), S)),
    batches("FETCH on a portal, Execute on a cursor", (run("BEGIN"), P("SELECT g FROM generate_series(1, 9) g"), B(portal="p"), S), Q("FETCH 2 FROM p"), Q("DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id"), (D("P", "c"), E("c", 2), S), Q("FETCH c"), Q("CLOSE c"), (E("c"), S), Q("ROLLBACK")),
    batches("a portal run twice", (P("SELECT 1"), B(), E(), E(), S), (P("INSERT INTO written VALUES (1)"), B(), E(), E(), S), then=(WRITTEN,)),
    batches("negative and huge row limits", (P("SELECT g FROM generate_series(1, 3) g"), B(), E(rows=-1), S), (P("SELECT 1"), B(), E(rows=2147483647), S)),
    batches("RETURNING and row limits", (P("INSERT INTO written SELECT g FROM generate_series(1, 4) g RETURNING n"), B(), E(rows=2), E(rows=1), E(), S), then=(WRITTEN,)),
    batches("Describe before everything, after Execute, twice", (P("SELECT 1 AS a", "s"), D("S", "s"), B(statement="s"), D("P"), E(), D("P"), D("S", "s"), D("S", "s"), S)),
    batches("EXECUTE by the extended protocol", Q("PREPARE p (int) AS SELECT $1 * 2"), (run("EXECUTE p(4)"), S), (run("EXPLAIN (COSTS off) EXECUTE p(4)"), S)),
    # -- FunctionCall -----------------------------------------------------------------------------------------
    batches("functions called", F(177, "1", "2"), F(177, struct.pack("!i", 1), struct.pack("!i", 2), formats=(1,), result=1), F(177, "1", None), F(177, "1"), F(1, "x"), F(177, "a", "b"), F(177, "1", "2", formats=(0, 1, 0))),
    batches("functions called in a transaction", Q("BEGIN"), F(177, "1", "x"), F(177, "1", "2"), Q("ROLLBACK"), F(177, "1", "2")),
    Script("functions called in a pipeline", [Send(F(177, "1", "2"), Q("SELECT 1"), F(177, "1", "x"), F(177, "3", "4"), S), Until("Z", 5), Send(X), End()]),
    batches("a large object", Q("BEGIN"), Q("SELECT lo_create(770001)"), F(952, "770001", "393216"), F(955, "0", "\\x48656c6c6f"), F(956, "0", "0", "0"), F(954, "0", "100"), F(953, "0"), Q("SELECT lo_unlink(770001)"), Q("COMMIT")),
    # -- bodies that don't decode -------------------------------------------------------------------------------
    *(
        batches(f"a {kind} that ends too early ({len(body)})", (message(kind, body), S), (run("SELECT 1"), S))
        for kind, body in (
            ("P", b""), ("P", b"\0"), ("P", b"\0SELECT 1\0"), ("P", b"\0SELECT 1\0\0"), ("P", b"\0SELECT 1\0\0\1"), ("P", b"name"),
            ("B", b""), ("B", b"\0\0"), ("B", b"\0\0\0\0\0\1\0\0\0\7"), ("D", b""), ("D", b"S"), ("C", b""), ("C", b"Sx"), ("E", b""), ("E", b"\0\0"),
        )
    ),
    *(
        batches(f"a {kind} with bytes behind it", (message(kind, body), S), (run("SELECT 1"), S))
        for kind, body in (
            ("P", string("") + string("SELECT 1") + b"\0\0x"), ("B", b"\0\0\0\0\0\0\0\0x"), ("D", b"S\0x"), ("C", b"S\0x"), ("E", b"\0\0\0\0\0x"),
        )
    ),
    batches("a value of length -2", (P("SELECT $1::int"), message("B", b"\0\0" + struct.pack("!HHiH", 0, 1, -2, 0)), S)),
    batches("invalid UTF-8 in Parse, Bind and names", (P(b"SELECT '\xff'"), S), (P("SELECT $1::text"), B(b"\xc3"), E(), S), (P("SELECT 1", b"\xff"), S), (B(statement=b"\xff"), S)),
]

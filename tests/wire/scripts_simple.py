"""Chapter 4: simple queries."""

from messages import C, D, E, B, H, P, Q, S, X, c, d, message, text
from play import Direct, End, Quiet, Script, Send, Until

WRITTEN = Direct("SELECT n FROM written ORDER BY n")


def script(name, *queries, then=(), **options):
    """Each query by itself, waited for; then what it left behind."""
    steps = []
    for query in queries:
        steps += [Send(query if isinstance(query, bytes) else Q(query)), Until("Z")]
    return Script(name, [*steps, *then, Send(X), End()], **options)


def at_once(name, *queries, then=(), **options):
    """All of them in one Send."""
    messages = [query if isinstance(query, bytes) else Q(query) for query in queries]
    return Script(name, [Send(*messages), Until("Z", len(messages)), *then, Send(X), End()], **options)


def raw(body):
    return message("Q", text(body))


SCRIPTS = [
    # -- empty, and text that isn't what it seems ------------------------------------------------------
    script("empty queries", "", ";", ";;", " ", "-- a comment", "/* a /* nested */ comment */", "\n;\t;-- \n"),
    script("statements between empty ones", ";SELECT 1;;SELECT 2;", "; -- only\n; SELECT 3"),
    script("text behind the first NUL", raw("SELECT 1\0SELECT 2\0"), raw("SELECT 1\0\0"), "SELECT 4"),
    script("statements behind the first NUL don't run", raw("INSERT INTO written VALUES (1)\0; INSERT INTO written VALUES (2)\0"), then=(WRITTEN,)),
    script("no NUL at all", raw("SELECT 1"), raw(""), "SELECT 5"),
    script("only a NUL", raw("\0")),
    script("invalid UTF-8", raw(b"SELECT '\xff'\0"), raw(b"SELECT 1 -- \xc3\0"), raw(b"\xe9\0"), "SELECT 'fine: \u00e9 \U0001f418'"),
    script("a syntax error", "SELEC 1", "SELECT FROM WHERE", "SELECT 'unterminated", "SELECT (((", 'SELECT "', "$$"),
    # -- kinds of results -------------------------------------------------------------------------------------
    script("every kind of result in one query",
           "SELECT 1 AS a; ; INSERT INTO written VALUES (1), (2); UPDATE written SET n = 3 WHERE n = 2; "
           "DELETE FROM written WHERE n = 3 RETURNING n; TABLE written; COPY t TO STDOUT; VALUES (1, 'x'), (2, NULL); "
           "SHOW server_version_num; EXPLAIN (COSTS off) SELECT 1; CREATE TEMP TABLE made (n int); DROP TABLE made; "
           "SET work_mem = '1MB'; SELECT; DO $$ BEGIN NULL; END $$; CALL twice(21)", then=(WRITTEN,)),
    script("no rows, no columns, no rows and no columns", "SELECT 1 WHERE false", "SELECT", "SELECT WHERE false", "SELECT FROM generate_series(1, 3)"),
    script("many columns", "SELECT " + ", ".join(f"{n} AS c{n}" for n in range(1500))),
    script("NULLs, empty strings, arrays, records, types", "SELECT NULL::int, '', '{1,NULL,3}'::int[], ROW(1, 'a'), '\\x00ff'::bytea, 1.50::numeric, true, 'NaN'::float8, '2024-02-29'::date, '{\"a\": 1}'::jsonb"),
    script("a row of 300 kB", "SELECT repeat('x', 300000)"),
    script("20,000 rows", "SELECT g, md5(g::text) FROM generate_series(1, 20000) g"),
    script("a query of 200 kB", "SELECT length('" + "y" * 200000 + "')"),
    script("a query beyond what is inspected", "SELECT length('" + "z" * 1200000 + "')", "SELECT 1"),
    script("COPY out of a function's rows", "COPY (SELECT g FROM generate_series(1, 1000) g) TO STDOUT WITH (FORMAT csv, HEADER)"),
    script("notices", "SELECT notices(3)", "DROP TABLE IF EXISTS nowhere", "SET client_min_messages = debug1; SELECT 1", "INSERT INTO noisy VALUES (1), (2)"),
    script("2,000 notices before one row", "SELECT notices(2000)"),
    # -- errors ------------------------------------------------------------------------------------------------
    script("an error in the second of three", "INSERT INTO written VALUES (1); SELECT 1/0; INSERT INTO written VALUES (3)", then=(WRITTEN,)),
    script("an error in the last", "INSERT INTO written VALUES (1); INSERT INTO written VALUES (2); SELECT 1/0", then=(WRITTEN,)),
    script("a syntax error in the last: nothing runs", "INSERT INTO written VALUES (1); SELECT 1; SELEC", then=(WRITTEN,)),
    script("an error among rows", "SELECT 10 / (3 - g) FROM generate_series(1, 5) g"),
    script("an error while data is copied out", "COPY (SELECT 10 / (300 - g) FROM generate_series(1, 500) g) TO STDOUT", "SELECT 1"),
    script("an error with every field", "ALTER TABLE t ADD CONSTRAINT positive CHECK (id > 5)", "INSERT INTO t VALUES (1, 'twice')", "DO $$ BEGIN RAISE EXCEPTION 'own' USING DETAIL = 'd', HINT = 'h', ERRCODE = 'P0009'; END $$"),
    script("a deferred error at commit", "INSERT INTO deferred VALUES (1); INSERT INTO deferred VALUES (1)", "BEGIN; INSERT INTO deferred VALUES (1), (1)", "COMMIT", "SELECT count(*) FROM deferred"),
    at_once("errors between queries in one segment", "SELECT 1", "SELECT 1/0", "SELECT 2", "SELEC", "SELECT 3"),
    at_once("thirty queries in one segment", *(f"SELECT {n}" for n in range(30))),
    # -- transactions --------------------------------------------------------------------------------------
    script("the states of a transaction", "BEGIN", "INSERT INTO written VALUES (1)", "SELECT 1/0", "SELECT 1", "COMMIT", "SELECT 2", then=(WRITTEN,)),
    script("one implicit transaction, cut by COMMIT", "INSERT INTO written VALUES (1); COMMIT; INSERT INTO written VALUES (2); SELECT 1/0", then=(WRITTEN,)),
    script("one implicit transaction, cut by ROLLBACK", "INSERT INTO written VALUES (1); ROLLBACK; INSERT INTO written VALUES (2)", then=(WRITTEN,)),
    script("BEGIN in the middle", "INSERT INTO written VALUES (1); BEGIN; INSERT INTO written VALUES (2)", "ROLLBACK", then=(WRITTEN,)),
    script("a failed transaction ended and another begun in one query", "BEGIN; SELECT 1/0", "ROLLBACK; BEGIN; SELECT 1; INSERT INTO written VALUES (7)", "COMMIT", then=(WRITTEN,)),
    script("savepoints", "BEGIN; INSERT INTO written VALUES (1); SAVEPOINT a", "SELEC", "SELECT 1", "ROLLBACK TO a", "INSERT INTO written VALUES (2); RELEASE a", "ROLLBACK TO nowhere", "COMMIT", then=(WRITTEN,)),
    script("warnings about transactions", "COMMIT", "ROLLBACK", "BEGIN", "BEGIN", "COMMIT AND CHAIN", "ROLLBACK AND CHAIN", "PREPARE TRANSACTION 'x'", "ROLLBACK"),
    script("what may not be in a transaction", "SELECT 1; VACUUM t", "BEGIN; VACUUM", "ROLLBACK", "SELECT 1; CREATE DATABASE other"),
    script("isolation and read only", "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY; INSERT INTO written VALUES (1)", "ROLLBACK", "SET default_transaction_read_only = on", "INSERT INTO written VALUES (1)"),
    at_once("a transaction in one segment, its COMMIT refused", "BEGIN", "INSERT INTO written VALUES (1)", "SELECT 1/0", "COMMIT", "SELECT 2", then=(WRITTEN,)),
    # -- SQL's own names ---------------------------------------------------------------------------------------
    script("PREPARE, EXECUTE, DEALLOCATE", "PREPARE p (int) AS SELECT $1 + 1", "EXECUTE p(1); EXECUTE p(2)", "PREPARE p AS SELECT 2", "EXPLAIN (COSTS off) EXECUTE p(1)", "DEALLOCATE p", "EXECUTE p(1)", "DEALLOCATE ALL", "DEALLOCATE p"),
    script("cursors", "BEGIN; DECLARE c CURSOR FOR SELECT id FROM t ORDER BY id", "FETCH 2 FROM c; FETCH c; MOVE 3 IN c; FETCH BACKWARD 1 FROM c", "CLOSE c; FETCH c", "ROLLBACK", "DECLARE d CURSOR FOR SELECT 1", "BEGIN; DECLARE h CURSOR WITH HOLD FOR SELECT id FROM t ORDER BY id; COMMIT", "FETCH 3 FROM h", "CLOSE ALL", "FETCH h"),
    script("DISCARD", "PREPARE p AS SELECT 1", "DISCARD PLANS", "EXECUTE p", "DISCARD TEMP", "BEGIN; DISCARD ALL", "ROLLBACK", "DISCARD ALL", "EXECUTE p"),
    script("what drivers send to reset a session", "SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock_all(); CLOSE ALL; UNLISTEN *; RESET ALL;"),
    # -- what lexing depends on ----------------------------------------------------------------------------------
    script("standard_conforming_strings", r"SELECT 'a\'", "SET standard_conforming_strings = off", r"SELECT 'it\'s; --', 1", r"SELECT E'\x41'", "SET standard_conforming_strings = on; SELECT 'a", r"SELECT 'b\'"),
    at_once("standard_conforming_strings changed in the same segment", "SET standard_conforming_strings = off", r"SELECT 'it\'s; SELECT 2 --'", "SET standard_conforming_strings = on", r"SELECT 'it\'", "SELECT 'x'"),
    script("set back by a rollback", "BEGIN; SET standard_conforming_strings = off", r"SELECT 'it\'s'", "ROLLBACK", r"SELECT 'it\'"),
    script("quotes of all kinds", "SELECT $$a;b$$, $t$x$$y$t$, U&'\\0041', U&'d!0061' UESCAPE '!', B'101', X'1F', N'n', 'a'\n'b', 1::text, \"id\" FROM t WHERE id = 1 /* ; */ -- ;"),
    script("LATIN1", "SET client_encoding = 'LATIN1'", Q(b"SELECT '\xe9', length('\xe9')"), Q(b"SELECT '\x80\xff'"), "SELECT chr(128024)", "RESET client_encoding"),
    script("SJIS, with backslashes and pipes as trailing bytes", "SET client_encoding = 'SJIS'", Q(b"SELECT '\x95\x5c', 'x\x83\x7c'; SELECT 2"), Q(b"SELECT E'\x95\x5c'"), Q(b"SELECT '\x95'")),
    script("GB18030 and BIG5", "SET client_encoding = 'GB18030'", Q(b"SELECT '\x81\x30\x81\x30', '\x95\x5c'"), "SET client_encoding = 'BIG5'", Q(b"SELECT '\xb3\x5c'")),
    script("SQL_ASCII", "SET client_encoding = 'SQL_ASCII'", Q(b"SELECT '\xe9'"), Q("SELECT 'é'")),
    script("every ASCII byte in a literal", Q(b"SELECT '" + bytes(n for n in range(1, 128) if n != 39) + b"'")),
    # -- with the extended protocol -------------------------------------------------------------------------------
    Script("a Query drops the unnamed statement and portal", [
        Send(P("SELECT 1"), B(), S), Until("Z"), Send(Q("SELECT 2")), Until("Z"), Send(B(), S), Until("Z"), Send(E(), S), Until("Z"), Send(X), End()]),
    Script("a Query of an empty text drops them, too", [
        Send(P("SELECT 1"), S, Q(""), D("S"), S), Until("Z", 3), Send(X), End()]),
    Script("a Query in the middle of an extended batch", [
        Send(P("INSERT INTO written VALUES (1)"), B(), E(), Q("SELECT 2"), H), Until("Z"), Send(S), Until("Z"), WRITTEN, Send(X), End()]),
    Script("named ones survive a Query and a rollback", [
        Send(Q("BEGIN"), P("SELECT 1", "s"), S, Q("ROLLBACK"), B(statement="s"), E(), S), Until("Z", 4), Send(X), End()]),
    Script("copies in one query, in and out, mixed with rows", [
        Send(Q("SELECT 1; COPY loaded FROM STDIN; SELECT 2; COPY loaded TO STDOUT; COPY loaded FROM STDIN; TABLE loaded")),
        Until("G"), Send(d("1\tone\n"), c), Until("G"), Send(d("2\ttwo\n"), d("3\tthree\n"), c), Until("Z"), Send(X), End()]),
    Script("a protocol error in the middle of nothing", [
        Send(Q("SELECT 1"), C("Z", "x"), S), Until("Z", 2), Send(D("?", ""), S), Until("Z"), Send(X), End()]),
    # -- framing ---------------------------------------------------------------------------------------------------
    *(
        Script(f"a Query of length {size & 0xFFFFFFFF}", [Send(b"Q" + (size & 0xFFFFFFFF).to_bytes(4, "big")), End()], blind=True)
        for size in (0, 1, 3, -1, -2147483648)
    ),
    *(
        Script(f"a {kind} longer than any server takes", [Send(kind.encode() + size.to_bytes(4, "big")), End()])
        for kind, size in (("Q", 0x7FFFFFFF), ("P", 0x40000000), ("B", 0x40000000), ("S", 10001), ("E", 20000), ("D", 10001), ("C", 10001), ("H", 10001))
    ),
    Script("a Query with no body", [Send(message("Q")), Until("Z"), Send(X), End()]),
    *(
        Script(f"an unknown message {kind!r}", [Send(message(kind, b"abc")), End()], blind=True) for kind in ("z", "\1", "Z", "G", "1")
    ),
    *(
        Script(f"only the type of an unknown message {kind!r}", [Send(kind.encode()), End()], blind=True) for kind in ("z", "\1")
    ),
    Script("a password when none is asked for", [Send(message("p", b"secret\0")), End()]),
    Script("bodies where there should be none", [
        Send(message("S", b"x")), Until("Z"), Send(message("H", b"x"), S), Until("Z"), Send(Q("SELECT 1")), Until("Z"), Send(X), End()]),
    Script("silence to half a message", [Send(Q("SELECT 1")[:9]), Quiet(), Send(Q("SELECT 1")[9:]), Until("Z"), Send(X), End()]),
]

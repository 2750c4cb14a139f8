"""Rejection: the client sees the server fail, with pgproctor's reason, and everything around it behaves as after any error."""

import time

import psycopg
import psycopg2
import psycopg2.extensions
import pytest

from wire import Wire, error_of, kinds, message

SETTINGS = {"large_table_rows": 1000, "mode": "enforce", "stats_period": 60}
HARMFUL = "CREATE INDEX big_n ON big (n)"


@pytest.fixture(scope="module", autouse=True)
def tables(postgres, database):
    postgres.sql(
        "CREATE TABLE big AS SELECT g AS n, md5(g::text) AS name FROM generate_series(1, 2000) g;"
        "CREATE TABLE small (n int); CREATE TABLE written (n int); ANALYZE",
        database,
    )


def ready(proctor, database):
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT 1")
    connection.close()
    proctor.wait_for("catalog", database=database)
    return proctor


@pytest.fixture(scope="module")
def enforcing(start_proctor, database, tables):
    return ready(start_proctor(direct_ok=False, settings=SETTINGS), database)


@pytest.fixture(autouse=True)
def nothing_was_built(request, postgres, database, tables):
    postgres.sql("TRUNCATE written", database)
    yield
    built = postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'big_n'", database)
    postgres.sql("DROP INDEX IF EXISTS big_n", database)
    assert built == [(0,)]


@pytest.fixture
def connection(enforcing, database):
    connection = psycopg2.connect(enforcing.dsn(database))
    yield connection
    connection.close()


def written(postgres, database):
    return [row[0] for row in postgres.sql("SELECT n FROM written ORDER BY n", database)]


def test_the_first_statement(start_proctor, database, tables):
    """Right after the start, when the catalog is still to be read: it is waited for, also by those who come meanwhile."""
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    connections = [psycopg2.connect(proctor.dsn(database)) for _ in range(3)]
    for connection in connections:
        connection.autocommit = True
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            connection.cursor().execute(HARMFUL)
        connection.close()


def test_no_catalog_to_wait_for(start_proctor, database, tables):
    """Where the catalog can't be read nobody waits for long, and whoever comes later not at all."""
    settings = {**SETTINGS, "catalog": "host=/nonexistent"}

    def visit(proctor):
        began = time.monotonic()
        with psycopg2.connect(proctor.dsn(database)) as connection:
            connection.cursor().execute("SELECT 1")
        connection.close()
        return time.monotonic() - began

    # The quickest of some, as the machine may be busy; each of them would wait for three seconds.
    proctors = [start_proctor(direct_ok=False, settings=settings) for _ in range(3)]
    assert min(map(visit, proctors)) < 2.5
    assert min(visit(proctors[0]) for _ in range(5)) < 0.5


def test_the_error(enforcing, connection):
    """ERROR 42501 with the rule, what matched, and what to do in Django; the log says rejected; the connection lives on."""
    connection.autocommit = True
    cursor = connection.cursor()
    with pytest.raises(psycopg2.errors.InsufficientPrivilege) as caught:
        cursor.execute(HARMFUL)
    diag = caught.value.diag
    assert diag.severity == "ERROR" and diag.sqlstate == "42501"
    assert diag.message_primary.startswith("pgproctor: index-build-blocks-writes: ")
    assert "big" in diag.message_detail
    assert "AddIndexConcurrently" in diag.message_hint or "CONCURRENTLY" in diag.message_hint
    cursor.execute("SELECT 1")
    assert cursor.fetchone() == (1,)
    event = enforcing.wait_for("finding", code="M202", action="rejected")
    assert event["table"] == "big" and event["severity"] == "block"


def test_the_transaction_is_failed(connection):
    """25P02 until ROLLBACK, as the server itself has it."""
    cursor = connection.cursor()
    cursor.execute("INSERT INTO written VALUES (1)")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(HARMFUL)
    assert connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INERROR
    with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
        cursor.execute("SELECT 1")
    # In a failed transaction the harmful statement gets the server's answer, like any other.
    with pytest.raises(psycopg2.errors.InFailedSqlTransaction):
        cursor.execute(HARMFUL)
    connection.rollback()
    cursor.execute("SELECT count(*) FROM written")
    assert cursor.fetchone() == (0,)


def test_savepoint(connection, postgres, database):
    """ROLLBACK TO brings the transaction back, and what was done before the savepoint is committed."""
    cursor = connection.cursor()
    cursor.execute("INSERT INTO written VALUES (1); SAVEPOINT s")
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        cursor.execute(HARMFUL)
    cursor.execute("ROLLBACK TO SAVEPOINT s")
    cursor.execute("INSERT INTO written VALUES (2)")
    connection.commit()
    assert written(postgres, database) == [1, 2]


@pytest.mark.parametrize("text", [f"INSERT INTO written VALUES (1); {HARMFUL}", f"{HARMFUL}; INSERT INTO written VALUES (1)"])
def test_one_of_several_statements(connection, postgres, database, text):
    """A message with one harmful statement is refused whole: nothing of it has run."""
    connection.autocommit = True
    with pytest.raises(psycopg2.errors.InsufficientPrivilege):
        connection.cursor().execute(text)
    assert written(postgres, database) == []


@pytest.mark.parametrize("first", ["ROLLBACK", "COMMIT", "ROLLBACK TO before"])
def test_behind_the_end_of_a_failed_transaction(enforcing, database, first):
    """In a failed transaction the server refuses by itself, but not what stands behind the transaction's end."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        wire.query("BEGIN; SAVEPOINT before")
        assert error_of(wire.query("SELECT 1/0"))["C"] == "22012"
        assert error_of(wire.query(HARMFUL))["C"] == "25P02"
        assert error_of(wire.query(f"{first}; {HARMFUL}"))["C"] == "42501"
        wire.query("ROLLBACK")


@pytest.mark.parametrize("text", [b"SELECT 1\0" + HARMFUL.encode() + b"\0", HARMFUL.encode() + b"\0SELECT 1\0", HARMFUL.encode()])
def test_bytes_behind_the_text(enforcing, postgres, database, text):
    """A Query with two zeros, or none, is refused by the server, whatever is in it."""
    outcomes = []
    for server in (postgres, enforcing):
        with Wire(server.host, server.port) as wire:
            wire.login(database)
            wire.send(message(b"Q", text))
            outcomes.append(wire.until(b"Z"))
            assert kinds(wire.query("SELECT 1")) == b"TDCZ"
    assert outcomes[0] == outcomes[1]
    assert error_of(outcomes[1])["C"] == "08P01"


@pytest.mark.parametrize("undo", ["ROLLBACK", "ROLLBACK TO s", "DROP TABLE big", "DISCARD TEMP", "ALTER TABLE big RENAME TO other", "DO 'BEGIN DROP TABLE big; END'"])
@pytest.mark.parametrize("how", ["Query", "Parse", "Parse, one Sync"])
def test_created_and_undone_in_one_segment(enforcing, database, undo, how):
    """What hid the large table goes away in the same segment."""

    def run(text, end=b""):
        if how == "Query":
            return message(b"Q", text.encode() + b"\0")
        return message(b"P", b"\0" + text.encode() + b"\0\0\0") + message(b"B", b"\0" * 8) + message(b"E", b"\0" * 5) + end

    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        if undo == "DISCARD TEMP":
            wire.query("CREATE TEMPORARY TABLE big (n int)")
        else:
            wire.query("BEGIN; SAVEPOINT s; CREATE TEMPORARY TABLE big (n int)")
        sync = message(b"S")
        wire.send(run(undo, b"" if how == "Parse, one Sync" else sync) + run(HARMFUL, sync) + message(b"Q", b"ROLLBACK\0"))
        errors = []
        for _ in range(2 if how == "Parse, one Sync" else 3):
            answer = wire.until(b"Z")
            errors.append(error_of(answer) and error_of(answer)["C"])
        assert "42501" in errors, errors


def test_created_and_kept_in_one_segment(enforcing, database):
    """As long as nothing may have undone it, a table of the transaction's own is small."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        wire.query("BEGIN; CREATE TEMPORARY TABLE big (n int)")
        texts = ["INSERT INTO big VALUES (1)", HARMFUL, "SELECT 1", "CREATE INDEX ON big (n)", "ROLLBACK"]
        wire.send(b"".join(message(b"Q", text.encode() + b"\0") for text in texts))
        assert [error_of(wire.until(b"Z")) for _ in texts] == [None] * len(texts)


def test_prepared_while_harmless(enforcing, database):
    """DDL on a table made in the same transaction may be prepared; what it would do later is judged later."""
    with psycopg.connect(enforcing.dsn(database), autocommit=True) as connection:
        connection.execute("BEGIN")
        connection.execute("CREATE TEMPORARY TABLE big (n int)")
        connection.pgconn.prepare(b"later", HARMFUL.encode())
        connection.execute("ROLLBACK")
        result = connection.pgconn.exec_prepared(b"later", [])
        assert result.error_field(psycopg.pq.DiagnosticField.SQLSTATE) == b"42501"


def test_pipeline(enforcing, postgres, database):
    """In a pipeline the statements before it, in the same implicit transaction, roll back, those after it up to the
    Sync are skipped, and what follows the Sync runs."""
    with psycopg.connect(enforcing.dsn(database), autocommit=True) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege), connection.pipeline() as pipeline:
            connection.execute("INSERT INTO written VALUES (%s)", [1])
            connection.execute(HARMFUL)
            connection.execute("INSERT INTO written VALUES (%s)", [2])
            pipeline.sync()
        assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
        connection.execute("INSERT INTO written VALUES (%s)", [3])
    assert written(postgres, database) == [3]


def test_prepared(enforcing, database):
    """A rejected Parse leaves its name undefined, and the name can be used again."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        wire.send(message(b"P", b"s\0" + HARMFUL.encode() + b"\0\0\0") + message(b"S"))
        answer = wire.until(b"Z")
        assert kinds(answer) == b"EZ" and error_of(answer)["C"] == "42501"
        wire.send(message(b"B", b"\0s\0" + b"\0" * 6) + message(b"E", b"\0" + b"\0" * 4) + message(b"S"))
        answer = wire.until(b"Z")
        assert kinds(answer) == b"EZ" and error_of(answer)["C"] == "26000"
        wire.send(message(b"P", b"s\0SELECT 1\0\0\0") + message(b"B", b"\0s\0" + b"\0" * 6))
        wire.send(message(b"E", b"\0" + b"\0" * 4) + message(b"S"))
        assert kinds(wire.until(b"Z")) == b"12DCZ"


def test_pipelined_queries(enforcing, database):
    """Two Query messages in one segment around a rejected one: each gets its own answer, in order."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        texts = ["SELECT 1", HARMFUL, "SELECT 2"]
        wire.send(b"".join(message(b"Q", text.encode() + b"\0") for text in texts))
        assert [kinds(wire.until(b"Z")) for _ in texts] == [b"TDCZ", b"EZ", b"TDCZ"]


def test_what_passes(connection, postgres, database):
    """CONCURRENTLY, a small table, and a table made in the same transaction."""
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE INDEX CONCURRENTLY big_online ON big (n)")
    cursor.execute("CREATE INDEX small_n ON small (n)")
    cursor.execute("BEGIN")
    cursor.execute("CREATE TABLE copy AS TABLE big")
    cursor.execute("CREATE INDEX copy_n ON copy (n)")
    cursor.execute("ROLLBACK")
    cursor.execute("DROP INDEX big_online, small_n")


def test_findings_of_queries_are_not_rejected(connection):
    """Enforcing refuses what blocks, not what is merely slow."""
    connection.cursor().execute("SELECT n FROM big WHERE upper(name) LIKE upper('%x%') ORDER BY name")


@pytest.mark.parametrize("mode, action, rejected", [("enforce", "log", False), ("observe", "reject", True), ("enforce", "off", False)])
def test_actions_by_rule(start_proctor, postgres, database, mode, action, rejected):
    """[rules] counts more than the mode, by code or by name."""
    name = "M202" if action != "off" else "index-build-blocks-writes"
    proctor = ready(start_proctor(direct_ok=False, settings={**SETTINGS, "mode": mode}, rules={name: action}), database)
    connection = psycopg2.connect(proctor.dsn(database))
    connection.autocommit = True
    cursor = connection.cursor()
    if rejected:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            cursor.execute(HARMFUL)
    else:
        cursor.execute(HARMFUL)
        cursor.execute("DROP INDEX big_n")
    connection.close()
    proctor.stop()
    assert bool(proctor.events("finding", code="M202")) == (action != "off")


def test_reject_a_query_by_its_bound_value(start_proctor, postgres, database):
    """leading-wildcard-unindexed = reject: the same prepared statement passes with one value and fails with another."""
    proctor = start_proctor(direct_ok=False, settings=SETTINGS, rules={"Q101": "reject", "Q104": "off"})
    ready(proctor, database)
    with psycopg.connect(proctor.dsn(database), autocommit=True) as connection:
        query = "SELECT n FROM big WHERE name LIKE %s ORDER BY name"
        connection.execute(query, ["abc%"], prepare=True)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(query, ["%abc%"], prepare=True)
        assert connection.execute(query, ["ab%"], prepare=True).fetchall()
        # And SQL's own.
        connection.execute("PREPARE search AS SELECT n FROM big WHERE name LIKE $1 ORDER BY name")
        assert connection.execute("EXECUTE search('ab%')").fetchall()
        for text in ("EXECUTE search('%abc%')", "EXPLAIN (ANALYZE) EXECUTE search('%abc%')", "CREATE TEMP TABLE t AS EXECUTE search('%abc%')"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="leading-wildcard-unindexed"):
                connection.execute(text)
        connection.execute("EXPLAIN EXECUTE search('%abc%')")

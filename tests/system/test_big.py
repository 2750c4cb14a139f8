"""Statements that take long to parse: their session waits for them, in order, and nobody else does."""

import time

import psycopg2
import pytest

from wire import Wire, error_of, kinds, message

SETTINGS = {"mode": "enforce", "large_table_rows": 1000, "stats_period": 60}
HARMFUL = "CREATE INDEX big_n ON big (n)"


def long_select(name, result):
    """About 60 kB, under all ceilings, and no two of them alike."""
    conditions = " OR ".join(f"({name}_{at}.n = {at} AND {name}_{at}.n <> 7)" for at in range(400))
    tables = ", ".join(f"(SELECT {at} AS n) {name}_{at}" for at in range(400))
    return f"SELECT {result} FROM {tables} WHERE {conditions} LIMIT 1"


@pytest.fixture(scope="module")
def enforcing(postgres, database, start_proctor):
    postgres.sql("CREATE TABLE big AS SELECT generate_series(1, 2000) AS n; ANALYZE big", database)
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT 1")
    connection.close()
    proctor.wait_for("catalog", database=database)
    return proctor


def query(text):
    return message(b"Q", text.encode() + b"\0")


def values(messages):
    return [body[6:].decode() for kind, body in messages if kind == b"D"]


def test_a_pipeline_keeps_its_order(enforcing, database):
    """What comes behind a long statement in the same packet is answered behind it; a second long one waits for the
    first; all that is half there stays half there."""
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        pipeline = query("SELECT 1") + query(long_select("a", 2)) + query("SELECT 3")
        pipeline += query(long_select("b", 4)) + query(long_select("c", 5)) + query("SELECT 6")
        wire.send(pipeline[:-4])
        answers = []
        for _ in range(5):
            answers += values(wire.until(b"Z"))
        wire.send(pipeline[-4:])
        answers += values(wire.until(b"Z"))
        assert answers == ["1", "2", "3", "4", "5", "6"]


def test_a_long_prepared_statement(enforcing, database):
    """Parse, Bind, Execute and Sync in one packet, the Parse long: it is parsed elsewhere, the rest waits."""
    parse = message(b"P", b"s\0" + long_select("p", 8).encode() + b"\0\0\0")
    rest = message(b"B", b"\0s\0\0\0\0\0\0\0") + message(b"E", b"\0\0\0\0\0") + message(b"S")
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        wire.send(parse + rest)
        messages = wire.until(b"Z")
        assert error_of(messages) is None and kinds(messages) == b"12DCZ"


@pytest.mark.parametrize("padding", [20_000, 100_000])
def test_a_long_statement_is_rejected(enforcing, postgres, database, padding):
    """Length is no way around a rule, nor is what stands before and behind in the same packet."""
    harmful = HARMFUL + " WHERE n <> ALL ('{" + ",".join(["1"] * (padding // 2)) + "}')"
    with Wire(enforcing.host, enforcing.port) as wire:
        wire.login(database)
        wire.send(query("SELECT 1") + query(harmful) + query("SELECT 2"))
        assert values(wire.until(b"Z")) == ["1"]
        assert error_of(wire.until(b"Z"))["C"] == "42501"
        assert values(wire.until(b"Z")) == ["2"]
    assert postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'big_n'", database) == [(0,)]


def test_the_client_that_does_not_wait(enforcing, postgres, database):
    """A client that sends a long statement and goes away is forgotten, and harm that came behind is not done."""
    for number in range(5):
        with Wire(enforcing.host, enforcing.port) as wire:
            wire.login(database)
            wire.send(query(long_select(f"gone{number}", 1)) + query(HARMFUL))
    time.sleep(0.3)
    assert postgres.sql("SELECT count(*) FROM pg_class WHERE relname = 'big_n'", database) == [(0,)]
    with psycopg2.connect(enforcing.dsn(database)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 9")
        assert cursor.fetchall() == [(9,)]
    connection.close()


def test_stopping_waits_for_it(start_proctor, database):
    """A stop while a long statement is being parsed lets it be answered, or ends the session with words; it does not
    hang."""
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    with Wire(proctor.host, proctor.port) as wire:
        wire.login(database)
        wire.send(query(long_select("stop", 1)))
        assert proctor.stop() == 0
        assert wire.closed()

"""The types that a Parse declares for its parameters decide what an index serves, as the server's own analysis has them."""

import struct
from decimal import Decimal

import psycopg
import pytest

from harness import wait_until
from wire import Wire, message

OIDS = {"unknown": 0, "int2": 21, "int4": 23, "int8": 20, "numeric": 1700, "float8": 701, "text": 25, "varchar": 1043, "uuid": 2950}
# A function for each text, since an alias or a cast makes no fingerprint of its own.
CALLS = dict(zip([*OIDS, "again"], ["abs", "sqrt", "ceil", "floor", "round", "sign", "exp", "ln", "trunc", "radians"]))
AGAIN = {"id": "sin", "code": "cos", "amount": "tan", "key": "cot"}
# By column: the declared types for which the server can use its index, and those for which it can't. What is in
# neither it has no operator for.
CASES = [
    ("id", "1", ["unknown", "int2", "int4", "int8"], ["numeric", "float8"]),
    ("code", "1", ["unknown", "text", "varchar"], []),
    ("amount", "1", ["unknown", "int2", "int4", "int8", "numeric"], ["float8"]),
    ("key", "00000000-0000-0000-0000-000000000001", ["unknown", "uuid"], []),
]


@pytest.fixture(scope="module")
def table(postgres, database):
    postgres.sql(
        "CREATE TABLE declared (id int PRIMARY KEY, code varchar(40) UNIQUE, amount numeric UNIQUE, key uuid UNIQUE);"
        "INSERT INTO declared SELECT g, g::text, g, md5(g::text)::uuid FROM generate_series(1, 2000) g",
        database,
    )
    postgres.sql("ANALYZE declared", database)
    return database


@pytest.fixture(scope="module")
def watched(start_proctor, table):
    settings = {"stats_period": 60, "large_table_rows": 1000, "medium_table_rows": 500}
    proctor = start_proctor(direct_ok=False, settings=settings)
    with psycopg.connect(proctor.dsn(table)) as connection:
        connection.execute("SELECT 1")
    proctor.wait_for("catalog", database=table)
    return proctor


def parse_bind_execute(text, oid, value):
    raw = value.encode()
    return (
        message(b"P", b"\0" + text.encode() + b"\0" + struct.pack("!HI", 1, oid))
        + message(b"B", b"\0\0" + struct.pack("!HHI", 0, 1, len(raw)) + raw + struct.pack("!H", 0))
        + message(b"E", b"\0" + struct.pack("!I", 0))
        + message(b"S", b"")
    )


def select(column, name, value):
    """The alias tells by the query which it was."""
    return f"SELECT {CALLS.get(name) or AGAIN[column]}(1) AS {column}_{name} FROM declared WHERE {column} = {value}"


def findings(proctor):
    return [(event["code"], event.get("query", "")) for event in proctor.events("finding", table="declared")]


@pytest.mark.parametrize("column, value, serves, kills", CASES, ids=[case[0] for case in CASES])
def test_by_oid(postgres, watched, table, column, value, serves, kills):
    """Every type in turn on the bare protocol: a finding for those that the server itself plans without the index, and
    for no other; and the same text under another type is another statement."""
    with psycopg.connect(postgres.dsn(table), autocommit=True) as direct:
        direct.execute("SET enable_seqscan = off")
        direct.execute("SET plan_cache_mode = force_generic_plan")
        for name in serves + kills:
            direct.execute(f"PREPARE p_{name} ({name}) AS SELECT 1 FROM declared WHERE {column} = $1")
            plan = direct.execute(f"EXPLAIN EXECUTE p_{name} ('{value}')").fetchall()
            assert ("Index Cond" in str(plan)) == (name in serves), (name, plan)
    with Wire("127.0.0.1", watched.port) as wire:
        wire.login(table)
        for name in serves + kills:
            # The second text is the same under each type.
            for alias in (name, "again"):
                wire.send(parse_bind_execute(select(column, alias, "$1"), OIDS[name], value))
                assert b"E" not in [kind for kind, _ in wire.until(b"Z")], name

    def found():
        names = [*OIDS, "again"]
        return {(code, name) for code, query in findings(watched) for name in names if f"{column}_{name} " in query}

    watched.settled(table)
    assert found() == {("Q109", name) for name in kills + (["again"] if kills else [])}


def test_psycopg(watched, table):
    """psycopg 3 declares an int by its size, and a Decimal as numeric."""
    with psycopg.connect(watched.dsn(table), autocommit=True) as connection:
        connection.execute("SELECT atan(1) AS whole FROM declared WHERE id = %s", [7])
        connection.execute("SELECT acos(1) AS broken FROM declared WHERE id = %s", [Decimal(7)])
    assert wait_until(lambda: any("broken" in query for code, query in findings(watched) if code == "Q109"))
    assert not any("whole" in query for _, query in findings(watched))

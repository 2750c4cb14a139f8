"""The rows of lookup.tsv about parameters, driven through `pgproctor serve` by psycopg 3: a Parse and a Bind with the row's
value, or PREPARE and EXECUTE, with plan_cache_mode as the row has its plan; and the findings in the log, which are those
of `check`. What the index serves draws none, what it doesn't draws one. By the figures of pg_stats the tables are large and
each condition finds few rows."""

import collections
import json
import os
import re
import subprocess
import sys

import psycopg
import pytest

from test_access import postgres  # noqa: F401 (a fixture)
from test_lookup import BINARY, DATABASES, HERE, PARAMETERS, arguments, database_of, read_rows

sys.path.insert(0, str(HERE.parent))

import harness

# What says that no index serves a condition.
RULES = {f"Q{code}" for code in (*range(101, 111), *range(115, 120), 123, 124)}
# How it is asked, and what for, so that each has a fingerprint of its own.
WAYS = {"named": "id", "unnamed": "n", "by SQL": "id, n", "check": "n, id"}
# What EXECUTE gives is in no facts, as no constant is: which key or zone it names, and so which expression, is not known.
UNSEEN = {"L1678", "L1682", "L1700"}
SETTINGS = {"large_table_rows": 1000, "medium_table_rows": 500}


def table_of(row):
    """Without digits, which a fingerprint leaves out of a table's name."""
    return "bound_" + row["id"][1:].translate(str.maketrans("0123456789", "abcdefghij"))


@pytest.fixture(scope="module")
def rows():
    # The server refuses one of them: there is no such operator.
    return [row for row in read_rows() if PARAMETERS.search(row["predicate SQL"]) and not row["note"].startswith("42883")]


@pytest.fixture(scope="module")
def proctor(postgres, rows):  # noqa: F811
    setup = (HERE / "lookup_setup.sql").read_text().replace("CREATE EXTENSION IF NOT EXISTS hypopg;", "")
    setup = re.sub(r"\b2000000\b", "3000", setup)
    for name, options in DATABASES.items():
        database = database_name(name)
        postgres.sql(f"CREATE DATABASE {database} {options}")
        postgres.sql(setup.replace("VACUUM", "--"), database)
        for row in rows:
            if database_of(row) != name:
                continue
            table = table_of(row)
            build = row["index DDL"].replace("ON t2m", f"ON {table}")
            postgres.sql(f"CREATE TABLE {table} (LIKE t2m INCLUDING DEFAULTS, PRIMARY KEY (id)); INSERT INTO {table} SELECT * FROM t2m;"
                         f" {build}; ANALYZE {table}", database)
    scratch = harness.Scratch("pgproctor-bound-")
    proctor = harness.Proctor(postgres, scratch.path, SETTINGS)
    try:
        proctor.start()
        yield proctor
    finally:
        proctor.stop()
        scratch.remove()


def database_name(name):
    return "bound_" + name.partition("-")[0].lower()


def by_sql(row, way):
    """The row as PREPARE and EXECUTE."""
    found = PARAMETERS.search(row["predicate SQL"])
    return [f"PREPARE {row['id']} ({found['types']}) AS SELECT {WAYS[way]} FROM {table_of(row)} WHERE {PARAMETERS.sub('', row['predicate SQL'])}",
            f"EXECUTE {row['id']} ({', '.join(arguments(found['values']))})"]


def ask(connection, row, way):
    if way == "by SQL":
        for statement in by_sql(row, way):
            connection.execute(statement)
        return
    found = PARAMETERS.search(row["predicate SQL"])
    values = [str(connection.execute(f"SELECT ({value})::{kind}::text").fetchone()[0]).encode()
              for value, kind in zip(arguments(found["values"]), found["types"].split(","))]
    types = [connection.execute(f"SELECT '{kind}'::regtype::oid").fetchone()[0] for kind in found["types"].split(",")]
    statement = f"SELECT {WAYS[way]} FROM {table_of(row)} WHERE {PARAMETERS.sub('', row['predicate SQL'])}".encode()
    if way == "named":
        result = connection.pgconn.prepare(row["id"].encode(), statement, types)
        assert result.status == psycopg.pq.ExecStatus.COMMAND_OK, result.error_message
        result = connection.pgconn.exec_prepared(row["id"].encode(), values)
    else:
        result = connection.pgconn.exec_params(statement, values, types)
    assert result.status == psycopg.pq.ExecStatus.TUPLES_OK, result.error_message


def judge(name, said, rows):
    table, wrong = collections.Counter(), []
    for row in rows:
        codes = said[table_of(row)]
        plan = PARAMETERS.search(row["predicate SQL"])["plan"]
        unseen = name in ("check", "by SQL") and row["id"] in UNSEEN
        right = bool(codes) == (row["served"] == "0" and not unseen)
        table[plan, ", ".join(sorted(codes)) or "none", right] += 1
        if not right:
            wrong.append(f"{row['id']} {row['index DDL']}: {row['predicate SQL']}: served {row['served']}, said {codes}")
    for plan, codes in sorted({(plan, codes) for plan, codes, _ in table}):
        print(f"{name:8} {plan:8} {codes:12} rows {table[plan, codes, True] + table[plan, codes, False]:3}"
              f" right {table[plan, codes, True]:3} wrong {table[plan, codes, False]}")
    assert not wrong, "\n".join(wrong)


@pytest.fixture(scope="module")
def checked(proctor, postgres, rows, tmp_path_factory):  # noqa: F811
    """What `check` says of the same."""
    config = tmp_path_factory.mktemp("bound") / "pgproctor.ini"
    config.write_text("[pgproctor]\n" + "".join(f"{key} = {value}\n" for key, value in SETTINGS.items()))
    said = collections.defaultdict(set)
    for name in DATABASES:
        lines = []
        for row in rows:
            if database_of(row) == name:
                mode = "force_generic_plan" if "generic plan" in row["predicate SQL"] else "auto"
                lines += [f"SET plan_cache_mode = {mode}", *by_sql(row, "check")]
        done = subprocess.run([BINARY, "check", "--config", str(config), "--format", "json", "--fail-on", "never", "--dsn",
                               postgres.catalog_dsn().replace("dbname=postgres", "") + f" dbname={database_name(name)}", "-"],
                              input="".join(f"{line};\n" for line in lines), text=True, capture_output=True,
                              env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
        assert done.returncode == 0, done.stderr[-2000:]
        for event in map(json.loads, done.stdout.splitlines()):
            if event["event"] == "finding" and event["code"] in RULES:
                said[event["table"]].add(event["code"])
    return said


def test_check(checked, rows):
    judge("check", checked, rows)


@pytest.mark.parametrize("way", ["named", "unnamed", "by SQL"])
def test_what_the_bound_value_decides(proctor, rows, checked, way):
    for name in DATABASES:
        database = database_name(name)
        for plan in ("custom", "generic"):
            with psycopg.connect(proctor.dsn(database), autocommit=True) as connection:
                connection.execute("SELECT 1")
                proctor.wait_for("catalog", database=database)
                if plan == "generic":
                    connection.execute("SET plan_cache_mode = force_generic_plan")
                for row in rows:
                    if database_of(row) == name and f"{plan} plan" in row["predicate SQL"]:
                        ask(connection, row, way)

    def findings():
        return [event for event in proctor.events("finding")
                if event["code"] in RULES and f"SELECT {WAYS[way]} FROM" in event["query"]]

    wanted = sum(row["served"] == "0" and (row["id"] not in UNSEEN or way != "by SQL") for row in rows)
    harness.wait_until(lambda: len({event["table"] for event in findings()}) >= wanted)
    said = collections.defaultdict(set)
    for event in findings():
        said[event["table"].removeprefix("public.")].add(event["code"])
    judge(way, said, rows)
    for row in rows:
        if row["id"] not in UNSEEN or way == "by SQL":
            assert said[table_of(row)] == checked[table_of(row)], row
    assert len(rows) == 31 + 101

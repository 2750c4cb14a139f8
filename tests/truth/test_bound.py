"""The rows of lookup.tsv about custom plans, driven through `pgproctor serve` by psycopg 3: a Parse, a Bind with the row's
value, and the findings in the log. What the index serves draws none, what it doesn't draws one. By the figures of
pg_stats the tables are large and each condition finds few rows."""

import collections
import decimal
import re
import sys

import psycopg
import pytest
from psycopg.types.json import Jsonb
from psycopg.types.string import StrDumper

from test_access import postgres  # noqa: F401 (a fixture)
from test_lookup import DATABASES, HERE, PARAMETERS, arguments, database_of, read_rows

sys.path.insert(0, str(HERE.parent))

import harness

# What says that no index serves a condition.
RULES = {f"Q{code}" for code in (*range(101, 111), *range(115, 120))}


def table_of(row):
    """Without digits, which a fingerprint leaves out of a table's name."""
    return "bound_" + row["id"][1:].translate(str.maketrans("0123456789", "abcdefghij"))


def value_of(text, declared):
    if "jsonb_build_object" in text:
        return Jsonb({"k": "abcdef"})
    if declared == "numeric":
        return decimal.Decimal(text)
    return int(text) if declared == "int" else text.strip("'")


@pytest.fixture(scope="module")
def rows():
    return [row for row in read_rows() if "custom plan" in row["predicate SQL"]]


@pytest.fixture(scope="module")
def proctor(postgres, rows):  # noqa: F811
    setup = (HERE / "lookup_setup.sql").read_text().replace("CREATE EXTENSION IF NOT EXISTS hypopg;", "")
    setup = re.sub(r"\b2000000\b", "3000", setup)
    for name, options in DATABASES.items():
        database = "bound_" + name.partition("-")[0].lower()
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
    proctor = harness.Proctor(postgres, scratch.path, {"large_table_rows": 1000, "medium_table_rows": 500})
    try:
        proctor.start()
        yield proctor
    finally:
        proctor.stop()
        scratch.remove()


@pytest.mark.parametrize("prepared", [True, False], ids=["named", "unnamed"])
def test_what_the_bound_value_decides(proctor, rows, prepared):
    asked = []
    for name in DATABASES:
        database = "bound_" + name.partition("-")[0].lower()
        with psycopg.connect(proctor.dsn(database), autocommit=True) as connection:
            # As the rows have it, a string is declared to be a text.
            connection.adapters.register_dumper(str, StrDumper)
            connection.execute("SELECT 1")
            proctor.wait_for("catalog", database=database)
            for row in rows:
                if database_of(row) != name:
                    continue
                found = PARAMETERS.search(row["predicate SQL"])
                values = [value_of(*one) for one in zip(arguments(found["values"]), found["types"].split(","))]
                predicate = re.sub(r"\$\d", "%s", PARAMETERS.sub("", row["predicate SQL"]).replace("%", "%%"))
                # Two fingerprints, so that each has its own finding.
                what = "id" if prepared else "n"
                connection.execute(f"SELECT {what} FROM {table_of(row)} WHERE {predicate}", values, prepare=prepared)
                asked.append(row)

    def findings():
        return [event for event in proctor.events("finding")
                if event["code"] in RULES and event["query"].startswith("SELECT id ") == prepared]

    wanted = sum(row["served"] == "0" for row in asked)
    harness.wait_until(lambda: len({event["table"] for event in findings()}) >= wanted, timeout=5)
    said = collections.defaultdict(set)
    for event in findings():
        said[event["table"].removeprefix("public.")].add(event["code"])
    table, wrong = collections.Counter(), []
    for row in asked:
        codes = said[table_of(row)]
        right = bool(codes) == (row["served"] == "0")
        table[", ".join(sorted(codes)) or "none", right] += 1
        if not right:
            wrong.append(f"{row['id']} {row['index DDL']}: {row['predicate SQL']}: served {row['served']}, said {codes}")
    for codes in sorted({codes for codes, _ in table}):
        print(f"{codes:12} rows {table[codes, True] + table[codes, False]:3} right {table[codes, True]:3}"
              f" wrong {table[codes, False]}")
    assert not wrong, "\n".join(wrong)
    assert len(asked) == 31

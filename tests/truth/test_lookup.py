"""Every row of lookup.tsv (one index, one predicate: does PostgreSQL 15 serve it?) by `pgproctor check --access`, and by
the findings of `check`. Each index has a table of its own beside the primary key, empty, with the setup's columns; the
figures are printed by group."""

import collections
import csv
import json
import os
import re
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = os.environ.get("PROCTOR_BINARY") or str(ROOT / "build" / "release" / "pgproctor")
DATABASES = {
    "C-database": "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'",
    "ICU-database": "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'",
    "other": "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
}
PARAMETERS = re.compile(r" /\* \$1 (?P<types>[^ ]+), (?P<plan>custom|generic) plan, bound (?P<values>.*) \*/$")


def read_rows():
    with open(HERE / "lookup.tsv") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def database_of(row):
    return row["group"] if row["group"] in DATABASES else "other"


def arguments(text):
    """'k','abcdef' and jsonb_build_object('k','x'): commas outside of brackets and quotes part them."""
    parts, depth, quoted, start = [], 0, False, 0
    for at, c in enumerate(text):
        quoted ^= c == "'"
        depth += 0 if quoted else (c in "([") - (c in ")]")
        if c == "," and not quoted and depth == 0:
            parts.append(text[start:at])
            start = at + 1
    return [*parts, text[start:]]


def script(row, table):
    """What to check, one statement a line; the last line's answer counts."""
    predicate = row["predicate SQL"]
    found = PARAMETERS.search(predicate)
    predicate = PARAMETERS.sub("", predicate)
    query = predicate if predicate.startswith("SELECT") else f"SELECT * FROM t2m WHERE {predicate}"
    query = re.sub(r"\bt2m\b", table, query)
    if not found:
        return [query + ";"]
    lines = [f"PREPARE {row['id']} ({found['types']}) AS {query};"]
    if found["plan"] == "custom":
        lines.append(f"EXECUTE {row['id']} ({', '.join(arguments(found['values']))});")
    return lines


@pytest.fixture(scope="module")
def databases(postgres):
    rows = collections.defaultdict(list)
    for row in read_rows():
        rows[database_of(row)].append(row)
    setup = (HERE / "lookup_setup.sql").read_text()
    setup = setup[:setup.index("INSERT INTO t2m")].replace("CREATE EXTENSION IF NOT EXISTS hypopg;", "")
    for name, options in DATABASES.items():
        database = "lookup_" + name.partition("-")[0].lower()
        indexes = dict.fromkeys(row["index DDL"] for row in rows[name])
        tables = {ddl: f"t2m_{number}" for number, ddl in enumerate(indexes)}
        postgres.sql(f"CREATE DATABASE {database} {options}")
        text = setup
        for ddl, table in tables.items():
            text += f"CREATE TABLE {table} (LIKE t2m INCLUDING DEFAULTS, PRIMARY KEY (id));\n"
            if ddl.startswith("CREATE INDEX"):
                build = ddl.replace("CREATE INDEX ON t2m", f"CREATE INDEX {table}_tried ON {table}")
                text += f"DO $do$BEGIN {build}; EXCEPTION WHEN invalid_object_definition THEN NULL; END$do$;\n"
        postgres.sql(text, database)
        yield_of = (postgres.catalog_dsn().replace("dbname=postgres", "") + f" dbname={database}", tables, rows[name])
        rows[name] = yield_of
    return rows


def check(dsn, lines, *options):
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([BINARY, "check", "--format", "json", "--fail-on", "never", "--dsn", dsn, *options, "-"],
                          input="\n".join(lines), text=True, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    events = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        event = json.loads(line)
        events[event["line"]].append(event)
    return events


def is_order(event):
    return event["predicate"].startswith(("order by ", "distinct ", "max(", "min("))


def served(row, table, events):
    """By the index that is tried. Of what is ordered, the order, which the primary key may have as well; only by rank
    it is the condition that was asked about."""
    events = [event for event in events if event["event"] == "access" and event["served"]]
    if "ORDER BY" in row["predicate SQL"] and row["lookup"] != "rank_order":
        return any(is_order(event) for event in events)
    return any(event["index"] == f"{table}_tried" for event in events)


def test_every_row_is_right(databases):
    right, wrong, unasked = collections.Counter(), collections.defaultdict(list), []
    for name in DATABASES:
        dsn, tables, rows = databases[name]
        lines, asked = [], []
        for row in rows:
            if not row["predicate SQL"]:
                unasked.append(row)
                continue
            lines += script(row, tables[row["index DDL"]])
            asked.append((len(lines), row))
        events = check(dsn, lines, "--access")
        for line, row in asked:
            answer = served(row, tables[row["index DDL"]], events[line])
            if answer == (row["served"] == "1"):
                right[row["group"]] += 1
            else:
                wrong[row["group"]].append(f"{row['id']} {row['index DDL']}: {row['predicate SQL']}: {row['served']}"
                                           f" {[event for event in events[line] if event['event'] == 'access']}")
    # No query: two indexes that can't be built.
    assert all(row["note"].startswith("42P17") for row in unasked) and len(unasked) == 2
    for group in sorted({*right, *wrong}):
        print(f"{group:14} rows {right[group] + len(wrong[group]):5} right {right[group]:5} wrong {len(wrong[group])}")
    assert not any(wrong.values()), "\n".join(sum(wrong.values(), []))
    assert sum(right.values()) == 1040

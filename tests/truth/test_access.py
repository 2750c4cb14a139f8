"""pgproctor check --access against what PostgreSQL 15 really does (access.tsv, made by access_generate.py).

Each index has a table of its own, empty but for its definition, so that one run for each database tells everything."""

import collections
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import access_draw
import access_mix
import harness
from access_generate import DATABASES, statement

ROOT = HERE.parent.parent
BINARY = os.environ.get("PROCTOR_BINARY", str(ROOT / "build/release/pgproctor"))

harness.clean_environment()


def numbers(text):
    for run in filter(None, text.split(",")):
        first, _, last = run.partition("-")
        yield from range(int(first), int(last or first) + 1)


def read_truth():
    statements, rows = {}, []
    for line in (HERE / "access.tsv").read_text().splitlines():
        kind, *fields = line.split("\t")
        if kind == "statement":
            statements[int(fields[0])] = fields[1]
        else:
            database, index, served, unserved = fields
            answers = {**dict.fromkeys(numbers(served), True), **dict.fromkeys(numbers(unserved), False)}
            rows.append((database, index, answers))
    return statements, rows


@pytest.fixture(scope="module")
def postgres():
    scratch = harness.Scratch("pgproctor-truth-")
    postgres = harness.Postgres(scratch.path)
    try:
        yield postgres.start()
    finally:
        postgres.stop()
        scratch.remove()


def check(dsn, text):
    environment = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0"}
    done = subprocess.run([BINARY, "check", "--access", "--format", "json", "--fail-on", "never", "--dsn", dsn, "-"],
                          input=text, text=True, capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    events = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "access":
            events[event["line"]].append(event)
    return events


def is_order(event):
    return event["predicate"].startswith(("order by ", "distinct ", "max(", "min("))


def answer(statement, events):
    """Of a statement that is ordered, the order; of any other, whether some condition is served."""
    if "ORDER BY" in statement:
        events = [event for event in events if is_order(event)]
    return any(event["served"] for event in events)


def group(index):
    method = re.match(r"USING (\w+)", index)
    return ("partial " if " WHERE " in index else "") + (method[1] if method else "btree")


@pytest.mark.parametrize("database", DATABASES)
def test_every_row_is_right(postgres, database):
    statements, rows = read_truth()
    rows = [row for row in rows if row[0] == database]
    postgres.sql(f"CREATE DATABASE {database}_truth {DATABASES[database]}")
    setup = (HERE / "access_setup.sql").read_text()
    setup = setup[:setup.index("INSERT INTO things")]
    setup += "".join(f"CREATE TABLE t{n} (LIKE things); CREATE INDEX t{n}_tried ON t{n} {index};\n"
                     for n, (_, index, _) in enumerate(rows))
    postgres.sql(setup, f"{database}_truth")
    asked = [(n, number, wanted) for n, (_, _, answers) in enumerate(rows) for number, wanted in answers.items()]
    text = "".join(re.sub(r"\bthings\b", f"t{n}", statements[number]) + ";\n" for n, number, _ in asked)
    events = check(postgres.catalog_dsn().replace("dbname=postgres", "") + f" dbname={database}_truth", text)
    right, wrong = collections.Counter(), collections.defaultdict(list)
    for line, (n, number, wanted) in enumerate(asked, 1):
        index = rows[n][1]
        if answer(statements[number], events[line]) == wanted:
            right[group(index)] += 1
        else:
            wrong[group(index)].append(f"{index}: {statements[number]}: served is {int(wanted)}")
    for name in sorted({*right, *wrong}):
        print(f"{database:4} {name:16} rows {right[name] + len(wrong[name]):6} right {right[name]:6}"
              f" wrong {len(wrong[name])}")
    assert sum(right.values()) > 5000
    assert not any(wrong.values()), "\n".join(sum(wrong.values(), [])[:50])


@pytest.mark.parametrize("drawn", [access_mix, access_draw], ids=["mix", "draw"])
def test_what_was_drawn_by_chance(postgres, drawn):
    rows = [line.split("\t") for line in Path(drawn.__file__).with_suffix(".tsv").read_text().splitlines()]
    right, wrong = collections.Counter(), []
    for database in ("utf", "icu"):
        name = f"{database}_{drawn.__name__}"
        postgres.sql(f"CREATE DATABASE {name} {DATABASES[database]}")
        own = [row for row in rows if row[0] == database]
        setup = (HERE / "access_setup.sql").read_text()
        tables = {index: f"t{n}" for n, index in enumerate(dict.fromkeys(row[1] for row in own))}
        postgres.sql(setup[:setup.index("INSERT INTO things")] + drawn.SETUP
                     + "".join(f"CREATE TABLE {table} (LIKE things); CREATE INDEX {table}_tried ON {table} {index};\n"
                               for index, table in tables.items()), name)
        text = "".join(re.sub(r"\bthings\b", tables[index], statement(condition)) + ";\n"
                       for _, index, condition, _ in own)
        events = check(postgres.catalog_dsn() + f" dbname={name}", text)
        for line, (_, index, condition, served) in enumerate(own, 1):
            if answer(condition, events[line]) == (served == "1"):
                right[database] += 1
            else:
                wrong.append(f"{index}: {condition}: served is {served}")
    print(dict(right), "wrong", len(wrong))
    assert not wrong, "\n".join(wrong)
    assert sum(right.values()) > 1000


def test_no_literal_is_told(postgres):
    """The text of a predicate has a question mark where a value stood, whatever kind of value it was."""
    postgres.sql("CREATE TABLE thing (id int, name text, data jsonb)")
    text = ("SELECT * FROM thing WHERE name LIKE 'canary%' AND id = 424242 AND name = upper('canary')"
            " AND data @> '{\"a\": \"canary\"}' AND name IN ('canary', 'x') ORDER BY name = 'canary';")
    done = subprocess.run([BINARY, "check", "--access", "--format", "json", "--dsn", postgres.catalog_dsn(), "-"],
                          input=text, text=True, capture_output=True)
    assert done.stdout.count('"access"') == 6
    assert "canary" not in done.stdout.lower() and "424242" not in done.stdout

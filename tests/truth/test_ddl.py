"""`pgproctor check --locks` against what PostgreSQL was measured to do (by measure_ddl.py): the lock on every table, and
whether a large one is rewritten or read. ddl.tsv is about one large table, ddl_schema.tsv and ddl_shop.tsv about schemas
with partitions of partitions, inheritance, foreign keys both ways, views, triggers and so on, ddl_migrations.tsv about what
migration tools send on one more, whole migrations too, and ddl_types.tsv about a column's change from each type to others.
What only the rows of a table decide (SQLSTATE 23) is in none of them. A third of the set-ups and rows by default, all of
them with TRUTH_ROWS=all; the figures are printed by form.

ddl_wrong.tsv has the rows of them that are known to be told wrong. These are asked always, and fail once they are right:
they have to be taken off that list then."""

import json
import os
import re
import subprocess
import zlib
from collections import defaultdict
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = os.environ.get("PROCTOR_BINARY") or str(ROOT / "build" / "release" / "pgproctor")
LOCKS = ["none", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
         "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]
EVERYTHING = os.environ.get("TRUTH_ROWS") == "all"
SAMPLE = 3
# Read by one run of check.
FILES = 100
SQLSTATE = re.compile(r"[0-9A-Z]{5}$")
# Not found, of which the catalog can't be sure: what the file says may be made by what it does not show.
UNKNOWN_OBJECT = {"42P01", "42703", "42704"}


def rows(table):
    lines = (HERE / table).read_text().splitlines()[1:]
    return [line.split("\t") for line in lines]


def measured(text):
    found = {}
    for effect in filter(None, text.split("; ")):
        name, *words = effect.split(" ")
        lock = " ".join(word for word in words if word not in ("rewrite", "scan"))
        found[name] = (lock, "rewrite" in words, "scan" in words)
    return found


def check(dsn, files):
    """file → relation → (lock, rewrite, scan), and the reasons of refusal."""
    told, refused = defaultdict(dict), {}
    for at in range(0, len(files), FILES):
        check_some(dsn, files[at:at + FILES], told, refused)
    return told, refused


def check_some(dsn, files, told, refused):
    command = [BINARY, "check", "--dsn", dsn, "--format", "json", "--locks", "--fail-on", "never",
               "--set", "large_table_rows=1000", *files]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] != "lock":
            continue
        if "refused" in event:
            refused[event["file"]] = event["refused"]
        relation = told[event["file"]]
        lock, rewrite, scan = relation.get(event["relation"], ("none", False, False))
        relation[event["relation"]] = (max(lock, event["lock"], key=LOCKS.index), rewrite or event["rewrite"],
                                       scan or event["scan"])


def difference(effects, told, refused, indexes, large=("big",)):
    if SQLSTATE.match(effects):
        return None if refused or effects in UNKNOWN_OBJECT else f"is not refused ({effects})"
    if refused:
        return f"is refused: {refused}"
    wanted = measured(effects)
    for name in sorted(set(wanted) | set(told)):
        lock, rewrite, scan = wanted.get(name, ("none", False, False))
        our_lock, our_rewrite, our_scan = told.get(name, ("none", False, False))
        if name == "(none)" or name in indexes or (lock == "ACCESS SHARE" and our_lock == "none"):
            continue
        if lock != our_lock:
            return f"{name}: {our_lock}, not {lock}"
        if name in large and (rewrite, scan) != (our_rewrite, our_scan):
            return f"{name}: rewrite, scan {our_rewrite, our_scan}, not {rewrite, scan}"
    return None


def form_of(statement):
    words = re.sub(r"\b(big|pt|ref|small|mv|kid|pl|ph|v|sq|m)\b", "", statement).split()
    return " ".join(word for word in words[:4] if word.isupper())


NAMES = """SELECT CASE relnamespace::regnamespace::text WHEN 'public' THEN '' ELSE relnamespace::regnamespace || '.' END
 || relname, relkind, reltuples FROM pg_class WHERE relkind IN ('i', 'I', 'r', 'm')"""
SETTING = ("SET ", "RESET ", "SELECT set_config(")


def prepare(postgres, setup):
    postgres.sql("DROP DATABASE IF EXISTS base")
    postgres.sql("CREATE DATABASE base")
    for statement in (HERE / setup).read_text().split(";\n"):
        if statement.strip():
            postgres.sql(statement, "base")
    postgres.sql("VACUUM ANALYZE", "base")


def known_wrong(table):
    """{(setup, statement)} of a table's rows that are told wrong."""
    return {(setup, statement) for name, setup, statement in rows("ddl_wrong.tsv") if name == table}


def compare(postgres, tmp_path, capsys, table, everything=True, large=None, sampled=False):
    expected, mended = known_wrong(table), []
    known_setups = {setup for setup, _ in expected}
    groups = defaultdict(list)
    for row in rows(table):
        groups[row[1] if not row[1].startswith(SETTING) else ""].append(row)
    figures = defaultdict(lambda: [0, 0])
    wrong = []
    for setup, group in groups.items():
        chosen = everything or not setup or zlib.crc32(setup.encode()) % SAMPLE == 0
        if not chosen and setup not in known_setups:
            continue
        database = "base"
        if setup:
            database = "work"
            postgres.sql("DROP DATABASE IF EXISTS work")
            postgres.sql("CREATE DATABASE work TEMPLATE base")
            for statement in setup.split("; ") if "ANALYZE" in setup else [setup]:
                postgres.sql(statement, database)
        names = postgres.sql(NAMES, database)
        indexes = {name for name, kind, _ in names if kind in "iI"}
        tables = large or {name for name, kind, count in names if kind in "rm" and float(count) >= 1000}
        files = {}
        for number, (name, before, statement, effects) in enumerate(group):
            left_out = not chosen or (sampled and not everything and zlib.crc32(statement.encode()) % SAMPLE)
            if left_out and (before, statement) not in expected:
                continue
            path = tmp_path / f"{number}.sql"
            # What is refused inside a transaction was measured inside one.
            text = before + ";\n" + statement if before.startswith(SETTING) else statement
            whole = effects == "25001" or "; " in statement
            path.write_text(f"BEGIN;\n{text};\nCOMMIT" if whole else text)
            files[str(path)] = (before, statement, effects)
        told, refused = check(postgres.dsn(database), list(files))
        for path, (before, statement, effects) in files.items():
            what = difference(effects, told[path], refused.get(path), indexes, tables)
            figures[form_of(statement)][what is not None] += 1
            known = (before, statement) in expected
            if what and not known:
                wrong.append(f"{before} | {statement} | {what}")
            elif known and not what:
                mended.append(f"{before} | {statement}")
    with capsys.disabled():
        right, not_right = (sum(figure[at] for figure in figures.values()) for at in (0, 1))
        print(f"\n{'form':<44}{'rows':>6}{'right':>6}{'wrong':>6}")
        for form, (good, bad) in sorted(figures.items()):
            print(f"{form:<44}{good + bad:>6}{good:>6}{bad:>6}")
        print(f"{table:<44}{right + not_right:>6}{right:>6}{not_right:>6}")
    assert not wrong, "\n".join(wrong)
    assert not mended, "right, and to be taken off ddl_wrong.tsv:\n" + "\n".join(mended)
    assert not expected - {(row[1], row[2]) for row in rows(table)}, "ddl_wrong.tsv has rows that are not there"


@pytest.fixture(scope="module")
def server(postgres):
    postgres.sql("DO $$BEGIN CREATE ROLE someone; EXCEPTION WHEN duplicate_object THEN NULL; END$$")
    return postgres


def test_every_form(server, tmp_path, capsys):
    prepare(server, "ddl_setup.sql")
    compare(server, tmp_path, capsys, "ddl.tsv", EVERYTHING, {"big"})


@pytest.mark.parametrize("asked, schema", [("schema", "schema"), ("shop", "schema"), ("types", "types"), ("migrations", "migrations")])
def test_a_whole_schema(server, tmp_path, capsys, asked, schema):
    prepare(server, f"ddl_{schema}_setup.sql")
    compare(server, tmp_path, capsys, f"ddl_{asked}.tsv", EVERYTHING, sampled=True)

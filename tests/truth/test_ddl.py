"""`pgproctor check --locks` against what PostgreSQL was measured to do (ddl.tsv, by measure_ddl.py): the lock on every
table, and whether the large one is rewritten or read. A third of the set-ups by default, all of them with
TRUTH_ROWS=all; the figures are printed by form."""

import json
import os
import re
import subprocess
import zlib
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BINARY = os.environ.get("PROCTOR_BINARY") or str(ROOT / "build" / "release" / "pgproctor")
LOCKS = ["none", "ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE",
         "SHARE ROW EXCLUSIVE", "EXCLUSIVE", "ACCESS EXCLUSIVE"]
SAMPLE = 3
# Read by one run of check.
FILES = 100
LARGE = "big"
SQLSTATE = re.compile(r"[0-9A-Z]{5}$")
# Not found, of which the catalog can't be sure: what the file says may be made by what it does not show.
UNKNOWN_OBJECT = {"42P01", "42703", "42704"}


def rows():
    lines = (HERE / "ddl.tsv").read_text().splitlines()[1:]
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
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
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


def difference(effects, told, refused, indexes):
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
        if name == LARGE and (rewrite, scan) != (our_rewrite, our_scan):
            return f"{name}: rewrite, scan {our_rewrite, our_scan}, not {rewrite, scan}"
    return None


def form_of(statement):
    words = re.sub(r"\b(big|pt|ref|small|mv|kid|pl|ph|v|sq|m)\b", "", statement).split()
    return " ".join(word for word in words[:4] if word.isupper())


def test_every_form(postgres, tmp_path, capsys):
    postgres.sql("CREATE ROLE someone")
    postgres.sql("CREATE DATABASE base")
    for statement in (HERE / "ddl_setup.sql").read_text().split(";\n"):
        if statement.strip():
            postgres.sql(statement, "base")
    postgres.sql("VACUUM ANALYZE", "base")
    groups = defaultdict(list)
    for row in rows():
        groups[row[1] if not row[1].startswith("SET ") else ""].append(row)
    figures = defaultdict(lambda: [0, 0])
    wrong = []
    everything = os.environ.get("TRUTH_ROWS") == "all"
    for setup, group in groups.items():
        if setup and not everything and zlib.crc32(setup.encode()) % SAMPLE:
            continue
        database = "base"
        if setup:
            database = "work"
            postgres.sql("DROP DATABASE IF EXISTS work")
            postgres.sql("CREATE DATABASE work TEMPLATE base")
            postgres.sql(setup, database)
        indexes = {row[0] for row in postgres.sql("SELECT relname FROM pg_class WHERE relkind IN ('i', 'I')", database)}
        files = {}
        for number, (name, before, statement, effects) in enumerate(group):
            path = tmp_path / f"{number}.sql"
            # What is refused inside a transaction was measured inside one.
            begin = "BEGIN;\n" if effects == "25001" else ""
            path.write_text((before + ";\n" if before.startswith("SET ") else begin) + statement)
            files[str(path)] = (before, statement, effects)
        told, refused = check(postgres.dsn(database), list(files))
        for path, (before, statement, effects) in files.items():
            what = difference(effects, told[path], refused.get(path), indexes)
            figures[form_of(statement)][what is not None] += 1
            if what:
                wrong.append(f"{before} | {statement} | {what}")
    with capsys.disabled():
        right = sum(figure[0] for figure in figures.values())
        print(f"\n{'form':<44}{'rows':>6}{'right':>6}{'wrong':>6}")
        for form, (good, bad) in sorted(figures.items()):
            print(f"{form:<44}{good + bad:>6}{good:>6}{bad:>6}")
        print(f"{'all':<44}{right + len(wrong):>6}{right:>6}{len(wrong):>6}")
    assert not wrong, "\n".join(wrong)

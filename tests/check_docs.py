#!/usr/bin/python3
"""The documents say what the code does: README's table of rules is inspect/rules.c's, every folder and file that README
names exists, and every event that the code logs is in README."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SEVERITY = {"INFO": "info", "WARN": "warning", "ERROR": "error", "BLOCK": "**block**"}
RULE = re.compile(
    r'\b(?:READ|DDL)\("(\w+)", "([\w-]+)", (?:SEVERITY_(\w+), )?SEVERITY_(\w+), (true|false), \w+,\s*"([^"]*)"'
)


def rule_rows():
    rows = []
    for code, slug, large, medium, silent, title in RULE.findall((ROOT / "inspect/rules.c").read_text()):
        rows.append(
            f"| `{slug}` | {code} | {SEVERITY[large or 'BLOCK']} | "
            f"{'—' if silent == 'true' else SEVERITY[medium]} | {title} |"
        )
    return rows


def main():
    readme = (ROOT / "README.md").read_text()
    problems = []
    rows = rule_rows()
    if len(rows) < 10:
        problems.append("inspect/rules.c: the table of rules is not found")
    problems += [f"README.md: this row of the rule table is missing: {row}" for row in rows if row not in readme]
    for slug in re.findall(r"^\| `([\w-]+)` \| [A-Z]\d+ ", readme, re.M):
        if not any(f"`{slug}`" in row for row in rows):
            problems.append(f"README.md: there is no rule {slug}")
    for name in re.findall(r"`((?:config|protocol|inspect|proxy|report|tests|scripts|docs)/[\w./-]+)`", readme):
        if not (ROOT / name).exists():
            problems.append(f"README.md: there is no {name}")
    events = set()
    for source in (ROOT / "proxy").glob("*.c"):
        text = source.read_text()
        events.update(re.findall(r'worker_line\([^";{]*"(\w+)"', text))
        events.update(re.findall(r'logline_begin\([^;"]*"(\w+)"\)', text))
        events.update(re.findall(r'serve_say\([^";{]*"(\w+)"', text))
    problems += [f"README.md: event {event} is not explained" for event in sorted(events) if f"`{event}`" not in readme]
    for problem in problems:
        print(f"check_docs: {problem}", file=sys.stderr)
    print(f"check_docs: {len(rows)} rules, {len(events)} events, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())

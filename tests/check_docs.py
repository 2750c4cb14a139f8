#!/usr/bin/python3
"""The documents say what the code does: README's table of rules is the program's own, every folder and file that README
names exists, and every event that the code logs is in README. With --write the table in README is made anew."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TABLE = re.compile(r"^\| rule \| code \|.*\n(?:\|.*\n)*", re.M)


def rule_table():
    """What `pgproctor check --rules` prints; PROCTOR_BINARY, or the newest build."""
    builds = [ROOT / "build" / preset / "pgproctor" for preset in ("dev", "release")]
    found = sorted((path for path in builds if path.exists()), key=lambda path: path.stat().st_mtime)
    binary = os.environ.get("PROCTOR_BINARY") or (found and found[-1])
    if not binary:
        return ""
    command = [binary, "check", "--rules", "--format", "markdown"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def main():
    readme = (ROOT / "README.md").read_text()
    problems = []
    table = rule_table()
    rows = table.count("\n") - 2
    written = sum(path.read_text().count('.code = "') for path in (ROOT / "inspect" / "rules").glob("rules_*.c"))
    if rows > 0 and rows != written:
        problems.append(f"inspect/rules/rules.c joins {rows} rules, but {written} stand in inspect/rules_*.c")
    if rows < 10:
        problems.append("no table of rules: build pgproctor first (make)")
    elif sys.argv[1:] == ["--write"]:
        readme = TABLE.sub(lambda _: table, readme, count=1)
        (ROOT / "README.md").write_text(readme)
    elif table not in readme:
        problems.append("README.md: its table of rules is not the program's; `make docs` writes it anew")
    for name in re.findall(r"`((?:config|protocol|inspect|proxy|report|tests|scripts|docs)/[\w./-]+)`", readme):
        if not (ROOT / name).exists():
            problems.append(f"README.md: there is no {name}")
    events = set()
    for source in (ROOT / "proxy").rglob("*.c"):
        text = source.read_text()
        events.update(re.findall(r'worker_line\([^";{]*"(\w+)"', text))
        events.update(re.findall(r'logline_begin\([^;"]*"(\w+)"\)', text))
        events.update(re.findall(r'serve_say\([^";{]*"(\w+)"', text))
    problems += [f"README.md: event {event} is not explained" for event in sorted(events) if f"`{event}`" not in readme]
    for problem in problems:
        print(f"check_docs: {problem}", file=sys.stderr)
    print(f"check_docs: {rows} rules, {len(events)} events, {len(problems)} problems")
    return 1 if problems else 0


sys.exit(main())

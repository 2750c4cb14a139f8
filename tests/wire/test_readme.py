"""README.md names no test that there isn't."""

import importlib
import re
from pathlib import Path

import pytest

from scripts_reject import scripts
from test_bytes import CHAPTERS

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent
NAMES = {chapter: {script.name for script in importlib.import_module(f"scripts_{chapter}").SCRIPTS} for chapter in CHAPTERS}
NAMES["reject"] = {script.name for script in scripts("bad", "%bad%")}
ROWS = [line for line in (HERE / "README.md").read_text().splitlines() if re.match(r"\| (?!edge )", line)]


def exists(name):
    if "::" not in name:
        chapter, _, script = name.partition(": ")
        return script in NAMES.get(chapter, ())
    place, _, function = name.partition("::")
    path = (TESTS if "/" in place else HERE) / place
    definition = rf"^def {function}\(" if place.endswith(".py") else rf"^static void {function}\("
    return path.exists() and re.search(definition, path.read_text(), re.MULTILINE) is not None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0][2:40])
def test_each_exists(row):
    names = re.findall(r"`([^`]+)`", row.split(" | ")[-1])
    assert names and [name for name in names if not exists(name)] == []


def test_it_would_be_seen():
    """A name that is not there, of each kind."""
    assert len(ROWS) > 50
    for name in ("startup: no such script", "nowhere: TLS refused", "test_bytes.py::test_nothing", "unit/flight_test.c::test_nothing", "system/test_nothing.py::test_same_bytes"):
        assert not exists(name)

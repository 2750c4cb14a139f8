"""Fixtures of the truth tests: one PostgreSQL for all."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import harness

harness.clean_environment()


@pytest.fixture(scope="session")
def postgres():
    scratch = harness.Scratch("pgproctor-truth-")
    postgres = harness.Postgres(scratch.path)
    try:
        yield postgres.start()
    finally:
        postgres.stop()
        scratch.remove()

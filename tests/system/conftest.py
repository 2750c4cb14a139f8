"""Fixtures of the system tests: one PostgreSQL for all, a database of its own for each module, and pgproctor in front.

`--direct` leaves pgproctor out and skips what needs its log: a test that fails even so is wrong itself."""

import faulthandler
import itertools
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import harness

harness.clean_environment()
numbers = itertools.count(1)
# For a hang alone: a slow machine has to get through.
TEST_SECONDS = 300


def pytest_addoption(parser):
    parser.addoption("--direct", action="store_true", help="straight to PostgreSQL, without pgproctor")


def pytest_configure():
    # As on Ctrl-C: the fixtures stop what they have started and remove their directories.
    signal.signal(signal.SIGTERM, lambda number, frame: pytest.exit("stopped by SIGTERM"))


def pytest_runtest_logstart(nodeid, location):
    # A driver that waits inside libpq can't be interrupted from Python: a test that hangs ends the whole run, with
    # its place shown.
    faulthandler.dump_traceback_later(TEST_SECONDS, exit=True, file=sys.__stderr__)


def pytest_unconfigure():
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def scratch():
    scratch = harness.Scratch("pgproctor-test-")
    yield scratch.path
    scratch.remove()


@pytest.fixture(scope="session")
def postgres(scratch):
    postgres = harness.Postgres(scratch)
    try:
        yield postgres.start()
    finally:
        postgres.stop()


@pytest.fixture(scope="module")
def database(postgres):
    """A new, empty database; its name."""
    name = f"db{next(numbers)}"
    postgres.sql(f"CREATE DATABASE {name}")
    return name


class Direct:
    """Stands in for pgproctor under --direct."""

    def __init__(self, postgres):
        self.postgres = postgres
        self.host, self.port = postgres.host, postgres.port
        self.dsn = postgres.dsn

    def stop(self):
        return 0

    def __getattr__(self, name):
        pytest.skip("needs pgproctor")


@pytest.fixture(scope="module")
def start_proctor(request, postgres, scratch):
    """Starts a pgproctor and stops it after the module; takes what harness.Proctor takes. Each has to stop cleanly."""
    started = []

    def start(server=None, direct_ok=True, **options):
        if request.config.getoption("--direct"):
            if not direct_ok:
                pytest.skip("needs pgproctor")
            return Direct(server or postgres)
        directory = scratch / f"p{next(numbers)}"
        directory.mkdir()
        proctor = harness.Proctor(server or postgres, directory, **options)
        started.append(proctor)
        return proctor.start()

    yield start
    failures = []
    for proctor, status in zip(started, harness.stop_all(started)):
        said = proctor.process.said() if proctor.process else ""
        if status != 0 or "pgproctor: bug" in said or "Sanitizer" in said or "runtime error" in said:
            failures.append(f"exit status {status}: {said.strip()[-3000:]}")
    assert not failures, "\n".join(failures)


@pytest.fixture(scope="module")
def proctor(start_proctor):
    """One pgproctor with default settings for the whole module."""
    return start_proctor()

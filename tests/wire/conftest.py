"""One PostgreSQL with everything that a script needs, and pgproctors in front of it in the modes that must not make a
difference."""

import faulthandler
import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent)]

import harness
from database import SCHEMA, unix
from dribble import Dribble, Recorder

harness.clean_environment()
# For a hang alone: a slow machine has to get through.
TEST_SECONDS = 300


def pytest_addoption(parser):
    parser.addoption("--all", action="store_true", help="each way of cutting messages in each mode")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--all"):
        delivered = [(item, item.callspec.params["delivery"]) for item in items if "delivery" in getattr(getattr(item, "callspec", None), "params", {})]
        rare = [item for item, delivery in delivered if delivery in RARE]
        for kind in SAMPLED:
            # Another sample for each.
            ofkind = [item for item, delivery in delivered if delivery == kind]
            rare += [item for number, item in enumerate(ofkind) if number % 12 != SAMPLED.index(kind) and "same segment as" not in item.name]
        config.hook.pytest_deselected(items=rare)
        items[:] = [item for item in items if item not in set(rare)]


def pytest_runtest_logstart(nodeid, location):
    # A driver that waits inside libpq can't be interrupted from Python: a test that hangs ends the whole run, with
    # its place shown.
    faulthandler.dump_traceback_later(TEST_SECONDS, exit=True, file=sys.__stderr__)


def pytest_unconfigure():
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture(scope="session")
def scratch():
    scratch = harness.Scratch("pgproctor-wire-")
    yield scratch.path
    scratch.remove()


@pytest.fixture(scope="session")
def postgres(scratch):
    directory = scratch / "server"
    directory.mkdir()
    directory.chmod(0o755)
    postgres = harness.Postgres(directory, wal_level="logical", max_wal_senders=8, max_replication_slots=4, logical_decoding_work_mem="64kB", log_min_messages="fatal")
    harness.make_certificate(scratch, postgres.owner)
    postgres.settings.update(ssl="on", ssl_cert_file=scratch / "server.crt", ssl_key_file=scratch / "server.key")
    if postgres.owner:
        # Debian's harness user has to create its directories below.
        harness.os.chown(directory, postgres.owner.pw_uid, postgres.owner.pw_gid)
    try:
        postgres.start()
        postgres.sql("CREATE DATABASE wire")
        postgres.sql(SCHEMA, "wire")
        # Apart: what a transaction inserts is counted when it commits, as changed since its own ANALYZE, and makes the
        # statistics stale some minutes later.
        postgres.sql("ANALYZE", "wire")
        yield postgres
    finally:
        postgres.stop()


@pytest.fixture(scope="session")
def side(postgres):
    """Runs SQL past pgproctor, by one connection that stays open."""
    import psycopg2

    connection = psycopg2.connect(postgres.dsn("wire"))
    connection.autocommit = True

    def sql(statement):
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    yield sql
    connection.close()


# Deliveries of test_bytes.py that are run with --all only: what reads the pieces is the same code in both modes.
RARE = ("enforce, bytewise", "observe, at random")
# And those of which a part of the scripts is enough: under TLS the same code sees the same messages.
SAMPLED = ("TLS with the client", "TLS at once with the client", "TLS with the server", "TLS with both", "TLS with both, in records of any size", "TLS with both, shredded")

# What is rejected here is what scripts_reject.py means by bad.
REJECTS = {"mode": "enforce", "large_table_rows": 1000, "rules": {"Q101": "reject", "Q104": "off"}}


class Modes:
    """The pgproctors, each started when it is first asked for."""

    SETTINGS = {
        "observe": {},
        "enforce": {"mode": "enforce"},
        "answers": {},
        "recorded": {},
        "reject": REJECTS,
        "reject, answers": REJECTS,
        "TLS client": {"client_tls_sslmode": "require"},
        "TLS server": {"server_tls_sslmode": "verify-full"},
        "TLS both": {"client_tls_sslmode": "require", "server_tls_sslmode": "verify-full", "mode": "enforce"},
    }

    def __init__(self, postgres, scratch):
        self.postgres, self.scratch = postgres, scratch
        self.between = {}
        self.started = {}

    def get(self, mode):
        if mode not in self.started:
            directory = self.scratch / mode.replace(", ", "-").replace(" ", "-")
            directory.mkdir()
            self.started[mode] = self.make(mode, directory).start()
        return self.started[mode]

    def make(self, mode, directory, more=()):
        """One that the caller starts and stops, with these settings as well."""
        settings = {"unix_socket_dir": directory, **self.SETTINGS[mode], **dict(more)}
        rules = settings.pop("rules", None)
        certificate = self.postgres.settings["ssl_cert_file"]
        if "client_tls_sslmode" in settings:
            settings.update(client_tls_cert_file=certificate, client_tls_key_file=self.postgres.settings["ssl_key_file"])
        if "server_tls_sslmode" in settings:
            settings.update(server_tls_ca_file=certificate)
        if "answers" in mode or mode == "recorded":
            between = Recorder if mode == "recorded" else Dribble
            self.between[mode] = between(unix(self.postgres), directory)
            settings["upstream"] = f"{directory}:{between.port}"
        proctor = harness.Proctor(self.postgres, directory, settings=settings, rules=rules)
        proctor.socket_dir = directory
        return proctor

    def stop(self):
        failures = []
        for (mode, proctor), status in zip(self.started.items(), harness.stop_all(self.started.values())):
            said = proctor.process.said()
            if status != 0 or "pgproctor: bug" in said or "Sanitizer" in said or "runtime error" in said:
                failures.append(f"{mode}: exit status {status}: {said.strip()[-3000:]}")
        for between in self.between.values():
            between.close()
        self.started = {}
        return failures


@pytest.fixture(scope="module")
def modes(postgres, scratch, request):
    directory = scratch / request.module.__name__
    directory.mkdir()
    modes = Modes(postgres, directory)
    yield modes
    failures = modes.stop()
    assert not failures, "\n".join(failures)


# A mode, and how a client speaks to it.
LEGS = {
    "clear": ("observe", None),
    "TLS with the client": ("TLS client", "asked"),
    "TLS with the server": ("TLS server", None),
    "TLS with both": ("TLS both", "asked"),
}


@pytest.fixture(params=LEGS)
def leg(request):
    return LEGS[request.param]

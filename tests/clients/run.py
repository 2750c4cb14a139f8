#!/usr/bin/python3
"""tests/clients/run.py: today's drivers, each through its activities directly and through pgproctor, and a table of
what came out: ok where both gave the same.

The system tests that run a Django run once more in each of today's.

CLIENTS="psycopg3 pgx" (beginnings of names) narrows the run, SERVER=18 takes that major from scripts/servers. What the
clients need comes from their own package registries, by their own tools, below build/clients."""

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

CALLER_PATH = os.environ.get("PATH", "")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

import harness
from fetch import Lacking, Toolbox

SECONDS = 90
USER, PASSWORD = "client", "not-a-secret"
# Each manner of going through pgproctor, and the direct one that it is compared with.
MODES = {
    "direct": None,
    "observe": "direct",
    "enforce": "direct",
    "direct, TLS": None,
    "TLS": "direct, TLS",
}


class Client:
    """A program: `command` makes it from a Toolbox."""

    def __init__(self, name, command):
        self.name, self.command = name, command


def python(environment, program, *arguments, newest=False):
    return lambda tools: [tools.python(environment, newest), HERE / program, *arguments]


CLIENTS = [
    Client("psql", lambda tools: ["/usr/bin/python3", HERE / "psql_client.py"]),
    Client("psycopg2", python(["psycopg2-binary"], "psycopg2_client.py")),
    *(
        Client(f"psycopg3 {manner}", python(["psycopg[binary,pool]"], "psycopg3_client.py", manner))
        for manner in ("sync", "client", "pipeline", "binary")
    ),
    Client("psycopg3 async", python(["psycopg[binary,pool]"], "psycopg3_async.py")),
    Client("asyncpg", python(["asyncpg"], "asyncpg_client.py")),
    Client("sqlalchemy psycopg", python(["sqlalchemy[asyncio]", "psycopg[binary]", "asyncpg"], "sqlalchemy_client.py", "psycopg")),
    Client("sqlalchemy asyncpg", python(["sqlalchemy[asyncio]", "psycopg[binary]", "asyncpg"], "sqlalchemy_client.py", "asyncpg")),
    *(
        Client(f"django{name} {driver}", python([wanted, package], "django_client.py", driver, newest=newest))
        for name, wanted, newest in (("5.2", "django~=5.2.0", False), ("", "django", True))
        for driver, package in (("psycopg2", "psycopg2-binary"), ("psycopg", "psycopg[binary]"), ("server", "psycopg[binary]"))
    ),
    Client("pgx", lambda tools: [tools.go(HERE / "pgx")]),
    Client("node-postgres", lambda tools: [*tools.node(HERE / "node"), HERE / "node" / "client.js"]),
    *(
        Client(f"pgjdbc {mode}", lambda tools, mode=mode: [*tools.java(HERE / "pgjdbc"), mode])
        for mode in ("extended", "simple", "extendedForPrepared", "extendedCacheEverything")
    ),
]


def main():
    harness.clean_environment()
    wanted = os.environ.get("CLIENTS", "").split()
    clients = [client for client in CLIENTS if not wanted or any(client.name.startswith(name) for name in wanted)]
    if not clients:
        sys.exit(f"clients: CLIENTS names none of: {', '.join(client.name for client in CLIENTS)}")
    if os.environ.get("SERVER"):
        fetched = subprocess.run([harness.ROOT / "scripts/servers", os.environ["SERVER"]], capture_output=True, text=True, env={**os.environ, "PATH": CALLER_PATH})
        if fetched.returncode != 0:
            sys.exit(fetched.stderr.strip())
        os.environ["POSTGRES_BIN"] = fetched.stdout.strip()
    tools = Toolbox(harness.ROOT / "build" / "clients", CALLER_PATH)
    commands, lacking = {}, {}
    for client in clients:
        try:
            commands[client.name] = client.command(tools)
        except Lacking as problem:
            lacking.setdefault(str(problem), []).append(client.name)
    if not commands:
        finish({}, [], lacking)
    scratch = harness.Scratch("pgproctor-clients-")
    places = None
    try:
        places = Places(scratch.path)
        outcomes = {name: {mode: play(name, command, places, mode) for mode in MODES} for name, command in commands.items()}
        failures = report(outcomes, places.version) + places.stop()
        failures += system_tests({command[0]: name for name, command in commands.items() if name.startswith("django")})
    finally:
        if places:
            places.stop()
        scratch.remove()
    finish(outcomes, failures, lacking)


def system_tests(djangos):
    """The shop, its migrations and Django's own tables in each of these interpreters; what failed."""
    failures = []
    for interpreter, name in djangos.items():
        tests = [harness.ROOT / "tests" / "system" / f"test_{part}.py" for part in ("django", "check_django", "rulebook")]
        done = subprocess.run(
            ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests],
            cwd=harness.ROOT, env={**os.environ, "PROCTOR_PYTHON": str(interpreter)}, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        )
        print(f"  {name}, system tests: {done.stdout.splitlines()[-1] if done.stdout else done.stderr.strip()}", flush=True)
        if done.returncode != 0:
            failures.append(f"{name}: system tests:\n{done.stdout[-3000:]}")
    return failures


def finish(outcomes, failures, lacking):
    failures = failures + [f"{problem}; not run: {', '.join(names)}" for problem, names in lacking.items()]
    for failure in failures:
        print(f"clients: {failure}", file=sys.stderr)
    done = sum(len(modes["direct"]["activities"]) for modes in outcomes.values())
    print(f"{max(0, done - len(failures))} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


class Places:
    """The server, with a certificate, and a pgproctor for each mode."""

    def __init__(self, path):
        self.path = path
        directory = path / "server"
        directory.mkdir()
        directory.chmod(0o755)
        self.postgres = harness.Postgres(
            directory, wal_level="logical", max_wal_senders=8, max_replication_slots=8, log_min_messages="fatal",
            ssl="on", ssl_cert_file=path / "server.crt", ssl_key_file=path / "server.key", timezone="UTC",
        )
        harness.make_certificate(path, self.postgres.owner)
        if self.postgres.owner:
            os.chown(directory, self.postgres.owner.pw_uid, self.postgres.owner.pw_gid)
        self.proctors = {}
        try:
            self.postgres.start()
            self.postgres.sql(f"CREATE ROLE {USER} SUPERUSER LOGIN PASSWORD '{PASSWORD}'")
            hba = f"local all all trust\nhost all postgres 127.0.0.1/32 trust\nhost all,replication {USER} 127.0.0.1/32 scram-sha-256\n"
            (directory / "data" / "pg_hba.conf").write_text(hba)
            self.postgres.sql("SELECT pg_reload_conf()")
            self.version = self.postgres.sql("SHOW server_version")[0][0]
            files = {"client_tls_cert_file": path / "server.crt", "client_tls_key_file": path / "server.key"}
            self.start("observe", {"mode": "observe"})
            self.start("enforce", {"mode": "enforce"})
            self.start("TLS", {
                "mode": "enforce", "client_tls_sslmode": "require", **files,
                "server_tls_sslmode": "verify-full", "server_tls_ca_file": path / "server.crt",
            })
        except BaseException:
            self.stop()
            raise
        self.number = 0

    def start(self, mode, settings):
        directory = self.path / mode
        directory.mkdir()
        self.proctors[mode] = harness.Proctor(self.postgres, directory, settings=settings).start()

    def database(self):
        self.number += 1
        name = f"clients_{self.number}"
        self.postgres.sql(f"CREATE DATABASE {name}")
        return name

    def environment(self, mode, database):
        encrypted = "TLS" in mode
        place = self.proctors.get(mode, self.postgres)
        return {
            "CLIENT_HOST": "localhost" if encrypted else "127.0.0.1",
            "CLIENT_PORT": str(place.port), "CLIENT_USER": USER, "CLIENT_PASSWORD": PASSWORD, "CLIENT_DATABASE": database,
            "CLIENT_SSLMODE": "require" if encrypted else "disable", "CLIENT_SSLROOTCERT": str(self.path / "server.crt"),
        }

    def stop(self):
        """Stops everything; what the pgproctors' logs have that they must not."""
        failures = []
        for mode, proctor in self.proctors.items():
            status = proctor.stop()
            if status != 0:
                failures.append(f"{mode}: pgproctor ended with status {status}: {proctor.process.said().strip()[-1000:]}")
            failures += [f"{mode}: pgproctor's log: {json.dumps(event)}" for event in complaints(proctor)]
        self.proctors = {}
        self.postgres.stop()
        return failures


def complaints(proctor):
    for event in ("blind", "error", "warning", "lost_lines"):
        yield from proctor.events(event)
    yield from proctor.events("finding", action="rejected")
    # Who never logged in has a disconnect alone.
    connected, disconnected = ([event["session"] for event in proctor.events(kind)] for kind in ("connect", "disconnect"))
    if not connected or not set(connected) <= set(disconnected) or len(disconnected) != len(set(disconnected)):
        yield {"connect": len(connected), "disconnect": len(disconnected), "without": sorted(set(connected) - set(disconnected))[:10]}


def play(name, command, places, mode):
    """What the program said in that mode: {"versions", "activities": {name: outcome}}."""
    began = time.monotonic()
    database = places.database()
    output = places.path / f"{name} {mode}.out"
    environment = {"PATH": CALLER_PATH, "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8", "TZ": "UTC", **places.environment(mode, database)}
    said = {"versions": name, "activities": {}}
    try:
        with open(output, "wb") as out:
            done = subprocess.run([str(part) for part in command], env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, timeout=SECONDS)
        end, stderr = f"exit status {done.returncode}", done.stderr.decode(errors="replace")
    except subprocess.TimeoutExpired as expired:
        end, stderr = f"no end in {SECONDS} s", (expired.stderr or b"").decode(errors="replace")
    last = None
    for line in output.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:
            continue
        said["versions"] = entry.get("versions", said["versions"])
        last = entry.get("begins", last)
        if "activity" in entry:
            said["activities"][entry["activity"]] = {key: neutral(json.dumps(value), places, mode, database) for key, value in entry.items() if key != "activity"}
            last = None
    if last or end != "exit status 0" or not said["activities"]:
        said["activities"][last or "program"] = {"failed": f"{end}: {stderr.strip()[-600:]}"}
    if os.environ.get("KEEP"):
        shutil.copy(output, os.environ["KEEP"])
    print(f"  {name}, {mode}: {len(said['activities'])} activities, {time.monotonic() - began:.1f} s", flush=True)
    return said


def neutral(text, places, mode, database):
    """Without the names of the places, which differ between any two."""
    port = places.environment(mode, database)["CLIENT_PORT"]
    return text.replace(port, "<port>").replace(database, "<database>")


def report(outcomes, server):
    """Prints the table; what failed, in words."""
    failures = []
    rows = []
    names = dict.fromkeys(name for modes in outcomes.values() for said in modes.values() for name in said["activities"])
    # What most clients do comes first.
    columns = sorted(names, key=lambda name: -sum(name in modes["direct"]["activities"] for modes in outcomes.values()))
    for client, modes in outcomes.items():
        row = [f"{client}: {modes['direct']['versions']}"]
        for activity in columns:
            verdicts = []
            for mode, control in MODES.items():
                outcome = modes[mode]["activities"].get(activity)
                if outcome and "failed" in outcome and control is None:
                    verdicts.append("control fails")
                    failures.append(f"{client}: {activity}: {mode}, without pgproctor: {outcome['failed']}")
                elif control and outcome != (wanted := modes[control]["activities"].get(activity)):
                    verdicts.append("differs")
                    failures.append(f"{client}: {activity}: {mode}:\n    directly  {shorten(wanted, outcome)}\n    through   {shorten(outcome, wanted)}")
            done = any(activity in modes[mode]["activities"] for mode in MODES)
            row.append((verdicts[0] if verdicts else "ok") if done else "")
        rows.append(row)
    through = ", ".join(mode for mode, control in MODES.items() if control)
    print(f"\nPostgreSQL {server}; through pgproctor ({through}) as directly:\n")
    table = [["client", *columns], *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(table[0]))]
    for row in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
    print()
    return failures


def shorten(outcome, other):
    """The outcome around its first difference."""
    one, two = json.dumps(outcome), json.dumps(other)
    at = next((at for at, (a, b) in enumerate(zip(one, two)) if a != b), min(len(one), len(two)))
    return ("…" if at > 100 else "") + one[max(0, at - 100) : at + 300]


if __name__ == "__main__":
    main()

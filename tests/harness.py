"""A private PostgreSQL and a pgproctor in front of it, for the demo and the system tests.

Both live in one temporary directory and end with the process that started them, however that ends. When it runs as
root, PostgreSQL gets Debian's user postgres, because it refuses to run as root."""

import atexit
import configparser
import ctypes
import itertools
import json
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SHOP = ROOT / "tests" / "shop"
PYTHON = os.environ.get("PROCTOR_PYTHON", "/usr/bin/python3")  # which has the Django to be tried
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1
# How long what has to come may take: it says nothing of what is tested, and a busy machine can take long over anything.
PATIENCE_S = 30


class Unready(Exception):
    """Something that has to run doesn't; the text is for people."""


def clean_environment():
    """Takes out of this process's environment, and so of its children's, what would lead libpq, Python or Django
    elsewhere: the caller's PGHOST, a PYTHONPATH, a password file."""
    for name in list(os.environ):
        if name.startswith(("PG", "PYTHON", "DJANGO_", "SHOP_")) and name != "PYTHONUNBUFFERED":
            del os.environ[name]
    os.environ.update(
        PATH="/usr/bin:/bin:/usr/sbin:/sbin",
        LC_ALL="C.UTF-8",
        PYTHONNOUSERSITE="1",
        PYTHONDONTWRITEBYTECODE="1",
        PGPASSFILE="/nonexistent/pgpass",
        PGSERVICEFILE="/nonexistent/pg_service.conf",
        PGCONNECT_TIMEOUT="20",
        # Where nothing offers either, asking costs a round trip and hides which packets a test has sent.
        PGSSLMODE="disable",
        PGGSSENCMODE="disable",
    )


def free_port():
    """Of those that the system gives to no connection of its own: one of these could take it before a server listens
    there, and whoever tried such a port until somebody answers could at last be connected with itself."""
    first = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    while True:
        port = _ports.randrange(min(10_000, int(first) // 2), int(first))
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in _given:
            _given.add(port)
            return port


# Not the shared generator, which a test may have given a seed: two runs side by side would then want the same ports.
_ports, _given = random.SystemRandom(), set()


def listening(host, port):
    """Whether something accepts there: "127.0.0.1", or the directory of a unix socket."""
    try:
        if host.startswith("/"):
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(1)
                probe.connect(f"{host}/.s.PGSQL.{port}")
        else:
            socket.create_connection((host, port), timeout=1).close()
        return True
    except OSError:
        return False


def wait_until(condition, timeout=PATIENCE_S, every=0.02):
    """The condition's first true value, or its last false one."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(every)


class Process:
    """A child with its output in a file, stopped when it is left, in a session of its own so that Ctrl-C reaches only
    us and things stop in their order."""

    def __init__(self, arguments, output, user=None, environment=None, death_signal=signal.SIGTERM):
        self.arguments = [str(argument) for argument in arguments]
        self.output = Path(output)
        identity = {}
        if user is not None:
            identity = dict(user=user.pw_uid, group=user.pw_gid, extra_groups=[])
        with open(self.output, "ab") as log:
            self.child = subprocess.Popen(
                self.arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
                env={**os.environ, **(environment or {})},
                start_new_session=True,
                preexec_fn=lambda: _die_with_parent(death_signal),
                **identity,
            )
        atexit.register(self.kill)

    def running(self):
        return self.child.poll() is None

    def stop(self, stop_signal=signal.SIGTERM, timeout=PATIENCE_S):
        """Its exit status; kills it when it doesn't stop in time and returns None. Without a signal it has had one."""
        atexit.unregister(self.kill)
        if self.running() and stop_signal:
            self.child.send_signal(stop_signal)
        try:
            return self.child.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def kill(self):
        """It, and then what is left of its session: the servers that initdb starts end by themselves a moment after it
        and free their shared memory, which they can't when they are killed."""
        atexit.unregister(self.kill)
        if self.running():
            self.child.kill()
            self.child.wait()
        if not wait_until(self.session_ended, 5):
            os.killpg(self.child.pid, signal.SIGKILL)

    def session_ended(self):
        try:
            os.killpg(self.child.pid, 0)
        except ProcessLookupError:
            return True
        return False

    def said(self):
        return self.output.read_text(errors="replace")


def _die_with_parent(death_signal):
    # A shell without job control leaves its background jobs deaf to Ctrl-C, and they their children.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    # Runs after the change of user, which would take the signal back.
    LIBC.prctl(PR_SET_PDEATHSIG, death_signal)


class Scratch:
    """A temporary directory that the unprivileged user may use; short, since a unix socket's path is at most 107 bytes.
    Below /tmp, unless that is too small for a database, as it may be where it is kept in memory, and /var/tmp is larger."""

    ROOM_BYTES = 4 << 30

    def __init__(self, prefix):
        places = [place for place in ("/tmp", "/var/tmp") if os.access(place, os.W_OK)]
        place = max(places, key=lambda place: min(shutil.disk_usage(place).free, self.ROOM_BYTES))
        self.path = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
        self.path.chmod(0o755)
        atexit.register(self.remove)

    def remove(self):
        atexit.unregister(self.remove)
        shutil.rmtree(self.path, ignore_errors=True)


class Postgres:
    """A cluster of its own: trust authentication, 127.0.0.1 and a unix socket, no fsync, no autovacuum (what is
    analysed, and when, is the caller's business)."""

    user = "postgres"

    def __init__(self, scratch, **settings):
        self.scratch = scratch
        self.host = "127.0.0.1"
        self.port = free_port()
        self.socket_dir = scratch / "pg"
        self.tools = self.find()
        # Another server's programs, which may lack pg_isready: the tools stay Debian's.
        self.bin = Path(os.environ.get("POSTGRES_BIN") or self.tools)
        self.owner = pwd.getpwnam("postgres") if os.getuid() == 0 else None
        self.settings = {
            "listen_addresses": self.host,
            "port": self.port,
            "unix_socket_directories": self.socket_dir,
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "wal_level": "minimal",
            "max_wal_senders": 0,
            "max_wal_size": "8GB",
            "checkpoint_timeout": "1h",
            "shared_buffers": "256MB",
            "max_connections": 100,
            "autovacuum": "off",
            "jit": "off",
            "log_min_messages": "warning",
            **settings,
        }
        self.process = None

    @staticmethod
    def find():
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
        if not found:
            raise Unready("no PostgreSQL server below /usr/lib/postgresql: run scripts/setup")
        return found[-1].parent

    def start(self):
        self.socket_dir.mkdir()
        data = self.scratch / "data"
        data.mkdir(mode=0o700)
        if self.owner:
            os.chown(self.socket_dir, self.owner.pw_uid, self.owner.pw_gid)
            os.chown(data, self.owner.pw_uid, self.owner.pw_gid)
        initdb = Process(
            [self.bin / "initdb", "-D", data, "-A", "trust", "-U", self.user, "--locale=C.UTF-8", "-E", "UTF8"]
            + ["--no-sync", "--no-instructions"],
            self.scratch / "initdb.log",
            self.owner,
        )
        try:
            status = initdb.child.wait(60)
        finally:
            initdb.kill()
        if status != 0:
            raise Unready(f"initdb failed: {initdb.said().strip()}")
        return self.run(data)

    def run(self, data):
        """Starts it on a cluster that is there."""
        options = [part for name, value in self.settings.items() for part in ("-c", f"{name}={value}")]
        log = self.scratch / "postgres.log"
        command = [self.bin / "postgres", "-D", data, *options]
        self.process = Process(command, log, self.owner, death_signal=signal.SIGQUIT)
        if not wait_until(lambda: self.ready() or not self.process.running(), 60) or not self.process.running():
            raise Unready(f"PostgreSQL did not start: {self.process.said().strip()}")
        return self

    def ready(self):
        status = subprocess.run(
            [self.tools / "pg_isready", "-q", "-h", self.host, "-p", str(self.port)], stdin=subprocess.DEVNULL
        )
        return status.returncode == 0

    def stop(self):
        # SIGINT is the fast shutdown; nobody will read the data again, so SIGQUIT follows soon.
        if self.process and self.process.stop(signal.SIGINT, timeout=5) is None:
            self.process.kill()

    def dsn(self, database="postgres", user=None):
        return f"host={self.host} port={self.port} dbname={database} user={user or self.user}"

    def catalog_dsn(self):
        """For the catalog connection: without a database's name, which pgproctor adds."""
        return f"host={self.socket_dir} port={self.port} user={self.user}"

    def sql(self, statement, database="postgres"):
        """Runs it directly, past pgproctor, and returns the rows."""
        import psycopg2

        connection = psycopg2.connect(self.dsn(database))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchall() if cursor.description else None
        finally:
            connection.close()

    def sleeping(self, pid):
        """Waits until this backend is in pg_sleep."""
        state = f"SELECT true FROM pg_stat_activity WHERE pid = {pid} AND state = 'active' AND wait_event = 'PgSleep'"
        assert wait_until(lambda: self.sql(state)), f"backend {pid} does not sleep"

    def when_sleeping(self, pid, action, *arguments):
        """Does that as soon as this backend is in pg_sleep, in a thread, which is returned: a cancel that comes before its
        query cancels nothing."""

        def act():
            self.sleeping(pid)
            action(*arguments)

        thread = threading.Thread(target=act)
        thread.start()
        return thread

    def reload(self):
        """As pg_reload_conf(), and it has happened: who connects now meets what the files say."""
        loaded = "SELECT pg_conf_load_time()"
        before = self.sql(loaded)
        self.sql("SELECT pg_reload_conf()")
        assert wait_until(lambda: self.sql(loaded) != before), "the configuration is not reloaded"


def make_certificate(directory, owner=None):
    """server.crt and server.key there: for localhost, signed by itself. The key is the owner's, as PostgreSQL wants it."""
    key = directory / "server.key"
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost", "-days", "2"]
        + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", directory / "server.crt"],
        check=True,
        capture_output=True,
    )
    key.chmod(0o600)
    if owner:
        os.chown(key, owner.pw_uid, owner.pw_gid)


class Proctor:
    """pgproctor serving in front of a Postgres, its log as dicts. `settings` are keys of [pgproctor], `rules` the lines
    of [rules], a dict for those of [rule:NAME]; `databases` maps a database to its catalog DSN and by default gives
    one to all."""

    user = "postgres"

    def __init__(self, postgres, directory, settings=None, rules=None, databases=None, arguments=(), binary=None,
                 environment=None):
        self.postgres = postgres
        self.directory = Path(directory)
        self.host = "127.0.0.1"
        self.port = free_port()
        self.log = self.directory / "pgproctor.log"
        # Processes start in /.
        self.binary = Path(binary or os.environ.get("PROCTOR_BINARY") or ROOT / "build" / "release" / "pgproctor").resolve()
        self.settings = {
            "listen_addr": self.host,
            "listen_port": self.port,
            "upstream": f"{postgres.host}:{postgres.port}",
            "logfile": self.log,
            "log_format": "json",
            "stats_period": 1,
            "workers": os.environ.get("PROCTOR_WORKERS", 1),
            "io_uring": os.environ.get("PROCTOR_IO_URING", "auto"),
            **(settings or {}),
        }
        self.rules = rules or {}
        self.databases = {"*": postgres.catalog_dsn()} if databases is None else databases
        self.arguments = list(arguments)
        self.environment = environment or {}
        self.process = None

    def write_config(self):
        config = configparser.RawConfigParser(delimiters=("=",))
        config.optionxform = str
        config["pgproctor"] = {name: str(value) for name, value in self.settings.items() if value is not None}
        config["databases"] = self.databases
        config["rules"] = {rule: line for rule, line in self.rules.items() if not isinstance(line, dict)}
        for rule, thresholds in self.rules.items():
            if isinstance(thresholds, dict):
                config[f"rule:{rule}"] = thresholds
        path = self.directory / "pgproctor.ini"
        with open(path, "w") as file:
            config.write(file)
        return path

    def start(self):
        self.process = Process(
            [self.binary, "serve", "--config", self.write_config(), *self.arguments],
            self.directory / "pgproctor.out",
            environment=self.environment,
        )
        if not wait_until(lambda: listening(self.host, self.port) or not self.process.running()) or (
            not self.process.running()
        ):
            status = self.process.stop()
            raise Unready(f"pgproctor did not start (exit status {status}): {self.process.said().strip()}")
        return self

    def stop(self, stop_signal=signal.SIGTERM):
        return self.process.stop(stop_signal) if self.process else None

    def dsn(self, database="postgres", user=None):
        return f"host={self.host} port={self.port} dbname={database} user={user or self.user}"

    # -- the process --------------------------------------------------------------------------------

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.child.pid}/fd"))

    def memory_kb(self, name="VmRSS"):
        """What it has now, or with `VmHWM` the most since it was asked to `forget_peak`."""
        with open(f"/proc/{self.process.child.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith(f"{name}:"))

    def forget_peak(self):
        Path(f"/proc/{self.process.child.pid}/clear_refs").write_text("5")

    def sanitized(self):
        """A sanitizer's memory is its own: it says nothing of pgproctor's."""
        maps = Path(f"/proc/{self.process.child.pid}/maps").read_text()
        return any(name in maps for name in ("libasan", "libtsan", "Sanitizer"))

    # -- the log ------------------------------------------------------------------------------------

    def lines(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def events(self, event=None, **fields):
        """The log's events of that kind whose fields have these values; a callable is asked, all else compared."""
        found = []
        for line in self.lines():
            try:
                entry = json.loads(line)
            except json.JSONDecodeError:
                continue  # the last line may still be on its way
            if event is not None and entry.get("event") != event:
                continue
            if all(_matches(entry.get(name), wanted) for name, wanted in fields.items()):
                found.append(entry)
        return found

    def wait_for(self, event, timeout=PATIENCE_S, **fields):
        """The first such event; fails, showing what there is instead, when none comes."""
        found = wait_until(lambda: self.events(event, **fields), timeout)
        if not found:
            others = [line[:300] for line in self.lines() if '"event":"stats"' not in line]
            raise AssertionError(f"no {event} event with {fields} in {timeout} s; the log ends in:\n" + "\n".join(others[-15:]))
        return found[0]

    def settled(self, database="postgres"):
        """Waits until all that has run so far has reached the log: what each worker does now has, too."""
        marker = f"marker {next(_markers)}"
        # A new connection goes to the worker with the fewest, so that two for each reach all of them.
        connections = 2 * self.wait_for("started")["workers"]
        import psycopg2

        for connection in [psycopg2.connect(self.dsn(database), application_name=marker) for _ in range(connections)]:
            connection.close()
        assert wait_until(lambda: len(self.events("disconnect", application=marker)) == connections)


_markers = itertools.count(1)


def stop_all(proctors):
    """Their exit statuses; they end side by side, since each waits for a moment till its log is written."""
    for proctor in proctors:
        if proctor.process and proctor.process.running():
            proctor.process.child.send_signal(signal.SIGTERM)
    return [proctor.stop(None) for proctor in proctors]


def _matches(value, wanted):
    return wanted(value) if callable(wanted) else value == wanted


def manage(arguments, port, host="127.0.0.1", database="shop", user="postgres", **options):
    """manage.py of the shop, against that server; a CompletedProcess with both outputs as text."""
    return subprocess.run(
        manage_command(arguments),
        env={**os.environ, **manage_environment(port, host, database, user)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        **options,
    )


def manage_command(arguments):
    return [PYTHON, str(SHOP / "manage.py"), *[str(argument) for argument in arguments]]


def manage_environment(port, host="127.0.0.1", database="shop", user="postgres"):
    return {"SHOP_HOST": host, "SHOP_PORT": str(port), "SHOP_NAME": database, "SHOP_USER": user}

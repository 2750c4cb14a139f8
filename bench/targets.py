"""What is compared: PostgreSQL itself, a bare relay, HAProxy, PgBouncer and pgproctor, each as one process with one
thread for its traffic, each with the same server behind it."""

import os
import pwd
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import harness  # noqa: E402

BUILD = ROOT / "build" / "release"

HAPROXY = """\
global
    nbthread 1
    maxconn 2000
defaults
    mode tcp
    timeout connect 10s
    timeout client 1h
    timeout server 1h
listen bench
    bind 127.0.0.1:{port}
    server postgres {upstream}
"""

PGBOUNCER = """\
[databases]
* = {upstream} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {directory}/users
pool_mode = session
max_client_conn = 2000
default_pool_size = 200
log_connections = 0
log_disconnections = 0
logfile = {directory}/pgbouncer.log
pidfile = {directory}/pgbouncer.pid
{tls}
"""


class Target:
    """Something that listens on `port`; `cpu_ns` is what its process has used so far."""

    def __init__(self, name, port, process=None):
        self.name = name
        self.port = port
        self.process = process

    def cpu_ns(self, thread=None):
        """Of all its threads, or of those of that name."""
        total = 0
        for task in Path(f"/proc/{self.pid()}/task").iterdir():
            try:
                if thread is None or (task / "comm").read_text().strip() == thread:
                    total += int((task / "schedstat").read_text().split()[0])
            except OSError:
                pass  # a thread that has just ended
        return total

    def pid(self):
        return self.process.child.pid

    def memory_kb(self, field):
        text = Path(f"/proc/{self.pid()}/status").read_text()
        return int(re.search(rf"^{field}:\s+(\d+)", text, re.M)[1])

    def forget_peak(self):
        Path(f"/proc/{self.pid()}/clear_refs").write_text("5")

    def stop(self):
        if self.process:
            self.process.stop()


def wait_listening(process, port, name):
    up = harness.wait_until(lambda: harness.listening("127.0.0.1", port) or not process.running(), 10)
    if not up or not process.running():
        raise harness.Unready(f"{name} did not start: {process.said().strip()}")


def direct(postgres):
    return Target("direct", postgres.port)


class Unix:
    """An upstream: the server's unix socket in place of its port."""

    def __init__(self, postgres):
        self.directory, self.port = postgres.socket_dir, postgres.port
        self.path = f"{self.directory}/.s.PGSQL.{self.port}"


def relay(upstream, directory):
    port = harness.free_port()
    name, where = ("relay-unix", upstream.path) if isinstance(upstream, Unix) else ("relay", upstream)
    process = harness.Process([BUILD / "bench_relay", port, where], directory / f"{name}.out")
    wait_listening(process, port, "the bare relay")
    return Target(name, port, process)


def haproxy(upstream, directory):
    port = harness.free_port()
    unix = isinstance(upstream, Unix)
    name, where = ("haproxy-unix", f"unix@{upstream.path}") if unix else ("haproxy", f"127.0.0.1:{upstream}")
    config = directory / f"{name}.cfg"
    config.write_text(HAPROXY.format(port=port, upstream=where))
    process = harness.Process([shutil.which("haproxy"), "-db", "-f", config], directory / f"{name}.out")
    wait_listening(process, port, "HAProxy")
    return Target(name, port, process)


def pgbouncer(upstream, directory, certificate=None):
    port = harness.free_port()
    unix = isinstance(upstream, Unix)
    name = "pgbouncer-tls" if certificate else "pgbouncer-unix" if unix else "pgbouncer"
    where = f"host={upstream.directory} port={upstream.port}" if unix else f"host=127.0.0.1 port={upstream}"
    home = directory / name
    home.mkdir()
    (home / "users").write_text('"postgres" ""\n')
    tls = ""
    if certificate:
        tls = f"client_tls_sslmode = require\nclient_tls_key_file = {certificate}.key\n"
        tls += f"client_tls_cert_file = {certificate}.crt\n"
    config = home / "pgbouncer.ini"
    config.write_text(PGBOUNCER.format(port=port, upstream=where, directory=home, tls=tls))
    owner = pwd.getpwnam("postgres") if os.getuid() == 0 else None  # it refuses to run as root
    if owner:
        os.chown(home, owner.pw_uid, owner.pw_gid)
    process = harness.Process([shutil.which("pgbouncer"), "-q", config], directory / f"{name}.out", owner)
    wait_listening(process, port, "PgBouncer")
    return Target(name, port, process)


def pgproctor(postgres, directory, name="pgproctor", upstream=None, catalog=True, **settings):
    home = directory / name
    home.mkdir()
    settings = {"max_client_conn": 12000, "stats_period": 10, **settings}
    if upstream:
        settings["upstream"] = upstream
    proctor = harness.Proctor(
        postgres,
        home,
        settings,
        databases=None if catalog else {},
        binary=BUILD / "pgproctor",
    ).start()
    target = Target(name, proctor.port, proctor.process)
    target.proctor = proctor
    return target


def make_certificate(directory):
    """A self-signed pair; the path without its ending."""
    base = directory / "bench"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
               "-keyout", f"{base}.key", "-out", f"{base}.crt"]
    subprocess.run(command, check=True, capture_output=True)
    if os.getuid() == 0:
        owner = pwd.getpwnam("postgres")
        os.chown(f"{base}.key", owner.pw_uid, owner.pw_gid)
    return base

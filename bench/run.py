#!/usr/bin/python3
"""make bench: pgproctor beside a bare relay, HAProxy and PgBouncer, on one machine, in one run. What is compared takes
turns, repetition by repetition, and a ratio is that of one repetition; the table shows the median ratio and the spread.

    bench/run.py [--quick] [--only NAME,…]        NAMEs: pgbench unix workers rows micro mix copy tls idle connect latency big
"""

import argparse
import os
import platform
import re
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import chart  # noqa: E402
import corpus  # noqa: E402
import stub  # noqa: E402
import targets  # noqa: E402
from targets import BUILD, ROOT, harness  # noqa: E402

PGBENCH = ["-n", "-S", "-U", "postgres", "-h", "127.0.0.1"]
MODES = ["simple", "extended", "prepared"]


class Plan:
    """How much is done: enough for a spread, or just enough to see a change."""

    def __init__(self, quick):
        self.quick = quick
        self.repetitions = 3 if quick else 5
        self.seconds = 1 if quick else 2
        self.settling = 0 if quick else 1
        self.clients = [8] if quick else [1, 8, 32]
        self.modes = ["simple", "prepared"] if quick else MODES
        self.copy_mb = 100 if quick else 1024
        self.idle_sessions = 2000 if quick else 10000
        self.statements = 4000 if quick else 20000
        self.micro_rounds = 3 if quick else 7
        self.big_rounds = 15 if quick else 60


class Row:
    """One line of the table: ratios, what is wanted of their median, and whether that is so. `wanted` None: another's
    figure, for company."""

    def __init__(self, goal, what, values, wanted, unit="", at_most=True):
        self.goal, self.what, self.values, self.wanted, self.unit, self.at_most = goal, what, values, wanted, unit, at_most

    def median(self):
        return statistics.median(self.values)

    def met(self):
        if self.wanted is None:
            return None
        return self.median() <= self.wanted if self.at_most else self.median() >= self.wanted

    def cells(self):
        low, high = min(self.values), max(self.values)
        spread = f"{figure(low)}–{figure(high)}" if len(self.values) > 1 else "—"
        if self.wanted is None:
            return [self.goal, self.what, figure(self.median()) + self.unit, spread, "—", "beside"]
        sign = "≤" if self.at_most else "≥"
        return [self.goal, self.what, figure(self.median()) + self.unit, spread, f"{sign} {figure(self.wanted)}{self.unit}",
                "met" if self.met() else "missed"]


def figure(value):
    return f"{value:.2f}" if abs(value) < 100 else f"{value:,.0f}"


class Bench:
    def __init__(self, plan, only):
        self.plan = plan
        self.only = only
        self.rows = []
        self.raw = []  # (experiment, target, figures by name)
        self.micro_figures = []
        self.notes = []
        self.scratch = harness.Scratch("pgp-bench-")
        self.directory = self.scratch.path
        self.postgres = harness.Postgres(
            self.directory, max_connections=300, max_wal_size="16GB", shared_buffers="512MB"
        ).start()
        self.others = []

    def close(self):
        for target in reversed(self.others):
            target.stop()
        self.postgres.stop()
        self.scratch.remove()

    def goals(self):
        """How many there are, and how many are met."""
        met = [row.met() for row in self.rows if row.wanted is not None]
        return len(met), sum(met)

    def keep(self, target):
        self.others.append(target)
        return target

    def run(self):
        self.pgbench_init()
        self.direct = targets.direct(self.postgres)
        self.relay = self.keep(targets.relay(self.postgres.port, self.directory))
        self.haproxy = self.keep(targets.haproxy(self.postgres.port, self.directory))
        self.pgbouncer = self.keep(targets.pgbouncer(self.postgres.port, self.directory))
        self.proctor = self.keep(targets.pgproctor(self.postgres, self.directory))
        for name in ["pgbench", "unix", "workers", "rows", "micro", "mix", "copy", "tls", "idle", "connect", "latency", "big"]:
            if not self.only or name in self.only:
                began = time.monotonic()
                print(f"bench: {name} …", end="", flush=True)
                getattr(self, f"goal_{name}")()
                print(f" {time.monotonic() - began:.0f} s", flush=True)

    # -- pgbench ----------------------------------------------------------------------------------------

    def pgbench_init(self):
        run([self.postgres.bin / "pgbench", "-i", "-q", "-s", "5", "-U", "postgres", "-h", "127.0.0.1", "-p",
             self.postgres.port, "postgres"])

    def pgbench(self, target, *arguments, seconds=None, environment=None, settling=0):
        """Transactions per second, CPU microseconds of the proxy per transaction. Of the first `settling` seconds the former
        do not count: the server's new processes read their catalogs then, and PgBouncer's are the old ones."""
        began_ns = target.cpu_ns() if target.process else 0
        output = run(
            [self.postgres.bin / "pgbench", *PGBENCH, "-p", target.port, "-T", (seconds or self.plan.seconds) + settling,
             *(["-P", 1] if settling else []), *arguments, "postgres"],
            environment,
        )
        used_ns = (target.cpu_ns() if target.process else 0) - began_ns
        transactions = int(re.search(r"transactions actually processed: (\d+)", output)[1])
        # On a machine so busy that connecting takes longer than the run, pgbench says "inf".
        tps = re.search(r"tps = (\d[\d.]*)", output)
        tps = float(tps[1]) if tps else transactions / (seconds or self.plan.seconds)
        settled = [float(rate) for rate in re.findall(r"^progress: [\d.]+ s, ([\d.]+) tps", output, re.M)][settling:]
        if settled:
            tps = statistics.mean(settled)
        return {"tps": tps, "cpu_us": used_ns / 1000 / max(transactions, 1)}

    def interleaved(self, experiment, compared, measure):
        """measure(target) for each, in turn and in alternating order; lists of figures by target and name."""
        samples = {target.name: [] for target in compared}
        for repetition in range(self.plan.repetitions):
            order = compared if repetition % 2 == 0 else compared[::-1]
            for target in order:
                samples[target.name].append(measure(target))
        for target in compared:
            medians = {
                name: statistics.median(sample[name] for sample in samples[target.name])
                for name in samples[target.name][0]
            }
            self.raw.append((experiment, target.name, medians))
        return samples

    def ratio(self, goal, what, samples, name, ours, other, wanted, at_most):
        pairs = zip(samples[ours.name], samples[other.name])
        values = [a[name] / b[name] for a, b in pairs if b[name] > 0]
        self.rows.append(Row(goal, what, values, wanted, " ×", at_most))

    def goal_pgbench(self):
        compared = [self.relay, self.haproxy, self.pgbouncer, self.proctor]
        for mode in self.plan.modes:
            for clients in self.plan.clients:
                title = f"pgbench -S -M {mode}, {clients} client{'s' * (clients > 1)}"
                samples = self.interleaved(
                    title,
                    compared,
                    lambda target: self.pgbench(target, "-M", mode, "-c", clients, settling=self.plan.settling),
                )
                self.ratio("1", f"tps / HAProxy's: {mode}, c{clients}", samples, "tps", self.proctor, self.haproxy, 1.0, False)
                self.ratio("1", f"tps / PgBouncer's: {mode}, c{clients}", samples, "tps", self.proctor, self.pgbouncer, 1.0, False)
                self.ratio("1", f"CPU per transaction / HAProxy's: {mode}, c{clients}", samples, "cpu_us", self.proctor, self.haproxy, 1.0, True)
                self.ratio("1", f"CPU per transaction / bare relay's: {mode}, c{clients}", samples, "cpu_us", self.proctor, self.relay, 1.15, True)

    def goal_unix(self):
        """Beside the others on the same socket: what a proxy on the clients' own processors can reach at all."""
        upstream = targets.Unix(self.postgres)
        proctor = targets.pgproctor(
            self.postgres, self.directory, "pgproctor-unix", f"{upstream.directory}:{upstream.port}"
        )
        others = []
        try:
            for make in (targets.relay, targets.haproxy, targets.pgbouncer):
                others.append(make(upstream, self.directory))
            samples = self.interleaved(
                "pgbench -S -M prepared, 8 clients, server on a unix socket",
                [self.direct, *others, proctor],
                lambda target: self.pgbench(target, "-M", "prepared", "-c", 8),
            )
            what = "tps / direct TCP's, server leg on a unix socket: prepared, c8"
            self.ratio("2", what, samples, "tps", proctor, self.direct, 0.9, False)
            for other in others:
                self.ratio("2", f"the same of {other.name.removesuffix('-unix')}", samples, "tps", other, self.direct, None, False)
        finally:
            for target in [proctor, *others]:
                target.stop()

    def goal_workers(self):
        """With so few processors a second worker has none of its own: it should cost nothing, and bring nothing."""
        one, two = (targets.pgproctor(self.postgres, self.directory, f"pgproctor-{count}-workers", workers=count)
                    for count in (1, 2))
        try:
            for what, arguments in [("tps", ("-M", "prepared", "-c", 8)), ("connects per second", ("-C", "-c", 4))]:
                samples = self.interleaved(f"{what} with 1 and 2 workers", [one, two],
                                           lambda target: self.pgbench(target, *arguments))
                self.ratio("1", f"{what} with two workers / with one", samples, "tps", two, one, None, False)
        finally:
            two.stop()
            one.stop()

    def goal_rows(self):
        """A million short rows: what a message costs, where a transaction costs nothing."""
        rows = 1_000_000

        def measure(target):
            began_ns = target.cpu_ns()
            subprocess.run(self.psql(target, f"SELECT n FROM generate_series(1, {rows}) n"), stdout=subprocess.DEVNULL,
                           check=True)
            return {"cpu_ns": (target.cpu_ns() - began_ns) / rows}

        samples = self.interleaved("a million rows of one number", [self.relay, self.haproxy, self.proctor], measure)
        self.ratio("1", "CPU per row / HAProxy's: a million short rows", samples, "cpu_ns", self.proctor, self.haproxy, None, True)

    def goal_connect(self):
        compared = [self.haproxy, self.proctor]
        samples = self.interleaved(
            "pgbench -S -C, 4 clients", compared, lambda target: self.pgbench(target, "-C", "-c", 4)
        )
        self.ratio("5", "connects per second / HAProxy's (pgbench -C, c4)", samples, "tps", self.proctor, self.haproxy, 0.95, False)

    def goal_latency(self):
        """At a rate that leaves the machine some air: at full throttle latency only says how long the queues are."""
        rate = 2000
        compared = [self.direct, self.haproxy, self.proctor]

        def measure(target):
            prefix = self.directory / f"latency-{target.name}"
            self.pgbench(target, "-c", 8, "-R", rate, "-l", "--log-prefix", prefix, seconds=max(self.plan.seconds, 2))
            times = []
            for path in self.directory.glob(f"{prefix.name}.*"):
                times += [int(line.split()[2]) for line in path.read_text().splitlines()]
                path.unlink()
            times.sort()
            return {"p50_us": times[len(times) // 2], "p99_us": times[len(times) * 99 // 100]}

        samples = self.interleaved(f"latency at {rate} transactions/s, 8 clients", compared, measure)
        self.ratio("6", "p99 latency / HAProxy's: 8 clients", samples, "p99_us", self.proctor, self.haproxy, 1.0, True)
        self.ratio("6", "p50 latency / HAProxy's: 8 clients", samples, "p50_us", self.proctor, self.haproxy, 1.0, True)

    # -- recognition ------------------------------------------------------------------------------------

    def goal_micro(self):
        path = self.directory / "corpus"
        corpus.write(path, self.plan.statements)
        warm = self.directory / "corpus-warm"
        corpus.write(warm, self.plan.statements, seed=2)
        output = run([BUILD / "bench_micro", warm, path, self.plan.micro_rounds])
        values = {}
        for line in output.splitlines():
            name, unit, median, low, high = line.split("\t")
            values[name] = [float(median), float(low), float(high)]
            self.micro_figures.append((name, unit, float(median), float(low), float(high)))
        for what, name, wanted, unit, at_most in [
            ("cache hits after warm-up, Django-like mix", "cache hits after warm-up", 99.9, " %", False),
            ("recognition on a hit", "recognition on a hit, per KB", 1.0, " µs/KB", True),
            ("pg_query_fingerprint + parse / recognition", "libpg_query's time / recognition's on a hit", 30, " ×", False),
        ]:
            self.rows.append(Row("3", what, values[name], wanted, unit, at_most))

    def goal_mix(self):
        """The same mix over a socket, to the stub, 8 sessions: what a statement costs in all."""
        proctor, server = self.stub_behind("pgproctor-mix")
        haproxy = targets.haproxy(int(server.arguments[-1]), self.scratch_directory("haproxy-mix"))
        count = self.plan.statements // (4 if self.plan.quick else 10)
        paths = [self.directory / f"mix-{number}" for number in range(self.plan.repetitions + 1)]
        for seed, path in enumerate(paths):
            corpus.write(path, count, seed=100 + seed)
        sent = {proctor: 0, haproxy: 0}

        def measure(target):
            sent[target] += 1
            began_ns = target.cpu_ns()
            self.replay(target, paths[sent[target]])
            return {"cpu_us": (target.cpu_ns() - began_ns) / 1000 / count}

        try:
            self.replay(proctor, paths[0])
            samples = self.interleaved("Django-like mix, 8 sessions", [haproxy, proctor], measure)
            self.ratio("3", "CPU per statement / HAProxy's: Django-like mix", samples, "cpu_us", proctor, haproxy, None, True)
        finally:
            haproxy.stop()
            proctor.stop()
            server.stop()

    def replay(self, target, path):
        run([harness.PYTHON, ROOT / "bench" / "stub.py", "replay", target.port, path])

    # -- bulk -------------------------------------------------------------------------------------------

    def goal_copy(self):
        chunk_mb = min(100, self.plan.copy_mb)
        times = self.plan.copy_mb // chunk_mb
        self.postgres.sql(
            f"CREATE UNLOGGED TABLE IF NOT EXISTS bulk AS SELECT repeat(md5(n::text), 32) AS text "
            f"FROM generate_series(1, {chunk_mb * 1024}) n"
        )
        self.postgres.sql("CREATE UNLOGGED TABLE IF NOT EXISTS sink (text text)")
        data = self.directory / "bulk.copy"
        with open(data, "wb") as file:
            subprocess.run(self.psql(self.direct, "COPY bulk TO STDOUT"), stdout=file, check=True)
        compared = [self.haproxy, self.proctor]
        mb = data.stat().st_size * times / 1e6
        self.proctor.forget_peak()
        before_kb = self.proctor.memory_kb("VmRSS")

        def measure(target):
            began, began_ns = time.monotonic(), target.cpu_ns()
            for _ in range(times):
                subprocess.run(self.psql(target, "COPY bulk TO STDOUT"), stdout=subprocess.DEVNULL, check=True)
            out_s = time.monotonic() - began
            out_ns = target.cpu_ns() - began_ns
            in_s = in_ns = 0
            for _ in range(times):
                self.postgres.sql("TRUNCATE sink")
                began, began_ns = time.monotonic(), target.cpu_ns()
                with open(data, "rb") as file:
                    subprocess.run(
                        self.psql(target, "COPY sink FROM STDIN"), stdin=file, stdout=subprocess.DEVNULL, check=True
                    )
                in_s += time.monotonic() - began
                in_ns += target.cpu_ns() - began_ns
            return {"out_mb_s": mb / out_s, "in_mb_s": mb / in_s, "out_cpu_ms_per_gb": out_ns / 1e3 / mb,
                    "in_cpu_ms_per_gb": in_ns / 1e3 / mb}

        samples = self.interleaved(f"COPY of {mb:.0f} MB", compared, measure)
        self.ratio("4", "COPY out, MB/s / HAProxy's", samples, "out_mb_s", self.proctor, self.haproxy, 0.95, False)
        self.ratio("4", "COPY in, MB/s / HAProxy's", samples, "in_mb_s", self.proctor, self.haproxy, 0.95, False)
        grown_mb = (self.proctor.memory_kb("VmHWM") - before_kb) / 1024
        self.rows.append(Row("4", "memory that COPY adds at its peak", [grown_mb], 4.0, " MiB", True))
        self.postgres.sql("TRUNCATE sink")

    def psql(self, target, statement):
        command = [self.postgres.bin / "psql", "-X", "-q", "-h", "127.0.0.1", "-p", target.port, "-U", "postgres", "-c",
                   statement, "postgres"]
        return [str(part) for part in command]

    def goal_tls(self):
        certificate = targets.make_certificate(self.directory)
        bouncer = targets.pgbouncer(self.postgres.port, self.directory, certificate)
        proctor = targets.pgproctor(
            self.postgres, self.directory, "pgproctor-tls", client_tls_sslmode="require",
            client_tls_key_file=f"{certificate}.key", client_tls_cert_file=f"{certificate}.crt",
        )
        try:
            samples = self.interleaved(
                "pgbench -S -M simple, 8 clients, TLS on the client leg",
                [bouncer, proctor],
                lambda target: self.pgbench(target, "-c", 8, environment={"PGSSLMODE": "require"}),
            )
            self.ratio("4", "tps / PgBouncer's, TLS on the client leg: simple, c8", samples, "tps", proctor, bouncer, 1.0, False)
            self.ratio("4", "CPU per transaction / PgBouncer's, TLS: simple, c8", samples, "cpu_us", proctor, bouncer, 1.0, True)
        finally:
            proctor.stop()
            bouncer.stop()

    # -- many sessions, big statements ----------------------------------------------------------------------

    def stub_behind(self, name, **settings):
        """pgproctor with the stub as its server, and what has to be stopped."""
        port = harness.free_port()
        server = harness.Process([harness.PYTHON, ROOT / "bench" / "stub.py", "serve", port], self.directory / f"{name}.stub")
        targets.wait_listening(server, port, "the stub")
        proctor = targets.pgproctor(self.postgres, self.directory, name, f"127.0.0.1:{port}", catalog=False,
                                    log_connections=0, log_disconnections=0, **settings)
        return proctor, server

    def goal_idle(self):
        allowed = stub.allow_descriptors(self.plan.idle_sessions * 2 + 200)
        wanted = self.plan.idle_sessions
        sessions = min(wanted, (allowed - 200) // 2)
        if sessions < wanted:
            self.notes.append(f"only {sessions} idle sessions: RLIMIT_NOFILE is {allowed}")
        proctor, server = self.stub_behind("pgproctor-idle")
        clients = []
        try:
            # One session that works and goes makes what the first of all brings with it.
            first = stub.Client(proctor.port)
            first.query(b"SELECT 1")
            first.close()
            time.sleep(0.5)
            before_kb = proctor.memory_kb("RssAnon")
            for _ in range(sessions):
                client = stub.Client(proctor.port)
                client.query(b"SELECT 1")
                clients.append(client)
            time.sleep(0.5)
            used_kb = proctor.memory_kb("RssAnon") - before_kb
            rss_mb = proctor.memory_kb("VmRSS") / 1024
            self.rows.append(Row("5", "memory per idle session", [used_kb / sessions], 4.0, " KiB", True))
            self.rows.append(Row("5", f"RSS with {sessions:,} idle sessions", [rss_mb], 100 * sessions / 10000, " MiB", True))
        finally:
            for client in clients:
                client.close()
            proctor.stop()
            server.stop()

    def goal_big(self):
        """How long a small query of another session takes while a big statement is looked at. The stub answers at
        once, so that nothing but the proxies and the two clients work."""
        proctor, server = self.stub_behind("pgproctor-big")
        port = int(server.arguments[-1])
        haproxy = targets.haproxy(port, self.scratch_directory("haproxy-big"))
        try:
            for title, make in [("1 MB multi-row INSERT", big_insert), ("miss on 100 KB", big_miss)]:
                for target in (haproxy, proctor):
                    worst = self.probe(target, stub.Client(target.port), make)
                    self.raw.append((f"small queries while another session sends: {title}", target.name,
                                     {"median_of_worst_ms": statistics.median(worst), "p90_of_worst_ms":
                                      sorted(worst)[len(worst) * 9 // 10]}))
                    if target is haproxy:
                        base = statistics.median(worst)
                loop_ms = self.loop_cpu_ms(proctor, make)
                self.rows.append(Row("6", f"CPU of the event loop for one: {title}", loop_ms, 2.0, " ms", True))
                delays = [value - base for value in worst]
                self.rows.append(Row("6", f"delay of another session beyond HAProxy's: {title}", delays, 2.0, " ms", True))
            burnt = self.probe(haproxy, Burner(), lambda number: BURN_MS)
            self.rows.append(Row("6", f"the same through HAProxy, while another program works for {BURN_MS} ms",
                                 [value - base for value in burnt], None, " ms"))
        finally:
            haproxy.stop()
            proctor.stop()
            server.stop()

    def loop_cpu_ms(self, proctor, make):
        """For each of several big statements that it has not seen. No other session can wait for longer than that, while
        how long one does wait also depends on what else wants the processors."""
        sender = stub.Client(proctor.port)
        used = []
        try:
            for number in range(self.plan.big_rounds):
                sql = make(1000 + number)
                began_ns = proctor.cpu_ns("worker")
                sender.query(sql)
                used.append((proctor.cpu_ns("worker") - began_ns) / 1e6)
        finally:
            sender.close()
        return used

    def scratch_directory(self, name):
        path = self.directory / name
        path.mkdir()
        return path

    def probe(self, target, sender, make):
        """The slowest of the small queries around each of several big things that the sender does, in ms."""
        small = Prober(target.port)
        worst = []
        try:
            for number in range(self.plan.big_rounds):
                sql = make(number)
                small.start()
                time.sleep(0.01)
                sender.query(sql)
                time.sleep(0.01)
                worst.append(small.stop())
        finally:
            small.close()
            sender.close()
        return worst


class Burner:
    """A program that has nothing to do with any proxy and, asked to, works for so many ms, at the niceness of the thread that
    parses."""

    def __init__(self):
        self.child = subprocess.Popen(["nice", "-n", "10", harness.PYTHON, str(ROOT / "bench" / "stub.py"), "burn", "0"],
                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.query(0)

    def query(self, milliseconds):
        self.child.stdin.write(f"{milliseconds}\n")
        self.child.stdout.readline()

    def close(self):
        self.child.stdin.close()
        self.child.wait(10)


class Prober:
    """Small queries without a pause, in a process of their own."""

    def __init__(self, port):
        self.child = subprocess.Popen(
            [harness.PYTHON, str(ROOT / "bench" / "stub.py"), "probe", str(port)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
        )
        self.child.stdout.readline()

    def start(self):
        self.child.stdin.write("start\n")

    def stop(self):
        """The slowest since start, in ms."""
        self.child.stdin.write("stop\n")
        return float(self.child.stdout.readline())

    def close(self):
        self.child.stdin.close()
        self.child.wait(10)


# As long as the parser takes for 100 KB.
BURN_MS = 10


def big_insert(number):
    """Close to the ceiling of what is inspected, LIMIT_INSPECT_BYTES."""
    rows = ", ".join(f"({number}{row}, 'row {row} of statement {number}', {row}.5)" for row in range(22_000))
    return f"INSERT INTO shop_bulk_{number} (id, name, price) VALUES {rows}"[: 1024 * 1024 - 64].rpartition(", (")[0].encode()


def big_miss(number):
    """Under all ceilings, so that it is parsed."""
    conditions = [f"(shop_product.column_of_statement_{number}_at_{at} = {at} AND shop_product.other_column_{at} LIKE 'x{at}%')"
                  for at in range(1000)]
    return f"SELECT * FROM shop_product WHERE {' OR '.join(conditions)}".encode()


# -- what is written ------------------------------------------------------------------------------------


def run(command, environment=None):
    done = subprocess.run(
        [str(part) for part in command], env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
        capture_output=True, text=True,
    )
    if done.returncode != 0:
        raise harness.Unready(f"{command[0]} failed: {done.stderr.strip()[-500:]}")
    return done.stdout + done.stderr


def version_of(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return (done.stdout or done.stderr).splitlines()[0].strip()


def machine():
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.M)
    memory_kb = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1])
    return f"{model[1] if model else platform.machine()}, {os.cpu_count()} processors, {memory_kb / 1048576:.0f} GiB, Linux {platform.release()}"


def markdown_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "|".join([" --- "] * len(head)) + "|"]
    return "\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows])


def plain_table(head, rows):
    widths = [max(len(row[at]) for row in [head, *rows]) for at in range(len(head))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in [head, *rows])


def medians(bench):
    return [[experiment, target, ", ".join(f"{name} {figure(value)}" for name, value in figures.items())]
            for experiment, target, figures in bench.raw]


HEAD = ["goal", "what", "median", "spread", "wanted", ""]


def report(bench, command, loads):
    goals, met = bench.goals()
    raw = medians(bench)
    micro = [[name, unit, f"{median:.4g}", f"{low:.4g}–{high:.4g}"] for name, unit, median, low, high in bench.micro_figures]
    postgres = version_of(str(bench.postgres.bin / "postgres"), "--version")
    parts = [
        "# Results",
        f"Written by `{command}` on {time.strftime('%Y-%m-%d', time.gmtime())}; {met} of {goals} goals met.",
        f"Machine: {machine()}. Its processors were shared: clients, server and proxy ran on the same ones, and so did other "
        f"work (load average {loads[0]:.1f} before, {loads[1]:.1f} after). Ratios are of runs that took turns; CPU per "
        "transaction is what the kernel charged to the proxy's process (schedstat), and the steadier figure by far.",
        f"{postgres}; {version_of('haproxy', '-v')}; {version_of('pgbouncer', '--version')}; "
        f"{version_of(str(BUILD / 'pgproctor'), '--version')}. pgproctor ran with inspection, histograms, catalog and "
        "JSON log on, HAProxy in `mode tcp` with one thread, PgBouncer in session mode.",
        f"Each figure is the median of {bench.plan.repetitions} repetitions of {bench.plan.seconds} s, where it has repetitions.",
        *[f"Note: {note}." for note in bench.notes],
        "## Goals",
        markdown_table(HEAD[:-1] + ["met?"], [row.cells() for row in bench.rows]),
        "![CPU per transaction](results.svg)",
        "## Medians",
        markdown_table(["experiment", "target", "medians"], raw),
        "## Recognition, without a socket",
        "`bench_micro` on generated Django-like SQL (bench/corpus.py), every text different; CPU time of its thread.",
        markdown_table(["what", "unit", "median", "spread"], micro),
    ]
    return "\n\n".join(parts) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs; writes nothing")
    parser.add_argument("--only", type=lambda text: text.split(","), default=[], help="some of the goals; writes nothing")
    options = parser.parse_args()
    harness.clean_environment()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("bench: stopped"))
    began, load = time.monotonic(), os.getloadavg()[0]
    bench = Bench(Plan(options.quick), options.only)
    try:
        bench.run()
    finally:
        bench.close()
    print()
    print(plain_table(HEAD, [row.cells() for row in bench.rows]))
    if options.only:
        print("\n" + plain_table(["experiment", "target", "medians"], medians(bench)))
    goals, met = bench.goals()
    print(f"\n{met} of {goals} met, {time.monotonic() - began:.0f} s")
    if options.quick or options.only:
        return
    (ROOT / "bench" / "results.md").write_text(report(bench, "make bench", (load, os.getloadavg()[0])))
    (ROOT / "bench" / "results.svg").write_text(chart.cpu_per_transaction(bench.raw))
    print("written: bench/results.md, bench/results.svg")


if __name__ == "__main__":
    try:
        main()
    except harness.Unready as problem:
        sys.exit(f"bench: {problem}")

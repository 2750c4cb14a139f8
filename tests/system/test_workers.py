"""Several workers are, to clients and in the log, one pgproctor; each connection is with one of them."""

import collections
import os
import re
import signal
import subprocess
import threading
import time

import psycopg2
import psycopg2.extensions
import pytest

import harness

SELECT = "SELECT abalance FROM pgbench_accounts WHERE aid = $1"


@pytest.fixture(autouse=True)
def needs_proctor(request):
    if request.config.getoption("--direct"):
        pytest.skip("needs pgproctor")


@pytest.fixture(scope="module")
def bench(postgres, database):
    """A database that pgbench has filled."""
    subprocess.run(["pgbench", "-i", "-q", "-d", postgres.dsn(database)], check=True, capture_output=True)
    return database


def pgbench(proctor, database, *arguments, check=True):
    command = ["pgbench", "-n", "-h", proctor.host, "-p", str(proctor.port), "-U", "postgres", *arguments, database]
    done = subprocess.run(command, capture_output=True, text=True, timeout=200)
    if check:
        assert done.returncode == 0 and "number of failed transactions: 0 " in done.stdout, done.stdout + done.stderr
    return done


def by_worker(proctor):
    """What the newest stats line says, once it is of now."""
    seen = len(proctor.events("stats"))
    assert harness.wait_until(lambda: len(proctor.events("stats")) > seen + 1)
    return sorted(map(int, proctor.events("stats")[-1]["sessions_by_worker"].split()))


def calls(proctor):
    """By query, over all intervals."""
    sums = collections.Counter()
    for line in proctor.events("fingerprint"):
        sums[line["query"]] += line["calls"]
    return sums


def tell(proctor, signal_number):
    proctor.process.child.send_signal(signal_number)


@pytest.mark.parametrize("workers, expected", [(2, [5, 5]), (4, [2, 2, 3, 3])])
def test_ten_connections_spread_evenly(start_proctor, database, workers, expected):
    """A pool of ten; and when half of it is closed and opened again, whoever that is, it still does."""
    proctor = start_proctor(settings={"workers": workers, "stats_period": "200ms"})
    assert proctor.wait_for("started")["workers"] == workers
    pool = [psycopg2.connect(proctor.dsn(database)) for _ in range(10)]
    assert harness.wait_until(lambda: by_worker(proctor) == expected)
    for connection in pool[:5]:
        connection.close()
    assert harness.wait_until(lambda: len(proctor.events("disconnect")) == 5)
    pool[:5] = [psycopg2.connect(proctor.dsn(database)) for _ in range(5)]
    assert harness.wait_until(lambda: by_worker(proctor) == expected)
    for connection in pool:
        connection.close()


def test_auto(start_proctor, database):
    """As many as there are processors for it."""
    proctor = start_proctor(settings={"workers": "auto"})
    psycopg2.connect(proctor.dsn(database)).close()
    assert proctor.wait_for("started")["workers"] == min(len(os.sched_getaffinity(0)), 64)


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("mode", ["simple", "extended", "prepared"])
def test_every_call_is_counted(start_proctor, bench, workers, mode):
    """The sums in the log are what pgbench did, to the call; each finding and each connection is told once."""
    proctor = start_proctor(settings={"workers": workers, "stats_period": "300ms", "log_connections": 1})
    clients, transactions = 16, 120
    pgbench(proctor, bench, "-S", "-M", mode, "-c", str(clients), "-j", "2", "-t", str(transactions))
    pgbench(proctor, bench, "-M", mode, "-c", "8", "-j", "2", "-t", "40")
    assert proctor.stop() == 0
    sums = calls(proctor)
    assert sums[SELECT] == clients * transactions + 8 * 40
    assert sums["BEGIN"] == sums["END"] == 8 * 40
    assert sum(count for query, count in sums.items() if query.startswith("UPDATE")) == 3 * 8 * 40
    stats = proctor.events("stats")
    assert sum(line["statements"] for line in stats) == sum(sums.values())
    assert stats[-1]["sessions"] == 0 and stats[-1]["lost_lines"] == 0
    assert stats[-1]["connects"] >= clients + 8
    ids = [line["session"] for line in proctor.events("connect")]
    assert len(ids) == len(set(ids))


def test_a_finding_is_first_once(start_proctor, bench):
    """On each of four workers; and then it is counted as one."""
    proctor = start_proctor(settings={"workers": 4, "stats_period": "60", "large_table_rows": 1000, "medium_table_rows": 10})
    pool = [psycopg2.connect(proctor.dsn(bench)) for _ in range(8)]
    proctor.wait_for("catalog")
    for connection in pool:
        connection.cursor().execute("SELECT aid FROM pgbench_accounts WHERE filler LIKE '%x%'")
        connection.close()
    assert proctor.stop() == 0
    found = proctor.events("finding", code="Q101")
    assert [line.get("first", False) for line in found].count(True) == 1
    assert [line["count"] for line in found if not line.get("first")] == [8]


def test_ddl_on_one_is_known_to_all(start_proctor, database):
    """What one session creates is judged on every worker as soon as the catalog has been read again."""
    proctor = start_proctor(settings={"workers": 3, "large_table_rows": 1000, "medium_table_rows": 10, "mode": "enforce", "catalog_refresh": 3600})
    pool = [psycopg2.connect(proctor.dsn(database)) for _ in range(6)]
    for connection in pool:
        connection.autocommit = True
    pool[0].cursor().execute("CREATE TABLE grown AS SELECT g AS n FROM generate_series(1, 5000) g")
    pool[1].cursor().execute("ANALYZE grown")

    def refused(connection):
        try:
            connection.cursor().execute("CREATE INDEX grown_n ON grown (n)")
        except psycopg2.errors.InsufficientPrivilege:
            return True
        connection.cursor().execute("DROP INDEX grown_n")
        return False

    for connection in pool:
        assert harness.wait_until(lambda: refused(connection))
        connection.close()


def test_cancel_wherever_it_arrives(postgres, start_proctor, database):
    """A cancel request is a connection of its own, and goes to another worker than its session as often as not."""
    proctor = start_proctor(settings={"workers": 2})
    for _ in range(4):
        connection = psycopg2.connect(proctor.dsn(database))
        canceller = postgres.when_sleeping(connection.info.backend_pid, connection.cancel)
        with pytest.raises(psycopg2.extensions.QueryCanceledError):
            connection.cursor().execute("SELECT pg_sleep(60)")
        canceller.join()
        connection.close()


def test_the_limit_is_for_all(start_proctor, database):
    """Five clients over four workers, and the sixth is refused wherever it would go."""
    proctor = start_proctor(settings={"workers": 4, "max_client_conn": 5})
    pool = [psycopg2.connect(proctor.dsn(database)) for _ in range(5)]
    for _ in range(4):
        with pytest.raises(psycopg2.OperationalError, match="max_client_conn"):
            psycopg2.connect(proctor.dsn(database))
    pool.pop().close()
    assert harness.wait_until(lambda: len(proctor.events("disconnect", reason=lambda reason: "max" not in reason)) == 1)
    pool.append(psycopg2.connect(proctor.dsn(database)))
    for connection in pool:
        connection.close()


def test_load_and_signals(start_proctor, bench, tmp_path):
    """Everything at once: queries of each protocol, connections that come and go, DDL, SIGHUP; no error, and the sums
    are right in the end."""
    proctor = start_proctor(settings={"workers": 2, "stats_period": "200ms", "large_table_rows": 1000})
    script = tmp_path / "ddl.sql"
    script.write_text("CREATE TABLE t_:client_id (n int);\nANALYZE pgbench_branches;\nDROP TABLE t_:client_id;\n")
    loads = [
        ["-S", "-M", "simple", "-c", "4", "-t", "300"],
        ["-S", "-M", "extended", "-c", "4", "-t", "300"],
        ["-S", "-M", "prepared", "-c", "4", "-t", "300"],
        ["-S", "-C", "-c", "4", "-t", "25"],
        ["-c", "2", "-t", "20", "-f", str(script)],
    ]
    failed = []

    def run(arguments):
        try:
            pgbench(proctor, bench, *arguments)
        except BaseException as failure:
            failed.append(failure)

    threads = [threading.Thread(target=run, args=[arguments]) for arguments in loads]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        tell(proctor, signal.SIGHUP)
        time.sleep(0.1)
    assert not failed, failed
    assert proctor.stop() == 0
    assert calls(proctor)[SELECT] == 3 * 4 * 300 + 4 * 25
    assert not proctor.events("blind") and not proctor.events("lost_lines")


@pytest.mark.parametrize("again", [False, True])
def test_stop_under_load(start_proctor, bench, again):
    """SIGTERM in the middle of it: every client is told, every worker ends, and the log is whole."""
    proctor = start_proctor(settings={"workers": 4, "shutdown_timeout": "60" if again else "1"})
    idle = psycopg2.connect(proctor.dsn(bench))
    waiting = psycopg2.connect(proctor.dsn(bench))
    waiting.cursor().execute("SELECT 1")  # its transaction stays open
    load = subprocess.Popen(
        ["pgbench", "-n", "-S", "-h", proctor.host, "-p", str(proctor.port), "-U", "postgres", "-c", "12", "-j", "2", "-T", "200", bench],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert harness.wait_until(lambda: len(proctor.events("connect")) >= 14)
    began = time.monotonic()
    if again:
        tell(proctor, signal.SIGTERM)
        proctor.wait_for("stopping")
    assert proctor.stop() == 0
    assert time.monotonic() - began < 20
    said = load.communicate(timeout=30)[1]
    assert re.search("shutting down|57P01|terminat|closed the connection", said), said
    stopped = [line["event"] for line in proctor.events() if line["event"] in ("started", "stopping", "stopped")]
    assert stopped == ["started"] + ["stopping"] * (2 if again else 1) + ["stopped"]
    assert len(proctor.events("disconnect")) == len(proctor.events("connect"))
    for connection in (idle, waiting):
        with pytest.raises(psycopg2.Error):
            connection.cursor().execute("SELECT 1")


def test_clients_that_are_killed(start_proctor, bench):
    """In the middle of queries: their sessions are gone on every worker, and others go on."""
    proctor = start_proctor(settings={"workers": 3, "stats_period": "200ms"})
    for _ in range(3):
        load = subprocess.Popen(
            ["pgbench", "-n", "-S", "-h", proctor.host, "-p", str(proctor.port), "-U", "postgres", "-c", "9", "-j", "2", "-T", "30", bench],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(0.4)
        load.kill()
        load.wait()
    assert harness.wait_until(lambda: by_worker(proctor) == [0, 0, 0])
    pgbench(proctor, bench, "-S", "-c", "9", "-t", "10")


def test_nobody_reads_the_log(start_proctor, bench, tmp_path):
    """Nobody waits for a log that takes nothing, on any worker; what was lost is counted."""
    fifo = tmp_path / "log"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    proctor = start_proctor(settings={"workers": 2, "logfile": fifo, "slow_query": "1ms", "stats_period": "100ms"})
    script = tmp_path / "slow.sql"
    script.write_text("SELECT pg_sleep(0.002), '" + "', '".join(f"c{number}" for number in range(300)) + "';\n")
    pgbench(proctor, bench, "-c", "8", "-j", "2", "-t", "300", "-f", str(script))
    text = b""
    deadline = time.monotonic() + harness.PATIENCE_S
    while b'"event":"lost_lines"' not in text and time.monotonic() < deadline:
        try:
            text += os.read(reader, 1 << 20)
        except BlockingIOError:
            time.sleep(0.01)
    drain = threading.Thread(target=lambda: [None for _ in iter(lambda: os.read(reader, 1 << 16), b"")])
    os.set_blocking(reader, True)
    drain.start()
    assert proctor.stop() == 0
    drain.join()
    os.close(reader)
    assert b'"event":"lost_lines"' in text


def test_documents_are_counted_together(postgres, start_proctor, database):
    """Half of the writes by one worker, half by the other: the column is found as if there were one, and once. Texts that
    only the other one sees count as well."""
    postgres.sql("CREATE TABLE paper (id int, extra text, mixed text)", database)
    settings = {"workers": 2, "stats_period": 1, "log_format": "json"}
    proctor = start_proctor(direct_ok=False, settings=settings)
    connections = [psycopg2.connect(proctor.dsn(database)) for _ in range(2)]
    for connection in connections:
        connection.autocommit = True
        connection.cursor().execute("SELECT 1")
    proctor.wait_for("catalog", database=database)
    assert harness.wait_until(lambda: by_worker(proctor) == [1, 1])
    one, other = (connection.cursor() for connection in connections)
    one.execute("INSERT INTO paper (mixed) VALUES ('{\"a\": 1}')")
    time.sleep(2.5)
    for at in range(12):
        for cursor in (one, other):
            cursor.execute("INSERT INTO paper (extra) VALUES ('{\"a\": %s}')", [at])
        one.execute("INSERT INTO paper (mixed) VALUES ('{\"a\": %s}')", [at])
        one.execute("UPDATE paper SET mixed = '{\"b\": %s}' WHERE id = 0", [at])
        other.execute("INSERT INTO paper (mixed) VALUES ('plain text')")
    for connection in connections:
        connection.close()

    def counted():
        return [line["findings_by_rule"] for line in proctor.events("stats") if "D501" in line.get("findings_by_rule", "")]

    assert harness.wait_until(lambda: proctor.events("finding", code="D501") and counted())
    time.sleep(2.5)
    found = proctor.events("finding", code="D501")
    assert {(event["table"], event["column"]) for event in found} == {("paper", "extra")}
    assert "24 of the last 24 texts" in found[0]["message"] and 'INSERT INTO paper (extra)' in found[0]["query"]
    assert counted() == ["D501:1"]


def test_documents_are_told_as_soon_as_counted(postgres, start_proctor, database):
    """Not at an interval's end, which is an hour away."""
    postgres.sql("CREATE TABLE leaf (extra text)", database)
    proctor = start_proctor(direct_ok=False, settings={"workers": 2, "stats_period": 3600, "log_format": "json"})
    connections = [psycopg2.connect(proctor.dsn(database)) for _ in range(2)]
    proctor.wait_for("catalog", database=database)
    for connection in connections * 12:
        connection.autocommit = True
        connection.cursor().execute("INSERT INTO leaf VALUES ('{\"a\": 1}')")
    (found,) = harness.wait_until(lambda: proctor.events("finding", code="D501"))
    assert "24 of the last 24 texts" in found["message"]
    for connection in connections:
        connection.close()

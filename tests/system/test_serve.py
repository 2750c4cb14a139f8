"""The command: its flags, its file, its mistakes, its sockets, its signals, its log as text."""

import os
import re
import signal
import subprocess
import time

import psycopg2
import pytest

import harness

BINARY = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"


@pytest.fixture(autouse=True)
def needs_binary(request):
    if request.config.getoption("--direct"):
        pytest.skip("needs pgproctor")


def call(*arguments, timeout=60):
    return subprocess.run([BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=timeout)


def one_line(text):
    assert text.count("\n") == 1 and text.startswith("pgproctor: "), text
    return text


def test_help_and_version():
    for flag, expected in (("--help", "serve"), ("--version", "pgproctor")):
        done = call(flag)
        assert done.returncode == 0 and expected in done.stdout and done.stderr == ""


@pytest.mark.parametrize("arguments", [[], ["sevre"], ["serve", "--lisen", "x"], ["serve", "--config"], ["serve", "stray"]])
def test_usage_errors(arguments):
    done = call(*arguments)
    assert done.returncode == 2 and done.stderr


@pytest.mark.parametrize(
    "lines, expected",
    [
        (["[pgproctor]", "listen_prt = 6433"], [":2:", "listen_prt", "listen_port"]),
        (["[pgproctor]", "", "listen_port = banana"], [":3:", "listen_port", "banana"]),
        (["[pgproctor]", "listen_port = 70000"], [":2:", "70000"]),
        (["[pgproctr]", "listen_port = 6433"], ["pgproctr", "pgproctor"]),
        (["[pgproctor]", "mode = enforced"], [":2:", "enforced"]),
        (["[rules]", "M2002 = reject"], [":2:", "M2002"]),
        (["[rules]", "index-builds-block-writes = reject"], [":2:", "index-build-blocks-writes"]),
        (["[rules]", "M202 = rejct"], [":2:", "rejct"]),
        (["[rules]", "leading-wildcard-unindexd = log"], [":2:", "leading-wildcard-unindexed"]),
        (["[rules]", "M202 = log", "[rule:index-build-blocks-writes]", "action = reject"], [":4:", "set twice", "line 2"]),
        (["[pgproctor]", "this is no setting"], [":2:"]),
        (["[pgproctor]", "MODE = observe"], [":2:", '"mode"']),
        (["[databases]", "shop = user=proctor password='canary"], [":2:", "shop", "libpq"]),
        (["[pgproctor]", "stats_period = -1"], [":2:", "stats_period"]),
    ],
)
def test_mistakes_in_the_file(tmp_path, lines, expected):
    """One line that names the file, its line, and the nearest thing that exists; nothing is started."""
    path = tmp_path / "pgproctor.ini"
    path.write_text("\n".join(lines) + "\n")
    done = call("serve", "--config", path)
    assert done.returncode == 1
    line = one_line(done.stderr)
    assert str(path) in line and "canary" not in line
    for part in expected:
        assert part in line


@pytest.mark.parametrize(
    "arguments, expected",
    [
        (["--catalog", "user=proctor pass canary"], ["catalog", "libpq"]),
        (["--unix-socket-dir", "/nonexistent/here"], ["/nonexistent/here", "no such file"]),
    ],
)
def test_what_can_not_work(arguments, expected):
    """Told at the start, in one line with the reason, and without a piece of a password."""
    done = call("serve", "--listen", f"127.0.0.1:{harness.free_port()}", *arguments)
    assert done.returncode == 1
    line = one_line(done.stderr)
    assert "canary" not in line
    for part in expected:
        assert part in line


def test_missing_file(tmp_path):
    done = call("serve", "--config", tmp_path / "none.ini")
    assert done.returncode != 0 and "none.ini" in one_line(done.stderr)


def test_shipped_file_is_valid(tmp_path, postgres):
    """config/pgproctor.ini holds the defaults: with another port it starts."""
    port = harness.free_port()
    log = tmp_path / "log"
    arguments = [BINARY, "serve", "--config", harness.ROOT / "config" / "pgproctor.ini", "--listen", f"127.0.0.1:{port}"]
    process = harness.Process(arguments, log)
    assert harness.wait_until(lambda: harness.listening("127.0.0.1", port))
    assert process.stop() == 0


def test_port_in_use(proctor):
    done = call("serve", "--listen", f"127.0.0.1:{proctor.port}")
    assert done.returncode != 0
    line = one_line(done.stderr)
    assert str(proctor.port) in line and "in use" in line


def test_unwritable_log(tmp_path):
    path = tmp_path / "file.ini"
    path.write_text(f"[pgproctor]\nlogfile = {tmp_path}/no/such/folder/log\nlisten_port = {harness.free_port()}\n")
    done = call("serve", "--config", path)
    assert done.returncode != 0 and "no/such/folder" in one_line(done.stderr)


def test_flags_alone(tmp_path, postgres, database):
    """--listen and --upstream are enough; the log goes to standard output, JSON since that is no terminal."""
    port = harness.free_port()
    log = tmp_path / "log"
    arguments = ["serve", "--listen", f"127.0.0.1:{port}", "--upstream", f"127.0.0.1:{postgres.port}"]
    process = harness.Process([BINARY, *arguments], log)
    assert harness.wait_until(lambda: harness.listening("127.0.0.1", port))
    psycopg2.connect(f"host=127.0.0.1 port={port} user=postgres dbname={database}").close()
    assert process.stop() == 0
    lines = process.said().splitlines()
    assert any('"started"' in line for line in lines) and '"stopped"' in lines[-1]


def test_upstream_down(start_proctor, database):
    """Clients are refused with a sentence, the log says which server, once; when it is back they get through."""
    port = harness.free_port()
    proctor = start_proctor(settings={"upstream": f"127.0.0.1:{port}"})
    for _ in range(3):
        with pytest.raises(psycopg2.OperationalError) as caught:
            psycopg2.connect(proctor.dsn(database))
        assert "pgproctor" in str(caught.value) and "server closed" not in str(caught.value)
    event = proctor.wait_for("error")
    assert event["level"] == "error"
    assert len(proctor.events("error")) == 1


def test_unix_socket(start_proctor, scratch, database):
    directory = scratch / "listen"
    directory.mkdir()
    proctor = start_proctor(settings={"unix_socket_dir": directory})
    path = directory / f".s.PGSQL.{proctor.port}"
    assert harness.wait_until(lambda: harness.listening(str(directory), proctor.port))
    with psycopg2.connect(f"host={directory} port={proctor.port} user=postgres dbname={database}") as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 42")
        assert cursor.fetchone() == (42,)
    connection.close()
    proctor.wait_for("disconnect", client_address="unix")
    proctor.stop()
    assert not path.exists()


def test_stale_unix_socket(start_proctor, scratch, database):
    """A socket left over by a killed process is taken over; one that is in use is not."""
    directory = scratch / "stale"
    directory.mkdir()
    port = harness.free_port()
    settings = {"unix_socket_dir": directory, "listen_port": port, "listen_addr": ""}
    first = harness.Proctor(start_proctor().postgres, directory, settings=settings)
    first.port, first.host = port, str(directory)
    first.start()
    first.process.kill()
    assert (directory / f".s.PGSQL.{port}").exists()
    second = harness.Proctor(first.postgres, directory, settings=settings)
    second.port, second.host = port, str(directory)
    second.start()
    done = call("serve", "--config", second.write_config())
    assert done.returncode != 0 and "already" in one_line(done.stderr)
    psycopg2.connect(f"host={directory} port={port} user=postgres dbname={database}").close()
    assert second.stop() == 0


def test_upstream_unix_socket(start_proctor, postgres, database):
    proctor = start_proctor(settings={"upstream": f"{postgres.socket_dir}:{postgres.port}"})
    with psycopg2.connect(proctor.dsn(database)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT inet_client_addr()")
        assert cursor.fetchone() == (None,)
    connection.close()


def test_stops_within_a_statement(start_proctor, postgres, database):
    """Whoever is cut off when shutdown_timeout is over reads why, as from the server itself."""
    proctor = start_proctor(settings={"shutdown_timeout": 0.3})
    command = ["psql", "-X", proctor.dsn(database), "-c", "SELECT pg_sleep(60) AS within"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as client:
        pid = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%AS within' AND pid <> pg_backend_pid()"
        ((asleep,),) = harness.wait_until(lambda: postgres.sql(pid))
        postgres.sleeping(asleep)
        assert proctor.stop() == 0
        assert "FATAL:  pgproctor is shutting down" in client.communicate(timeout=30)[1]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stops_cleanly(start_proctor, database, number):
    """With an idle client: it is told, the log ends in `stopped`, the status is 0, and no time-out is waited for."""
    proctor = start_proctor(settings={"shutdown_timeout": 60})
    connection = psycopg2.connect(proctor.dsn(database))
    connection.autocommit = True
    connection.cursor().execute("SELECT 1")
    began = time.monotonic()
    assert proctor.stop(number) == 0
    assert time.monotonic() - began < 20
    assert proctor.events("started") and proctor.events()[-1]["event"] == "stopped"
    assert proctor.events("stopping")
    assert proctor.events("fingerprint"), "the last interval is written"
    with pytest.raises(psycopg2.Error):
        connection.cursor().execute("SELECT 1")


def test_open_transaction_may_end(start_proctor, postgres, database):
    """While it stops, an open transaction gets time to commit, and new clients are refused."""
    postgres.sql("CREATE TABLE kept (n int)", database)
    proctor = start_proctor(settings={"shutdown_timeout": 60})
    connection = psycopg2.connect(proctor.dsn(database))
    cursor = connection.cursor()
    cursor.execute("INSERT INTO kept VALUES (1)")
    proctor.process.child.send_signal(signal.SIGTERM)
    proctor.wait_for("stopping")
    with pytest.raises(psycopg2.OperationalError):
        psycopg2.connect(proctor.dsn(database))
    cursor.execute("INSERT INTO kept VALUES (2)")
    connection.commit()
    assert proctor.process.child.wait(20) == 0
    assert postgres.sql("SELECT count(*) FROM kept", database) == [(2,)]


def test_shutdown_timeout(start_proctor, database):
    """An open transaction that doesn't end is cut off."""
    proctor = start_proctor(settings={"shutdown_timeout": 0.5})
    connection = psycopg2.connect(proctor.dsn(database))
    connection.cursor().execute("SELECT 1")
    began = time.monotonic()
    assert proctor.stop() == 0
    assert 0.3 < time.monotonic() - began < 20


def test_log_rotation(start_proctor, database):
    """SIGHUP opens the file anew."""
    proctor = start_proctor()
    psycopg2.connect(proctor.dsn(database)).close()
    proctor.wait_for("disconnect")
    moved = proctor.log.rename(proctor.log.with_suffix(".1"))
    proctor.process.child.send_signal(signal.SIGHUP)
    assert harness.wait_until(proctor.log.exists)
    psycopg2.connect(proctor.dsn(database)).close()
    proctor.wait_for("disconnect")
    proctor.stop()
    assert "stopped" not in moved.read_text() and proctor.events("stopped")


def test_max_client_conn(start_proctor, postgres, database):
    proctor = start_proctor(settings={"max_client_conn": 2})
    first, second = psycopg2.connect(proctor.dsn(database)), psycopg2.connect(proctor.dsn(database))
    with pytest.raises(psycopg2.OperationalError) as caught:
        psycopg2.connect(proctor.dsn(database))
    assert "max_client_conn" in str(caught.value) or "too many" in str(caught.value)
    # A cancel needs no place of its own.
    canceller = postgres.when_sleeping(first.info.backend_pid, first.cancel)
    with pytest.raises(psycopg2.errors.QueryCanceled):
        first.cursor().execute("SELECT pg_sleep(60)")
    canceller.join()
    first.close()
    assert harness.wait_until(lambda: can_connect(proctor, database))
    second.close()


def can_connect(proctor, database):
    try:
        psycopg2.connect(proctor.dsn(database)).close()
        return True
    except psycopg2.Error:
        return False


def test_server_errors_at_login(proctor, database):
    """The server's own refusal reaches the client."""
    with pytest.raises(psycopg2.OperationalError, match='database "nowhere" does not exist'):
        psycopg2.connect(proctor.dsn("nowhere"))
    with pytest.raises(psycopg2.OperationalError, match='role "nobody" does not exist'):
        psycopg2.connect(proctor.dsn(database, user="nobody"))


def test_text_log(start_proctor, postgres, database):
    """log_format = text: a finding reads as design says, its fix ready to paste."""
    postgres.sql("CREATE TABLE big AS SELECT g AS n, md5(g::text) AS name FROM generate_series(1, 2000) g; ANALYZE", database)
    proctor = start_proctor(settings={"log_format": "text", "large_table_rows": 1000, "stats_period": 60})
    with psycopg2.connect(proctor.dsn(database)) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        assert harness.wait_until(lambda: any("catalog" in line for line in proctor.lines()))
        cursor.execute("SELECT n FROM big WHERE UPPER(name::text) LIKE UPPER('%walnut%') ORDER BY name")
    connection.close()
    proctor.stop()
    text = proctor.log.read_text()
    assert "leading-wildcard-unindexed" in text and re.search(r"^ +(fix +)?CREATE INDEX CONCURRENTLY", text, re.M)
    assert re.search(r"^ +django +.*GinIndex", text, re.M) and re.search(r"^ +why +", text, re.M)
    assert "{" not in text.splitlines()[0]

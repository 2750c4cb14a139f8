"""PostgreSQL's own tools, and what keeps a session alive for long, through pgproctor."""

import contextlib
import os
import re
import select
import subprocess
import time

import psycopg2
import psycopg2.extras
import pytest

import harness
from messages import H, Q, run, startup
from play import Player, Script, Send, Until, normalised, whole

CONTENTS = r"""
CREATE SCHEMA other;
CREATE TYPE other.mood AS ENUM ('sad', 'ok');
CREATE TABLE customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, mood other.mood DEFAULT 'ok');
CREATE TABLE purchase (id bigserial PRIMARY KEY, customer_id int NOT NULL REFERENCES customer, at timestamptz, note text);
CREATE INDEX purchase_note ON purchase (upper(note));
CREATE VIEW other.happy AS SELECT * FROM customer WHERE mood = 'ok';
CREATE MATERIALIZED VIEW totals AS SELECT customer_id, count(*) FROM purchase GROUP BY 1;
CREATE FUNCTION other.shout(text) RETURNS text LANGUAGE sql AS $$ SELECT upper($1) || ';' -- ' $$;
CREATE TABLE parted (n int, data bytea) PARTITION BY RANGE (n);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (500);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (500) TO (1000);
INSERT INTO customer (name) SELECT 'name ' || g || E'\t\\' || chr(128024) FROM generate_series(1, 5000) g;
INSERT INTO purchase (customer_id, at, note) SELECT 1 + g % 5000, '2024-01-01'::timestamptz + g * interval '1 minute', nullif(repeat('x', g % 300), '') FROM generate_series(1, 30000) g;
INSERT INTO parted SELECT g, decode(repeat(md5(g::text), 20), 'hex') FROM generate_series(0, 999) g;
REFRESH MATERIALIZED VIEW totals;
SELECT lo_from_bytea(0, decode(repeat('00ff7f', 100000), 'hex'));
COMMENT ON TABLE customer IS 'it''s one; of ours';
"""


@pytest.fixture(scope="module", params=["observe", "enforce"])
def proctor(request, modes):
    return modes.get(request.param)


@pytest.fixture(scope="module")
def demo(postgres):
    postgres.sql("DROP DATABASE IF EXISTS demo")
    postgres.sql("CREATE DATABASE demo")
    postgres.sql(CONTENTS, "demo")
    return "demo"


@pytest.fixture
def copy(postgres):
    postgres.sql("DROP DATABASE IF EXISTS copy")
    postgres.sql("CREATE DATABASE copy")
    return "copy"


def version(programs, name):
    said = subprocess.run([programs / name, "--version"], capture_output=True, text=True, check=True).stdout
    return int(re.search(r" (\d+)[.\w]", said)[1])


def program(postgres, name):
    """The server's own, or Debian's where that is not older: an older pg_dump refuses a newer server."""
    if (postgres.bin / name).exists():
        return postgres.bin / name
    if version(postgres.tools, name) < version(postgres.bin, "postgres"):
        pytest.skip(f"{name} does not come with this server's programs, and Debian's is older than it")
    return postgres.tools / name


def tool(postgres, name, *arguments, given=None):
    done = subprocess.run(
        [program(postgres, name), *map(str, arguments)], input=given, capture_output=True, timeout=200, stdin=None if given else subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b"" or name == "pg_basebackup", done.stderr.decode()
    return done.stdout


def dump(postgres, dsn):
    """As text; newer minor versions put a random word into two lines."""
    text = tool(postgres, "pg_dump", "-d", dsn).decode()
    return re.sub(r"^\\(un)?restrict \w+$", r"\\\1restrict", text, flags=re.M)


def test_drop_and_template(postgres, proctor):
    """A database that sessions have just left can be a template, be renamed and be dropped: reading its catalog is
    not in the way, as when Django's test runner clones and destroys its databases."""
    postgres.sql("CREATE DATABASE passing")
    psycopg2.connect(proctor.dsn("passing")).close()
    proctor.wait_for("catalog", database="passing")

    def statements(place):
        began = time.monotonic()
        connection = psycopg2.connect(place.dsn())
        connection.autocommit = True
        for statement in ("CREATE DATABASE clone TEMPLATE passing", "ALTER DATABASE passing RENAME TO passed", "DROP DATABASE clone"):
            connection.cursor().execute(statement)
        took = time.monotonic() - began
        connection.cursor().execute("ALTER DATABASE passed RENAME TO passing")
        connection.close()
        return took

    # The server itself waits for up to five seconds for others to leave.
    took = statements(proctor)
    assert took < 3 + statements(postgres)
    postgres.sql("DROP DATABASE passing")


# -- dumps ------------------------------------------------------------------------------------------------------


def test_dump_and_restore(postgres, proctor, demo, copy):
    """pg_dump gives the same text, and what pg_restore makes of its archive gives that text again."""
    direct = dump(postgres, postgres.dsn(demo))
    assert dump(postgres, proctor.dsn(demo)) == direct
    archive = tool(postgres, "pg_dump", "-Fc", "-d", proctor.dsn(demo))
    tool(postgres, "pg_restore", "-d", proctor.dsn(copy), given=archive)
    assert dump(postgres, postgres.dsn(copy)) == direct


def test_parallel_dump_and_restore(postgres, proctor, demo, copy, tmp_path):
    """The same by two connections at a time, with a snapshot that they share."""
    tool(postgres, "pg_dump", "-Fd", "-j", 2, "-f", tmp_path / "archive", "-d", proctor.dsn(demo))
    tool(postgres, "pg_restore", "-j", 2, "-d", proctor.dsn(copy), tmp_path / "archive")
    assert dump(postgres, postgres.dsn(copy)) == dump(postgres, postgres.dsn(demo))


def test_dump_as_statements(postgres, proctor, demo, copy):
    """INSERT statements instead of COPY, some of them long, played back by psql."""
    direct = tool(postgres, "pg_dump", "--rows-per-insert=1000", "-d", postgres.dsn(demo))
    played = subprocess.run(
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", proctor.dsn(copy)], input=direct, capture_output=True, timeout=200
    )
    assert played.returncode == 0, played.stderr.decode()
    assert dump(postgres, postgres.dsn(copy)) == dump(postgres, postgres.dsn(demo))


# -- psql -------------------------------------------------------------------------------------------------------

PIPELINES = r"""
\startpipeline
SELECT $1 \bind 1 \sendpipeline
SELECT n, name FROM big WHERE n < $1 \bind 4 \sendpipeline
\syncpipeline
SELECT 1 / $1 \bind 0 \sendpipeline
SELECT 'skipped' \bind \sendpipeline
\syncpipeline
SELECT 'after' \bind \sendpipeline
\flushrequest
\getresults 3
\echo :PIPELINE_COMMAND_COUNT :PIPELINE_RESULT_COUNT :PIPELINE_SYNC_COUNT
\getresults
\endpipeline
SELECT $1::int + $2::int \parse added
\bind_named added 1 2 \g
\startpipeline
\bind_named added 3 4 \sendpipeline
BEGIN \bind \sendpipeline
INSERT INTO written VALUES ($1) \bind 5 \sendpipeline
SELECT count(*) FROM written \bind \sendpipeline
ROLLBACK \bind \sendpipeline
\close_prepared added
\endpipeline
\bind_named added 5 6 \g
SELECT 6 * 7;
"""


def test_pipelines_of_psql(postgres, proctor):
    """Those of psql 18, whose prepared statements have protocol messages of their own, too."""
    psql = program(postgres, "psql")
    if version(psql.parent, "psql") < 18:
        pytest.skip("psql has pipelines from 18 on")
    outcomes = []
    for place in (postgres, proctor):
        done = subprocess.run([psql, "-XAt", "-d", place.dsn("wire")], input=PIPELINES, capture_output=True, text=True, timeout=200)
        outcomes.append((done.returncode, done.stdout, done.stderr))
    direct, through = outcomes
    assert through == direct
    assert direct[2] == 'ERROR:  division by zero\nERROR:  prepared statement "added" does not exist\n'
    assert {"3", "7", "after", "42"} <= set(direct[1].splitlines()) and "skipped" not in direct[1]


# -- replication ------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def another(prefix):
    """A second server, with its directory where the server's user may go."""
    scratch = harness.Scratch(prefix)
    server = harness.Postgres(scratch.path)
    if server.owner:
        os.chown(scratch.path, server.owner.pw_uid, server.owner.pw_gid)
    try:
        yield server
    finally:
        server.stop()
        scratch.remove()


def back_up(postgres, proctor, server, *options):
    """The cluster's base backup, by pgproctor, as the other server's."""
    data = server.scratch / "data"
    tool(postgres, "pg_basebackup", "-d", proctor.dsn(), "-D", data, "-X", "stream", "--checkpoint=fast", "--no-sync", *options)
    server.socket_dir.mkdir()
    if server.owner:
        subprocess.run(["chown", "-R", server.owner.pw_name, data, server.socket_dir], check=True)
    return data


def test_base_backup(postgres, proctor, demo):
    """pg_basebackup streams the whole cluster, and its log by a second connection; the backup verifies, and a server starts
    on it with everything in it."""
    with another("pgproctor-backup-") as restored:
        data = back_up(postgres, proctor, restored)
        # Another major's pg_waldump can't read the log.
        same = version(program(postgres, "pg_verifybackup").parent, "pg_verifybackup") == version(postgres.bin, "postgres")
        tool(postgres, "pg_verifybackup", "-q", *([] if same else ["-n"]), data)
        restored.run(data)
        count = "SELECT count(*), sum(hashtext(p::text)) FROM purchase p"
        assert restored.sql(count, demo) == postgres.sql(count, demo)


def test_standby(postgres, proctor, side):
    """A standby made and fed through pgproctor follows."""
    with another("pgproctor-standby-") as standby:
        data = back_up(postgres, proctor, standby, "-R")
        standby.settings.update(max_wal_senders=postgres.settings["max_wal_senders"], wal_level="logical")
        standby.run(data)
        side("CREATE TABLE followed AS SELECT g AS n FROM generate_series(1, 20000) g")
        try:
            there = "SELECT to_regclass('followed') IS NOT NULL"
            assert harness.wait_until(lambda: standby.sql(there, "wire") == [(True,)]), standby.process.said()
            assert standby.sql("SELECT sum(n) FROM followed", "wire") == [(200010000,)]
            proctor.wait_for("connect", application="walreceiver")
        finally:
            side("DROP TABLE followed")


def test_subscription(postgres, proctor, side):
    """One server subscribes to another through pgproctor: rows that were there are copied, changes follow, a large transaction
    while it is under way, in binary too; and the slots go with the subscription."""
    side("CREATE TABLE published (n int PRIMARY KEY, name text, data bytea); CREATE PUBLICATION everything FOR TABLE published")
    side("INSERT INTO published SELECT g, 'name ' || g, decode(md5(g::text), 'hex') FROM generate_series(1, 5000) g")
    contents = "SELECT count(*), sum(hashtext(p::text)) FROM published p"
    with another("pgproctor-subscriber-") as subscriber:
        subscriber.start()
        subscriber.sql("CREATE TABLE published (n int PRIMARY KEY, name text, data bytea)")

        def same():
            return subscriber.sql(contents) == side(contents)

        try:
            for number, options in enumerate(("streaming = off", "streaming = on, binary = on")):
                name = f"s{proctor.port}_{number}"
                subscriber.sql("TRUNCATE published")
                subscriber.sql(f"CREATE SUBSCRIPTION {name} CONNECTION '{proctor.dsn('wire')}' PUBLICATION everything WITH ({options})")
                assert harness.wait_until(same), subscriber.process.said()
                side("UPDATE published SET name = repeat('ü', 2000) WHERE n % 100 = 0; DELETE FROM published WHERE n % 100 = 1")
                assert harness.wait_until(same), subscriber.process.said()
                # More than logical_decoding_work_mem: sent before it is committed where streaming is on.
                side(f"INSERT INTO published SELECT g, repeat(md5(g::text), 20) FROM generate_series({(number + 1) * 100000}, {(number + 1) * 100000 + 20000}) g")
                assert harness.wait_until(same, 30), subscriber.process.said()
                streamed = f"SELECT stream_txns > 0 FROM pg_stat_replication_slots WHERE slot_name = '{name}'"
                assert side(streamed) == [(number == 1,)]
                subscriber.sql(f"DROP SUBSCRIPTION {name}")
                assert side("SELECT count(*) FROM pg_replication_slots WHERE slot_name LIKE 's%\\_%'") == [(0,)]
        finally:
            side("DROP PUBLICATION everything; DROP TABLE published")


def test_logical_replication(postgres, proctor, side):
    """A slot made, followed in both directions of CopyBoth, ended and dropped, by replication=database."""
    slot = f"slot_{proctor.port}"
    connection = psycopg2.connect(proctor.dsn("wire"), connection_factory=psycopg2.extras.LogicalReplicationConnection)
    cursor = connection.cursor()
    cursor.create_replication_slot(slot, output_plugin="test_decoding")
    cursor.start_replication(slot, decode=True, status_interval=1)
    side("INSERT INTO loaded SELECT g, 'row ' || g FROM generate_series(1, 300) g")
    rows, deadline = [], time.monotonic() + harness.PATIENCE_S
    while len(rows) < 300 and time.monotonic() < deadline:
        message = cursor.read_message()
        if message is None:
            select.select([cursor], [], [], 0.5)
            continue
        if message.payload.startswith("table public.loaded: INSERT"):
            rows.append(message.payload)
        # Forced: otherwise it would be told once a second, and the connection may be closed before.
        cursor.send_feedback(flush_lsn=message.data_start, force=True)
    connection.close()
    assert len(rows) == 300 and "row 300" in rows[-1]
    assert harness.wait_until(lambda: side(f"SELECT NOT active FROM pg_replication_slots WHERE slot_name = '{slot}'") == [(True,)])
    assert side(f"SELECT confirmed_flush_lsn > restart_lsn FROM pg_replication_slots WHERE slot_name = '{slot}'") == [(True,)]
    tool(postgres, "pg_recvlogical", "-d", proctor.dsn("wire"), "--slot", slot, "--drop-slot")


def test_received_log(postgres, proctor, side, tmp_path):
    """pg_receivewal gets the log as it is written, for as long as it likes."""
    receiver = harness.Process([program(postgres, "pg_receivewal"), "-d", proctor.dsn(), "-D", tmp_path, "--no-sync"], tmp_path / "said")
    assert harness.wait_until(lambda: side("SELECT state FROM pg_stat_replication WHERE application_name = 'pg_receivewal'") == [("streaming",)])
    # Where it was inserted: behind a switch of the log, what is not yet written out still counts for the file before.
    side("INSERT INTO loaded VALUES (1, 'x')")
    before = side("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")[0][0]
    side("SELECT pg_switch_wal()")
    received = harness.wait_until(lambda: (tmp_path / before).exists())
    receiver.stop()
    assert received, receiver.said()


# -- what lives long --------------------------------------------------------------------------------------------


def test_large_objects(postgres, proctor):
    """psycopg2's, which are function calls: written, read, seen by another session, cut, removed."""

    def script(dsn):
        connection = psycopg2.connect(dsn)
        data = bytes(range(256)) * 1200
        large = connection.lobject(0, "wb")
        sizes = [large.write(data[at : at + 70001]) for at in range(0, len(data), 70001)]
        large.close()
        connection.commit()
        large = connection.lobject(large.oid, "rwb")
        got = [large.read(10), large.seek(-5, 2), large.read(), large.tell(), large.seek(0) or large.read() == data]
        large.truncate(100)
        got += [large.seek(0, 2)]
        large.unlink()
        connection.commit()
        with pytest.raises(psycopg2.OperationalError):
            connection.lobject(large.oid, "rb")
        connection.close()
        return sizes, got

    assert script(proctor.dsn("wire")) == script(postgres.dsn("wire"))


def test_advisory_locks(proctor):
    """Held by a session until it ends; another waits for just that."""
    first, second = psycopg2.connect(proctor.dsn("wire")), psycopg2.connect(proctor.dsn("wire"))
    first.autocommit = second.autocommit = True
    with first.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(4711)")
    with second.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(4711)")
        assert cursor.fetchone() == (False,)
        first.close()
        cursor.execute("SET statement_timeout = '30s'; SELECT pg_advisory_lock(4711), pg_advisory_unlock(4711)")
        assert cursor.fetchone()[1] is True
    second.close()


def test_idle_listeners(proctor, side):
    """Twenty sessions that say nothing for some seconds still hear at once."""
    connections = [psycopg2.connect(proctor.dsn("wire")) for _ in range(20)]
    for connection in connections:
        connection.autocommit = True
        connection.cursor().execute("LISTEN idle")
    time.sleep(3)
    side("NOTIFY idle, 'awake'")
    for connection in connections:
        # None of them says anything that would call it in.
        assert select.select([connection], [], [], 30)[0]
        connection.poll()
        assert [notify.payload for notify in connection.notifies] == ["awake"]
        connection.close()


# -- the server's end -------------------------------------------------------------------------------------------


def test_server_shutdown(scratch):
    """A fast shutdown: each session gets its 57P01 and the end, idle or busy, directly as through pgproctor; then
    clients are told that there is no server, and when it is back they get in."""
    directory = scratch / "shutdown"
    directory.mkdir()
    postgres = harness.Postgres(directory)
    if postgres.owner:
        os.chown(directory, postgres.owner.pw_uid, postgres.owner.pw_gid)
    postgres.start()
    proctor = harness.Proctor(postgres, directory).start()
    begun = {
        "idle": [],
        "in a transaction": [Send(Q("BEGIN")), Until("Z")],
        "in a query": [Send(Q("SELECT 1; SELECT pg_sleep(30)"))],
        "in a pipeline": [Send(run("SELECT 1"), H, run("SELECT pg_sleep(30)")), Until("C")],
        "in COPY": [Send(Q("CREATE TEMP TABLE t (n int); COPY t FROM STDIN")), Until("G")],
        "listening": [Send(Q("LISTEN here")), Until("Z")],
    }
    sessions = []
    for name, steps in begun.items():
        for server in (postgres, proctor):
            player = Player((server.host, server.port), whole, None)
            player.begin()
            for step in [Send(startup(user="postgres", database="postgres")), Until("Z"), *steps]:
                player.step(step)
            if "sleep" in str(steps):
                postgres.sleeping(player.pid)
            sessions.append((name, player))
    postgres.process.stop(harness.signal.SIGINT)
    script = Script("shutdown", [])
    seen = {}
    for name, player in sessions:
        player.play_end(None)
        player.connection.close()
        seen.setdefault(name, []).append(normalised(player.transcript, player.pid, script))
    for name, (direct, through) in seen.items():
        assert through == direct, name
        assert [kind for kind, *_ in direct[-2:]] == ["E", "end"] and b"C57P01" in direct[-2][1], name
    with pytest.raises(psycopg2.OperationalError, match="cannot connect to the server"):
        psycopg2.connect(proctor.dsn())
    again = harness.Process(postgres.process.arguments, directory / "again.log", postgres.owner, death_signal=harness.signal.SIGQUIT)
    assert harness.wait_until(postgres.ready), again.said()
    psycopg2.connect(proctor.dsn()).close()
    assert proctor.stop() == 0
    again.stop(harness.signal.SIGINT)

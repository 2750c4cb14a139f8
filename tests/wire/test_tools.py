"""PostgreSQL's own tools, and what keeps a session alive for long, through pgproctor."""

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


def program(postgres, name):
    """Of the server's own major: an older pg_dump refuses a newer server. Some builds come without the tools."""
    path = postgres.bin / name
    if not path.exists():
        pytest.skip(f"{name} does not come with this server's programs")
    return path


def tool(postgres, name, *arguments, given=None):
    done = subprocess.run(
        [program(postgres, name), *map(str, arguments)], input=given, capture_output=True, timeout=90, stdin=None if given else subprocess.DEVNULL
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
    began = time.monotonic()
    connection = psycopg2.connect(proctor.dsn())
    connection.autocommit = True
    for statement in ("CREATE DATABASE clone TEMPLATE passing", "ALTER DATABASE passing RENAME TO passed", "DROP DATABASE passed", "DROP DATABASE clone"):
        connection.cursor().execute(statement)
    connection.close()
    assert time.monotonic() - began < 4


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
        ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", proctor.dsn(copy)], input=direct, capture_output=True, timeout=90
    )
    assert played.returncode == 0, played.stderr.decode()
    assert dump(postgres, postgres.dsn(copy)) == dump(postgres, postgres.dsn(demo))


# -- replication ------------------------------------------------------------------------------------------------


def test_base_backup(postgres, proctor, tmp_path):
    """pg_basebackup streams the whole cluster, and its log by a second connection; the backup verifies."""
    target = tmp_path / "backup"
    tool(postgres, "pg_basebackup", "-d", proctor.dsn(), "-D", target, "-X", "stream", "--checkpoint=fast", "--no-sync")
    tool(postgres, "pg_verifybackup", "-q", target)
    assert (target / "PG_VERSION").exists()


def test_logical_replication(postgres, proctor, side):
    """A slot made, followed in both directions of CopyBoth, ended and dropped, by replication=database."""
    slot = f"slot_{proctor.port}"
    connection = psycopg2.connect(proctor.dsn("wire"), connection_factory=psycopg2.extras.LogicalReplicationConnection)
    cursor = connection.cursor()
    cursor.create_replication_slot(slot, output_plugin="test_decoding")
    cursor.start_replication(slot, decode=True, status_interval=1)
    side("INSERT INTO loaded SELECT g, 'row ' || g FROM generate_series(1, 300) g")
    rows, deadline = [], time.monotonic() + 15
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
        cursor.execute("SET statement_timeout = '5s'; SELECT pg_advisory_lock(4711), pg_advisory_unlock(4711)")
        assert cursor.fetchone()[1] is True
    second.close()


def test_idle_listeners(proctor, side):
    """Twenty sessions that say nothing for some seconds still hear at once."""
    connections = [psycopg2.connect(proctor.dsn("wire")) for _ in range(20)]
    for connection in connections:
        connection.autocommit = True
        connection.cursor().execute("LISTEN idle")
    time.sleep(3)
    began = time.monotonic()
    side("NOTIFY idle, 'awake'")
    for connection in connections:
        assert select.select([connection], [], [], 5)[0]
        connection.poll()
        assert [notify.payload for notify in connection.notifies] == ["awake"]
        connection.close()
    assert time.monotonic() - began < 2


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
            sessions.append((name, player))
    time.sleep(0.3)
    postgres.stop()
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
    assert harness.wait_until(postgres.ready, 20), again.said()
    psycopg2.connect(proctor.dsn()).close()
    assert proctor.stop() == 0
    again.stop(harness.signal.SIGINT)

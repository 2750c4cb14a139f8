"""A rejected statement leaves client and server where the server's own error would have left them: each script of
scripts_reject.py is compared with the same script sent to PostgreSQL directly, in which the statement can't be parsed
(or the value not be decoded). Only the error's text differs."""

import psycopg
import psycopg2
import psycopg2.extensions
import pytest

from database import EMPTIED, unix
from play import Player, at_random, bytewise, fields, normalised, shown, types, whole
from scripts_reject import scripts

BAD, UNPARSED = "CREATE INDEX big_n ON big (n)", "CREATE INDEX big_n ON big (n"
BAD_VALUE, UNDECODED = "%abc%", b"ab\xff"
REJECTED = scripts(BAD, BAD_VALUE)
CONTROLS = scripts(UNPARSED, UNDECODED)


@pytest.fixture(scope="module", params=["one segment", "bytewise", "at random", "answers bytewise"])
def delivery(request, modes, side):
    """The address of a pgproctor that rejects, with its catalog read, and how to send."""
    mode = "reject, answers" if "answers" in request.param else "reject"
    proctor = modes.get(mode)
    with psycopg2.connect(proctor.dsn("wire")) as connection:
        connection.cursor().execute("SELECT 1")
    connection.close()
    proctor.wait_for("catalog", database="wire")
    address = (proctor.host, proctor.port) if request.param == "one segment" else unix(proctor)
    return address, {"bytewise": bytewise, "at random": at_random}.get(request.param, whole)


@pytest.fixture(scope="module")
def rejecting(modes):
    return modes.get("reject")


# What the controls' bad statement and bad value fail with.
FAILS = (b"42601", b"22021")
# In a transaction that has failed the server refuses in its own words what it can parse, whether the failure was known
# to pgproctor by then or not.
SERVERS_OWN = {
    "in a failed transaction": [{b"25P02"}],
    "first in a transaction": [{b"42501", b"25P02"}],
    "in a failed transaction by Parse": [{b"25P02"}],
    "a transaction that fails in the same segment": [{b"25P02"}],
    "at Bind, in a transaction that fails in the same segment": [set()],
    "behind an error it is skipped itself": [set()],
}


def errors(transcript):
    return [dict(fields(body)) for kind, body, *_ in transcript if kind == "E"]


@pytest.mark.parametrize("at", range(len(REJECTED)), ids=[script.name for script in REJECTED])
def test_as_the_servers_own_error(at, delivery, postgres, side):
    address, cut = delivery

    def play(script, address, cut):
        side(EMPTIED)
        player = Player(address, cut, side)
        return normalised(player.play(script), player.pid, script)

    control = play(CONTROLS[at], unix(postgres), whole)
    assert not any(kind == "stuck" for kind, *_ in control), shown(control)
    rejected = play(REJECTED[at], address, cut)
    assert types(rejected) == types(control)
    differing = [
        (theirs, ours) for theirs, ours in zip(control, rejected) if theirs != ours and theirs[0] != "E"
    ]
    assert differing == []
    codes = []
    for theirs, ours in zip(errors(control), errors(rejected)):
        if theirs == ours:
            continue
        codes.append(ours[b"C"])
        assert theirs[b"C"] in FAILS and ours[b"S"] == ours[b"V"] == theirs[b"V"] == b"ERROR"
        assert ours[b"C"] == b"25P02" or ours[b"M"].startswith(b"pgproctor: ") and ours[b"D"] and ours[b"H"]
    assert set(codes) in SERVERS_OWN.get(CONTROLS[at].name, [{b"42501"}])


# -- drivers ----------------------------------------------------------------------------------------------------


def outcome(call):
    """What a driver's user sees of it: the rows, or that it failed and how widely."""
    try:
        return call()
    except (psycopg2.Error, psycopg.Error) as error:
        name = type(error).__name__
        # The kinds of error differ as their codes do; that it is one of the statement, and not of the connection or the
        # driver, and that later ones say why they fail, is what has to be the same.
        return "refused" if name in ("InsufficientPrivilege", "SyntaxError", "CharacterNotInRepertoire") else name


def with_psycopg2(dsn, bad):
    connection = psycopg2.connect(dsn)
    cursor = connection.cursor()
    seen = []

    def execute(sql):
        def call():
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else cursor.statusmessage

        seen.append((outcome(call), connection.info.transaction_status))

    for sql in ("INSERT INTO written VALUES (1)", bad, "SELECT 1"):
        execute(sql)
    connection.rollback()
    execute("INSERT INTO written VALUES (2)")
    execute("SAVEPOINT a")
    execute(f"INSERT INTO written VALUES (3); {bad}")
    execute("ROLLBACK TO a")
    execute("INSERT INTO written VALUES (4)")
    connection.commit()
    execute(bad)
    connection.commit()  # which the server turns into a rollback
    connection.autocommit = True
    execute(bad)
    execute(f"INSERT INTO written VALUES (5); {bad}")
    execute("INSERT INTO written VALUES (6)")
    connection.close()
    return seen


def with_libpq_pipeline(dsn, bad):
    """libpq itself, in pipeline mode, result by result."""
    connection = psycopg.pq.PGconn.connect(dsn.encode())
    connection.enter_pipeline_mode()
    for sql in ("INSERT INTO written VALUES (1)", "SELECT 1", bad, "INSERT INTO written VALUES (2)"):
        connection.send_query_params(sql.encode(), None)
    connection.pipeline_sync()
    connection.send_prepare(b"s", bad.encode())
    connection.pipeline_sync()
    connection.send_query_prepared(b"s", None)
    connection.pipeline_sync()
    connection.send_query_params(b"INSERT INTO written VALUES (3)", None)
    connection.pipeline_sync()
    seen, syncs = [], 0
    while syncs < 4:
        result = connection.get_result()
        seen.append(result and psycopg.pq.ExecStatus(result.status).name)
        syncs += bool(result) and result.status == psycopg.pq.ExecStatus.PIPELINE_SYNC
        assert len(seen) < 60, seen
    seen.append(connection.get_result())
    connection.exit_pipeline_mode()
    seen.append(psycopg.pq.TransactionStatus(connection.transaction_status).name)
    connection.finish()
    return seen


def with_psycopg3_pipeline(dsn, bad):
    seen = []
    with psycopg.connect(dsn, autocommit=True) as connection:
        for body in (["INSERT INTO written VALUES (1)", bad, "INSERT INTO written VALUES (2)"], [bad], ["SELECT 1", bad]):

            def call():
                with connection.pipeline():
                    cursors = [connection.execute(sql) for sql in body]
                    return [cursor.statusmessage for cursor in cursors]

            seen.append((outcome(call), connection.info.transaction_status.name))

        def atomic():
            with connection.pipeline(), connection.transaction():
                connection.execute("INSERT INTO written VALUES (3)")
                connection.execute(bad)

        seen.append((outcome(atomic), connection.info.transaction_status.name))

        def nested():
            with connection.transaction():
                connection.execute("INSERT INTO written VALUES (4)")
                inner = outcome(lambda: refused_inside(connection, bad))
                return inner, connection.execute("SELECT count(*) FROM written").fetchone()

        seen.append((outcome(nested), connection.info.transaction_status.name))
    return seen


def refused_inside(connection, bad):
    with connection.transaction():
        connection.execute("INSERT INTO written VALUES (5)")
        connection.execute(bad)


@pytest.mark.parametrize("client", [with_psycopg2, with_libpq_pipeline, with_psycopg3_pipeline])
def test_drivers_see_the_servers_own_error(client, delivery, postgres, rejecting, side):
    effects = "SELECT n FROM written ORDER BY n"
    side(EMPTIED)
    control = client(postgres.dsn("wire"), UNPARSED), side(effects)
    side(EMPTIED)
    rejected = client(rejecting.dsn("wire"), BAD), side(effects)
    assert rejected == control
    assert side("SELECT count(*) FROM pg_class WHERE relname = 'big_n'") == [(0,)]

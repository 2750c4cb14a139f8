"""What ends while much is under way: cancels, ends of either side, rejections, and pgproctor's own stop, with each leg in the
clear and over TLS. Nobody hangs, every byte that arrives is right, and nothing is left behind."""

import hashlib
import io
import signal
import socket
import struct
import threading
import time
import types
from concurrent.futures import ThreadPoolExecutor

import psycopg2
import pytest

import harness
from conftest import REJECTS
from messages import Q, S, SSL_REQUEST, X, c, cancel_request, d, run, startup
from play import DATABASE, SECONDS, USER, Drop, HalfClose, Player, Send, Until, connect, login, whole

MEGABYTE = 1 << 20
ROWS = 64
# Far more than there is room for on the way.
MANY = f"SELECT repeat('x', {MEGABYTE}) FROM generate_series(1, {ROWS})"
ONE = f"SELECT repeat('x', {ROWS * MEGABYTE})"
MANY_MORE, LONGER = MANY.replace(f"{ROWS})", f"{4 * ROWS})"), f"SELECT repeat('x', {4 * ROWS * MEGABYTE})"
COPY_OUT = f"COPY ({MANY}) TO STDOUT"
COPY_IN = "CREATE TEMP TABLE kept (value text); COPY kept FROM STDIN"
LINE = "x" * 65535 + "\n"
# Of a session, on a worker that may not have had one before: two queues of a quarter of a megabyte, what TLS keeps, and
# what malloc does.
GROWTH_KB_MAX = 4096


@pytest.fixture
def proctor(leg, modes):
    return modes.get(leg[0])


@pytest.fixture
def own(leg, modes, tmp_path):
    """Makes a pgproctor for one test, which ends with it."""
    started = []

    def make(**settings):
        started.append(modes.make(leg[0], tmp_path, settings).start())
        return started[-1]

    yield make
    for proctor in started:
        assert proctor.stop() == 0, proctor.process.said()
        assert "Sanitizer" not in proctor.process.said() and "bug:" not in proctor.process.said()


@pytest.fixture
def begin(leg, side):
    """Logs in, and plays these steps."""
    begun = []

    def begin(proctor, *steps, **parameters):
        player = Player((proctor.host, proctor.port), whole, side, encryption=leg[1])
        player.begin()
        begun.append(player)
        for step in [*login(**parameters), *steps]:
            player.step(step)
        return player

    yield begin
    for player in begun:
        player.connection.close()


# -- helpers ----------------------------------------------------------------------------------------------------


def wait_for(side, player, condition):
    sql = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {player.pid} AND {condition}"
    assert harness.wait_until(lambda: side(sql)[0][0] == 1), f"the server's session never was so: {condition}"


def wait_until_full(side, player):
    """The server can't write any more, not even in a while: what is under way fills all that is between."""
    for _ in range(3):
        wait_for(side, player, "wait_event = 'ClientWrite'")
        time.sleep(0.05)


def wait_until_gone(side, player):
    sql = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {player.pid}"
    assert harness.wait_until(lambda: side(sql)[0][0] == 0), "the server's session is still there"


def wait_until_left(proctor, descriptors):
    assert harness.wait_until(lambda: proctor.descriptors() <= descriptors), (descriptors, proctor.descriptors())


def terminate(side, player):
    side(f"SELECT pg_terminate_backend({player.pid})")


def rest(player, until="no such type"):
    """The messages that still come, up to the first of that type or the end: their types, and the last one's body. Rows are
    looked through as they come and told as `D`; `?` is a message that doesn't come whole."""
    kinds, body = "", b""
    while not kinds.endswith(until):
        if not player.fill(5):
            return kinds + "?" * bool(player.received), body
        kind, size = chr(player.received[0]), struct.unpack_from("!I", player.received, 1)[0] - 4
        if kind not in "Dd" or size < 1000:
            kind, body = player.message()
            kinds += kind or "?"
            continue
        player.take(5)
        left = size
        if kind == "D":
            assert player.fill(6)
            left -= len(player.take(6))
        while left:
            if not player.received and not player.more():
                return kinds + "?", body
            part = player.take(min(left, len(player.received)))
            assert not part.strip(b"x\n"), "something else within a row"
            left -= len(part)
        kinds += "D"
    return kinds, body


def goes_on(player):
    player.step(Send(Q("SELECT 1")))
    assert rest(player, "Z") == ("TDCZ", b"I")


def send_on(player, size, lines, sent=0):
    """So many lines more, in CopyData of that size; returns what is sent of it, for the next time."""
    for _ in range(lines):
        if sent % size == 0:
            player.connection.sendall(b"d" + struct.pack("!I", 4 + size))
        player.connection.sendall(LINE.encode())
        sent += len(LINE)
    return sent


# -- a client that doesn't read ---------------------------------------------------------------------------------


@pytest.mark.parametrize("query", [MANY_MORE, LONGER], ids=["many rows", "one row"])
def test_cancelled_while_unread(proctor, leg, begin, side, query):
    """A client that stopped within a row cancels. No memory is taken meanwhile; every row that comes is whole, then come
    the error and ReadyForQuery, and the session goes on."""
    player = begin(proctor)
    goes_on(player)
    idle_kb = proctor.memory_kb()
    player.step(Send(Q(query)))
    assert player.more()
    wait_until_full(side, player)
    with connect((proctor.host, proctor.port), leg[1]) as other:
        other.sendall(cancel_request(player.pid, player.key))
        assert other.recv(1) == b""
    full_kb = proctor.memory_kb()
    kinds, error = rest(player, "E")
    assert kinds == "T" + "D" * (len(kinds) - 2) + "E" and b"C57014\0" in error
    assert len(kinds) - 2 < ROWS
    assert rest(player, "Z") == ("Z", b"I")
    goes_on(player)
    assert proctor.sanitized() or max(full_kb, proctor.memory_kb()) - idle_kb < GROWTH_KB_MAX


@pytest.mark.parametrize("behind", [b"", Q("SELECT 1") * 1000], ids=["", "requests unread"])
def test_the_server_ends_while_unread(proctor, begin, side, behind):
    """What the server had written before it went, whether it leaves requests unread or not, is the client's when it reads
    again: rows without a flaw, the reason if it could still say it, and the end."""
    begun = proctor.descriptors()
    player = begin(proctor, Send(Q(MANY), behind))
    assert player.more()
    wait_until_full(side, player)
    terminate(side, player)
    wait_until_gone(side, player)
    kinds, error = rest(player)
    rows = kinds.count("D")
    assert kinds in ("T" + "D" * rows + end for end in ("", "?", "E")) and rows < ROWS
    assert kinds[-1] != "E" or b"C57P01\0" in error
    player.connection.close()
    wait_until_left(proctor, begun)


@pytest.mark.parametrize("how", [Drop(), Drop(reset=True), HalfClose()], ids=["FIN", "RST", "half-closed"])
@pytest.mark.parametrize(
    "under_way",
    [[Q(MANY)], [Q(ONE)], [Q(COPY_OUT)], [Q(MANY), Q("SELECT 1") * 100_000], [Q(COPY_IN), d(LINE) * 30, d(LINE)[:-9]]],
    ids=["rows", "one row", "COPY out", "both ways", "COPY in"],
)
def test_the_client_ends(proctor, begin, side, under_way, how):
    """Whatever is under way is given up in the server as well, unless the client still reads: then all of it comes."""
    begun = proctor.descriptors()
    player = begin(proctor)
    player.connection.settimeout(1)
    try:
        player.connection.sendall(b"".join(under_way))
    except TimeoutError:
        pass  # both ways are full
    player.connection.settimeout(SECONDS)
    copied_in = under_way[0] == Q(COPY_IN)
    if copied_in:
        wait_for(side, player, "wait_event = 'ClientRead' AND query LIKE '%STDIN'")
    else:
        assert player.more()
        wait_until_full(side, player)
    player.step(how)
    if isinstance(how, HalfClose):
        kinds, _ = rest(player)
        if copied_in:
            # As from the server itself.
            assert kinds == "CGEE"
        elif len(under_way) == 1:
            assert kinds.replace("D", "") in ("TCZ", "HcCZ") and kinds.count("D") in (1, ROWS)
        player.connection.close()
    wait_until_gone(side, player)
    wait_until_left(proctor, begun)


# -- a client that sends ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [len(LINE), 1 << 29], ids=["many messages", "one message"])
def test_the_server_ends_while_data_comes_in(proctor, begin, side, size):
    """A client that has much to send is not kept waiting by a server that has gone; it reads why."""
    begun = proctor.descriptors()
    player = begin(proctor, Send(Q(COPY_IN)), Until("G"))
    sent = send_on(player, size, 300)
    terminate(side, player)
    wait_until_gone(side, player)
    send_on(player, size, 300, sent)
    kinds, error = rest(player)
    assert kinds == "E" and b"C57P01\0" in error
    player.connection.close()
    wait_until_left(proctor, begun)


def test_a_client_that_goes_on_sending(modes, side):
    """It doesn't read that the server has gone, and sends for ever: some seconds later nobody listens any more."""
    proctor = modes.get("observe")
    begun = proctor.descriptors()
    player = Player((proctor.host, proctor.port), whole, side)
    player.begin()
    for step in [*login(), Send(Q(COPY_IN)), Until("G")]:
        player.step(step)
    terminate(side, player)
    deadline = time.monotonic() + harness.PATIENCE_S
    with pytest.raises(ConnectionError):
        while time.monotonic() < deadline:
            player.connection.sendall(d(LINE))
    wait_until_left(proctor, begun)
    player.connection.close()


# -- coming and going -------------------------------------------------------------------------------------------

VISITS = 700
STREAMED = "SELECT g || repeat('y', 1000) FROM generate_series(1, 50000) g"


def visit(proctor, encryption, side, kind):
    address = (proctor.host, proctor.port)
    if kind in ("comes and goes", "asks for TLS", "says half of it"):
        with socket.create_connection(address, timeout=SECONDS) as client:
            if kind == "asks for TLS":
                client.sendall(SSL_REQUEST)
                assert client.recv(1) in (b"S", b"N")
            elif kind == "says half of it":
                client.sendall(startup(user=USER)[:9])
    elif kind == "cancels":
        with connect(address, encryption) as client:
            client.sendall(cancel_request(1, b"none"))
            assert client.recv(1) == b""
    else:
        player = Player(address, whole, side, encryption=encryption)
        player.begin()
        with player.connection:
            if kind == "is refused":
                player.step(Send(startup(user=USER, database="none")))
                assert rest(player)[0] == "RE"
                return
            for step in login():
                player.step(step)
            if kind == "logs in":
                player.step(Send(Q("SELECT 1"), X))
                assert rest(player)[0] == "TDCZ"
            else:
                player.step(Send(Q(MANY)))
                assert player.more()
                player.step(Drop(reset=kind == "breaks off"))


VISITORS = ("comes and goes", "asks for TLS", "says half of it", "cancels", "is refused", "logs in", "leaves", "breaks off")


def test_coming_and_going_while_others_stream(proctor, leg, side):
    """Hundreds of clients that come, do something or nothing, and go, while two copy without a pause: what is copied is right,
    and when all have gone, descriptors, memory and sessions are what they were."""
    encryption = leg[1]
    (expected,) = side(f"SELECT md5(string_agg(line || E'\\n', '')) FROM ({STREAMED}) s (line)")[0]
    ended = threading.Event()
    copied = []

    def copy_out():
        connection = psycopg2.connect(proctor.dsn(DATABASE), sslmode="require" if encryption else "disable")
        while not ended.is_set():
            digest = hashlib.md5()
            connection.cursor().copy_expert(f"COPY ({STREAMED}) TO STDOUT", types.SimpleNamespace(write=digest.update))
            assert digest.hexdigest() == expected
            copied.append("out")
        connection.close()

    def copy_in():
        connection = psycopg2.connect(proctor.dsn(DATABASE), sslmode="require" if encryption else "disable")
        cursor = connection.cursor()
        cursor.execute("CREATE TEMP TABLE kept (line text)")
        lines = "".join(f"{g}{'y' * 1000}\n" for g in range(1, 50001))
        while not ended.is_set():
            cursor.copy_expert("COPY kept FROM STDIN", io.StringIO(lines))
            cursor.execute("SELECT md5(string_agg(line || E'\\n', '' ORDER BY substring(line, '[0-9]+')::int)) FROM kept")
            assert cursor.fetchone() == (expected,)
            connection.rollback()
            cursor.execute("CREATE TEMP TABLE kept (line text)")
            copied.append("in")
        connection.close()

    def visits(count):
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda at: visit(proctor, encryption, side, VISITORS[at % len(VISITORS)]), range(count)))

    begun = proctor.descriptors()
    with ThreadPoolExecutor(2) as pool:
        streams = [pool.submit(copy_out), pool.submit(copy_in)]
        try:
            visits(VISITS // 4)
            streaming, kept_kb = proctor.descriptors(), proctor.memory_kb()
            visits(VISITS)
            wait_until_left(proctor, streaming)
            grown_kb = proctor.memory_kb() - kept_kb
        finally:
            ended.set()
        for stream in streams:
            stream.result()
    assert copied.count("out") > 1 and copied.count("in") > 1
    assert proctor.sanitized() or grown_kb < GROWTH_KB_MAX / 2
    wait_until_left(proctor, begun)
    left = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    assert harness.wait_until(lambda: side(left) == [(0,)])
    seen = len(proctor.events("stats"))
    assert harness.wait_until(lambda: len(proctor.events("stats")) > seen + 1)
    assert proctor.events("stats")[-1]["sessions"] == 0


# -- pgproctor's own ends ---------------------------------------------------------------------------------------


def test_rejected_with_rows_under_way(own, begin, side):
    """By Query and in a pipeline, behind a result that nobody reads yet: each answer comes in its turn."""
    proctor = own(**REJECTS)
    player = begin(proctor, Send(Q("SELECT 1")), Until("Z"))
    proctor.wait_for("catalog", database=DATABASE)
    bad = "CREATE INDEX big_n ON big (n)"
    player.step(Send(Q(MANY), Q(bad), run("SELECT 1"), run(bad), run("SELECT 2"), S, Q("SELECT 1"), Q(COPY_OUT), Q(bad), Q("SELECT 1")))
    wait_until_full(side, player)
    answers = ["T" + "D" * ROWS + "CZ", "EZ", "12TDCEZ", "TDCZ", "H" + "D" * ROWS + "cCZ", "EZ", "TDCZ"]
    for answer in answers:
        assert rest(player, "Z") == (answer, b"I")
    goes_on(player)


def test_stopped_amid_copies(own, begin, side):
    """SIGTERM: what is copied, in either direction, still gets to its end, and then the client is told."""
    proctor = own(shutdown_timeout=60)
    coming, going = begin(proctor, Send(Q(COPY_OUT))), begin(proctor, Send(Q(COPY_IN)), Until("G"))
    assert coming.more()
    going.step(Send(d(LINE) * 50))
    wait_until_full(side, coming)
    proctor.process.child.send_signal(signal.SIGTERM)
    proctor.wait_for("stopping")
    going.step(Send(d(LINE) * 50, c))
    assert rest(going, "C") == ("C", b"COPY 100\0")
    assert rest(going, "Z") == ("Z", b"I")
    for player, expected in ((coming, "H" + "D" * ROWS + "cCZ"), (going, "")):
        kinds, error = rest(player)
        assert kinds == expected + "E" and b"C57P01\0" in error
    assert proctor.process.child.wait(harness.PATIENCE_S) == 0


def test_cut_off_amid_copies(own, begin, side):
    """When its time is over: between two messages the client is told, within one nothing is put into it."""
    proctor = own(shutdown_timeout="500ms")
    coming, going = begin(proctor, Send(Q(COPY_OUT))), begin(proctor, Send(Q(COPY_IN)), Until("G"))
    assert coming.more()
    going.step(Send(d(LINE) * 50))
    wait_until_full(side, coming)
    proctor.process.child.send_signal(signal.SIGTERM)
    proctor.wait_for("stopping")
    kinds, error = rest(going)
    assert kinds == "E" and b"C57P01\0" in error
    assert proctor.process.child.wait(harness.PATIENCE_S) == 0
    kinds, error = rest(coming)
    rows = kinds.count("D")
    assert kinds in ("H" + "D" * rows + end for end in ("", "?", "E")) and rows < ROWS
    assert kinds[-1] != "E" or b"C57P01\0" in error
    for player in (coming, going):
        wait_until_gone(side, player)

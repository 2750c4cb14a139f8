"""Plays a script, a list of steps, against a server and writes down all that comes back.

A transcript is a list of what was received, message by message, in order, with what the steps between them found out.
Two are compared whole; what may differ between two sessions of one server is replaced in `normalised`, and nothing
else is."""

import array
import fcntl
import random
import re
import select
import socket
import struct
import termios
import time
from dataclasses import dataclass, field

from encrypted import Encrypted
from messages import cancel_request, startup, text

SECONDS = 30
READ_SECONDS = 4
DATABASE = "wire"
USER = "postgres"


# -- steps ------------------------------------------------------------------------------------------------------


@dataclass
class Send:
    """All of it in one segment, or in the pieces that the delivery makes of it."""

    messages: bytes

    def __init__(self, *messages):
        self.messages = b"".join(messages)


@dataclass
class Last:
    """All of it and the end, over TLS in one segment."""

    messages: bytes

    def __init__(self, *messages):
        self.messages = b"".join(messages)


@dataclass
class Until:
    """Reads up to the n-th message of that type."""

    kind: str
    count: int = 1


@dataclass
class Streamed:
    """Reads up to a CopyData that ends in this."""

    end: bytes


@dataclass
class Raw:
    """Reads that many bytes outside any message: the answer to SSLRequest."""

    size: int


@dataclass
class Quiet:
    """Writes down what comes in that time: most often nothing, which is the point."""

    seconds: float = 0.05


@dataclass
class Pause:
    seconds: float


@dataclass
class End:
    """Reads until the server closes."""


@dataclass
class HalfClose:
    """Sends FIN and goes on reading."""


@dataclass
class Drop:
    """Closes, without reading what is still to come; with `reset`, by RST."""

    reset: bool = False


@dataclass
class Cancel:
    """Sends a CancelRequest for the session by a connection of its own and waits for that one's end; with another key,
    or with so many bytes more, or less, than the session's has."""

    key: bytes = None
    cut: int = 0


@dataclass
class Direct:
    """Runs SQL past pgproctor, as another session; {pid} is the script's own backend. Its rows join the transcript."""

    sql: str


@dataclass
class Await:
    """Repeats SQL past pgproctor until its first value is true."""

    sql: str


# The session's own query is in the middle of pg_sleep.
RUNS = Await("SELECT state = 'active' AND wait_event = 'PgSleep' FROM pg_stat_activity WHERE pid = {pid}")


def login(*parameters, **named):
    return [Send(startup(("user", USER), ("database", DATABASE), *parameters, **named)), Until("Z")]


@dataclass
class Script:
    name: str
    steps: list
    why: str = ""
    login: bool = True  # begins with a plain start-up
    read_at_once: bool = False  # what the server does depends on what it finds in one read
    blind: bool = False  # pgproctor can't follow it, and says so
    own_words: bool = False  # an error that pgproctor has to make itself: its severity and code are the server's
    lsn: bool = False  # shows positions in the write-ahead log
    bare_end: bool = False  # a walsender that reads an end in the middle just exits, with or without close_notify
    streamed: bool = False  # is a walsender's: its keepalives, positions and times don't count

    def all_steps(self):
        return [*(login(application_name=self.tag) if self.login else []), *self.steps]

    @property
    def tag(self):
        return re.sub(r"\W+", "-", self.name)[:60]


# -- deliveries -------------------------------------------------------------------------------------------------

# A message longer than this is cut at each of its first and last bytes, and in some pieces between.
BYTEWISE_MAX = 1500
BYTEWISE_EDGE = 40


def whole(data, generator):
    return [data]


def bytewise(data, generator):
    if len(data) <= BYTEWISE_MAX:
        return [data[at : at + 1] for at in range(len(data))]
    middle = data[BYTEWISE_EDGE:-BYTEWISE_EDGE]
    step = max(97, len(middle) // 50)
    return [
        *(data[at : at + 1] for at in range(BYTEWISE_EDGE)),
        *(middle[at : at + step] for at in range(0, len(middle), step)),
        *(data[at : at + 1] for at in range(len(data) - BYTEWISE_EDGE, len(data))),
    ]


def at_random(data, generator):
    pieces, at = [], 0
    longest = max(40, len(data) // 20)
    while at < len(data):
        size = generator.randint(1, longest)
        pieces.append(data[at : at + size])
        at += size
    return pieces


def unread(connection):
    """Bytes sent on a unix socket that its other end has not read yet, in the kernel's accounting."""
    value = array.array("i", [0])
    fcntl.ioctl(connection, termios.TIOCOUTQ, value)
    return value[0]


def wait_until_read(connection, seconds=READ_SECONDS):
    """So that two pieces never meet in one read. Asks for a while, then gives up: the other side may have stopped."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if unread(connection) == 0:
                return
        except OSError:
            return
        time.sleep(0)


def send_pieces(connection, pieces):
    for piece in pieces:
        connection.sendall(piece)
        if connection.family == socket.AF_UNIX and len(pieces) > 1:
            wait_until_read(connection)


# -- playing ----------------------------------------------------------------------------------------------------


def connect(address, encryption=None):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    connection = socket.socket(family)
    connection.settimeout(SECONDS)
    connection.connect(address)
    if family == socket.AF_INET:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return Encrypted(connection, encryption) if encryption else connection


class Stuck(Exception):
    """What a step waits for doesn't come."""


@dataclass
class Player:
    address: object
    cut: object
    sql: object  # runs a statement past pgproctor
    seed: str = ""
    encryption: str = None  # one of Encrypted's ways
    transcript: list = field(default_factory=list)
    received: bytes = b""
    pid: int = 0
    key: bytes = b""

    def play(self, script):
        self.begin(script.name)
        with self.connection:
            for step in script.all_steps():
                try:
                    self.step(step)
                except Stuck as stuck:
                    self.transcript.append(("stuck", f"{step}: {stuck}", self.received))
                    break
        return self.transcript

    def begin(self, name=""):
        self.generator = random.Random(f"{name} {self.seed}")
        self.connection = connect(self.address, self.encryption)

    def step(self, step):
        getattr(self, f"play_{type(step).__name__.lower()}")(step)

    def play_send(self, step):
        try:
            send_pieces(self.connection, self.cut(step.messages, self.generator))
        except ConnectionError:
            # A server that has already had enough; what it said is still to be read.
            pass

    def play_last(self, step):
        if self.encryption:
            self.connection.hold()
        self.play_send(step)
        self.play_halfclose(step)

    def play_until(self, step):
        seen = 0
        while seen < step.count:
            kind, body = self.message()
            if kind is None:
                # Over TLS the end has to be announced.
                self.transcript.append((getattr(self.connection, "ended", None) or "end", body))
                return
            self.transcript.append((kind, body))
            if kind == step.kind:
                seen += 1

    def play_streamed(self, step):
        self.play_until(Until("d"))
        while self.transcript[-1][0] == "d" and not self.transcript[-1][1].endswith(step.end):
            self.play_until(Until("d"))

    def play_raw(self, step):
        self.fill(step.size)
        self.transcript.append(("raw", self.take(step.size)))

    def play_quiet(self, step):
        deadline = time.monotonic() + step.seconds
        while (left := deadline - time.monotonic()) > 0:
            if self.readable(left) and not self.more():
                break
        while len(self.received) >= 5 and len(self.received) > struct.unpack("!I", self.received[1:5])[0]:
            self.transcript.append(self.message())
        self.transcript.append(("quiet", self.received))

    def play_pause(self, step):
        time.sleep(step.seconds)

    def play_end(self, step):
        self.play_until(Until("no such type"))

    def play_halfclose(self, step):
        try:
            self.connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # the server was faster, and its end is still to be read

    def play_drop(self, step):
        if step.reset:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def play_cancel(self, step):
        with connect(self.address, self.encryption) as other:
            key = step.key or (self.key + b"+" * step.cut if step.cut >= 0 else self.key[: step.cut])
            send_pieces(other, self.cut(cancel_request(self.pid, key), self.generator))
            try:
                self.transcript.append(("cancel", other.recv(100)))
            except ConnectionError:
                self.transcript.append(("cancel", b""))

    def play_direct(self, step):
        self.transcript.append(("direct", self.sql(step.sql.format(pid=self.pid))))

    def play_await(self, step):
        deadline = time.monotonic() + SECONDS
        while not self.sql(step.sql.format(pid=self.pid))[0][0]:
            if time.monotonic() > deadline:
                raise Stuck("it doesn't become true")
            time.sleep(0.01)

    # -- receiving --

    def readable(self, seconds):
        if self.encryption:
            return self.connection.readable(seconds)
        return bool(select.select([self.connection], [], [], seconds)[0])

    def more(self):
        try:
            data = self.connection.recv(1 << 20)
        except ConnectionError:
            data = b""
        except TimeoutError:
            raise Stuck("nothing more comes") from None
        self.received += data
        return len(data) > 0

    def fill(self, size):
        while len(self.received) < size:
            if not self.more():
                return False
        return True

    def take(self, size):
        data, self.received = self.received[:size], self.received[size:]
        return data

    def message(self):
        """Its type and body; None and what is left at the end."""
        if not self.fill(5):
            return None, self.take(len(self.received))
        size = struct.unpack("!I", self.received[1:5])[0]
        if not self.fill(size + 1):
            return None, self.take(len(self.received))
        kind, body = chr(self.received[0]), self.take(size + 1)[5:]
        if kind == "K":
            self.pid, self.key = struct.unpack("!I", body[:4])[0], body[4:]
        return kind, body


# -- comparing --------------------------------------------------------------------------------------------------

OWN_FIELDS = (b"S", b"V", b"C")


def fields(body):
    """An ErrorResponse's or NoticeResponse's, in their order."""
    return [(part[:1], part[1:]) for part in body.split(b"\0") if part]


def normalised(transcript, pid, script):
    """With what may differ between two sessions of one server replaced: the process id and key of BackendKeyData, the
    process id of a notification (what stays is whether it was the session's own), positions in the log where a script
    shows them, a walsender's keepalives, positions and times; and of an error that pgproctor has to make itself, all but its severity and code."""
    result = []
    for kind, *rest in transcript:
        if script.bare_end and kind == "end without close_notify":
            kind = "end"
        body = rest[0] if rest else None
        if kind == "K":
            body = b"pid" + b"k" * (len(body) - 4)
        elif kind == "A":
            own = struct.unpack("!I", body[:4])[0] == pid
            body = (b"own" if own else b"other") + body[4:]
        elif kind == "E" and script.own_words:
            body = [field for field in fields(body) if field[0] in OWN_FIELDS]
        elif kind == "d" and script.streamed:
            # XLogData and a keepalive (manual, "Streaming Replication Protocol").
            if body[:1] == b"k":
                continue
            body = body[:1] + body[25:]
        elif kind == "E" and script.streamed:
            body = re.sub(rb"server [0-9A-F]+/[0-9A-F]+", b"server <lsn>", body)
        elif kind == "D" and script.lsn:
            body = re.sub(rb"\0\0\0.[0-9A-F]+/[0-9A-F]+", b"<lsn>", body, flags=re.DOTALL)
        result.append((kind, body, *rest[1:]))
    return result


def shown(transcript):
    """For people, when two differ."""
    return [" ".join(repr(part)[:300] for part in entry) for entry in transcript]


def types(transcript):
    """Only the types, with the state of each ReadyForQuery."""
    return [kind + (body.decode() if kind == "Z" else "") for kind, body, *_ in transcript]

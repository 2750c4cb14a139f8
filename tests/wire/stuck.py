"""Why nothing comes: what the system knows of the sockets and threads between a client and its server, for the message of a test
that waited in vain.

It may be TCP itself, with no proxy between as well: a receiver that has no room for a segment, though it offered the window
for it, drops it (TCPRcvQDrop) and takes the window back (BeyondWindow); the sender tries again after twice the time, each time.
When the receiver reads at last, that last wait still has to pass: seconds, after a pause of seconds. The socket then shows as
retransmitting, due in so many seconds. Linux 6.18 was seen to do it where a reader's buffer had grown to all that tcp_rmem
allows before the reader paused.
"""

import os
import time
from pathlib import Path

STATES = {"01": "established", "04": "fin-wait-1", "05": "fin-wait-2", "08": "close-wait", "0A": "listen"}
TIMERS = {"00": "no timer", "01": "retransmitting", "02": "keepalive", "03": "time-wait", "04": "probing a closed window"}
# What was dropped on the way into a socket, and what was waited for in vain.
COUNTERS = ("TCPTimeouts", "TCPRcvQDrop", "RcvPruned", "BeyondWindow", "TCPBacklogDrop", "TCPZeroWindowDrop", "TCPAbortOnMemory", "TCPWinProbe")


def sockets(ports):
    """Each TCP socket on this machine with one of these ports on both ends: what waits in it, and for what."""
    lines = []
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.split(":")[1], 16) for address in fields[1:3])
        if local not in ports or remote not in ports:
            continue
        unacknowledged, unread = (int(part, 16) for part in fields[4].split(":"))
        timer, expires = fields[5].split(":")
        lines.append(
            f"{local} -> {remote}: {STATES.get(fields[3], fields[3])}, {unacknowledged} bytes not acknowledged, {unread} not read, {TIMERS.get(timer, timer)}, "
            f"due in {int(expires, 16) / 100:.2f} s, retransmitted {int(fields[6], 16)}, probes {fields[8]}, {' '.join(fields[12:])}"
        )
    return lines


def threads(pid):
    """What each thread of a process is doing."""
    lines = []
    for task in sorted(Path(f"/proc/{pid}/task").iterdir()):
        try:
            where = [(task / name).read_text().strip() for name in ("comm", "wchan", "syscall")]
            ticks = (task / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        lines.append(f"{pid} {' '.join(where)} state {ticks[0]} user {ticks[11]} system {ticks[12]}")
    return lines


def counters():
    lines = [line.split() for line in Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt:")]
    values = dict(zip(*lines[:2]))
    return {name: int(values[name]) for name in COUNTERS if name in values}


def told(connection, before, ports, pids, sql, seconds=30):
    """All of that, now and a little later, and when the next byte comes, if it comes; what was counted since `before`."""
    began = time.monotonic()
    lines = []
    for _ in range(3):
        counted = {name: value - before[name] for name, value in counters().items() if value != before[name]}
        lines += [f"{time.monotonic() - began:.1f} s later, load {os.getloadavg()[0]:.1f}, counted since the beginning {counted}", *sockets(ports)]
        lines += [line for pid in pids for line in threads(pid)]
        lines += [f"server: {row}" for row in sql("SELECT pid, state, wait_event, client_port FROM pg_stat_activity WHERE client_port IS NOT NULL")]
        time.sleep(0.3)
    connection.settimeout(seconds)
    try:
        came = f"{len(connection.recv(1))} byte"
    except OSError as error:
        came = repr(error)
    lines.append(f"{time.monotonic() - began:.1f} s later: {came}")
    return "\n".join(lines)

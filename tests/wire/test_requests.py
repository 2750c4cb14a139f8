"""And the server gets each byte that the client sends, in order, and none besides, whatever the script."""

import pytest

import harness
from messages import GSSENC_REQUEST, SSL_REQUEST, cancel_request
from database import EMPTIED, USED
from play import Cancel, Drop, Last, Player, Send, whole
from test_bytes import SCRIPTS, unix_or_tcp

# What pgproctor answers itself, and the server never sees.
OWN = (SSL_REQUEST[4:], GSSENC_REQUEST[4:])

CANCEL = cancel_request(0, b"")[4:8]


def sent(script):
    """On the script's own connection, and meant for the server."""
    data = b"".join(step.messages for step in script.all_steps() if isinstance(step, (Send, Last)))
    while data[4:8] in OWN and not script.login:
        data = data[int.from_bytes(data[:4], "big") :]
    return data


def ends_early(script, transcript):
    """The server, or pgproctor in its place, had enough before all was sent; or the client went away behind it."""
    fatal = any(kind == "E" and b"VFATAL" in body for kind, body, *_ in transcript)
    silent = not script.login and not any(kind in "RE" for kind, *_ in transcript if kind)
    return fatal or silent or any(isinstance(step, Drop) for step in script.steps)


@pytest.mark.parametrize("script", SCRIPTS)
def test_same_requests(script, modes, side):
    proctor = modes.get("recorded")
    recorder = modes.between["recorded"]
    before = len(recorder.requests)
    if side(USED) == [(True,)]:
        side(EMPTIED)
    player = Player(unix_or_tcp(proctor, whole), whole, side)
    transcript = player.play(script)
    wanted, early = sent(script), ends_early(script, transcript)
    cancels = sum(isinstance(step, Cancel) for step in script.steps)
    if not early:
        assert harness.wait_until(lambda: len(recorder.requests) > before and len(recorder.requests[before]) >= len(wanted))
    received = [bytes(data) for data in recorder.requests[before:]]
    main = received[0] if received else b""
    assert wanted.startswith(main) if early else main == wanted
    # A cancel whose key no server could have given out goes nowhere.
    assert len(received) <= 1 + cancels
    assert all(data[4:8] == CANCEL for data in received[1:])

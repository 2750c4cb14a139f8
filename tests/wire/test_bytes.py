"""Each script of the scripts_*.py gets the same bytes through pgproctor as from PostgreSQL directly: with each Send in
one segment, one byte at a time, and cut at random; observed and enforced; and with answers that come byte by byte."""

import importlib

import pytest

from database import EMPTIED, USED, unix
from play import Player, at_random, bytewise, normalised, shown, whole

CHAPTERS = ["startup", "simple", "extended", "copy", "asynchronous", "closing"]
SCRIPTS = [
    pytest.param(script, id=f"{chapter}: {script.name}")
    for chapter in CHAPTERS
    for script in importlib.import_module(f"scripts_{chapter}").SCRIPTS
]
# The mode of the pgproctor, and how what is sent gets to it. Cut messages go by a unix socket, where it can be seen
# whether a piece has been read.
DELIVERIES = {
    "observe, whole": ("observe", whole),
    "enforce, whole": ("enforce", whole),
    "observe, bytewise": ("observe", bytewise),
    "enforce, at random": ("enforce", at_random),
    "answers bytewise": ("answers", whole),
    "enforce, bytewise": ("enforce", bytewise),
    "observe, at random": ("observe", at_random),
}


@pytest.fixture(scope="module")
def played(postgres, side):
    """Plays a script; its normalised transcript. The direct one goes by the unix socket, on which Debian's server
    refuses GSS as pgproctor does."""

    def play(script, address, cut, seed):
        if side(USED) == [(True,)]:
            side(EMPTIED)
        player = Player(address, cut, side, seed)
        transcript = player.play(script)
        return normalised(transcript, player.pid, script)

    return play


@pytest.fixture(scope="module")
def direct(postgres, played):
    known = {}

    def transcript(script):
        if script.name not in known:
            known[script.name] = played(script, unix(postgres), whole, "")
        return known[script.name]

    return transcript


def test_names():
    """Each script has a name and a tag of its own, so that a line in the log belongs to one."""
    tags = [param.values[0].tag for param in SCRIPTS]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_same_bytes(script, delivery, modes, played, direct):
    mode, cut = DELIVERIES[delivery]
    if script.whole_only and cut is not whole:
        pytest.skip("what the server does depends on what it finds in one read")
    wanted = direct(script)
    assert not any(kind == "stuck" for kind, *_ in wanted), shown(wanted)
    proctor = modes.get(mode)
    address = (proctor.host, proctor.port) if cut is whole else unix(proctor)
    got = played(script, address, cut, delivery)
    if got != wanted:
        assert shown(got) == shown(wanted)
    assert got == wanted


def test_followed(modes):
    """No session went blind but those that were sent what no server takes: else what is compared above is what
    bytes do that nobody looks at."""
    blind = {param.values[0].tag for param in SCRIPTS if param.values[0].blind}
    for mode in ("observe", "enforce", "answers"):
        proctor = modes.get(mode)
        proctor.stop()
        seen = {event.get("application"): event["reason"] for event in proctor.events("blind")}
        assert {tag: reason for tag, reason in seen.items() if tag not in blind} == {}
        del modes.started[mode]

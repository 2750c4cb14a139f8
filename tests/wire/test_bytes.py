"""Each script of the scripts_*.py gets the same bytes through pgproctor as from PostgreSQL directly: with each Send in
one segment, one byte at a time, and cut at random; observed and enforced; and with answers that come byte by byte."""

import importlib
from dataclasses import replace

import pytest

from database import EMPTIED, USED, unix
from play import Player, Raw, at_random, bytewise, normalised, shown, whole

CHAPTERS = ["startup", "simple", "extended", "copy", "replication", "asynchronous", "closing"]
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
# Over TCP, and the third is how TLS with the client begins. The direct transcript is one over TLS then.
ENCRYPTED = {
    "TLS with the client": ("TLS client", whole, "asked"),
    "TLS at once with the client": ("TLS client", whole, "direct"),
    "TLS with the server": ("TLS server", whole, None),
    "TLS with both": ("TLS both", whole, "asked"),
    "TLS with both, in records of any size": ("TLS both", at_random, "direct"),
    "TLS with both, shredded": ("TLS both", whole, "shredded"),
}


@pytest.fixture(scope="module")
def played(postgres, side):
    """Plays a script; its normalised transcript."""

    def play(script, address, cut, seed, encryption=None):
        if side(USED) == [(True,)]:
            side(EMPTIED)
        player = Player(address, cut, side, seed, encryption)
        transcript = player.play(script)
        return normalised(transcript, player.pid, script)

    return play


@pytest.fixture(scope="module")
def direct(postgres, played):
    """A script's transcript without pgproctor. In the clear it goes by the unix socket, on which Debian's server refuses
    GSS and TLS as pgproctor does; over TLS it is asked for, since only servers from 17 on take it at once."""
    known = {}

    def transcript(script, cut=whole, seed="", encryption=None):
        if not script.read_at_once:
            cut, seed = whole, ""
        address = (postgres.host, postgres.port) if encryption else unix(postgres)
        key = script.name, cut, seed, bool(encryption)
        if key not in known:
            known[key] = played(script, address, cut, seed, encryption and "asked")
        return known[key]

    return transcript


def test_names():
    """Each script has a name and a tag of its own, so that a line in the log belongs to one."""
    tags = [param.values[0].tag for param in SCRIPTS]
    assert len(set(tags)) == len(tags)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_same_bytes(script, delivery, modes, played, direct):
    mode, cut = DELIVERIES[delivery]
    same_bytes(played, script, direct(script, cut, delivery), unix_or_tcp(modes.get(mode), cut), cut, delivery)


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("delivery", ENCRYPTED)
def test_same_bytes_encrypted(script, delivery, modes, played, direct):
    """And by TLS, on either side of pgproctor, or both."""
    mode, cut, encryption = ENCRYPTED[delivery]
    if encryption and any(isinstance(step, Raw) for step in script.steps):
        # A question for TLS or GSS inside TLS gets no byte for an answer, but is refused, whatever follows it.
        steps = [step for step in script.steps if not isinstance(step, Raw)]
        script = replace(script, steps=steps, own_words=True, read_at_once=False)
    proctor = modes.get(mode)
    same_bytes(played, script, direct(script, cut, delivery, encryption), (proctor.host, proctor.port), cut, delivery, encryption)


def unix_or_tcp(proctor, cut):
    return (proctor.host, proctor.port) if cut is whole else unix(proctor)


def same_bytes(played, script, wanted, *how):
    assert not any(kind == "stuck" for kind, *_ in wanted), shown(wanted)
    got = played(script, *how)
    if got != wanted:
        assert shown(got) == shown(wanted)
    assert got == wanted


def test_followed(modes):
    """No session went blind but those that were sent what no server takes: else what is compared above is what
    bytes do that nobody looks at."""
    blind = {param.values[0].tag for param in SCRIPTS if param.values[0].blind}
    for mode in ("observe", "enforce", "answers", "TLS client", "TLS server", "TLS both"):
        proctor = modes.get(mode)
        proctor.stop()
        seen = {event.get("application"): event["reason"] for event in proctor.events("blind")}
        assert {tag: reason for tag, reason in seen.items() if tag not in blind} == {}
        del modes.started[mode]

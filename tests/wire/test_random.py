"""Conversations that nobody thought of: messages in a random order, most of them in a place where they make sense, played
directly and through pgproctor as the scripts are. RANDOM_SEEDS=from-to plays others than the usual ones."""

import os
import random

import pytest


from messages import B, C, D, E, H, P, Q, S, X, c, d, f, run
from play import End, Script, Send, at_random, shown, whole
from test_bytes import direct, played, unix_or_tcp  # noqa: F401 (fixtures)

FIRST, LAST = (int(number) for number in os.environ.get("RANDOM_SEEDS", "0-60").split("-"))
DELIVERIES = {"observe, whole": ("observe", whole), "enforce, at random": ("enforce", at_random), "answers bytewise": ("answers", whole)}

TEXTS = [
    "SELECT 1", "SELECT id, name FROM t WHERE id < 4", "SELECT 1; SELECT 2", "", ";;", "-- nothing", "SELECT 1/0", "SELEC", "SELECT 'it''s', E'a\\'b'",
    "BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT s", "ROLLBACK TO s", "RELEASE s", "BEGIN; SELECT 1/0", "SELECT 1; COMMIT; SELECT 2",
    "INSERT INTO written VALUES (1)", "INSERT INTO written VALUES (1) RETURNING n", "UPDATE written SET n = n + 1", "TABLE written",
    "INSERT INTO deferred VALUES (1)", "SET standard_conforming_strings = off", "SET standard_conforming_strings = on", "SET search_path = public",
    "SET LOCAL search_path = pg_catalog", "RESET ALL", "DISCARD ALL", "SET client_encoding = LATIN1", "SET application_name = 'x'",
    "PREPARE a AS SELECT 1", "PREPARE b (int) AS SELECT $1 + 1", "EXECUTE a", "EXECUTE b(3)", "DEALLOCATE a", "DEALLOCATE ALL",
    "DECLARE c CURSOR FOR SELECT g FROM generate_series(1, 9) g", "FETCH 2 FROM c", "CLOSE c", "DECLARE h CURSOR WITH HOLD FOR SELECT 1", "FETCH ALL FROM h",
    "CREATE TEMP TABLE tt (n int)", "INSERT INTO tt VALUES (1)", "DROP TABLE tt", "SELECT notices(2)", "NOTIFY n", "LISTEN n", "CALL twice(4)",
    "SELECT repeat('x', 5000) FROM generate_series(1, 20)", "COPY t TO STDOUT", "COPY (SELECT 1/(3-g) FROM generate_series(1, 5) g) TO STDOUT",
    "EXPLAIN (COSTS OFF) SELECT 1", "VALUES (1), (2)", "SELECT set_config('search_path', 'pg_catalog', true)", "LOCK TABLE t", "SHOW search_path",
]
PARAMETERS = ["SELECT $1::int", "SELECT id FROM t WHERE name LIKE $1 ORDER BY id", "INSERT INTO written VALUES ($1::int)", "SELECT $1 || $2"]
NAMES = ["", "", "a", "b", "x" * 70]
VALUES = ["1", "name 1%", "%2", None, "x", b"\xff", ""]


def simple(rng):
    return Q(rng.choice(TEXTS))


def prepared(rng):
    text = rng.choice(TEXTS + 4 * PARAMETERS)
    return P(text, rng.choice(NAMES), rng.choice([(), (), (23,), (25, 25)]))


def bound(rng):
    values = [rng.choice(VALUES) for _ in range(rng.choice([0, 0, 0, 1, 1, 2]))]
    formats = rng.choice([(), (), (0,), (1,), (0, 1)])
    return B(*values, portal=rng.choice(NAMES), statement=rng.choice(NAMES), formats=formats, results=rng.choice([(), (0,), (1,)]))


def executed(rng):
    return E(rng.choice([*NAMES, "c", "h"]), rng.choice([0, 0, 1, 2, -1]))


def described(rng):
    return D(rng.choice("SP"), rng.choice([*NAMES, "c"]))


def closed(rng):
    return C(rng.choice("SP"), rng.choice([*NAMES, "c"]))



def copied(rng):
    data = [rng.choice([d("1\tone\n"), d("2\t"), d("two\n3\tx\n"), d(""), d("bad\n"), H, S]) for _ in range(rng.randrange(4))]
    end = rng.choice([c, c, c, f("enough")])
    begin = rng.choice([Q("COPY loaded FROM STDIN"), Q("COPY nowhere FROM STDIN"), Q("SELECT 1; COPY loaded FROM STDIN; SELECT 2"), Q("COPY stubborn FROM STDIN")])
    # A Sync after an error counts; whether the COPY had read it is chance.
    return begin + b"".join(piece for piece in data if piece not in (H, S)) + end


def extended_copy(rng):
    table = rng.choice(["loaded", "loaded", "stubborn", "nowhere"])
    data = [rng.choice([d("1\tone\n"), d("2\ttwo\n"), d(""), d("bad\n"), H, S, S]) for _ in range(rng.randrange(5))]
    return run(f"COPY {table} FROM STDIN") + b"".join(data) + rng.choice([c, c, f("no")])


def run_at_once(rng):
    return run(rng.choice(TEXTS))


KINDS = [simple] * 6 + [prepared] * 4 + [bound] * 4 + [executed] * 4 + [described] * 2 + [closed] + [copied] * 2 + [extended_copy] + [run_at_once] * 4
PAUSES = [lambda rng: S] * 4 + [lambda rng: H]


def conversation(seed):
    rng = random.Random(f"conversation {seed}")
    steps = []
    for _ in range(rng.randint(1, 6)):
        messages = [rng.choice(KINDS + PAUSES * 2)(rng) for _ in range(rng.randint(1, 12))]
        # What stands in COPY IN must be data: none is left open.
        steps.append(Send(*messages, S))
    return Script(f"random {seed}", [*steps, Send(X), End()])


@pytest.mark.parametrize("seed", range(FIRST, LAST))
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_random_conversation(seed, delivery, modes, played, direct):  # noqa: F811
    mode, cut = DELIVERIES[delivery]
    script = conversation(seed)
    wanted = direct(script)
    assert not any(kind == "stuck" for kind, *_ in wanted), shown(wanted)
    got = played(script, unix_or_tcp(modes.get(mode), cut), cut, delivery)
    if got != wanted:
        assert shown(got) == shown(wanted)
    assert got == wanted


def test_followed(modes):
    """All of it can be followed."""
    for mode in ("observe", "enforce", "answers"):
        proctor = modes.get(mode)
        proctor.stop()
        assert not proctor.events("blind")
        del modes.started[mode]

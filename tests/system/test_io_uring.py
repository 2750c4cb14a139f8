"""With an io_uring and without one: which it is, is said, and either way clients are served."""

import os
import sys

import harness
import psycopg2
import pytest

# What container runtimes do: io_uring_setup (425 on every architecture) fails with EPERM.
FORBIDDING = """#!{python}
import ctypes, os, struct, sys
LOAD_NUMBER, EQUAL, RETURN = 0x20, 0x15, 0x06
program = b"".join(struct.pack("HBBI", *line) for line in [
    (LOAD_NUMBER, 0, 0, 0), (EQUAL, 0, 1, 425), (RETURN, 0, 0, 0x00050000 | 1), (RETURN, 0, 0, 0x7FFF0000)])
lines = ctypes.create_string_buffer(program)
filter = ctypes.create_string_buffer(struct.pack("HxxxxxxP", 4, ctypes.addressof(lines)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, filter, 0, 0) == 0, os.strerror(ctypes.get_errno())
os.execv({binary!r}, [{binary!r}, *sys.argv[1:]])
"""


def serve(proctor):
    """What the log says of it, and whether forty statements of ten clients came back right."""
    proctor.start()
    try:
        clients = [psycopg2.connect(proctor.dsn()) for _ in range(10)]
        for count in (1, 100, 20000, 300000):
            for number, client in enumerate(clients):
                cursor = client.cursor()
                cursor.execute("SELECT repeat(%s, %s)", (chr(97 + number), count))
                assert cursor.fetchone()[0] == chr(97 + number) * count
        for client in clients:
            client.close()
        return proctor.wait_for("started")["io_uring"]
    finally:
        assert proctor.stop() == 0


def test_off(postgres, tmp_path):
    assert serve(harness.Proctor(postgres, tmp_path, {"io_uring": "off"})) == "off"


def test_auto(postgres, tmp_path):
    """On, or the reason why not."""
    said = serve(harness.Proctor(postgres, tmp_path, {"io_uring": "auto"}))
    if said != "on":
        pytest.skip(f"no io_uring here: {said}")


def test_forbidden(postgres, tmp_path):
    real = harness.Proctor(postgres, tmp_path).binary
    forbidding = tmp_path / "forbidding"
    forbidding.write_text(FORBIDDING.format(python=sys.executable, binary=str(real)))
    os.chmod(forbidding, 0o755)
    said = serve(harness.Proctor(postgres, tmp_path, {"io_uring": "auto"}, binary=forbidding))
    assert said.startswith(("not permitted", "ThreadSanitizer"))


def test_unknown_value(postgres, tmp_path):
    proctor = harness.Proctor(postgres, tmp_path, {"io_uring": "on"})
    with pytest.raises(harness.Unready, match="io_uring"):
        proctor.start()

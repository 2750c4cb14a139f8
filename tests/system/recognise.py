"""libpg_query's own opinion, to compare with, and the log's figures added up."""

import ctypes
import glob
from collections import defaultdict


class _Result(ctypes.Structure):
    _fields_ = [
        ("fingerprint", ctypes.c_uint64),
        ("fingerprint_str", ctypes.c_char_p),
        ("stderr_buffer", ctypes.c_char_p),
        ("error", ctypes.c_void_p),
    ]


_library = None


def fingerprint(sql):
    """pg_query_fingerprint's 16 hex digits."""
    global _library
    if _library is None:
        _library = ctypes.CDLL(sorted(glob.glob("/usr/lib/*/libpg_query.so*"))[0])
        _library.pg_query_fingerprint.restype = _Result
        _library.pg_query_fingerprint.argtypes = [ctypes.c_char_p]
    result = _library.pg_query_fingerprint(sql.encode())
    assert not result.error, sql
    return result.fingerprint_str.decode()


def figures(proctor):
    """fingerprint → its calls, errors, rows, total_ms, max_ms and query over all intervals. Stops pgproctor."""
    proctor.stop()
    sums = defaultdict(lambda: {"calls": 0, "errors": 0, "rows": 0, "total_ms": 0, "max_ms": 0, "query": None})
    for event in proctor.events("fingerprint"):
        row = sums[event["fingerprint"]]
        for name in ("calls", "errors", "rows", "total_ms"):
            row[name] += event.get(name, 0)
        row["max_ms"] = max(row["max_ms"], event.get("max_ms", 0))
        row["query"] = event["query"]
    return sums

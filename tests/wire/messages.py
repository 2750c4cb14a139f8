"""PostgreSQL's frontend messages, named by their type byte as the manual's "Message Formats" does, and the start-up
packets, which have none. Each is a function, or a constant, that gives bytes."""

import struct


def message(kind, body=b""):
    return kind.encode() + struct.pack("!I", len(body) + 4) + body


def text(value):
    return value if isinstance(value, bytes) else value.encode()


def string(value):
    return text(value) + b"\0"


def packet(code, body=b""):
    return struct.pack("!II", len(body) + 8, code) + body


def version(major, minor):
    return major << 16 | minor


def startup(*parameters, code=version(3, 0), **named):
    """Pairs, or names; without a user and a database it is the tests' own."""
    pairs = [*parameters, *named.items()]
    return packet(code, b"".join(string(name) + string(value) for name, value in pairs) + b"\0")


SSL_REQUEST = packet(80877103)
GSSENC_REQUEST = packet(80877104)


def cancel_request(pid, key):
    return packet(80877102, struct.pack("!I", pid) + key)


# -- messages ---------------------------------------------------------------------------------------------------


def Q(sql):
    return message("Q", string(sql))


def P(sql, name="", types=()):
    return message("P", string(name) + string(sql) + struct.pack(f"!H{len(types)}I", len(types), *types))


def B(*values, portal="", statement="", formats=(), results=()):
    """Values are text, bytes, or None for NULL."""
    body = string(portal) + string(statement)
    body += struct.pack(f"!H{len(formats)}H", len(formats), *formats) + struct.pack("!H", len(values))
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(text(value))) + text(value)
    return message("B", body + struct.pack(f"!H{len(results)}H", len(results), *results))


def D(kind, name=""):
    return message("D", text(kind) + string(name))


def E(portal="", rows=0):
    return message("E", string(portal) + struct.pack("!i", rows))


def C(kind, name=""):
    return message("C", text(kind) + string(name))


def F(function, *arguments, formats=(), result=0):
    body = struct.pack(f"!IH{len(formats)}H", function, len(formats), *formats) + struct.pack("!H", len(arguments))
    for value in arguments:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(text(value))) + text(value)
    return message("F", body + struct.pack("!H", result))


S = message("S")
H = message("H")
X = message("X")
c = message("c")


def d(data):
    return message("d", text(data))


def f(reason):
    return message("f", string(reason))


def run(sql, *values, portal=""):
    """Parse, Bind, Describe, Execute of the unnamed statement; no Sync."""
    return P(sql) + B(*values, portal=portal) + D("P", portal) + E(portal)

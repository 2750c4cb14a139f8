"""What the Python programs share: where to connect, and how an activity's outcome is told: one JSON object a line, which
is the same directly and through pgproctor when pgproctor makes no difference."""

import inspect
import json
import os
import sys
import traceback

HOST = os.environ["CLIENT_HOST"]
PORT = int(os.environ["CLIENT_PORT"])
USER = os.environ["CLIENT_USER"]
PASSWORD = os.environ["CLIENT_PASSWORD"]
DATABASE = os.environ["CLIENT_DATABASE"]
# disable, or require; then with the certificate's authority.
SSLMODE = os.environ["CLIENT_SSLMODE"]
ROOT_CERT = os.environ.get("CLIENT_SSLROOTCERT")

ROWS = 20_000


def dsn(**more):
    parts = {"host": HOST, "port": PORT, "user": USER, "password": PASSWORD, "dbname": DATABASE, "sslmode": SSLMODE, **more}
    if ROOT_CERT and SSLMODE != "disable":
        parts.update(sslmode="verify-full", sslrootcert=ROOT_CERT)
    return " ".join(f"{name}={value}" for name, value in parts.items())


def url(scheme):
    return f"{scheme}://{USER}:{PASSWORD}@{HOST}:{PORT}/{DATABASE}"


def say(**line):
    print(json.dumps(line, default=repr), flush=True)


def error(caught):
    """What an application sees of an error: its class, its SQLSTATE and its text."""
    state = getattr(caught, "sqlstate", None) or getattr(caught, "pgcode", None)
    return [type(caught).__name__, state, str(caught).strip()]


class Activities:
    """Collects functions by the name of what they do; `run` calls each and tells what it returned or raised."""

    def __init__(self, versions):
        self.versions = versions
        self.functions = []

    def __call__(self, name):
        def collect(function):
            self.functions.append((name, function))
            return function

        return collect

    def run(self, *arguments):
        say(versions=self.versions)
        for name, function in self.functions:
            say(begins=name)
            try:
                say(activity=name, result=function(*arguments))
            except Exception as caught:
                self.failed(name, caught)

    async def run_async(self, *arguments):
        say(versions=self.versions)
        for name, function in self.functions:
            say(begins=name)
            try:
                result = function(*arguments)
                say(activity=name, result=await result if inspect.isawaitable(result) else result)
            except Exception as caught:
                self.failed(name, caught)

    @staticmethod
    def failed(name, caught):
        place = traceback.extract_tb(caught.__traceback__)
        lines = [frame.lineno for frame in place if frame.filename == sys.argv[0]]
        say(activity=name, failed=[*error(caught), f"line {lines[-1] if lines else '?'}"])


def raises(function, *arguments, **named):
    """The error that it raises; for what has to fail."""
    try:
        return ["no error", repr(function(*arguments, **named))]
    except Exception as caught:
        return error(caught)


async def raises_async(awaitable):
    try:
        return ["no error", repr(await awaitable)]
    except Exception as caught:
        return error(caught)

"""What the clients need, each from its own registry by its own tool as it is set up here, below build/clients. What
is there already is not fetched again; `make clean` makes room for newer versions."""

import os
import shutil
import subprocess
from pathlib import Path


class Lacking(Exception):
    """Something that isn't on this machine, or could not be fetched; one line for people."""


class Toolbox:
    def __init__(self, place, path):
        self.place, self.path = place, path
        self.known = {}

    def python(self, packages, newest):
        """A Python with these packages, in a virtual environment; the newest Django wants a newer Python than Debian's."""
        interpreter = self.interpreter((3, 12) if newest else (3, 10))
        directory = self.place / ("python " + " ".join(packages)).replace(" ", "-")

        def fetch():
            if not (directory / "bin" / "pip").exists():
                shutil.rmtree(directory, ignore_errors=True)
                self.run([interpreter, "-m", "venv", directory], f"{interpreter} could not make a virtual environment (Debian package python3-venv)")
            self.run([directory / "bin" / "pip", "install", "-q", "--disable-pip-version-check", *packages], f"pip could not fetch {' '.join(packages)}")
            return directory / "bin" / "python"

        return self.once(directory, fetch)

    def interpreter(self, least):
        """A Python of at least that version: Debian's, one on the PATH, or one of pyenv's."""
        names = [f"python3.{minor}" for minor in (14, 13, 12, 11, 10)]
        found = ["/usr/bin/python3", *(shutil.which(name, path=self.path) for name in names), shutil.which("python3", path=self.path)]
        found += sorted(map(str, Path.home().glob(".pyenv/versions/3.*/bin/python3")), key=lambda name: [int(n) for n in name.split("/")[-3].split(".")], reverse=True)
        test = f"import sys, venv, ensurepip; sys.exit(sys.version_info < {least})"
        for interpreter in filter(None, found):
            if subprocess.run([interpreter, "-c", test], stdin=subprocess.DEVNULL, capture_output=True).returncode == 0:
                return interpreter
        raise Lacking(f"no Python {'.'.join(map(str, least))} or newer with venv, not on the PATH and not in pyenv")

    def go(self, source):
        go = self.program("go", "golang-go, if it is new enough")
        program = self.place / "pgx" / "client"

        def fetch():
            shutil.rmtree(self.place / "pgx", ignore_errors=True)
            shutil.copytree(source, self.place / "pgx")
            module = self.place / "pgx"
            self.run([go, "mod", "init", "client"], "go could not begin a module", module)
            self.run([go, "get", "github.com/jackc/pgx/v5@latest"], "go could not fetch pgx", module)
            self.run([go, "mod", "tidy"], "go could not fetch what pgx needs", module)
            self.run([go, "build", "-o", "client", "."], "the pgx client does not compile", module)
            return program

        return self.once(program, fetch, sources=source)

    def node(self, source):
        node, npm = self.program("node", "nodejs"), self.program("npm", "npm")
        directory = self.place / "node"

        def fetch():
            directory.mkdir(parents=True, exist_ok=True)
            self.run([npm, "install", "--silent", "--no-save", "--prefix", directory, "pg", "pg-copy-streams", "pg-cursor"], "npm could not fetch pg")
            return directory

        self.once(directory, fetch)
        return ["/usr/bin/env", f"NODE_PATH={directory / 'node_modules'}", node]

    def java(self, source):
        java, javac = self.program("java", "default-jdk-headless"), self.program("javac", "default-jdk-headless")
        directory = self.place / "pgjdbc"

        def fetch():
            mvn = self.program("mvn", "maven")
            directory.mkdir(parents=True, exist_ok=True)
            copied = [f"-DoutputDirectory={directory}", "-Dmdep.stripVersion=true", "-Dmdep.overWriteReleases=true"]
            self.run([mvn, "-q", "-B", "dependency:copy", "-Dartifact=org.postgresql:postgresql:RELEASE", *copied], "maven could not fetch pgjdbc")
            return directory

        self.once(directory, fetch)
        jar = directory / "postgresql.jar"
        self.once(directory / "Client.class", lambda: self.run(
            [javac, "-cp", jar, "-d", directory, source / "Client.java"], "the pgjdbc client does not compile") and None, sources=source)
        return [java, "-XX:+UseSerialGC", "-cp", f"{directory}:{jar}", "Client"]

    # -- helpers --

    def program(self, name, package):
        found = shutil.which(name, path=self.path)
        if not found:
            raise Lacking(f"{name} is not on the PATH (Debian package {package})")
        return found

    def once(self, place, fetch, sources=None):
        """What `fetch` gave for that place, now or in an earlier run; again when the sources are newer."""
        if place not in self.known:
            mark = Path(f"{place}.fetched")
            newest = max((file.stat().st_mtime for file in Path(sources).iterdir()), default=0) if sources else 0
            if not mark.exists() or mark.stat().st_mtime < newest:
                try:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    mark.write_text(str(fetch()))
                except Lacking as lacking:
                    self.known[place] = lacking
                    raise
            self.known[place] = mark.read_text()
        if isinstance(self.known[place], Lacking):
            raise self.known[place]
        return self.known[place]

    def run(self, command, failure, directory=None):
        environment = {**os.environ, "PATH": self.path}
        try:
            done = subprocess.run([str(part) for part in command], cwd=directory, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=600)
        except subprocess.TimeoutExpired:
            raise Lacking(f"{failure}: no answer in 10 minutes") from None
        if done.returncode != 0:
            said = [line for line in (done.stderr + "\n" + done.stdout).splitlines() if line.strip()]
            told = [line for line in said if "error" in line.lower()] or said[-1:] or ["it said nothing"]
            raise Lacking(f"{failure}: {told[0].strip()[:300]}")
        return done

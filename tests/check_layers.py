"""The rules of the layout that no compiler checks: includes point one way, each library is seen by its own folder
only, names carry their file's stem, calls that can't be used safely are not used, and every source has its test."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ROOT / "build" / "release"

# What a folder may include of ours. proxy/main.c alone hands over to the report.
LAYERS = {
    "config": {"config"},
    "protocol": {"config", "protocol"},
    "inspect": {"config", "inspect"},
    "proxy": {"config", "protocol", "inspect", "proxy"},
    "report": {"config", "inspect", "report"},
}
MAIN = Path("proxy/main.c")
# Inside inspect/ a statement's way is one-way, too: each folder's own headers, those of the folders named here, and of
# inspect/ itself those named by their stems.
INSPECT = {
    "text": {"arena"},
    "tree": {"arena", "text"},
    "catalog": {"arena"},
    "session": {"text", "tree"},
    "access": {"arena", "context", "text", "tree", "catalog"},
    "change": {"arena", "context", "text", "tree", "catalog", "session", "access"},
    "rules": {"arena", "context", "verdict", "human", "usage", "text", "tree", "catalog", "session", "access", "change"},
}
# The headers of inspect/ itself that its folders may include ask nothing of those above them.
BELOW = {
    "arena": set(),
    "human": set(),
    "usage": set(),
    "verdict": {"arena"},
    "context": {"arena", "verdict", "tree", "catalog", "session"},
}

# Foreign headers and the only files that may include them: folders, or single files.
FOREIGN = [
    (r"uv\.h|uv/.*", {"proxy"}),
    (r"liburing(/.*)?\.h", {"proxy/ring.c"}),
    (r"openssl/.*", {"proxy/tls.c", "proxy/login/proof.c"}),
    (r"libpq-fe\.h", {"proxy"}),
    (r"ini\.h", {"config"}),
    (r"json-c/.*|json\.h", {"report"}),
    (r"(sys/socket|netinet/.*|poll|sys/epoll)\.h", {"proxy"}),
    (r"pg_query.*|postgres\.h|(nodes|parser|catalog|utils|access|commands|mb|storage|common)/.*", {"NODES"}),
]
# PostgreSQL's headers come in by this one, or directly, and only into the files that CMakeLists.txt gives them.
NODES_HEADER = "inspect/tree/nodes.h"

BANNED = ["strcpy", "strcat", "sprintf", "vsprintf", "strtok", "atoi", "atol", "atof", "alloca", "gets"]
LINES_MAX = 700


def sources():
    for folder in LAYERS:
        yield from sorted((ROOT / folder).rglob("*.[ch]"))


def code_of(text):
    """The text with comments and string literals blanked out, its lines kept."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', re.S)

    def blank(match):
        if match.group().startswith(("/*", "//")):
            return "\n" * match.group().count("\n")
        return match.group()[0] * 2

    return pattern.sub(blank, text)


def includes_of(text):
    for number, line in enumerate(text.splitlines(), 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if match:
            yield number, match.group(1) == '"', match.group(2)


def check_includes():
    for path in sources():
        name = path.relative_to(ROOT)
        folder = name.parts[0]
        allowed = LAYERS[folder] | ({"report"} if name == MAIN else set())
        for number, ours, included in includes_of(path.read_text()):
            if not ours:
                continue
            if "/" not in included:
                yield f'{name}:{number}: "{included}" names no folder'
            elif included.split("/")[0] in LAYERS and included.split("/")[0] not in allowed:
                yield f'{name}:{number}: {folder}/ may not include "{included}"'
            elif folder == "inspect" and not may_inspect(name, Path(included)):
                yield f'{name}:{number}: {name.parent}/ may not include "{included}"'
            elif included.split("/")[0] in LAYERS and not (ROOT / included).exists():
                yield f'{name}:{number}: there is no "{included}"'


def may_inspect(name, included):
    """Whether a file of inspect/ may include another."""
    if included.parts[0] != "inspect" or included.with_suffix("") == name.with_suffix(""):
        return True
    inside, part = len(name.parts) == 3, included.parts[1].removesuffix(".h")
    allowed = INSPECT.get(name.parts[1]) if inside else BELOW.get(name.stem)
    return allowed is None or part in allowed or (inside and part == name.parts[1])


def check_foreign():
    for path in sources():
        name = path.relative_to(ROOT)
        for number, _, included in includes_of(path.read_text()):
            if included.split("/")[0] in LAYERS and (ROOT / included).exists():
                continue
            for pattern, places in FOREIGN:
                if not re.fullmatch(pattern, included):
                    continue
                allowed = places if places != {"NODES"} else nodes_files() | {NODES_HEADER}
                if str(name) not in allowed and name.parts[0] not in allowed:
                    yield f"{name}:{number}: only {', '.join(sorted(allowed))} may include <{included}>"


def nodes_files():
    """The files that see PostgreSQL's node headers, as CMakeLists.txt lists them."""
    match = re.search(r"foreach\(source ([a-z_ \n]+)\)\s*set_source_files_properties\(inspect/tree/", (ROOT / "CMakeLists.txt").read_text())
    return {f"inspect/tree/{stem}.c" for stem in match.group(1).split()}


def check_nodes_header():
    for path in sources():
        name = str(path.relative_to(ROOT))
        for number, _, included in includes_of(path.read_text()):
            if included == NODES_HEADER and name[:-1] + "c" not in nodes_files():
                yield f"{name}:{number}: CMakeLists.txt does not count it among the files that see {NODES_HEADER}"


def check_own_header_first():
    for path in sources():
        if path.suffix != ".c" or not path.with_suffix(".h").exists():
            continue
        name = path.relative_to(ROOT)
        first = next(includes_of(path.read_text()), None)
        if first is None or first[2] != str(name.with_suffix(".h")):
            yield f"{name}: its own header is not included first"


def check_banned_calls():
    pattern = re.compile(r"\b(%s)\s*\(" % "|".join(BANNED))
    for path in sources():
        for number, line in enumerate(code_of(path.read_text()).splitlines(), 1):
            for match in pattern.finditer(line):
                yield f"{path.relative_to(ROOT)}:{number}: {match.group(1)} is banned"


def check_stems_unique():
    seen = {}
    for path in sources():
        if path.suffix != ".c":
            continue
        name = path.relative_to(ROOT)
        if path.stem in seen:
            yield f"{name}: the stem is {seen[path.stem]}'s already"
        seen[path.stem] = name


def check_tests():
    for path in sources():
        name = path.relative_to(ROOT)
        tested = (ROOT / "tests" / "unit" / f"{path.stem}_test.c").exists()
        if path.suffix == ".c" and name != MAIN and not tested:
            yield f"{name}: there is no tests/unit/{path.stem}_test.c"


def check_length():
    for path in sources():
        lines = path.read_text().count("\n")
        if lines > LINES_MAX:
            yield f"{path.relative_to(ROOT)}: {lines} lines, over {LINES_MAX}: look for the noun that wants its own file"


def check_prefixes():
    for folder in LAYERS:
        library = LIBRARIES / f"lib{folder}.a"
        if not library.exists():
            yield f"{library.relative_to(ROOT)} is not built"
            continue
        listing = subprocess.run(
            ["nm", "-g", "--defined-only", library], capture_output=True, text=True, check=True
        ).stdout
        stem = None
        for line in listing.splitlines():
            member = re.fullmatch(r"(\S+)\.c\.o:", line)
            if member:
                stem = member.group(1)
            elif line.strip():
                symbol = line.split()[-1]
                if symbol != stem and not symbol.startswith(f"{stem}_"):
                    yield f"{folder}/{stem}.c: {symbol} is external and lacks the prefix {stem}_"


def check_the_checker():
    """A checker that finds nothing anywhere proves nothing: each pattern has to bite once."""
    sample = '/* strcpy(a) */ x = "atoi(1)"; strcat(a, b);\n#include <uv.h>\n#include "proxy/relay.h"\n'
    if re.findall(r"\b(strcpy|strcat|atoi)\s*\(", code_of(sample)) != ["strcat"]:
        yield "comments and strings are not told from code"
    if [entry[1:] for entry in includes_of(sample)] != [(False, "uv.h"), (True, "proxy/relay.h")]:
        yield "includes are not found"
    if may_inspect(Path("inspect/access/a.c"), Path("inspect/rules/rules.h")) or not may_inspect(
        Path("inspect/rules/a.c"), Path("inspect/access/access.h")
    ):
        yield "the folders of inspect/ are not told apart"
    if not list(sources()):
        yield "no sources found"


CHECKS = [
    check_the_checker,
    check_includes,
    check_foreign,
    check_nodes_header,
    check_own_header_first,
    check_banned_calls,
    check_stems_unique,
    check_tests,
    check_length,
    check_prefixes,
]


def main():
    passed = failed = 0
    for check in CHECKS:
        errors = list(check())
        title = check.__name__.replace("check_", "").replace("_", " ")
        if errors:
            failed += 1
            print(f"layers: {title}: failed")
            for error in errors:
                print(f"  {error}")
        else:
            passed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

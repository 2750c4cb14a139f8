"""Django's own traffic, recorded at PostgreSQL 15 (django_traffic.sql), replayed through pgproctor: what is found in each
section is what its `-- expect:` line says, and nothing more.

Every section and variant has a database of its own, as it was when that was recorded, with 4,000 rows in every table
and thresholds that make them large; those of which nothing is expected run one after the other in one. Simple statements go as one Query each; what came by the extended protocol goes as
Parse, Bind and Execute of the unnamed statement, its values as texts of no type."""

import collections
import concurrent.futures
import json
import re
import threading
from pathlib import Path

import pytest
from psycopg import pq

import harness

HERE = Path(__file__).resolve().parent
SETTINGS = {"stats_period": 600, "large_table_rows": 1000, "medium_table_rows": 100, "catalog_refresh": 600}
RULES = {"M238": {"rows": 1000}}
VARIANTS = ("dj32", "dj52c", "dj52s")

# Rules that look at several statements or connections together. There are none of these families yet, so what the
# recording expects of them is counted by itself.
LATER = re.compile(r"[CTW]\d")

# What the catalog alone shows is told once for each table, whatever runs.
AUDIT = re.compile(r"D50[2-9]")

# Where the recording has no `-- expect:`, this is expected; and nothing where this has no line either.
UNSTATED = {
    "count": "Q113",
    "latest": "Q110",
    "lookup exact": "Q108",
    "lookup contains": "Q101",
    "lookup icontains": "Q101",
    "lookup startswith": "Q104",
    "lookup istartswith": "Q104",
    "lookup endswith": "Q101",
    "lookup iendswith": "Q101",
    "lookup regex": "Q104",
    "lookup iregex": "Q106",
    "lookup icontains on UUID": "Q101",
    "lookup startswith on GenericIP": "Q104",
    "lookup icontains on FK join": "Q101",
    "lookup F contains": "Q126",
    "lookup F icontains": "Q126",
    "lookup json contains": "Q115",
    "lookup json contained_by": "Q115",
    "lookup json has_any_keys": "Q115",
    "lookup json path exact": "Q116",
    "lookup json index path": "Q116",
    "lookup array contains": "Q118",
    "lookup array overlap": "Q118",
    "lookup array contained_by": "Q118",
    "lookup array icontains": "Q101",
    "lookup order_by": "Q110",
    "lookup slice big offset": "Q112",
    "lookup search": "Q119",
    "lookup SearchVector annotate": "Q119",
    "lookup exclude icontains": "Q101",
    "lookup Q or": "Q122",
}

# Between two sections the recording leaves migrations out that later ones need.
BETWEEN = {
    "migration 0008_addfield_auto_now_add": "ALTER TABLE shop_product ADD COLUMN cat2_id integer REFERENCES shop_category;"
    " UPDATE shop_product SET code = 'code ' || id",
    # What CASCADE drops along with the model.
    "migration 0041_deletemodel": "CREATE VIEW shop_profile_names AS SELECT user_name FROM shop_profile2",
}


class Section:
    def __init__(self, text):
        head, *lines = text.splitlines()
        self.name = head
        self.expect = None
        self.variants = {}
        variant = re.search(r" \((dj\w+)\)$", head)
        statements = self.variants.setdefault(variant[1], []) if variant else None
        for line in lines:
            if line.startswith("-- expect: "):
                self.expect = line.removeprefix("-- expect: ")
            elif mark := re.fullmatch(r"-- \[(\w+)\]", line):
                statements = self.variants.setdefault(mark[1], [])
            elif line:
                statements.append(line)

    def statements(self, variant):
        """The variant's own; one that is not printed is as the one before it."""
        for name in VARIANTS[VARIANTS.index(variant)::-1]:
            if name in self.variants:
                return self.variants[name]
        return []

    def expected(self):
        """code → how often, 0: not said. Without what is said not to be found, and what is expected only on a
        condition, none of which holds here."""
        text = UNSTATED.get(self.name, "-") if self.expect is None else self.expect
        text = re.sub(r"\(.*?\)|NOT .*|\w\d+ if .*", "", text)
        return {code: int(times or 0) for code, times in re.findall(r"\b([A-Z]\d{3})\b(?: x(\d))?", text)}


    def awaits(self):
        """Whether there is a rule of which something is expected."""
        return any(not LATER.match(code) for code in self.expected())


class Silent:
    """Sections of which nothing is expected but by rules of later families."""

    expect = "-"

    def __init__(self, names):
        self.name = f"{len(names)} sections"
        self.count = len(names)

    def expected(self):
        return {}


def sections():
    text = (HERE / "django_traffic.sql").read_text()
    return [Section(part) for part in re.split(r"^-- == ", text, flags=re.M)[1:]]


def parse(line):
    """The text, and the bound values of what came by the extended protocol, else None."""
    if not line.startswith("/* extended"):
        return line, None
    statement, _, values = line.partition(";  -- $1 = ")
    statement = re.sub(r"^/\* extended[^*]*\*/ ", "", statement)
    found = re.findall(r"\$\d+ = (?:'((?:[^']|'')*)'|NULL)", "$1 = " + values) if values else []
    nulls = re.findall(r"\$\d+ = ('|NULL)", "$1 = " + re.sub(r"'(?:[^']|'')*'", "''", values))
    return statement.removesuffix(";"), [
        None if null == "NULL" else value.replace("''", "'").encode() for value, null in zip(found, nulls)
    ]


def send(connection, line):
    statement, values = parse(line)
    if values is None:
        result = connection.exec_(statement.encode())
    else:
        result = connection.exec_params(statement.encode(), values)
    assert result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK), (line, result.error_message)


class Log:
    """The findings of each database, and which databases have been read, and left again."""

    def __init__(self, path):
        self.file = open(path, encoding="utf-8")
        self.lock = threading.Lock()
        self.part = ""
        self.seen = collections.defaultdict(set)
        self.findings = collections.defaultdict(list)

    def read(self):
        with self.lock:
            *lines, self.part = (self.part + self.file.read()).split("\n")
            for line in lines:
                event = json.loads(line)
                self.seen[event.get("database")].add(event["event"])
                if event["event"] == "finding" and not AUDIT.match(event["code"]):
                    self.findings[event["database"]].append(event)

    def wait(self, event, database):
        def there():
            self.read()
            return event in self.seen[database]

        assert harness.wait_until(there, 30), f"no {event} of {database}"


class Replay:
    """A database for each section and variant: migrations build on those before, calls of the ORM begin anew."""

    def __init__(self, postgres, proctor):
        self.postgres, self.proctor, self.log = postgres, proctor, Log(proctor.log)
        self.count = 0

    def database(self, template):
        self.count += 1
        name = f"replay{self.count}"
        self.postgres.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def run(self, database, statements):
        """What is found in them."""
        connection = pq.PGconn.connect(self.proctor.dsn(database).encode())
        assert connection.status == pq.ConnStatus.OK, connection.error_message
        # Nothing is judged before the catalog is read.
        self.log.wait("catalog", database)
        for statement in statements:
            send(connection, statement)
        connection.finish()
        self.log.wait("disconnect", database)
        self.postgres.sql(f"DROP DATABASE {database} WITH (FORCE)")
        return self.log.findings[database]

    def directly(self, database, statements):
        connection = pq.PGconn.connect(self.postgres.dsn(database).encode())
        for statement in statements:
            send(connection, statement)
        connection.finish()
        self.postgres.sql("ANALYZE", database)


@pytest.fixture(scope="module")
def replay(postgres, tmp_path_factory):
    postgres.sql("CREATE DATABASE traffic")
    postgres.sql((HERE / "traffic_setup.sql").read_text(), "traffic")
    proctor = harness.Proctor(postgres, tmp_path_factory.mktemp("traffic"), settings=SETTINGS, rules=RULES)
    yield Replay(postgres, proctor.start())
    proctor.stop()


def difference(found, expected):
    """What is wrong, by rule, in words."""
    wrong = {code: f"{code} is missing" for code in expected
             if not found[code] and not LATER.match(code)}
    wrong.update((code, f"{code} is found") for code in found if code not in expected)
    wrong.update((code, f"{code} is found {found[code]} times, not {times}") for code, times in expected.items()
                 if times and found[code] and found[code] != times)
    return wrong


def play(replay, pool):
    """Every section and variant: (section, variant, the findings to come). What is to be silent is one section."""
    for variant in VARIANTS:
        silent, names = [], []
        replay.postgres.sql(f"CREATE DATABASE {variant} TEMPLATE traffic")
        for section in sections():
            migration = section.name.startswith("migration ")
            if section.name in BETWEEN:
                replay.postgres.sql(BETWEEN[section.name], variant)
            own = section.variants.get(variant, [])
            if not any(line not in ("BEGIN;", "COMMIT;") for line in own):
                pass
            elif not migration and not section.awaits():
                silent += own
                names.append(section.name)
            else:
                database = replay.database(variant if migration else "traffic")
                yield section, variant, pool.submit(replay.run, database, own)
            if migration:
                replay.directly(variant, section.statements(variant))
        yield Silent(names), variant, pool.submit(replay.run, replay.database("traffic"), silent)


def test_every_section_is_as_expected(replay):
    right, later = collections.Counter(), collections.Counter()
    wrong = collections.defaultdict(list)
    count = 0
    for section in sections():
        later.update(code for code in section.expected() if LATER.match(code))
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        for section, variant, findings in list(play(replay, pool)):
            count += getattr(section, "count", 1)
            found = collections.Counter(event["code"] for event in findings.result())
            expected = section.expected()
            mistakes = difference(found, expected)
            right.update({code for code in {*found, *expected} - {*mistakes} if found[code]} or
                         ({"nothing": getattr(section, "count", 1)} if not mistakes else {}))
            for code, mistake in mistakes.items():
                wrong[code].append(f"{section.name} [{variant}]: {mistake}; expected {section.expect}, found "
                                   + str([(event["code"], event["message"]) for event in findings.result()]))
    print(f"\nsections, each variant counted: {count}\n{'rule':8} right wrong")
    for code in sorted({*right, *wrong}):
        print(f"{code:8} {right[code]:5} {len(wrong.get(code, ())):5}")
    print("expected, of a later rule family:", ", ".join(f"{code} {times}" for code, times in sorted(later.items())))
    assert count > 150
    assert not wrong, "\n".join(sum(wrong.values(), []))

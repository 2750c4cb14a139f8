"""M220: what traffic of the last day has used is not dropped or renamed; what it has not, is."""

import json
import os
import subprocess
import time

import psycopg
import psycopg2
import pytest

import harness

CANARY = "canary-4711"
SETTINGS = {"mode": "enforce", "stats_period": "200ms", "large_table_rows": 1000, "medium_table_rows": 500}


@pytest.fixture(autouse=True)
def needs_proctor(request):
    if request.config.getoption("--direct"):
        pytest.skip("needs pgproctor")


@pytest.fixture(scope="module", autouse=True)
def tables(postgres, database):
    """One table a case; large ones are those of which it matters."""
    statements = []
    for table in ("shop_product", "named", "starred", "written", "viewed", "seen", "own", "own_other", "own_session", "quiet", "late",
                  "daily", "bound", "fetched", "executed", "copied", "shown", "failed", "merged", "parted"):
        partitioned = "PARTITION BY RANGE (id)" if table == "parted" else ""
        statements.append(f"CREATE TABLE {table} (id int PRIMARY KEY, name text, qty int, note text, extra int) {partitioned}")
    statements += [
        "CREATE TABLE parted_0 PARTITION OF parted FOR VALUES FROM (0) TO (100000)",
        "CREATE VIEW viewed_names AS SELECT id, name FROM viewed",
        "CREATE VIEW viewed_twice AS SELECT name FROM viewed_names",
        "CREATE MATERIALIZED VIEW kept AS SELECT id, note FROM seen",
        "CREATE SCHEMA part_a", "CREATE TABLE part_a.thing (id int)",
        "CREATE SCHEMA part_b", "CREATE TABLE part_b.thing (id int)",
    ]
    statements += [f"INSERT INTO {table} SELECT g, 'n', 1, 'x', 2 FROM generate_series(1, 2000) g" for table in ("quiet", "late", "daily")]
    statements += [f"CREATE MATERIALIZED VIEW {view} AS SELECT id, note FROM daily" for view in ("shown_daily", "shown_never")]
    for statement in [*statements, "ANALYZE"]:
        postgres.sql(statement, database)


def ready(proctor, database):
    psycopg2.connect(proctor.dsn(database)).close()
    proctor.wait_for("catalog", database=database)
    return proctor


@pytest.fixture(scope="module", params=[1, 2])
def proctor(request, start_proctor, database, tables):
    return ready(start_proctor(direct_ok=False, settings={**SETTINGS, "workers": request.param}), database)


def run(proctor, database, *statements):
    """Each by itself, on one connection."""
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.autocommit = True
        for statement in statements:
            connection.cursor().execute(statement)
    connection.close()


def tried(proctor, database, *statements):
    """In a transaction that is rolled back: what pgproctor says of the last one, None where nothing."""
    connection = psycopg2.connect(proctor.dsn(database))
    try:
        for statement in statements:
            connection.cursor().execute(statement)
    except psycopg2.errors.InsufficientPrivilege as error:
        assert "pgproctor: drop-or-rename" in str(error)
        return str(error)
    finally:
        connection.rollback()
        connection.close()
    return None


def refused(proctor, database, *statements):
    """With two workers the other one learns of it within a second or two."""
    # On both workers, whichever the next connection gets.
    said = lambda: all(tried(proctor, database, *statements) for _ in range(2))
    return tried(proctor, database, *statements) if harness.wait_until(said, every=0.2) else None


def test_django_names_every_column(proctor, database):
    """Of a model's SELECT each column is used, whatever the table's size; one that no statement names is not."""
    run(proctor, database,
        'SELECT "shop_product"."id", "shop_product"."name", "shop_product"."qty" FROM "shop_product" WHERE'
        f" \"shop_product\".\"name\" = '{CANARY}' /*route='%2Fcatalogue%2F'*/")
    said = refused(proctor, database, 'ALTER TABLE "shop_product" DROP COLUMN "qty" CASCADE')
    assert said and "qty of shop_product was used" in said and "/catalogue/" in said and "Two releases" in said
    named = lambda: [line["fingerprint"] for line in proctor.events("fingerprint") if '"shop_product"."qty"' in line["query"]]
    assert harness.wait_until(named)
    assert f"by {named()[0]} from /catalogue/" in said and CANARY not in said
    assert refused(proctor, database, "ALTER TABLE shop_product RENAME COLUMN name TO title")
    assert refused(proctor, database, "ALTER TABLE shop_product RENAME TO shop_article")
    assert refused(proctor, database, "DROP TABLE shop_product CASCADE")
    assert not tried(proctor, database, "ALTER TABLE shop_product DROP COLUMN note")
    assert not tried(proctor, database, "ALTER TABLE shop_product RENAME COLUMN extra TO more")
    found = harness.wait_until(lambda: proctor.events("finding", code="M220", column="qty"))[0]
    assert (found["severity"], found["action"], found["evidence"]) == ("block", "rejected", "traffic")
    assert CANARY not in proctor.log.read_text()


CASES = {
    "an alias": ("SELECT a.name FROM named a WHERE a.qty = 1", "named", "name qty", "note extra"),
    "no qualifier, a join": ("SELECT named.note FROM starred JOIN named USING (id) WHERE EXISTS (SELECT FROM written WHERE extra = 1)",
                             "written", "extra", "name qty"),
    "a star": ("SELECT * FROM starred", "starred", "name extra", ""),
    "a count": ("SELECT count(*) FROM fetched", "fetched", "", "name qty note extra"),
    "INSERT": ("INSERT INTO written (id, name) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET qty = 3", "written", "name qty", "note"),
    "UPDATE": ("UPDATE merged SET qty = 3 WHERE id = 5 RETURNING note", "merged", "qty note", "name extra"),
    "COPY": ("COPY (SELECT name FROM copied) TO STDOUT", "copied", "name", "qty"),
    "a row": ("SELECT shown FROM shown", "shown", "name extra", ""),
    "a partition": ("SELECT qty FROM parted_0", "parted", "qty", "note"),
}


@pytest.mark.parametrize("case", CASES)
def test_uses(proctor, database, case):
    statement, table, used, unused = CASES[case]
    connection = psycopg2.connect(proctor.dsn(database))
    with connection.cursor() as cursor:
        if statement.startswith("COPY"):
            with open("/dev/null", "w") as null:
                cursor.copy_expert(statement, null)
        else:
            cursor.execute(statement)
    connection.rollback()
    connection.close()
    for column in used.split():
        assert refused(proctor, database, f"ALTER TABLE {table} DROP COLUMN {column}"), column
    for column in unused.split():
        assert not tried(proctor, database, f"ALTER TABLE {table} DROP COLUMN {column}"), column
    assert refused(proctor, database, f"DROP TABLE {table}")


def test_refresh(proctor, database):
    """M229 tells who reads the materialised view that nobody can read meanwhile."""
    run(proctor, database, "SELECT note FROM shown_daily WHERE id = 1 /*route='%2Fdaily%2F'*/")
    told = lambda view: proctor.events("finding", code="M229", table=view)

    def used():
        # The other worker's uses come with the next parcel.
        run(proctor, database, "REFRESH MATERIALIZED VIEW shown_never", "REFRESH MATERIALIZED VIEW shown_daily")
        return [line for line in told("shown_daily") if "anew; it was used" in line["message"] and "from /daily/" in line["message"]]

    assert {line["evidence"] for line in harness.wait_until(used, every=0.2)} == {"traffic"}
    assert told("shown_never") and not [line for line in told("shown_never") if "used" in line["message"]]


def test_prepared(proctor, database):
    """By the extended protocol, by PREPARE and EXECUTE, and by a cursor."""
    with psycopg.connect(proctor.dsn(database)) as connection:
        for number in range(8):
            connection.execute("SELECT name FROM bound WHERE id = %s", [number], prepare=True)
        connection.execute("PREPARE p AS SELECT qty FROM executed")
        connection.execute("EXECUTE p")
    assert refused(proctor, database, "ALTER TABLE bound DROP COLUMN name")
    assert refused(proctor, database, "ALTER TABLE executed DROP COLUMN qty")
    assert not tried(proctor, database, "ALTER TABLE bound DROP COLUMN qty")


def test_views(proctor, database):
    """A view's use is its table's, where the view would go; it stays with a new name."""
    run(proctor, database, "SELECT name FROM viewed_twice")
    said = refused(proctor, database, "ALTER TABLE viewed DROP COLUMN name CASCADE")
    assert "through viewed_twice" in said
    assert not tried(proctor, database, "ALTER TABLE viewed DROP COLUMN qty CASCADE")
    assert not tried(proctor, database, "ALTER TABLE viewed RENAME COLUMN name TO title")
    assert refused(proctor, database, "DROP VIEW viewed_twice")
    assert refused(proctor, database, "ALTER VIEW viewed_twice RENAME TO viewed_again")
    run(proctor, database, "SELECT note FROM kept")
    assert refused(proctor, database, "DROP MATERIALIZED VIEW kept")
    assert refused(proctor, database, "DROP TABLE seen CASCADE")


def test_schemas(proctor, database):
    run(proctor, database, "SELECT id FROM part_a.thing")
    assert refused(proctor, database, "DROP SCHEMA part_a CASCADE")
    assert refused(proctor, database, "ALTER SCHEMA part_a RENAME TO part_c")
    assert not tried(proctor, database, "DROP SCHEMA part_b CASCADE")


def test_its_own_use_does_not_count(proctor, database):
    """A migration that fills another column and then drops the old one; neither does what failed, nor the catalog."""
    run(proctor, database, "SELECT attname FROM pg_attribute WHERE attrelid = 'own'::regclass", "COMMENT ON COLUMN own.qty IS 'x'")
    with pytest.raises(psycopg2.errors.UndefinedColumn):
        run(proctor, database, "SELECT qty, nothing FROM failed")
    time.sleep(1.5)
    assert not tried(proctor, database, "UPDATE own SET extra = qty", "ALTER TABLE own DROP COLUMN qty", "DROP TABLE own")
    assert not tried(proctor, database, "ALTER TABLE failed DROP COLUMN qty")
    run(proctor, database, "UPDATE own_other SET extra = qty")
    assert refused(proctor, database, "UPDATE own_other SET extra = qty", "ALTER TABLE own_other DROP COLUMN qty")


def test_migrations_one_after_the_other(proctor, database):
    """Each in a transaction of its own and all in one session, as manage.py runs them; the next session is another one."""
    run(proctor, database, "UPDATE own_session SET extra = qty", "ALTER TABLE own_session RENAME qty TO renamed",
        "ALTER TABLE own_session RENAME renamed TO qty")
    assert refused(proctor, database, "ALTER TABLE own_session RENAME qty TO renamed")


def test_watched_for_too_short(proctor, database):
    """A warning as before, and it says for how long."""
    assert not tried(proctor, database, "ALTER TABLE quiet DROP COLUMN note")
    assert harness.wait_until(lambda: proctor.events("finding", code="M220", table="quiet"))
    found = proctor.events("finding", code="M220", table="quiet")[0]
    assert (found["severity"], found["action"], found["evidence"]) == ("warning", "logged", "catalog")
    assert "watched for" in found["hint"] and "only, of 24 h" in found["hint"]


def test_after_the_window(start_proctor, database):
    """What was used longer ago is no use; and then it can be said that there is none."""
    proctor = ready(start_proctor(direct_ok=False, settings=SETTINGS, rules={"M220": {"hours": 0.001}}), database)

    def used_and_refused():
        run(proctor, database, "SELECT qty FROM late")
        return tried(proctor, database, "ALTER TABLE late DROP COLUMN qty")

    assert harness.wait_until(used_and_refused)
    time.sleep(4)
    assert harness.wait_until(lambda: not tried(proctor, database, "ALTER TABLE late DROP COLUMN qty"))
    assert harness.wait_until(lambda: proctor.events("finding", code="M220", severity="info"))
    found = proctor.events("finding", code="M220", severity="info")[0]
    assert found["message"].startswith("nothing has used qty of late for 3.6 s") and found["action"] == "logged"


def test_it_is_only_told_where_that_is_asked_for(start_proctor, database):
    """mode = observe, and action = log."""
    for settings, rules in (({**SETTINGS, "mode": "observe"}, None), (SETTINGS, {"M220": "log"})):
        # One worker: another would at first know of no use, and tell that.
        proctor = ready(start_proctor(direct_ok=False, settings={**settings, "workers": 1}, rules=rules), database)
        run(proctor, database, "SELECT qty FROM late")
        assert not tried(proctor, database, "ALTER TABLE late DROP COLUMN qty")
        assert harness.wait_until(lambda: proctor.events("finding", code="M220"))
        found = proctor.events("finding", code="M220")[0]
        assert (found["severity"], found["action"]) == ("block", "logged")


def checked(postgres, database, sql, *arguments):
    """The events of `check`, with its exit status."""
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    done = subprocess.run([binary, "check", "--dsn", postgres.dsn(database), "--format", "json", "--large-table-rows", "1000",
                           *arguments], input=sql, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def found_by(events, column):
    return next((line["severity"], line["message"], line["hint"]) for line in events
                if line.get("code") == "M220" and line["column"] == column)


def test_check_reads_logs(postgres, start_proctor, database, tmp_path):
    """`check --traffic LOG`: the same verdict as at the wire, by the log's own time."""
    proctor = ready(start_proctor(direct_ok=False, settings=SETTINGS, rules={"M220": {"hours": 0.001}}), database)
    run(proctor, database, 'SELECT "late"."extra" AS other FROM late WHERE "late"."id" IN (1, 2, 3) AND name <> %s' % f"'{CANARY}'")
    # By the log's own time it has to be long ago.
    assert harness.wait_until(lambda: [line for line in proctor.events("fingerprint") if '"extra"' in line["query"]])
    time.sleep(4)
    run(proctor, database, 'SELECT "late"."qty" FROM late WHERE "late"."id" IN (1, 2, 3)')
    assert proctor.stop() == 0
    sql = "ALTER TABLE late DROP COLUMN qty; ALTER TABLE late DROP COLUMN note; ALTER TABLE late RENAME COLUMN extra TO more;"
    day = checked(postgres, database, sql, "--traffic", str(proctor.log))
    fingerprint = next(line["fingerprint"] for line in proctor.events("fingerprint") if '"qty"' in line["query"])
    severity, message, _ = found_by(day, "qty")
    assert severity == "block" and f"by {fingerprint}" in message
    assert found_by(day, "extra")[0] == "block"
    severity, _, hint = found_by(day, "note")
    assert severity == "warning" and "in traffic watched for" in hint
    config = tmp_path / "short.ini"
    config.write_text("[rule:M220]\nhours = 0.001\n")
    short = checked(postgres, database, sql, "--traffic", str(proctor.log), "--config", str(config))
    assert [found_by(short, column)[0] for column in ("qty", "note", "extra")] == ["block", "info", "info"]
    unknown = checked(postgres, database, sql)
    assert [found_by(unknown, column)[0] for column in ("qty", "note", "extra")] == ["warning"] * 3
    assert "not known here" in found_by(unknown, "qty")[2]
    assert CANARY not in json.dumps(day)


def test_check_wants_a_log(postgres, database, tmp_path):
    """What is none is said so, and not taken for silence."""
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    (tmp_path / "text").write_text("2026-11-30 INFO stats\n")
    for log, words in ((tmp_path / "none", "No such file"), (tmp_path / "text", "no line of a pgproctor log")):
        done = subprocess.run([binary, "check", "--dsn", postgres.dsn(database), "--traffic", log], input="SELECT 1",
                              capture_output=True, text=True)
        assert done.returncode == 2 and words in done.stderr

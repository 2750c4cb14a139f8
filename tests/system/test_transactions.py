"""The transaction around a schema change: how long it waits for its lock, and what it holds meanwhile. Each case has a
table of its own, by which its findings are known."""

import contextlib

import psycopg
import psycopg2
import pytest

ROWS = 2000
# The table, and what its connection says before the change: options, statements.
WAITS = {
    "plain": ("", []),
    "zero": ("-c lock_timeout=2s", ["SET lock_timeout = 0"]),
    "after_local": ("", ["BEGIN", "SET LOCAL lock_timeout = '2s'", "COMMIT"]),
    "rolled_back": ("", ["BEGIN", "SET lock_timeout = '2s'", "ROLLBACK"]),
    "rolled_to": ("", ["BEGIN", "SAVEPOINT s", "SET LOCAL lock_timeout = '2s'", "ROLLBACK TO s"]),
    "discarded": ("", ["SET lock_timeout = '2s'", "DISCARD ALL"]),
}
GIVES_UP = {
    "by_option": ("-c lock_timeout=2s", []),
    "by_set": ("", ["SET lock_timeout = '2s'"]),
    "by_local": ("", ["BEGIN", "SET LOCAL lock_timeout = '2s'"]),
    "by_function": ("", ["SELECT set_config('lock_timeout', '2s', false)"]),
    "by_reset": ("-c lock_timeout=2s", ["SET lock_timeout = 0", "RESET lock_timeout"]),
    "by_released": ("", ["BEGIN", "SAVEPOINT s", "SET lock_timeout = '2s'", "RELEASE s", "COMMIT"]),
}
OTHERS = ["by_role", "by_database", "migrated", "piped", "small_one", "other_one"]


@pytest.fixture(scope="module", autouse=True)
def tables(postgres, database):
    for table in [*WAITS, *GIVES_UP, *OTHERS]:
        rows = 20 if table == "small_one" else ROWS
        postgres.sql(f"CREATE TABLE {table} (id int PRIMARY KEY, n int)", database)
        postgres.sql(f"INSERT INTO {table} SELECT g, g FROM generate_series(1, {rows}) g", database)
    for parent in ("dropped_both", "dropped_apart", "dropped_back"):
        postgres.sql(f"CREATE TABLE {parent} (id int PRIMARY KEY); CREATE TABLE {parent}_child (id int REFERENCES {parent})", database)
    for statement in (
        "CREATE ROLE careful LOGIN SUPERUSER",
        "ALTER ROLE careful SET lock_timeout = '2s'",
        "CREATE ROLE careless LOGIN SUPERUSER",
        "ANALYZE",
    ):
        postgres.sql(statement, database)
    yield
    for role in ("careful", "careless"):
        postgres.sql(f"DROP ROLE {role}")


@pytest.fixture(scope="module")
def watched(start_proctor, database, tables):
    settings = {"stats_period": 60, "large_table_rows": 1000, "medium_table_rows": 100}
    proctor = start_proctor(direct_ok=False, settings=settings)
    with contextlib.closing(psycopg2.connect(proctor.dsn(database))) as connection:
        connection.cursor().execute("SELECT 1")
    proctor.wait_for("catalog", database=database)
    return proctor


def run(proctor, database, statements, **keywords):
    with contextlib.closing(psycopg2.connect(proctor.dsn(database), **keywords)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def codes(proctor, database, table):
    """Found on it, once all that ran before is in the log."""
    proctor.settled(database)
    return [event["code"] for event in proctor.events("finding", table=table)]


@pytest.mark.parametrize("table", [*WAITS, *GIVES_UP])
def test_the_sessions_own(watched, database, table):
    """lock_timeout as start-up, SET, transactions and savepoints leave it."""
    options, before = {**WAITS, **GIVES_UP}[table]
    run(watched, database, [*before, f"ALTER TABLE {table} ADD c int"], options=options)
    assert codes(watched, database, table) == (["M201"] if table in WAITS else [])


def test_roles_and_databases(watched, postgres, database):
    """ALTER ROLE is heeded, each role's for itself."""
    run(watched, database, ["ALTER TABLE by_role ADD c int"], user="careful")
    assert codes(watched, database, "by_role") == []
    run(watched, database, ["ALTER TABLE by_database ADD c int"], user="careless")
    assert codes(watched, database, "by_database") == ["M201"]


def test_a_migration(watched, database):
    """What Django sends for AddField(CharField(db_index=True, default="")): each thing is told once."""
    run(watched, database, [
        "BEGIN",
        """ALTER TABLE "migrated" ADD COLUMN "code" varchar(20) DEFAULT '' NOT NULL""",
        """ALTER TABLE "migrated" ALTER COLUMN "code" DROP DEFAULT""",
        """CREATE INDEX "migrated_code" ON "migrated" ("code")""",
        """CREATE INDEX "migrated_code_like" ON "migrated" ("code" varchar_pattern_ops)""",
        """ALTER TABLE "other_one" ADD COLUMN "code" int""",
        "COMMIT",
    ])
    assert sorted(codes(watched, database, "migrated")) == ["M201", "M202", "M202", "M208", "M234"]
    assert codes(watched, database, "other_one") == ["M235"]


def test_a_pipeline(watched, database):
    """What is under way may have set it: nothing is told that may not be so."""
    with psycopg.connect(watched.dsn(database), autocommit=True) as connection, connection.pipeline():
        connection.execute("BEGIN")
        connection.execute("SET LOCAL lock_timeout = '2s'")
        connection.execute("ALTER TABLE piped ADD c int")
        connection.execute("COMMIT")
    assert codes(watched, database, "piped") == []


def test_a_small_table(watched, database):
    """Somebody may wait for it as well, but nothing else is said of it."""
    run(watched, database, [
        "BEGIN",
        "ALTER TABLE small_one ADD c int DEFAULT 0 NOT NULL",
        "ALTER TABLE small_one ALTER c DROP DEFAULT",
        "CREATE INDEX ON small_one (c)",
        "COMMIT",
    ])
    assert codes(watched, database, "small_one") == ["M201"]


def test_cascade_after_what_it_would_drop(watched, database):
    """DeleteModel of two models that belong together, in one migration or in two: the second one's CASCADE finds nothing any
    more, whatever the catalog still says. After a ROLLBACK it does."""
    drop = lambda table: f"DROP TABLE {table} CASCADE"
    run(watched, database, ["BEGIN", drop("dropped_both_child"), drop("dropped_both"), "COMMIT",
                            "BEGIN", drop("dropped_apart_child"), "COMMIT", "BEGIN", drop("dropped_apart"), "COMMIT",
                            "BEGIN", drop("dropped_back_child"), "ROLLBACK", "BEGIN", drop("dropped_back"), "COMMIT"])
    watched.settled(database)
    assert "dropped_back_child" in watched.wait_for("finding", code="M222", table="dropped_back")["message"]
    assert {line["table"] for line in watched.events("finding", code="M222")} == {"dropped_back"}

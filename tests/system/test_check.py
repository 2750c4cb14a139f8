"""`pgproctor check` on a real database: the same verdicts as at the wire, a script that is followed, and the migrations
that a Django project has yet to apply."""

import json
import os
import subprocess

import harness
import pytest

STATEMENTS = [
    "CREATE INDEX fresh ON product (price)",
    "ALTER TABLE product ALTER COLUMN name TYPE varchar(20)",
    "ALTER TABLE product ALTER COLUMN price SET NOT NULL",
    "ALTER TABLE product ADD COLUMN u uuid DEFAULT gen_random_uuid()",
    "ALTER TABLE product ADD COLUMN c int DEFAULT 0",
    "SELECT id FROM product WHERE upper(name) LIKE upper('%chair%')",
    "SELECT id FROM product WHERE id = 1",
    "DROP TABLE product CASCADE",
]


@pytest.fixture(scope="module")
def products(postgres, database):
    postgres.sql(
        "CREATE TABLE product (id int PRIMARY KEY, name varchar(100), price int);"
        "INSERT INTO product SELECT g, 'name ' || g, g FROM generate_series(1, 5000) g",
        database,
    )
    postgres.sql("ANALYZE product", database)
    return database


def check(postgres, database, text, *arguments):
    binary = harness.ROOT / "build" / "release" / "pgproctor"
    command = [os.environ.get("PROCTOR_BINARY") or binary, "check", "--format", "json", "--dsn", postgres.dsn(database)]
    command += ["--large-table-rows", "1000", *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    assert done.returncode in (0, 1), done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_the_same_verdicts_as_at_the_wire(postgres, products, tmp_path):
    """Each statement has the same findings in a file as when it comes from a client."""
    proctor = harness.Proctor(postgres, tmp_path, {"large_table_rows": 1000})
    proctor.start()
    try:
        import psycopg2

        connection = psycopg2.connect(proctor.dsn(products))
        connection.autocommit = False
        cursor = connection.cursor()
        cursor.execute("SELECT 1")
        proctor.wait_for("catalog")
        for statement in STATEMENTS:
            cursor.execute(statement)
            connection.rollback()
        connection.close()
    finally:
        proctor.stop()
    # What the catalog alone shows comes when that is read, not with a statement.
    judged = [event for event in proctor.events("finding") if not event["code"].startswith("D50")]
    wire = {(event["code"], event["severity"], event["message"]) for event in judged}
    found = set()
    for statement in STATEMENTS:
        _, events = check(postgres, products, f"BEGIN; {statement}; ROLLBACK;")
        found |= {(event["code"], event["severity"], event["message"]) for event in events if event["event"] == "finding"}
    assert {code for code, _, _ in wire} >= {"M202", "M209", "M211", "M205", "Q101", "M220"}
    assert found == wire


def test_the_script_is_followed(postgres, products):
    """What one statement proves, the next one needs not verify; lines and positions are the statement's."""
    status, events = check(
        postgres,
        products,
        "SET lock_timeout = '2s'; ALTER TABLE product ADD CONSTRAINT there CHECK (price IS NOT NULL) NOT VALID;\n"
        "ALTER TABLE product VALIDATE CONSTRAINT there;\n"
        "ALTER TABLE product ALTER COLUMN price SET NOT NULL;\n",
        "--locks",
    )
    assert status == 0
    assert not [event for event in events if event["event"] == "finding"]
    locks = [(event["line"], event["lock"], event["scan"]) for event in events if event["event"] == "lock"]
    assert locks == [(1, "ACCESS EXCLUSIVE", False), (2, "SHARE UPDATE EXCLUSIVE", True), (3, "ACCESS EXCLUSIVE", False)]
    status, events = check(postgres, products, "SET lock_timeout = 1;\n  ALTER TABLE product ALTER price SET NOT NULL;")
    assert status == 1
    assert [(event["line"], event["position"], event["code"]) for event in events] == [(2, 29, "M211")]


def test_migrations(postgres, database):
    """All of an empty database's migrations are printed by manage.py, and only make what is new."""
    environment = harness.manage_environment(postgres.port, postgres.host, database)
    os.environ.update(environment)
    try:
        status, events = check(postgres, database, "", "--migrations", str(harness.SHOP))
    finally:
        for name in environment:
            del os.environ[name]
    assert status == 0
    assert not [event for event in events if event["event"] == "unparsed"]

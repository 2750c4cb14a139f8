"""`pgproctor check` and the wire: each rule that a statement decides finds the same there and there."""

import json
import os
import subprocess

import psycopg2
import pytest

import harness

SETTINGS = {"large_table_rows": 1000, "medium_table_rows": 100, "stats_period": 600, "catalog_refresh": 600}
RULES = {"Q120": {"rows": 1000}, "Q127": {"rows": 1000}}

SETUP = """
CREATE EXTENSION pg_trgm;
CREATE EXTENSION pgcrypto;
CREATE EXTENSION dblink;
CREATE COLLATION vague (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN positive AS int;
CREATE TYPE mood AS ENUM ('ok', 'bad');
CREATE TABLE buyer (id int PRIMARY KEY, name text);
CREATE TABLE product (
  id int PRIMARY KEY, name varchar(100), note text, sku varchar(20), label text COLLATE vague, qty int, owner int,
  shop int, flag boolean, data jsonb, paths jsonb, tags text[], ts timestamptz, at timestamptz, password text,
  api_token text, card_number text, checked int, positive positive, unlike text, labels text);
CREATE TABLE loose (id int, owner int);
CREATE TABLE ticket (id int PRIMARY KEY, number int NOT NULL UNIQUE);
INSERT INTO ticket SELECT g, g FROM generate_series(1, 3000) g;
CREATE TABLE part (at date, n int) PARTITION BY RANGE (at);
CREATE TABLE part_2020 PARTITION OF part FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
CREATE TABLE part_rest PARTITION OF part DEFAULT;
CREATE TABLE whole (at date, n int) PARTITION BY RANGE (at);
CREATE TABLE whole_2020 PARTITION OF whole FOR VALUES FROM ('2020-01-01') TO ('2021-01-01');
INSERT INTO whole SELECT date '2020-01-01' + g % 300, g FROM generate_series(1, 3000) g;
CREATE TABLE part_new (at date, n int);
CREATE MATERIALIZED VIEW kept AS SELECT g AS n FROM generate_series(1, 3000) g;
INSERT INTO buyer SELECT g, 'b' || g FROM generate_series(1, 3000) g;
INSERT INTO product (id, name, note, sku, label, qty, owner, shop, flag, data, paths, tags, ts, at, checked, positive, unlike, labels)
  SELECT g, 'name ' || g, 'note ' || g, 's' || g, 'l' || g, g, g, g % 50, g % 2 = 0, '{"a": 1}', '{"a": 1}', ARRAY['t'],
  now(), now(), g, g, 'u' || g, 'a,b' || g FROM generate_series(1, 5000) g;
INSERT INTO loose SELECT g, g FROM generate_series(1, 3000) g;
INSERT INTO part SELECT date '2020-01-01' + g % 300, g FROM generate_series(1, 3000) g;
INSERT INTO part SELECT date '2022-01-01' + g % 300, g FROM generate_series(1, 3000) g;
INSERT INTO part_new SELECT date '2023-01-01', g FROM generate_series(1, 3000) g;
CREATE INDEX product_sku_trgm ON product USING gin (sku gin_trgm_ops);
CREATE INDEX product_token ON product (api_token);
CREATE INDEX product_unlike ON product (unlike);
CREATE INDEX product_paths ON product USING gin (paths jsonb_path_ops);
CREATE INDEX product_at ON product (at);
CREATE INDEX product_upper ON product (upper(note));
CREATE INDEX product_shop_qty ON product (shop, qty);
CREATE UNIQUE INDEX loose_owner ON loose (owner);
CREATE INDEX product_some ON product (ts) WHERE note = 'note 7';
CREATE INDEX product_labels ON product (labels text_pattern_ops);
CREATE VIEW seen AS SELECT note FROM product;
"""

# By rule: statements of which it finds the last, in a transaction that is rolled back.
CASES = {
    "Q101": "SELECT id FROM product WHERE name LIKE '%lamp%'",
    "Q102": "SELECT id FROM product WHERE sku LIKE '%ab%'",
    "Q103": "SELECT id FROM product WHERE UPPER(sku) LIKE UPPER('%lamp%')",
    "Q104": "SELECT id FROM product WHERE unlike LIKE 'ab%'",
    "Q105": "SELECT id FROM product WHERE UPPER(name) = UPPER('x')",
    "Q106": "SELECT id FROM product WHERE name ~* 'lamp'",
    "Q107": "SELECT id FROM product WHERE (at AT TIME ZONE 'UTC')::date = '2020-01-01'",
    "Q108": "SELECT id FROM product WHERE owner = 5",
    "Q109": "SELECT id FROM product WHERE id = 5.0",
    "Q110": "SELECT id FROM product ORDER BY ts LIMIT 20",
    "Q111": "SELECT id FROM product ORDER BY random() LIMIT 1",
    "Q112": "SELECT id FROM product ORDER BY id LIMIT 20 OFFSET 20000",
    "Q113": "SELECT count(*) FROM product",
    "Q114": "SELECT id FROM product WHERE NOT (id IN (SELECT id FROM buyer)) LIMIT 5",
    "Q115": "SELECT id FROM product WHERE data @> '{\"a\": 1}'",
    "Q116": "SELECT id FROM product WHERE data ->> 'a' = '1'",
    "Q117": "SELECT id FROM product WHERE paths ? 'a'",
    "Q118": "SELECT id FROM product WHERE tags @> ARRAY['t']",
    "Q119": "SELECT id FROM product WHERE to_tsvector(COALESCE(name, '')) @@ plainto_tsquery('lamp')",
    "Q120": "SELECT id FROM product",
    "Q122": "SELECT id FROM product WHERE id = 5 OR owner = 7",
    "Q121": "SELECT name FROM product WHERE id IN (" + ", ".join(map(str, range(1, 1202))) + ")",
    "Q123": "SET plan_cache_mode = force_generic_plan; PREPARE noted (text) AS SELECT id FROM product WHERE note = $1 ORDER BY ts LIMIT 5; EXECUTE noted ('note 7')",
    "Q124": "SET plan_cache_mode = force_generic_plan; PREPARE labelled (text) AS SELECT id FROM product WHERE labels LIKE $1; EXECUTE labelled ('b7%')",
    "Q125": "SELECT count(*) FROM product, buyer",
    "Q126": "SELECT id FROM product WHERE name LIKE '%' || note || '%'",
    "Q127": "SELECT id FROM product WHERE qty = 5",
    "Q128": "SELECT id, name FROM product WHERE api_token IS NULL",
    "Q130": "SELECT id FROM product WHERE label LIKE 'ann%'",
    "M201": "ALTER TABLE product ADD COLUMN plain int",
    "M202": "CREATE INDEX ON product (ts)",
    "M203": "DROP INDEX product_at",
    "M204": "REINDEX TABLE product",
    "M205": "ALTER TABLE product ADD COLUMN u uuid DEFAULT gen_random_uuid()",
    "M206": "ALTER TABLE product ADD COLUMN n serial",
    "M207": "ALTER TABLE product ADD COLUMN n int NOT NULL",
    "M208": "ALTER TABLE product ADD COLUMN c int DEFAULT 0 NOT NULL; ALTER TABLE product ALTER COLUMN c DROP DEFAULT",
    "M209": "ALTER TABLE product ALTER COLUMN qty TYPE bigint",
    "M210": "ALTER TABLE product ALTER COLUMN sku TYPE text COLLATE \"C\"",
    "M211": "ALTER TABLE product ALTER COLUMN owner SET NOT NULL",
    "M212": "ALTER TABLE product ADD CHECK (owner > 0)",
    "M213": "ALTER TABLE product ADD FOREIGN KEY (id) REFERENCES buyer NOT VALID; ALTER TABLE loose ADD FOREIGN KEY (owner) REFERENCES buyer",
    "M214": "CREATE UNIQUE INDEX ON product (owner)",
    "M215": "ALTER TABLE loose ADD PRIMARY KEY (id)",
    "M216": "ALTER TABLE loose ADD PRIMARY KEY USING INDEX loose_owner",
    "M217": "ALTER TABLE product ADD EXCLUDE USING btree (owner WITH =)",
    "M218": "ALTER TABLE product ADD CONSTRAINT there CHECK (owner > 0) NOT VALID; ALTER TABLE product VALIDATE CONSTRAINT there",
    "M219": "CREATE INDEX CONCURRENTLY ON product (ts)",
    "M220": "ALTER TABLE product RENAME COLUMN ts TO moment",
    "M221": "TRUNCATE product",
    "M222": "ALTER TABLE product DROP COLUMN note CASCADE",
    "M223": "CLUSTER product USING product_pkey",
    "M224": "ALTER TABLE product SET UNLOGGED",
    "M225": "ALTER TABLE part ATTACH PARTITION part_new FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')",
    "M226": "ALTER TABLE whole DETACH PARTITION whole_2020",
    "M227": "CREATE TABLE part_2030 PARTITION OF part FOR VALUES FROM ('2030-01-01') TO ('2031-01-01')",
    "M228": "CREATE INDEX ON part (n)",
    "M229": "REFRESH MATERIALIZED VIEW kept",
    "M230": "CREATE TRIGGER t BEFORE DELETE ON product FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "M231": "ALTER DOMAIN positive ADD CHECK (VALUE > 0)",
    "M232": "ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'",
    "M233": "LOCK TABLE product",
    "M234": "ALTER TABLE product ADD COLUMN plain int; CREATE INDEX ON product (ts)",
    "M235": "ALTER TABLE product ADD COLUMN plain int; ALTER TABLE buyer ADD COLUMN plain int",
    "M238": "UPDATE product SET qty = 0",
    "M240": "ALTER TABLE product ADD FOREIGN KEY (owner) REFERENCES buyer NOT VALID",
    "M241": "ALTER TABLE product ADD COLUMN paid timestamp",
    "M242": "BEGIN",
    "M244": "ALTER TABLE ticket ALTER COLUMN number DROP NOT NULL",
    "M245": "ALTER TABLE product ALTER COLUMN owner SET NOT NULL; ALTER TABLE product ADD CHECK (qty > 0)",
    "S401": "INSERT INTO product (id, password) VALUES (9001, 'hunter2')",
    "S402": "INSERT INTO product (id, api_token) VALUES (9001, 'sk_live_51H8abcdEFGHijklMNOPqrst')",
    "S403": "INSERT INTO product (id, card_number) VALUES (9001, '4111111111111111')",
    "S404": "INSERT INTO product (id, password) VALUES (9001, 'md5$abc$5f4dcc3b5aa765d61d8327deb882cf99')",
    "S405": "CREATE ROLE agreement_role PASSWORD 'hunter2'",
    "D503": "SELECT id FROM product WHERE labels LIKE '%,b7,%' LIMIT 5",
    "S406": "SELECT pgp_sym_encrypt('text', 'hunter2')",
}

# What no statement decides: the catalog alone, or many statements.
BEYOND = {"Q129", "M239", "D501", "D502", "D504", "D505", "D506", "D507", "D508", "D509"}


# Where the fix goes on from what was done before it.
BEFORE = {"M242": "BEGIN;\n", "M218": "BEGIN; ALTER TABLE product ADD CONSTRAINT there CHECK (owner > 0) NOT VALID;\n"}

# What the findings end with, and the rule that says it; the audits' among them.
FIXES = {}


@pytest.fixture(scope="module")
def codes():
    """Of all the rules that there are."""
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    table = subprocess.run([binary, "check", "--rules"], capture_output=True, text=True, check=True).stdout
    return {line.split()[0] for line in table.splitlines()[1:]}


@pytest.fixture(scope="module")
def filled(postgres, database):
    postgres.sql(SETUP, database)
    postgres.sql("ANALYZE", database)
    return database


def verdict(event):
    return event["code"], event["severity"], event.get("table"), event.get("column"), event["message"]


@pytest.fixture(scope="module")
def at_the_wire(postgres, filled, codes, tmp_path_factory):
    """rule → what is found in its case."""
    found = {}

    def start():
        return harness.Proctor(postgres, tmp_path_factory.mktemp("agreement"), settings=SETTINGS, rules=RULES).start()

    def run(connection, code):
        with connection.cursor() as cursor:
            try:
                for statement in CASES[code].split("; "):
                    cursor.execute(statement)
            except psycopg2.Error:
                pass
        connection.rollback()
        connection.close()

    # A finding is told once for a fingerprint and a database, and several cases have one in common: each has a pgproctor of
    # its own. Starting and ending is mostly waiting, so they do it some at a time.
    cases = sorted(CASES.keys() & codes)
    for at in range(0, len(cases), 10):
        some = {code: start() for code in cases[at : at + 10]}
        try:
            connections = {code: psycopg2.connect(proctor.dsn(filled)) for code, proctor in some.items()}
            for proctor in some.values():
                proctor.wait_for("catalog")  # before any of them holds a lock
            for code, connection in connections.items():
                run(connection, code)
        finally:
            statuses = harness.stop_all(some.values())
        assert not any(statuses), [proctor.process.said() for proctor in some.values()]
        for code, proctor in some.items():
            events = proctor.events("finding")
            found[code] = {verdict(event) for event in events if event["code"] not in BEYOND}
            FIXES.update((event["fix_sql"], event["code"]) for event in events if event.get("fix_sql"))
    return found


def test_every_rule_has_a_case(codes):
    assert codes <= CASES.keys() | BEYOND


def test_each_rule_finds_its_case(at_the_wire):
    wrong = [f"{code}: {CASES[code]}: {found}" for code, found in at_the_wire.items() if code not in {code for code, *_ in found}]
    assert not wrong, "\n".join(wrong)


def test_check_finds_the_same(postgres, filled, codes, at_the_wire, tmp_path):
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    config = harness.Proctor(postgres, tmp_path, settings=SETTINGS, rules=RULES).write_config()
    wrong = []
    for code in CASES.keys() & codes:
        done = subprocess.run([binary, "check", "--config", config, "--format", "json", "--fail-on", "never", "--dsn", postgres.dsn(filled), "-"],
                              input=f"BEGIN; {CASES[code]}; ROLLBACK;", capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        events = [json.loads(line) for line in done.stdout.splitlines()]
        found = {verdict(event) for event in events if event["event"] == "finding" and event["code"] not in BEYOND}
        if found != at_the_wire[code]:
            wrong.append(f"{code}: {CASES[code]}: only check {found - at_the_wire[code]}, only the wire {at_the_wire[code] - found}")
    assert not wrong, "\n".join(wrong)


def test_fixes_can_be_run(postgres, filled, at_the_wire):
    """What is there to paste is SQL that the server takes, one statement after the other. Where a person has to fill
    something in, it has an ellipsis."""
    wrong, count = [], 0
    for fix, code in FIXES.items():
        if "…" in fix:
            continue
        count += 1
        postgres.sql("DROP DATABASE IF EXISTS fixing")
        postgres.sql(f"CREATE DATABASE fixing TEMPLATE {filled}")
        done = subprocess.run([postgres.tools / "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", postgres.dsn("fixing")],
                              input=BEFORE.get(code, "") + fix,
                              capture_output=True, text=True, timeout=200)
        if done.returncode != 0:
            wrong.append(f"{code}: {fix}: {done.stderr.strip()}")
    postgres.sql("DROP DATABASE IF EXISTS fixing")
    assert not wrong, "\n".join(wrong)
    assert count > 20

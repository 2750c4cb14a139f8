"""Conditions on views, as test_queries_in_from.py has it for queries: what pgproctor check --access says of the tables below
is what PostgreSQL's plan does. And what is written through a view is judged as written to its table."""

import json
import os
import subprocess
from pathlib import Path

import pytest

import views_draw

from test_access import BINARY, check, is_order, postgres  # noqa: F401 (a fixture)
from test_queries_in_from import SETUP, indexes_taken

VIEWS = """
CREATE TABLE amounts (id int PRIMARY KEY, owner numeric, at timestamptz, tags text[]);
CREATE INDEX amounts_owner ON amounts (owner);
CREATE VIEW plain AS SELECT * FROM item;
CREATE VIEW renamed (a, boss, c) AS SELECT id, owner, upper(name) FROM item;
CREATE VIEW swapped AS SELECT owner AS id, id AS owner FROM item;
CREATE VIEW filtered AS SELECT * FROM item WHERE qty > 3;
CREATE VIEW found AS SELECT * FROM item WHERE owner = 7;
CREATE VIEW joined AS SELECT i.owner, o.ref FROM item i JOIN other o ON o.id = i.id;
CREATE VIEW outer_joined AS SELECT i.owner, o.ref FROM other o LEFT JOIN item i ON i.id = o.ref;
CREATE VIEW over_it AS SELECT boss AS owner FROM renamed;
CREATE VIEW grouped AS SELECT owner, count(*) AS n FROM item GROUP BY owner;
CREATE VIEW different AS SELECT DISTINCT owner, qty FROM item;
CREATE VIEW windowed AS SELECT owner, rank() OVER (PARTITION BY qty) AS r FROM item;
CREATE VIEW windowed_by AS SELECT owner, rank() OVER (PARTITION BY owner) AS r FROM item;
CREATE VIEW limited AS SELECT * FROM item LIMIT 5;
CREATE VIEW each AS SELECT owner, name FROM item UNION ALL SELECT owner, name FROM part;
CREATE VIEW united AS SELECT owner FROM item UNION SELECT owner FROM part;
CREATE VIEW less AS SELECT owner FROM item EXCEPT SELECT owner FROM part;
CREATE VIEW with_query AS WITH c AS (SELECT * FROM item) SELECT * FROM c;
CREATE VIEW twice AS WITH c AS (SELECT * FROM item) SELECT a.owner FROM c a JOIN c b ON a.id = b.qty;
CREATE VIEW guarded WITH (security_barrier) AS SELECT * FROM item WHERE qty > 3;
CREATE VIEW unguarded WITH (security_barrier = off) AS SELECT * FROM item WHERE qty > 3;
CREATE VIEW guarded_amounts WITH (security_barrier) AS SELECT * FROM amounts;
CREATE VIEW over_guarded AS SELECT * FROM guarded;
CREATE MATERIALIZED VIEW stored AS SELECT * FROM item;
CREATE INDEX stored_owner ON stored (owner);
CREATE VIEW over_stored AS SELECT * FROM stored;
CREATE VIEW v1 AS SELECT * FROM item; CREATE VIEW v2 AS SELECT * FROM v1; CREATE VIEW v3 AS SELECT * FROM v2;
CREATE VIEW v4 AS SELECT * FROM v3; CREATE VIEW v5 AS SELECT * FROM v4;
CREATE SCHEMA app; CREATE TABLE app.part (id int, owner int); CREATE VIEW app.seen AS SELECT * FROM app.part;
CREATE VIEW "Odd Name" AS SELECT owner AS "Own Er" FROM item;
CREATE VIEW with_sub AS SELECT * FROM item WHERE owner IN (SELECT ref FROM other WHERE id = 3);
CREATE VIEW diverted AS SELECT * FROM item;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
CREATE TRIGGER diverts INSTEAD OF UPDATE ON diverted FOR EACH ROW EXECUTE FUNCTION nothing();
CREATE VIEW random_view AS SELECT owner, random() AS r FROM item;
ANALYZE;
"""

STATEMENTS = """
SELECT * FROM plain WHERE owner = 5
SELECT * FROM plain p WHERE p.owner = 5
SELECT * FROM public.plain WHERE owner = 5
SELECT * FROM plain WHERE upper(name) = 'N5'
SELECT * FROM plain WHERE name = 'n5'
SELECT * FROM renamed WHERE boss = 5
SELECT * FROM renamed WHERE a = 5
SELECT * FROM renamed WHERE c = 'N5'
SELECT * FROM swapped WHERE owner = 5
SELECT * FROM swapped WHERE id = 5
SELECT * FROM filtered WHERE owner = 5
SELECT * FROM found
SELECT * FROM found WHERE qty = 3
SELECT count(*) FROM found
SELECT * FROM joined WHERE owner = 5
SELECT * FROM outer_joined WHERE owner = 5
SELECT * FROM over_it WHERE owner = 5
SELECT * FROM grouped WHERE owner = 5
SELECT * FROM grouped WHERE n = 5
SELECT * FROM different WHERE owner = 5
SELECT * FROM windowed WHERE owner = 5
SELECT * FROM windowed_by WHERE owner = 5
SELECT * FROM limited WHERE owner = 5
SELECT * FROM each WHERE owner = 5
SELECT * FROM united WHERE owner = 5
SELECT * FROM less WHERE owner = 5
SELECT * FROM with_query WHERE owner = 5
SELECT * FROM twice WHERE owner = 5
SELECT * FROM guarded WHERE owner = 5
SELECT * FROM guarded WHERE owner IN (5, 6)
SELECT * FROM guarded WHERE owner = 5 OR owner IS NULL
SELECT * FROM guarded WHERE upper(name) = 'N5'
SELECT * FROM unguarded WHERE upper(name) = 'N5'
SELECT * FROM guarded_amounts WHERE owner = 5
SELECT * FROM over_guarded WHERE owner = 5
SELECT * FROM over_guarded WHERE upper(name) = 'N5'
SELECT * FROM stored WHERE owner = 5
SELECT * FROM over_stored WHERE owner = 5
SELECT * FROM v5 WHERE owner = 5
SELECT * FROM app.seen WHERE owner = 5
SELECT * FROM "Odd Name" WHERE "Own Er" = 5
SELECT * FROM with_sub
SELECT * FROM random_view WHERE owner = 5
SELECT * FROM plain a JOIN part p ON p.id = a.qty WHERE a.owner = 5
SELECT * FROM other o JOIN plain a ON a.owner = o.ref
SELECT * FROM other o JOIN each a ON a.owner = o.ref
SELECT * FROM other o JOIN guarded a ON a.owner = o.ref
SELECT * FROM other o JOIN grouped a ON a.owner = o.ref
SELECT * FROM other o WHERE EXISTS (SELECT 1 FROM plain a WHERE a.owner = o.ref)
SELECT * FROM other o WHERE ref IN (SELECT id FROM plain WHERE owner = 5)
WITH c AS (SELECT * FROM plain) SELECT * FROM c WHERE owner = 5
SELECT * FROM (SELECT boss AS b FROM renamed) s WHERE b = 5
SELECT owner, count(*) FROM plain GROUP BY owner HAVING owner = 5
SELECT boss FROM renamed ORDER BY boss LIMIT 1
UPDATE plain SET name = 'x' WHERE owner = 5
UPDATE renamed SET boss = 6 WHERE boss = 5
UPDATE filtered SET name = 'x' WHERE owner = 5
UPDATE guarded SET name = 'x' WHERE owner = 5
DELETE FROM plain WHERE owner = 5
DELETE FROM found
DELETE FROM plain USING other o WHERE o.ref = plain.owner
UPDATE v5 SET name = 'x' WHERE owner = 5
INSERT INTO plain SELECT * FROM filtered WHERE owner = 5
""".strip().splitlines()


@pytest.fixture(scope="module")
def database(postgres):  # noqa: F811
    postgres.sql("CREATE DATABASE views")
    postgres.sql(SETUP, "views")
    postgres.sql(VIEWS, "views")
    return postgres


def dsn_of(database):
    return database.catalog_dsn().replace("dbname=postgres", "") + " dbname=views"


def test_as_the_plan_has_it(database):
    events = check(dsn_of(database), "".join(f"{statement};\n" for statement in STATEMENTS))
    wrong = []
    for line, statement in enumerate(STATEMENTS, 1):
        said = {event["index"] for event in events[line] if event["served"] and not is_order(event)}
        said = {index for index in said if index.split("_")[-1] in ("owner", "upper")}
        taken = indexes_taken(database, "views", statement)
        if bool(said) != bool(taken):
            wrong.append(f"{statement}\n    said {sorted(said)}, taken {sorted(taken)}")
    assert not wrong, "\n".join(wrong)


def test_what_was_drawn_by_chance(postgres):  # noqa: F811
    rows = [line.split("\t") for line in Path(views_draw.__file__).with_suffix(".tsv").read_text().splitlines()]
    indexes = list(dict.fromkeys(views_draw.INDEXES))
    postgres.sql("CREATE DATABASE views_draw TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'")
    postgres.sql(views_draw.SETUP + views_draw.tables(indexes) + "".join(
        views_draw.on_tables(view, indexes.index(row[0])) + ";\n" for row in rows for view in row[1].split("; ")), "views_draw")
    events = check(postgres.catalog_dsn().replace("dbname=postgres", "") + " dbname=views_draw", "".join(
        views_draw.on_tables(text, indexes.index(index)) + ";\n" for index, _, text, _ in rows))
    right, wrong = 0, []
    for line, (index, views, text, served) in enumerate(rows, 1):
        said = any(event["served"] for event in events[line] if not is_order(event))
        right += said == (served == "1")
        if said != (served == "1"):
            wrong.append(f"{index}: {views}: {text}: served is {served}")
    print("rows", len(rows), "right", right, "wrong", len(wrong))
    assert not wrong, "\n".join(wrong)
    assert right > 500


def findings(database, text, tmp_path):
    config = tmp_path / "pgproctor.ini"
    config.write_text("[pgproctor]\nlarge_table_rows = 10000\nmedium_table_rows = 5000\n[rule:M238]\nrows = 10000\n")
    done = subprocess.run([BINARY, "check", "--config", str(config), "--format", "json", "--fail-on", "never", "--dsn",
                           dsn_of(database), "-"], input=text, text=True, capture_output=True,
                          env={**os.environ, "ASAN_OPTIONS": "detect_leaks=0"})
    assert done.returncode == 0, done.stderr[-2000:]
    return {(event["code"], event["table"]) for event in map(json.loads, done.stdout.splitlines())
            if event["event"] == "finding"}


@pytest.mark.parametrize("statement, expected", [
    ("UPDATE plain SET qty = 1", {("M238", "item")}),
    ("DELETE FROM renamed", {("M238", "item")}),
    ("DELETE FROM found", set()),
    ("UPDATE diverted SET qty = 1", set()),
    ("SELECT * FROM plain WHERE name LIKE '%lamp%'", {("Q101", "item")}),
    ("SELECT * FROM each WHERE name LIKE '%lamp%'", {("Q101", "item"), ("Q101", "part")}),
    ("SELECT * FROM found WHERE name LIKE '%lamp%'", set()),
    ("SELECT * FROM limited WHERE name LIKE '%lamp%'", set()),
])
def test_findings_name_the_table(database, tmp_path, statement, expected):
    assert findings(database, statement + ";", tmp_path) == expected

"""Which table a name means, and what its indexes serve: schemas along search_path, partitions, inheritance. As
test_queries_in_from.py asks: pgproctor check --access beside PostgreSQL's plan."""

import pytest

from test_access import check, is_order, postgres  # noqa: F401 (a fixture)
from test_queries_in_from import index_conditions

SETUP = """
CREATE SCHEMA one; CREATE SCHEMA two; CREATE SCHEMA "Third";
CREATE TABLE one.same (id int, owner int); CREATE INDEX same_owner ON one.same (owner);
CREATE TABLE two.same (id int, owner int);
CREATE TABLE "Third"."Same" (id int, "Owner" int); CREATE INDEX third_owner ON "Third"."Same" ("Owner");
CREATE TABLE public.held (id int, owner int);
CREATE TABLE parted (id int, owner int, qty int) PARTITION BY RANGE (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (100) TO (200);
CREATE INDEX parted_owner ON parted (owner);
CREATE INDEX parted_1_qty_owner ON parted_1 (qty);
CREATE TABLE parent (id int, owner int, qty int); CREATE INDEX parent_owner ON parent (owner);
CREATE TABLE child () INHERITS (parent);
CREATE TABLE elder (id int, owner int, qty int); CREATE INDEX elder_owner ON elder (owner); CREATE INDEX elder_qty_idx ON elder (qty);
CREATE TABLE younger (extra text) INHERITS (elder); CREATE INDEX younger_owner ON younger (owner);
CREATE INDEX younger_qty ON younger (qty) WHERE qty > 5;
CREATE TABLE youngest () INHERITS (younger); CREATE INDEX youngest_owner ON youngest (owner);
CREATE TABLE heir_of (id int, owner int); CREATE INDEX heir_of_owner ON heir_of (owner);
"""

# Statements, and whether all of what they read has an index for the condition.
STATEMENTS = """
SELECT * FROM one.same WHERE owner = 5
SELECT * FROM two.same WHERE owner = 5
SET search_path = one, two; SELECT * FROM same WHERE owner = 5
SET search_path = two, one; SELECT * FROM same WHERE owner = 5
SET search_path = nowhere, one; SELECT * FROM same WHERE owner = 5
SET search_path = two, one; SELECT * FROM one.same WHERE owner = 5
SET search_path = "Third"; SELECT * FROM "Same" WHERE "Owner" = 5
SELECT * FROM "Third"."Same" WHERE "Owner" = 5
SELECT * FROM one.same a JOIN two.same b ON b.id = a.id WHERE a.owner = 5
SELECT * FROM one.same a JOIN two.same b ON b.id = a.id WHERE b.owner = 5
SELECT one.same.id FROM one.same, two.same WHERE one.same.owner = 5
SELECT two.same.id FROM one.same, two.same WHERE two.same.owner = 5
SELECT one.same.id FROM two.same, one.same WHERE one.same.owner = 5
SELECT * FROM two.same WHERE EXISTS (SELECT 1 FROM one.same WHERE one.same.id = two.same.id AND one.same.owner = 5)
SELECT * FROM two.same WHERE EXISTS (SELECT 1 FROM one.same WHERE one.same.id = two.same.id AND two.same.owner = 5)
SELECT * FROM elder WHERE owner = 5
SELECT * FROM younger WHERE owner = 5
SELECT * FROM ONLY elder WHERE qty = 5
SELECT * FROM parted WHERE owner = 5
SELECT * FROM parted_1 WHERE qty = 5
SELECT * FROM ONLY parent WHERE owner = 5
SELECT * FROM child WHERE owner = 5
CREATE TEMP TABLE held (id int, owner int); SELECT * FROM held WHERE owner = 5
SELECT * FROM public.held WHERE owner = 5
""".strip().splitlines()


@pytest.fixture(scope="module")
def database(postgres):  # noqa: F811
    postgres.sql("CREATE DATABASE relations")
    postgres.sql(SETUP, "relations")
    return postgres


def served(dsn, statement):
    events = check(dsn, statement + ";")
    return {event["index"] for line in events.values() for event in line if event["served"] and not is_order(event)}


@pytest.mark.parametrize("statement", STATEMENTS)
def test_as_the_plan_has_it(database, statement):
    dsn = database.catalog_dsn().replace("dbname=postgres", "") + " dbname=relations"
    *before, query = statement.split("; ")
    rows = database.sql("; ".join(["SET enable_seqscan = off", *before, f"EXPLAIN (FORMAT JSON, COSTS OFF) {query}"]),
                        "relations")
    assert bool(served(dsn, statement)) == bool(set(index_conditions(rows[0][0][0]["Plan"])))


def test_a_part_without_the_index_is_read_whole(database):
    """An index on some partitions serves no search of all of them."""
    dsn = database.catalog_dsn().replace("dbname=postgres", "") + " dbname=relations"
    assert not served(dsn, "SELECT * FROM parted WHERE qty = 5")


def test_an_heir_without_the_index_is_read_whole(database):
    dsn = database.catalog_dsn().replace("dbname=postgres", "") + " dbname=relations"
    for statement in ("SELECT * FROM parent WHERE owner = 5", "SELECT * FROM elder WHERE qty = 5"):
        assert not served(dsn, statement)

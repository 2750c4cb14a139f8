"""Conditions outside sub-selects, WITH queries and set operations, and HAVING: pgproctor check --access says that an index
serves one where PostgreSQL's plan has an Index Cond on it, and nowhere else."""

import pytest

from test_access import check, is_order, postgres  # noqa: F401 (a fixture)

SETUP = """
CREATE TABLE item (id int PRIMARY KEY, owner int, qty int, name text, note text);
CREATE TABLE part (id int PRIMARY KEY, owner int, qty int, name text, note text);
CREATE TABLE other (id int, owner bigint, ref int);
INSERT INTO item SELECT n, n % 1000, n % 7, 'n' || n, 'x' FROM generate_series(1, 20000) n;
INSERT INTO part SELECT n, n % 1000, n % 7, 'n' || n, 'x' FROM generate_series(1, 20000) n;
INSERT INTO other SELECT n, n % 1000, n FROM generate_series(1, 1000) n;
CREATE INDEX item_owner ON item (owner);
CREATE INDEX part_owner ON part (owner);
CREATE INDEX item_upper ON item (upper(name));
CREATE FUNCTION moody(int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION calm(int) RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION own(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
CREATE INDEX item_own_owner ON item (own(owner));
CREATE VIEW moody_view AS SELECT owner, moody(qty) AS m FROM item;
CREATE VIEW calm_view AS SELECT owner, calm(qty) AS m FROM item;
CREATE VIEW picky_view AS SELECT owner, qty FROM item WHERE moody(qty) = 3;
CREATE VIEW shut_view WITH (security_barrier) AS SELECT owner, qty, own(owner) AS o FROM item;
ANALYZE;
"""

STATEMENTS = """
SELECT owner, count(*) FROM item GROUP BY owner HAVING owner = 5
SELECT owner, count(*) FROM item GROUP BY owner HAVING owner = 5 AND count(*) > 1
SELECT owner, count(*) FROM item GROUP BY owner HAVING count(*) > 1
SELECT owner, count(*) FROM item GROUP BY owner HAVING count(*) > 1 OR owner = 5
SELECT count(*) FROM item HAVING max(owner) = 5
SELECT owner, qty FROM item GROUP BY GROUPING SETS ((owner), (qty)) HAVING owner = 5
SELECT owner, qty FROM item GROUP BY ROLLUP (owner, qty) HAVING owner = 5
SELECT upper(name) FROM item GROUP BY upper(name) HAVING upper(name) = 'N5'
SELECT owner FROM item GROUP BY owner HAVING owner = (SELECT 5)
SELECT * FROM (SELECT * FROM item) s WHERE owner = 5
SELECT * FROM (SELECT * FROM item) s WHERE s.owner = 5
SELECT * FROM (SELECT * FROM item) AS s(a, b) WHERE b = 5
SELECT * FROM (SELECT * FROM item) AS s(a, b) WHERE a = 5
SELECT * FROM (SELECT owner AS boss, id AS owner FROM item) s WHERE boss = 5
SELECT * FROM (SELECT owner AS boss, id AS owner FROM item) s WHERE owner = 5
SELECT * FROM (SELECT upper(name) AS u FROM item) s WHERE u = 'N5'
SELECT * FROM (SELECT upper(name) FROM item) s WHERE upper = 'N5'
SELECT * FROM (SELECT name FROM item) s WHERE upper(s.name) = 'N5'
SELECT * FROM (SELECT owner + 1 AS o FROM item) s WHERE o = 5
SELECT * FROM (SELECT owner::bigint AS o FROM item) s WHERE o = 5
SELECT * FROM (SELECT * FROM (SELECT owner AS a FROM item) x) y WHERE a = 5
SELECT * FROM (SELECT i.*, o.ref FROM item i JOIN other o ON o.id = i.id) s WHERE owner = 5
SELECT * FROM (SELECT o.ref, i.* FROM other o LEFT JOIN item i ON i.id = o.ref) s WHERE s.owner = 5
SELECT * FROM other o JOIN (SELECT * FROM item) s ON s.owner = o.ref
SELECT * FROM other o LEFT JOIN (SELECT * FROM item) s ON s.owner = o.ref
SELECT * FROM (SELECT * FROM item) s LEFT JOIN other o ON s.owner = 5
SELECT * FROM other o JOIN (SELECT owner, count(*) FROM item GROUP BY owner) s ON s.owner = o.ref
SELECT * FROM other o JOIN (SELECT DISTINCT owner FROM item) s ON s.owner = o.ref
SELECT * FROM (SELECT * FROM item ORDER BY name) s WHERE owner = 5
SELECT * FROM (SELECT * FROM item LIMIT 5) s WHERE owner = 5
SELECT * FROM (SELECT * FROM item OFFSET 5) s WHERE owner = 5
SELECT * FROM (SELECT * FROM item LIMIT ALL) s WHERE owner = 5
SELECT * FROM (SELECT DISTINCT owner, qty FROM item) s WHERE owner = 5
SELECT * FROM (SELECT DISTINCT ON (owner) owner, qty FROM item) s WHERE owner = 5
SELECT * FROM (SELECT DISTINCT ON (qty) owner, qty FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, count(*) AS n FROM item GROUP BY owner) s WHERE owner = 5
SELECT * FROM (SELECT owner, count(*) AS n FROM item GROUP BY owner) s WHERE n = 5
SELECT * FROM (SELECT max(owner) AS owner FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, qty FROM item GROUP BY GROUPING SETS ((owner), (qty))) s WHERE owner = 5
SELECT * FROM (SELECT owner, row_number() OVER (PARTITION BY owner) AS n FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, row_number() OVER (PARTITION BY qty) AS n FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, row_number() OVER (ORDER BY owner) AS n FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, random() AS r FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, random() AS r FROM item) s WHERE r = 5
SELECT * FROM (SELECT owner, generate_series(1, 2) AS g FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, generate_series(1, 2) AS g FROM item) s WHERE g = 5
SELECT * FROM (SELECT * FROM item FOR UPDATE) s WHERE owner = 5
SELECT * FROM (SELECT * FROM item UNION ALL SELECT * FROM part) s WHERE owner = 5
SELECT * FROM (SELECT owner AS o FROM item UNION ALL SELECT owner FROM part) s WHERE o = 5
SELECT * FROM (SELECT owner FROM item UNION SELECT owner FROM part) s WHERE owner = 5
SELECT * FROM (SELECT owner FROM item INTERSECT SELECT owner FROM part) s WHERE owner = 5
SELECT * FROM (SELECT owner FROM item EXCEPT SELECT owner FROM part) s WHERE owner = 5
SELECT * FROM (SELECT owner FROM item UNION ALL SELECT owner FROM other) s WHERE owner = 5
SELECT * FROM (SELECT owner FROM item UNION ALL (SELECT owner FROM part LIMIT 5)) s WHERE owner = 5
SELECT * FROM (SELECT owner FROM item UNION ALL SELECT owner FROM part LIMIT 5) s WHERE owner = 5
SELECT * FROM (SELECT owner FROM item UNION ALL SELECT owner FROM part UNION ALL SELECT id FROM item) s WHERE owner = 5
SELECT * FROM other o JOIN (SELECT owner FROM item UNION ALL SELECT owner FROM part) s ON s.owner = o.ref
SELECT * FROM other o JOIN (SELECT owner FROM item UNION SELECT owner FROM part) s ON s.owner = o.ref
WITH c AS (SELECT * FROM item) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT * FROM item) SELECT * FROM c AS d WHERE d.owner = 5
WITH c (a, b) AS (SELECT * FROM item) SELECT * FROM c WHERE b = 5
WITH c AS MATERIALIZED (SELECT * FROM item) SELECT * FROM c WHERE owner = 5
WITH c AS NOT MATERIALIZED (SELECT * FROM item) SELECT * FROM c a, c b WHERE a.owner = 5 AND b.owner = a.id
WITH c AS (SELECT * FROM item) SELECT * FROM c a, c b WHERE a.owner = 5 AND b.owner = a.id
WITH c AS (SELECT * FROM item WHERE owner = 3) SELECT * FROM c a, c b WHERE a.qty = b.qty
WITH c AS (SELECT * FROM item FOR UPDATE) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT *, random() FROM item) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT owner, count(*) FROM item GROUP BY owner) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT * FROM item LIMIT 5) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT * FROM item), d AS (SELECT * FROM c) SELECT * FROM d WHERE owner = 5
WITH c AS (SELECT * FROM item), d AS (SELECT * FROM c) SELECT * FROM d, c WHERE d.owner = 5 AND c.id = d.id
WITH RECURSIVE c AS (SELECT * FROM item) SELECT * FROM c WHERE owner = 5
WITH RECURSIVE c (n) AS (SELECT owner FROM item UNION ALL SELECT n + 1 FROM c WHERE n < 5) SELECT * FROM c WHERE n = 5
WITH RECURSIVE c (n) AS (SELECT id FROM item WHERE owner = 4 UNION ALL SELECT i.id FROM c JOIN item i ON i.owner = c.n) SELECT * FROM c
WITH c AS (DELETE FROM item RETURNING *) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT * FROM item UNION ALL SELECT * FROM part) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT * FROM item) UPDATE other SET ref = 1 FROM c WHERE c.id = other.id AND c.owner = 5
WITH c AS (SELECT * FROM item) SELECT * FROM part WHERE id IN (SELECT id FROM c WHERE owner = 5)
WITH c AS (SELECT * FROM item) SELECT (SELECT count(*) FROM c WHERE c.owner = o.ref) FROM other o
WITH item AS (SELECT * FROM part) SELECT * FROM item WHERE qty = 5
WITH item AS (SELECT * FROM item) SELECT * FROM item WHERE owner = 5
SELECT * FROM other o, LATERAL (SELECT * FROM item i WHERE i.owner = o.ref) s
SELECT * FROM other o, LATERAL (SELECT * FROM item i WHERE i.owner = o.ref LIMIT 1) s
SELECT * FROM other o, LATERAL (SELECT count(*) FROM item WHERE owner = ref) s
SELECT * FROM other o WHERE EXISTS (SELECT 1 FROM item i WHERE i.owner = o.ref)
SELECT * FROM other o WHERE EXISTS (SELECT 1 FROM item WHERE owner = ref)
SELECT * FROM other o JOIN item i USING (owner)
SELECT * FROM part p JOIN item i USING (owner)
SELECT * FROM part p NATURAL JOIN (SELECT owner, 1 AS one FROM item) i
SELECT * FROM (SELECT owner, moody(qty) AS m FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, moody(qty) AS m FROM item) s WHERE m = 5
SELECT * FROM (SELECT moody(owner) AS owner FROM item) s WHERE owner = 5
SELECT * FROM (SELECT owner, 1 + moody(qty) AS m FROM item) s JOIN other o ON s.owner = o.ref
SELECT * FROM (SELECT owner, calm(qty) AS m FROM item) s JOIN other o ON s.owner = o.ref
SELECT * FROM (SELECT own(owner) AS o FROM item) s WHERE o = 5
SELECT * FROM (SELECT owner FROM item WHERE moody(qty) = 3) s WHERE owner = 5
SELECT * FROM (SELECT owner FROM item WHERE moody(qty) = 3) s JOIN other o ON s.owner = o.ref
SELECT * FROM (SELECT DISTINCT owner FROM item) s WHERE owner = moody(5)
SELECT * FROM (SELECT DISTINCT owner FROM item) s WHERE owner = calm(5)
SELECT * FROM (SELECT moody(owner) AS m, owner FROM item UNION ALL SELECT 1, owner FROM part) s WHERE owner = 5
WITH c AS (SELECT owner, moody(qty) FROM item) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT owner, calm(qty) FROM item) SELECT * FROM c WHERE owner = 5
WITH c AS (SELECT owner FROM item WHERE moody(qty) = 3) SELECT * FROM c WHERE owner = 5
WITH c AS NOT MATERIALIZED (SELECT owner FROM item WHERE moody(qty) = 3) SELECT * FROM c WHERE owner = 5
SELECT * FROM moody_view WHERE owner = 5
SELECT * FROM moody_view v JOIN other o ON v.owner = o.ref
SELECT * FROM calm_view v JOIN other o ON v.owner = o.ref
SELECT * FROM picky_view v JOIN other o ON v.owner = o.ref
SELECT * FROM shut_view WHERE owner = 5
SELECT * FROM shut_view WHERE owner = 5 AND own(qty) = 3
SELECT * FROM shut_view WHERE o = 5
SELECT * FROM shut_view WHERE own(o) = 5
SELECT * FROM shut_view WHERE own(owner) = 5
SELECT * FROM shut_view v JOIN other o ON v.owner = o.ref
SELECT * FROM item WHERE own(owner) = 5
SELECT * FROM other NATURAL JOIN part
SELECT * FROM other NATURAL LEFT JOIN (SELECT owner AS id, qty AS owner FROM item) i
SELECT * FROM (SELECT 1 AS owner) o NATURAL JOIN (SELECT name AS n, i.* FROM item i) AS i(a, b, owner)
SELECT * FROM (SELECT 1 AS nothing) o NATURAL JOIN item
SELECT * FROM (part p JOIN other o ON o.ref = p.id) NATURAL JOIN (SELECT qty, note FROM item) i
SELECT * FROM other WHERE ref IN (SELECT owner FROM item WHERE qty = (SELECT ref))
SELECT * FROM item WHERE owner = (SELECT ref FROM other WHERE id = 3)
SELECT * FROM item WHERE owner = (SELECT ref FROM other WHERE ref = qty)
SELECT * FROM item WHERE owner = (SELECT qty)
SELECT * FROM item WHERE owner = (SELECT max(ref) FROM other)
SELECT * FROM item WHERE owner = (SELECT 2.5)
SELECT * FROM item WHERE EXISTS (SELECT 1 FROM other WHERE ref = item.owner)
SELECT * FROM item WHERE EXISTS (SELECT 1 FROM other WHERE ref = owner LIMIT 1)
SELECT * FROM item WHERE EXISTS (SELECT 1 FROM other o WHERE o.ref = item.owner AND o.id > item.qty)
SELECT * FROM item WHERE EXISTS (SELECT 1 FROM other o WHERE o.ref > item.owner)
SELECT * FROM item WHERE NOT EXISTS (SELECT 1 FROM other o WHERE o.ref = item.owner)
SELECT * FROM item WHERE EXISTS (SELECT count(*) FROM other o WHERE o.ref = item.owner)
SELECT * FROM item WHERE EXISTS (SELECT 1 FROM other o WHERE o.ref = item.owner) OR qty = 3
SELECT * FROM item WHERE EXISTS (SELECT 1 FROM other o WHERE o.ref = item.owner AND o.id = item.qty)
SELECT * FROM item WHERE NOT (NOT (owner IN (SELECT ref FROM other)))
SELECT * FROM part p JOIN (SELECT owner, 1 AS one FROM item) i USING (owner)
SELECT * FROM item WHERE owner IN (SELECT ref FROM other)
SELECT * FROM (SELECT * FROM item) s WHERE owner IN (SELECT ref FROM other)
SELECT * FROM (SELECT DISTINCT owner FROM item) s WHERE owner IN (SELECT ref FROM other)
""".strip().splitlines()


def index_conditions(plan):
    # max() asks for what is not NULL.
    if plan.get("Index Cond", "(owner IS NOT NULL)") != "(owner IS NOT NULL)" and plan.get("Index Name", "").split("_")[-1] in ("owner", "upper", "idx"):
        yield plan["Index Name"]
    for part in plan.get("Plans", []):
        yield from index_conditions(part)


@pytest.fixture(scope="module")
def database(postgres):  # noqa: F811
    postgres.sql("CREATE DATABASE in_from")
    postgres.sql(SETUP, "in_from")
    return postgres


def indexes_taken(database, name, statement):
    """A plan takes one of several ways: what counts is whether there is one, so each way of joining is tried."""
    taken = set()
    for settings in ("", "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off;"
                     " SET enable_hashagg = off;"):
        rows = database.sql(f"SET enable_seqscan = off; {settings} EXPLAIN (FORMAT JSON, COSTS OFF) {statement}", name)
        taken |= set(index_conditions(rows[0][0][0]["Plan"]))
    return taken


def test_as_the_plan_has_it(database):
    dsn = database.catalog_dsn().replace("dbname=postgres", "") + " dbname=in_from"
    events = check(dsn, "".join(f"{statement};\n" for statement in STATEMENTS))
    wrong = []
    for line, statement in enumerate(STATEMENTS, 1):
        said = {event["index"] for event in events[line] if event["served"] and not is_order(event)}
        said = {index for index in said if index.split("_")[-1] in ("owner", "upper")}
        taken = indexes_taken(database, "in_from", statement)
        if bool(said) != bool(taken):
            wrong.append(f"{statement}\n    said {sorted(said)}, taken {sorted(taken)}")
    assert not wrong, "\n".join(wrong)

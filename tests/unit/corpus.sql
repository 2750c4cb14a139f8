-- Statements whose literals the tests vary, one a line. Lines that begin with two dashes are left out.
-- What Django sends for its models, in both drivers' spelling.
SELECT "store_item"."id", "store_item"."title", "store_item"."price" FROM "store_item" WHERE "store_item"."id" = 7 LIMIT 21
SELECT "store_item"."id" FROM "store_item" WHERE UPPER("store_item"."title"::text) LIKE UPPER('%lamp%') ORDER BY "store_item"."id" ASC LIMIT 20
SELECT "store_item"."id" FROM "store_item" WHERE UPPER("store_item"."title"::text) LIKE UPPER('la%')
SELECT "store_item"."id" FROM "store_item" WHERE UPPER("store_item"."title"::text) LIKE UPPER('%mp')
SELECT "store_item"."id" FROM "store_item" WHERE UPPER("store_item"."title"::text) = UPPER('Lamp')
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title"::text LIKE '%lamp%'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title"::text LIKE E'%50\\%%'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title"::text ~ '^la.*p$'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title"::text ~* 'l[ae]mp'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title" IN ('lamp', 'chair', 'desk')
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."id" IN (4, 8, 15, 16, 23, 42)
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."id" IN (4)
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."uid" IN ('0b5c6e8e-1d6f-4b43-9d3b-5d4b7a0e6a11'::uuid, '1b5c6e8e-1d6f-4b43-9d3b-5d4b7a0e6a11'::uuid)
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."price" BETWEEN 10 AND 20.5
SELECT "store_item"."id" FROM "store_item" WHERE NOT ("store_item"."title" = 'x' AND "store_item"."title" IS NOT NULL)
SELECT "store_item"."id" FROM "store_item" WHERE NOT (EXISTS(SELECT 1 AS "a" FROM "store_tag" U1 WHERE (U1."name" LIKE '%red%' AND U1."item_id" = ("store_item"."id")) LIMIT 1))
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."id" NOT IN (SELECT U0."item_id" FROM "store_tag" U0 WHERE U0."name" = 'old')
SELECT COUNT(*) AS "__count" FROM "store_item" WHERE "store_item"."active"
SELECT (1) AS "a" FROM "store_item" WHERE "store_item"."title" = 'lamp' LIMIT 1
SELECT "store_item"."id" FROM "store_item" ORDER BY "store_item"."title" DESC LIMIT 20 OFFSET 40
SELECT "store_item"."id" FROM "store_item" ORDER BY RANDOM() ASC LIMIT 5
SELECT "store_item"."id", "store_item"."title" AS "t" FROM "store_item" ORDER BY 2 DESC, 1 ASC
SELECT "store_item"."kind", COUNT("store_item"."id") AS "n" FROM "store_item" GROUP BY 1 HAVING COUNT("store_item"."id") > 3 ORDER BY 2 DESC
SELECT "store_item"."id" FROM "store_item" WHERE ("store_item"."made" AT TIME ZONE 'UTC')::date = '2024-01-02'::date
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."made" BETWEEN '2024-01-01 00:00:00+00:00'::timestamptz AND '2024-12-31 23:59:59+00:00'::timestamptz
SELECT "store_item"."id" FROM "store_item" WHERE EXTRACT('month' FROM "store_item"."made" AT TIME ZONE 'UTC') = 5
SELECT "store_item"."id" FROM "store_item" WHERE EXTRACT(MONTH FROM "store_item"."made" AT TIME ZONE 'Europe/Paris') IN (5, 6)
SELECT DATE_TRUNC('day', "store_item"."made" AT TIME ZONE 'UTC') AS "day" FROM "store_item" GROUP BY DATE_TRUNC('day', "store_item"."made" AT TIME ZONE 'UTC')
SELECT "store_item"."id" FROM "store_item" WHERE ("store_item"."data" -> 'color') = '"red"'::jsonb
SELECT "store_item"."id" FROM "store_item" WHERE ("store_item"."data" ->> 'color') = 'red'
SELECT "store_item"."id" FROM "store_item" WHERE ("store_item"."data" #> '{size,width}') = '10'
SELECT "store_item"."id" FROM "store_item" WHERE ("store_item"."data" #> ARRAY['size','width']) = '10'
SELECT "store_item"."id" FROM "store_item" WHERE UPPER(("store_item"."data" ->> 'color')::text) LIKE UPPER('%re%')
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."data" @> '{"color": "red"}'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."data" ? 'color'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."data" ?| ARRAY['color','size']
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."tags" @> ARRAY['red']::varchar(20)[]
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."tags" && (ARRAY['red','blue'])::varchar(20)[]
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."tags"[1] = 'red'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."tags"[1:2] = ARRAY['red','blue']
SELECT "store_item"."id" FROM "store_item" WHERE CASE WHEN "store_item"."tags" IS NULL THEN NULL ELSE coalesce(array_length("store_item"."tags", 1), 0) END = 2
SELECT "store_item"."id" FROM "store_item" WHERE to_tsvector(COALESCE("store_item"."title", '')) @@ (plainto_tsquery('red lamp'))
SELECT "store_item"."id" FROM "store_item" WHERE to_tsvector('english'::regconfig, COALESCE("store_item"."title", '')) @@ (plainto_tsquery('english'::regconfig, 'red lamp'))
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title" % 'lmap'
SELECT "store_item"."id" FROM "store_item" WHERE HOST("store_item"."ip") LIKE '10.%'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."stock"::text LIKE '%12%'
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title"::text LIKE '%' || REPLACE(REPLACE(REPLACE(("store_item"."code"), E'\\', E'\\\\'), E'%', E'\\%'), E'_', E'\\_') || '%'
SELECT "store_item"."id", "store_shop"."name" FROM "store_item" INNER JOIN "store_shop" ON ("store_item"."shop_id" = "store_shop"."id") WHERE "store_shop"."name" LIKE 'Nor%'
SELECT "store_item"."id" FROM "store_item" LEFT OUTER JOIN "store_tag" ON ("store_item"."id" = "store_tag"."item_id" AND "store_tag"."name" = 'red') WHERE "store_tag"."id" IS NULL
SELECT DISTINCT "store_item"."kind" FROM "store_item" WHERE ("store_item"."price" > 10 OR "store_item"."title" LIKE '%sale%')
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."id" = 7 FOR UPDATE
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."id" = 7 FOR NO KEY UPDATE OF "store_item" SKIP LOCKED
SELECT "store_item"."id" FROM "store_item" ORDER BY CASE WHEN ("store_item"."id" = 4) THEN 0 WHEN ("store_item"."id" = 9) THEN 1 ELSE NULL END ASC
(SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title" = 'a') UNION ALL (SELECT "store_tag"."id" FROM "store_tag" WHERE "store_tag"."name" LIKE '%b%') LIMIT 10
INSERT INTO "store_item" ("title", "price", "made", "data") VALUES ('lamp', '10.50', '2024-01-01T00:00:00+00:00'::timestamptz, '{"a": 1}') RETURNING "store_item"."id"
INSERT INTO "store_item" ("title", "price") VALUES ('lamp', 10), ('chair', 20), ('desk', 30) RETURNING "store_item"."id"
INSERT INTO "store_item" ("title", "price") VALUES ('lamp', NULL), ('chair', 20), (NULL, 30), ('desk', DEFAULT)
INSERT INTO "store_item" ("title", "made", "sold", "flag") VALUES ('lamp', '2024-01-01'::date, NULL, true), ('chair', '2024-01-02'::timestamptz, '2024-01-03'::timestamptz, false), (NULL, NULL, '2024-01-03'::date, DEFAULT), ('d', -3, -2.5, NULL)
SELECT "store_item"."id" FROM "store_item" JOIN (VALUES (1, 'a'), (2, NULL), (-3, 'c'::text)) v(n, s) ON v.n = "store_item"."id" WHERE v.s LIKE '%abc'
INSERT INTO "store_item" ("title", "price") VALUES (UPPER('lamp'), 1 + 2), (UPPER('chair'), 3 + 4)
INSERT INTO "store_item" ("title", "shop_id") VALUES ('a', (SELECT id FROM "store_shop" WHERE "name" LIKE '%x%')), ('b', (SELECT id FROM "store_shop" WHERE "name" LIKE 'y%'))
INSERT INTO "store_item" ("title") VALUES ('lamp') ON CONFLICT ("title") DO UPDATE SET "price" = EXCLUDED."price", "kind" = 'x' WHERE "store_item"."title" LIKE '%a%'
INSERT INTO "store_item" ("title") VALUES ('lamp') ON CONFLICT DO NOTHING
INSERT INTO "store_item" ("title") SELECT "name" FROM "store_tag" WHERE "name" LIKE '%x' LIMIT 5
UPDATE "store_item" SET "title" = 'lamp', "price" = '10.50', "stock" = 4, "made" = '2024-01-01T00:00:00+00:00'::timestamptz WHERE "store_item"."id" = 7
UPDATE "store_item" SET "stock" = ("store_item"."stock" - 1) WHERE ("store_item"."id" = 7 AND "store_item"."stock" >= 1)
UPDATE "store_item" SET "kind" = CASE WHEN ("store_item"."id" = 1) THEN 'a' WHEN ("store_item"."id" = 2) THEN 'b' ELSE NULL END WHERE "store_item"."id" IN (1, 2)
UPDATE "store_item" SET "kind" = (SELECT "name" FROM "store_tag" WHERE "name" LIKE '%a%' LIMIT 1) WHERE "title" LIKE 'b%'
UPDATE "store_item" SET "kind" = 'x' FROM "store_tag" t JOIN "store_shop" s ON s."name" LIKE '%q%' WHERE t."item_id" = "store_item"."id" AND t."name" ~ 'ab+c'
DELETE FROM "store_item" WHERE "store_item"."id" IN (7, 8, 9)
DELETE FROM "store_item" USING "store_tag" WHERE "store_tag"."name" = 'x' AND "store_item"."title" ILIKE '%old%'
DECLARE "_django_curs_1_sync_1" NO SCROLL CURSOR WITH HOLD FOR SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title" LIKE '%lamp%'
FETCH FORWARD 2000 FROM "_django_curs_1_sync_1"
CLOSE "_django_curs_1_sync_1"
SAVEPOINT "s1_x1"
RELEASE SAVEPOINT "s1_x1"
ROLLBACK TO SAVEPOINT "s1_x1"
BEGIN
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY
COMMIT
ROLLBACK
SET TIME ZONE 'UTC'
SET search_path TO shop, public
SET LOCAL lock_timeout = '2s'
SET app.tenant = 'north'
SELECT set_config('TimeZone', 'UTC', false)
SELECT set_config('search_path', 'a, b', true)
SELECT pg_catalog.set_config('app.x', 'secret', false)
SELECT oid, typarray FROM pg_type WHERE typname = 'hstore'
UPDATE "store_item" SET "a" = 1 WHERE "id" = 2; SET CONSTRAINTS ALL IMMEDIATE
SELECT 1; SELECT 'a'; SELECT "x" FROM t WHERE y LIKE '%z%'
-- Server-side binding.
SELECT "store_item"."id" FROM "store_item" WHERE UPPER("store_item"."title"::text) LIKE UPPER($1) LIMIT 21
SELECT "store_item"."id" FROM "store_item" WHERE "store_item"."title"::text LIKE '%' || $1 || '%'
SELECT "store_item"."id" FROM "store_item" WHERE ("store_item"."data" -> $1) = $2 AND "kind" = 'x'
SELECT "store_item"."id" FROM "store_item" WHERE ("store_item"."tags")[$1] = 'x' AND "id" IN ($2, $3)
INSERT INTO "store_item" ("title", "price") VALUES ($1, 1), ($2, 2), ($3, 3)
-- Conditions of every kind.
SELECT * FROM a WHERE x = 1 AND y = 'b' AND z = 2.5 AND w = true AND v = NULL
SELECT * FROM a WHERE x = -1 OR y < - 2 OR z > +3.5
SELECT * FROM a WHERE x LIKE 'abc'
SELECT * FROM a WHERE x NOT LIKE '%abc'
SELECT * FROM a WHERE x ILIKE 'ab%' AND y NOT ILIKE '%cd%'
SELECT * FROM a WHERE x LIKE 'a!%b' ESCAPE '!'
SELECT * FROM a WHERE x LIKE '%a' ESCAPE ''
SELECT * FROM a WHERE x SIMILAR TO '%(b|d)%'
SELECT * FROM a WHERE x SIMILAR TO 'abc%' ESCAPE '#'
SELECT * FROM a WHERE x NOT SIMILAR TO 'a_c'
SELECT * FROM a WHERE x SIMILAR TO 12
SELECT * FROM a WHERE x ~ '^abc' AND y !~ 'd.f' AND z ~* 'ghi$' AND w !~* '[jk]l'
SELECT * FROM a WHERE x ~ 12 OR y ~ 1.5 OR z ~ ('a' || 123)
SELECT * FROM a WHERE x ~~ '%a%' AND y !~~ 'b%' AND z ~~* '%c' AND w !~~* 'd'
SELECT * FROM a WHERE x OPERATOR(pg_catalog.~~) '%a%'
SELECT * FROM a WHERE (d OPERATOR(pg_catalog.->) 'key') = 'v'
SELECT * FROM a WHERE x LIKE lower('%A%') AND y LIKE upper(lower('b%'))
SELECT * FROM a WHERE x LIKE '%' || 'b' || '%'
SELECT * FROM a WHERE x LIKE '%' || 5
SELECT * FROM a WHERE x LIKE concat('%', 'abc', '%')
SELECT * FROM a WHERE x LIKE ('%' || $1) || '%'
SELECT * FROM a WHERE x LIKE replace('a_b', '_', '\_') || '%'
SELECT * FROM a WHERE x LIKE CAST('%abc%' AS text)
SELECT * FROM a WHERE x LIKE '%abc%'::varchar(10)
SELECT * FROM a WHERE x LIKE '%abc%' COLLATE "C"
SELECT * FROM a WHERE x LIKE ANY (ARRAY['%a%', 'b%'])
SELECT * FROM a WHERE x LIKE ANY ('{%a%,b%}'::text[])
SELECT * FROM a WHERE x LIKE ALL (ARRAY['%a%'])
SELECT * FROM a WHERE x LIKE (SELECT '%a%')
SELECT * FROM a WHERE x LIKE CASE WHEN y = 'q' THEN '%a%' ELSE 'b%' END
SELECT * FROM a WHERE x LIKE y
SELECT * FROM a WHERE 'abc' LIKE x AND '%abc%' ~ y
SELECT * FROM a WHERE x LIKE E'a\tb%' AND y LIKE E'\\_%' AND z LIKE E'\x25a'
SELECT * FROM a WHERE x LIKE U&'\0025abc' AND y LIKE $$%a%$$ AND z LIKE $q$b%$q$
SELECT * FROM a WHERE x LIKE N'%a%'
SELECT * FROM a WHERE x LIKE B'101' AND y ~ B'1' AND z = X'1F'
SELECT * FROM a WHERE like_escape('x%', '#') = y AND x LIKE like_escape('%a', '\')
SELECT * FROM a WHERE textlike(x, '%a%') AND starts_with(y, 'b')
SELECT * FROM a WHERE x = ANY (ARRAY[1, 2, 3]) AND y = ANY ('{4,5}'::int[]) AND z <> ALL (ARRAY['a', 'b'])
SELECT * FROM a WHERE x IN (1, 2) AND y IN ('a', 'b', 'c') AND z NOT IN (1.5, 2.5)
SELECT * FROM a WHERE x IN ('a', 'b%', '%c', '')
SELECT * FROM a WHERE x IN (1, 3000000000, 99999999999999999999)
SELECT * FROM a WHERE x IN (1, 'a', 2.5, NULL, 3)
SELECT * FROM a WHERE x IN (-1, - 2, +3, 4)
SELECT * FROM a WHERE x IN ('a'::text, 'b'::text, 'c')
SELECT * FROM a WHERE x IN ('2024-01-01'::date, date '2024-01-02')
SELECT * FROM a WHERE x IN ('a'::varchar(3), 'b'::varchar(4))
SELECT * FROM a WHERE x IN (1 + 1, 2 + 2)
SELECT * FROM a WHERE x IN (y, y, 3)
SELECT * FROM a WHERE x IN ((1), (2), ((3)))
SELECT * FROM a WHERE (x, y) IN ((1, 'a'), (2, 'b'), (3, 'c'))
SELECT * FROM a WHERE (x, y) = (1, 'a') AND ROW(x, z) = ROW(2, 'b')
SELECT * FROM a WHERE x IN (VALUES (1), (2), (3))
SELECT * FROM a WHERE x IN (SELECT y FROM b WHERE z IN (1, 2, 3) AND w LIKE '%a%')
SELECT * FROM a WHERE true IN (x LIKE '%a%', y LIKE 'b%')
SELECT * FROM a WHERE x IN (lower('A'), lower('B'))
SELECT * FROM a WHERE (x IN (1, 2)) = (y IN (3, 4))
SELECT * FROM a WHERE x BETWEEN SYMMETRIC 5 AND 1 AND y NOT BETWEEN 'a' AND 'b'
SELECT * FROM a WHERE x IS DISTINCT FROM 5 AND y IS NOT DISTINCT FROM 'a'
SELECT * FROM a WHERE x IS NULL AND y IS NOT NULL AND z IS TRUE AND w IS NOT FALSE
SELECT * FROM a WHERE NOT x AND NOT (y = 'b' OR z LIKE '%c%')
SELECT * FROM a WHERE x = 1::bigint AND y = '5'::int AND z = 'abc'::int AND w = CAST('7' AS numeric(10,2))
SELECT * FROM a WHERE x + '5'::int = 3 AND y * 'abc'::int = 4
SELECT * FROM a WHERE x::varchar(5) = 'abc' AND y::numeric(8,2) = 3 AND z::bit(4) = B'1010' AND w::float(20) = 1
SELECT * FROM a WHERE x::character varying(5) = 'a' AND y::timestamp(3) with time zone = 'b' AND z::double precision = 1
SELECT * FROM a WHERE x::int[3] = '{1,2,3}' AND y::int ARRAY[3] = '{}' AND CAST(z AS int ARRAY[4]) = '{}'
SELECT * FROM a WHERE x::public.vector(3) = '[1,2,3]' AND y::"my"."type"(4, 5) = 'q'
SELECT * FROM a WHERE varchar(5) 'abc' = x AND interval(3) '1 day' = y
SELECT * FROM a WHERE date '2024-01-01' < x AND y > interval '1 day' AND z > interval '1' day AND w = interval '3' second(2)
SELECT * FROM a WHERE timestamp with time zone '2024-01-01' < x AND time '10:00' > y
SELECT * FROM a WHERE date_part('year', x) = 2024 AND date_trunc('month', y) = '2024-01-01' AND "date_trunc"('day', z) = 'a'
SELECT * FROM a WHERE pg_catalog.date_trunc('week', x) = 'b' AND timezone('UTC', y) = 'c' AND extract(year from z) = 1
SELECT * FROM a WHERE x AT TIME ZONE 'UTC' AT TIME ZONE 'CET' = 'b' AND y AT TIME ZONE INTERVAL '-3 hours' = 'c'
SELECT * FROM a WHERE x AT TIME ZONE (CASE WHEN y = 'q' THEN 'UTC' ELSE 'CET' END) = 'b'
SELECT * FROM a WHERE x AT TIME ZONE CASE WHEN y = 'q' THEN 'UTC' ELSE 'CET' END = 'b'
SELECT * FROM a WHERE d -> 'a' -> 'b' ->> 'c' = 'val'
SELECT * FROM a WHERE d -> 1 ->> -2 = 'val' AND d->-1 = 'q' AND d -> + 4 = 'w'
SELECT * FROM a WHERE d -> 'a' - 'b' = 'val' AND d -> 1 + 1 = 'q'
SELECT * FROM a WHERE d -> ('a' || 'b') = 'val' AND d -> lower('A') = 'q' AND d ->> ('a') LIKE '%v%'
SELECT * FROM a WHERE d -> text 'a' = 'val' AND d -> 'a'::text = 'q' AND d -> CAST('k' AS text) = 'r'
SELECT * FROM a WHERE d -> CASE WHEN x = 'q' THEN 'a' ELSE 'b' END = 'val'
SELECT * FROM a WHERE d -> x = 'val' AND d ->> y LIKE '%v%'
SELECT * FROM a WHERE d ->> 'a' LIKE '%v%' AND d ->> 'b' IN ('x', 'y') AND d ->> 'c' IS NULL
SELECT * FROM a WHERE d #>> '{a,b}' = 'v' AND d #> ARRAY['a', 'b'] = 'w' AND d #>> ARRAY['c']::text[] = 'x'
SELECT * FROM a WHERE (d #> ARRAY['a b', 'c,d']) = 'w' AND (d #> ARRAY[x, 'b']) = 'v'
SELECT * FROM a WHERE d['a']['b'] = '1' AND d['c'] = '"x"' AND t[1][2] = 3 AND t[x + 1] = 4 AND t[2:3] = '{}'
SELECT * FROM a WHERE (d).field = 'x' AND ((d).list)[2] = 'y'
SELECT * FROM a WHERE d @> '{"a": [1, 2]}' AND d <@ '{}' AND d ?& ARRAY['a'] AND d @? '$.a ? (@ > 1)' AND d @@ '$.b == 2'
SELECT * FROM a WHERE jsonb_extract_path_text(d, 'a', 'b') = 'v' AND jsonb_path_exists(d, '$.x')
SELECT * FROM a WHERE x @@ to_tsquery('english', 'a & b') AND to_tsvector('simple', y) @@ to_tsquery('c') AND z @@ websearch_to_tsquery('german', 'd')
SELECT * FROM a WHERE "to_tsvector"('english', x) @@ "plainto_tsquery"('q w e') AND to_tsvector(config => 'english', body => y) @@ 'a'::tsquery
SELECT * FROM a WHERE to_tsvector(lower('ENGLISH')::regconfig, x) @@ phraseto_tsquery(('simple')::regconfig, 'a b')
SELECT * FROM a WHERE coalesce(x, 'none') = 'none' AND nullif(y, '') IS NULL AND greatest(z, 1, 2) > 3 AND least(w, 'a') = 'b'
SELECT * FROM a WHERE substring(x from 1 for 3) = 'abc' AND position('a' in y) > 0 AND trim(both 'x' from z) = 'q' AND overlay(w placing 'a' from 2) = 'b'
SELECT * FROM a WHERE left(x, 3) = 'abc' AND right(y, 2) = 'de' AND x || 'suffix' = 'q' AND 'p' || y = 'r'
SELECT * FROM a WHERE x % 10 = 3 AND y & 4 = 4 AND z ^ 2 > 5 AND w << 2 = 8 AND |/ v = 2 AND @ u = 3
SELECT * FROM a WHERE x = 1 OR x = 2 OR (y = 'a' AND (z = 'b' OR w LIKE '%c'))
SELECT * FROM a WHERE (((x))) = ((1)) AND ((y) LIKE (('%a%')))
SELECT * FROM a WHERE CASE x WHEN 1 THEN 'a' WHEN 2 THEN 'b' END = 'c' AND CASE WHEN y LIKE '%q%' THEN 1 ELSE 2 END = 1
SELECT * FROM a WHERE values = 'x' AND name LIKE '%foo%'
SELECT * FROM a WHERE update = 1 AND set = 2 AND name LIKE '%foo%'
SELECT * FROM (SELECT 1) update, set WHERE set = 1 AND name LIKE '%foo%'
SELECT * FROM (SELECT 1) update JOIN set ON set.x LIKE '%foo%' AND update.y ~ 'b.r'
SELECT values, set, "in" FROM a WHERE "in" = 'x' AND x LIKE '%y%'
UPDATE set SET set = 'a', values = 'b' WHERE set LIKE '%c%' AND update = 'd'
UPDATE a SET (x, y) = (1, 'b'), (z, w) = (SELECT 'q', r FROM b WHERE s LIKE '%t%') WHERE u ~ '^v'
UPDATE a SET x[1] = 'b', d['k'] = '"v"', y.z = 'c' WHERE t LIKE 'a_b'
UPDATE ONLY a AS b SET x = 'y' WHERE CURRENT OF c
UPDATE a SET x = DEFAULT, y = NULL, z = ARRAY['a', 'b'], w = ROW(1, 'x') RETURNING x, 'lit' AS l
WITH q AS (SELECT x FROM a WHERE y LIKE '%z%'), r AS MATERIALIZED (SELECT 1 WHERE 'a' = 'b') SELECT * FROM q, r WHERE q.x = 'w'
WITH q(x) AS NOT MATERIALIZED (VALUES (1, 'a'), (2, 'b')) SELECT * FROM q WHERE x IN (1, 2)
WITH q AS (UPDATE a SET x = 'y' WHERE z LIKE '%w%' RETURNING *) SELECT * FROM q WHERE x LIKE 'v%'
WITH q AS (DELETE FROM a WHERE x LIKE '%y' RETURNING id) INSERT INTO b (id, s) SELECT id, 'z' FROM q
WITH q AS (INSERT INTO a (x) VALUES ('p'), ('q') RETURNING id) UPDATE b SET y = 'w' FROM q WHERE b.id = q.id AND b.z ~ 'v+'
WITH RECURSIVE t(n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM t WHERE n < 100) SELECT sum(n) FROM t
SELECT * FROM (VALUES (1, 'a'), (2, 'b')) AS v(n, s) JOIN u ON u.name LIKE '%x%' WHERE v.s = 'a'
SELECT * FROM (VALUES (1, 'a'), (2, 'b%'), (3, NULL)) v WHERE column2 LIKE '%c%'
VALUES (1, 'a'), (2, 'b'), (3, 'c')
VALUES (1), (2) ORDER BY 1 LIMIT 1
TABLE a
TABLE a ORDER BY x LIMIT 5
SELECT 1
SELECT 'a', 'b' AS c, 3 d, -4, 5.5, NULL, true, ARRAY[1, 2], ROW(1, 'x'), (SELECT 'y')
SELECT DISTINCT ON (x, 1) 'lit', y FROM a ORDER BY x, 1
SELECT x, 'lit' FROM a GROUP BY x, 2 ORDER BY 'q', 2
SELECT x FROM a ORDER BY x + 1, lower('A'), 2 NULLS FIRST, y USING > LIMIT 10 OFFSET 20000
SELECT x FROM a ORDER BY x COLLATE "C" DESC NULLS LAST FETCH FIRST 5 ROWS ONLY
SELECT x FROM a ORDER BY d ->> 'k', t[1], x::varchar(4) LIMIT ALL OFFSET 3 ROWS
SELECT x, rank() OVER (PARTITION BY y ORDER BY z, 'a' ROWS BETWEEN 3 PRECEDING AND CURRENT ROW) FROM a WINDOW w AS (ORDER BY 'q')
SELECT count(*) FILTER (WHERE x LIKE '%a%'), string_agg(y, ', ' ORDER BY z), percentile_cont(0.5) WITHIN GROUP (ORDER BY w) FROM a
SELECT x FROM a GROUP BY GROUPING SETS ((x, 1), (y), ()) HAVING max(z) LIKE '%q%' AND count(*) > 5
SELECT x FROM a TABLESAMPLE system (10) REPEATABLE (5) WHERE y LIKE 'b%'
SELECT x FROM a, LATERAL (SELECT z FROM b WHERE b.x = a.x AND b.y LIKE '%q%' LIMIT 3) l WHERE l.z = 'w'
SELECT x FROM generate_series(1, 10, 2) AS g(x) WHERE x > 5
SELECT x FROM json_to_recordset('[{"a":1}]') AS r(a int, b varchar(10)) WHERE b LIKE '%c%'
SELECT x FROM a NATURAL JOIN b CROSS JOIN c LEFT JOIN d USING (id, k) WHERE x = 'y'
SELECT x FROM a UNION SELECT 'b' EXCEPT SELECT 'c' INTERSECT SELECT y FROM d WHERE z LIKE '%w' ORDER BY 1
SELECT x INTO TEMP b FROM a WHERE y LIKE '%z%'
SELECT a.x, b."Y z", c."q""r" FROM s.a, public."B" b, "We""ird" c WHERE b."Y z" LIKE '%i%' AND U&"\0061" = 'n'
SELECT X FROM A WHERE Y Like '%Z%' And z iN (1,2)
SELECT/**/x/* y */FROM--z
SELECT x FROM a WHERE y LIKE '%z%' -- tail
SELECT x FROM a /* controller='c' */ WHERE y = 'b'
SELECT E'a\'b', E'\u0041', E'\101', E'\x41', U&'\0041', U&'d!0061' UESCAPE '!', 'a''b', $$c$$, B'1', X'f', N'g'
SELECT 1e10, 1.5E-3, .5, 5., 1::int, '1'::text, 00012, 2147483647, 2147483648, 9223372036854775807, 9223372036854775808
SELECT current_date, current_timestamp(3), localtime, now() - interval '1 day', f(1, 'a', x => 2), f(VARIADIC ARRAY['a', 'b'])
SELECT x IS JSON FROM a
SELECT xmlparse(document '<a/>'), xmlelement(name foo, xmlattributes('b' AS bar), 'c')
MERGE INTO a USING b ON a.id = b.id AND b.x LIKE '%y%' WHEN MATCHED AND a.z LIKE '%w%' THEN UPDATE SET x = 'q', y = 'r' WHEN NOT MATCHED AND b.v ~ 'u' THEN INSERT (x, y) VALUES ('s', 1)
MERGE INTO a USING (VALUES (1, 'x'), (2, 'y')) b(i, s) ON a.id = b.i WHEN MATCHED THEN DELETE
-- Statements around queries.
EXPLAIN SELECT x FROM a WHERE y LIKE '%z%'
EXPLAIN (ANALYZE true, FORMAT json, BUFFERS off) SELECT x FROM a WHERE y = 'b'
EXPLAIN (FORMAT 'json') UPDATE a SET x = 'y' WHERE z LIKE 'w%'
EXPLAIN ANALYZE VERBOSE DELETE FROM a WHERE x = 'b'
EXPLAIN CREATE TABLE c AS SELECT 'x' AS y FROM a WHERE z LIKE '%w%'
EXPLAIN EXECUTE p('a', 1)
DECLARE c CURSOR FOR VALUES (1, 'a'), (2, 'b')
DECLARE c SCROLL CURSOR WITHOUT HOLD FOR WITH q AS (SELECT 'a' AS x) SELECT x FROM q WHERE x LIKE 'b%'
PREPARE p (text) AS SELECT x FROM a WHERE y = $1 AND z = 'b'
EXECUTE p('a', 5)
DEALLOCATE p
COPY a (x, y) FROM STDIN WITH (FORMAT csv, DELIMITER ';', NULL 'n')
COPY a FROM STDIN
COPY (SELECT x FROM a WHERE y LIKE '%z%') TO STDOUT WITH (FORMAT csv, QUOTE '"')
COPY (VALUES (1, 'a'), (2, 'b')) TO STDOUT
COPY a TO '/tmp/x' DELIMITER ',' ESCAPE '\' ENCODING 'utf8'
CALL proc(1, 'a')
DO $$ BEGIN PERFORM 'x'; END $$
DO LANGUAGE plpgsql 'BEGIN NULL; END'
LISTEN chan
NOTIFY chan, 'payload'
LOCK TABLE a IN SHARE MODE NOWAIT
TRUNCATE a, b RESTART IDENTITY CASCADE
VACUUM (FULL, PARALLEL 2) a
ANALYZE a (x, y)
REINDEX TABLE CONCURRENTLY a
CLUSTER a USING i
SHOW TIME ZONE
RESET ALL
DISCARD TEMP
CHECKPOINT
SET x.y = 5
SET ROLE bob
SET SESSION AUTHORIZATION 'alice'
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ
PREPARE TRANSACTION 'gid-1'
COMMIT PREPARED 'gid-1'
ALTER ROLE bob PASSWORD 'secret' VALID UNTIL '2030-01-01'
CREATE USER carl WITH ENCRYPTED PASSWORD 'hidden' CONNECTION LIMIT 5
ALTER SYSTEM SET work_mem = '64MB'
ALTER DATABASE d SET app.key TO 'x'
COMMENT ON TABLE a IS 'text of a comment'
SECURITY LABEL ON TABLE a IS 'label'
GRANT SELECT ON a TO bob
IMPORT FOREIGN SCHEMA s FROM SERVER v INTO t OPTIONS (a 'b')
CREATE SERVER v FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'h', port '5432')
CREATE SUBSCRIPTION s CONNECTION 'host=x password=y' PUBLICATION p
-- Schema changes.
CREATE TABLE "store_item" ("id" bigint NOT NULL PRIMARY KEY GENERATED BY DEFAULT AS IDENTITY, "title" varchar(50) NOT NULL, "price" numeric(10, 2) NOT NULL DEFAULT 5, "kind" text DEFAULT 'x' CHECK ("kind" <> 'y'))
CREATE TABLE a (x int DEFAULT 1, y text DEFAULT 'b' || 'c', z timestamptz DEFAULT now(), w int REFERENCES b (id) ON DELETE CASCADE) WITH (fillfactor = 70) TABLESPACE t
CREATE TABLE a PARTITION OF b FOR VALUES FROM ('2024-01-01') TO ('2024-02-01')
CREATE TABLE a PARTITION OF b FOR VALUES IN (1, 2, 3)
CREATE TABLE a (LIKE b INCLUDING ALL) PARTITION BY RANGE (x)
CREATE TABLE c AS SELECT x, 'lit' AS y FROM a WHERE z LIKE '%w%' LIMIT 5
CREATE MATERIALIZED VIEW m AS SELECT x FROM a WHERE y LIKE '%z%'
CREATE VIEW v AS SELECT x FROM a WHERE y IN (1, 2, 3)
CREATE INDEX CONCURRENTLY "i" ON "store_item" USING gin (UPPER("title") gin_trgm_ops)
CREATE UNIQUE INDEX i ON a (x, lower(y) DESC NULLS LAST) INCLUDE (z) WHERE w = 'open' AND v > 5
CREATE INDEX i ON a ((d ->> 'k'), (x + 1), date_trunc('day', y AT TIME ZONE 'UTC'))
ALTER TABLE "store_item" ADD COLUMN "qty" integer DEFAULT 0 NOT NULL
ALTER TABLE "store_item" ADD COLUMN "note" varchar(100) DEFAULT 'none' NOT NULL, ADD COLUMN "uid" uuid DEFAULT gen_random_uuid()
ALTER TABLE "store_item" ALTER COLUMN "qty" DROP DEFAULT
ALTER TABLE "store_item" ALTER COLUMN "price" TYPE numeric(12, 2) USING "price"::numeric(12, 2)
ALTER TABLE "store_item" ALTER COLUMN "title" TYPE varchar(200), ALTER COLUMN "title" SET NOT NULL, ALTER COLUMN "title" SET DEFAULT 'abc'
ALTER TABLE "store_item" ADD CONSTRAINT "c" CHECK ("price" > 0 AND "kind" IN ('a', 'b')) NOT VALID
ALTER TABLE "store_item" VALIDATE CONSTRAINT "c"
ALTER TABLE "store_item" ADD CONSTRAINT "f" FOREIGN KEY ("shop_id") REFERENCES "store_shop" ("id") DEFERRABLE INITIALLY DEFERRED; SET CONSTRAINTS "f" IMMEDIATE
ALTER TABLE "store_item" RENAME COLUMN "kind" TO "sort"
ALTER TABLE a SET (fillfactor = 70, autovacuum_enabled = false), SET TABLESPACE t, ALTER x SET STATISTICS 100
ALTER TABLE a ATTACH PARTITION b FOR VALUES FROM (1) TO (100)
ALTER TABLE a DETACH PARTITION b CONCURRENTLY
ALTER TYPE mood ADD VALUE 'meh' BEFORE 'ok'
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')
CREATE DOMAIN d AS text DEFAULT 'x' CHECK (VALUE ~ '^a')
CREATE SEQUENCE s START WITH 100 INCREMENT BY 5
CREATE FUNCTION f(x int DEFAULT 5) RETURNS text LANGUAGE sql AS $f$ SELECT 'secret' $f$
CREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT x FROM a WHERE y = 'b' AND z LIKE '%c%'; END
CREATE RULE r AS ON INSERT TO a DO ALSO (INSERT INTO b VALUES (1, 'x'); UPDATE c SET y = 'z')
CREATE TRIGGER t BEFORE UPDATE ON a FOR EACH ROW WHEN (OLD.x <> 'b') EXECUTE FUNCTION g('arg', 1)
CREATE POLICY p ON a USING (owner = 'bob') WITH CHECK (x > 5)
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH VERSION '1.6'
DROP TABLE IF EXISTS a, b CASCADE
DROP INDEX CONCURRENTLY i
REFRESH MATERIALIZED VIEW CONCURRENTLY m WITH NO DATA
-- Values that may be secrets or documents.
INSERT INTO "auth_user" ("password", "username", "is_staff") VALUES ('pbkdf2_sha256$260000$c2FsdA$Zm9vYmFyYmF6', 'ann', true) RETURNING "auth_user"."id"
INSERT INTO "auth_user" ("username", "password") VALUES ('ann', 'hunter2'), ('bob', 'hunter3'), ('eve', '')
INSERT INTO "auth_user" ("username", "password") VALUES ($1, $2), ($3, $4)
INSERT INTO "shop_buyer" ("Api_Key", cardnumber, note) VALUES ('sk_live_4eC39HqLyjWDarjtT1zdp7dc', '4111 1111 1111 1111', '{"a": 1}'), ('x', 'y', '[]')
INSERT INTO a (note, data) VALUES ('{"a": "it''s"}', E'{"a": "\\"}'), (E'\{"a": 1}', ''), ('[draft]', $$[1, 2]$$)
UPDATE "auth_user" SET "username" = 'ann', "password" = 'hunter2'::varchar WHERE "auth_user"."password" = 'x' AND "name" LIKE '%hunter2%'
UPDATE a SET note = '{"a": 1}', (token, pwd) = ('x', ('hunter2')), client_secret = upper('y') WHERE note = '{}'
UPDATE a SET password = CASE WHEN id = 1 THEN 'a' ELSE 'b' END, api_key = $1, data = data || '{"a": 1}'
WITH n AS (INSERT INTO a (password) VALUES ('hunter2') RETURNING id) UPDATE b SET password = 'hunter2' FROM n WHERE b.id = n.id AND b.secret = '!'
MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET password = 'hunter2' WHEN NOT MATCHED THEN INSERT (password) VALUES ('hunter3')
EXPLAIN ANALYZE UPDATE a SET password = 'hunter2', note = '[]'
INSERT INTO a VALUES (1, 'hunter2', '', '5f4dcc3b5aa765d61d8327deb882cf99'), (2, 'b', '{"a": 1}', 'c'), (3, 'd', 'e', NULL)
INSERT INTO a AS x SELECT 1, 'hunter2', '[1]' UNION ALL VALUES (2, 'sk_live_4eC39HqLyjWDarjtT1zdp7dc', 'x')
INSERT INTO "a" (SELECT y, 'hunter2' FROM b WHERE z = 'hunter2')
INSERT INTO a (at, y) OVERRIDING USER VALUE VALUES (1, 'hunter2')
MERGE INTO a USING b ON a.id = b.id WHEN NOT MATCHED THEN INSERT VALUES (1, 'hunter2', $1)
UPDATE a SET password = 'hun' || 'ter2', token = concat('ab', '', 'c'), note = md5('x'), pwd = encode(sha256('hunter2'), 'hex')
UPDATE a SET (note, password) = (SELECT 'x', 'hunter2'), api_key = COALESCE(NULLIF(api_key, ''), 'sk_live_4eC39HqLyjWDarjtT1zdp7dc')
SELECT pgp_sym_encrypt('text', 'key'), crypt('hunter2', gen_salt('bf')), hmac('a', 'b', 'sha256'), x FROM dblink('host=a password=b', 'SELECT 1') AS d (x int)
SELECT dblink_connect('c', 'host=a'), pgp_sym_decrypt(data, $1), crypt($1, password) FROM a WHERE password = crypt('hunter2', password)
ALTER ROLE anna PASSWORD 'hunter2'
CREATE USER anna WITH LOGIN PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5'
CREATE USER MAPPING FOR anna SERVER far OPTIONS (user 'anna', password 'hunter2')
CREATE SUBSCRIPTION s CONNECTION 'host=a password=b' PUBLICATION p
-- What does not parse.
SELECT FROM WHERE 'a' LIKE
SELEC 1, 'a'
SELECT 1a, 1_000, 0x1F, $1a
SELECT 'a' 'b', E'\u00zz'
INSERT INTO a VALUES (1, 'x'), (2
SELECT x FROM a WHERE y IN (1, 2, AND z IN ('b', 'c')
SELECT ) 'a' ( 1 ] [ 2
INSERT INTO acct (id, password) SELECT v.id, v.p FROM (VALUES (1, 'hunter2'), (2, '')) AS v (id, p)
WITH v (id, p) AS (VALUES (1, 'hunter2')) INSERT INTO acct (id, password) SELECT id, p FROM v
WITH v AS (SELECT 'hunter2' AS p) UPDATE acct SET password = v.p FROM v WHERE acct.id = 5
MERGE INTO acct USING (VALUES (1, 'hunter2')) AS v (id, p) ON acct.id = v.id WHEN NOT MATCHED THEN INSERT (id, password) VALUES (v.id, v.p)
INSERT INTO acct (id, card_number) VALUES (1, 4111111111111111), (2, 4111111111111112)
UPDATE acct SET card_number = 4111111111111111 WHERE id = 5
SELECT 1 AS id, 'hunter2' AS password INTO made
SELECT 1 AS id, 'pbkdf2_sha256$260000$3ZhqEwSr5p3gRjmHTQrRA5$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c=' AS password INTO made
CREATE TABLE made AS SELECT 'hunter2' AS password

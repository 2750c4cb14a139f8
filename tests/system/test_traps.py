"""The traps of each rule: what looks like its prey and is none, and what is prey though it looks harmless. Each case has a
table of its own in one real database, and is judged by `pgproctor check`."""

import json
import os
import subprocess

import harness
import pytest

CONFIG = """[pgproctor]
large_table_rows = 1000
medium_table_rows = 300
[rule:unbounded-select]
rows = 1000
"""

# Of each case: {t}, of 1500 rows, or as many as it says; {s} has 200.
COLUMNS = """id serial PRIMARY KEY, name varchar(50), note text, code char(10), plain text COLLATE "C", vague text COLLATE vague,
    mail citext, owner int, qty int, price numeric(10,2), ts timestamp, created timestamptz, data jsonb, tags text[], flag bool,
    ip inet, day date, net cidr, few int, required int NOT NULL"""
FILL = """INSERT INTO {t} (name, note, code, plain, vague, mail, owner, qty, price, ts, created, data, tags, flag, ip, day, net, few, required)
    SELECT m, m, left(m, 9), m, m, m, g, g % 700, g / 7.0, now(), now(), jsonb_build_object('k', g), ARRAY[m], g % 50 = 0,
    ('10.0.' || g % 250 || '.1')::inet, '2020-01-01', '10.0.0.0/8', g % 3, g
    FROM (SELECT g, md5(g::text) AS m FROM generate_series(1, {rows}) g) s"""
SHARED = """
CREATE EXTENSION pg_trgm; CREATE EXTENSION citext; CREATE EXTENSION btree_gist;
CREATE COLLATION vague (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE DOMAIN free_text AS text; CREATE DOMAIN short_text AS text CHECK (length(VALUE) < 99);
CREATE TYPE mood AS ENUM ('ok', 'bad');
CREATE FUNCTION inlined() RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 7';
CREATE FUNCTION opaque() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 7; END';
CREATE FUNCTION firm() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN 7; END';
CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE SCHEMA elsewhere;
"""

W = "SELECT * FROM {t} WHERE "
A = "ALTER TABLE {t} "
TRGM = "CREATE INDEX ON {t} USING gin (upper(name) gin_trgm_ops)"
BARE = "CREATE INDEX ON {t} USING gin (name gin_trgm_ops)"
OWNER = "CREATE INDEX ON {t} (owner)"
ICONTAINS = "UPPER({t}.name::text) LIKE UPPER('%lamp%')"

# rule, the trap, what is there beside the table, the statement, all that is found.
QUERIES = [
    ("Q101", "none", "", W + ICONTAINS, "Q101"),
    ("Q101", "another condition leaves few rows", OWNER, W + ICONTAINS + " AND owner = 5", ""),
    ("Q101", "another condition leaves many rows", "CREATE INDEX ON {t} (few)", W + ICONTAINS + " AND few = 1", "Q101"),
    ("Q101", "a frequent word under ORDER BY pk LIMIT stands", "", W + ICONTAINS + " ORDER BY id LIMIT 20", "Q101"),
    ("Q101", "the inner side of a join over few rows", OWNER, "SELECT * FROM {s} s JOIN {t} ON {t}.owner = s.id WHERE s.id = 5 AND " + ICONTAINS, ""),
    ("Q101", "the outer side of a join", "", "SELECT * FROM {t} JOIN {s} s ON s.id = {t}.owner WHERE " + ICONTAINS, "Q101"),
    ("Q101", "an arm of the OR asks another table", "", "SELECT {t}.id FROM {t} LEFT JOIN {s} s ON s.id = {t}.owner WHERE " + ICONTAINS + " OR UPPER(s.name) LIKE '%LAMP%'", "Q101"),
    ("Q101", "an escaped wildcard is none", "CREATE INDEX ON {t} (name varchar_pattern_ops)", W + "name LIKE '\\%x%'", ""),
    ("Q101", "E'' and ESCAPE", "", W + "name LIKE '!%x%' ESCAPE '!'", "Q104"),
    ("Q101", "HOST(inet)", "", W + "HOST(ip) LIKE '%12%'", "Q101"),
    ("Q102", "in the middle", TRGM, W + "UPPER(name) LIKE '%AB%'", "Q102"),
    ("Q102", "anchored at the start", BARE, W + "name LIKE 'ab%'", ""),
    ("Q102", "anchored at the end", BARE, W + "name LIKE '%ab'", ""),
    ("Q102", "a word begins", BARE, W + "name LIKE '% de%'", ""),
    ("Q102", "wildcards break a run", BARE, W + "name LIKE '%d_a_b%'", "Q102"),
    ("Q102", "three letters of several bytes", BARE, W + "name LIKE '%日本語%'", ""),
    ("Q102", "two letters of several bytes", BARE, W + "name LIKE '%日本%'", "Q102"),
    ("Q103", "icontains beside an index on the bare column", BARE, W + ICONTAINS, "Q103"),
    ("Q103", "ILIKE is served by the bare index", BARE, W + "name ILIKE '%lamp%'", ""),
    ("Q103", "~* is served by the bare index", BARE, W + "name ~* 'lamp'", ""),
    ("Q103", "lower() is another expression", TRGM, W + "LOWER(name) LIKE '%lamp%'", "Q103"),
    ("Q104", "a plain B-tree", "CREATE INDEX ON {t} (name)", W + "name LIKE 'lamp%'", "Q104"),
    ("Q104", "a plain B-tree on a column of collation C", "CREATE INDEX ON {t} (plain)", W + "plain LIKE 'lamp%'", ""),
    ("Q104", "a B-tree of collation C", "CREATE INDEX ON {t} (name COLLATE \"C\")", W + "name LIKE 'lamp%'", ""),
    ("Q104", "a trigram index, one letter", BARE, W + "name LIKE 'l%'", ""),
    ("Q104", "no pattern at all", "CREATE INDEX ON {t} (name)", W + "name LIKE 'lamp'", ""),
    ("Q105", "none", "", W + "UPPER(name::text) = UPPER('lamp')", "Q105"),
    ("Q105", "another condition leaves few rows", OWNER, W + "UPPER(name::text) = UPPER('lamp') AND owner = 5", ""),
    ("Q105", "citext and plain =", "CREATE INDEX ON {t} (mail)", W + "mail = 'lamp'", ""),
    ("Q105", "the unique index of the expression", "CREATE UNIQUE INDEX ON {t} (upper(name))", W + "UPPER(name::text) = UPPER('lamp')", ""),
    ("Q106", "anchored, with pattern_ops", "CREATE INDEX ON {t} (name varchar_pattern_ops)", W + "name ~ '^lamp'", ""),
    ("Q106", "anchored, but without case", "CREATE INDEX ON {t} (name varchar_pattern_ops)", W + "name ~* '^lamp'", "Q106"),
    ("Q107", "wrapped", "CREATE INDEX ON {t} (created)", W + "(created AT TIME ZONE 'UTC')::date = '2020-01-01'", "Q107"),
    ("Q107", "an index on that expression", "CREATE INDEX ON {t} (((created AT TIME ZONE 'UTC')::date))", W + "(created AT TIME ZONE 'UTC')::date = '2020-01-01'", ""),
    ("Q107", "an index on that expression of another time zone", "CREATE INDEX ON {t} (((created AT TIME ZONE 'UTC')::date)); CREATE INDEX ON {t} (created)",
     W + "(created AT TIME ZONE 'Europe/Berlin')::date = '2020-01-01'", "Q107"),
    ("Q107", "__year is a range", "CREATE INDEX ON {t} (created)", W + "created BETWEEN '1990-01-01' AND '1990-12-31'", ""),
    ("Q107", "varchar to text costs nothing", "CREATE INDEX ON {t} (name)", W + "name::text = 'lamp'", ""),
    ("Q108", "few rows each", "", W + "owner = 5", "Q108"),
    ("Q108", "many rows each", "", W + "few = 1", ""),
    ("Q108", "a join leads to the rows", OWNER, "SELECT * FROM {s} s JOIN {t} ON {t}.owner = s.id WHERE {t}.qty = 5", ""),
    ("Q108", "the second column of an index behind one that is not asked for", "CREATE INDEX ON {t} (few, owner)", W + "owner = 5", ""),
    ("Q108", "a partial index that is implied", "CREATE INDEX ON {t} (owner) WHERE owner IS NOT NULL", W + "owner = 5", ""),
    ("Q109", "numeric", "", W + "id = 5.0", "Q109"),
    ("Q109", "bigint", "", W + "id = 5::bigint", ""),
    ("Q109", "smallint", "", W + "id = 5::smallint", ""),
    ("Q109", "quoted", "", W + "id = '5'", ""),
    ("Q110", "unindexed", "", "SELECT * FROM {t} ORDER BY price LIMIT 10", "Q110"),
    ("Q110", "the index has equality before the order", "CREATE INDEX ON {t} (owner, price)", W + "owner = 5 ORDER BY price LIMIT 10", ""),
    ("Q110", "the order is of what is fixed", OWNER, W + "owner = 5 ORDER BY owner LIMIT 10", ""),
    ("Q110", "a plain B-tree read backwards", "CREATE INDEX ON {t} (price)", "SELECT * FROM {t} ORDER BY price DESC LIMIT 10", ""),
    ("Q110", "NULLS LAST read backwards is another order", "CREATE INDEX ON {t} (price DESC NULLS LAST)", "SELECT * FROM {t} ORDER BY price DESC LIMIT 10", "Q110"),
    ("Q111", "large", "", "SELECT * FROM {t} ORDER BY random() LIMIT 1", "Q111"),
    ("Q111", "few rows", "", "SELECT * FROM {s} ORDER BY random() LIMIT 1", ""),
    ("Q111", "few rows of many", OWNER, W + "owner = 5 ORDER BY random() LIMIT 1", ""),
    ("Q112", "deep", "", "SELECT * FROM {t} ORDER BY id LIMIT 20 OFFSET 20000", "Q112"),
    ("Q112", "few rows", "", "SELECT * FROM {s} ORDER BY id LIMIT 20 OFFSET 20000", ""),
    ("Q113", "all rows", "", 'SELECT COUNT(*) AS "__count" FROM {t}', "Q113"),
    ("Q113", "few of them", OWNER, "SELECT COUNT(*) FROM {t} WHERE owner = 5", ""),
    ("Q114", "large", "", W + "NOT (id IN (SELECT owner FROM {t} u))", "Q114"),
    ("Q114", "few rows in the sub-select", "", W + "NOT (id IN (SELECT id FROM {s}))", ""),
    ("Q114", "NOT EXISTS", OWNER, "SELECT sum(qty) FROM {t} WHERE NOT EXISTS (SELECT 1 FROM {t} u WHERE u.owner = {t}.id)", ""),
    ("Q115", "none", "", W + "data @> '{{\"k\": 1}}'", "Q115"),
    ("Q115", "another condition leaves few rows", OWNER, W + "data @> '{{\"k\": 1}}' AND owner = 5", ""),
    ("Q115", "<@ is served by no operator class", "CREATE INDEX ON {t} USING gin (data)", W + "data <@ '{{\"k\": 1}}'", "Q115"),
    ("Q115", "NOT ? is served by nothing", "", W + "NOT (data ? 'k')", ""),
    ("Q116", "a GIN index on the document", "CREATE INDEX ON {t} USING gin (data)", W + "(data -> 'k') = '1'", "Q116"),
    ("Q116", "an index on that key", "CREATE INDEX ON {t} ((data -> 'k'))", W + "(data -> 'k') = '1'", ""),
    ("Q116", "->> is another expression", "CREATE INDEX ON {t} ((data -> 'k'))", W + "(data ->> 'k') = '1'", "Q116"),
    ("Q117", "jsonb_path_ops and a key", "CREATE INDEX ON {t} USING gin (data jsonb_path_ops)", W + "data ? 'k'", "Q117"),
    ("Q117", "jsonb_path_ops and containment", "CREATE INDEX ON {t} USING gin (data jsonb_path_ops)", W + "data @> '{{\"k\": 1}}'", ""),
    ("Q118", "arrays know <@", "CREATE INDEX ON {t} USING gin (tags)", W + "tags <@ ARRAY['x']", ""),
    ("Q118", "= ANY of the column is never served", "CREATE INDEX ON {t} USING gin (tags)", W + "'x' = ANY (tags)", "Q118"),
    ("Q119", "without a configuration", "CREATE INDEX ON {t} USING gin (to_tsvector('english', note))", W + "to_tsvector(COALESCE(note, '')) @@ plainto_tsquery('x')", "Q119"),
    ("Q119", "COALESCE is another expression", "CREATE INDEX ON {t} USING gin (to_tsvector('english', note))",
     W + "to_tsvector('english'::regconfig, COALESCE(note, '')) @@ plainto_tsquery('english'::regconfig, 'x')", "Q119"),
    ("Q119", "that very expression", "CREATE INDEX ON {t} USING gin (to_tsvector('english', COALESCE(note, '')))",
     W + "to_tsvector('english'::regconfig, COALESCE(note, '')) @@ plainto_tsquery('english'::regconfig, 'x')", ""),
    ("Q119", "a stored vector", "ALTER TABLE {t} ADD words tsvector; CREATE INDEX ON {t} USING gin (words)", W + "words @@ plainto_tsquery('english', 'x')", ""),
    ("Q120", "all rows", "", "SELECT id, name FROM {t}", "Q120"),
    ("Q120", ".iterator()", "", "DECLARE c NO SCROLL CURSOR WITH HOLD FOR SELECT id, name FROM {t}", ""),
    ("Q121", "an array is one value", "", "SELECT name FROM {t} WHERE id = ANY ('{{" + ",".join(map(str, range(2000))) + "}}')", ""),
    ("Q121", "a list is many", "", "SELECT name FROM {t} WHERE id IN (" + ",".join(map(str, range(2000))) + ")", "Q121"),
    ("Q122", "one arm without an index", OWNER, W + "owner = 5 OR qty = 5", "Q122"),
    ("Q122", "an arm asks another table", TRGM, "SELECT {t}.id FROM {t} LEFT JOIN {s} s ON s.id = {t}.owner WHERE " + ICONTAINS + " OR UPPER(s.name) LIKE '%LAMP%'", "Q122"),
    ("Q122", "what asks another table is and-ed to an arm", TRGM, "SELECT {t}.id FROM {t} JOIN {s} s ON s.id = {t}.owner WHERE " + ICONTAINS + " OR (UPPER({t}.name) LIKE '%OTHER%' AND s.flag)", ""),
    ("Q122", "both have one", OWNER + "; CREATE INDEX ON {t} (qty)", W + "owner = 5 OR qty = 5", ""),
    ("Q125", "nothing connects them", "", "SELECT sum(a.qty) FROM {t} a, {t} b", "Q125"),
    ("Q125", "LATERAL", OWNER, "SELECT sum(a.qty) FROM {t} a, LATERAL (SELECT * FROM {t} u WHERE u.owner = a.id) o", ""),
    ("Q125", "one row", "", "SELECT sum(a.qty) FROM {t} a, {t} b WHERE b.id = 1", ""),
    ("Q125", "VALUES", "", "SELECT sum(a.qty) FROM {t} a, (VALUES (1), (2)) v (n)", ""),
    ("Q126", "out of a column", "", W + "name LIKE '%' || REPLACE(note, '%', '')", "Q126"),
    ("Q130", "nondeterministic", "", W + "vague LIKE 'x%'", "Q130"),
    ("Q130", "with another collation", "CREATE INDEX ON {t} (vague COLLATE \"C\")", W + "vague COLLATE \"C\" LIKE 'x%'", ""),
]

TX = "BEGIN; {}; COMMIT"
LIMIT = "SET lock_timeout = '2s'"
CHECKED = "ALTER TABLE {t} ADD CONSTRAINT c CHECK ({})"

CHANGES = [
    # What holds for all of them.
    ("M202", "large", "", "CREATE INDEX ON {t} (qty)", "M202"),
    ("M202", "few rows", "", "CREATE INDEX ON {s} (qty)", ""),
    ("all", "made in the same transaction", "", "BEGIN; CREATE TABLE {t}_n AS SELECT * FROM {t}; CREATE INDEX ON {t}_n (qty); ALTER TABLE {t}_n ADD UNIQUE (id), ALTER qty TYPE bigint, "
     "ALTER owner SET NOT NULL, ADD CHECK (qty > 0), ADD n serial; COMMIT", ""),
    ("all", "made by SELECT INTO in the same transaction", "", "BEGIN; SELECT * INTO {t}_i FROM {t}; CREATE INDEX ON {t}_i (qty); COMMIT", ""),
    ("all", "made, and undone by ROLLBACK TO", "", "BEGIN; SAVEPOINT a; CREATE TABLE {t} (qty int); ROLLBACK TO a; CREATE INDEX ON {t} (qty); COMMIT", "M202"),
    ("all", "IF NOT EXISTS of what is there", "CREATE INDEX {t}_there ON {t} (qty)", "CREATE INDEX IF NOT EXISTS {t}_there ON {t} (qty); ALTER TABLE {t} ADD COLUMN IF NOT EXISTS qty bigserial", ""),
    ("all", "a temporary table", "", "CREATE TEMP TABLE {t}_temp AS SELECT * FROM {t}; CREATE INDEX ON {t}_temp (qty); ALTER TABLE pg_temp.{t}_temp ALTER qty TYPE bigint", ""),
    ("all", "a temporary table hides the one that is there", "", "CREATE TEMP TABLE {t} (qty int); CREATE INDEX ON {t} (qty); DROP TABLE {t}", ""),
    ("all", "a partitioned table is as large as its leaves", "CREATE TABLE {t}_p (id int, qty int) PARTITION BY RANGE (id); CREATE TABLE {t}_p1 PARTITION OF {t}_p FOR VALUES FROM (0) TO (900);"
     "CREATE TABLE {t}_p2 PARTITION OF {t}_p FOR VALUES FROM (900) TO (1800); INSERT INTO {t}_p SELECT g, g FROM generate_series(0, 1799) g",
     "ALTER TABLE {t}_p ADD n float DEFAULT random()", "M205"),
    ("M201", "limited by the session", "", A + "ADD c int", ""),
    ("M201", "not limited", "", "SET lock_timeout = 0; " + A + "ADD c int; " + LIMIT, "M201"),
    ("M201", "limited for this transaction only", "", "SET lock_timeout = 0; BEGIN; SET LOCAL lock_timeout = '1s'; " + A + "ADD c int; COMMIT; " + A + "ADD d int; " + LIMIT, "M201"),
    ("M202", "a partitioned table takes no CONCURRENTLY", "CREATE TABLE {t}_p (id int, qty int) PARTITION BY RANGE (id); CREATE TABLE {t}_p1 PARTITION OF {t}_p DEFAULT; INSERT INTO {t}_p SELECT g, g FROM generate_series(1, 2000) g",
     "CREATE INDEX ON {t}_p (qty)", "M228"),
    ("M202", "ON ONLY builds nothing", "CREATE TABLE {t}_p (id int, qty int) PARTITION BY RANGE (id); CREATE TABLE {t}_p1 PARTITION OF {t}_p DEFAULT; INSERT INTO {t}_p SELECT g, g FROM generate_series(1, 2000) g",
     "CREATE INDEX ON ONLY {t}_p (qty)", ""),
    ("M203", "blocking", "CREATE INDEX {t}_q ON {t} (qty)", "DROP INDEX {t}_q", "M203"),
    ("M203", "CONCURRENTLY", "CREATE INDEX {t}_q ON {t} (qty)", "DROP INDEX CONCURRENTLY {t}_q", ""),
    ("M204", "the system's own", "", "REINDEX SYSTEM traps", ""),
    ("M204", "CONCURRENTLY", "", "REINDEX TABLE CONCURRENTLY {t}", ""),
    *(("M205", f"DEFAULT {default}", "", A + f"ADD c {kind} DEFAULT {default}", "M205") for kind, default in (
        ("timestamptz", "clock_timestamp()"), ("uuid", "gen_random_uuid()"), ("float", "random()"), ("int", "opaque()"), ("text", "'a' || random()"))),
    *(("M205", f"DEFAULT {default}", "", A + f"ADD c {kind} DEFAULT {default} NOT NULL", "") for kind, default in (
        ("timestamptz", "now()"), ("timestamptz", "CURRENT_TIMESTAMP"), ("date", "CURRENT_DATE"), ("timestamptz", "STATEMENT_TIMESTAMP()"), ("int", "inlined()"),
        ("int", "firm()"), ("uuid", "'192940fe-0d02-49f4-85f3-368794dcd7ea'"), ("int", "1 + 1"), ("text", "current_user"))),
    *(("M206", f"ADD {column}", "", A + f"ADD c {column}", "M206") for column in (
        "serial", "int GENERATED ALWAYS AS IDENTITY", "int GENERATED ALWAYS AS (qty * 2) STORED", "short_text")),
    *(("M206", f"ADD {column}", "", A + f"ADD c {column}", "") for column in ("free_text", "mood", "int DEFAULT 7", "short_text[]")),
    ("M207", "fails on any row", "", "ALTER TABLE {s} ADD c int NOT NULL", "M207"),
    ("M207", "no row, no failure", "CREATE TABLE {t}_e (a int)", "ALTER TABLE {t}_e ADD c int NOT NULL", ""),
    ("M207", "a default", "", A + "ADD c int NOT NULL DEFAULT 0", ""),
    ("M208", "the default dropped at once", "", TX.format(A + "ADD c int DEFAULT 0 NOT NULL; " + A + "ALTER c DROP DEFAULT"), "M208"),
    ("M208", "the default of a column that may be NULL", "", TX.format(A + "ADD c int DEFAULT 0; " + A + "ALTER c DROP DEFAULT"), ""),
    ("M208", "the default dropped in a later transaction", "", A + "ADD c int DEFAULT 0 NOT NULL; " + A + "ALTER c DROP DEFAULT", ""),
    *(("M209", f"{column} to {to}", "", A + f"ALTER {column} TYPE {to}", "M209") for column, to in (
        ("qty", "bigint"), ("code", "text"), ("name", "varchar(20)"), ("name", "varchar(60) USING lower(name)"), ("price", "numeric(12,3)"), ("created", "timestamptz(3)"),
        ("name", "short_text"), ("net", "text"), ("data", "json"))),
    *(("M209", f"{column} to {to}", "", A + f"ALTER {column} TYPE {to}", "") for column, to in (
        ("name", "varchar(50)"), ("name", "varchar(90)"), ("name", "varchar"), ("name", "text USING name::text"), ("note", "varchar"), ("price", "numeric(12,2)"),
        ("price", "numeric"), ("net", "inet"), ("note", "citext"), ("note", "free_text"), ("name", "varchar(50) COLLATE \"C\""))),
    ("M209", "timestamp to timestamptz in UTC", "", "SET TimeZone = 'UTC'; " + A + "ALTER ts TYPE timestamptz", ""),
    ("M209", "timestamp to timestamptz elsewhere", "", "SET TimeZone = 'Europe/Berlin'; " + A + "ALTER ts TYPE timestamptz; SET TimeZone = 'UTC'", "M209"),
    ("M209", "AT TIME ZONE is an expression", "", "SET TimeZone = 'UTC'; " + A + "ALTER ts TYPE timestamptz USING ts AT TIME ZONE 'UTC'", "M209"),
    *(("M210", f"widened beside {index}", f"CREATE {index.replace('INDEX', 'INDEX ON {t}', 1)}", A + "ALTER name TYPE varchar(90)", found) for index, found in (
        ("INDEX (name)", ""), ("INDEX (name varchar_pattern_ops)", ""), ("UNIQUE INDEX (name)", ""), ("INDEX (qty) INCLUDE (name)", ""), ("INDEX USING gin (name gin_trgm_ops)", ""),
        ("INDEX (upper(name))", "M210"), ("INDEX USING gin (upper(name) gin_trgm_ops)", "M210"), ("INDEX (qty) WHERE name <> 'x'", "M210"), ("INDEX (upper(note))", ""))),
    ("M210", "a CHECK", CHECKED.replace("{}", "name <> 'x'"), A + "ALTER name TYPE varchar(90)", "M210"),
    ("M210", "a CHECK of another column", CHECKED.replace("{}", "note <> 'x'"), A + "ALTER name TYPE varchar(90)", ""),
    ("M210", "an index whose class changes with the type", "CREATE INDEX ON {t} (note)", A + "ALTER note TYPE citext", "M210"),
    ("M210", "an index of a timestamp", "CREATE INDEX ON {t} (ts)", "SET TimeZone = 'UTC'; " + A + "ALTER ts TYPE timestamptz", "M210"),
    ("M210", "another collation", "CREATE INDEX ON {t} (note)", A + "ALTER note TYPE text COLLATE \"C\"", "M210"),
    ("M211", "nothing proves it", "", A + "ALTER qty SET NOT NULL", "M211"),
    ("M211", "it is so already", "", A + "ALTER required SET NOT NULL", ""),
    *(("M211", f"CHECK ({check})", CHECKED.replace("{}", check), A + "ALTER qty SET NOT NULL", found) for check, found in (
        ("qty IS NOT NULL", ""), ("qty IS NOT NULL AND qty >= 0", ""), ("qty >= 0", "M211"), ("qty IS NOT NULL OR owner > 0", "M211"), ("owner IS NOT NULL", "M211"))),
    ("M211", "a CHECK that was never validated", CHECKED.replace("{}", "qty IS NOT NULL") + " NOT VALID", A + "ALTER qty SET NOT NULL", "M211"),
    ("M212", "at once", "", A + "ADD CHECK (qty >= 0)", "M212"),
    ("M212", "NOT VALID", "", A + "ADD CHECK (qty >= 0) NOT VALID", ""),
    ("M212", "within ADD COLUMN, though each is NULL", "", A + "ADD c int CHECK (c > 0)", "M212"),
    ("M213", "at once", OWNER, A + "ADD FOREIGN KEY (owner) REFERENCES {s}", "M213"),
    ("M213", "NOT VALID", OWNER, A + "ADD FOREIGN KEY (owner) REFERENCES {s} NOT VALID", ""),
    ("M213", "a new column that is NULL refers to nothing", "", A + "ADD c int REFERENCES {s}", ""),
    ("M213", "a new column with a default", "", A + "ADD c int DEFAULT 1 REFERENCES {s}", "M213"),
    ("M213", "a new table locks the one that it refers to, until COMMIT", "", TX.format("CREATE TABLE {t}_c (a int REFERENCES {t})"), "M213"),
    ("M213", "the drop of a foreign key locks the other table", "CREATE TABLE {t}_c (a int CONSTRAINT {t}_k REFERENCES {t})", "ALTER TABLE {t}_c DROP CONSTRAINT {t}_k", "M213"),
    ("M213", "so does the drop of the table", "CREATE TABLE {t}_c (a int REFERENCES {t})", "DROP TABLE {t}_c", "M213"),
    ("M214", "at once", "", A + "ADD UNIQUE (id, qty)", "M214"),
    ("M214", "USING INDEX", "CREATE UNIQUE INDEX {t}_u ON {t} (id, qty)", A + "ADD CONSTRAINT {t}_u UNIQUE USING INDEX {t}_u", ""),
    ("M215", "at once", "ALTER TABLE {t} DROP CONSTRAINT {t}_pkey", A + "ADD PRIMARY KEY (id)", "M215"),
    ("M215", "USING INDEX", "ALTER TABLE {t} DROP CONSTRAINT {t}_pkey; CREATE UNIQUE INDEX {t}_u ON {t} (id)", A + "ADD PRIMARY KEY USING INDEX {t}_u", ""),
    ("M216", "a column that may be NULL", "ALTER TABLE {t} DROP CONSTRAINT {t}_pkey; CREATE UNIQUE INDEX {t}_u ON {t} (name)", A + "ADD PRIMARY KEY USING INDEX {t}_u", "M216"),
    ("M216", "a valid CHECK", "ALTER TABLE {t} DROP CONSTRAINT {t}_pkey; CREATE UNIQUE INDEX {t}_u ON {t} (name); " + CHECKED.replace("{}", "name IS NOT NULL"), A + "ADD PRIMARY KEY USING INDEX {t}_u", ""),
    ("M216", "a CHECK that was never validated", "ALTER TABLE {t} DROP CONSTRAINT {t}_pkey; CREATE UNIQUE INDEX {t}_u ON {t} (name); " + CHECKED.replace("{}", "name IS NOT NULL") + " NOT VALID", A + "ADD PRIMARY KEY USING INDEX {t}_u", "M216"),
    ("M217", "large", "", A + "ADD EXCLUDE USING gist (id WITH =)", "M217"),
    ("M217", "few rows", "", "ALTER TABLE {s} ADD EXCLUDE USING gist (required WITH =)", ""),
    ("M218", "in one transaction", "", TX.format(A + "ADD CONSTRAINT c CHECK (qty >= 0) NOT VALID; " + A + "VALIDATE CONSTRAINT c"), "M218 M234"),
    ("M218", "in two", "", A + "ADD CONSTRAINT c CHECK (qty >= 0) NOT VALID; " + A + "VALIDATE CONSTRAINT c", ""),
    ("M219", "in a transaction", "", TX.format("CREATE INDEX CONCURRENTLY ON {t} (qty)"), "M219"),
    ("M219", "by itself", "", "CREATE INDEX CONCURRENTLY ON {t} (qty)", ""),
    ("M220", "a column", "", A + "DROP COLUMN qty CASCADE", "M220"),
    ("M220", "what is not there", "", A + "DROP COLUMN IF EXISTS nothing CASCADE; DROP TABLE IF EXISTS {t}_nothing", ""),
    ("M220", "a constraint's name", "", A + "RENAME CONSTRAINT {t}_pkey TO {t}_key", ""),
    ("M221", "large", "", "TRUNCATE {t}", "M221"),
    ("M221", "the test runner's flush", "CREATE TABLE {t}_f (a int)", "TRUNCATE {s}, {t}_f RESTART IDENTITY", ""),
    ("M221", "CASCADE to a large one", "CREATE TABLE {t}_o (a int PRIMARY KEY); ALTER TABLE {t} ADD o int REFERENCES {t}_o", "TRUNCATE {t}_o CASCADE", "M221"),
    ("M222", "Django's CASCADE, and nothing hangs on it", "CREATE TABLE {t}_x (a int, b int)", "ALTER TABLE {t}_x DROP COLUMN a CASCADE", ""),
    ("M222", "a view hangs on it", "CREATE TABLE {t}_x (a int, b int); CREATE VIEW {t}_v AS SELECT a FROM {t}_x", "ALTER TABLE {t}_x DROP COLUMN a CASCADE", "M222"),
    ("M222", "a view hangs on another column", "CREATE TABLE {t}_x (a int, b int); CREATE VIEW {t}_v AS SELECT b FROM {t}_x", "ALTER TABLE {t}_x DROP COLUMN a CASCADE", ""),
    ("M223", "VACUUM", "", "VACUUM {t}; VACUUM (FULL false) {t}", ""),
    ("M224", "already so", "", A + "SET LOGGED; " + A + "SET TABLESPACE pg_default; " + A + "SET ACCESS METHOD heap", ""),
    ("M224", "anew", "", A + "SET UNLOGGED", "M224"),
    *(("M225", trap, "CREATE TABLE {t}_p (id int NOT NULL, qty int) PARTITION BY RANGE (id); CREATE TABLE {t}_1 (id int NOT NULL, qty int); INSERT INTO {t}_1 SELECT g, g FROM generate_series(1, 1500) g;" + there,
       "ALTER TABLE {t}_p ATTACH PARTITION {t}_1 FOR VALUES FROM (0) TO (2000)", found) for trap, there, found in (
        ("nothing says that they fit", "", "M225"),
        ("a valid CHECK says so", "ALTER TABLE {t}_1 ADD CHECK (id >= 0 AND id < 2000)", ""),
        ("a wider one does not", "ALTER TABLE {t}_1 ADD CHECK (id >= 0 AND id < 3000)", "M225"),
        ("nor one that was never validated", "ALTER TABLE {t}_1 ADD CHECK (id >= 0 AND id < 2000) NOT VALID", "M225"),
        ("a large DEFAULT partition is read as well", "ALTER TABLE {t}_1 ADD CHECK (id >= 0 AND id < 2000); CREATE TABLE {t}_d PARTITION OF {t}_p DEFAULT; INSERT INTO {t}_p SELECT g, g FROM generate_series(5000, 7000) g", "M225"))),
    ("M226", "blocking", "CREATE TABLE {t}_p (id int) PARTITION BY RANGE (id); CREATE TABLE {t}_1 PARTITION OF {t}_p FOR VALUES FROM (0) TO (2000); INSERT INTO {t}_p SELECT generate_series(1, 1500)",
     "ALTER TABLE {t}_p DETACH PARTITION {t}_1", "M226"),
    ("M227", "beside a large DEFAULT partition", "CREATE TABLE {t}_p (id int) PARTITION BY RANGE (id); CREATE TABLE {t}_d PARTITION OF {t}_p DEFAULT; INSERT INTO {t}_p SELECT generate_series(1, 1500)",
     "CREATE TABLE {t}_1 PARTITION OF {t}_p FOR VALUES FROM (5000) TO (6000)", "M227"),
    ("M227", "beside an empty one", "CREATE TABLE {t}_p (id int) PARTITION BY RANGE (id); CREATE TABLE {t}_d PARTITION OF {t}_p DEFAULT",
     "CREATE TABLE {t}_1 PARTITION OF {t}_p FOR VALUES FROM (5000) TO (6000)", ""),
    ("M229", "no unique index yet", "CREATE MATERIALIZED VIEW {t}_m AS SELECT * FROM {t}", "REFRESH MATERIALIZED VIEW {t}_m", "M229"),
    ("M229", "CONCURRENTLY", "CREATE MATERIALIZED VIEW {t}_m AS SELECT * FROM {t}; CREATE UNIQUE INDEX ON {t}_m (id)", "REFRESH MATERIALIZED VIEW CONCURRENTLY {t}_m", ""),
    ("M230", "with lock_timeout", "", "CREATE TRIGGER a BEFORE UPDATE ON {t} FOR EACH ROW EXECUTE FUNCTION audit()", ""),
    ("M231", "verified everywhere", "CREATE DOMAIN {t}_d AS int; ALTER TABLE {t} ADD d {t}_d", "ALTER DOMAIN {t}_d ADD CHECK (VALUE > 0)", "M231"),
    ("M231", "NOT VALID", "CREATE DOMAIN {t}_d AS int; ALTER TABLE {t} ADD d {t}_d", "ALTER DOMAIN {t}_d ADD CHECK (VALUE > 0) NOT VALID", ""),
    ("M231", "nobody uses it", "CREATE DOMAIN {t}_d AS int", "ALTER DOMAIN {t}_d ADD CHECK (VALUE > 0)", ""),
    ("M232", "a value by itself", "CREATE TYPE {t}_t AS ENUM ('a')", "ALTER TYPE {t}_t ADD VALUE 'b'", ""),
    ("M232", "a value in a transaction", "CREATE TYPE {t}_t AS ENUM ('a')", TX.format("ALTER TYPE {t}_t ADD VALUE 'b'"), "M232"),
    ("M232", "a value of a type that the transaction has made", "", TX.format("CREATE TYPE {t}_t AS ENUM ('a'); ALTER TYPE {t}_t ADD VALUE 'b'"), ""),
    ("M233", "SHARE", "", TX.format("LOCK TABLE {t} IN SHARE MODE"), "M233"),
    ("M233", "ROW EXCLUSIVE", "", TX.format("LOCK TABLE {t} IN ROW EXCLUSIVE MODE"), ""),
    ("M234", "a long one behind the lock", "", TX.format(A + "ADD c int; UPDATE {t} SET qty = 0"), "M234 M238"),
    ("M234", "COMMIT between", "", TX.format(A + "ADD c int") + "; UPDATE {t} SET qty = 0", "M238"),
    ("M234", "what only touches the catalog", "", TX.format(A + "ADD c int; " + A + "ALTER c SET DEFAULT 5; " + A + "ALTER c DROP DEFAULT; COMMENT ON TABLE {t} IS 'x'"), ""),
    ("M235", "two tables", "CREATE TABLE {t}_2 AS SELECT * FROM {t}", TX.format(A + "ADD c int; ALTER TABLE {t}_2 ADD c int"), "M235"),
    ("M235", "one of them has few rows", "", TX.format(A + "ADD c int; ALTER TABLE {s} ADD extra_of_{t} int"), ""),
    ("M238", "all rows", "", "DELETE FROM {t}", "M238"),
    ("M238", "few rows", "", "UPDATE {s} SET qty = 0", ""),
    ("M240", "no index", "", A + "ADD FOREIGN KEY (owner) REFERENCES {s} NOT VALID", "M240"),
    ("M240", "a partial index is none", "CREATE INDEX ON {t} (owner) WHERE flag", A + "ADD FOREIGN KEY (owner) REFERENCES {s} NOT VALID", "M240"),
    ("M240", "the first column of several", "CREATE INDEX ON {t} (owner, qty)", A + "ADD FOREIGN KEY (owner) REFERENCES {s} NOT VALID", ""),
    ("M240", "the second column of several", "CREATE INDEX ON {t} (qty, owner)", A + "ADD FOREIGN KEY (owner) REFERENCES {s} NOT VALID", "M240"),
    ("M241", "varchar is none of these", "", A + "ADD c varchar(10)", ""),
    ("M241", "char(n)", "", A + "ADD c char(10)", "M241"),
    ("M241", "in a new table", "", "CREATE TABLE {t}_n (id serial PRIMARY KEY, at timestamp)", "M241"),
    ("M241", "as Django makes them", "", "CREATE TABLE {t}_n (id serial PRIMARY KEY, at timestamp with time zone, ratio double precision, price numeric(10, 2), name varchar(9), d jsonb)", ""),
    ("M242", "a savepoint is no BEGIN", "", TX.format("SAVEPOINT a; RELEASE a"), ""),
    ("M242", "BEGIN twice", "", "BEGIN; BEGIN; COMMIT", "M242"),
    ("M242", "a name of 64 bytes", "", A + "ADD " + 64 * "n" + " int", "M242"),
    ("M242", "a name of 63 bytes", "", A + "ADD " + 63 * "n" + " int", ""),
    *(("M243", f"{step}", OWNER + "; ALTER TABLE {t} ADD CONSTRAINT there CHECK (qty >= 0) NOT VALID; CREATE UNIQUE INDEX {t}_u ON {t} (id)", step, "") for step in (
        A + "ALTER qty SET DEFAULT 5", A + "ALTER qty DROP DEFAULT", A + "ALTER qty SET STATISTICS 500", A + "SET (fillfactor = 70)", A + "SET (autovacuum_enabled = off)",
        "COMMENT ON COLUMN {t}.qty IS 'x'", A + "VALIDATE CONSTRAINT there", A + "RENAME CONSTRAINT there TO here", A + "ADD CHECK (owner > 0) NOT VALID",
        A + "ADD CONSTRAINT {t}_u UNIQUE USING INDEX {t}_u", "CREATE STATISTICS {t}_s ON qty, owner FROM {t}", "ANALYZE {t}", A + "CLUSTER ON {t}_pkey", "GRANT SELECT ON {t} TO PUBLIC",
        A + "ALTER note SET STORAGE EXTERNAL", A + "ENABLE ROW LEVEL SECURITY", A + "OWNER TO CURRENT_USER")),
    ("M244", "not unique", "", A + "ALTER required DROP NOT NULL", ""),
    ("M244", "unique", "CREATE UNIQUE INDEX ON {t} (required)", A + "ALTER required DROP NOT NULL", "M244"),
    ("M245", "two passes", "", TX.format(A + "ALTER qty SET NOT NULL; " + A + "ADD CHECK (qty >= 0)"), "M211 M212 M234 M245"),
    ("M245", "one pass", "", A + "ALTER qty SET NOT NULL, ADD CHECK (qty >= 0)", "M211 M212"),
]


def judged(postgres, cases, config):
    """Each case in one file, a line each: what is found in it."""
    there, lines = [SHARED, table("few", 200)], [LIMIT + ";"]
    for number, (_, _, setup, statement, _) in enumerate(cases):
        name = f"t{number}"
        there += [table(name, 1500), setup.replace("{t}", name).replace("{{", "{").replace("}}", "}") + ";"]
        lines.append(statement.format(t=name, s="few") + ";")
    postgres.sql("DROP DATABASE IF EXISTS traps")
    postgres.sql("CREATE DATABASE traps")
    postgres.sql("\n".join(there), "traps")
    postgres.sql("VACUUM ANALYZE", "traps")
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    command = [binary, "check", "--format", "json", "--fail-on", "never", "--config", config, "--dsn", postgres.dsn("traps"), "-"]
    done = subprocess.run(command, input="\n".join(lines), text=True, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = [set() for _ in lines]
    for event in map(json.loads, done.stdout.splitlines()):
        if event["event"] == "finding":
            found[event["line"] - 1].add(event["code"])
        elif event["event"] == "unparsed":
            found[event["line"] - 1].add("unparsed")
    return found[1:]


def table(name, rows):
    return f"CREATE TABLE {name} ({COLUMNS});" + FILL.format(t=name, rows=rows) + ";"


@pytest.mark.parametrize("cases", [QUERIES, CHANGES], ids=["queries", "changes"])
def test_traps(postgres, cases, tmp_path):
    (tmp_path / "check.ini").write_text(CONFIG)
    wrong = []
    for (rule, trap, there, statement, expected), found in zip(cases, judged(postgres, cases, tmp_path / "check.ini")):
        if found != set(expected.split()):
            wrong.append(f"{rule}, {trap}: {' '.join(sorted(found))} where {expected or 'nothing'} was expected: {there} | {statement[:300]}")
    assert not wrong, "\n".join(wrong)

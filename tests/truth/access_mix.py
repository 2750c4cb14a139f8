"""Draws indexes and conditions by chance, asks PostgreSQL which serves which as access_generate.py does, and writes the
answers to access_mix.tsv: database, index, condition, served. What is drawn has types, operators and forms that
access.tsv has not, several keys, partial indexes, and conditions joined by AND, OR and NOT.

access_mix.py HOST PORT SEED COUNT > access_mix.tsv, against an empty cluster of PostgreSQL 15."""
import random, sys

import access_generate

SETUP = """
CREATE EXTENSION hstore;
ALTER TABLE things ADD kv hstore, ADD tz timetz, ADD mac macaddr, ADD price money, ADD per tsrange, ADD num numrange,
    ADD moods mood[], ADD iv interval, ADD u2 citext[], ADD jp jsonb;
UPDATE things SET kv = hstore('a', name), tz = '10:00+00', mac = '08:00:2b:01:02:03', price = id::money,
    per = tsrange('2020-01-01', '2020-02-01'), num = numrange(id, id + 1), moods = ARRAY['sad']::mood[],
    iv = id * interval '1 minute', u2 = ARRAY[name]::citext[], jp = jsonb_build_object('x', id);
"""
MORE = "kv tz mac price per num moods iv u2 jp".split()

CONDITIONS = [
    "kv @> 'a=>1'", "kv ? 'a'", "kv ?& ARRAY['a']", "kv -> 'a' = 'x'", "kv = 'a=>1'", "tz = '10:00+00'",
    "mac = '08:00:2b:01:02:03'", "mac > '08:00:2b:01:02:03'", "price = 5::money", "price > '5'",
    "per @> '2020-01-01'::timestamp", "per && '[2020-01-01,2020-02-01)'", "num @> 5.0", "num @> 5",
    "num && numrange(1,2)", "5::numeric <@ num", "moods @> ARRAY['sad']::mood[]", "moods && '{sad}'",
    "'sad' = ANY (moods)", "iv > '1 hour'", "iv = '1 hour'", "u2 @> ARRAY['x']::citext[]", "u2 && '{x}'",
    "jp @> '{\"x\": 1}'", "jp -> 'x' = '1'", "(jp ->> 'x')::int = 5", "(jp ->> 'x')::numeric > 5", "jp['x'] = '1'",
    "jp ?| ARRAY['x']", "jp @@ '$.x > 1'", "n BETWEEN SYMMETRIC 5 AND 1", "name BETWEEN SYMMETRIC 'a' AND 'b'",
    "name NOT BETWEEN 'a' AND 'b'", "n NOT BETWEEN 1 AND 5", "name LIKE 'a!%%' ESCAPE '!'",
    "name LIKE 'ab!_c%' ESCAPE '!'", "note LIKE '%abc!%' ESCAPE '!'", "note LIKE 'abc' ESCAPE ''",
    "note SIMILAR TO 'abc(d|e)%'", "note SIMILAR TO '(abc|def)%'", "note SIMILAR TO 'ab_%'", "note ~ '^abc.*$'",
    "note ~ '^abc+'", "note ~ '^ab?c'", "note ~ '^ab{2}'", "note ~ '^\\mabc'", "note ~ '(?i)^abc'",
    "note ~ '^(abc)'", "note ~ '^abc|def'", "note ~ '\\Aabc'", "note ~ '^[a]bc'", "note ~ '^a\\.b'", "note ~* '^1a'",
    "note ~* '^12'", "note ILIKE '1a%'", "note ILIKE '%'", "name LIKE NULL", "n = NULL", "n IN (NULL, 1)",
    "n = ANY (NULL)", "flag", "NOT flag", "flag IS NOT FALSE", "flag IS UNKNOWN", "flag = (1 = 1)", "flag <> true",
    "flag IN (true)", "active IS FALSE", "flag = 't'", "flag AND active", "(flag OR active)",
    "flag IS TRUE AND n = 5", "at::date = '2020-01-05'", "(at AT TIME ZONE 'UTC')::date = '2020-01-05'",
    "at >= '2020-01-01'::date", "at > now() - interval '1 day'", "at > CURRENT_DATE",
    "at BETWEEN '2020-01-01' AND '2020-12-31'", "at = '2020-01-01'::timestamp", "stamp = now()",
    "stamp > '2020-01-01'::timestamptz", "day = now()::date", "day = '2020-01-01'::timestamp",
    "day > '2020-01-01'::timestamptz", "day + 1 = '2020-01-01'", "day - day = 5", "extract(year FROM day) = 2020",
    "date_part('year', day) = 2020", "date_trunc('month', day) = '2020-01-01'", "to_char(day, 'YYYY') = '2020'",
    "day IN ('2020-01-01', '2020-01-02')", "day = ANY ('{2020-01-01}'::date[])", "at::text LIKE '2020%'",
    "(at AT TIME ZONE 'Europe/Berlin')::date >= '2020-01-01'", "clock > '10:00'", "clock = '10:00'::interval",
    "ip << '10.0.0.0/8' AND n = 5", "ip = '10.0.0.1/32'::cidr", "host(ip) = '10.0.0.1'", "ip::text LIKE '10.%'",
    "ip <<= '10.1.0.0/16'::cidr", "net << '10.0.0.0/8'", "ip && net",
    "uid = '00000000-0000-0000-0000-000000000000' OR n = 5", "uid::text ILIKE '%a%'", "uid IN (gen_random_uuid())",
    "(n, fk) = (1, NULL)", "(n, status) >= (5, 'a')", "(status, n) < ('b', 5)", "(n, name) = ANY (ARRAY[(1, 'x')])",
    "ROW(n, fk) <> ROW(1, 2)", "(n, fk) IS NOT DISTINCT FROM (1, 2)", "ROW(n, fk) IS NULL", "n IS DISTINCT FROM 5",
    "n IS NOT DISTINCT FROM 5", "coalesce(n, fk) = 5", "coalesce(n, fk, 0) > 5", "coalesce(flag, false)",
    "coalesce(name, '') LIKE 'a%'", "nullif(n, 5) = 3", "least(n, 5) = 3", "n::int8 = 5", "n::int2 = 5",
    "small::int = 5", "small = 5 + 1", "big = n", "big = 5::numeric", "amount = 5", "amount > 5::float8",
    "real4 = 5", "real4 = 5::float8", "level + 0 = 5", "n * 2 > 10", "n = 2 * 3", "n = abs(-5)", "n = length('abc')",
    "n = floor(5.5)", "n = 5.5::int", "n = '5'::int", "n = '5'::text::int", "n IN (1, '2')", "n IN (1, 2::bigint)",
    "n = ANY (ARRAY['1','2']::int[])", "n = ANY (string_to_array('1,2', ',')::int[])", "n = ALL (ARRAY[5])",
    "n = SOME (ARRAY[5])", "NOT n = ANY (ARRAY[5])", "n BETWEEN 5 AND NULL", "n > 5 AND n < 3", "n = 5 AND n = 6",
    "(n = 5) IS TRUE", "(n = 5) IS NOT FALSE", "(n = 5) = (fk = 3)", "CASE n WHEN 5 THEN true ELSE false END",
    "CASE WHEN n = 5 THEN true END", "status = 'active' COLLATE \"C\"", "status COLLATE \"C\" IN ('a', 'b')",
    "mail IN ('a'::citext)", "mail = 'a'::bpchar", "mail LIKE 'x%'::text", "mail ILIKE '%x%'", "mail ~* 'x'",
    "mail::varchar = 'x'", "code = ' x'", "code || '' = 'x'", "trim(name) = 'x'", "btrim(name) LIKE 'x%'",
    "concat(name, note) = 'x'", "name || note LIKE '%x%'", "substring(name from 1 for 3) = 'abc'",
    "name = ANY (ARRAY['a']::varchar[])", "name = ANY (ARRAY['a']::citext[])", "name > 'a' COLLATE \"en-US-x-icu\"",
    "icu LIKE 'abc%'", "icu = 'x' COLLATE \"C\"", "latin >= 'abc' AND latin < 'abd'", "vague = 'X'",
    "vague IN ('a','b')", "vague ILIKE '%x%'", "feeling = ANY ('{sad}')",
    "feeling = ANY (ARRAY['sad','ok']::mood[])", "feeling::text LIKE 's%'", "feeling <> 'sad'",
    "tags = ANY (ARRAY[ARRAY['a']]::varchar[])", "tags @> ARRAY['a']::text[]", "tags || '{x}' @> '{a}'",
    "words @> ARRAY[name]", "words @> ARRAY['a','b']", "NOT words && '{a}'", "numbers @> ARRAY[1]::int[]",
    "numbers && '{1,2}'", "numbers <@ ARRAY[1,2]", "numbers @> ARRAY[1::bigint]::int[]",
    "vector @@ 'a & b'::tsquery", "vector @@ phraseto_tsquery('a b')",
    "vector @@ websearch_to_tsquery('english', 'x')", "to_tsvector('english', note || ' ') @@ to_tsquery('x')",
    "data @> jsonb_build_object('a', 1)", "data @> '{\"a\": 1}'::jsonb AND data ? 'k'", "data #> '{k}' = '\"x\"'",
    "data #>> '{k}' LIKE 'x%'", "data ->> 'k' ILIKE 'x%'", "data -> 'k' ->> 0 = 'x'",
    "(data ->> 'a')::int BETWEEN 1 AND 5", "(data ->> 'a')::float8 = 5", "(data -> 'a')::int = 5",
    "data -> 'tags' ? 't1'", "data @? '$.tags[*] ? (@ == \"t1\")'", "data <@ '{}'",
    "jsonb_path_match(data, '$.a == 1')", "data = '{}'", "data != '{}'", "span @> n", "span && int4range(n, n + 1)",
    "int4range(1, 5) @> n", "n <@ int4range(1, 5)", "during @> at", "during @> '2021-01-01'",
    "spot <@ circle '((0,0),1)'", "spot <-> point '(0,0)' < 5", "bytes = decode('ab','hex')",
    "bytes LIKE 'a%'::bytea", "bits = '00000001'", "alias IN ('a','b')", "alias = 'x'::varchar", "alias ILIKE 'x%'",
    "nick LIKE 'x%'", "nick = 'x'::varchar", "nick IN ('a', 'b')", "upper(nick) = 'X'", "xmin = '5'",
    "ctid = '(0,1)'", "tableoid = 5", "things.n = 5", "things IS NULL", "n = 5::positive", "level IN (1, 2)",
    "level > 5::positive", "n = (SELECT 1 + 1)", "n = (SELECT fk)", "n > ALL (SELECT 1)", "EXISTS (SELECT 1)",
    "n = ANY (SELECT 1)", "n IN (VALUES (1), (2))", "random() < 0.5 AND n = 5", "n = floor(random() * 5)",
    "n = pg_backend_pid()", "name = current_user", "name = CURRENT_USER::varchar",
    "status = current_setting('x', true)", "n = 1 + (SELECT 1)",
]

WHOLE = [
    "USING gin (kv)", "USING gist (kv)", "USING hash (mac)", "USING brin (mac)", "USING brin (iv)",
    "USING gist (per)", "USING gist (num)", "USING spgist (num)", "USING gin (moods)", "USING gin (u2)",
    "USING gin (jp)", "USING gin (jp jsonb_path_ops)", "USING gin (words, numbers)", "USING gin (data, tags)",
    "USING gin (note gin_trgm_ops, n)", "USING gist (note gist_trgm_ops, at)",
    "USING gin ((name || ' ' || note) gin_trgm_ops)", "USING gin (mail gin_trgm_ops)",
    "USING gin ((uid::text) gin_trgm_ops)", "USING gin (host(ip) gin_trgm_ops)", "USING gist (ip inet_ops, n)",
    "USING spgist (ip)", "USING spgist (uid)", "USING hash (mail)", "USING hash (code)", "USING hash (name)",
    "USING hash (upper(name))", "USING brin (day, at, n)", "USING brin (ip inet_inclusion_ops)", "USING brin (span)",
    "USING brin (n int4_minmax_multi_ops)", "USING brin (uid uuid_bloom_ops)", "USING brin (name text_bloom_ops)",
    "USING gin (vector)", "USING gist (vector)", "USING gist (during)", "USING gist (span, n)",
    "USING spgist (span)", "USING spgist (note)", "USING spgist (latin)", "USING gin (to_tsvector('english', note))",
    "USING gin (data)", "USING gin (data jsonb_path_ops)", "USING gin ((data -> 'tags'))", "USING gin (tags)",
    "USING gin (numbers)", "USING gin (words)", "USING gist (spot)", "USING gin (upper(name) gin_trgm_ops)",
    "USING gin (name gin_trgm_ops)", "USING gist (upper(note) gist_trgm_ops)", "(bits)", "(bytes)", "(alias)",
    "(nick)", "(data)", "(tags)", "(vector)", "(kv)", "(feeling)", "(during)", "(icu)", "(vague)",
    "(icu text_pattern_ops)", "USING hash (bytes)",
]

KEYS = [
    "upper(name)", "lower(note)", "(n + 1)", "((at AT TIME ZONE 'UTC')::date)", "coalesce(n, 0)", "(data ->> 'k')",
    "((data ->> 'a')::int)", "upper(name) text_pattern_ops", "name varchar_pattern_ops", "note text_pattern_ops",
    "note COLLATE \"C\"", "name COLLATE \"C\"", "mail citext_pattern_ops", "code bpchar_pattern_ops",
    "date_trunc('month', stamp)", "extract(year from day)", "(day::timestamp)", "(status = 'active')", "flag",
    "(kv -> 'a')", "((jp ->> 'x')::numeric)", "(jp -> 'x')", "lower(mail)", "host(ip)", "(ip::text)",
    "(uid::text) text_pattern_ops", "coalesce(name, '')", "trim(name)", "concat(name, note)", "(n * 2)",
    "length(name)", "upper(nick)",
]

PREDICATES = [
    "status = 'active'", "flag", "NOT flag", "deleted_at IS NULL", "n > 5", "n IS NOT NULL", "status <> 'done'",
    "status IN ('active', 'failed')", "name LIKE 'a%'", "active IS TRUE", "at > '2020-01-01'", "upper(name) = 'X'",
    "n BETWEEN 1 AND 5", "data ? 'k'", "flag IS NOT TRUE", "coalesce(n, 0) > 0", "day IS NOT NULL AND flag",
    "(status = 'a' OR status = 'b')", "n <> 0", "name IS NOT NULL",
]

COLUMNS = ("n fk small big amount day at stamp flag active status name note mail code latin uid ip feeling real8 id level"
           " clock net span iv mac price tz").split()


def index():
    if random.random() < 0.35:
        return random.choice(WHOLE)
    orders = [""] * 5 + [" DESC", " NULLS FIRST", " DESC NULLS LAST"]
    keys = [random.choice(COLUMNS + KEYS) + random.choice(orders) for _ in range(random.choice([1, 1, 1, 2, 2, 3]))]
    made = f"({', '.join(keys)})" + random.choice([""] * 6 + [" INCLUDE (id)", " INCLUDE (status, n)"])
    return made + (" WHERE " + random.choice(PREDICATES) if random.random() < 0.3 else "")


def condition(plain):
    a, b, c = (random.choice(plain) for _ in range(3))
    if random.random() < 0.55:
        return a
    return random.choice([f"{a} AND {b}", f"({a}) AND ({b})", f"(({a}) OR ({b}))", f"NOT ({a})",
                          f"(({a}) OR ({b})) AND ({c})", f"NOT (({a}) AND ({b}))"])


def main():
    host, port, seed, count = sys.argv[1:]
    random.seed(int(seed))
    access_generate.COLUMNS += MORE
    plain = [one for one in dict.fromkeys(access_generate.conditions())
             if not one.startswith(("DISTINCT", "MIN", "MAX")) and "ORDER" not in one and " u" not in one]
    plain += CONDITIONS * 4
    for database in ("utf", "icu"):
        access_generate.psql(host, port, "postgres", f"DROP DATABASE IF EXISTS {database}_mix;")
        access_generate.psql(host, port, "postgres",
                             f"CREATE DATABASE {database}_mix {access_generate.DATABASES[database]};")
        setup = open(sys.path[0] + "/access_setup.sql").read()
        access_generate.psql(host, port, f"{database}_mix", setup + SETUP + "VACUUM (ANALYZE) things;")
        pairs = []
        while len(pairs) < int(count):
            made = index()
            for _ in range(15):
                wanted = condition(plain)
                while not access_generate.columns(wanted) & access_generate.columns(made):
                    wanted = condition(plain)
                pairs.append((made, wanted))
        for (made, wanted), served in zip(pairs, access_generate.ask(host, port, f"{database}_mix", pairs)):
            if served is not None:
                print(database, made, wanted, served, sep="\t")


if __name__ == "__main__":
    main()

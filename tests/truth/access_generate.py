"""Asks PostgreSQL which index serves which condition, and writes the answers to access.tsv: the statements with a
number each, then for each index the numbers of those that it serves, and of those that it doesn't.

One index at a time on a table of 2,000 rows (access_setup.sql), sequential scans made dear: what EXPLAIN still does
without the index it can't do with it. Of an order, "served" means that nothing is sorted. Run against an empty
cluster of PostgreSQL 15:  access_generate.py HOST PORT > access.tsv
"""
import itertools, re, subprocess, sys

DATABASES = {
    "utf": "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8'",
    "c": "TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'",
    "icu": "TEMPLATE template0 ENCODING 'UTF8' LOCALE_PROVIDER icu ICU_LOCALE 'en-US' LOCALE 'C.UTF-8'",
}
DROP = """DO $$DECLARE i text; BEGIN FOR i IN SELECT indexrelid::regclass::text FROM pg_index
WHERE indrelid = 'things'::regclass LOOP EXECUTE 'DROP INDEX ' || i; END LOOP; END$$;"""

TEXTS = {"name": "varchar", "note": "text", "latin": "text", "icu": "text", "vague": "text", "nick": "varchar"}


def text_indexes():
    for c in TEXTS:
        ops = "varchar_pattern_ops" if TEXTS[c] == "varchar" else "text_pattern_ops"
        yield from (f"({c})", f"(upper({c}))", f"({c} COLLATE \"C\")", f"USING hash ({c})",
                    f"USING gin ({c} gin_trgm_ops)", f"USING gist ({c} gist_trgm_ops)")
        if c != "vague":
            yield from (f"({c} {ops})", f"(upper({c}) text_pattern_ops)")
    for c in ("name", "note"):
        yield from (f"(lower({c}))", f"USING gin (upper({c}) gin_trgm_ops)", f"USING gin (lower({c}) gin_trgm_ops)",
                    f"USING brin ({c})", f"(({c}::text))", f"({c} DESC)", f"({c}, id)", f"(length({c}))",
                    f"USING gin ({c}, n)", f"({c} COLLATE \"POSIX\")", f"(upper({c}) COLLATE \"C\")", f"USING gist ({c})",
                    f"(({c} || 'x'))", f"(coalesce({c}, ''))", f"USING gist (upper({c}) gist_trgm_ops)",
                    f"(left({c}, 3))", f"(reverse({c}) text_pattern_ops)")
    yield from ("USING spgist (note)", "USING spgist (latin)", "USING spgist (note text_ops, name)",
                "(mail)", "(upper(mail))", "(upper(mail::text))", "USING gin (mail gin_trgm_ops)", "(mail citext_pattern_ops)",
                "((mail::text))", "USING gin ((mail::text) gin_trgm_ops)", "((mail::text) text_pattern_ops)", "(lower(mail))",
                "USING hash (mail)", "(code)", "(code bpchar_pattern_ops)", "((code::text) text_pattern_ops)", "(alias)",
                "(alias COLLATE \"default\")", "((code::varchar))", "USING hash (code)")


INDEXES = [*text_indexes(),
    *(f"({c})" for c in ("n", "fk", "small", "big", "level", "real4", "real8", "amount", "day", "stamp", "at", "clock",
                         "flag", "active", "status", "data", "tags", "numbers", "uid", "ip", "net", "span", "feeling",
                         "bytes", "vector", "bits", "words")),
    *(f"USING hash ({c})" for c in ("n", "big", "uid", "flag", "day", "data", "tags", "feeling", "ip", "amount")),
    *(f"USING brin ({c})" for c in ("n", "at", "day", "uid", "flag", "amount", "ip", "status", "bytes")),
    *(f"USING gin ({c})" for c in ("data", "tags", "numbers", "vector", "n", "words", "uid", "at", "flag", "status")),
    *(f"USING gist ({c})" for c in ("n", "at", "span", "during", "vector", "amount", "spot", "day", "uid", "status")),
    "USING gist (ip inet_ops)", "USING spgist (ip)", "USING spgist (span)", "USING spgist (spot)", "USING gin (data jsonb_path_ops)",
    "((data -> 'k'))", "((data ->> 'k'))", "(((data ->> 'a')::int))", "((data #>> '{k}'))", "((data #> '{k}'))",
    "USING gin ((data -> 'tags'))", "USING gin ((data -> 'tags') jsonb_path_ops)", "((data['k']))", "((plain ->> 'a'))",
    "USING gin (upper(data ->> 'k') gin_trgm_ops)", "USING gin ((data::text) gin_trgm_ops)", "USING hash ((data ->> 'k'))",
    "((tags[1]))", "(array_length(tags, 1))", "(host(ip) text_pattern_ops)", "(host(ip))", "((uid::text))",
    "((uid::text) text_pattern_ops)", "USING gin ((uid::text) gin_trgm_ops)", "((n::text))", "((n + 1))", "((n % 10))", "(abs(n))",
    "((fk + n))", "((big::text))", "((at AT TIME ZONE 'UTC'))", "(((at AT TIME ZONE 'UTC')::date))", "((stamp::date))",
    "(date(stamp))", "(date_trunc('day', stamp))", "(date_trunc('month', at AT TIME ZONE 'UTC'))", "((day::timestamp))",
    "(extract(year FROM stamp))", "(extract(month FROM at AT TIME ZONE 'UTC'))", "((amount::int))", "((amount * 2))",
    "(lower(span))", "(round(amount))", "((real8::numeric))", "((NOT flag))", "((n > 5))", "((flag AND active))",
    "((n IS NULL))", "(coalesce(n, 0))", "(greatest(n, fk))", "(nullif(n, 0))", "((CASE WHEN flag THEN n ELSE fk END))",
    "USING gin (to_tsvector('english', note))", "USING gin (to_tsvector('english', coalesce(note, '')))",
    "USING gist (to_tsvector('simple', note))", "USING gin (tags, n)", "USING gin (vector, status)",
    "(n DESC)", "(n NULLS FIRST)", "(n DESC NULLS LAST)", "(n, id)", "(n DESC, id)", "(status, n)", "(n, status)", "(fk, at DESC)",
    "(n) INCLUDE (status)", "(n, fk, status)", "(flag, n)", "(status, flag, n DESC)", "(upper(name), n)", "(fk, n, at)",
    "(name) INCLUDE (id)", "USING gist (n, span)", "USING gist (name gist_trgm_ops, n)", "USING brin (n, at)",
    *(f"({k}) WHERE {p}" for k, p in itertools.product(("n", "id"), (
        "status = 'active'", "status <> 'done'", "status IN ('active', 'failed')", "flag", "NOT flag", "flag = true",
        "flag IS TRUE", "deleted_at IS NULL", "deleted_at IS NOT NULL", "n IS NOT NULL", "n > 5", "n >= 5", "n < 100", "n <> 0",
        "n BETWEEN 5 AND 100", "flag AND deleted_at IS NULL", "flag OR active", "NOT (status = 'done')",
        "upper(name) = 'X'", "name IS NOT NULL", "status NOT IN ('done', 'failed')", "n = ANY (ARRAY[1, 2, 3])", "name = 'x'",
        "name LIKE 'x%'", "amount > 10.5", "day > '2021-01-01'", "uid IS NOT NULL", "status = 'active' OR n > 5",
        "n > fk", "n = fk", "feeling = 'sad'", "mail = 'x'", "big > 100", "length(name) > 3", "data ? 'k'",
        "status = 'active' AND n > 5", "coalesce(status, '') = ''", "stamp >= '2021-01-01'"))),
    "USING gin (data) WHERE deleted_at IS NULL", "(upper(name)) WHERE active", "(name varchar_pattern_ops) WHERE name IS NOT NULL",
]

VALUES = "deadbe"


def text_conditions():
    for c in TEXTS:
        x = f"{c}::text" if c in ("name", "nick") else c
        yield from (f"{c} = 'x'", f"{c} IN ('a', 'b')", f"{c} > 'ffff'", f"{c} BETWEEN 'a' AND 'b'", f"{c} IS NULL",
                    f"{c} IS NOT NULL", f"upper({x}) = upper('x')", f"upper({x}) LIKE upper('%deadbe%')",
                    f"upper({x}) LIKE upper('deadb%')", f"{x} LIKE '%deadbe%'", f"{x} LIKE 'deadb%'", f"{x} LIKE 'dead'",
                    f"{x} LIKE '%ab%'", f"{x} LIKE 'ab%'", f"{x} LIKE '%%'", f"{c} ILIKE '%deadbe%'", f"{c} ILIKE '123%'",
                    f"{x} ~ '^deadb'", f"{x} ~ 'dead'", f"{x} ~* 'dead'", f"{c} COLLATE \"C\" = 'x'", f"{c} = 'x' COLLATE \"POSIX\"",
                    f"{c} COLLATE \"C\" LIKE 'x%'", f"{c} <> 'x'", f"ORDER BY {c}", f"ORDER BY {c} DESC",
                    f"ORDER BY {c} COLLATE \"C\"", f"upper({c}) > 'X'")
    for c in ("name", "note"):
        x = f"{c}::text"
        yield from (f"lower({c}) = 'x'", f"lower({c}) LIKE '%deadbe%'", f"lower({c}) LIKE 'dead%'", f"{c} = ANY ('{{a,b}}')",
                    f"{c} = ANY (ARRAY['a', 'b'])", f"NOT ({c} = 'x')", f"NOT ({c} <> 'x')", f"{c} NOT LIKE 'a%'",
                    f"{c} LIKE '_b%'", f"{c} LIKE 'a\\%%'", f"{c} LIKE 'a_b'", f"{c} LIKE ''", f"{c} ~~ 'abc%'", f"{c} ~ '^abc$'",
                    f"{c} ~ '^(abc|def)'", f"{c} ~ '^a.c'", f"{c} ~* '^123'", f"{c} ~* '^abc'", f"{c} ~ '^'", f"{c} ~ '^[ab]c'",
                    f"{c} SIMILAR TO 'abc%'", f"{c} SIMILAR TO 'abc'", f"{c} SIMILAR TO '%abc'", f"{c} ^@ 'abc'",
                    f"starts_with({c}, 'abc')", f"{c} % 'deadbeef'", f"'deadbeef' % {c}", f"{c} %> 'deadbeef'",
                    f"'deadbeef' <% {c}", f"similarity({c}, 'x') > 0.3", f"ORDER BY {c} <-> 'deadbeef'", f"ORDER BY 'x' <-> {c}",
                    f"{c} LIKE ANY (ARRAY['abc%', 'def%'])", f"{c} LIKE ANY (ARRAY['%abc%', '%def%'])", f"length({c}) = 5",
                    f"length({c}) > 5", f"{c} || 'x' = 'yx'", f"({c} || 'x') LIKE 'y%'", f"coalesce({c}, '') = 'x'", f"left({c}, 3) = 'abc'",
                    f"reverse({c}) LIKE 'abc%'", f"'x' = {c}", f"'x' < {c}", f"{c} IS DISTINCT FROM 'x'", f"{c} IS NOT DISTINCT FROM NULL",
                    f"{c} = upper('x')", f"{c} = status", f"{c} = (SELECT 'x')", f"{c} = lower(current_user::text)", f"{c} LIKE status",
                    f"{c} LIKE '%' || status", f"{c} LIKE 'ab' || 'cd%'", f"{c} LIKE concat('ab', '%')", f"ORDER BY upper({c})",
                    f"ORDER BY lower({c}) DESC", f"ORDER BY {c} NULLS FIRST", f"ORDER BY {c} DESC NULLS LAST", f"ORDER BY {c}, id",
                    f"ORDER BY {c} DESC, id DESC", f"ORDER BY {c} DESC, id", f"({c} = 'x' OR {c} = 'y')", f"({c} = 'x' OR {c} LIKE 'y%')",
                    f"({c} = 'x' OR n = 5)", f"{c} > 'a' AND {c} < 'b'", f"({c}, id) > ('x', 5)", f"({c}, id) = ('x', 5)", f"({c}, id) IN (('x', 5), ('y', 6))",
                    f"{c}::varchar = 'x'", f"{c}::varchar(200) = 'x'", f"{c}::varchar(5) = 'x'", f"{c}::bpchar = 'x'", f"{c}::name = 'x'", f"{c}::citext = 'x'",
                    f"{c} = 'x'::text", f"{c} = 'x'::varchar(3)", f"{c} = 'x'::bpchar", f"{c} = 'x'::citext", f"{c} = 'x'::name", f"{c} ~~* 'dead%'",
                    f"{c} BETWEEN SYMMETRIC 'b' AND 'a'", f"{c} NOT IN ('a', 'b')", f"{c} ~<~ 'b'", f"{c} ~>=~ 'b'", f"{c} = random()::text")
    yield from ("mail = 'x'", "mail = 'x'::text", "mail::text = 'x'", "mail::citext = 'x'", "mail IN ('a', 'b')", "mail LIKE 'dead%'",
                "mail::text LIKE 'dead%'", "mail::text LIKE '%deadbe%'", "mail::citext LIKE '%deadbe%'", "upper(mail::text) = upper('x')",
                "upper(mail::citext) = upper('x')", "upper(mail) LIKE upper('x%')", "lower(mail) = 'x'", "mail > 'x'", "ORDER BY mail",
                "mail ~ '^x'", "mail ILIKE 'x%'", "mail = 'x'::citext", "mail = 'x'::varchar", "mail ~<~ 'x'", "mail <> 'x'",
                "code = 'x'", "code = 'x'::text", "code LIKE 'x%'", "code::text LIKE 'x%'", "code > 'x'", "code = 'x'::varchar",
                "code IN ('a', 'b')", "upper(code) = 'X'", "ORDER BY code", "code ~ '^x'", "code::text = 'x'", "code::varchar = 'x'",
                "alias = 'x'", "alias = 'x'::text", "alias LIKE 'x%'", "alias::text = 'x'", "alias > 'x'", "ORDER BY alias",
                "alias ~ '^x'", "nick = 'x'::text", "nick::text = 'x'", "nick = 'x'::short")


NUMBERS = ("n", "fk", "small", "big", "level", "real4", "real8", "amount")


def conditions():
    yield from text_conditions()
    for c in NUMBERS:
        yield from (f"{c} = 5", f"{c} = 5.0", f"{c} = '5'", f"{c} = 5::bigint", f"{c} = 5::smallint", f"{c} = 5::numeric",
                    f"{c} = 5::float8", f"{c} = 5::float4", f"{c} > 5", f"{c} BETWEEN 1 AND 5", f"{c} IN (1, 2, 3)", f"{c} = ANY ('{{1,2}}')",
                    f"{c} IS NULL", f"ORDER BY {c}", f"ORDER BY {c} DESC", f"{c} = 10000000000", f"{c}::text = '5'", f"{c} IN (1, 2.5)", f"-{c} = 5")
    for c in ("n",):
        yield from (f"{c} IS NOT NULL", f"{c} + 1 = 5", f"{c} % 10 = 1", f"mod({c}, 10) = 1", f"abs({c}) = 5", f"fk + {c} = 5", f"{c} + fk = 5",
                    f"{c} = fk", f"{c} > fk", f"{c} <> 5", f"NOT ({c} = 5)", f"NOT ({c} > 5)", f"NOT ({c} <> 5)", f"NOT ({c} IS NULL)",
                    f"({c} = 5 OR {c} = 7)", f"({c} = 5 OR fk = 7)", f"({c} = 5 OR {c} IS NULL)", f"({c} = 5 AND fk = 1 OR {c} = 7)",
                    f"({c} = 5 AND fk = 1) OR ({c} = 5 AND fk = 2)", f"NOT ({c} <> 5 OR fk = 3)", f"NOT ({c} = 5 AND {c} IS NOT NULL)",
                    f"{c} NOT IN (1, 2)", f"{c} <> ALL (ARRAY[1, 2])", f"{c} > ANY (ARRAY[1, 2])", f"{c} > ALL (ARRAY[1, 2])", f"5 = {c}", f"5 < {c}",
                    f"({c}, fk) = (1, 2)", f"({c}, fk) > (1, 2)", f"(fk, {c}) > (1, 2)", f"({c}, fk) IN ((1, 2), (3, 4))", f"({c}, id) < (1, 2)", f"(1, 2) < ({c}, id)",
                    f"{c}::text LIKE '5%'", f"{c}::bigint = 5", f"{c}::numeric = 5", f"{c} = 5::oid", f"{c} = (SELECT 5)", f"{c} = (SELECT max(fk) FROM things)",
                    f"{c} IN (SELECT fk FROM things u WHERE u.n = 3)", f"NOT ({c} IN (SELECT fk FROM things u))", f"{c} = ANY (ARRAY[1, 2]::bigint[])",
                    f"{c} = ANY (ARRAY[1, 2]::numeric[])", f"{c} = coalesce(5, 6)", f"{c} = random()::int", f"{c} = extract(year FROM now())",
                    f"{c} > 5 IS TRUE", f"({c} > 5) = true", f"({c} > 5) IS NOT TRUE", f"coalesce({c}, 0) = 5", f"greatest({c}, fk) = 5", f"nullif({c}, 0) = 5",
                    f"CASE WHEN flag THEN {c} ELSE fk END = 5", f"{c} = 5 AND status = 'active'", f"{c} = 5 AND status = 'done'", f"{c} = 5 AND status <> 'done'",
                    f"{c} = 5 AND status IN ('active', 'failed')", f"{c} = 5 AND status IN ('active')", f"{c} = 5 AND status = 'failed'", f"{c} = 5 AND status IN ('active', 'done')",
                    f"{c} = 5 AND flag", f"{c} = 5 AND NOT flag", f"{c} = 5 AND flag = true", f"{c} = 5 AND flag = false", f"{c} = 5 AND flag IS TRUE", f"{c} = 5 AND flag IS NOT TRUE",
                    f"{c} = 5 AND deleted_at IS NULL", f"{c} = 5 AND deleted_at IS NOT NULL", f"{c} = 5 AND deleted_at > '2020-01-01'", f"{c} = 5 AND flag AND deleted_at IS NULL",
                    f"{c} > 10", f"{c} >= 5", f"{c} > 4", f"{c} < 50", f"{c} < 100", f"{c} <= 100", f"{c} BETWEEN 10 AND 50", f"{c} BETWEEN 1 AND 50", f"{c} IN (10, 20)", f"{c} IN (1, 20)",
                    f"{c} = 2", f"{c} = 0", f"{c} IN (1, 2)", f"{c} = 3", f"{c} = 5 AND name = 'x'", f"{c} = 5 AND upper(name) = 'X'", f"{c} = 5 AND name LIKE 'x%'", f"{c} = 5 AND name LIKE 'xy%'",
                    f"{c} = 5 AND name > 'a'", f"{c} = 5 AND uid = 'deadbeef-0000-0000-0000-000000000000'", f"{c} = 5 AND amount > 20", f"{c} = 5 AND amount = 11.5", f"{c} = 5 AND amount > 10",
                    f"{c} = 5 AND day > '2022-01-01'", f"{c} = 5 AND day = '2022-01-01'", f"{c} = 5 AND day = '2020-01-01'", f"{c} = 5 AND feeling = 'sad'", f"{c} = 5 AND feeling = 'ok'",
                    f"{c} = 5 AND active", f"{c} = 5 AND (flag OR active)", f"{c} = 5 AND mail = 'x'", f"{c} = 5 AND big > 200", f"{c} = 5 AND big = 50", f"{c} = 5 AND big > 200::int8",
                    f"{c} = 5 AND length(name) > 3", f"{c} = 5 AND length(name) > 4", f"{c} = 5 AND data ? 'k'", f"{c} > fk AND {c} = 5", f"fk < {c} AND {c} = 5",
                    f"{c} = 5 AND status = 'active' AND flag", f"{c} = 5 AND NOT status = 'done'", f"{c} = 5 AND NOT (status IN ('done', 'failed'))", f"{c} = 5 AND status NOT IN ('done', 'failed')",
                    f"{c} = 5 AND status NOT IN ('done', 'failed', 'x')", f"{c} = 5 AND coalesce(status, '') = ''", f"{c} = 5 AND stamp > '2021-06-01'", f"{c} = 5 AND stamp >= '2021-01-01'",
                    f"{c} = 5 AND status::text = 'active'", f"{c} = 5 AND upper(status) = 'ACTIVE'", f"{c} = 10 AND status = 'active'", f"{c} = 5 AND status = 'active'::text",
                    f"{c} = 5 AND name IS NOT NULL", f"{c} = 5 AND length(name) = 2", f"{c} = 5 AND lower(name) = 'x'",
                    f"ORDER BY {c} NULLS FIRST", f"ORDER BY {c} DESC NULLS LAST", f"ORDER BY {c}, id", f"ORDER BY {c} DESC, id", f"ORDER BY {c} DESC, id DESC", f"ORDER BY {c} + 1", f"ORDER BY -{c}",
                    f"{c} = 5 ORDER BY id", f"{c} = 5 ORDER BY status", f"{c} = 5 ORDER BY {c}, status", f"{c} > 5 ORDER BY {c}", f"{c} > 5 ORDER BY status", f"{c} IN (1, 2) ORDER BY status",
                    f"{c} = 5 ORDER BY fk, status", f"{c} IS NOT NULL ORDER BY {c}", f"ORDER BY {c} <-> 5", f"flag ORDER BY {c}", f"NOT flag ORDER BY {c}", f"flag IS TRUE ORDER BY {c}", f"flag = true ORDER BY id",
                    f"status = 'active' ORDER BY {c}", f"status = 'active' ORDER BY {c} DESC", f"status = 'active' AND flag ORDER BY {c} DESC", f"status = 'active' AND flag ORDER BY {c}",
                    f"status IN ('active', 'failed') ORDER BY {c}", f"ORDER BY status, {c}", f"ORDER BY status DESC, {c} DESC", f"ORDER BY status, {c} DESC", f"ORDER BY {c}, status", f"ORDER BY {c}, fk, status",
                    f"deleted_at IS NULL ORDER BY id", f"flag AND deleted_at IS NULL ORDER BY id DESC", f"fk = 7 ORDER BY {c}", f"fk = 7 AND {c} = 3 ORDER BY at", f"fk = 7 ORDER BY {c}, at", f"fk = 7 ORDER BY at")
    yield from ("fk = 7 ORDER BY at DESC", "fk = 7 ORDER BY at", "fk = 7 AND at > '2021-01-01'", "at > '2021-01-01'", "at > '2021-01-01' ORDER BY fk", "ORDER BY fk, at DESC", "ORDER BY fk DESC, at",
                "at >= now()", "at >= now() - interval '1 day'", "at >= current_date", "at >= '2021-01-01'::date", "at >= '2021-01-01'::timestamp", "at BETWEEN '2021-01-01' AND '2021-01-02'",
                "at::date = '2021-01-01'", "(at AT TIME ZONE 'UTC')::date = '2021-01-01'", "(at AT TIME ZONE 'Europe/Berlin')::date = '2021-01-01'", "(at AT TIME ZONE 'UTC') > '2021-01-01'",
                "date_trunc('day', at) = '2021-01-01'", "date_trunc('day', stamp) = '2021-01-01'", "date_trunc('month', at AT TIME ZONE 'UTC') = '2021-01-01'", "extract(year FROM stamp) = 2021",
                "extract('year' FROM stamp) = 2021", "date_part('year', stamp) = 2021", "extract(month FROM at AT TIME ZONE 'UTC') = 5", "stamp::date = '2021-01-01'", "date(stamp) = '2021-01-01'",
                "CAST(stamp AS date) = '2021-01-01'", "stamp > '2021-01-01'", "stamp > now()", "stamp > '2021-01-01'::date", "stamp > '2021-01-01'::timestamptz", "stamp > localtimestamp", "day = '2021-01-01'",
                "day = '2021-01-01'::date", "day = '2021-01-01'::timestamp", "day >= now()", "day > current_date", "day::timestamp = '2021-01-01'", "day BETWEEN '2021-01-01' AND '2021-02-01'", "day IN ('2021-01-01', '2021-01-02')",
                "clock > '12:00'", "clock = '12:00'::time", "ORDER BY at DESC", "ORDER BY at", "ORDER BY day, id", "stamp + interval '1 day' > now()", "at IS NULL", "day IS NOT NULL", "at = ANY (ARRAY['2021-01-01', '2021-01-02']::timestamptz[])",
                "flag", "NOT flag", "flag = true", "flag = false", "flag IS TRUE", "flag IS FALSE", "flag IS NOT TRUE", "flag IS NULL", "flag IS UNKNOWN", "flag <> true", "flag IN (true, false)", "true = flag", "flag = 't'", "flag AND n = 5", "NOT flag AND n = 5",
                "flag = active", "flag OR active", "flag AND active", "flag IS NOT NULL", "n = 5 OR flag", "ORDER BY flag, n", "flag ORDER BY n", "n IS NULL", "(n IS NULL) = true", "(n > 5)", "active", "active AND upper(name) = 'X'", "upper(name) = 'X' AND n = 5", "upper(name) = 'X'",
                "status = 'active'", "status = 'active' AND n = 5", "status > 'a'", "status > 'a' AND n = 5", "status LIKE 'act%'", "status IN ('active', 'failed')", "status IN ('active', 'failed') AND n = 5", "status = 'active' OR n = 7", "upper(status) = 'ACTIVE'", "status IS NULL",
                "data @> '{\"a\": 1}'", "data @> '{\"a\": 1}'::jsonb", "data <@ '{\"a\": 1}'", "'{\"a\": 1}' <@ data", "'{\"a\": 1}'::jsonb <@ data", "data ? 'k'", "NOT (data ? 'k')", "data ?| ARRAY['a', 'b']", "data ?& ARRAY['a', 'b']",
                "data @@ '$.a == 5'", "data @? '$.a ? (@ == 5)'", "data = '{}'", "data > '{}'", "data -> 'k' = '\"x\"'", "data ->> 'k' = 'x'", "(data ->> 'k') LIKE 'x%'", "(data ->> 'a')::int = 5", "(data ->> 'a')::int > 5", "(data -> 'a')::int = 5",
                "data #>> '{k}' = 'x'", "data #> '{k}' = '\"x\"'", "data #>> ARRAY['k'] = 'x'", "data -> 'tags' @> '[\"t5\"]'", "data -> 'tags' ? 't5'", "data['k'] = '\"x\"'", "upper(data ->> 'k') LIKE upper('%deadbe%')", "data::text LIKE '%deadbe%'", "data -> 'k' IN ('\"x\"', '\"y\"')",
                "data ->> 'k' IN ('x', 'y')", "data ->> 'x' = 'x'", "data -> 'k' IS NULL", "data IS NULL", "data IS NOT NULL", "plain ->> 'a' = '5'", "jsonb_path_exists(data, '$.a')", "ORDER BY data ->> 'k'", "data @> '{}' AND deleted_at IS NULL", "jsonb_exists(data, 'k')", "(data -> 'k') ? 'x'", "data ->> 'k' > 'x'",
                "tags @> ARRAY['a']::varchar(10)[]", "tags @> '{a}'", "tags @> ARRAY['a']::varchar[]", "tags && ARRAY['a', 'b']::varchar(10)[]", "tags <@ ARRAY['a', 'b']::varchar[]", "tags = ARRAY['a', 'b']::varchar[]", "tags = '{a,b}'", "'a' = ANY (tags)", "tags[1] = 'a'", "tags::text[] @> ARRAY['a']",
                "array_length(tags, 1) = 2", "ARRAY['a']::varchar[] <@ tags", "tags > '{a}'", "words @> ARRAY['a']", "words && ARRAY['a', 'b']", "words @> ARRAY['a'::varchar]::text[]", "words = ARRAY['a']", "'a' = ANY (words)", "numbers @> ARRAY[1]", "numbers && ARRAY[1, 2]", "numbers = ARRAY[1]", "5 = ANY (numbers)", "numbers[1] = 5", "numbers @> '{1}'", "cardinality(numbers) = 2", "NOT (tags @> '{a}')", "tags @> '{a}' AND n = 5", "tags IS NULL",
                "uid = 'deadbeef-0000-0000-0000-000000000000'", "uid = 'deadbeef-0000-0000-0000-000000000000'::uuid", "uid::text = 'x'", "uid::text LIKE 'dead%'", "uid::text LIKE '%deadbe%'", "uid IN ('deadbeef-0000-0000-0000-000000000000', 'deadbeef-0000-0000-0000-000000000001')", "uid > 'deadbeef-0000-0000-0000-000000000000'", "ORDER BY uid", "uid IS NOT NULL",
                "ip = '10.1.0.1'", "ip = '10.1.0.1'::inet", "ip <<= '10.1.0.0/16'", "ip << '10.1.0.0/16'", "ip >>= '10.1.0.1'", "'10.1.0.0/16' >>= ip", "ip && '10.1.0.0/16'", "ip > '10.1.0.1'", "host(ip) LIKE '10.%'", "host(ip) = '10.1.0.1'", "upper(host(ip)) LIKE '%10.1%'", "net = '10.1.0.0/16'", "net <<= '10.0.0.0/8'", "net >>= '10.1.0.1'::inet", "ip <<= (SELECT '10.1.0.0/16'::inet)", "net = '10.1.0.0/16'::inet", "ORDER BY ip",
                "vector @@ plainto_tsquery('x')", "vector @@ to_tsquery('english', 'x')", "vector @@ to_tsquery('english', 'x') = true", "to_tsquery('x') @@ vector", "to_tsvector('english', note) @@ to_tsquery('x')", "to_tsvector('english'::regconfig, note) @@ plainto_tsquery('english'::regconfig, 'x')", "to_tsvector(note) @@ to_tsquery('x')", "to_tsvector('english', coalesce(note, '')) @@ to_tsquery('x')",
                "to_tsvector('simple', note) @@ to_tsquery('x')", "NOT vector @@ to_tsquery('x')", "vector @@ to_tsquery('x') AND status = 'active'", "vector @@@ to_tsquery('x')", "note @@ 'x'", "vector @@ 'x'::tsquery", "vector = ''", "to_tsvector('english', note) @@ 'x'",
                "span @> 5", "span && int4range(1, 5)", "span <@ int4range(1, 500)", "span = int4range(1, 5)", "span << int4range(1, 5)", "5 <@ span", "lower(span) = 5", "span > int4range(1, 5)", "isempty(span)", "span -|- int4range(1, 5)", "during @> now()", "during @> '2021-01-01'::timestamptz", "during && tstzrange(now(), NULL)", "during && '[2021-01-01,2021-02-01)'", "n = 5 AND span @> 5",
                "feeling = 'sad'", "feeling > 'sad'", "feeling IN ('sad', 'ok')", "feeling::text = 'sad'", "ORDER BY feeling", "feeling = 'sad'::mood", "bytes = '\\x00'", "bytes LIKE '\\x64%'::bytea", "bytes > '\\x00'", "spot <@ box '((0,0),(1,1))'", "ORDER BY spot <-> point '(0,0)'", "ORDER BY spot <-> point '(0,0)', id", "spot ~= point '(0,0)'", "spot << point '(0,0)'", "bits = B'00000001'",
                "amount::int = 5", "amount * 2 = 10", "round(amount) = 5", "amount = 5.0::float8", "real8::numeric = 5", "real8 = 5::numeric", "real4 = 5.5", "big::text = '5'", "level = 5::positive", "level::int = 5", "level::bigint = 5",
                "DISTINCT name", "DISTINCT note", "DISTINCT n", "DISTINCT status, n", "DISTINCT n, status", "MAX(n)", "MIN(n)", "MAX(name)", "MAX(note)", "MIN(upper(name))", "MAX(at)", "MAX(day)", "DISTINCT uid", "MIN(n) WHERE fk = 7", "MAX(at) WHERE fk = 7", "DISTINCT id",
                "true", "1 = 1", "EXISTS (SELECT 1 FROM things u WHERE u.n = things.id)", "NOT EXISTS (SELECT 1 FROM things u WHERE u.n = things.id)", "n = (SELECT u.fk FROM things u WHERE u.id = things.id)", "ORDER BY random()", "ORDER BY 1 + 1", "ORDER BY n IS NULL, n")


def statement(condition):
    if re.match("SELECT |WITH |DELETE |UPDATE ", condition):
        return condition
    if condition.startswith("DISTINCT"):
        return f"SELECT {condition} FROM things"
    if condition.startswith(("MAX", "MIN")):
        head, where, rest = condition.partition(" WHERE ")
        return f"SELECT {head} FROM things{where}{rest}"
    if condition.startswith("ORDER BY"):
        return f"SELECT * FROM things {condition} LIMIT 20"
    return f"SELECT * FROM things WHERE {condition}" + (" LIMIT 20" if "ORDER BY" in condition else "")


def columns(text):
    text = re.sub(r"'[^']*'", "", text)
    return set(re.findall(r"\b(?:" + "|".join(COLUMNS) + r")\b", text))


COLUMNS = ("id name note mail latin icu vague code alias nick n fk small big level real4 real8 amount day stamp at clock flag"
           " active status deleted_at data plain tags numbers words uid ip net vector span during feeling bytes spot bits").split()


def psql(host, port, database, sql):
    return subprocess.run(["psql", "-XqAt", "-h", host, "-p", port, "-U", "postgres", "-d", database, "-f", "-"],
                          input=sql, text=True, capture_output=True, check=True)


def ask(host, port, database, pairs, settings=""):
    """Served or not for each (index, condition); None where PostgreSQL refuses one of them."""
    script = [settings + "SET client_min_messages = error; SET enable_seqscan = off; SET enable_sort = off; SET enable_incremental_sort = off; SET max_parallel_workers_per_gather = 0; SET jit = off;"]
    last = None
    for index, condition in pairs:
        if index != last:
            script += [DROP, f"\\echo ==index\nCREATE INDEX tried ON things {index};\n"
                       "SELECT 'there' FROM pg_class WHERE relname = 'tried';"]
            last = index
        script.append(f"\\echo ==asked\nEXPLAIN {statement(condition)};")
    out = psql(host, port, database, "\n".join(script)).stdout
    answers, built = [], True
    for part in re.split(r"(?m)^==", out)[1:]:
        kind, _, plan = part.partition("\n")
        if kind == "index":
            built = "there" in plan
        else:
            uses = bool(re.search(r"\btried\b", plan))
            condition = pairs[len(answers)][1]
            if "ORDER BY" in condition and re.search(r"\bSort\b", plan):
                uses = False
            # Of an index alone all can be had, in whatever order.
            if condition.startswith("DISTINCT") and "Index Only" not in plan:
                uses = uses and not re.search(r"\bSort\b|HashAggregate", plan) and "Presorted" not in plan
            answers.append(int(uses) if plan.strip() and built else None)
    return answers


def ranges(numbers):
    """3,5-7: ascending."""
    runs = []
    for number in numbers:
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(f"{a}-{b}" if b > a else str(a) for a, b in runs)


def main():
    host, port = sys.argv[1:3]
    all_conditions = list(dict.fromkeys(conditions()))
    for number, condition in enumerate(all_conditions):
        print("statement", number, statement(condition), sep="\t")
    for database, options in DATABASES.items():
        psql(host, port, "postgres", f"DROP DATABASE IF EXISTS {database}_truth;")
        psql(host, port, "postgres", f"CREATE DATABASE {database}_truth {options};")
        psql(host, port, f"{database}_truth", open(sys.path[0] + "/access_setup.sql").read())
        pairs = []
        for index in dict.fromkeys(INDEXES):
            # The other databases differ in what depends on the collation.
            if database != "utf" and not columns(index) & {"name", "note", "code", "alias", "mail", "status"}:
                continue
            if database != "utf" and " WHERE " in index:
                continue
            own = columns(index)
            # Where a sub-select reads the same table, its plan would be taken for the outer one's.
            pairs += [(index, c) for c in all_conditions
                      if columns(c) & own and (" u" not in c or index == "(n)")]
        served = ask(host, port, f"{database}_truth", pairs)
        for index, group in itertools.groupby(zip(pairs, served), key=lambda one: one[0][0]):
            answers = [(all_conditions.index(pair[1]), answer) for pair, answer in group if answer is not None]
            if answers:
                print("index", database, index, *(ranges(n for n, a in answers if a == wanted) for wanted in (1, 0)),
                      sep="\t")


if __name__ == "__main__":
    main()

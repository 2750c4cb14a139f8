"""Draws indexes and statements by a grammar, asks PostgreSQL which serves which as access_generate.py does, and writes the
answers to access_draw.tsv: database, index, statement, served. Unlike access_mix.py, which joins conditions of a list,
this puts expression, operator and value of a type together, and keys, operator classes and predicates likewise.

access_draw.py HOST PORT SEED COUNT [EACH] > access_draw.tsv, against an empty cluster of PostgreSQL 15: COUNT rows a
database, EACH statements an index."""
import random, sys

import access_generate
import access_mix

SETUP = access_mix.SETUP + """
CREATE TABLE others (ref int, large bigint, label text, kind varchar(10), moment timestamptz, day date, uid uuid, tags text[], yes bool,
    doc jsonb, mail citext, addr inet);
INSERT INTO others SELECT g, g, 'x' || g, 'k', now(), CURRENT_DATE, gen_random_uuid(), '{a}', true, '{}', 'm' || g, '10.0.0.1'
FROM generate_series(1, 20) g;
"""

# By type: columns; expressions of such columns; values; conditions on {x} with a value {v}, another {w}, a joined column {j}.
INT_VALUES = ["5", "'5'", "5::bigint", "5::smallint", "5::numeric", "5.0", "5.5", "2 + 3", "abs(-5)", "(SELECT 5)", "-5", "NULL",
              "'5'::int", "length('abc')", "5::float8", "10000000000", "'5'::text::int", "(SELECT max(ref) FROM others)", "CAST('7' AS integer)", "5 * 2 - 1"]
ORDERED = ["{x} = {v}"] * 6 + ["{x} > {v}", "{x} <= {v}", "{x} < {v}", "{v} <= {x}", "{v} = {x}", "{x} BETWEEN {v} AND {w}", "{x} IN ({v}, {w})",
           "{x} IN ({v})", "{x} = ANY (ARRAY[{v}, {w}])", "{x} <> {v}", "{x} IS NULL", "{x} IS NOT NULL", "NOT ({x} = {v})", "NOT ({x} <> {v})",
           "NOT ({x} < {v})", "{x} IS NOT DISTINCT FROM {v}", "{x} NOT IN ({v}, {w})", "{x} <> ALL (ARRAY[{v}, {w}])", "{x} > ANY (ARRAY[{v}, {w}])",
           "{x} >= {v} AND {x} < {w}", "({x} = {v} OR {x} = {w})", "({x} < {v} OR {x} > {w})", "({x} = {v}) IS TRUE", "({x}, id) > ({v}, 5)", "({x}, fk) = ({v}, 5)",
           "(id, {x}) < (7, {v})", "ROW({x}, id) >= ROW({v}, 3)", "({v}, 1) < ({x}, id)", "({x}, n) IN (({v}, 1), ({w}, 2))", "coalesce({x}, {v}) = {w}", "NOT ({x} > {v} AND {x} < {w})",
           "CASE WHEN {x} = {v} THEN true ELSE false END", "{x} = {v} IS NOT FALSE", "{x} NOT BETWEEN {v} AND {w}", "{x} BETWEEN SYMMETRIC {w} AND {v}", "NOT {x} IS NULL", "({x} = {v} AND n = 3 OR {x} = {w} AND n = 3)",
           "{x} IN (SELECT {j} FROM others)", "{x} = {j}@", "{x} = {j}@", "{x} > {j}@", "EXISTS (SELECT 1 FROM others o WHERE o.{j} = {x})", "{x} = (SELECT {v})", "{x} = ALL (ARRAY[{v}])", "{x} = SOME (ARRAY[{v}])"]
TEXT = ORDERED + ["{x} LIKE {p}"] * 6 + ["{x} ILIKE {p}", "{x} ILIKE {p}", "{x} ~ {r}", "{x} ~ {r}", "{x} ~* {r}", "{x} SIMILAR TO {p}", "{x} NOT LIKE {p}", "{x} !~ {r}", "{x} ^@ 'abc'", "starts_with({x}, 'abc')",
        "{x} LIKE {p} ESCAPE '!'", "{x} LIKE {p} ESCAPE '\\'", "{x} % 'deadbeef'", "{x} %> 'dead'", "'dead' <% {x}", "{x} LIKE ANY (ARRAY[{p}, {p}])", "{x} COLLATE \"C\" = {v}", "{x} COLLATE \"C\" LIKE {p}", "{x} = {v} COLLATE \"en-US-x-icu\"",
        "{x} || '' = {v}", "{x} LIKE 'a' || '%'", "{x} LIKE upper({p})", "{x} ~~ {p}", "{x} ~~* {p}", "{x} ~>=~ {v}", "position('a' in {x}) > 0", "{x} COLLATE \"C\" < {v}", "{x} LIKE {j}@", "{x} LIKE {j}@ || '%'", "{x} ~~ ALL (ARRAY[{p}])", "regexp_like({x}, {r})"]
PATTERNS = ["'abc%'", "'%abc%'", "'%ab%'", "'a%'", "'abc'", "'a_c%'", "'_bc%'", "''", "'%'", "'123%'", "'a\\%b%'", "'%abc'", "'é%'", "'1a%'", "'a!%b%'", "'!_a%'", "'abc%'::text", "'ab\\'", "'%%%'", "'-%'", "'\\a%'", "'abc!!d%'", "'%a b%'", "NULL"]
REGEXES = ["'^abc'", "'abc'", "'^a'", "'^abc$'", "'^(abc)'", "'^(abc|abd)'", "'^[a]bc'", "'^[ab]c'", "'^abc.*'", "'^ab?c'", "'^ab+c'", "'^a{2}b'", "'^\\d+'", "'\\Aabc'", "'^\\mabc'", "'^a\\.b'", "'^.*abc'", "'(^abc)'", "'^^abc'", "'^abc|^abd'", "'^(?:abc)d'", "'^(a)(b)c'", "'^12'", "'^1a'", "'***=abc'", "'***:^abc'", "'(?i)^abc'", "'(?c)^abc'",
           "'^a[b]c'", "'^a\\x62c'", "'^\\u0061bc'", "'^abc{0}d'", "'^abc{1}'", "'^abc{1,}'", "'^()abc'", "'^(abc)?'", "'^(abc)+'", "'^(?=a)abc'", "'^a\\b'", "'^a\\yb'", "'^[^a]bc'", "'^[a-b]c'", "'^[a-a]bc'", "'^[[:alpha:]]bc'", "'^abc$|x'", "'^a\\tb'", "'^\\^ab'", "'^ab\\Z'", "'^ab\\M'", "'^(a|b)c'", "'^(ab)$'", "'^((ab)c)d'", "'^[.]a'", "'^a.b'", "'^a-b_c'", "'^a@b/c$'", "'^ab\\$'", "'^é'", "'^'", "'^$'", "'^abc\\s*$'", "'^(?#note)abc'", "'^a|'"]
TYPES = {
    "int": dict(columns=["n", "fk", "small", "big", "level", "id"], values=INT_VALUES, joined=["ref", "large", "ref::bigint"],
                expressions=["{c} + 1", "{c} % 10", "abs({c})", "{c} * 2", "coalesce({c}, 0)", "-{c}", "{c}::bigint", "{c}::numeric", "nullif({c}, 0)", "greatest({c}, fk)", "{c} / 2", "mod({c}, 7)", "{c} & 1"],
                conditions=ORDERED, classes=["", "", "", ""], methods=["btree"] * 5 + ["hash", "brin", "gin", "gist", "brin {c} int4_minmax_multi_ops", "brin {c} int4_bloom_ops"]),
    "number": dict(columns=["amount", "real8", "real4", "price"], values=["5", "5.5", "'5.5'", "5.5::float8", "5::float4", "5.5::numeric(10,2)", "5::money", "(SELECT 5.5)", "1e3", "round(5.55)", "-1.5"], joined=["ref", "large"],
                   expressions=["round({c})", "{c} * 2", "{c}::int", "abs({c})", "coalesce({c}, 0)", "{c}::float8", "{c}::numeric"], conditions=ORDERED, classes=[""], methods=["btree"] * 4 + ["hash", "brin", "gist", "gin"]),
    "text": dict(columns=["name", "note", "status", "latin", "icu", "nick"], values=["'x'", "'x'::text", "'x'::varchar", "'x'::bpchar", "'x'::citext", "'x'::name", "upper('x')", "'a' || 'b'", "(SELECT 'x')", "NULL", "'x'::varchar(3)", "lower('X')", "current_user", "concat('a', 'b')", "btrim(' x ')", "md5('x')", "'active'", "'done'", "E'x'"],
                 joined=["label", "kind"], expressions=["upper({c})", "lower({c})", "{c}::text", "btrim({c})", "left({c}, 3)", "substr({c}, 1, 3)", "reverse({c})", "coalesce({c}, '')", "{c} || 'x'", "{c}::varchar", "replace({c}, '-', '')", "upper({c}::text)", "lower(btrim({c}))", "({c} COLLATE \"C\")", "md5({c})", "split_part({c}, '@', 2)", "unaccent({c})", "initcap({c})", "concat({c}, 'x')", "nullif({c}, '')", "translate({c}, 'a', 'b')"],
                 conditions=TEXT, classes=["", "", "", " text_pattern_ops", " varchar_pattern_ops", " COLLATE \"C\"", " COLLATE \"en-US-x-icu\"", " COLLATE \"C\" text_pattern_ops", " COLLATE \"POSIX\"", " varchar_ops"],
                 methods=["btree"] * 5 + ["hash", "brin", "spgist", "gist", "gin {c} gin_trgm_ops", "gin {c} gin_trgm_ops", "gin {c} gin_trgm_ops", "gist {c} gist_trgm_ops", "gist {c} gist_trgm_ops(siglen=32)", "hash {c} text_pattern_ops", "brin {c} text_bloom_ops", "gin"]),
    "citext": dict(columns=["mail"], values=["'x'", "'x'::text", "'x'::citext", "'x'::varchar", "(SELECT 'x')", "upper('x')", "upper('x')::citext"], joined=["mail", "label"], expressions=["{c}::text", "lower({c})", "upper({c}::text)", "upper({c})", "{c}::varchar", "btrim({c}::text)"],
                   conditions=TEXT, classes=["", "", " citext_pattern_ops"], methods=["btree"] * 4 + ["hash", "gin {c} gin_trgm_ops", "gist", "gin"]),
    "char": dict(columns=["code", "alias"], values=["'x'", "'x'::text", "'x'::char(10)", "'x'::varchar", "'x'::name", "(SELECT 'x')"], joined=["label", "kind"], expressions=["{c}::text", "upper({c}::text)", "lower({c})", "{c}::varchar", "btrim({c})"],
                 conditions=TEXT, classes=["", "", " bpchar_pattern_ops", " COLLATE \"C\""], methods=["btree"] * 4 + ["hash", "brin", "gist", "gin"]),
    "time": dict(columns=["at", "stamp", "day", "deleted_at"], values=["'2021-01-01'", "'2021-01-01'::date", "'2021-01-01'::timestamp", "'2021-01-01'::timestamptz", "now()", "CURRENT_DATE", "now() - interval '1 day'", "localtimestamp", "date '2021-01-01' + 1", "date_trunc('day', now())", "'today'::date", "timestamp '2021-01-01 10:00'", "clock_timestamp()", "make_date(2021, 1, 1)", "to_date('2021', 'YYYY')", "(SELECT now())", "now()::date", "statement_timestamp()", "(CURRENT_DATE - 7)", "'2021-01-01T00:00:00+00:00'::timestamptz"],
                 joined=["moment", "day", "moment::date"], expressions=["{c}::date", "date_trunc('day', {c})", "({c} AT TIME ZONE 'UTC')", "({c} AT TIME ZONE 'UTC')::date", "date({c})", "date_trunc('month', {c} AT TIME ZONE 'UTC')", "{c}::timestamp", "date_trunc('day', {c}, 'UTC')", "coalesce({c}, '2000-01-01')", "{c} + interval '1 day'", "{c}::timestamptz"],
                 conditions=ORDERED, classes=[""], methods=["btree"] * 5 + ["brin", "hash", "gist", "gin", "brin {c} timestamptz_minmax_multi_ops"]),
    "part": dict(columns=["at", "stamp", "day"], values=["2021", "5", "'5'", "5.0", "5::float8"], joined=["ref"], expressions=["extract(year FROM {c})", "date_part('year', {c})", "extract(month FROM {c} AT TIME ZONE 'UTC')", "extract(epoch FROM {c})", "extract(dow FROM {c})", "date_part('month', {c})"],
                 conditions=ORDERED, classes=[""], methods=["btree"] * 4 + ["hash", "brin"], plain=False),
    "flag": dict(columns=["flag", "active"], values=["true", "false", "'t'", "'f'", "NULL", "(1 = 1)", "NOT true", "'yes'::bool", "(SELECT true)"], joined=["yes"], expressions=["NOT {c}", "({c} IS TRUE)", "coalesce({c}, false)", "({c} AND n > 5)", "({c} IS NULL)"],
                 conditions=["{x}", "NOT {x}", "{x} = {v}", "{x} IS TRUE", "{x} IS FALSE", "{x} IS NOT TRUE", "{x} IS NOT FALSE", "{x} IS UNKNOWN", "{x} IS NULL", "{x} <> {v}", "{v} = {x}", "{x} IN ({v}, {w})", "NOT NOT {x}", "NOT ({x} = {v})", "({x} OR n = 5)", "{x} = {j}@", "coalesce({x}, true)", "{x} IS DISTINCT FROM {v}", "{x} IS NOT DISTINCT FROM {v}", "{x} >= {v}", "({x} IS TRUE) = true", "{x} = ANY (ARRAY[{v}])"],
                 classes=[""], methods=["btree"] * 4 + ["hash", "brin", "gin", "gist"]),
    "uid": dict(columns=["uid"], values=["'deadbeef-0000-0000-0000-000000000000'", "'deadbeef-0000-0000-0000-000000000000'::uuid", "gen_random_uuid()", "(SELECT uid FROM others LIMIT 1)", "CAST('deadbeef000000000000000000000000' AS uuid)"], joined=["uid"], expressions=["{c}::text", "upper({c}::text)", "lower({c}::text)", "replace({c}::text, '-', '')", "left({c}::text, 8)"],
                conditions=ORDERED, classes=[""], methods=["btree"] * 4 + ["hash", "brin", "gin", "gist", "brin {c} uuid_bloom_ops"]),
    "net": dict(columns=["ip", "net"], values=["'10.1.0.1'", "'10.1.0.0/16'", "'10.1.0.1'::inet", "'10.1.0.0/16'::cidr", "(SELECT '10.1.0.0/16'::inet)", "inet '10.2.0.0/16'"], joined=["addr"], expressions=["host({c})", "{c}::text", "network({c})", "masklen({c})", "abbrev({c})", "set_masklen({c}, 16)", "family({c})", "{c}::inet"],
                conditions=ORDERED + ["{x} << {v}", "{x} <<= {v}", "{x} >> {v}", "{x} >>= {v}", "{v} >> {x}", "{v} >>= {x}", "{v} <<= {x}", "{x} && {v}", "{x} <<= {j}@", "host({x}) LIKE '10.%'"] * 2, classes=["", " inet_ops", " cidr_ops"], methods=["btree"] * 4 + ["hash", "spgist", "gist {c} inet_ops", "brin", "brin {c} inet_inclusion_ops", "brin {c} inet_minmax_ops", "gin"]),
    "json": dict(columns=["data", "jp"], values=["'{\"a\": 1}'", "'{\"a\": 1}'::jsonb", "jsonb_build_object('a', 1)", "'[1]'", "(SELECT '{}'::jsonb)", "'\"x\"'", "to_jsonb(5)", "'{}'::json::jsonb"], joined=["doc"],
                 expressions=["{c} -> 'k'", "{c} -> 'tags'", "{c} #> '{{a,b}}'", "{c}['k']", "{c} -> 'a' -> 'b'", "{c} #> ARRAY['k']", "{c} -> 0", "jsonb_extract_path({c}, 'k')", "coalesce({c}, '{{}}')"],
                 conditions=["{x} @> {v}"] * 4 + ["{x} <@ {v}", "{x} ? 'k'", "{x} ? 'k'", "{x} ?| ARRAY['k', 'l']", "{x} ?& ARRAY['k']", "{x} @@ '$.a > 1'", "{x} @? '$.a'", "{x} = {v}", "{v} <@ {x}", "{x} > {v}", "{x} IS NULL", "NOT ({x} @> {v})", "({x} @> {v} OR {x} ? 'k')", "{x} @> {j}@", "jsonb_exists({x}, 'k')", "jsonb_path_exists({x}, '$.a')", "{x} IN ({v}, {w})", "{x} @> ANY (ARRAY[{v}, {w}])", "{x} <> {v}", "jsonb_contains({x}, {v})", "{x} ? upper('k')", "{x} ?| '{{a,b}}'", "{x} @? '$.a ? (@ > 1)'::jsonpath"],
                 classes=[""], methods=["btree", "hash", "gin", "gin", "gin", "gin {c} jsonb_path_ops", "gin {c} jsonb_path_ops", "gin {c} jsonb_ops"]),
    "jsontext": dict(columns=["data", "jp"], values=["'x'", "'5'", "'x'::text", "upper('x')", "'x'::varchar"], joined=["label"], expressions=["{c} ->> 'k'", "{c} #>> '{{k}}'", "upper({c} ->> 'k')", "{c} -> 'a' ->> 'b'", "{c} ->> 0", "jsonb_extract_path_text({c}, 'k')", "{c}::text", "lower({c} ->> 'k')", "({c} -> 'k')::text", "({c} ->> 'k')::varchar", "{c} #>> ARRAY['k']"],
                     conditions=TEXT, classes=["", "", " text_pattern_ops", " COLLATE \"C\""], methods=["btree"] * 4 + ["hash", "gin {c} gin_trgm_ops", "gin {c} gin_trgm_ops", "gist {c} gist_trgm_ops"], plain=False),
    "jsonint": dict(columns=["data", "jp"], values=INT_VALUES, joined=["ref"], expressions=["({c} ->> 'a')::int", "({c} -> 'a')::int", "({c} ->> 'a')::numeric", "jsonb_array_length({c} -> 'tags')", "({c} ->> 'a')::bigint", "CAST({c} ->> 'a' AS integer)", "({c} #>> '{{a}}')::int", "({c} -> 'a')::numeric"],
                    conditions=ORDERED, classes=[""], methods=["btree"] * 4 + ["hash", "brin"], plain=False),
    "array": dict(columns=["tags", "words", "numbers", "moods", "u2"], values=["'{{a}}'", "'{{1}}'", "ARRAY['a']", "ARRAY['a']::varchar[]", "ARRAY['a']::text[]", "ARRAY[1]", "ARRAY[1]::bigint[]", "ARRAY['a', 'b']::varchar(10)[]", "string_to_array('a,b', ',')", "'{{sad}}'", "ARRAY['sad']::mood[]", "ARRAY['x']::citext[]", "(SELECT '{{a}}'::text[])", "ARRAY[upper('x')]", "'{{}}'"], joined=["tags"],
                  expressions=["{c}::text[]", "{c} || '{{x}}'", "coalesce({c}, '{{}}')", "array_remove({c}, NULL)"],
                  conditions=["{x} @> {v}"] * 4 + ["{x} && {v}", "{x} && {v}", "{x} <@ {v}", "{x} = {v}", "{v} <@ {x}", "{x} > {v}", "{x} IS NULL", "NOT {x} && {v}", "({x} @> {v} OR {x} && {w})", "'a' = ANY ({x})", "{x} @> {j}@", "{x}[1] = 'a'", "array_length({x}, 1) = 1", "{x} IN ({v}, {w})", "cardinality({x}) > 1", "{x} <> {v}", "arraycontains({x}, {v})"],
                  classes=[""], methods=["btree", "hash", "gin", "gin", "gin", "gin", "gin {c} array_ops"]),
    "range": dict(columns=["span", "during", "per", "num"], values=["int4range(1, 5)", "'[1,5)'", "'[2020-01-01,2020-02-01)'", "numrange(1, 2)", "tsrange('2020-01-01', '2020-01-02')", "tstzrange(now(), NULL)", "'empty'", "int4range(1, 5, '[]')"], joined=["int4range(ref, ref + 1)"],
                  expressions=["coalesce({c}, 'empty')", "{c} * '(,)'"], conditions=["{x} && {v}"] * 3 + ["{x} @> {v}", "{x} <@ {v}", "{x} = {v}", "{x} << {v}", "{x} >> {v}", "{x} &< {v}", "{x} -|- {v}", "{x} @> 5", "5 <@ {x}", "{x} @> now()", "{x} @> '2021-01-01'::timestamptz", "{x} @> 5.5", "{v} && {x}", "{x} > {v}", "isempty({x})", "lower({x}) = 5", "NOT {x} && {v}", "({x} && {v} OR n = 3)", "{x} @> CURRENT_DATE::timestamp", "{x} && {j}@", "{x} @> ref@", "{x} IS NOT NULL", "{x} @> 5::bigint", "{x} @> n", "upper_inf({x})"],
                  classes=[""], methods=["btree", "hash", "gist", "gist", "gist", "spgist", "spgist", "brin"]),
    "search": dict(columns=["vector"], values=["to_tsquery('x')", "'x'::tsquery", "plainto_tsquery('english', 'x y')", "websearch_to_tsquery('x')", "to_tsquery('simple', 'x')", "phraseto_tsquery('x')", "(SELECT 'x'::tsquery)", "'x'", "plainto_tsquery('english'::regconfig, 'x')", "to_tsquery('x') && to_tsquery('y')"], joined=["label::tsquery"],
                   expressions=["to_tsvector('english', note)", "to_tsvector('english', coalesce(note, ''))", "to_tsvector('simple', name)", "to_tsvector('english'::regconfig, note)", "to_tsvector('english', name || ' ' || note)", "to_tsvector('english', data)", "setweight(to_tsvector('english', note), 'A')", "to_tsvector('pg_catalog.english', note)", "to_tsvector(note)"],
                   conditions=["{x} @@ {v}"] * 5 + ["{v} @@ {x}", "{x} @@@ {v}", "NOT {x} @@ {v}", "({x} @@ {v} OR {x} @@ {w})", "{x} = ''", "{x} @@ {v} AND n = 5", "{x} @@ {v} = true", "ts_match_vq({x}, {v})", "{x} @@ {j}@"], classes=[""], methods=["gin"] * 4 + ["gist", "gist {c} tsvector_ops(siglen=64)", "btree"]),
    "rest": dict(columns=["feeling", "iv", "mac", "tz", "clock", "bytes", "bits", "kv", "spot"], values=["'sad'", "'sad'::mood", "'1 hour'", "interval '1 hour'", "'08:00:2b:01:02:03'", "'10:00'", "'10:00'::time", "'\\x00'", "decode('00', 'hex')", "B'00000001'", "'00000001'", "'a=>1'", "hstore('a', '1')", "'(0,0)'", "point(0,0)", "make_interval(hours => 1)", "enum_first(NULL::mood)"], joined=["label::bytea"],
                 expressions=["{c}::text", "coalesce({c}, NULL)", "{c} -> 'a'", "length({c})", "upper({c}::text)", "akeys({c})"], conditions=ORDERED + ["{x} @> {v}", "{x} ? 'a'", "{x} ?& ARRAY['a']", "{x} -> 'a' = 'x'", "{x} <@ box '((0,0),(1,1))'", "{x} ~= {v}", "{x} << {v}", "{x} LIKE {p}", "{x} LIKE {p}::bytea", "({x} -> 'a') LIKE {p}"],
                 classes=[""], methods=["btree"] * 4 + ["hash", "gin", "gist", "spgist", "brin"]),
}
PREDICATES = access_mix.PREDICATES + [
    "status IS NOT NULL AND n > 0", "n IN (1, 2, 3)", "n >= 5 AND n < 10", "lower(name) = 'x'", "data IS NOT NULL", "deleted_at IS NULL AND flag", "feeling = 'sad'", "n > 5 OR flag", "amount > 0", "at >= '2021-01-01'",
    "name <> ''", "name ~ '^a'", "NOT active", "flag IS NOT FALSE", "big BETWEEN 1 AND 100", "uid IS NOT NULL", "status = ANY (ARRAY['active', 'failed'])", "n % 2 = 0", "tags @> '{a}'", "name > 'a'", "day = '2021-01-01'", "coalesce(flag, false)", "n = 5", "(n = 5 OR n = 7)", "length(name) > 3", "NOT (n IS NULL)", "ip <<= '10.0.0.0/8'", "data ->> 'k' = 'x'", "upper(status) = 'ACTIVE'"]
# Beside the condition that is looked for: what proves a predicate, or nearly does.
PROOFS = ["status = 'active'", "status IN ('active', 'failed')", "status = 'failed'", "flag", "flag = true", "NOT flag", "active", "deleted_at IS NULL", "n = 5", "n > 10", "n >= 5", "n IN (1, 2)", "n BETWEEN 6 AND 8", "name = 'abc'", "name LIKE 'abc%'", "name LIKE 'a%'", "flag IS TRUE", "status <> 'done'", "NOT (status = 'done')", "at > '2021-06-01'",
          "upper(name) = 'X'", "lower(name) = 'x'", "data ? 'k'", "flag AND deleted_at IS NULL", "amount > 5", "amount = 3.5", "feeling = 'sad'", "n IS NOT NULL", "day = '2021-01-01'", "name > 'b'", "name <> ''", "n = ANY (ARRAY[5, 7])", "(n = 5 OR n = 7)", "n = 7", "length(name) > 3", "length(name) = 5", "big = 50", "big > 1000", "tags @> '{a}'", "uid = 'deadbeef-0000-0000-0000-000000000000'", "coalesce(flag, false)", "NOT active", "flag IS NOT FALSE", "n % 2 = 0",
          "ip <<= '10.0.0.0/8'", "ip << '10.1.0.0/16'", "upper(status) = 'ACTIVE'", "data ->> 'k' = 'x'", "n < 3", "fk = 3", "status = 'active' AND n = 8", "status > 'a'", "n > 5 IS TRUE", "(flag OR n > 6)", "n = fk", "n NOT IN (0, 1)", "status NOT IN ('done', 'x')", "n <> 0", "amount > 0 AND flag", "at = '2022-01-01'", "data IS NOT NULL"]
ORDERS = ["", "", "", "", " DESC", " NULLS FIRST", " DESC NULLS LAST", " ASC"]


def pick(spec):
    """An expression of the type: a column as it is, mostly."""
    column = random.choice(spec["columns"])
    if spec.get("plain", True) and random.random() < 0.6:
        return column
    return random.choice(spec["expressions"]).format(c=column)


def bracketed(expression):
    return expression if expression.isidentifier() else f"({expression})"


def index():
    """The index's text, the type it is of, and its first expression."""
    kind = random.choice(list(TYPES))
    spec = TYPES[kind]
    expression = pick(spec)
    method, _, fixed = random.choice(spec["methods"]).partition(" ")
    key = fixed.format(c=bracketed(expression)) if fixed else bracketed(expression)
    if not fixed and method in ("btree", "hash", "brin", "spgist", "gist") and random.random() < 0.7:
        key += random.choice(spec["classes"])
    keys = [key + (random.choice(ORDERS) if method == "btree" else "")]
    while method != "hash" and method != "spgist" and random.random() < 0.25:
        other = TYPES[random.choice(list(TYPES))]
        keys.append(bracketed(pick(other)))
        if random.random() < 0.4:
            random.shuffle(keys)
    made = ("" if method == "btree" else f"USING {method} ") + f"({', '.join(keys)})"
    if method == "btree" and random.random() < 0.1:
        made += " INCLUDE (id)"
    if random.random() < 0.3:
        made += f" WHERE {random.choice(PREDICATES)}"
    return made, kind, expression


def condition(kind, expression, joins):
    """One on that expression, or on another of the same type."""
    spec = TYPES[kind]
    x = expression if random.random() < 0.7 else pick(spec)
    form = random.choice(spec["conditions"])
    x = x if x.isidentifier() or x.endswith(")") and x[0].isalpha() else f"({x})"
    joined = random.choice(spec["joined"])
    made = form.format(x=x, v=random.choice(spec["values"]), w=random.choice(spec["values"]), j=joined, p=random.choice(PATTERNS),
                       r=random.choice(REGEXES)).replace("{{", "{").replace("}}", "}")
    if "@" in made and (f"{joined}@" in made or "ref@" in made):
        joins.append(True)
        made = made.replace(f"{joined}@", f"o.{joined}" if joined.isidentifier() else f"({joined.replace('ref', 'o.ref').replace('label', 'o.label').replace('moment', 'o.moment')})").replace("ref@", "o.ref")
    return made


def statement(made, kind, expression):
    joins = []
    one = condition(kind, expression, joins)
    chance = random.random()
    partial = " WHERE " in made
    if partial and chance < 0.75:
        proofs = PROOFS + [made.partition(" WHERE ")[2]] * 40
        other = random.choice(proofs)
        where = random.choice([f"{one} AND {other}"] * 4 + [f"({other}) AND ({one})", f"{other}", f"(({one} AND {other}) OR ({one} AND fk = 3))", f"NOT (NOT ({one}) OR NOT ({other}))"])
    elif chance < 0.8:
        where = one
    elif chance < 0.9:
        other = condition(random.choice([kind, kind, "int", "text", "flag"]), expression, joins)
        where = random.choice([f"({one}) AND ({other})", f"(({one}) OR ({other}))", f"NOT (({one}) AND ({other}))", f"NOT ({one})", f"({one}) IS TRUE"])
    else:
        where = random.choice([f"({one}) AND ({random.choice(PROOFS)})", f"(({one}) OR ({random.choice(PROOFS)}))"])
    if joins:
        where = where.replace("(id,", "(t.id,").replace(" id)", " t.id)")
        return "SELECT t.* FROM others o " + random.choice([
            f"JOIN things t ON {where}", f"JOIN things t ON {where}", f"LEFT JOIN things t ON {where}", f", things t WHERE {where}", f"CROSS JOIN things t WHERE {where}",
            f"WHERE EXISTS (SELECT 1 FROM things t WHERE {where})"]).replace("SELECT t.* FROM others o WHERE EXISTS", "SELECT o.* FROM others o WHERE EXISTS").replace("o , things", "o, things")
    text = f"SELECT * FROM things t WHERE {where}"
    if random.random() < 0.08:
        text = random.choice([f"SELECT * FROM (SELECT * FROM things) t WHERE {where}", f"WITH t AS (SELECT * FROM things) SELECT * FROM t WHERE {where}", f"DELETE FROM things t WHERE {where}", f"UPDATE things t SET note = '' WHERE {where}"])
    return text


def main():
    host, port, seed, count, *each = sys.argv[1:]
    random.seed(int(seed))
    for database in ("utf", "icu"):
        access_generate.psql(host, port, "postgres", f"DROP DATABASE IF EXISTS {database}_draw;")
        access_generate.psql(host, port, "postgres", f"CREATE DATABASE {database}_draw {access_generate.DATABASES[database]};")
        setup = open(sys.path[0] + "/access_setup.sql").read()
        access_generate.psql(host, port, f"{database}_draw", setup + SETUP + "VACUUM (ANALYZE) things, others;")
        pairs = []
        while len(pairs) < 2 * int(count):
            made, kind, expression = index()
            pairs += [(made, statement(made, kind, expression)) for _ in range(int(each[0]) if each else 12)]
        rows = dict.fromkeys((database, made, text, served) for (made, text), served in zip(pairs, access_generate.ask(
            host, port, f"{database}_draw", pairs, "SET enable_hashjoin = off; SET enable_mergejoin = off; ")) if served is not None)
        for row in list(rows)[:int(count)]:
            print(*row, sep="\t")


if __name__ == "__main__":
    main()

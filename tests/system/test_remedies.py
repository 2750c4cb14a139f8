"""Every fix_sql of the rules about indexes is run, and the finding is gone: what is there to paste has to work."""

import json
import os
import re
import subprocess

import pytest

import harness

TABLE = """
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA IF NOT EXISTS "Odd one";
CREATE TABLE {table} (
    id serial PRIMARY KEY, name varchar(100), note text, code char(10), mail citext, "Ti tle" text, alias name,
    owner int, qty int, amount numeric(10,2), created timestamptz, uid uuid, ip inet, data jsonb, plain json,
    tags varchar(10)[], flag bool);
INSERT INTO {table} (name, note, code, mail, "Ti tle", alias, owner, qty, amount, created, uid, ip, data, plain, tags, flag)
SELECT m, m, left(m, 9), m, m, m, g % 1000, g % 900, g / 7.0, timestamptz '2020-01-01' + g * interval '1 hour', m::uuid,
    ('10.0.' || g % 250 || '.1')::inet, jsonb_build_object('k', m), json_build_object('k', m), ARRAY['t' || g % 50], g % 10 = 0
FROM (SELECT g, md5(g::text) AS m FROM generate_series(1, 3000) g) s;
ANALYZE {table};
"""

# An index that is there already, or "", the condition, and the rule that finds something. {t} is the table.
CASES = [
    ("", "name LIKE '%lamp%'", "Q101"),
    ("", "UPPER(name::text) LIKE UPPER('%lamp%')", "Q101"),
    ("", "lower(note) LIKE '%lamp%'", "Q101"),
    ("", "UPPER(code) LIKE '%LAMP%'", "Q101"),
    ("", "UPPER(mail::text) LIKE UPPER('%lamp%')", "Q101"),
    ("", "mail::text LIKE '%lamp%'", "Q101"),
    ("", "UPPER(\"Ti tle\") LIKE UPPER('%lamp%')", "Q101"),
    ("", "qty::text LIKE '%123%'", "Q101"),
    ("", "UPPER(uid::text) LIKE UPPER('%123%')", "Q101"),
    ("", "HOST(ip) LIKE '%123%'", "Q101"),
    ("", "(name || note) LIKE '%lamp%'", "Q101"),
    ("", "note ILIKE '%lamp%'", "Q101"),
    ("CREATE INDEX ON {t} USING gin (name gin_trgm_ops)", "UPPER(name) LIKE UPPER('%lamp%')", "Q103"),
    ("CREATE INDEX ON {t} (name varchar_pattern_ops)", "UPPER(name) LIKE UPPER('lamp%')", "Q103"),
    ("CREATE INDEX ON {t} (upper(name))", "lower(name) = 'lamp'", "Q103"),
    ("CREATE INDEX ON {t} (name)", "name LIKE 'lamp%'", "Q104"),
    ("", "note LIKE 'lamp%'", "Q104"),
    ("", "code LIKE 'lamp%'", "Q104"),
    ("", "note ~ '^lamp'", "Q104"),
    ("", "UPPER(note) LIKE 'LAMP%'", "Q104"),
    ("", "note ILIKE 'lamp%'", "Q104"),
    ("", "HOST(ip) LIKE '10.%'", "Q104"),
    ("", "\"Ti tle\" LIKE 'lamp%'", "Q104"),
    ("", "note LIKE 'lamp'", "Q104"),
    ("", "UPPER(name::text) = UPPER('lamp')", "Q105"),
    ("", "lower(mail) = 'lamp'", "Q105"),
    ("", "lower(name) IN ('lamp', 'light')", "Q105"),
    ("", "UPPER(uid::text) = 'LAMP'", "Q105"),
    ("", "note ~ 'lam[pb]'", "Q106"),
    ("", "note ~* 'lamp|light'", "Q106"),
    ("", "name SIMILAR TO '%lamp%'", "Q106"),
    ("", "owner = 5", "Q108"),
    ("", "owner IN (5, 6)", "Q108"),
    ("", "uid = 'c4ca4238-a0b9-2382-0dcc-509a6f75849b'", "Q108"),
    ("", "\"Ti tle\" = 'lamp'", "Q108"),
    ("", "data @> '{\"k\": 1}'", "Q115"),
    ("", "data ? 'k'", "Q115"),
    ("", "data @? '$.k'", "Q115"),
    ("CREATE INDEX ON {t} USING gin (data jsonb_path_ops)", "data ? 'k'", "Q117"),
    ("", "tags @> ARRAY['t1']::varchar[]", "Q118"),
    ("", "tags && '{t1,t2}'", "Q118"),
    ("", "flag ORDER BY amount DESC LIMIT 20", "Q110"),
    ("", "flag ORDER BY amount LIMIT 20", "Q110"),
    ("", "flag ORDER BY amount DESC NULLS LAST LIMIT 20", "Q110"),
    ("", "flag ORDER BY amount DESC, note, id DESC LIMIT 20", "Q110"),
    ("", "flag ORDER BY \"Ti tle\", created NULLS FIRST LIMIT 20", "Q110"),
]

# What no index mends has nothing to paste, and says what to do in words.
WORDS = [
    ("", "name NOT LIKE '%lamp%'", "Q101"),
    ("", "created::text LIKE '%12%'", "Q101"),
    ("", "(data ->> 'k') LIKE '%lamp%'", "Q101"),
    ("", "alias LIKE '%lamp%'", "Q101"),
    ("CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE INDEX ON {t} USING gin (name gin_trgm_ops)", "name LIKE '%ab%'", "Q102"),
    ("", "note ~ 'a.b'", "Q106"),
    ("CREATE INDEX ON {t} (created)", "date_trunc('day', created) = '2020-01-01'", "Q107"),
    ("", "id = 5.0", "Q109"),
    ("", "data <@ '{\"k\": 1}'", "Q115"),
    ("CREATE INDEX ON {t} USING gin (data)", "data -> 'k' = '1'", "Q116"),
    ("", "'t1' = ANY (tags)", "Q118"),
    ("", "id = 5 OR amount = 3", "Q122"),
    ("", "name LIKE '%' || note", "Q126"),
]


def check(postgres, query):
    done = subprocess.run(
        [os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor", "check", "--format", "json",
         "--fail-on", "never", "--set", "large_table_rows=1000", "--set", "medium_table_rows=500", "--dsn",
         postgres.catalog_dsn(), "-"],
        input=query, text=True, capture_output=True)
    assert done.returncode == 0, done.stderr
    return [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "finding"]


@pytest.fixture
def table(postgres, request):
    name = request.param
    postgres.sql("DROP EXTENSION IF EXISTS pg_trgm CASCADE; DROP TABLE IF EXISTS " + name)
    postgres.sql(TABLE.format(table=name))
    yield name
    postgres.sql("DROP TABLE " + name)


@pytest.mark.parametrize("table", ["product", '"Odd one"."Shop product"'], indirect=True)
def test_what_is_to_be_pasted_mends_it(postgres, table):
    wrong = []
    for there, condition, code in CASES:
        if there:
            postgres.sql("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        query = f"SELECT * FROM {table} WHERE {condition};"
        postgres.sql(there.format(t=table)) if there else None
        found = check(postgres, query)
        if [finding["code"] for finding in found] != [code]:
            wrong.append((condition, code, [(finding["code"], finding["message"]) for finding in found]))
            continue
        for line in found[0]["fix_sql"].splitlines():
            postgres.sql(line)
        left = check(postgres, query)
        if left or not found[0]["fix_sql"]:
            wrong.append((condition, found[0]["fix_sql"], [(finding["code"], finding["message"]) for finding in left]))
        for index, in postgres.sql("SELECT indexrelid::regclass::text FROM pg_index WHERE NOT indisprimary AND "
                                   f"indrelid = '{table}'::regclass"):
            postgres.sql(f"DROP INDEX {index}")
        postgres.sql("DROP EXTENSION IF EXISTS pg_trgm CASCADE")
    assert not wrong, "\n".join(map(str, wrong))


@pytest.mark.parametrize("table", ["product"], indirect=True)
def test_what_no_index_mends_is_told_in_words(postgres, table):
    wrong = []
    for there, condition, code in WORDS:
        postgres.sql(there.format(t=table)) if there else None
        found = check(postgres, f"SELECT * FROM {table} WHERE {condition};")
        if [finding["code"] for finding in found] != [code] or found[0].get("fix_sql") or not found[0].get("hint"):
            wrong.append((condition, code, found))
    assert not wrong, "\n".join(map(str, wrong))


# A schema change, the rule that finds something, and what has to be there before; "" for the fix's own gaps.
CHANGES = [
    ("CREATE INDEX part ON product (owner) WHERE note = 'a' AND qty > 5", "M202", ""),
    ("CREATE INDEX ON product (lower(note))", "M202", ""),
    ("DROP INDEX owned", "M203", "CREATE INDEX owned ON product (owner)"),
    ("REINDEX TABLE product", "M204", ""),
    ("REINDEX INDEX owned", "M204", "CREATE INDEX owned ON product (owner)"),
    ("ALTER TABLE product ADD COLUMN token uuid DEFAULT gen_random_uuid()", "M205", ""),
    ("ALTER TABLE product ADD COLUMN at timestamptz NOT NULL DEFAULT clock_timestamp()", "M205", ""),
    ("ALTER TABLE product ADD COLUMN number bigserial", "M206", ""),
    ("ALTER TABLE product ADD COLUMN number int GENERATED ALWAYS AS IDENTITY", "M206", ""),
    ("ALTER TABLE product ADD COLUMN twice int GENERATED ALWAYS AS (qty * 2) STORED", "M206", ""),
    ("ALTER TABLE product ALTER COLUMN qty TYPE bigint", "M209", ""),
    ("ALTER TABLE product ALTER COLUMN name TYPE varchar(200)", "M210", "CREATE INDEX named ON product (upper(name))"),
    ("ALTER TABLE product ALTER COLUMN owner SET NOT NULL", "M211", ""),
    ("ALTER TABLE product ADD CONSTRAINT high CHECK (qty >= 0 AND note <> 'x''y')", "M212", ""),
    ("ALTER TABLE product ADD CONSTRAINT high CHECK (code IN ('a', 'b', 'c') OR qty\n >= 0)", "M212", ""),
    ("ALTER TABLE product ADD CHECK (qty >= 0)", "M212", ""),
    ("ALTER TABLE product ADD COLUMN size int CHECK (size > 0)", "M212", ""),
    ("ALTER TABLE product ADD COLUMN size text CONSTRAINT known CHECK (size IN ('x''y', 'z'))", "M212", ""),
    ("ALTER TABLE product ADD CONSTRAINT owned FOREIGN KEY (owner) REFERENCES owner (id) DEFERRABLE INITIALLY DEFERRED", "M213",
     "CREATE INDEX ON product (owner)"),
    ("ALTER TABLE product ADD FOREIGN KEY (owner) REFERENCES owner", "M213", "CREATE INDEX ON product (owner)"),
    ("ALTER TABLE product ADD CONSTRAINT one UNIQUE (owner, name)", "M214", ""),
    ("ALTER TABLE product ADD UNIQUE NULLS NOT DISTINCT (name)", "M214", ""),
    ("CREATE UNIQUE INDEX one ON product (name)", "M214", ""),
    ("ALTER TABLE product ADD PRIMARY KEY (id)", "M215", "ALTER TABLE product DROP CONSTRAINT product_pkey"),
    ("ALTER TABLE product ADD PRIMARY KEY USING INDEX one", "M216",
     "ALTER TABLE product DROP CONSTRAINT product_pkey; CREATE UNIQUE INDEX one ON product (name)"),
    ("VACUUM FULL product", "M223", ""),
    ("REFRESH MATERIALIZED VIEW kept", "M229", "CREATE MATERIALIZED VIEW kept AS SELECT * FROM product; CREATE UNIQUE INDEX ON kept (id); ANALYZE kept"),
    ("ALTER TABLE product ADD FOREIGN KEY (owner) REFERENCES owner NOT VALID", "M240", ""),
]


def statements(fix):
    return [one.strip() for one in "\n".join(line.split("--")[0] for line in fix.splitlines()).split(";") if one.strip()]


def filled_in(statement, change):
    """With the change's constants in place of what stands for them: no literal is ever told."""
    constants = re.findall(r"'(?:[^']|'')*'|(?<![\w.])\d+", change)
    statement = re.sub(r"\$(\d+)", lambda hidden: constants[int(hidden[1]) - 1], statement)
    return re.sub("…", lambda hidden: constants.pop(0), statement)


def test_what_is_to_be_done_in_place_of_a_change_works(postgres):
    """What a finding of a migration proposes is run by the server, and nothing grave is found in it."""
    wrong = []
    for change, code, there in CHANGES:
        postgres.sql("DROP TABLE IF EXISTS product, owner CASCADE; CREATE TABLE owner (id int PRIMARY KEY);"
                     "INSERT INTO owner SELECT generate_series(0, 1000);" + TABLE.format(table="product") + there)
        setting = "SET lock_timeout = '2s';"
        found = [one for one in check(postgres, setting + change + ";") if one["code"] == code]
        if len(found) != 1 or not statements(found[0].get("fix_sql", "")):
            wrong.append((change, code, found))
            continue
        fix = [filled_in(one, change) for one in statements(found[0]["fix_sql"])]
        left = [one for one in check(postgres, setting + ";\n".join(fix) + ";") if one["severity"] in ("error", "block")]
        try:
            for one in fix:
                postgres.sql(one)
        except Exception as error:
            left.append(str(error))
        if left:
            wrong.append((change, fix, left))
    postgres.sql("DROP TABLE product, owner CASCADE")
    assert not wrong, "\n".join(map(str, wrong))

"""Plans that the server makes for all values of a statement's parameters: the rules about them speak when the server has
made one, and are silent when it has not (pg_prepared_statements tells)."""

import psycopg
import pytest

SETUP = """
CREATE TABLE job (id int PRIMARY KEY, status text, created timestamptz, code text);
INSERT INTO job SELECT g, CASE WHEN g % 1000 = 0 THEN 'failed' ELSE 'done' END, now(), md5(g::text) FROM generate_series(1, 60000) g;
CREATE INDEX job_failed ON job (created) WHERE status = 'failed';
CREATE INDEX job_code ON job (code text_pattern_ops);
CREATE ROLE planner LOGIN;
GRANT SELECT ON job TO planner;
ALTER ROLE planner SET plan_cache_mode = force_generic_plan;
"""
FORCED, CUSTOM = "-c plan_cache_mode=force_generic_plan", "-c plan_cache_mode=force_custom_plan"
FAILED = "SELECT {call}(1) FROM job WHERE status = %s ORDER BY created LIMIT 5"
PREFIX = "SELECT {call}(1) FROM job WHERE code LIKE %s"
# A function that makes a fingerprint of its own, the query, its values one after the other, how the session begins, what
# is found, and whether the server has planned for all values in the end (None: it has no such list for what is unnamed).
CASES = [
    ("abs", FAILED, ["done"] * 5 + ["failed"], {}, "Q123", True),
    ("sqrt", FAILED, ["failed"] * 8, {}, None, False),
    ("ceil", FAILED, ["done", "failed", "failed", "done", "done", "done", "failed"], {}, None, False),
    ("floor", FAILED, ["done"] * 8, {}, None, True),
    ("round", FAILED, ["failed"], {"options": FORCED}, "Q123", True),
    ("sign", FAILED, ["done"], {"options": FORCED}, None, True),
    ("exp", FAILED, ["failed"], {"user": "planner"}, "Q123", True),
    ("ln", FAILED, ["done"] * 5 + ["failed"], {"options": CUSTOM}, None, False),
    ("trunc", FAILED, ["done"] * 5 + ["failed"], {"prepare": False}, None, None),
    ("sin", PREFIX, ["ab1%"] * 8, {}, None, False),
    ("cos", PREFIX, ["%ab12%"] * 5 + ["ab1%"], {}, "Q124", True),
    ("tan", PREFIX, ["ab1%"], {"options": FORCED}, "Q124", True),
    ("cot", PREFIX, ["%ab1%"], {"options": FORCED}, None, True),
]


@pytest.fixture(scope="module")
def watched(postgres, start_proctor, database):
    postgres.sql(SETUP, database)
    postgres.sql("VACUUM ANALYZE job", database)
    proctor = start_proctor(direct_ok=False, settings={"stats_period": 60, "large_table_rows": 1000, "medium_table_rows": 500})
    with psycopg.connect(proctor.dsn(database)) as connection:
        connection.execute("SELECT 1")
    proctor.wait_for("catalog", database=database)
    return proctor


def found(proctor, call):
    return {event["code"] for event in proctor.events("finding") if f"{call}(" in event["query"]} & {"Q123", "Q124"}


@pytest.mark.parametrize("call, query, values, how, code, generic", CASES, ids=[case[0] for case in CASES])
def test_found_when_the_server_has(watched, database, call, query, values, how, code, generic):
    how = dict(how)
    prepare = how.pop("prepare", True)
    with psycopg.connect(watched.dsn(database), autocommit=True, **how) as connection:
        for value in values:
            connection.execute(query.format(call=call), [value], prepare=prepare)
        if generic is not None:
            planned = connection.execute("SELECT generic_plans > 0 FROM pg_prepared_statements WHERE statement LIKE 'SELECT ' || %s || '%%'",
                                         [call], prepare=False).fetchall()
            assert planned == [(generic,)]
    watched.settled(database)
    assert found(watched, call) == ({code} if code else set())


def test_execute_is_a_bind(watched, database):
    """The same by SQL's own PREPARE, and as often as the session changes its mind."""
    with psycopg.connect(watched.dsn(database), autocommit=True) as connection:
        connection.execute("PREPARE kept (text) AS SELECT asin(1) FROM job WHERE code LIKE $1")
        connection.execute("EXECUTE kept ('ab%')")
        watched.settled(database)
        assert not found(watched, "asin")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        connection.execute("EXECUTE kept ('ab%')")
    watched.settled(database)
    assert found(watched, "asin") == {"Q124"}

#include "inspect/session/session_created.h"

#include "config/limits.h"
#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture: what is created, by SQL ----------------------------------------------------------------- */

static struct judge judge;
static struct session_created *created;
static struct session_created_names names;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	created = NULL;
	names = (struct session_created_names){"", false, "anna"};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	free(created);
	judge_fini(&judge);
	return 0;
}

/* Inside a transaction, `depth` savepoints deep. */
static void run(const char *sql, uint32_t depth)
{
	const struct facts *facts = judge_parse(&judge, sql);
	for (uint16_t at = 0; at < judge.statement_count; at++) {
		session_created_drop(created, &facts[at], &names);
		created = session_created_add(created, &facts[at], depth, true);
	}
}

static bool has(const char *schema, const char *name)
{
	return session_created_has(created, &names, schema, name);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* What a statement makes anew; IF NOT EXISTS may have made nothing, but a temporary one hides what is there. */
static void what_creates(void **state)
{
	(void)state;
	static const struct {
		const char *sql;
		bool creates;
	} cases[] = {
	    {"CREATE TABLE t (id int)", true},
	    {"CREATE TABLE t AS SELECT 1", true},
	    {"SELECT 1 INTO t", true},
	    {"CREATE TEMP TABLE IF NOT EXISTS t (id int)", true},
	    {"CREATE TABLE IF NOT EXISTS t (id int)", false},
	    {"CREATE TABLE u (id int)", false},
	    {"ALTER TABLE t ADD a int", false},
	    {"SELECT 1 FROM t", false},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct facts *facts = judge_parse(&judge, cases[i].sql);
		assert_int_equal(session_created_by(facts, &names, NULL, "t"), cases[i].creates);
		run(cases[i].sql, 0);
		assert_int_equal(has(NULL, "t"), cases[i].creates);
		free(created);
		created = NULL;
	}
}

/* A name with a schema and one without are the same where the path has that schema, or is not known. */
static void schemas(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		bool unknown;
		const char *sql, *schema;
		bool same;
	} cases[] = {
	    {"", false, "CREATE TABLE t (id int)", "public", true},
	    {"", false, "CREATE TABLE t (id int)", "anna", true},
	    {"", false, "CREATE TABLE t (id int)", "other", false},
	    {"Shop, \"Mixed\"", false, "CREATE TABLE t (id int)", "shop", true},
	    {"Shop, \"Mixed\"", false, "CREATE TABLE t (id int)", "Mixed", true},
	    {"Shop, \"Mixed\"", false, "CREATE TABLE t (id int)", "mixed", false},
	    {"\"a,b\"", false, "CREATE TABLE t (id int)", "a,b", true},
	    {"shop", true, "CREATE TABLE t (id int)", "other", true},
	    {"shop", false, "CREATE TABLE shop.t (id int)", NULL, true},
	    {"shop", false, "CREATE TABLE other.t (id int)", NULL, false},
	    {"shop", false, "CREATE TABLE other.t (id int)", "shop", false},
	    {"shop", true, "CREATE TEMP TABLE t (id int)", "shop", false},
	    {"shop", false, "CREATE TEMP TABLE t (id int)", "pg_temp", true},
	    {"shop", false, "CREATE TABLE pg_temp.t (id int)", NULL, true},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		names = (struct session_created_names){cases[i].path, cases[i].unknown, "anna"};
		run(cases[i].sql, 0);
		if (has(cases[i].schema, "t") != cases[i].same)
			fail_msg("%s by %s along \"%s\"", cases[i].sql, cases[i].schema ? cases[i].schema : "no schema",
			         cases[i].path);
		free(created);
		created = NULL;
	}
}

/* A dropped one is gone; of two of one name it is the temporary one, made last. */
static void dropped(void **state)
{
	(void)state;
	run("CREATE TABLE t (id int); CREATE TEMP TABLE t (id int); DROP TABLE t", 0);
	assert_true(has("public", "t"));
	assert_false(has("pg_temp", "t"));
	run("DROP TABLE t", 0);
	assert_false(has(NULL, "t"));
	run("DROP TABLE IF EXISTS t", 0);
}

/* A savepoint's go with it, unless it was released; what is temporary outlives a COMMIT, and nothing else does. */
static void transactions(void **state)
{
	(void)state;
	run("CREATE TABLE a (id int)", 0);
	run("CREATE TABLE b (id int)", 1);
	run("CREATE TABLE c (id int)", 2);
	session_created_release(created, 2);
	created = session_created_rollback(created, 2);
	assert_true(has(NULL, "b") && has(NULL, "c"));
	created = session_created_rollback(created, 1);
	assert_true(has(NULL, "a"));
	assert_false(has(NULL, "b") || has(NULL, "c"));
	created = session_created_rollback(created, 0);
	assert_null(created);

	run("CREATE TABLE a (id int); CREATE TEMP TABLE b (id int)", 0);
	struct session_created *rolled_back = session_created_rollback(session_created_copy(created), 0);
	assert_null(rolled_back);
	session_created_keep(created);
	created = session_created_rollback(created, 0);
	assert_true(has(NULL, "b"));
	assert_false(has(NULL, "a"));
	session_created_forget_temporary(created);
	assert_false(has(NULL, "b"));
}

/* Outside a transaction a temporary one is there to stay, another one is everybody's at once. */
static void autocommit(void **state)
{
	(void)state;
	created = session_created_add(NULL, judge_parse(&judge, "CREATE TEMP TABLE t (id int)"), 0, false);
	created = session_created_add(created, judge_parse(&judge, "CREATE TABLE u (id int)"), 0, false);
	created = session_created_rollback(created, 0);
	assert_true(has(NULL, "t"));
	assert_false(has(NULL, "u"));
}

/* Which tables are hidden tells sessions apart, in whatever order they were made; what is not temporary does not. */
static void scopes(void **state)
{
	(void)state;
	assert_int_equal(session_created_scope(NULL), 0);
	run("CREATE TABLE t (id int)", 0);
	assert_int_equal(session_created_scope(created), 0);
	run("CREATE TEMP TABLE a (id int)", 0);
	uint64_t one = session_created_scope(created);
	assert_true(one != 0);
	run("CREATE TEMP TABLE b (id int)", 0);
	uint64_t both = session_created_scope(created);
	assert_true(both != one);
	run("DROP TABLE a; CREATE TEMP TABLE a (id int)", 0);
	assert_true(session_created_scope(created) == both);
}

/* Past the ceiling nothing is remembered, and nothing of before is lost. */
static void ceiling(void **state)
{
	(void)state;
	char sql[64];
	for (int i = 0; i <= LIMIT_CREATED_RELATIONS; i++) {
		snprintf(sql, sizeof(sql), "CREATE TABLE t%d (id int)", i);
		run(sql, 0);
	}
	snprintf(sql, sizeof(sql), "t%d", LIMIT_CREATED_RELATIONS - 1);
	assert_true(has(NULL, "t0") && has(NULL, sql));
	snprintf(sql, sizeof(sql), "t%d", LIMIT_CREATED_RELATIONS);
	assert_false(has(NULL, sql));
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(what_creates), CASE(schemas), CASE(dropped), CASE(transactions),
	    CASE(autocommit),   CASE(scopes),  CASE(ceiling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

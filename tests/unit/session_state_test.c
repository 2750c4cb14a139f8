#include "inspect/session/session_state.h"

#include "config/check.h"
#include "config/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* -- helpers: statements as walk.c describes them --------------------------------------------------- */

static void start(struct session_state *state)
{
	session_state_init(state, "shop", 4, "anna", 4);
}

static void run(struct session_state *state, enum statement_kind kind, const char *name)
{
	struct facts facts = {.kind = kind, .name = name};
	session_state_completed(state, &facts, 1);
}

static void set(struct session_state *state, const char *path, bool local)
{
	struct facts facts = {.kind = STATEMENT_SET, .name = "search_path", .value = path, .local = local};
	session_state_completed(state, &facts, 1);
}

static void table(struct session_state *state, enum ddl_form form, const char *schema, const char *name, bool temporary,
                  bool if_exists)
{
	struct fact_relation relation = {.schema = schema, .name = name, .is_target = true};
	struct fact_action action = {.form = form, .temporary = temporary, .if_exists = if_exists};
	struct facts facts = {
	    .kind = STATEMENT_DDL, .relations = &relation, .relation_count = 1, .actions = &action, .action_count = 1};
	session_state_completed(state, &facts, 1);
}

static void create(struct session_state *state, const char *schema, const char *name)
{
	table(state, DDL_CREATE_TABLE, schema, name, false, false);
}

static void begin(struct session_state *state)
{
	run(state, STATEMENT_BEGIN, NULL);
	session_state_ready(state, 'T');
}

static void parameter(struct session_state *state, const char *name, const char *value)
{
	session_state_parameter(state, name, strlen(name), value, strlen(value));
}

/* -- parameters ------------------------------------------------------------------------------------- */

/* A name as long as the server allows is kept, a longer one cut as the server cuts it. */
static void long_names(void **unused)
{
	(void)unused;
	char name[100];
	memset(name, 'a', sizeof(name));
	struct session_state state;
	session_state_init(&state, name, 63, name, sizeof(name));
	assert_int_equal(strlen(state.database), 63);
	assert_int_equal(strlen(state.user), 63);
	assert_true(state.standard_conforming_strings);
	assert_int_equal(state.transaction, 'I');
	session_state_fini(&state);
	/* A start-up packet may name neither. */
	session_state_init(&state, NULL, 0, NULL, 0);
	assert_string_equal(state.database, "");
	assert_string_equal(state.user, "");
	session_state_fini(&state);
}

/* Only a zone that always was at UTC counts as UTC: a winter in London does not. */
static void time_zone(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	assert_false(state.time_zone_utc);
	static const char *const utc[] = {"UTC", "Etc/UTC", "GMT", "etc/gmt+0", "Zulu", "<+00>-00"};
	for (size_t i = 0; i < ARRAY_LEN(utc); i++) {
		parameter(&state, "TimeZone", "Europe/Berlin");
		assert_false(state.time_zone_utc);
		parameter(&state, "TimeZone", utc[i]);
		assert_true(state.time_zone_utc);
	}
	static const char *const other[] = {"", "Etc/", "UTC+1", "Europe/London", "Etc/GMT+1", "UTCX", "UT"};
	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		parameter(&state, "TimeZone", "UTC");
		parameter(&state, "TimeZone", other[i]);
		assert_false(state.time_zone_utc);
	}
	session_state_fini(&state);
}

static void conforming_strings(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	parameter(&state, "standard_conforming_strings", "off");
	assert_false(state.standard_conforming_strings);
	parameter(&state, "application_name", "on");
	assert_false(state.standard_conforming_strings);
	parameter(&state, "standard_conforming_strings", "on");
	assert_true(state.standard_conforming_strings);
	session_state_fini(&state);
}

/* The texts' encoding is the client's, or the server's where the client says SQL_ASCII; what nobody knows is read as it
 * is. */
static void encodings(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	assert_ptr_equal(session_state_encoding(&state), encoding_utf8());
	parameter(&state, "client_encoding", "SJIS");
	assert_ptr_equal(session_state_encoding(&state), encoding_named("SJIS", 4));
	parameter(&state, "server_encoding", "LATIN1");
	assert_ptr_equal(session_state_encoding(&state), encoding_named("SJIS", 4));
	parameter(&state, "client_encoding", "SQL_ASCII");
	assert_ptr_equal(session_state_encoding(&state), encoding_named("LATIN1", 6));
	parameter(&state, "server_encoding", "SQL_ASCII");
	assert_true(encoding_is_plain(session_state_encoding(&state)));
	parameter(&state, "client_encoding", "KLINGON");
	assert_ptr_equal(session_state_encoding(&state), encoding_utf8());
	session_state_fini(&state);
}

/* In doubt nothing counts that the session created, and where settings are in doubt too nothing that it set, not even
 * what the transaction goes back to. */
static void doubt(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	parameter(&state, "search_path", "app");
	assert_false(state.search_path_unknown);
	session_state_ready(&state, 'T');
	create(&state, NULL, "t");
	session_state_doubt(&state, false);
	assert_false(state.search_path_unknown);
	assert_false(session_state_created(&state, NULL, "t"));
	create(&state, NULL, "t");
	session_state_doubt(&state, true);
	assert_true(state.search_path_unknown);
	assert_false(session_state_created(&state, NULL, "t"));
	session_state_fini(&state);
}

/* -- search_path ------------------------------------------------------------------------------------ */

/* The scope tells sessions apart by whatever a verdict depends on, and by nothing else. */
static void scope(void **unused)
{
	(void)unused;
	struct session_state a, b;
	start(&a);
	start(&b);
	assert_int_equal(a.scope, b.scope);
	set(&a, "tenant1", false);
	assert_int_not_equal(a.scope, b.scope);
	set(&b, "tenant1", false);
	assert_int_equal(a.scope, b.scope);
	set(&b, NULL, false);
	assert_int_not_equal(a.scope, b.scope);
	session_state_fini(&b);
	session_state_init(&b, "shop", 4, "bert", 4);
	set(&b, "tenant1", false);
	assert_int_not_equal(a.scope, b.scope);
	session_state_fini(&b);
	/* The fields can't run into each other. */
	session_state_init(&b, "shopa", 5, "nna", 3);
	set(&b, "tenant1", false);
	assert_int_not_equal(a.scope, b.scope);
	session_state_fini(&b);
	session_state_fini(&a);
}

/* RESET goes back to the start-up parameter, and RESET of another setting does nothing. */
static void reset(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	session_state_search_path(&state, "a, b", 4);
	set(&state, "c", false);
	assert_string_equal(state.search_path, "c");
	run(&state, STATEMENT_RESET, "work_mem");
	assert_string_equal(state.search_path, "c");
	run(&state, STATEMENT_RESET, "search_path");
	assert_string_equal(state.search_path, "a, b");
	set(&state, NULL, false);
	assert_true(state.search_path_unknown);
	run(&state, STATEMENT_RESET, NULL);
	assert_string_equal(state.search_path, "a, b");
	assert_false(state.search_path_unknown);
	set(&state, "c", false);
	run(&state, STATEMENT_DISCARD, "plans");
	assert_string_equal(state.search_path, "c");
	run(&state, STATEMENT_DISCARD, "all");
	assert_string_equal(state.search_path, "a, b");
	session_state_fini(&state);
}

/* A path that does not fit, or is no constant, is unknown: never cut. The next one that fits is known again. */
static void unknown_path(void **unused)
{
	(void)unused;
	char path[300];
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = 0;
	struct session_state state;
	start(&state);
	set(&state, path, false);
	assert_true(state.search_path_unknown);
	set(&state, "a", false);
	assert_false(state.search_path_unknown);
	session_state_search_path(&state, path, strlen(path));
	assert_true(state.search_path_unknown);
	session_state_search_path(&state, path, 255);
	assert_false(state.search_path_unknown);
	assert_int_equal(strlen(state.search_path), 255);
	parameter(&state, "search_path", path);
	assert_true(state.search_path_unknown);
	parameter(&state, "search_path", "b");
	assert_string_equal(state.search_path, "b");
	session_state_fini(&state);
}

/* Other settings, and a statement that is merely called search_path, leave it alone. */
static void other_names(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	struct facts facts = {.kind = STATEMENT_SET, .name = "role", .value = "x"};
	session_state_completed(&state, &facts, 1);
	run(&state, STATEMENT_PREPARE, "search_path");
	run(&state, STATEMENT_DECLARE, "search_path");
	run(&state, STATEMENT_EXECUTE, "search_path");
	assert_string_equal(state.search_path, "");
	assert_false(state.search_path_unknown);
	session_state_fini(&state);
}

/* COMMIT keeps SET and forgets SET LOCAL; ROLLBACK forgets both, and so does the COMMIT of a failed transaction. */
static void transactions(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	set(&state, "outside", true); /* only a warning */
	assert_string_equal(state.search_path, "");
	set(&state, "before", false);

	begin(&state);
	set(&state, "kept", false);
	set(&state, "local", true);
	assert_string_equal(state.search_path, "local");
	run(&state, STATEMENT_COMMIT, NULL);
	assert_string_equal(state.search_path, "kept");
	session_state_ready(&state, 'I');
	assert_string_equal(state.search_path, "kept");
	assert_false(state.search_path_unknown);

	begin(&state);
	set(&state, "gone", false);
	run(&state, STATEMENT_ROLLBACK, NULL);
	session_state_ready(&state, 'I');
	assert_string_equal(state.search_path, "kept");

	begin(&state);
	set(&state, "gone", false);
	session_state_ready(&state, 'E');
	run(&state, STATEMENT_COMMIT, NULL);
	session_state_ready(&state, 'I');
	assert_string_equal(state.search_path, "kept");
	session_state_fini(&state);
}

/* A transaction that ended by something that was not understood leaves a changed path unknown, an unchanged one not. */
static void ended_unseen(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	begin(&state);
	session_state_ready(&state, 'I');
	assert_false(state.search_path_unknown);
	begin(&state);
	set(&state, "x", false);
	session_state_ready(&state, 'I');
	assert_true(state.search_path_unknown);
	session_state_fini(&state);
}

static void sent(struct session_state *state, enum statement_kind kind, const char *name, const char *value)
{
	struct facts facts = {.kind = kind, .name = name, .value = value};
	session_state_sent(state, &facts, 1);
}

static bool possible(const struct session_state *state, const char *path)
{
	for (uint32_t at = 0; at < session_state_paths(state); at++) {
		struct session_state with;
		session_state_with_path(state, at, &with);
		assert_true((with.scope == state->scope) == (strcmp(with.search_path, state->search_path) == 0 &&
		                                             with.search_path_unknown == state->search_path_unknown));
		if (strcmp(with.search_path, path) == 0)
			return true;
	}
	return false;
}

/* What was sent and not answered may have set the path, or not; what was answered may be undone. */
static void foreseen_paths(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	session_state_search_path(&state, "reset", 5);
	sent(&state, STATEMENT_SELECT, NULL, NULL);
	sent(&state, STATEMENT_SET, "role", "x");
	sent(&state, STATEMENT_PREPARE, "search_path", NULL);
	sent(&state, STATEMENT_COMMIT, NULL, NULL);
	assert_int_equal(session_state_paths(&state), 0);

	set(&state, "old", false);
	session_state_settled(&state);
	assert_int_equal(session_state_paths(&state), 0);
	sent(&state, STATEMENT_SET, "search_path", "a");
	sent(&state, STATEMENT_SET, "search_path", "a");
	sent(&state, STATEMENT_SET, "search_path", "b");
	assert_int_equal(session_state_paths(&state), 2);
	assert_true(possible(&state, "a"));
	assert_true(possible(&state, "b"));
	assert_string_equal(state.search_path, "old");
	sent(&state, STATEMENT_DISCARD, "all", NULL);
	assert_true(possible(&state, "reset"));
	set(&state, "a", false);
	assert_true(possible(&state, "old"));
	session_state_settled(&state);

	/* set_config() to whatever. */
	sent(&state, STATEMENT_SELECT, "search_path", NULL);
	struct session_state with;
	session_state_with_path(&state, 0, &with);
	assert_true(with.search_path_unknown);
	session_state_settled(&state);

	session_state_ready(&state, 'I');
	begin(&state);
	set(&state, "inside", false);
	run(&state, STATEMENT_SAVEPOINT, "s");
	set(&state, "deeper", true);
	session_state_settled(&state);
	sent(&state, STATEMENT_ROLLBACK_TO, "s", NULL);
	assert_true(possible(&state, "inside"));
	assert_true(possible(&state, "a"));
	session_state_settled(&state);

	/* Of too many the newest are kept. */
	for (int at = 0; at < 2 * LIMIT_FORESEEN_PATHS; at++) {
		char path[16];
		snprintf(path, sizeof(path), "p%d", at);
		sent(&state, STATEMENT_SET, "search_path", path);
	}
	assert_int_equal(session_state_paths(&state), LIMIT_FORESEEN_PATHS);
	assert_true(possible(&state, "p31"));
	assert_false(possible(&state, "p0"));
	session_state_fini(&state);
}

/* In a pipeline without BEGIN an error undoes what was set since the last ReadyForQuery, and nothing before it. */
static void failed_pipeline(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	set(&state, "before", false);
	session_state_ready(&state, 'I');
	session_state_failed(&state);
	assert_string_equal(state.search_path, "before");
	set(&state, "a", false);
	set(&state, "b", false);
	session_state_failed(&state);
	assert_string_equal(state.search_path, "before");
	session_state_ready(&state, 'I');
	/* A BEGIN behind it takes it into its block. */
	set(&state, "a", false);
	run(&state, STATEMENT_BEGIN, NULL);
	session_state_ready(&state, 'T');
	session_state_failed(&state);
	assert_string_equal(state.search_path, "a");
	run(&state, STATEMENT_ROLLBACK, NULL);
	assert_string_equal(state.search_path, "before");
	set(&state, "left open", false);
	session_state_fini(&state);
}

/* ROLLBACK TO restores what held at the savepoint, also through a released inner one, and again after it. */
static void savepoints(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	begin(&state);
	set(&state, "a", false);
	run(&state, STATEMENT_SAVEPOINT, "s1");
	run(&state, STATEMENT_SAVEPOINT, "s2");
	set(&state, "b", false);
	set(&state, "c", true);
	run(&state, STATEMENT_RELEASE, "s2");
	assert_string_equal(state.search_path, "c");
	run(&state, STATEMENT_ROLLBACK_TO, "s1");
	assert_string_equal(state.search_path, "a");
	set(&state, "d", false);
	run(&state, STATEMENT_ROLLBACK_TO, "s1");
	assert_string_equal(state.search_path, "a");
	set(&state, "e", true);
	run(&state, STATEMENT_RELEASE, "s1");
	run(&state, STATEMENT_COMMIT, NULL);
	assert_string_equal(state.search_path, "a");
	session_state_fini(&state);
}

/* -- created relations ------------------------------------------------------------------------------ */

/* What the open transaction created is known until it ends, either way; in autocommit until the statement is over. */
static void created(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	begin(&state);
	assert_false(session_state_created(&state, NULL, "t"));
	create(&state, NULL, "t");
	assert_true(session_state_created(&state, NULL, "t"));
	assert_true(session_state_created(&state, "public", "t"));
	assert_false(session_state_created(&state, "other", "t"));
	assert_false(session_state_created(&state, NULL, "t2"));
	run(&state, STATEMENT_COMMIT, NULL);
	assert_false(session_state_created(&state, NULL, "t"));
	session_state_ready(&state, 'I');
	create(&state, NULL, "t");
	session_state_ready(&state, 'I');
	assert_false(session_state_created(&state, NULL, "t"));
	begin(&state);
	table(&state, DDL_CREATE_TABLE_AS, NULL, "t", false, false);
	assert_true(session_state_created(&state, NULL, "t"));
	run(&state, STATEMENT_ROLLBACK, NULL);
	assert_false(session_state_created(&state, NULL, "t"));
	session_state_fini(&state);
}

/* A schema that is on the search_path is the same as none; one that is not is another table. */
static void created_schema(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	begin(&state);
	create(&state, "other", "t");
	create(&state, "anna", "u");
	assert_true(session_state_created(&state, "other", "t"));
	assert_false(session_state_created(&state, NULL, "t"));
	assert_true(session_state_created(&state, NULL, "u"));
	set(&state, "public,\"Other\" ,OTHER", false);
	assert_true(session_state_created(&state, NULL, "t"));
	assert_false(session_state_created(&state, NULL, "u"));
	set(&state, "\"Other\"", false);
	assert_false(session_state_created(&state, NULL, "t"));
	session_state_fini(&state);
}

/* IF NOT EXISTS may have found the table there: it is not taken for created. */
static void created_if_not_exists(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	begin(&state);
	table(&state, DDL_CREATE_TABLE, NULL, "t", false, true);
	assert_false(session_state_created(&state, NULL, "t"));
	table(&state, DDL_CREATE_INDEX, NULL, "t", false, false);
	assert_false(session_state_created(&state, NULL, "t"));
	session_state_fini(&state);
}

/* ROLLBACK TO forgets what was created after that savepoint, and only that; RELEASE hands it to the level below. */
static void created_savepoints(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	begin(&state);
	create(&state, NULL, "t0");
	run(&state, STATEMENT_SAVEPOINT, "a");
	create(&state, NULL, "t1");
	run(&state, STATEMENT_SAVEPOINT, "b");
	create(&state, NULL, "t2");
	run(&state, STATEMENT_ROLLBACK_TO, "b");
	assert_false(session_state_created(&state, NULL, "t2"));
	assert_true(session_state_created(&state, NULL, "t1"));
	create(&state, NULL, "t3");
	run(&state, STATEMENT_RELEASE, "b");
	assert_true(session_state_created(&state, NULL, "t3"));
	run(&state, STATEMENT_ROLLBACK_TO, "a");
	assert_false(session_state_created(&state, NULL, "t1"));
	assert_false(session_state_created(&state, NULL, "t3"));
	assert_true(session_state_created(&state, NULL, "t0"));
	/* The innermost of two of the same name is meant. */
	run(&state, STATEMENT_SAVEPOINT, "a");
	create(&state, NULL, "t4");
	run(&state, STATEMENT_ROLLBACK_TO, "a");
	assert_false(session_state_created(&state, NULL, "t4"));
	/* One that was never seen: nothing is sure any more. */
	run(&state, STATEMENT_ROLLBACK_TO, "nobody");
	assert_false(session_state_created(&state, NULL, "t0"));
	session_state_fini(&state);
}

/* A temporary table stays the session's own after COMMIT, goes with ROLLBACK, DROP and DISCARD, and changes the scope:
 * it hides what other sessions see under that name. */
static void temporary(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	uint64_t before = state.scope;
	begin(&state);
	table(&state, DDL_CREATE_TABLE, NULL, "t", true, false);
	assert_int_not_equal(state.scope, before);
	run(&state, STATEMENT_ROLLBACK, NULL);
	session_state_ready(&state, 'I');
	assert_false(session_state_created(&state, NULL, "t"));
	assert_int_equal(state.scope, before);

	begin(&state);
	table(&state, DDL_CREATE_TABLE, NULL, "t", true, false);
	run(&state, STATEMENT_COMMIT, NULL);
	session_state_ready(&state, 'I');
	assert_true(session_state_created(&state, NULL, "t"));
	assert_true(session_state_created(&state, "pg_temp", "t"));
	assert_false(session_state_created(&state, "public", "t"));
	table(&state, DDL_DROP_TABLE, NULL, "t", false, false);
	assert_false(session_state_created(&state, NULL, "t"));
	assert_int_equal(state.scope, before);

	table(&state, DDL_CREATE_TABLE, "pg_temp", "t", false, false);
	session_state_ready(&state, 'I');
	assert_true(session_state_created(&state, NULL, "t"));
	run(&state, STATEMENT_DISCARD, "temp");
	assert_false(session_state_created(&state, NULL, "t"));
	session_state_fini(&state);
}

/* Past the ceilings nothing grows: further tables count as pre-existing, further savepoints are not told apart. */
static void ceilings(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	begin(&state);
	char name[32];
	for (unsigned i = 0; i < LIMIT_CREATED_RELATIONS + 10; i++) {
		snprintf(name, sizeof(name), "t%u", i);
		create(&state, NULL, name);
	}
	snprintf(name, sizeof(name), "t%u", LIMIT_CREATED_RELATIONS - 1);
	assert_true(session_state_created(&state, NULL, name));
	snprintf(name, sizeof(name), "t%u", LIMIT_CREATED_RELATIONS);
	assert_false(session_state_created(&state, NULL, name));
	for (unsigned i = 0; i < LIMIT_SAVEPOINTS + 10; i++) {
		snprintf(name, sizeof(name), "s%u", i);
		run(&state, STATEMENT_SAVEPOINT, name);
	}
	set(&state, "x", false);
	run(&state, STATEMENT_ROLLBACK_TO, name);
	assert_false(session_state_created(&state, NULL, "t0"));
	assert_true(state.search_path_unknown);
	session_state_fini(&state);
}

/* A message's earlier statement is asked the same question before any of it has run. */
static void creates(void **unused)
{
	(void)unused;
	struct session_state state;
	start(&state);
	struct fact_relation relation = {.name = "t", .is_target = true};
	struct fact_action action = {.form = DDL_CREATE_TABLE};
	struct facts facts = {.relations = &relation, .relation_count = 1, .actions = &action, .action_count = 1};
	assert_true(session_state_creates(&state, &facts, NULL, "t"));
	assert_false(session_state_creates(&state, &facts, NULL, "u"));
	action.form = DDL_DROP_TABLE;
	assert_false(session_state_creates(&state, &facts, NULL, "t"));
	action.form = DDL_CREATE_TABLE;
	action.relation = -1;
	assert_false(session_state_creates(&state, &facts, NULL, "t"));
	session_state_fini(&state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(long_names),
	    cmocka_unit_test(time_zone),
	    cmocka_unit_test(conforming_strings),
	    cmocka_unit_test(encodings),
	    cmocka_unit_test(doubt),
	    cmocka_unit_test(scope),
	    cmocka_unit_test(reset),
	    cmocka_unit_test(unknown_path),
	    cmocka_unit_test(other_names),
	    cmocka_unit_test(transactions),
	    cmocka_unit_test(ended_unseen),
	    cmocka_unit_test(foreseen_paths),
	    cmocka_unit_test(failed_pipeline),
	    cmocka_unit_test(savepoints),
	    cmocka_unit_test(created),
	    cmocka_unit_test(created_schema),
	    cmocka_unit_test(created_if_not_exists),
	    cmocka_unit_test(created_savepoints),
	    cmocka_unit_test(temporary),
	    cmocka_unit_test(ceilings),
	    cmocka_unit_test(creates),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inspect/change/retype.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- helpers ------------------------------------------------------------------------------------------ */

/* A type as pg_attribute has it, by the name that SQL gives it. */
static const struct {
	const char *sql, *name;
	int32_t modifier;
} types[] = {
    {"text", "text", -1},
    {"varchar", "varchar", -1},
    {"varchar(50)", "varchar", 54},
    {"char(10)", "bpchar", 14},
    {"citext", "citext", -1},
    {"int4", "int4", -1},
    {"numeric", "numeric", -1},
    {"numeric(10,2)", "numeric", ((10 << 16) | 2) + 4},
    {"timestamp", "timestamp", -1},
    {"timestamp(3)", "timestamp", 3},
    {"timestamptz", "timestamptz", -1},
    {"time(3)", "time", 3},
    {"interval(3)", "interval", (0x7fff << 16) | 3},
    {"cidr", "cidr", -1},
    {"inet", "inet", -1},
    {"varbit(5)", "varbit", 5},
    {"json", "json", -1},
    {"mood", "mood", -1},
    {"varchar(50)[]", "_varchar", 54},
    {"plain_text", "plain_text", -1},
    {"short_text", "short_text", -1},
};

static bool rewrites(const char *from, const char *to, bool utc)
{
	struct judge judge;
	judge_init(&judge);
	catalog_add_domain(judge.catalog,
	                   &(struct catalog_domain){.schema = "public", .name = "plain_text", .base_type = "text"});
	catalog_add_domain(judge.catalog,
	                   &(struct catalog_domain){
	                       .schema = "public", .name = "short_text", .base_type = "text", .constrained = true});
	catalog_add_domain(judge.catalog, &(struct catalog_domain){
	                                      .schema = "public", .name = "some_varchar", .base_type = "varchar"});
	judge_seal(&judge);
	char sql[200];
	snprintf(sql, sizeof(sql), "ALTER TABLE t ALTER COLUMN c TYPE %s", to);
	const struct fact_action *action = &judge_parse(&judge, sql)->actions[0];
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (strcmp(types[i].sql, from) != 0)
			continue;
		struct catalog_column column = {.name = "c", .type = types[i].name, .type_modifier = types[i].modifier};
		bool is = retype_rewrites(judge.catalog, &column, &action->type, action->using_kind, utc);
		judge_fini(&judge);
		return is;
	}
	fail_msg("no type %s", from);
	return false;
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* The same bytes, and a modifier that refuses none of them. */
static void kept(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
	    {"varchar(50)", "varchar(50)"},
	    {"varchar(50)", "varchar(100)"},
	    {"varchar(50)", "varchar"},
	    {"varchar(50)", "text"},
	    {"text", "varchar"},
	    {"text", "citext"},
	    {"varchar(50)", "citext"},
	    {"citext", "text"},
	    {"text", "plain_text"},
	    {"plain_text", "text"},
	    {"numeric(10,2)", "numeric(12,2)"},
	    {"numeric(10,2)", "numeric"},
	    {"timestamp(3)", "timestamp(6)"},
	    {"timestamp", "timestamp(6)"},
	    {"time(3)", "time(4)"},
	    {"cidr", "inet"},
	    {"varbit(5)", "varbit(8)"},
	    {"char(10)", "char(10)"},
	    {"interval(3)", "interval(3)"},
	    {"varchar(50)[]", "varchar(50)[]"},
	    {"mood", "mood"},
	    {"text", "text USING c::text"},
	    {"varchar(50)", "text COLLATE \"C\""},
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		if (rewrites(pairs[i][0], pairs[i][1], false))
			fail_msg("%s to %s", pairs[i][0], pairs[i][1]);
	}
}

static void rewritten(void **state)
{
	(void)state;
	static const char *const pairs[][2] = {
	    {"varchar(50)", "varchar(20)"},
	    {"text", "varchar(100)"},
	    {"varchar", "varchar(100)"},
	    {"citext", "varchar(50)"},
	    {"char(10)", "text"},
	    {"char(10)", "char(20)"},
	    {"varchar(50)", "char(50)"},
	    {"int4", "bigint"},
	    {"int4", "text"},
	    {"numeric(10,2)", "numeric(8,2)"},
	    {"numeric(10,2)", "numeric(12,3)"},
	    {"numeric", "numeric(10,2)"},
	    {"timestamp", "timestamp(3)"},
	    {"timestamp", "date"},
	    {"time(3)", "time(2)"},
	    {"inet", "cidr"},
	    {"varbit(5)", "varbit(3)"},
	    {"json", "jsonb"},
	    {"mood", "text"},
	    {"varchar(50)[]", "varchar(100)[]"},
	    {"varchar(50)[]", "text[]"},
	    {"text", "short_text"},
	    {"text", "some_varchar"},
	    {"text", "unheard_of"},
	    {"interval(3)", "interval(2)"},
	    {"varchar(50)", "varchar(50) USING lower(c)"},
	    {"text", "citext USING trim(c)"},
	};
	for (size_t i = 0; i < ARRAY_LEN(pairs); i++) {
		if (!rewrites(pairs[i][0], pairs[i][1], true))
			fail_msg("%s to %s", pairs[i][0], pairs[i][1]);
	}
}

/* Between the two timestamps only UTC keeps the bytes, and a modifier must hold as well. */
static void time_zones(void **state)
{
	(void)state;
	assert_false(rewrites("timestamp", "timestamptz", true));
	assert_false(rewrites("timestamptz", "timestamp", true));
	assert_false(rewrites("timestamp", "timestamptz(6)", true));
	assert_true(rewrites("timestamp", "timestamptz", false));
	assert_true(rewrites("timestamptz", "timestamp", false));
	assert_true(rewrites("timestamp", "timestamptz(3)", true));
	assert_true(rewrites("timestamp(3)", "timestamptz(3)", true));
	assert_true(rewrites("timestamp", "timestamptz USING c AT TIME ZONE 'UTC'", true));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kept),
	    cmocka_unit_test(rewritten),
	    cmocka_unit_test(time_zones),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

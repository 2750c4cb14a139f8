#include "inspect/verdicts.h"

#include "tests/unit/inspected.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { PARAMETERS = 3, TEXT_BYTES = 40, DRAWS = 6000 };

static const char *const statements[] = {
    "SELECT id FROM product WHERE name LIKE $1",
    "SELECT id FROM product WHERE name ILIKE $1 AND latin ~ $2",
    "SELECT id FROM product WHERE UPPER(name::text) LIKE UPPER($1) OR latin LIKE $2",
    "SELECT id FROM product WHERE latin LIKE '%' || $1 || '%' ORDER BY id LIMIT $2",
    "SELECT id FROM product WHERE note LIKE $1 || '%' AND qty = $2",
    "SELECT id FROM product WHERE latin SIMILAR TO $1 AND name ^@ $2",
    "SELECT id FROM product WHERE note = $1 AND name LIKE $2 ORDER BY ts",
    "SELECT id FROM product WHERE note = $1 ORDER BY ts LIMIT 20",
    "SELECT id FROM product WHERE (data -> $1) = $2 AND code LIKE $3",
    "SELECT id FROM product p JOIN account a ON p.owner = a.id WHERE p.name || a.name LIKE $1 AND a.name LIKE $2",
    "SELECT id FROM account WHERE name ~* $1",
    "SELECT id FROM account WHERE name LIKE $1 AND note = $2",
    "SELECT id FROM account WHERE (SELECT count(*) FROM product p WHERE p.note LIKE $2 AND p.owner = account.id) > $1",
    "UPDATE account SET password = $1, note = $2 WHERE name LIKE $3",
    "INSERT INTO account (name, password, api_key) VALUES ($1, $2, $3)",
    "INSERT INTO account VALUES ($1, $2, $3)",
    "UPDATE product SET note = $2 WHERE id = $1",
    "SELECT id FROM product WHERE mail LIKE $1 OR mail LIKE $1 || $2",
    "SELECT id FROM product WHERE qty = ANY($1) AND id > $2 LIMIT $3",
};

static const char *const texts[] = {
    "",           "%",        "failed",   "%lamp%",     "lamp%",
    "lamp",       "day",      "%la%",     "%,x,%",      "la_p",
    "^lamp",      "lamp$",    ".*",       "(a|b)",      "\\%lamp",
    "{\"a\": 1}", "{}",       "[1, 2]",   "hunter2",    "5f4dcc3b5aa765d61d8327deb882cf99",
    "!x",         "yes",      "1",        "{1,2}",      "4111111111111111",
    "Aa0%",       "ab%c",     "_ab",      "sha1$a$5f4dcc3b5aa765d61d8327deb882cf995f4dcc3b",
};

static uint32_t seed;

static uint32_t draw(uint32_t below)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % below;
}

/* One of those above, or letters, wildcards and what else means something in a pattern. */
static bool draw_text(char *text)
{
	static const char letters[] = "%_\\ab.^*$|[(,{1 \xC3\xA9";
	if (draw(12) == 0)
		return false;
	if (draw(2) == 0) {
		snprintf(text, TEXT_BYTES, "%s", texts[draw(ARRAY_LEN(texts))]);
		return true;
	}
	size_t len = draw(8);
	for (size_t at = 0; at < len; at++)
		text[at] = letters[draw(sizeof(letters) - 1)];
	text[len] = '\0';
	return true;
}

static void put_catalog(double rows)
{
	struct judge made;
	judge_init(&made);
	struct catalog_relation *product = judge_table(&made, "public", "product", rows);
	struct catalog_relation *account = judge_table(&made, "public", "account", rows);
	judge_index(&made, product, "product_failed", "btree", "ts timestamp_ops", "(note = 'failed')");
	judge_index(&made, product, "product_name", "btree", "name varchar_pattern_ops", NULL);
	judge_index(&made, product, "product_latin", "gin", "latin gin_trgm_ops", NULL);
	judge_index(&made, product, "product_day", "btree", "(data -> 'day') jsonb_ops", NULL);
	judge_index(&made, account, "account_name", "btree", "name varchar_pattern_ops", NULL);
	*(const char **)&judge_column(account, "code")->name = "password";
	*(const char **)&judge_column(account, "latin")->name = "api_key";
	inspector_put_catalog(inspected.inspector, catalog_ref(made.catalog));
	judge_seal(&made);
	judge_fini(&made);
}

static void assert_same(const char *sql, const struct verdict *kept, const struct verdict *anew)
{
	bool same = kept->count == anew->count && kept->dropped == anew->dropped &&
	            kept->rejected_by == anew->rejected_by && kept->catalog_missing == anew->catalog_missing &&
	            kept->plan_matters == anew->plan_matters && kept->plan_serves == anew->plan_serves;
	for (uint8_t at = 0; same && at < kept->count; at++) {
		const struct finding *one = &kept->findings[at], *other = &anew->findings[at];
		same = one->rule == other->rule && one->severity == other->severity && one->action == other->action &&
		       strcmp(one->table, other->table) == 0 && strcmp(one->column, other->column) == 0 &&
		       strcmp(one->message, other->message) == 0 && strcmp(one->hint, other->hint) == 0 &&
		       strcmp(one->fix_sql, other->fix_sql) == 0 && strcmp(one->fix_django, other->fix_django) == 0;
	}
	if (!same)
		fail_msg("%s: %u findings where %u are made anew", sql, kept->count, anew->count);
}

/* All that is known of the values, and no verdict from before. */
static void judge_from_scratch(const struct statement *statement, const struct bound_shape *bound, struct verdict *verdict)
{
	const struct context input = {
	    .catalog = inspector_catalog(inspected.inspector, "shop"),
	    .session = &inspected.judge.session,
	    .settings = &inspected.judge.rules,
	    .bound = statement->wants_parameters || statement->plan_matters ? bound : NULL,
	    .bound_count = PARAMETERS,
	};
	verdict_init(verdict);
	rules_judge(statement->facts, statement->statement_count, &input, verdict);
}

/* Values of all kinds, in sessions whose plans are counted, made for all values or neither, before and after the catalog
 * changes: a kept verdict is always what judging anew would say. */
static void kept_verdicts_are_those_made_anew(void **state)
{
	(void)state;
	uint32_t found = 0, kept_count = 0;
	seed = 20261201;
	for (int round = 0; round < DRAWS; round++) {
		if (round % 1500 == 0)
			put_catalog(round % 3000 == 0 ? JUDGE_LARGE : JUDGE_MEDIUM);
		if (round % 1000 == 700)
			judge_run(&inspected.judge, "SET plan_cache_mode = force_generic_plan");
		if (round % 1000 == 900)
			judge_run(&inspected.judge, "RESET plan_cache_mode");
		const char *sql = statements[draw(ARRAY_LEN(statements))];
		struct statement *statement = inspected_recognise(sql);
		struct session_state *session = &inspected.judge.session;
		session->counts_plans = session->generic_plan = false;
		(void)inspected_judge(statement);
		session->counts_plans = draw(3) == 0;
		session->generic_plan = draw(3) == 0;
		struct bound_shape wanted[PARAMETERS] = {0}, all[PARAMETERS] = {0};
		char values[PARAMETERS][TEXT_BYTES];
		for (uint16_t at = 0; at < PARAMETERS; at++) {
			if (!draw_text(values[at]))
				continue;
			all[at] = shape_bound(values[at], strlen(values[at]));
			wanted[at] = shape_wanted(values[at], strlen(values[at]), statement->wants.of[at]);
			all[at].text = wanted[at].text = values[at];
			all[at].len = wanted[at].len = strlen(values[at]);
		}
		struct verdict anew;
		judge_from_scratch(statement, all, &anew);
		const uint8_t before = statement->verdicts.count;
		const struct verdict *kept =
		    inspector_judge(inspected.inspector, statement, session, wanted, PARAMETERS);
		kept_count += statement->verdicts.count == before;
		assert_same(sql, kept, &anew);
		found += anew.count > 0;
		verdict_fini(&anew);
		cache_unref(statement);
	}
	/* Neither is that because there is never a finding, nor because none is kept. */
	assert_true(found > DRAWS / 5);
	assert_true(kept_count > DRAWS / 5);
}

/* What has come before is not judged again, whatever the letters are. */
static void a_class_is_judged_once(void **state)
{
	struct statement *statement = inspected_recognise("SELECT id FROM account WHERE name LIKE $1");
	(void)state;
	put_catalog(JUDGE_LARGE);
	const char *message = inspected_judge_pattern(statement, "%lamp%")->findings[0].message;
	assert_int_equal(inspected_judge(statement)->count, 0);
	assert_int_equal(inspected_judge_pattern(statement, "lamp%")->count, 0);
	assert_ptr_equal(inspected_judge_pattern(statement, "%table%")->findings[0].message, message);
	assert_int_equal(statement->verdicts.count, 3);
	/* So it is where plans are made for all values, as long as no index may be entered by the pattern. */
	inspected.judge.session.generic_plan = true;
	message = inspected_judge_pattern(statement, "%lamp%")->findings[0].message;
	assert_ptr_equal(inspected_judge_pattern(statement, "%table%")->findings[0].message, message);
	assert_int_equal(statement->verdicts.count, 4);
	cache_unref(statement);
}

/* The texts themselves may matter: then a verdict is for those alone. */
static void texts_that_matter_are_told_apart(void **state)
{
	struct statement *statement = inspected_recognise("SELECT id FROM product WHERE note = $1 ORDER BY ts LIMIT 20");
	struct bound_shape failed = {.known = true, .text = "failed", .len = 6}, done = {.known = true, .text = "done", .len = 4};
	(void)state;
	put_catalog(JUDGE_LARGE);
	(void)inspected_judge(statement);
	assert_true(statement->plan_matters);
	inspected.judge.session.counts_plans = true;
	for (int again = 0; again < 3; again++) {
		assert_true(inspector_judge(inspected.inspector, statement, &inspected.judge.session, &failed, 1)->plan_serves);
		assert_false(inspector_judge(inspected.inspector, statement, &inspected.judge.session, &done, 1)->plan_serves);
	}
	assert_int_equal(statement->verdicts.count, 3);
	cache_unref(statement);
}

/* There is room for so many. */
static void the_oldest_gives_way(void **state)
{
	struct statement *statement = inspected_recognise("SELECT id FROM product WHERE note = $1 ORDER BY ts LIMIT 20");
	(void)state;
	put_catalog(JUDGE_LARGE);
	(void)inspected_judge(statement);
	inspected.judge.session.counts_plans = true;
	for (int at = 0; at < 3 * LIMIT_VERDICTS; at++) {
		char text[16];
		const struct bound_shape bound = {.known = true, .text = text, .len = (size_t)snprintf(text, sizeof(text), "%d", at)};
		(void)inspector_judge(inspected.inspector, statement, &inspected.judge.session, &bound, 1);
		assert_true(statement->verdicts.count <= LIMIT_VERDICTS);
	}
	assert_int_equal(statement->verdicts.count, LIMIT_VERDICTS);
	assert_true(verdicts_bytes(&statement->wants) >= LIMIT_VERDICTS * sizeof(struct verdict));
	cache_unref(statement);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, inspected_set_up, inspected_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
	    CASE(kept_verdicts_are_those_made_anew),
	    CASE(a_class_is_judged_once),
	    CASE(texts_that_matter_are_told_apart),
	    CASE(the_oldest_gives_way),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

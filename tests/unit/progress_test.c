#include "inspect/rules/progress.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct judge judge;
static struct catalog_relation *product, *small;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	small = judge_table(&judge, "public", "small", JUDGE_SMALL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static bool holds(struct catalog_relation *table, enum lock_mode lock)
{
	bool held = false;
	for (uint32_t at = 0; judge.session.past && at < judge.session.past->count; at++) {
		const struct session_past_entry *entry = &judge.session.past->entries[at];
		held |= entry->kind == SESSION_PAST_LOCK && entry->relation == table->oid && entry->lock >= lock;
	}
	return held;
}

/* Locks are held from the statement on that takes them to the end of the transaction; outside of one by nobody. */
static void locks(void **state)
{
	(void)state;
	judge_run(&judge, "ALTER TABLE product ADD c int");
	assert_null(judge.session.past);
	judge_run(&judge, "BEGIN");
	judge_run(&judge, "CREATE INDEX ON product (qty)");
	assert_true(holds(product, LOCK_SHARE));
	assert_false(holds(product, LOCK_ACCESS_EXCLUSIVE));
	assert_false(holds(small, LOCK_SHARE));
	judge_run(&judge, "SAVEPOINT s");
	judge_run(&judge, "ALTER TABLE product ADD c int");
	assert_true(holds(product, LOCK_ACCESS_EXCLUSIVE));
	judge_run(&judge, "ROLLBACK TO s");
	assert_true(holds(product, LOCK_SHARE));
	assert_false(holds(product, LOCK_ACCESS_EXCLUSIVE));
	judge_run(&judge, "COMMIT");
	assert_null(judge.session.past);
}

/* A plain statement's verdict stays as it is, unless the transaction has done something that matters. */
static void matters(void **state)
{
	(void)state;
	assert_false(progress_matters(judge_parse(&judge, "SELECT * FROM product"), &judge.session));
	assert_false(progress_matters(judge_parse(&judge, "BEGIN"), &judge.session));
	assert_true(progress_matters(judge_parse(&judge, "LOCK TABLE product"), &judge.session));
	assert_true(progress_matters(judge_parse(&judge, "ALTER TABLE product ADD c int"), &judge.session));
	judge_run(&judge, "BEGIN");
	assert_false(progress_matters(judge_parse(&judge, "SELECT * FROM product"), &judge.session));
	judge_run(&judge, "ALTER TABLE product ADD c int");
	assert_true(progress_matters(judge_parse(&judge, "SELECT * FROM product"), &judge.session));
}

/* What the server will refuse has done nothing. */
static void refused(void **state)
{
	(void)state;
	judge_run(&judge, "BEGIN");
	judge.session.transaction = 'T';
	judge_run(&judge, "VACUUM FULL product");
	assert_false(holds(product, LOCK_ACCESS_EXCLUSIVE));
}

/* Before the catalog has been read nothing is known of any table, and nothing is remembered. */
static void without_catalog(void **state)
{
	bool missing = false;
	(void)state;
	judge_run(&judge, "BEGIN");
	judge_parse(&judge, "ALTER TABLE product ADD c varchar(20) DEFAULT 'x' NOT NULL");
	judge_seal(&judge);
	const struct context input = {
	    .session = &judge.session, .settings = &judge.rules, .facts = &judge.facts[0], .catalog_missing = &missing};
	progress_completed(&input, &judge.session);
	assert_null(judge.session.past);
}

/* Dropped is dropped, in autocommit, too, until the catalog knows it as well. */
static void dropped(void **state)
{
	(void)state;
	judge_run(&judge, "DROP TABLE small");
	assert_non_null(session_past_find(judge.session.past, SESSION_PAST_DROPPED, small->oid, NULL));
	judge_run(&judge, "BEGIN");
	judge_run(&judge, "DROP TABLE product");
	judge_run(&judge, "ROLLBACK");
	assert_null(session_past_find(judge.session.past, SESSION_PAST_DROPPED, product->oid, NULL));
	small->oid += 1000000;
	judge_run(&judge, "BEGIN");
	judge_run(&judge, "COMMIT");
	assert_null(judge.session.past);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(locks, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(matters, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(refused, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(without_catalog, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(dropped, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

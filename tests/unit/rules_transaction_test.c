#include "inspect/rules/rules_transaction.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

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

static void run(const char *sql)
{
	judge_run(&judge, sql);
}

/* The server's lock_timeout, as a catalog has it. */
static void server(const char *role, const char *value)
{
	catalog_add_setting(judge.catalog, role, "lock_timeout", value);
}

/* -- M201 --------------------------------------------------------------------------------------------- */

static const char change[] = "ALTER TABLE product ADD c int";

/* Of any size, from SHARE on; not where the table is new, temporary or empty, nor what gives up by itself. */
static void waits(void **state)
{
	(void)state;
	judge_table(&judge, "public", "empty", 0);
	server(NULL, "0");
	FOUND(change, "M201");
	assert_string_equal(judge.verdict.findings[0].fix_sql, "SET lock_timeout = '2s';");
	FOUND("ALTER TABLE small ADD c int", "M201");
	FOUND("CREATE INDEX ON small (qty)", "M201");
	FOUND("DROP TABLE small", "M201");
	FOUND("TRUNCATE small", "M201");
	FOUND("LOCK TABLE small IN SHARE MODE", "M201");
	SILENT("LOCK TABLE small IN SHARE MODE NOWAIT", "M201");
	SILENT("LOCK TABLE small IN ROW EXCLUSIVE MODE", "M201");
	SILENT("ALTER TABLE product VALIDATE CONSTRAINT k", "M201");
	SILENT("ALTER TABLE product SET (fillfactor = 70)", "M201");
	SILENT("CREATE INDEX CONCURRENTLY ON product (qty)", "M201");
	SILENT("CREATE TABLE fresh (a int)", "M201");
	SILENT("CREATE TEMP TABLE product (a int); ALTER TABLE product ADD b int", "M201");
	SILENT("BEGIN; CREATE TABLE fresh (a int); CREATE INDEX ON fresh (a)", "M201");
	SILENT("ALTER TABLE empty ADD c int", "M201");
	SILENT("ALTER TABLE nothing ADD c int", "M201");
	SILENT("UPDATE product SET qty = 1", "M201");
	/* The referenced table is the one that others use. */
	FOUND("CREATE TABLE child (p int REFERENCES product)", "M201");
	assert_string_equal(judge.verdict.findings[judge.verdict.count - 1].table, "product");
}

/* A role's setting goes before everybody's; what is not known is not told. */
static void whose_setting(void **state)
{
	(void)state;
	server(NULL, "0");
	server("clerk", "0");
	server("anna", "2s");
	SILENT(change, "M201");
	run("SET lock_timeout = 0");
	FOUND(change, "M201");
}

static void unknown_setting(void **state)
{
	(void)state;
	SILENT(change, "M201");
	run("SET lock_timeout = '0 s'");
	FOUND(change, "M201");
}

static void session_settings(void **state)
{
	(void)state;
	server(NULL, "0");
	run("SET lock_timeout = '2s'");
	SILENT(change, "M201");
	run("RESET lock_timeout");
	FOUND(change, "M201");
	run("SET lock_timeout = 500");
	SILENT(change, "M201");
	run("SET lock_timeout TO DEFAULT");
	FOUND(change, "M201");
	run("SET lock_timeout = '1min'");
	run("DISCARD ALL");
	FOUND(change, "M201");
	run("SELECT set_config('lock_timeout', '2s', false)");
	SILENT(change, "M201");
	run("RESET ALL");
	FOUND(change, "M201");
	/* The start-up packet's is what RESET goes back to. */
	session_state_lock_timeout(&judge.session, "3s", 2);
	SILENT(change, "M201");
	run("SET lock_timeout = '0ms'");
	FOUND(change, "M201");
	run("RESET lock_timeout");
	SILENT(change, "M201");
}

/* SET LOCAL outside a transaction is nothing, and of what is set in one a ROLLBACK leaves nothing. */
static void transactions(void **state)
{
	(void)state;
	server(NULL, "0");
	run("SET LOCAL lock_timeout = '2s'");
	FOUND(change, "M201");
	run("BEGIN");
	run("SET LOCAL lock_timeout = '2s'");
	SILENT(change, "M201");
	run("COMMIT");
	FOUND(change, "M201");
	run("BEGIN");
	run("SET lock_timeout = '2s'");
	run("ROLLBACK");
	FOUND(change, "M201");
	run("BEGIN");
	run("SAVEPOINT a");
	run("SET lock_timeout = '2s'");
	SILENT(change, "M201");
	run("ROLLBACK TO a");
	FOUND(change, "M201");
	assert_string_equal(judge.verdict.findings[0].fix_sql, "SET LOCAL lock_timeout = '2s';");
	run("SET lock_timeout = '2s'");
	run("RELEASE a");
	run("COMMIT");
	SILENT(change, "M201");
	run("RESET lock_timeout");
	/* The same inside one message. */
	SILENT("SET LOCAL lock_timeout = '2s'; ALTER TABLE product ADD c int", "M201");
	SILENT("BEGIN; SET LOCAL lock_timeout = '2s'; ALTER TABLE product ADD c int; COMMIT", "M201");
	FOUND("BEGIN; SET LOCAL lock_timeout = '2s'; COMMIT; ALTER TABLE product ADD c int", "M201");
	/* A function's own setting is no session's. */
	run("CREATE FUNCTION f() RETURNS int LANGUAGE sql SET lock_timeout = '2s' AS 'SELECT 1'");
	FOUND(change, "M201");
}

/* Once in a transaction, and again when what was told is undone. */
static void once(void **state)
{
	(void)state;
	server(NULL, "0");
	run("BEGIN");
	run("SAVEPOINT a");
	run(change);
	SILENT("ALTER TABLE small ADD c int", "M201");
	run("ROLLBACK TO a");
	FOUND("ALTER TABLE small ADD c int", "M201");
	run(change);
	run("COMMIT");
	run("BEGIN");
	FOUND(change, "M201");
}

/* Who has written every row makes other writers wait already; readers are another matter. */
static void written(void **state)
{
	(void)state;
	server(NULL, "0");
	run("BEGIN");
	run("UPDATE product SET qty = 1");
	SILENT("CREATE INDEX ON product (qty)", "M201");
	FOUND("CREATE INDEX ON product (qty)", "M234");
	FOUND(change, "M201");
	FOUND("CREATE INDEX ON small (qty)", "M201");
}

/* -- M234, M235, M245 --------------------------------------------------------------------------------- */

/* What takes long, after ACCESS EXCLUSIVE on a table that was there; once in a transaction. */
static void long_statements(void **state)
{
	(void)state;
	const char index[] = "CREATE INDEX ON product (qty)";
	run("BEGIN");
	SILENT(index, "M234");
	run(change);
	FOUND(index, "M234");
	FOUND("UPDATE product SET qty = 1", "M234");
	FOUND("UPDATE product SET qty = 1 WHERE note IS NULL", "M234");
	FOUND("SELECT * FROM product", "M234");
	FOUND("ALTER TABLE product ALTER qty SET NOT NULL", "M234");
	SILENT("ALTER TABLE product ALTER qty DROP DEFAULT", "M234");
	SILENT("UPDATE product SET qty = 1 WHERE id = 1", "M234");
	SILENT("SELECT * FROM product WHERE id = 1", "M234");
	SILENT("SELECT * FROM product LIMIT 1", "M234");
	SILENT("CREATE INDEX ON small (qty)", "M234");
	run(index);
	SILENT("CREATE INDEX ON product (owner)", "M234");
	run("ROLLBACK");
	run("BEGIN");
	run("CREATE TABLE fresh (a int)");
	run("ALTER TABLE fresh ADD b int");
	SILENT(index, "M234");
	/* A lock that lets others read is not that. */
	run("CREATE INDEX ON product (owner)");
	SILENT(index, "M234");
	run("ROLLBACK");
	run(change);
	SILENT(index, "M234");
}

static void several(void **state)
{
	(void)state;
	judge_table(&judge, "public", "orders", JUDGE_LARGE);
	judge_table(&judge, "public", "lines", JUDGE_MEDIUM);
	run("BEGIN");
	run(change);
	SILENT(change, "M235");
	SILENT("ALTER TABLE small ADD c int", "M235");
	SILENT("ALTER TABLE orders SET (fillfactor = 70)", "M235");
	SILENT("CREATE INDEX ON orders (qty)", "M235");
	FOUND("ALTER TABLE orders ADD c int", "M235");
	FOUND("ALTER TABLE lines ADD c int", "M235");
	run("ALTER TABLE orders ADD c int");
	SILENT("ALTER TABLE lines ADD c int", "M235");
	run("COMMIT");
	SILENT("ALTER TABLE orders ADD c int", "M235");
	run("BEGIN");
	run("ALTER TABLE small ADD c int");
	SILENT("ALTER TABLE orders ADD c int", "M235");
	run("ROLLBACK");
}

static void combined(void **state)
{
	(void)state;
	run("BEGIN");
	run("ALTER TABLE product ALTER qty SET NOT NULL");
	FOUND("ALTER TABLE product ADD CHECK (qty > 0)", "M245");
	SILENT("ALTER TABLE product ADD CHECK (qty > 0) NOT VALID", "M245");
	SILENT("ALTER TABLE product ADD c int", "M245");
	run("ROLLBACK");
	SILENT("ALTER TABLE product ALTER qty SET NOT NULL, ADD CHECK (qty > 0)", "M245");
}

/* -- M208 --------------------------------------------------------------------------------------------- */

static void dropped_defaults(void **state)
{
	(void)state;
	const char drop[] = "ALTER TABLE product ALTER c DROP DEFAULT";
	run("BEGIN");
	run("ALTER TABLE product ADD c int DEFAULT 0 NOT NULL");
	FOUND(drop, "M208");
	SILENT("ALTER TABLE product ALTER qty DROP DEFAULT", "M208");
	SILENT("ALTER TABLE small ALTER c DROP DEFAULT", "M208");
	run("ROLLBACK");
	SILENT(drop, "M208");
	run("BEGIN");
	run("ALTER TABLE product ADD c int DEFAULT 0");
	SILENT(drop, "M208");
	run("ROLLBACK");
	FOUND("ALTER TABLE product ADD c int DEFAULT 0 NOT NULL; ALTER TABLE product ALTER c DROP DEFAULT", "M208");
	SILENT("ALTER TABLE small ADD c int DEFAULT 0 NOT NULL; ALTER TABLE small ALTER c DROP DEFAULT", "M208");
}

/* -- M218, M219 --------------------------------------------------------------------------------------- */

/* M218: in one statement, message or transaction, and not with a COMMIT between. */
static void validated_at_once(void **state)
{
	(void)state;
	FOUND("ALTER TABLE product ADD CONSTRAINT k CHECK (qty > 0) NOT VALID, VALIDATE CONSTRAINT k", "M218");
	FOUND(
	    "ALTER TABLE product ADD CONSTRAINT k CHECK (qty > 0) NOT VALID; ALTER TABLE product VALIDATE CONSTRAINT k",
	    "M218");
	SILENT("ALTER TABLE product ADD CONSTRAINT k CHECK (qty > 0) NOT VALID; COMMIT; ALTER TABLE product VALIDATE "
	       "CONSTRAINT k",
	       "M218");
	SILENT("ALTER TABLE product VALIDATE CONSTRAINT k", "M218");
	SILENT("ALTER TABLE small ADD CONSTRAINT k CHECK (qty > 0) NOT VALID, VALIDATE CONSTRAINT k", "M218");
	judge_run(&judge, "BEGIN");
	judge_run(&judge, "ALTER TABLE product ADD CONSTRAINT k CHECK (qty > 0) NOT VALID");
	FOUND("ALTER TABLE product VALIDATE CONSTRAINT k", "M218");
	SILENT("ALTER TABLE product VALIDATE CONSTRAINT other", "M218");
	judge_run(&judge, "COMMIT");
	SILENT("ALTER TABLE product VALIDATE CONSTRAINT k", "M218");
}

/* M219: whatever the size, but only while a transaction is open. */
static void in_transactions(void **state)
{
	(void)state;
	SILENT("CREATE INDEX CONCURRENTLY i ON product (qty)", "M219");
	judge.session.transaction = 'T';
	FOUND("CREATE INDEX CONCURRENTLY i ON product (qty)", "M219");
	FOUND("CREATE INDEX CONCURRENTLY i ON small (qty)", "M219");
	FOUND("DROP INDEX CONCURRENTLY i", "M219");
	SILENT("CREATE INDEX i ON product (qty)", "M219");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(waits, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(whose_setting, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(unknown_setting, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(session_settings, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(transactions, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(written, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(long_statements, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(several, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(combined, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(dropped_defaults, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(validated_at_once, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(in_transactions, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

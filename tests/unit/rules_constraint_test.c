#include "inspect/rules/rules_constraint.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* -- fixture and helpers ------------------------------------------------------------------------------ */

static struct judge judge;
static struct catalog_relation *product;

static int set_up(void **state)
{
	(void)state;
	judge_init(&judge);
	product = judge_table(&judge, "public", "product", JUDGE_LARGE);
	judge_index(&judge, product, "product_owner", "btree", "owner int4_ops", NULL);
	judge_table(&judge, "public", "small", JUDGE_SMALL);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

static void expect(const char *sql, const char *codes)
{
	judge_expect(&judge, sql, codes);
}

static void expect_silent(const char *const *statements, size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect(statements[i], "");
}

/* The same statement in either mode, and on a small table. */
static void expect_block(const char *format, const char *code)
{
	char sql[1000], rejected[32];
	snprintf(sql, sizeof(sql), format, "product");
	snprintf(rejected, sizeof(rejected), "%s!", code);
	expect(sql, code);
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_BLOCK);
	judge_mode(&judge, SETTINGS_ENFORCE);
	expect(sql, rejected);
	judge_mode(&judge, SETTINGS_OBSERVE);
	snprintf(sql, sizeof(sql), format, "small");
	expect(sql, "");
}

static const struct finding *finding(void)
{
	assert_int_equal(judge.verdict.count, 1);
	return &judge.verdict.findings[0];
}

/* -- M211 --------------------------------------------------------------------------------------------- */

static void set_not_null(void **state)
{
	(void)state;
	expect_block("ALTER TABLE %s ALTER COLUMN qty SET NOT NULL", "M211");
	static const char *const silent[] = {"ALTER TABLE product ALTER COLUMN id SET NOT NULL",
	                                     "ALTER TABLE product ALTER COLUMN qty DROP NOT NULL",
	                                     "ALTER TABLE nobody ALTER COLUMN qty SET NOT NULL"};
	expect_silent(silent, ARRAY_LEN(silent));
	expect("ALTER TABLE product ALTER COLUMN qty SET NOT NULL", "M211");
	assert_string_equal(finding()->column, "qty");
	assert_string_equal(
	    finding()->fix_sql,
	    "ALTER TABLE product ADD CONSTRAINT product_qty_notnull CHECK (qty IS NOT NULL) NOT VALID;\n"
	    "ALTER TABLE product VALIDATE CONSTRAINT product_qty_notnull;\n"
	    "ALTER TABLE product ALTER COLUMN qty SET NOT NULL;\n"
	    "ALTER TABLE product DROP CONSTRAINT product_qty_notnull;");
}

/* A valid CHECK that implies it proves it; one on another column, one that NULL passes, or one not validated, does not.
 */
static void set_not_null_proved(void **state)
{
	(void)state;
	static const struct {
		const char *column;
		bool valid;
		const char *codes;
	} checks[] = {{"qty", true, ""}, {"qty", false, "M211"}, {"owner", true, "M211"}, {NULL, true, "M211"}};
	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		tear_down(state);
		set_up(state);
		judge_check(&judge, product, "c", checks[i].column, checks[i].valid);
		expect("ALTER TABLE product ALTER COLUMN qty SET NOT NULL", checks[i].codes);
	}
}

/* -- M212 --------------------------------------------------------------------------------------------- */

static void add_check(void **state)
{
	(void)state;
	expect_block("ALTER TABLE %s ADD CONSTRAINT positive CHECK (qty >= 0)", "M212");
	expect_block("ALTER TABLE %s ADD CHECK (qty >= 0)", "M212");
	expect_block("ALTER TABLE %s ADD COLUMN c int CHECK (c > 0)", "M212");
	expect_block("ALTER TABLE %s ADD COLUMN c int DEFAULT 1 CHECK (c > 0)", "M212");
	static const char *const silent[] = {
	    "ALTER TABLE product ADD CONSTRAINT positive CHECK (qty >= 0) NOT VALID",
	    "ALTER TABLE product VALIDATE CONSTRAINT positive",
	    "ALTER TABLE product DROP CONSTRAINT positive",
	    "ALTER TABLE product ADD COLUMN IF NOT EXISTS qty int CHECK (qty > 0)",
	    "CREATE TABLE fresh (c int CHECK (c > 0))",
	};
	expect_silent(silent, ARRAY_LEN(silent));
	expect("ALTER TABLE product ADD CONSTRAINT \"Positive\" CHECK (qty >= 4711)", "M212");
	assert_string_equal(finding()->fix_sql, "ALTER TABLE product ADD CONSTRAINT \"Positive\" CHECK (qty >= …) NOT VALID;\n"
	                                        "ALTER TABLE product VALIDATE CONSTRAINT \"Positive\";");
	expect("ALTER TABLE product ADD CHECK (qty >= 4711)", "M212");
	assert_string_equal(finding()->fix_sql, "ALTER TABLE product ADD CONSTRAINT product_all_check CHECK (qty >= …) NOT VALID;\n"
	                                        "ALTER TABLE product VALIDATE CONSTRAINT product_all_check;");
}

/* Of a CHECK within ADD COLUMN the fix is the two apart. */
static void inline_check_fixes(void **state)
{
	(void)state;
	static const struct {
		const char *column, *fix;
	} cases[] = {
	    {"c int CHECK (c > 0)", "c int;\nALTER TABLE product ADD CONSTRAINT product_c_check CHECK (c > …) NOT VALID;"},
	    {"c int CONSTRAINT \"Big\" CHECK (c > 4711) NOT NULL DEFAULT 4712",
	     "c int NOT NULL DEFAULT …;\nALTER TABLE product ADD CONSTRAINT \"Big\" CHECK (c > …) NOT VALID;"},
	    {"c text DEFAULT 'check' CHECK (length(c) > 1 AND (c <> ')'))",
	     "c text DEFAULT …;\nALTER TABLE product ADD CONSTRAINT product_c_check CHECK (length(c) > … AND (c <> …)) NOT VALID;"},
	    {"c int CONSTRAINT there NOT NULL DEFAULT 1 CHECK (c > 0)",
	     "c int CONSTRAINT there NOT NULL DEFAULT …;\nALTER TABLE product ADD CONSTRAINT product_c_check CHECK (c > …) NOT VALID;"},
	};
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char sql[256], fix[512];
		snprintf(sql, sizeof(sql), "ALTER TABLE product ADD COLUMN %s", cases[i].column);
		expect(sql, "M212");
		snprintf(fix, sizeof(fix), "ALTER TABLE product ADD COLUMN %s\n", cases[i].fix);
		if (strncmp(finding()->fix_sql, fix, strlen(fix)) != 0)
			fail_msg("%s: %s", sql, finding()->fix_sql);
	}
	expect("ALTER TABLE product ADD COLUMN c int CHECK (c > 0) CHECK (c < 9)", "M212");
	assert_non_null(strstr(finding()->fix_sql, "CHECK (…) NOT VALID;"));
}

/* -- M213 --------------------------------------------------------------------------------------------- */

static void add_foreign_key(void **state)
{
	(void)state;
	expect_block("ALTER TABLE %s ADD CONSTRAINT fk FOREIGN KEY (owner) REFERENCES small (id)", "M213");
	expect_block("ALTER TABLE %s ADD FOREIGN KEY (owner) REFERENCES small DEFERRABLE INITIALLY DEFERRED", "M213");
	expect_block("ALTER TABLE %s ADD COLUMN c int DEFAULT 1 REFERENCES small (id)", "M213");
	static const char *const silent[] = {
	    "ALTER TABLE product ADD CONSTRAINT fk FOREIGN KEY (owner) REFERENCES small (id) NOT VALID",
	    "ALTER TABLE product VALIDATE CONSTRAINT fk",
	    "ALTER TABLE product ADD COLUMN c int REFERENCES small (id)",
	    "ALTER TABLE product ADD COLUMN c int NULL DEFAULT NULL REFERENCES small (id)",
	    "ALTER TABLE product ADD COLUMN IF NOT EXISTS qty int DEFAULT 1 REFERENCES small (id)",
	    "CREATE TABLE fresh (c int REFERENCES product (id))",
	    "CREATE TABLE fresh (c int, FOREIGN KEY (c) REFERENCES product (id))",
	    "CREATE TABLE IF NOT EXISTS product (c int REFERENCES small (id))",
	    "CREATE TABLE fresh (c int); ALTER TABLE fresh ADD FOREIGN KEY (c) REFERENCES product (id)",
	    "ALTER TABLE small ADD FOREIGN KEY (owner) REFERENCES small (id)",
	};
	expect_silent(silent, ARRAY_LEN(silent));
	expect("ALTER TABLE product ADD CONSTRAINT fk FOREIGN KEY (owner) REFERENCES small (id)", "M213");
	assert_string_equal(finding()->column, "owner");
	assert_string_equal(finding()->fix_sql,
	                    "ALTER TABLE product ADD CONSTRAINT fk FOREIGN KEY (owner) REFERENCES small (id) NOT VALID;\n"
	                    "ALTER TABLE product VALIDATE CONSTRAINT fk;");
}

/* The fix is the same foreign key, whatever it says: where it refers to, what happens on DELETE, when it is looked at. */
static void foreign_key_fixes(void **state)
{
	(void)state;
	static const struct {
		const char *added, *fix;
	} keys[] = {
	    {"CONSTRAINT fk FOREIGN KEY (owner, qty) REFERENCES small (id, \"A b\") MATCH FULL ON DELETE SET NULL (qty) ON "
	     "UPDATE CASCADE DEFERRABLE INITIALLY DEFERRED",
	     "fk FOREIGN KEY (owner, qty) REFERENCES small (id, \"A b\") MATCH FULL ON DELETE SET NULL (qty) ON UPDATE "
	     "CASCADE DEFERRABLE INITIALLY DEFERRED NOT VALID;\nALTER TABLE product VALIDATE CONSTRAINT fk;"},
	    {"FOREIGN KEY (owner) REFERENCES small ON DELETE RESTRICT DEFERRABLE",
	     "product_owner_fkey FOREIGN KEY (owner) REFERENCES small ON DELETE RESTRICT DEFERRABLE NOT VALID;\n"
	     "ALTER TABLE product VALIDATE CONSTRAINT product_owner_fkey;"},
	};
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		char sql[512], fix[512];
		snprintf(sql, sizeof(sql), "ALTER TABLE product ADD %s", keys[i].added);
		snprintf(fix, sizeof(fix), "ALTER TABLE product ADD CONSTRAINT %s", keys[i].fix);
		assert_true(judge_breaks(&judge, sql, "M213"));
		for (uint16_t at = 0; at < judge.verdict.count; at++) {
			if (strcmp(judge.verdict.findings[at].rule->code, "M213") == 0)
				assert_string_equal(judge.verdict.findings[at].fix_sql, fix);
		}
	}
	expect("ALTER TABLE product ADD COLUMN c int DEFAULT 1 REFERENCES small (id) ON DELETE CASCADE DEFERRABLE INITIALLY "
	       "DEFERRED",
	       "M213");
	assert_string_equal(finding()->fix_sql,
	                    "-- after the plain ADD COLUMN:\n"
	                    "ALTER TABLE product ADD CONSTRAINT product_c_fkey FOREIGN KEY (c) REFERENCES small (id) ON "
	                    "DELETE CASCADE DEFERRABLE INITIALLY DEFERRED NOT VALID;\n"
	                    "ALTER TABLE product VALIDATE CONSTRAINT product_c_fkey;");
	product->kind = CATALOG_PARTITIONED_TABLE;
	expect("ALTER TABLE product ADD CONSTRAINT fk FOREIGN KEY (owner) REFERENCES small", "M213");
	assert_non_null(strstr(finding()->fix_sql, "\nALTER TABLE product ADD CONSTRAINT fk FOREIGN KEY (owner) "
	                                           "REFERENCES small;"));
}

/* Of a new table inside a transaction, and of what is dropped, the referenced table is named; as info. */
static void referenced_locked(void **state)
{
	(void)state;
	static const char *const owner[] = {"owner"}, *const id[] = {"id"};
	static struct catalog_constraint key;
	struct catalog_relation *child = judge_table(&judge, "public", "child", JUDGE_SMALL);
	const struct catalog_relation *tiny = judge_table(&judge, "public", "tiny", JUDGE_SMALL);
	key = (struct catalog_constraint){
	    .name = "fk", .kind = CATALOG_FOREIGN_KEY, .valid = true, .columns = owner, .column_count = 1};
	key.referenced = product;
	key.referenced_columns = id;
	child->constraints = &key;
	child->constraint_count = 1;
	FOUND("ALTER TABLE child DROP CONSTRAINT fk", "M213");
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_INFO);
	assert_string_equal(judge.verdict.findings[0].table, "product");
	FOUND("ALTER TABLE child DROP COLUMN owner", "M213");
	FOUND("DROP TABLE child", "M213");
	SILENT("ALTER TABLE child DROP CONSTRAINT other", "M213");
	SILENT("ALTER TABLE child DROP COLUMN qty", "M213");
	SILENT("CREATE TABLE fresh (c int REFERENCES product (id))", "M213");
	judge.session.transaction = 'T';
	FOUND("CREATE TABLE fresh (c int REFERENCES product (id))", "M213");
	SILENT("CREATE TABLE fresh (c int REFERENCES small (id))", "M213");
	SILENT("CREATE TEMP TABLE fresh (c int REFERENCES product (id))", "M213");
	key.referenced = tiny;
	SILENT("DROP TABLE child", "M213");
}

/* From a small table to a large one there is little to look up, but a lock to wait for: logged, on the large one. */
static void foreign_key_to_large(void **state)
{
	(void)state;
	judge_mode(&judge, SETTINGS_ENFORCE);
	expect("ALTER TABLE small ADD FOREIGN KEY (owner) REFERENCES product (id)", "M213");
	assert_string_equal(finding()->table, "product");
	assert_int_equal(finding()->severity, SEVERITY_ERROR);
	assert_int_equal(finding()->action, ACTION_LOG);
}

/* -- M214, M215 --------------------------------------------------------------------------------------- */

static void add_unique(void **state)
{
	(void)state;
	judge_index(&judge, product, "there", "btree", "qty int4_ops", NULL)->unique = true;
	expect_block("ALTER TABLE %s ADD CONSTRAINT u UNIQUE (qty)", "M214");
	expect_block("ALTER TABLE %s ADD UNIQUE (qty, owner) DEFERRABLE INITIALLY DEFERRED", "M214");
	expect_block("ALTER TABLE %s ADD COLUMN c int UNIQUE", "M214");
	expect_block("CREATE UNIQUE INDEX u ON %s (qty)", "M214");
	static const char *const silent[] = {
	    "ALTER TABLE product ADD CONSTRAINT u UNIQUE USING INDEX there",
	    "CREATE UNIQUE INDEX CONCURRENTLY u ON product (qty)",
	    "CREATE UNIQUE INDEX IF NOT EXISTS there ON product (qty)",
	    "ALTER TABLE product ADD COLUMN IF NOT EXISTS qty int UNIQUE",
	    "CREATE TABLE fresh (c int UNIQUE)",
	};
	expect_silent(silent, ARRAY_LEN(silent));
	expect("ALTER TABLE product ADD CONSTRAINT \"U\" UNIQUE (qty, owner)", "M214");
	assert_string_equal(finding()->fix_sql, "CREATE UNIQUE INDEX CONCURRENTLY \"U\" ON product (qty, owner);\n"
	                                        "ALTER TABLE product ADD CONSTRAINT \"U\" UNIQUE USING INDEX \"U\";");
	expect("CREATE UNIQUE INDEX u ON product (qty)", "M214");
	assert_string_equal(finding()->fix_sql, "CREATE UNIQUE INDEX CONCURRENTLY u ON product (qty);");
	expect("ALTER TABLE product ADD CONSTRAINT u UNIQUE NULLS NOT DISTINCT (qty) INCLUDE (note, owner) DEFERRABLE "
	       "INITIALLY DEFERRED",
	       "M214");
	assert_string_equal(
	    finding()->fix_sql,
	    "CREATE UNIQUE INDEX CONCURRENTLY u ON product (qty) INCLUDE (note, owner) NULLS NOT DISTINCT;\n"
	    "ALTER TABLE product ADD CONSTRAINT u UNIQUE USING INDEX u DEFERRABLE INITIALLY DEFERRED;");
	product->kind = CATALOG_PARTITIONED_TABLE;
	expect("ALTER TABLE ONLY product ADD CONSTRAINT u UNIQUE (qty)", "");
	expect("ALTER TABLE product ADD CONSTRAINT u UNIQUE (qty)", "M214");
	assert_non_null(strstr(finding()->fix_sql, "ALTER TABLE ONLY product ADD CONSTRAINT u UNIQUE (qty);\n"));
}

static void add_primary_key(void **state)
{
	(void)state;
	expect_block("ALTER TABLE %s ADD PRIMARY KEY (id)", "M215");
	expect_block("ALTER TABLE %s ADD CONSTRAINT pk PRIMARY KEY (id)", "M215");
	expect_block("ALTER TABLE %s ADD COLUMN c int PRIMARY KEY", "M215");
	expect("ALTER TABLE product ADD COLUMN c bigserial PRIMARY KEY", "M206 M215");
	static const char *const silent[] = {"ALTER TABLE product ADD CONSTRAINT pk PRIMARY KEY USING INDEX i",
	                                     "CREATE TABLE fresh (c int PRIMARY KEY)"};
	expect_silent(silent, ARRAY_LEN(silent));
}

/* One ALTER TABLE that does two things yields two findings. */
static void several(void **state)
{
	(void)state;
	expect("ALTER TABLE product ALTER COLUMN qty SET NOT NULL, ADD CONSTRAINT c CHECK (qty >= 0)", "M211 M212");
	expect("ALTER TABLE product ADD COLUMN c int DEFAULT 1 CHECK (c > 0) UNIQUE REFERENCES small (id)",
	       "M212 M213 M214");
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
	    CASE(set_not_null),         CASE(set_not_null_proved), CASE(add_check), CASE(inline_check_fixes),       CASE(add_foreign_key),
	    CASE(foreign_key_fixes),    CASE(referenced_locked),   CASE(foreign_key_to_large),
	    CASE(add_unique),           CASE(add_primary_key),     CASE(several),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "tests/unit/tree.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* -- helpers ------------------------------------------------------------------------------------------ */

/* The facts' lines about what is set, and no others. */
static void expect(const char *sql, const char *lines)
{
	static char found[1024];
	found[0] = '\0';
	for (const char *at = tree_dump(sql); at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		if (strncmp(at, "set ", 4) == 0)
			strncat(found, at, strcspn(at, "\n") + 1);
	}
	if (strcmp(found, lines) != 0)
		fail_msg("%s\n%s", sql, found);
}

/* -- cases -------------------------------------------------------------------------------------------- */

/* Where a value may stand in what INSERT, UPDATE and MERGE write, its kind is among the facts. */
static void places(void **state)
{
	(void)state;
	expect("INSERT INTO t (a, password) VALUES (1, 'hunter2')", "set a literal\nset password literal plain\n");
	expect("INSERT INTO t (password) VALUES (''), ('hunter2')", "set password literal plain empty\n");
	expect("INSERT INTO t (a, password) SELECT 1, 'hunter2'", "set a literal\nset password literal plain\n");
	expect("INSERT INTO t (a, password) SELECT b, 'hunter2'::text FROM u",
	       "set a column\nset password literal plain\n");
	expect("INSERT INTO t (password) SELECT '' UNION ALL SELECT 'hunter2'",
	       "set password literal empty\nset password literal plain\n");
	expect("INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET password = 'hunter2'",
	       "set a literal\nset password literal plain\n");
	expect("UPDATE t SET (a, password) = (1, 'hunter2')", "set a literal\nset password literal plain\n");
	expect("MERGE INTO t USING u ON t.a = u.a WHEN MATCHED THEN UPDATE SET password = 'hunter2'",
	       "set password literal plain\n");
	expect("MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT (a, password) VALUES (1, 'hunter2')",
	       "set a literal\nset password literal plain\n");
	expect("WITH w AS (INSERT INTO t (password) VALUES ('hunter2') RETURNING a) SELECT a FROM w",
	       "set password literal plain\n");
	expect("WITH w AS (UPDATE t SET password = $1 RETURNING a) SELECT a FROM w", "set password parameter $1\n");
	/* Through what FROM and WITH hold. */
	expect("INSERT INTO t (a, password) SELECT v.a, v.p FROM (VALUES (1, 'hunter2'), (2, $1)) AS v (a, p)",
	       "set a column\nset password column plain\nset password parameter $1\n");
	expect("INSERT INTO t (a, password) SELECT * FROM (VALUES (1, 'hunter2')) AS v", "set a other\nset password other plain\n");
	expect("WITH v (p) AS (VALUES ('hunter2')) UPDATE t SET password = v.p FROM v", "set password column plain\n");
	expect("WITH v AS (SELECT 'hunter2' AS p), w AS (INSERT INTO t (password) SELECT upper(p) FROM v RETURNING a) SELECT a FROM w",
	       "set password column plain\n");
	expect("MERGE INTO t USING (VALUES (1, 'hunter2')) AS v (a, p) ON t.a = v.a WHEN NOT MATCHED THEN INSERT (password) VALUES (v.p)",
	       "set password column plain\n");
	expect("UPDATE t SET password = v.p FROM (SELECT q AS p FROM (SELECT '' AS q) s) v", "set password column empty\n");
	expect("INSERT INTO t (password) SELECT password FROM u", "set password column\n");
	expect("UPDATE t SET (a, password) = (SELECT 1, 'hunter2')", "set a literal\nset password literal plain\n");
	expect("UPDATE t SET (a, password) = (SELECT b, c FROM u WHERE d = 'hunter2')",
	       "set a column\nset password column\n");
}

/* Without names the columns are known by their places, and each may be a secret's. */
static void by_place(void **state)
{
	(void)state;
	expect("INSERT INTO t VALUES (1, 'hunter2')", "set #1 literal\nset #2 literal plain\n");
	expect("INSERT INTO t VALUES (1, DEFAULT, '[1]'), (2, 'hunter2', '')",
	       "set #1 literal\nset #2 other plain\nset #3 literal empty json\n");
	expect("INSERT INTO t VALUES ($1, $2), ($3, $4)",
	       "set #1 parameter $1\nset #1 parameter $3\nset #2 parameter $2\nset #2 parameter $4\n");
	expect("INSERT INTO t SELECT 1, 'hunter2', u.* FROM u", "set #1 literal\nset #2 literal plain\n");
	expect("INSERT INTO t SELECT u.*, 'hunter2' FROM u", "");
	expect("INSERT INTO t SELECT '' UNION ALL VALUES ('hunter2')", "set #1 literal empty\nset #1 literal plain\n");
	expect("MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT VALUES (1, 'hunter2')",
	       "set #1 literal\nset #2 literal plain\n");
}

/* A table that a query makes has its columns' names from there: those of a secret count, and no others. */
static void created(void **state)
{
	(void)state;
	expect("CREATE TABLE t AS SELECT 1 AS a, 'hunter2' AS password", "set password literal plain\n");
	expect("CREATE TABLE t (a, password) AS SELECT 1, 'hunter2'", "set password literal plain\n");
	expect("CREATE TABLE t (a) AS SELECT 1 AS password, 'hunter2'::text AS password", "set password literal plain\n");
	expect("CREATE TABLE t AS SELECT '' AS password UNION SELECT 'hunter2'", "set password literal empty\nset password literal plain\n");
	expect("CREATE TABLE t (password) AS VALUES ('hunter2'), ($1)", "set password literal plain\nset password parameter $1\n");
	expect("CREATE TABLE t AS SELECT * FROM (VALUES (1, 'hunter2')) v (a, password)", "set password literal plain\n");
	expect("CREATE TABLE t AS SELECT * FROM (SELECT 'hunter2' AS password) v", "set password literal plain\n");
	expect("CREATE TABLE t AS WITH v AS (SELECT 'hunter2' AS password) SELECT * FROM v", "set password literal plain\n");
	expect("CREATE TABLE t AS SELECT p AS password FROM (SELECT 'hunter2' AS p) v", "set password column plain\n");
	expect("CREATE MATERIALIZED VIEW t AS SELECT 'hunter2' AS password", "set password literal plain\n");
	expect("SELECT 1 AS a, 'hunter2' AS password INTO t", "set password literal plain\n");
	expect("SELECT '' AS password INTO t UNION ALL SELECT 'hunter2'", "set password literal empty\nset password literal plain\n");
	expect("CREATE TABLE t AS SELECT * FROM u", "");
	expect("CREATE TABLE t AS SELECT u.*, 'hunter2' AS password FROM u", "");
	expect("CREATE TABLE t AS TABLE u", "");
	expect("CREATE TABLE t (note) AS SELECT 'hunter2'", "");
	expect("CREATE TABLE t AS SELECT password, 'hunter2' AS note FROM u", "set password column\n");
	expect("CREATE TABLE t AS EXECUTE p", "");
}

/* Each branch's parameter is an assignment of its own, of a secret's column and of any other. */
static void branches(void **state)
{
	(void)state;
	expect("UPDATE t SET password = CASE WHEN a = $1 THEN $2 WHEN a = $3 THEN $4 ELSE 'hunter2' END",
	       "set password column plain\nset password parameter $2\nset password parameter $4\n");
	expect("UPDATE t SET note = CASE WHEN a = 1 THEN $1 ELSE '{\"a\": 1}' END",
	       "set note column json\nset note parameter $1\n");
	expect("INSERT INTO t (note) VALUES ($1), ($2)", "set note parameter $1\n");
}

/* What can't be told which column it is for is for none. */
static void unknown_places(void **state)
{
	(void)state;
	expect("INSERT INTO t DEFAULT VALUES", "");
	expect("INSERT INTO t (a, b, password) SELECT u.*, 'hunter2' FROM u", "set a other\nset b other\nset password other\n");
	expect("INSERT INTO t (a, password) SELECT 1", "set a literal\nset password other\n");
	expect("INSERT INTO t (password) SELECT password FROM u", "set password column\n");
	expect("SELECT 'hunter2' AS password", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(places),
	    cmocka_unit_test(by_place),
	    cmocka_unit_test(created),
	    cmocka_unit_test(branches),
	    cmocka_unit_test(unknown_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

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
}

/* What can't be told which column it is for is for none. */
static void unknown_places(void **state)
{
	(void)state;
	expect("INSERT INTO t VALUES (1, 'hunter2')", "");
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
	    cmocka_unit_test(unknown_places),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

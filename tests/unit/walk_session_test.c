/* walk_session.c, by the facts that it makes. */
#include "inspect/tree/facts.h"

#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Statements about the session are told apart, with the name they are about. */
static void session(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"BEGIN; START TRANSACTION ISOLATION LEVEL SERIALIZABLE; COMMIT; END; ROLLBACK; ABORT",
		 "begin\n"
		 "begin\n"
		 "commit\n"
		 "commit\n"
		 "rollback\n"
		 "rollback\n"},
		{"SAVEPOINT \"S1\"; RELEASE s; ROLLBACK TO SAVEPOINT s",
		 "savepoint name=S1\n"
		 "release name=s\n"
		 "rollback_to name=s\n"},
		{"PREPARE TRANSACTION 'x'; COMMIT PREPARED 'x'; ROLLBACK PREPARED 'x' ",
		 "commit\n"
		 "other\n"
		 "other\n"},
		{"SET TIME ZONE 'UTC'; SET TimeZone = 'Europe/Berlin'; SET TIME ZONE LOCAL; SET TIME ZONE "
		 "INTERVAL '1' HOUR TO MINUTE",
		 "set name=timezone value=UTC\n"
		 "set name=timezone value=Europe/Berlin\n"
		 "reset name=timezone\n"
		 "set name=timezone\n"},
		{"SET LOCAL search_path TO app, \"My X\", '$user', 'a\"b'; SET search_path = DEFAULT; SET "
		 "statement_timeout = 500; SET x.y = 'a', 'b' ",
		 "set name=search_path value=app, \"My X\", \"$user\", \"a\"\"b\" local\n"
		 "reset name=search_path\n"
		 "set name=statement_timeout value=500\n"
		 "set name=x.y value=a, b\n"},
		{"SET TRANSACTION READ ONLY; SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; SET ROLE "
		 "r; RESET search_path; RESET ALL",
		 "set name=TRANSACTION\n"
		 "set name=SESSION CHARACTERISTICS\n"
		 "set name=role value=r\n"
		 "reset name=search_path\n"
		 "reset\n"},
		{"EXECUTE p (1); DEALLOCATE p; DEALLOCATE ALL; FETCH FORWARD 2000 FROM \"c\"; MOVE c; CLOSE "
		 "c; CLOSE ALL",
		 "execute name=p executes=p argument=( no_secret like trigram prefix regex leading similar trigram prefix )\n"
		 "deallocate name=p\n"
		 "deallocate\n"
		 "fetch name=c\n"
		 "fetch name=c\n"
		 "close name=c\n"
		 "close\n"},
		{"DISCARD ALL; DISCARD PLANS; DISCARD SEQUENCES; DISCARD TEMP; LISTEN a; UNLISTEN *; NOTIFY "
		 "a, 'secret' ",
		 "discard name=all\n"
		 "discard name=plans\n"
		 "discard name=sequences\n"
		 "discard name=temp\n"
		 "listen\n"
		 "listen\n"
		 "listen\n"},
		{"LOCK TABLE t IN SHARE MODE; TRUNCATE a, s.b CASCADE; DO $$begin end$$; CALL p(1)",
		 "lock\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "truncate\n"
		 "level 0\n"
		 "relation 0 a target\n"
		 "relation 1 s.b target\n"
		 "do\n"
		 "call\n"},
		{"VACUUM t; ANALYZE; ANALYZE t (a); VACUUM (FULL false) t",
		 "analyze name=vacuum\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "analyze\n"
		 "analyze\n"
		 "level 0\n"
		 "relation 0 t target\n"
		 "analyze name=vacuum\n"
		 "level 0\n"
		 "relation 0 t target\n"},
		{"GRANT ALL ON t TO x; ALTER ROLE x PASSWORD 'secret'; SHOW all; CHECKPOINT; SET "
		 "CONSTRAINTS ALL IMMEDIATE",
		 "other\n"
		 "other\n"
		 "secret 0 x\n"
		 "other\n"
		 "other\n"
		 "other\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* A SELECT that calls set_config for a known setting has its name, search_path before all others. */
static void set_config(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT set_config('TimeZone', 'UTC', false)",
		 "select name=timezone\n"
		 "level 0\n"},
		{"SELECT set_config('search_path', $1, true)",
		 "select name=search_path local\n"
		 "level 0\n"},
		{"SELECT set_config('TimeZone', 'UTC', false), pg_catalog.set_config('search_path', "
		 "'secret', false)",
		 "select name=search_path\n"
		 "level 0\n"},
		{"SELECT set_config('app.user', 'secret', false)",
		 "select\n"
		 "level 0\n"},
		{"SELECT set_config($1, 'UTC', false)",
		 "select\n"
		 "level 0\n"},
		{"SELECT set_config('search_path')",
		 "select\n"
		 "level 0\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(session),
	    cmocka_unit_test(set_config),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

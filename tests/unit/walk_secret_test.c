#include "tests/unit/tree.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void expect(const char *sql, const char *line)
{
	const char *facts = tree_dump(sql), *found = strstr(facts, "\nsecret ");
	if (line[0] == '\0' ? found != NULL : !strstr(facts, line))
		fail_msg("%s\n%s", sql, facts);
	if (strstr(facts, "hunter2"))
		fail_msg("the secret itself is among the facts: %s", facts);
}

/* A role's password is one unless it is a verifier, or none. */
static void roles(void **state)
{
	(void)state;
	expect("ALTER ROLE anna PASSWORD 'hunter2'", "\nsecret 0 anna\n");
	expect("CREATE USER \"Ann\" WITH LOGIN PASSWORD 'hunter2' NOCREATEDB", "\nsecret 0 Ann\n");
	expect("ALTER USER CURRENT_USER WITH ENCRYPTED PASSWORD 'hunter2'", "\nsecret 0 \n");
	expect("ALTER ROLE anna PASSWORD 'md5hunter2'", "\nsecret 0 anna\n");
	expect("ALTER ROLE anna PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5'", "");
	expect("ALTER ROLE anna PASSWORD 'md55f4dcc3b5aa765d61d8327deb882cf99'", "");
	expect("ALTER ROLE anna PASSWORD NULL", "");
	expect("ALTER ROLE anna SUPERUSER", "");
	expect("CREATE ROLE anna", "");
}

/* So is one that a connection is made with. */
static void connections(void **state)
{
	(void)state;
	expect("CREATE USER MAPPING FOR anna SERVER far OPTIONS (user 'anna', password 'hunter2')", "\nsecret 1 far\n");
	expect("ALTER USER MAPPING FOR anna SERVER far OPTIONS (SET \"Password\" 'hunter2')", "\nsecret 1 far\n");
	expect("CREATE USER MAPPING FOR anna SERVER far OPTIONS (user 'anna')", "");
	expect("CREATE SUBSCRIPTION s CONNECTION 'host=a password = hunter2' PUBLICATION p", "\nsecret 2 s\n");
	expect("ALTER SUBSCRIPTION s CONNECTION 'postgresql://anna:hunter2@host/db'", "\nsecret 2 s\n");
	expect("CREATE SUBSCRIPTION s CONNECTION 'host=a user=password' PUBLICATION p", "");
	expect("CREATE SUBSCRIPTION s CONNECTION 'postgresql://anna@host:5432/db' PUBLICATION p", "");
	expect("SELECT * FROM dblink('host=a password=hunter2', 'SELECT 1') AS d (x int)", "\nsecret 2 dblink\n");
	expect("SELECT dblink_connect('c', 'host=a password=hunter2')", "\nsecret 2 dblink_connect\n");
	expect("SELECT dblink_connect('c', 'host=a')", "");
	expect("SELECT dblink_connect('c', $1)", "");
}

/* And a key that stands where one of pgcrypto's functions takes it; a parameter, a column or another function's
 * argument is none. */
static void keys(void **state)
{
	(void)state;
	expect("SELECT pgp_sym_decrypt(note, 'hunter2') FROM t", "\nsecret 3 pgp_sym_decrypt\n");
	expect("UPDATE t SET note = pgp_sym_encrypt('text', 'hunter2'::text)", "\nsecret 3 pgp_sym_encrypt\n");
	expect("SELECT 1 FROM t WHERE password = crypt('hunter2', password)", "\nsecret 3 crypt\n");
	expect("INSERT INTO t (a) VALUES (hmac(b'1'::bytea, 'hunter2', 'sha256'))", "\nsecret 3 hmac\n");
	expect("SELECT pgp_sym_encrypt('text', $1), crypt($2, gen_salt('bf')), hmac('text', key, 'sha256') FROM t", "");
	expect("SELECT encrypt('text', 'key'), my.thing('a', 'b'), hmac('a')", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(roles),
	    cmocka_unit_test(connections),
	    cmocka_unit_test(keys),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

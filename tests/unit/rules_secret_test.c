#include "inspect/rules/rules_secret.h"

#include "tests/unit/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HASH "pbkdf2_sha256$260000$3ZhqEwSr5p3gRjmHTQrRA5$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c="
#define LOCKED "!pZ8fHn2Qk0rT5vXcYw3LsJd7GbMa9EuIoR1tNqVx"
#define TOKEN "sk_live_4eC39HqLyjWDarjtT1zdp7dc"

static struct judge judge;

/* -- fixture ---------------------------------------------------------------------------------------- */

/* shop_account has a column of each kind, of text types; in shop_flag `password` is a boolean and `token` a uuid. */
static int set_up(void **state)
{
	static struct catalog_column columns[] = {
	    {.name = "login", .type = "text"},   {.name = "password", .type = "varchar"},
	    {.name = "api_key", .type = "text"}, {.name = "card_number", .type = "text"},
	    {.name = "note", .type = "text"},
	};
	static struct catalog_column flags[] = {{.name = "password", .type = "bool"},
	                                        {.name = "token", .type = "uuid"}};
	(void)state;
	judge_init(&judge);
	struct catalog_relation *account = judge_table(&judge, "public", "shop_account", JUDGE_SMALL);
	account->columns = columns;
	account->column_count = ARRAY_LEN(columns);
	struct catalog_relation *flag = judge_table(&judge, "public", "shop_flag", JUDGE_SMALL);
	flag->columns = flags;
	flag->column_count = ARRAY_LEN(flags);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	judge_fini(&judge);
	return 0;
}

/* -- helpers ---------------------------------------------------------------------------------------- */

static void expect(const char *sql, const char *codes)
{
	judge_expect(&judge, sql, codes);
}

/* The same value in the text, in an INSERT and in an UPDATE, and bound. */
static void expect_stored(const char *column, const char *value, const char *codes)
{
	char sql[512];
	snprintf(sql, sizeof(sql), "INSERT INTO shop_account (login, %s) VALUES ('ann', '%s')", column, value);
	expect(sql, codes);
	snprintf(sql, sizeof(sql), "UPDATE shop_account SET login = 'ann', %s = '%s'::varchar WHERE id = 1", column,
	         value);
	expect(sql, codes);
	snprintf(sql, sizeof(sql), "INSERT INTO shop_account (login, %s) VALUES ('a', ''), ('b', '%s'), ('c', '')",
	         column, value);
	expect(sql, codes);
	const char *values[] = {"ann", value};
	snprintf(sql, sizeof(sql), "INSERT INTO shop_account (login, %s) VALUES ($1, $2)", column);
	assert_true(rules_want_parameters(judge_parse(&judge, sql), 1, &(struct shape_wants){0}));
	assert_string_equal(judge_bound(&judge, sql, values, 2), codes);
	assert_string_equal(judge_sql(&judge, sql), "");
}

/* -- cases ------------------------------------------------------------------------------------------ */

/* A password in the clear rejects in enforce mode, on a table of any size, and nothing of it is in the finding. */
static void plaintext_password(void **state)
{
	(void)state;
	judge_mode(&judge, SETTINGS_ENFORCE);
	expect_stored("password", "hunter2", "S401!");
	expect_stored("password", "correct horse battery staple", "S401!");
	expect_stored("password", TOKEN, "S401!");
	expect("UPDATE shop_account SET password = 'hunter2'", "S401!");
	const struct finding *finding = &judge.verdict.findings[0];
	assert_int_equal(finding->severity, SEVERITY_BLOCK);
	assert_int_equal(finding->evidence, EVIDENCE_CATALOG);
	assert_string_equal(finding->table, "shop_account");
	assert_string_equal(finding->column, "password");
	assert_null(strstr(finding->message, "hunter2"));
	assert_null(strstr(finding->fix_django, "hunter2"));
}

/* An INSERT without names is judged by the table's columns; of a table that is not known nothing is said. */
static void by_place(void **state)
{
	(void)state;
	expect("INSERT INTO shop_account VALUES ('ann', 'hunter2')", "S401");
	assert_string_equal(judge.verdict.findings[0].column, "password");
	expect("INSERT INTO shop_account VALUES ('hunter2', '" HASH "', '" TOKEN "', '4111111111111111', 'hunter2')",
	       "S402 S403");
	expect("INSERT INTO shop_account VALUES ('hunter2', '', NULL, '', 'hunter2', 'hunter2')", "");
	expect("INSERT INTO shop_account SELECT 'ann', 'hunter2'", "S401");
	expect("INSERT INTO shop_flag VALUES ('hunter2')", "");
	expect("INSERT INTO shop_nobody VALUES ('ann', 'hunter2')", "");
	const char *values[] = {"", "hunter2"};
	assert_true(rules_want_parameters(judge_parse(&judge, "INSERT INTO shop_account VALUES ($1, $2)"), 1, &(struct shape_wants){0}));
	assert_string_equal(judge_bound(&judge, "INSERT INTO shop_account VALUES ($1, $2)", values, 2), "S401");
	assert_string_equal(judge_bound(&judge, "INSERT INTO shop_account VALUES ($2, $1)", values, 2), "");
}

/* What the server hashes stands in the statement as it is, and the hash is a weak one. */
static void hashed_by_the_server(void **state)
{
	(void)state;
	expect("UPDATE shop_account SET password = md5('hunter2')", "S404 S406");
	assert_null(strstr(judge.verdict.findings[1].message, "hunter2"));
	expect("UPDATE shop_account SET password = encode(digest('hunter2', 'sha256'), 'hex')", "S404 S406");
	expect("UPDATE shop_account SET password = md5($1)", "S404");
	expect("UPDATE shop_account SET password = md5(note)", "");
	expect("UPDATE shop_account SET api_key = md5('hunter2')", "");
}

/* What Django stores, and what is no password, is silent: hashes, unusable and empty ones, NULL, other columns, other
 * types, expressions, and where the value is compared. */
static void no_password(void **state)
{
	(void)state;
	expect_stored("password", HASH, "");
	expect_stored("password", LOCKED, "");
	expect_stored("password", "", "");
	expect_stored("password", "$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW", "");
	expect_stored("password", "gAAAAABhZ0V4YW1wbGVGZXJuZXRUb2tlbg==", "");
	expect("INSERT INTO shop_account (login, password) VALUES ('hunter2', NULL)", "");
	expect("UPDATE shop_account SET note = 'hunter2', password = NULL", "");
	expect("UPDATE shop_account SET password = login", "");
	expect("UPDATE shop_account SET login = 'x' WHERE password = 'hunter2'", "");
	expect("UPDATE shop_account SET password_hint = 'hunter2', password_changed_at = '2024-01-01'", "");
	expect("UPDATE shop_flag SET password = 'true'", "");
	expect("UPDATE shop_check SET pass = 'yes', pwd = '/home/ann/work'", "");
	expect("UPDATE shop_check SET pass = 'hunter2'", "S401");
	assert_false(rules_want_parameters(judge_parse(&judge, "UPDATE shop_account SET note = $1, login = $2"), 1, &(struct shape_wants){0}));
}

/* Django's users are no exception when somebody writes past set_password, and none is needed when nobody does. */
static void django_users(void **state)
{
	(void)state;
	expect(
	    "INSERT INTO \"auth_user\" (\"password\", \"last_login\", \"is_superuser\", \"username\", \"first_name\", "
	    "\"email\") VALUES ('" HASH "', NULL, false, 'ann', '', 'a@b.de') RETURNING \"auth_user\".\"id\"",
	    "");
	expect("UPDATE \"auth_user\" SET \"password\" = '" LOCKED "' WHERE \"auth_user\".\"id\" = 1", "");
	expect("INSERT INTO \"django_session\" (\"session_key\", \"session_data\", \"expire_date\") VALUES "
	       "('8rkqbw9zq2k3m5x7v1c4n6p0s8d2f4g6', "
	       "'.eJxVjDkOwjAQRf_iGllje7xR0ucM1owXEkC2FCcV4u5gKQW0_73_XiLSvs1x73WNSxYXg"
	       "eL0uzGlR20D5Du12yrT2rZ1YTkUedAupzXX5_Vw_"
	       "w5m6vN4QwXLzqUAPlggJK0CK2QKxqBHp6G4orDaggpQQAEF51ESMgPWifcHzuM3Eg:1r', "
	       "'2024-01-01T00:00:00+00:00'::timestamptz)",
	       "");
	expect("INSERT INTO \"authtoken_token\" (\"key\", \"user_id\") VALUES "
	       "('9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b', 1)",
	       "");
	expect("INSERT INTO authtoken_token (token) VALUES ('9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b')", "");
	expect("UPDATE \"auth_user\" SET \"password\" = 'hunter2' WHERE \"auth_user\".\"id\" = 1", "S401");
	assert_int_equal(judge.verdict.findings[0].evidence, EVIDENCE_SYNTAX);
	assert_string_equal(judge.verdict.findings[0].table, "auth_user");
}

/* A key that works for whoever reads it; a digest of it does not, nor does what only is named like one. */
static void tokens(void **state)
{
	(void)state;
	expect_stored("api_key", TOKEN, "S402");
	expect_stored("api_key", "AKIAIOSFODNN7EXAMPLE", "S402");
	expect_stored("api_key", "9944b09199c62bcf9418ad846dd0e4bbdfc6ee4b", "S402");
	expect_stored("api_key", "Zk3x9QpLw7Rt2VbN8mYs", "S402");
	assert_int_equal(judge_sql(&judge, "UPDATE shop_account SET api_key = '" TOKEN "'") != NULL, 1);
	assert_int_equal(judge.verdict.findings[0].severity, SEVERITY_ERROR);
	expect_stored("api_key", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", "");
	expect_stored("api_key", "none yet", "");
	expect_stored("api_key", "", "");
	expect_stored("api_key", HASH, "");
	expect("UPDATE shop_account SET note = '" TOKEN "', csrf_token = 'Zk3x9QpLw7Rt2VbN8mYs'", "");
	expect("UPDATE shop_account SET reset_token = 'Zk3x9QpLw7Rt2VbN8mYs', token_type = 'Zk3x9QpLw7Rt2VbN8mYs'", "");
	expect("UPDATE shop_flag SET token = '192940fe-0d02-49f4-85f3-368794dcd7ea'", "");
	expect("UPDATE shop_flag SET token = '9944b09199c62bcf9418ad846dd0e4bb'", "");
}

/* A card's number needs the column's name: the digits alone say nothing. */
static void cards(void **state)
{
	(void)state;
	expect_stored("card_number", "4111 1111 1111 1111", "S403");
	expect_stored("card_number", "4111111111111112", "");
	expect_stored("card_number", "**** 1111", "");
	expect("UPDATE shop_account SET note = '4111111111111111', login = '378282246310005'", "");
}

/* Hashes that can be tried by the billion are told apart from those that can't. */
static void weak_hashes(void **state)
{
	(void)state;
	expect_stored("password", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", "S404");
	expect_stored("password", "5f4dcc3b5aa765d61d8327deb882cf99", "S404");
	expect_stored("password", "pbkdf2_sha256$1000$salt$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c=", "S404");
	expect("UPDATE shop_account SET note = '5f4dcc3b5aa765d61d8327deb882cf99'", "");
}

/* Passwords and keys in the statement itself; without a catalog as well, and not where there is none. */
static void in_the_statement(void **state)
{
	(void)state;
	judge_sql(&judge, "SELECT 1");
	struct catalog *catalog = judge.catalog;
	judge.catalog = NULL;
	expect("ALTER ROLE shop PASSWORD 'hunter2'", "S405");
	assert_non_null(strstr(judge.verdict.findings[0].message, "role shop"));
	assert_string_equal(judge.verdict.findings[0].table, "");
	expect("CREATE USER MAPPING FOR anna SERVER far OPTIONS (password 'hunter2')", "S405");
	expect("SELECT dblink_connect('host=a password=hunter2')", "S405");
	assert_null(strstr(judge.verdict.findings[0].message, "hunter2"));
	expect("SELECT pgp_sym_decrypt(note, 'hunter2') FROM shop_note", "S406");
	expect("UPDATE shop_account SET password = crypt('hunter2', gen_salt('bf'))", "S406");
	expect("SELECT pgp_sym_decrypt(note, $1) FROM shop_note", "");
	expect("ALTER ROLE shop PASSWORD NULL", "");
	expect("ALTER ROLE shop PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5'", "");
	expect("UPDATE shop_account SET password = 'hunter2'", "S401");
	assert_int_equal(judge.verdict.findings[0].evidence, EVIDENCE_SYNTAX);
	judge.catalog = catalog;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(plaintext_password, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(by_place, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(hashed_by_the_server, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_password, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(django_users, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(tokens, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(cards, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(weak_hashes, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(in_the_statement, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inspect/text/secret.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void all_are(const char *const *names, size_t count, enum secret_kind kind)
{
	for (size_t i = 0; i < count; i++) {
		if (secret_of(names[i], strlen(names[i])) != kind)
			fail_msg("%s is %d, not %d", names[i], secret_of(names[i], strlen(names[i])), kind);
	}
}

/* A column that holds a secret is known by its name, in any usual way to write it. */
static void secrets(void **state)
{
	(void)state;
	static const char *const passwords[] = {"password",  "PASSWORD",      "user_password", "userPassword",
	                                        "db_passwd", "pwd",           "passphrase",    "password2",
	                                        "smtp_pass", "password_text", "plain_pwd_raw", "Pass"};
	static const char *const tokens[] = {"token",          "access_token", "refresh_token", "api_key",
	                                     "apiKey",         "apikey",       "api_token",     "client_secret",
	                                     "secret",         "secret_key",   "private_key",   "access_key",
	                                     "aws_access_key", "auth_token",   "token2",        "signing_key"};
	static const char *const cards[] = {"card_number",        "cardNumber", "credit_card",
	                                    "credit_card_number", "cc_number",  "cc_num",
	                                    "cardnumber",         "card_no",    "pan"};
	all_are(passwords, ARRAY_LEN(passwords), SECRET_PASSWORD);
	all_are(tokens, ARRAY_LEN(tokens), SECRET_TOKEN);
	all_are(cards, ARRAY_LEN(cards), SECRET_CARD);
}

/* Names that only have such a word in them say nothing: what is about a password, what is for once, what is public. */
static void others(void **state)
{
	(void)state;
	static const char *const names[] = {"",
	                                    "name",
	                                    "username",
	                                    "password_changed_at",
	                                    "password_hash",
	                                    "is_password",
	                                    "password_hint",
	                                    "password_reset",
	                                    "passenger",
	                                    "passport_number",
	                                    "compass",
	                                    "bypass",
	                                    "passed",
	                                    "pass_rate",
	                                    "boarding_pass",
	                                    "has_password",
	                                    "hashed_password",
	                                    "encrypted_password",
	                                    "reset_token",
	                                    "csrf_token",
	                                    "session_key",
	                                    "key",
	                                    "token_type",
	                                    "token_expires",
	                                    "token_hash",
	                                    "token_count",
	                                    "public_key",
	                                    "device_token",
	                                    "page_token",
	                                    "secretary",
	                                    "is_secret",
	                                    "api_key_id",
	                                    "primary_key",
	                                    "foreign_key",
	                                    "keyword",
	                                    "monkey",
	                                    "card",
	                                    "card_type",
	                                    "cardinality",
	                                    "company",
	                                    "span",
	                                    "account_number",
	                                    "cc",
	                                    "post_card",
	                                    "password_reset_token",
	                                    "activation_key",
	                                    "tokens_used",
	                                    "description"};
	all_are(names, ARRAY_LEN(names), SECRET_NONE);
}

/* A name has 63 bytes at most; of what is longer nothing more counts, and many words are no harm. */
static void long_names(void **state)
{
	(void)state;
	char name[200];
	memset(name, 'a', sizeof(name));
	memcpy(name + 100, "_password", 9);
	assert_int_equal(secret_of(name, 109), SECRET_NONE);
	memcpy(name + 54, "_password", 9);
	assert_int_equal(secret_of(name, 63), SECRET_PASSWORD);
	assert_int_equal(secret_of(name, 64), SECRET_PASSWORD);
	for (size_t at = 0; at < sizeof(name); at++)
		name[at] = at % 2 ? '_' : 'p';
	memcpy(name, "pass", 4);
	assert_int_equal(secret_of(name, sizeof(name)), SECRET_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(secrets),
	    cmocka_unit_test(others),
	    cmocka_unit_test(long_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

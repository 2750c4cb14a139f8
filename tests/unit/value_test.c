#include "inspect/text/value.h"

#include "config/check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct example {
	const char *text;
	enum value_kind kind;
};

/* From memory of just that size, so that a look past its end is seen. */
static enum value_kind exact(enum value_kind (*of)(const char *, size_t), const char *text, size_t len)
{
	char *copy = malloc(len + (len == 0));
	assert_non_null(copy);
	memcpy(copy, text, len);
	enum value_kind kind = of(copy, len);
	free(copy);
	return kind;
}

static void compare(enum value_kind (*of)(const char *, size_t), const struct example *examples, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		enum value_kind kind = exact(of, examples[i].text, strlen(examples[i].text));
		if (kind != examples[i].kind)
			fail_msg("%s is %s, not %s", examples[i].text, value_name(kind), value_name(examples[i].kind));
		for (size_t cut = 0; cut < strlen(examples[i].text); cut++)
			assert_true(exact(of, examples[i].text, cut) < VALUE_KINDS);
	}
}

/* What Django and others store in place of a password is not taken for one; what is one is nothing special. */
static void passwords(void **state)
{
	(void)state;
	static const struct example examples[] = {
	    {"", VALUE_EMPTY},
	    {"hunter2", VALUE_PLAIN},
	    {"correct horse battery staple", VALUE_PLAIN},
	    {"Tr0ub4dor&3", VALUE_PLAIN},
	    {"$ecret$pass", VALUE_PLAIN},
	    {"!important", VALUE_PLAIN},
	    {"pbkdf2_sha256$260000$3ZhqEwSr5p3gRjmHTQrRA5$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c=", VALUE_HASH},
	    {"pbkdf2_sha256$1000000$3ZhqEwSr5p3gRjmHTQrRA5$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c=", VALUE_HASH},
	    {"pbkdf2_sha256$150000$3ZhqEwSr5p3gRjmHTQrRA5$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c=",
	     VALUE_WEAK_HASH},
	    {"pbkdf2_sha1$1000000$3ZhqEwSr5p3g$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr", VALUE_HASH},
	    {"argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng", VALUE_HASH},
	    {"bcrypt_sha256$$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW", VALUE_HASH},
	    {"scrypt$16384$c2FsdHNhbHQ$8$1$MTIzNDU2Nzg5MDEyMzQ1Ng==", VALUE_HASH},
	    {"$2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW", VALUE_HASH},
	    {"$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$MTIzNDU2Nzg5MDEyMzQ1Ng", VALUE_HASH},
	    {"$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/",
	     VALUE_HASH},
	    {"SCRAM-SHA-256$4096:c2FsdHNhbHQ=$c3RvcmVk:c2VydmVy", VALUE_HASH},
	    {"{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr", VALUE_HASH},
	    {"md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", VALUE_WEAK_HASH},
	    {"sha1$salt$5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8", VALUE_WEAK_HASH},
	    {"unsalted_md5$$5f4dcc3b5aa765d61d8327deb882cf99", VALUE_WEAK_HASH},
	    {"$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/", VALUE_WEAK_HASH},
	    {"md55f4dcc3b5aa765d61d8327deb882cf99", VALUE_WEAK_HASH},
	    {"*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19", VALUE_WEAK_HASH},
	    {"5f4dcc3b5aa765d61d8327deb882cf99", VALUE_HEX_SHORT},
	    {"5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8", VALUE_HEX_SHORT},
	    {"5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8", VALUE_HEX_LONG},
	    {"/home/ann/work", VALUE_NO_SECRET},
	    {"/secret", VALUE_PLAIN},
	    {"yes", VALUE_NO_SECRET},
	    {"False", VALUE_NO_SECRET},
	    {"1", VALUE_NO_SECRET},
	    {"yes1", VALUE_PLAIN},
	    {"!", VALUE_LOCKED},
	    {"*", VALUE_LOCKED},
	    {"!pZ8fHn2Qk0rT5vXcYw3LsJd7GbMa9EuIoR1tNqVx", VALUE_LOCKED},
	    {"********", VALUE_LOCKED},
	    {"------", VALUE_LOCKED},
	    {"xxxxxx", VALUE_PLAIN},
	    {"gAAAAABhZ0V4YW1wbGVGZXJuZXRUb2tlbg==", VALUE_SEALED},
	    {"\\xc30d04070302", VALUE_SEALED},
	    {"vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==", VALUE_SEALED},
	};
	compare(value_of, examples, ARRAY_LEN(examples));
}

/* Access keys by their issuers' forms, random texts by their letters and digits; words, names, paths, dates and
 * sentences are neither. */
static void tokens(void **state)
{
	(void)state;
	static const struct example examples[] = {
	    {"sk_live_4eC39HqLyjWDarjtT1zdp7dc", VALUE_CREDENTIAL},
	    {"AKIAIOSFODNN7EXAMPLE", VALUE_CREDENTIAL},
	    {"AKIAIOSFODNN7example", VALUE_PLAIN},
	    {"ghp_16C7e42F292c6912E7710c838347Ae178B4a", VALUE_CREDENTIAL},
	    {"xoxb-123456789012-abcdefghij", VALUE_CREDENTIAL},
	    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dBjftJeZ4CVPmB92K27uhbUJU1p1r", VALUE_CREDENTIAL},
	    {"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0", VALUE_RANDOM},
	    {"-----BEGIN RSA PRIVATE KEY-----\nMIIB\n-----END RSA PRIVATE KEY-----", VALUE_CREDENTIAL},
	    {"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", VALUE_SEALED},
	    {"Zk3x9QpLw7Rt2VbN8mYs", VALUE_RANDOM},
	    {"Zk3x9QpLw7Rt2VbN8mY", VALUE_PLAIN},
	    {"Zk3x9QpLw7Rt2VbN8mYsZk3x9QpLw7Rt2VbN8mYsZk3x9", VALUE_RANDOM_LONG},
	    {"W6ph5Mm5Pz8GgiULbPgzG37mj9g=", VALUE_RANDOM_LONG},
	    {"192940fe-0d02-49f4-85f3-368794dcd7ea", VALUE_UUID},
	    {"a sentence of words with 123 in it", VALUE_PLAIN},
	    {"abcdefghijklmnopqrstuvwxyz", VALUE_PLAIN},
	    {"aaaaaaaaaaaaaaaaaaaaaaaa111", VALUE_PLAIN},
	    {"2024-01-01T00:00:00+00:00", VALUE_PLAIN},
	    {"00000000000000000000", VALUE_PLAIN},
	};
	compare(value_of, examples, ARRAY_LEN(examples));
}

/* A card's number passes Luhn's check; of those that do not, and of other lengths, nothing is said. */
static void cards(void **state)
{
	(void)state;
	static const struct example examples[] = {
	    {"4111111111111111", VALUE_CARD},    {"4111 1111 1111 1111", VALUE_CARD},
	    {"4111-1111-1111-1111", VALUE_CARD}, {"378282246310005", VALUE_CARD},
	    {"4111111111111112", VALUE_PLAIN},   {"411111111111", VALUE_PLAIN},
	    {"0000000000000000", VALUE_PLAIN},   {"41111111111111111111", VALUE_PLAIN},
	    {"4111x111111111111", VALUE_PLAIN},
	};
	compare(value_of, examples, ARRAY_LEN(examples));
}

/* A document shows by its first and last bytes; a text in brackets and PostgreSQL's arrays are none. */
static void documents(void **state)
{
	(void)state;
	static const struct example examples[] = {
	    {"{\"a\": 1}", VALUE_JSON},   {"{ \"a\\\"b\" : 1}", VALUE_JSON},
	    {"[{\"a\": 1}]", VALUE_JSON}, {"[1, 2]", VALUE_JSON},
	    {"[\"a\"]", VALUE_JSON},      {"[[1]]", VALUE_JSON},
	    {"[-1]", VALUE_JSON},         {"[{}]", VALUE_JSON},
	    {"{}", VALUE_JSON_EMPTY},     {"[]", VALUE_JSON_EMPTY},
	    {"[draft]", VALUE_PLAIN},     {"[urgent] call me", VALUE_PLAIN},
	    {"{1,2}", VALUE_PLAIN},       {"{\"a\",\"b\"}", VALUE_PLAIN},
	    {"{name}", VALUE_PLAIN},      {"{{ template }}", VALUE_PLAIN},
	    {"{\"a\": 1", VALUE_PLAIN},   {"(\"a\": 1)", VALUE_PLAIN},
	    {"[   ]", VALUE_PLAIN},       {"{\"", VALUE_PLAIN},
	    {"{\"\\}", VALUE_PLAIN},      {"", VALUE_PLAIN},
	    {"hunter2", VALUE_PLAIN},     {"{\"a\"}", VALUE_PLAIN},
	};
	compare(value_json, examples, ARRAY_LEN(examples));
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		if (examples[i].kind != VALUE_PLAIN)
			assert_int_equal(value_of(examples[i].text, strlen(examples[i].text)), examples[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(passwords),
	    cmocka_unit_test(tokens),
	    cmocka_unit_test(cards),
	    cmocka_unit_test(documents),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "config/limits.h"
#include "proxy/login/verifiers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERIFIER                                                                                                       \
	"SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                    \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="
#define OTHER                                                                                                          \
	"SCRAM-SHA-256$5000:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"                    \
	"wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU="

static char path[64], error[512];
static bool exposed;

static struct verifiers *read_bytes(const char *text, size_t len)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(text, 1, len, file), len);
	fclose(file);
	memset(error, 0, sizeof error);
	return verifiers_read(path, &exposed, error, sizeof error);
}

static struct verifiers *read_text(const char *text)
{
	return read_bytes(text, strlen(text));
}

static void test_what_pgbouncer_reads(void **state)
{
	/* Comments, empty lines, blanks, further columns, line ends of both kinds, quotes doubled, and no last line
	 * end. */
	(void)state;
	struct verifiers *verifiers =
	    read_text("; users\n\n  \t\n\"bert\" \"" VERIFIER "\"\n"
	              "\t\"o\"\"dd \"\" one\"\t\t\"" OTHER "\" \"more\" of it\r\n"
	              "\"\xc3\xa4\" \"" VERIFIER "\"\n;\"carl\" \"x\"\n\"anna\" \"" OTHER "\"");
	if (!verifiers)
		fail_msg("%s", error);
	assert_int_equal(verifiers_count(verifiers), 4);
	assert_int_equal(verifiers_find(verifiers, "anna")->iterations, 5000);
	assert_int_equal(verifiers_find(verifiers, "bert")->iterations, 4096);
	assert_int_equal(verifiers_find(verifiers, "o\"dd \" one")->iterations, 5000);
	assert_int_equal(verifiers_find(verifiers, "\xc3\xa4")->iterations, 4096);
	assert_null(verifiers_find(verifiers, "carl"));
	assert_null(verifiers_find(verifiers, "Anna"));
	assert_null(verifiers_find(verifiers, ""));
	verifiers_unref(verifiers);
}

static void test_nobody(void **state)
{
	/* An empty file is one that lets nobody in. */
	(void)state;
	static const char *const texts[] = {"", "\n", ";", "; nobody\n\n"};
	for (size_t at = 0; at < ARRAY_LEN(texts); at++) {
		struct verifiers *verifiers = read_text(texts[at]);
		assert_non_null(verifiers);
		assert_int_equal(verifiers_count(verifiers), 0);
		assert_null(verifiers_find(verifiers, "anna"));
		verifiers_unref(verifiers);
	}
}

static void test_many(void **state)
{
	/* Each of them is found, in whatever order they came. */
	(void)state;
	enum { USERS = 1000 };
	size_t size = USERS * (sizeof VERIFIER + 32), len = 0;
	char *text = malloc(size);
	for (unsigned at = 0; at < USERS; at++)
		len += (size_t)snprintf(text + len, size - len, "\"user%u\" \"%s\"\n", at * 7 % USERS,
		                        at % 2 ? VERIFIER : OTHER);
	struct verifiers *verifiers = read_text(text);
	free(text);
	assert_non_null(verifiers);
	assert_int_equal(verifiers_count(verifiers), USERS);
	for (unsigned at = 0; at < USERS; at++) {
		char user[16];
		snprintf(user, sizeof user, "user%u", at * 7 % USERS);
		assert_int_equal(verifiers_find(verifiers, user)->iterations, at % 2 ? 4096 : 5000);
	}
	verifiers_unref(verifiers);
}

static void test_what_is_refused(void **state)
{
	/* With the file's name and the line, and without a word of what stands in quotes. */
	static const struct {
		const char *text, *line, *says;
	} cases[] = {
	    {"anna zqx", ":1: ", "user is missing, or not in double quotes"},
	    {"\n\n'anna' 'zqx'", ":3: ", "user is missing"},
	    {"\"\" \"zqx\"", ":1: ", "name is empty"},
	    {"\"anna\"", ":1: ", "password is missing"},
	    {"\"anna\"\n\"zqx\"", ":1: ", "password is missing"},
	    {"\"anna\" zqx", ":1: ", "password is missing, or not in double quotes"},
	    {"\"anna zqx", ":1: ", "closing quote of the user is missing"},
	    {"\"anna\" \"zqx\n", ":1: ", "closing quote of the password is missing"},
	    {"\"anna\" \"zqx\"\"", ":1: ", "closing quote of the password is missing"},
	    {"\"bert\" \"" VERIFIER "\"\n\"anna\" \"zqx\"", ":2: ", "not a SCRAM verifier"},
	    {"\"anna\" \"\"", ":1: ", "not a SCRAM verifier"},
	    {"\"anna\" \"md5d41d8cd98f00b204e9800998ecf8427e\"", ":1: ", "md5"},
	    {"\"anna\" \"SCRAM-SHA-256$4096:zqx\"", ":1: ", "damaged"},
	    {"\"anna\" \"" VERIFIER "\"\n\"bert\" \"" VERIFIER "\"\n\"anna\" \"" OTHER "\"",
	     ":3: ", "in line 1 already"},
	    {"\"a1234567890123456789012345678901234567890123456789012345678901234\" \"" VERIFIER "\"",
	     ":1: ", "more than 63 bytes"},
	};
	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		assert_null(read_text(cases[at].text));
		if (!strstr(error, path) || !strstr(error, cases[at].line) || !strstr(error, cases[at].says))
			fail_msg("not \"%s\": %s", cases[at].says, error);
		assert_null(strstr(error, "zqx"));
		assert_null(strstr(error, "W22Z"));
		assert_memory_equal(error, "auth_file: ", 11);
	}
}

static void test_bytes_that_are_no_text(void **state)
{
	/* A zero byte inside quotes is told, a password without end cut off; neither is read beyond. */
	(void)state;
	static const char zero[] = "\"an\0na\" \"" VERIFIER "\"";
	assert_null(read_bytes(zero, sizeof zero - 1));
	assert_non_null(strstr(error, "zero byte"));
	static char endless[10000] = "\"anna\" \"";
	memset(endless + 8, 'a', sizeof endless - 8);
	assert_null(read_bytes(endless, sizeof endless));
	assert_non_null(strstr(error, "more than 2047 bytes"));
	static const char good[] = "\"anna\" \"" VERIFIER "\"";
	for (size_t len = 1; len < sizeof good - 1; len++)
		assert_null(read_bytes(good, len));
}

static void test_files_that_are_none(void **state)
{
	/* Missing, a directory, one that may not be read, one that is far too long. */
	(void)state;
	assert_null(verifiers_read("/nonexistent/users", &exposed, error, sizeof error));
	assert_non_null(strstr(error, "/nonexistent/users: cannot open it: No such file"));
	assert_null(verifiers_read("/tmp", &exposed, error, sizeof error));
	assert_non_null(strstr(error, "it is no file"));
	struct verifiers *empty = read_text("");
	verifiers_unref(empty);
	assert_int_equal(truncate(path, LIMIT_AUTH_FILE_BYTES + 1), 0);
	assert_null(verifiers_read(path, &exposed, error, sizeof error));
	assert_non_null(strstr(error, "longer than 16 MiB"));
	assert_int_equal(truncate(path, 0), 0);
	if (getuid() != 0) {
		assert_int_equal(chmod(path, 0), 0);
		assert_null(verifiers_read(path, &exposed, error, sizeof error));
		assert_non_null(strstr(error, "Permission denied"));
		assert_int_equal(chmod(path, 0600), 0);
	}
}

static void test_who_may_read_it(void **state)
{
	/* The owner and the group, as PgBouncer's package sets it; all others are remarked on. */
	(void)state;
	static const struct {
		mode_t mode;
		bool exposed;
	} cases[] = {{0600, false}, {0640, false}, {0644, true}, {0602, true}};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		assert_int_equal(chmod(path, cases[at].mode), 0);
		struct verifiers *verifiers = read_text("");
		assert_non_null(verifiers);
		assert_int_equal(exposed, cases[at].exposed);
		verifiers_unref(verifiers);
	}
	verifiers_unref(NULL);
}

static int make_file(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "/tmp/pgproctor-users-XXXXXX");
	int fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_what_pgbouncer_reads),
	    cmocka_unit_test(test_nobody),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_what_is_refused),
	    cmocka_unit_test(test_bytes_that_are_no_text),
	    cmocka_unit_test(test_files_that_are_none),
	    cmocka_unit_test(test_who_may_read_it),
	};
	return cmocka_run_group_tests(tests, make_file, remove_file);
}

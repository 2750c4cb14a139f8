#include "proxy/feed/feed_dictionary.h"

#include "tests/unit/dictionary_file.h"
#include "tests/unit/private_postgres.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct private_postgres postgres;
static PGconn *connection;

static int start(void **state)
{
	(void)state;
	private_postgres_start(&postgres);
	connection = private_postgres_connect(&postgres, "postgres");
	return 0;
}

static int stop(void **state)
{
	(void)state;
	PQfinish(connection);
	private_postgres_stop(&postgres);
	return 0;
}

static struct dictionary *read_dictionary(struct dictionary *before)
{
	char error[500] = "";
	struct feed_result result = {.connection = connection, .error = error, .error_size = sizeof(error)};
	struct dictionary *dictionary = feed_dictionary_read(&result, before);
	feed_result_free(&result);
	if (dictionary == NULL)
		fail_msg("%s", error);
	return dictionary;
}

/* What the server has is in it: the same types, casts, operators and families as in the file that the other tests use.
 */
static void reads(void **state)
{
	(void)state;
	struct dictionary *live = read_dictionary(NULL), *file = dictionary_file();
	static const uint32_t types[] = {TYPE_BOOL,  TYPE_INT4, TYPE_TEXT,       TYPE_VARCHAR,
	                                 TYPE_JSONB, TYPE_UUID, TYPE_TIMESTAMPTZ};
	for (size_t at = 0; at < ARRAY_LEN(types); at++) {
		const struct dictionary_type *one = dictionary_type(live, types[at]),
		                             *other = dictionary_type(file, types[at]);
		assert_string_equal(one->name, other->name);
		assert_int_equal(one->array, other->array);
		assert_int_equal(one->collation, other->collation);
		assert_int_equal(one->category, other->category);
		uint32_t family = dictionary_class_default(live, "btree", types[at])->family;
		assert_int_equal(family, dictionary_class_default(file, "btree", types[at])->family);
	}
	uint32_t count, wanted;
	dictionary_operators_named(live, "@>", &count);
	dictionary_operators_named(file, "@>", &wanted);
	assert_int_equal(count, wanted);
	assert_true(dictionary_collation(live, COLLATION_DEFAULT) != NULL);
	assert_true(dictionary_collation_named(live, "POSIX")->is_c);
	dictionary_unref(live);
	dictionary_unref(file);
}

/* It is read anew when an extension has come, and not for a new table. */
static void again(void **state)
{
	(void)state;
	struct dictionary *first = read_dictionary(NULL);
	private_postgres_run(connection, "CREATE TABLE item (id int)");
	struct dictionary *second = read_dictionary(first);
	assert_ptr_equal(first, second);
	private_postgres_run(connection, "CREATE TYPE mood AS ENUM ('sad')");
	struct dictionary *third = read_dictionary(second);
	assert_ptr_not_equal(third, second);
	assert_int_equal(dictionary_type_named(third, "public", "mood", false)->kind, 'e');
	assert_null(dictionary_type_named(second, "public", "mood", false));
	dictionary_unref(first);
	dictionary_unref(second);
	dictionary_unref(third);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads),
	    cmocka_unit_test(again),
	};
	return cmocka_run_group_tests(tests, start, stop);
}

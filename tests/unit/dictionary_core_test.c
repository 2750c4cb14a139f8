#include "inspect/catalog/dictionary_core.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* What stands first and last of each kind in the file is there, with its own fields. */
static void complete(void **state)
{
	struct dictionary *core = dictionary_core();
	uint32_t count = 0;
	(void)state;
	assert_string_equal(dictionary_type(core, TYPE_BOOL)->name, "bool");
	assert_int_equal(dictionary_type(core, TYPE_TEXT)->collation, COLLATION_DEFAULT);
	assert_int_equal(dictionary_type_named(core, NULL, "text", true)->element, TYPE_TEXT);
	assert_int_equal(dictionary_cast(core, TYPE_INT4, TYPE_INT8)->context, 'i');
	assert_non_null(dictionary_operators_named(core, "~~*", &count));
	assert_int_equal(count > 0, true);
	assert_non_null(dictionary_functions_named(core, "to_tsvector", &count));
	assert_int_equal(count > 1, true);
	assert_int_equal(dictionary_class_default(core, "btree", TYPE_VARCHAR)->family,
	                 dictionary_class_named(core, "btree", "text_ops")->family);
	assert_non_null(dictionary_class_named(core, "gin", "gin_trgm_ops"));
	assert_true(dictionary_collation_named(core, "C")->is_c);
	assert_false(dictionary_collation(core, COLLATION_DEFAULT)->is_c);
	dictionary_unref(core);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(complete)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inspect/catalog/dictionary.h"

#include "tests/unit/terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

/* What PostgreSQL's catalogs have under these names and numbers is found, and what they don't have isn't. */
static void finds(void **state)
{
	(void)state;
	uint32_t count;
	assert_int_equal(dictionary_type_named(terms_dictionary, NULL, "int4", false)->oid, TYPE_INT4);
	assert_int_equal(dictionary_type_named(terms_dictionary, NULL, "int4", true)->element, TYPE_INT4);
	assert_null(dictionary_type_named(terms_dictionary, "public", "int4", false));
	assert_null(dictionary_type_named(terms_dictionary, NULL, "integer", false));
	assert_null(dictionary_type(terms_dictionary, 1));
	assert_int_equal(dictionary_cast(terms_dictionary, TYPE_VARCHAR, TYPE_TEXT)->method, 'b');
	assert_null(dictionary_cast(terms_dictionary, TYPE_UUID, TYPE_TEXT));
	assert_non_null(dictionary_operators_named(terms_dictionary, "@>", &count));
	assert_true(count > 5);
	dictionary_operators_named(terms_dictionary, "@@@@", &count);
	assert_int_equal(count, 0);
	dictionary_functions_named(terms_dictionary, "upper", &count);
	assert_true(count >= 2);
	dictionary_functions_named(terms_dictionary, "no_such", &count);
	assert_int_equal(count, 0);
	assert_true(dictionary_collation_named(terms_dictionary, "C")->is_c);
	assert_true(dictionary_collation_named(terms_dictionary, "vague")->nondeterministic);
	assert_null(dictionary_collation_named(terms_dictionary, "klingon"));
}

/* A B-tree of integers knows = between int4 and int8, not between int4 and numeric; trigrams know LIKE. */
static void families(void **state)
{
	(void)state;
	const struct dictionary_class *integers = dictionary_class_default(terms_dictionary, "btree", TYPE_INT4);
	assert_string_equal(integers->name, "int4_ops");
	uint32_t equal = dictionary_member_operator(terms_dictionary, integers->family, TYPE_INT4, TYPE_INT8, 3);
	assert_string_equal(dictionary_operator(terms_dictionary, equal)->name, "=");
	assert_true(dictionary_searches(terms_dictionary, integers->family, equal));
	assert_int_equal(dictionary_member_operator(terms_dictionary, integers->family, TYPE_INT4, TYPE_NUMERIC, 3), 0);
	const struct dictionary_class *trigrams = dictionary_class_named(terms_dictionary, "gin", "gin_trgm_ops");
	uint32_t count;
	const struct dictionary_operator *const *like = dictionary_operators_named(terms_dictionary, "~~", &count);
	bool searched = false;
	for (uint32_t at = 0; at < count; at++)
		searched |= dictionary_searches(terms_dictionary, trigrams->family, like[at]->oid);
	assert_true(searched);
	assert_null(dictionary_class_named(terms_dictionary, "btree", "gin_trgm_ops"));
}

/* varchar has no operator class of its own: text's is its default, as an array's is anyarray's. */
static void defaults(void **state)
{
	(void)state;
	assert_string_equal(dictionary_class_default(terms_dictionary, "btree", TYPE_VARCHAR)->name, "text_ops");
	uint32_t array = dictionary_type_named(terms_dictionary, NULL, "uuid", true)->oid;
	assert_string_equal(dictionary_class_default(terms_dictionary, "gin", array)->name, "array_ops");
	assert_null(dictionary_class_default(terms_dictionary, "btree", TYPE_JSON));
}

/* It lives as long as somebody holds it. */
static void counted(void **state)
{
	(void)state;
	struct dictionary *own = dictionary_new("one");
	dictionary_seal(own);
	assert_ptr_equal(dictionary_ref(own), own);
	dictionary_unref(own);
	assert_string_equal(dictionary_signature(own), "one");
	assert_null(dictionary_type(own, TYPE_INT4));
	dictionary_unref(own);
	dictionary_unref(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(finds, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(families, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(defaults, terms_open, terms_close),
	    cmocka_unit_test_setup_teardown(counted, terms_open, terms_close),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inspect/access/pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static bool shape_of(const struct clause_pattern *pattern, const char *value, struct pattern_shape *shape)
{
	struct bound_shape bound = {0};
	if (value != NULL)
		bound = shape_bound(value, strlen(value));
	return pattern_shape_of(pattern, (struct pattern_values){&bound, 1}, shape);
}

/* A literal has its own shape, whatever is bound; what is no pattern of constants has none. */
static void literals(void **state)
{
	(void)state;
	struct pattern_shape shape;
	struct clause_pattern pattern = {.reading = READING_LIKE, .operand = OPERAND_LITERAL};
	assert_false(shape_of(&pattern, "%x%", &shape));
	pattern.shape = shape_like("abc%", 4);
	assert_true(shape_of(&pattern, "%x%", &shape));
	assert_true(shape.has_prefix && !shape.leading_wildcard);
	pattern.operand = OPERAND_COLUMN;
	assert_false(shape_of(&pattern, "%x%", &shape));
}

/* A parameter has the shape of its value, read as its operator reads it; before Bind, for a NULL, and for one that
 * nobody looked at there is none. */
static void parameters(void **state)
{
	(void)state;
	struct pattern_shape shape;
	struct clause_pattern pattern = {.reading = READING_LIKE, .operand = OPERAND_PARAMETER, .parameter = 1};
	assert_true(shape_of(&pattern, "%lamp%", &shape));
	assert_true(shape.leading_wildcard && shape.has_trigram);
	pattern.reading = READING_REGEX;
	assert_true(shape_of(&pattern, "^lamp", &shape));
	assert_true(shape.has_prefix);
	pattern.reading = READING_SIMILAR;
	assert_true(shape_of(&pattern, "^lamp", &shape));
	assert_true(shape.has_prefix);
	assert_false(shape_of(&pattern, NULL, &shape));
	assert_false(pattern_shape_of(&pattern, (struct pattern_values){0}, &shape));
	pattern.parameter = 2;
	assert_false(shape_of(&pattern, "lamp", &shape));
}

/* With constants around it the first piece tells how it begins, and a trigram may always come together. */
static void pieces(void **state)
{
	(void)state;
	struct pattern_shape shape;
	struct clause_pattern before = {
	    .reading = READING_LIKE,
	    .operand = OPERAND_PARAMETER,
	    .parameter = 1,
	    .prefixed = true,
	    .shape = shape_like("%", 1),
	};
	assert_true(shape_of(&before, NULL, &shape));
	assert_true(shape.leading_wildcard && shape.has_trigram && !shape.only_wildcards);
	assert_true(shape_of(&before, "", &shape));
	assert_true(shape.only_wildcards);
	struct clause_pattern behind = before;
	behind.prefixed = false;
	behind.suffixed = true;
	assert_false(shape_of(&behind, NULL, &shape));
	assert_true(shape_of(&behind, "lamp", &shape));
	assert_true(shape.has_prefix && shape.has_wildcard && !shape.leading_wildcard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(literals),
	    cmocka_unit_test(parameters),
	    cmocka_unit_test(pieces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

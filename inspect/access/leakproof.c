#include "inspect/access/leakproof.h"

#include "config/check.h"
#include "config/limits.h"

#include <string.h>

static bool is_leakproof(const struct term *term, const struct dictionary *dictionary, int depth);

bool leakproof_term(const struct term *term, const struct dictionary *dictionary)
{
	return is_leakproof(term, dictionary, 0);
}

/* pg_proc.proleakproof of PostgreSQL's own comparisons: not those of numbers of any length, of arrays, enums, ranges,
 * records and documents. */
static bool is_simple(uint32_t type)
{
	static const uint32_t simple[] = {
	    TYPE_BOOL,   TYPE_BYTEA, TYPE_NAME, TYPE_INT8, TYPE_INT2,   TYPE_INT4,      TYPE_TEXT,
	    TYPE_FLOAT4, TYPE_FLOAT8, TYPE_INET, TYPE_DATE, TYPE_BPCHAR, TYPE_TIMESTAMP, TYPE_TIMESTAMPTZ,
	    TYPE_TIME,   TYPE_TIMETZ, TYPE_UUID, TYPE_BIT,
	};

	for (size_t at = 0; at < ARRAY_LEN(simple); at++) {
		if (simple[at] == type)
			return true;
	}
	return false;
}

static bool compares_simply(const struct term *term, const struct dictionary *dictionary)
{
	static const char *const names[] = {"=", "<>", "<", "<=", ">", ">="};
	const struct dictionary_operator *operator= dictionary_operator(dictionary, term->oid);

	if (operator== NULL || !operator->builtin || term->count != 2 || !is_simple(operator->left) ||
	    !is_simple(operator->right))
		return false;
	for (size_t at = 0; at < ARRAY_LEN(names); at++) {
		if (strcmp(operator->name, names[at]) == 0)
			return true;
	}
	return false;
}

static bool is_leakproof(const struct term *term, const struct dictionary *dictionary, int depth)
{
	/* What sees no column has nothing to tell, and what the query itself computes is told anyway. */
	if (!term->has_column || term->sealed)
		return true;
	if (depth > LIMIT_WALK_DEPTH)
		return false;
	switch (term->kind) {
	case TERM_COLUMN:
	case TERM_RELABEL:
	case TERM_AND:
	case TERM_OR:
	case TERM_NOT:
	case TERM_NULL_TEST:
	case TERM_BOOLEAN_TEST:
	case TERM_ARRAY:
		break;
	case TERM_OPERATOR:
	case TERM_ARRAY_OPERATOR:
		if (!compares_simply(term, dictionary))
			return false;
		break;
	default:
		return false;
	}
	for (uint16_t at = 0; at < term->count; at++) {
		if (term->items[at] != NULL && !is_leakproof(term->items[at], dictionary, depth + 1))
			return false;
	}
	return true;
}

#include "inspect/access/typed_operator.h"

#include "inspect/access/coercion.h"
#include "inspect/access/constant.h"
#include "inspect/access/overload.h"

#include <string.h>

enum { ITEMS_MAX = 200 };

static const struct term *folded(struct typer *t, struct term *term, const struct dictionary_function *function);
static const struct term *constant_array(struct typer *t, const struct term *term);
static const struct term *cased(struct typer *t, const struct term *constant, const char *function, const char *text);
static const struct term *escaped(struct typer *t, const struct term *constant, const char *text, const char *escape);
static const struct term *compare_rows(struct typer *t, const char *name, const struct clause *left,
                                       const struct clause *right);

/* -- collations ---------------------------------------------------------------------------------------- */

/* assign_collations_walker: the strongest of the arguments' collations is the one that is compared by; of two that
 * are as strong, the one that isn't the default, and none where both aren't. */
void typed_operator_collate(struct typer *t, struct term *term)
{
	uint32_t collation = 0;
	enum term_strength strength = STRENGTH_NONE;
	for (uint16_t at = 0; at < term->count; at++) {
		const struct term *item = term->items[at];
		if (item == NULL || item->strength == STRENGTH_NONE || item->strength < strength)
			continue;
		if (item->strength > strength) {
			collation = item->collation;
			strength = item->strength;
		} else if (item->strength == STRENGTH_IMPLICIT && item->collation != collation) {
			if (collation == COLLATION_DEFAULT)
				collation = item->collation;
			else if (item->collation != COLLATION_DEFAULT)
				strength = STRENGTH_CONFLICT;
		}
	}
	term->input_collation = strength == STRENGTH_CONFLICT ? 0 : collation;
	const struct dictionary_type *type = dictionary_type(t->dictionary, term->type);
	if (type == NULL || type->collation == 0) {
		term->collation = 0;
		term->strength = STRENGTH_NONE;
	} else if (strength == STRENGTH_NONE) {
		term->collation = type->collation;
		term->strength = STRENGTH_IMPLICIT;
	} else {
		term->collation = strength == STRENGTH_CONFLICT ? 0 : collation;
		term->strength = strength;
	}
}

/* ARRAY['a', 'b'] is '{a,b}' once planned; where an element needs quoting, some array. */
static const struct term *constant_array(struct typer *t, const struct term *term)
{
	if (term->kind != TERM_ARRAY)
		return term;
	const char *text = "{";
	for (uint16_t at = 0; at < term->count; at++) {
		const struct term *item = term->items[at];
		if (item->kind != TERM_CONSTANT)
			return term;
		bool plain = item->text != NULL && !item->null && item->text[0] != '\0' &&
		             strpbrk(item->text, "{},\"\\ \t\n\r\v\f") == NULL && strcasecmp(item->text, "null") != 0;
		text = text != NULL && plain ? arena_printf(t->arena, "%s%s%s", text, at > 0 ? "," : "", item->text)
		                             : NULL;
	}
	struct term *made = term_new(TERM_CONSTANT, NULL, 0, t->arena);
	made->type = term->type;
	made->modifier = term->modifier;
	made->collation = term->collation;
	made->strength = term->strength;
	made->text = text != NULL ? arena_printf(t->arena, "%s}", text) : NULL;
	return made;
}

static const struct term *null_of(struct typer *t, const struct term *term)
{
	struct term *made = term_new(TERM_CONSTANT, NULL, 0, t->arena);
	made->type = term->type;
	made->collation = term->collation;
	made->strength = term->strength;
	made->null = true;
	return made;
}

/* evaluate_function: an immutable call of constants is one, and a strict one of a NULL is NULL. */
static const struct term *folded(struct typer *t, struct term *term, const struct dictionary_function *function)
{
	const char volatility = function == NULL ? 'i' : function->volatility;
	bool constant = volatility == 'i';
	for (uint16_t at = 0; at < term->count && function != NULL && function->strict; at++) {
		if (term->items[at]->kind == TERM_CONSTANT && term->items[at]->null)
			return null_of(t, term);
	}
	term->is_volatile |= volatility == 'v';
	term->is_stable |= volatility == 's';
	for (uint16_t at = 0; at < term->count; at++)
		constant = constant && term->items[at]->kind == TERM_CONSTANT;
	if (!constant)
		return term;
	struct term *made = term_new(TERM_CONSTANT, NULL, 0, t->arena);
	made->type = term->type;
	made->collation = term->collation;
	made->strength = term->strength;
	if (function != NULL && function->builtin)
		made->text = constant_computed(function->name, term->items, term->count, t->arena);
	return made;
}

/* -- calls and operators ------------------------------------------------------------------------------- */

const struct term *typed_operator_call(struct typer *t, const struct clause *clause)
{
	const struct term *items[ITEMS_MAX];
	uint32_t types[ITEMS_MAX] = {0}, declared[ITEMS_MAX] = {0};
	uint16_t count = clause->count < ITEMS_MAX ? clause->count : ITEMS_MAX;
	for (uint16_t at = 0; at < count; at++) {
		items[at] = typing_clause(t, clause->items[at]);
		types[at] = items[at]->type;
	}
	const struct dictionary_function *function = overload_function(t->dictionary, clause->name, types, count);
	/* date(day) is a cast that does nothing, which goes before a function that day would have to be converted for
	 * (func_get_detail, parse_func.c). */
	if (count == 1 && function != NULL && function->argument_count == 1 && function->arguments[0] != types[0]) {
		const struct dictionary_type *type = dictionary_type_named(t->dictionary, NULL, clause->name, false);
		if (type != NULL && type->oid == types[0])
			return items[0];
	}
	if (function == NULL || function->set) {
		/* date(created) is a cast where no function of that name takes it. */
		const struct dictionary_type *type =
		    count == 1 && function == NULL ? dictionary_type_named(t->dictionary, NULL, clause->name, false)
		                                   : NULL;
		if (type != NULL)
			return coercion_apply(t->dictionary, items[0], type->oid, -1, COERCION_EXPLICIT, t->arena);
		return typing_opaque(t, items, count);
	}
	for (uint16_t at = 0; at < count; at++)
		declared[at] = overload_argument(function, at, count);
	uint32_t result = function->result;
	if (!coercion_resolve(t->dictionary, types, declared, count, &result))
		return typing_opaque(t, items, count);
	for (uint16_t at = 0; at < count; at++)
		items[at] = constant_array(
		    t, coercion_apply(t->dictionary, items[at], declared[at], -1, COERCION_IMPLICIT, t->arena));
	/* An aggregate, or a window function: what it gives is of no one row. */
	struct term *call = term_new(function->kind == 'f' ? TERM_CALL : TERM_OPAQUE, items, count, t->arena);
	call->oid = function->oid;
	call->type = result;
	if (function->kind != 'f') {
		call->has_column = true;
		return call;
	}
	typed_operator_collate(t, call);
	const struct term *made = folded(t, call, function);
	if (made->kind == TERM_CONSTANT && count == 1 && function->builtin)
		return cased(t, made, function->name, items[0]->text);
	if (made->kind == TERM_CONSTANT && count == 2 && function->builtin && strcmp(function->name, "like_escape") == 0)
		return escaped(t, made, items[0]->text, items[1]->text);
	return made;
}

/* LIKE … ESCAPE, with a backslash for the escape (like_escape, like_match.c). */
static const struct term *escaped(struct typer *t, const struct term *constant, const char *text, const char *escape)
{
	if (text == NULL || escape == NULL || strcmp(escape, "\\") == 0) {
		struct term *same = (struct term *)constant;
		same->text = escape != NULL ? text : NULL;
		return same;
	}
	char *made = arena_alloc(t->arena, 2 * strlen(text) + 1), *to = made;
	const size_t len = strlen(escape);
	for (const char *at = text; *at != '\0';) {
		if (len > 0 && strncmp(at, escape, len) == 0) {
			*to++ = '\\';
			at += len;
			if (*at == '\0')
				break;
			*to++ = *at++;
			continue;
		}
		if (*at == '\\')
			*to++ = '\\';
		*to++ = *at++;
	}
	((struct term *)constant)->text = made;
	return constant;
}

/* upper('x') is 'X'; past ASCII that depends on the collation. */
static const struct term *cased(struct typer *t, const struct term *constant, const char *function, const char *text)
{
	const bool upper = strcmp(function, "upper") == 0;
	if (text == NULL || (!upper && strcmp(function, "lower") != 0) || constant->type != TYPE_TEXT)
		return constant;
	struct term *made = arena_alloc(t->arena, sizeof(*made));
	char *copy = arena_text(t->arena, text);
	for (char *c = copy; *c != '\0'; c++) {
		if (*c & 0x80)
			return constant;
		if (upper ? *c >= 'a' && *c <= 'z' : *c >= 'A' && *c <= 'Z')
			*c ^= 0x20;
	}
	*made = *constant;
	made->text = copy;
	return made;
}

const struct term *typed_operator_of(struct typer *t, const struct clause *clause)
{
	const struct clause *left = clause->count > 1 ? clause->items[0] : NULL;
	const struct clause *right = clause->items[clause->count - 1];
	if (left != NULL && right != NULL && left->kind == CLAUSE_ROW && right->kind == CLAUSE_ROW)
		return compare_rows(t, clause->name, left, right);
	return typed_operator_make(t, clause->name, left != NULL ? typing_clause(t, left) : NULL,
	                           typing_clause(t, right), clause->pattern);
}

static const struct term *make_operator(struct typer *t, const char *name, const struct term *left,
                                        const struct term *right, const struct clause_pattern *pattern, bool folds)
{
	const struct term *items[2] = {left, right};
	uint16_t count = left != NULL ? 2 : 1;
	if (left == NULL)
		items[0] = right;
	/* What a sub-select gives has a type that isn't known here: taken for what the other side is. */
	for (uint16_t at = 0; at < count; at++) {
		const struct term *other = items[count - 1 - at];
		if (items[at]->type == TYPE_NONE &&
		    (count == 1 || other->type == TYPE_NONE || items[at]->kind != TERM_OTHER))
			return typing_opaque(t, items, count);
	}
	uint32_t types[2] = {items[0]->type == TYPE_NONE ? TYPE_UNKNOWN : items[0]->type, TYPE_NONE};
	types[1] = count == 2 ? (items[1]->type == TYPE_NONE ? TYPE_UNKNOWN : items[1]->type) : types[0];
	const struct dictionary_operator *operator=
	    overload_operator(t->dictionary, name, count == 2 ? types[0] : TYPE_NONE, types[1]);
	if (operator== NULL)
		return typing_opaque(t, items, count);
	uint32_t declared[2] = {count == 2 ? operator->left : operator->right, operator->right };
	uint32_t result = operator->result;
	if (!coercion_resolve(t->dictionary, types, declared, count, &result))
		return typing_opaque(t, items, count);
	for (uint16_t at = 0; at < count; at++)
		items[at] = constant_array(
		    t, coercion_apply(t->dictionary, items[at], declared[at], -1, COERCION_IMPLICIT, t->arena));
	struct term *term = term_new(TERM_OPERATOR, items, count, t->arena);
	const struct dictionary_function *function = dictionary_function(t->dictionary, operator->function);
	term->oid = operator->oid;
	term->type = result;
	term->pattern = pattern;
	typed_operator_collate(t, term);
	return folds ? folded(t, term, function) : term;
}

const struct term *typed_operator_make(struct typer *t, const char *name, const struct term *left,
                                       const struct term *right, const struct clause_pattern *pattern)
{
	return make_operator(t, name, left, right, pattern, true);
}

/* '{a,b}' where nothing is quoted; else the literal itself. */
static const struct term *array_literal(struct typer *t, const struct term *literal)
{
	const char *text = literal->text;
	const struct term *elements[ITEMS_MAX];
	uint16_t count = 0;
	size_t len = strlen(text);
	if (len < 3 || text[0] != '{' || text[len - 1] != '}' || strpbrk(text + 1, "{\"\\ ") != NULL)
		return literal;
	for (const char *at = text + 1; at < text + len && count < ITEMS_MAX;) {
		size_t size = strcspn(at, ",}");
		struct term *element = term_new(TERM_CONSTANT, NULL, 0, t->arena);
		element->type = TYPE_UNKNOWN;
		element->text = arena_copy(t->arena, at, size);
		element->null = strcasecmp(element->text, "null") == 0;
		elements[count++] = element;
		at += size + 1;
	}
	if (count == ITEMS_MAX)
		return literal;
	struct term *array = term_new(TERM_ARRAY, elements, count, t->arena);
	array->type = literal->type;
	return array;
}

/* make_scalar_array_op (parse_oper.c). */
const struct term *typed_operator_array(struct typer *t, const char *name, const struct term *value,
                                        const struct term *array, bool all, const struct clause_pattern *pattern)
{
	const struct term *items[2] = {value, array};
	const struct dictionary_type *type =
	    dictionary_type(t->dictionary, dictionary_base(t->dictionary, array->type));
	uint32_t element = array->type == TYPE_UNKNOWN || array->type == TYPE_NONE ? TYPE_UNKNOWN
	                   : type != NULL                                          ? type->element
	                                                                           : TYPE_NONE;
	if (element == TYPE_NONE || value->type == TYPE_NONE)
		return typing_opaque(t, items, 2);
	const struct dictionary_operator *operator= overload_operator(t->dictionary, name, value->type, element);
	if (operator== NULL)
		return typing_opaque(t, items, 2);
	uint32_t actual[2] = {value->type, element}, declared[2] = {operator->left, operator->right };
	uint32_t result = operator->result;
	if (!coercion_resolve(t->dictionary, actual, declared, 2, &result))
		return typing_opaque(t, items, 2);
	const struct dictionary_type *wanted = dictionary_type(t->dictionary, declared[1]);
	if (array->kind == TERM_CONSTANT && array->text != NULL)
		array = array_literal(t, array);
	items[0] = coercion_apply(t->dictionary, value, declared[0], -1, COERCION_IMPLICIT, t->arena);
	if (wanted == NULL || wanted->array == TYPE_NONE)
		return typing_opaque(t, items, 2);
	if (array->kind == TERM_ARRAY) {
		const struct term *elements[ITEMS_MAX];
		for (uint16_t at = 0; at < array->count; at++)
			elements[at] = coercion_apply(t->dictionary, array->items[at], declared[1], -1,
			                              COERCION_IMPLICIT, t->arena);
		struct term *made = term_new(TERM_ARRAY, elements, array->count, t->arena);
		made->type = wanted->array;
		made->collation = array->collation;
		made->strength = array->strength;
		items[1] = made;
	} else {
		items[1] = coercion_apply(t->dictionary, array, wanted->array, -1, COERCION_IMPLICIT, t->arena);
	}
	struct term *term = term_new(TERM_ARRAY_OPERATOR, items, 2, t->arena);
	term->oid = operator->oid;
	term->type = TYPE_BOOL;
	term->flag = all;
	term->pattern = pattern;
	typed_operator_collate(t, term);
	return term;
}

static const struct term *junction(struct typer *t, enum term_kind kind, const struct term *const *items,
                                   uint16_t count)
{
	struct term *term = term_new(kind, items, count, t->arena);
	term->type = TYPE_BOOL;
	return term;
}

/* transformAExprIn: constants become one array where they have a common type; what names columns, and rows, become
 * comparisons of their own. */
const struct term *typed_operator_in(struct typer *t, const struct clause *clause)
{
	const char *name = clause->flag ? "<>" : "=";
	const struct term *plain[ITEMS_MAX], *others[ITEMS_MAX + 1];
	uint32_t types[ITEMS_MAX + 1];
	uint16_t plain_count = 0, other_count = 0;
	if (clause->items[0] == NULL)
		return typing_opaque_of(t, clause);
	if (clause->items[0]->kind == CLAUSE_ROW) {
		for (uint16_t at = 1; at < clause->count && at < ITEMS_MAX; at++) {
			const struct clause *item = clause->items[at];
			if (item == NULL || item->kind != CLAUSE_ROW)
				return typing_opaque_of(t, clause);
			others[other_count++] = compare_rows(t, name, clause->items[0], item);
		}
		return other_count == 1 ? others[0]
		                        : junction(t, clause->flag ? TERM_AND : TERM_OR, others, other_count);
	}
	const struct term *value = typing_clause(t, clause->items[0]);
	for (uint16_t at = 1; at < clause->count && at < ITEMS_MAX; at++) {
		const struct term *item = typing_clause(t, clause->items[at]);
		if (item->has_column || item->kind == TERM_OPAQUE)
			others[other_count++] = typed_operator_make(t, name, value, item, NULL);
		else
			plain[plain_count++] = item;
	}
	uint32_t common = TYPE_NONE;
	if (plain_count > 1) {
		types[0] = value->type;
		for (uint16_t at = 0; at < plain_count; at++)
			types[at + 1] = plain[at]->type;
		common = coercion_common(t->dictionary, types, plain_count + 1);
		const struct dictionary_type *type = dictionary_type(t->dictionary, common);
		if (type == NULL || type->array == 0)
			common = TYPE_NONE;
	}
	if (common != TYPE_NONE) {
		const struct dictionary_type *type = dictionary_type(t->dictionary, common);
		for (uint16_t at = 0; at < plain_count; at++)
			plain[at] = coercion_apply(t->dictionary, plain[at], common, -1, COERCION_IMPLICIT, t->arena);
		struct term *array = term_new(TERM_ARRAY, plain, plain_count, t->arena);
		array->type = type->array;
		typed_operator_collate(t, array);
		array->input_collation = 0;
		others[other_count++] = typed_operator_array(t, name, value, array, clause->flag, NULL);
	} else {
		for (uint16_t at = 0; at < plain_count && other_count < ITEMS_MAX; at++)
			others[other_count++] = typed_operator_make(t, name, value, plain[at], NULL);
	}
	return other_count == 1 ? others[0] : junction(t, clause->flag ? TERM_AND : TERM_OR, others, other_count);
}

/* make_row_comparison_op: = is AND-ed, <> OR-ed, and the others compare as a whole. */
static const struct term *compare_rows(struct typer *t, const char *name, const struct clause *left,
                                       const struct clause *right)
{
	const struct term *pairs[ITEMS_MAX], *sides[2 * ITEMS_MAX];
	uint16_t count = left->count;
	const bool apart = count == 1 || strcmp(name, "=") == 0 || strcmp(name, "<>") == 0;
	if (count == 0 || count != right->count || count > ITEMS_MAX)
		return typing_opaque(t, NULL, 0);
	for (uint16_t at = 0; at < count; at++)
		pairs[at] = make_operator(t, name, typing_clause(t, left->items[at]),
		                          typing_clause(t, right->items[at]), NULL, apart);
	if (count == 1)
		return pairs[0];
	if (apart)
		return junction(t, strcmp(name, "=") == 0 ? TERM_AND : TERM_OR, pairs, count);
	for (uint16_t at = 0; at < count; at++) {
		if (pairs[at]->kind != TERM_OPERATOR || pairs[at]->count != 2)
			return typing_opaque(t, pairs, count);
		sides[at] = pairs[at]->items[0];
		sides[count + at] = pairs[at]->items[1];
	}
	struct term *term = term_new(TERM_ROW_COMPARE, sides, (uint16_t)(2 * count), t->arena);
	term->type = TYPE_BOOL;
	term->oid = pairs[0]->oid;
	term->input_collation = pairs[0]->input_collation;
	return term;
}

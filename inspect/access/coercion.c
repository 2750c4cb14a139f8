#include "inspect/access/coercion.h"

#include <string.h>

enum path { PATH_NONE, PATH_RELABEL, PATH_FUNCTION, PATH_CONVERT };

static enum path find_path(const struct dictionary *dictionary, uint32_t from, uint32_t to,
                           enum coercion_context context, uint32_t *function);
static bool fits_polymorphic(const struct dictionary *dictionary, uint32_t from, uint32_t to);
static const struct term *relabelled(struct term *term);
static const struct term *apply_modifier(const struct dictionary *dictionary, const struct term *term, int32_t modifier,
                                         struct arena *arena);

bool coercion_is_polymorphic(uint32_t type)
{
	switch (type) {
	case TYPE_ANYARRAY:
	case TYPE_ANYELEMENT:
	case TYPE_ANYNONARRAY:
	case TYPE_ANYENUM:
	case TYPE_ANYRANGE:
	case TYPE_ANYMULTIRANGE:
	case TYPE_ANYCOMPATIBLE:
	case TYPE_ANYCOMPATIBLEARRAY:
	case TYPE_ANYCOMPATIBLENONARRAY:
	case TYPE_ANYCOMPATIBLERANGE:
	case TYPE_ANYCOMPATIBLEMULTIRANGE:
		return true;
	default:
		return false;
	}
}

bool coercion_possible(const struct dictionary *dictionary, uint32_t from, uint32_t to, enum coercion_context context)
{
	uint32_t function;
	if (from == to || from == TYPE_UNKNOWN || from == TYPE_NONE || to == TYPE_ANY)
		return true;
	if (coercion_is_polymorphic(to))
		return fits_polymorphic(dictionary, from, to);
	return find_path(dictionary, from, to, context, &function) != PATH_NONE;
}

static bool fits_polymorphic(const struct dictionary *dictionary, uint32_t from, uint32_t to)
{
	const struct dictionary_type *type = dictionary_type(dictionary, dictionary_base(dictionary, from));
	if (type == NULL)
		return false;
	switch (to) {
	case TYPE_ANYARRAY:
	case TYPE_ANYCOMPATIBLEARRAY:
		return type->element != 0;
	case TYPE_ANYNONARRAY:
	case TYPE_ANYCOMPATIBLENONARRAY:
		return type->element == 0;
	case TYPE_ANYENUM:
		return type->kind == 'e';
	case TYPE_ANYRANGE:
	case TYPE_ANYCOMPATIBLERANGE:
		return type->kind == 'r';
	case TYPE_ANYMULTIRANGE:
	case TYPE_ANYCOMPATIBLEMULTIRANGE:
		return type->kind == 'm';
	default:
		return true;
	}
}

/* find_coercion_pathway. */
static enum path find_path(const struct dictionary *dictionary, uint32_t from, uint32_t to,
                           enum coercion_context context, uint32_t *function)
{
	static const char letters[] = "iae";
	from = dictionary_base(dictionary, from);
	to = dictionary_base(dictionary, to);
	*function = 0;
	if (from == to)
		return PATH_RELABEL;
	const struct dictionary_cast *cast = dictionary_cast(dictionary, from, to);
	if (cast != NULL) {
		const char *needed = strchr(letters, cast->context);
		if (needed == NULL || needed - letters > (int)context)
			return PATH_NONE;
		*function = cast->function;
		return cast->method == 'b' ? PATH_RELABEL : cast->method == 'f' ? PATH_FUNCTION : PATH_CONVERT;
	}
	const struct dictionary_type *source = dictionary_type(dictionary, from);
	const struct dictionary_type *target = dictionary_type(dictionary, to);
	if (source == NULL || target == NULL)
		return PATH_NONE;
	if (source->element != 0 && target->element != 0)
		return find_path(dictionary, source->element, target->element, context, function) == PATH_NONE
		           ? PATH_NONE
		           : PATH_CONVERT;
	if (context >= COERCION_ASSIGNMENT && target->category == 'S')
		return PATH_CONVERT;
	if (context >= COERCION_EXPLICIT && source->category == 'S')
		return PATH_CONVERT;
	return PATH_NONE;
}

static uint32_t collation_of(const struct dictionary *dictionary, uint32_t type)
{
	const struct dictionary_type *known = dictionary_type(dictionary, type);
	return known != NULL ? known->collation : 0;
}

static bool is_moment(uint32_t type)
{
	return type == TYPE_DATE || type == TYPE_TIMESTAMP || type == TYPE_TIMESTAMPTZ;
}

/* Whose text means the same in every session: no moments, no names of objects, and none of what may hold those. */
static bool reads_the_same(const struct dictionary_type *type)
{
	enum { TYPE_MONEY = 790, TYPE_OID = 26 };
	if (type == NULL)
		return false;
	switch (type->category) {
	case 'N':
		/* regclass and its like are numbers, too. */
		return type->oid != TYPE_MONEY && (type->preferred || type->oid == TYPE_INT2 || type->oid == TYPE_INT4 ||
		                                   type->oid == TYPE_INT8 || type->oid == TYPE_NUMERIC ||
		                                   type->oid == TYPE_FLOAT4 || type->oid == TYPE_OID);
	case 'D':
	case 'T':
	case 'A':
	case 'E':
	case 'R':
	case 'C':
		return false;
	default:
		return true;
	}
}

const struct term *coercion_apply(const struct dictionary *dictionary, const struct term *term, uint32_t to,
                                  int32_t modifier, enum coercion_context context, struct arena *arena)
{
	uint32_t function;
	struct term *made;
	if (to == TYPE_NONE || to == TYPE_ANY || coercion_is_polymorphic(to))
		return term;
	const struct dictionary_type *target = dictionary_type(dictionary, to);
	if (modifier < 0 && target != NULL && target->kind == 'd')
		modifier = target->modifier;
	if (term->type == to)
		return apply_modifier(dictionary, term, modifier, arena);
	if (term->type == TYPE_UNKNOWN || term->type == TYPE_NONE || (term->kind == TERM_CONSTANT && term->null)) {
		made = arena_alloc(arena, sizeof(*made));
		*made = *term;
		made->type = to;
		made->modifier = modifier;
		made->collation = collation_of(dictionary, to);
		made->strength = made->collation != 0 ? STRENGTH_IMPLICIT : STRENGTH_NONE;
		return made;
	}
	enum path path = find_path(dictionary, term->type, to, context, &function);
	const bool constant = term->kind == TERM_CONSTANT;
	if (path == PATH_NONE) {
		made = term_new(TERM_OPAQUE, &term, 1, arena);
		return made;
	}
	if (constant) {
		const struct dictionary_function *called = dictionary_function(dictionary, function);
		const struct dictionary_type *source = dictionary_type(dictionary, term->type);
		/* Functions of the session's settings are left for the executor. */
		bool folds = path == PATH_RELABEL || (path == PATH_FUNCTION && called != NULL && called->volatility == 'i') ||
		             (path == PATH_CONVERT && reads_the_same(source) && reads_the_same(target));
		if (folds) {
			bool same_text =
			    path == PATH_RELABEL || path == PATH_CONVERT ||
			    (source != NULL && target != NULL && source->category == 'N' && target->category == 'N') ||
			    (is_moment(term->type) && is_moment(to));
			made = arena_alloc(arena, sizeof(*made));
			*made = *term;
			made->type = to;
			made->modifier = modifier;
			if (!same_text)
				made->text = NULL;
			made->collation = collation_of(dictionary, to);
			made->strength = made->collation != 0 ? STRENGTH_IMPLICIT : STRENGTH_NONE;
			if (made->collation != 0 && term->collation != 0) {
				made->collation = term->collation;
				made->strength = term->strength;
			}
			return made;
		}
	}
	made = term_new(path == PATH_RELABEL    ? TERM_RELABEL
	                : path == PATH_FUNCTION ? TERM_CALL
	                                        : TERM_CONVERT,
	                &term, 1, arena);
	made->type = to;
	made->oid = path == PATH_FUNCTION ? function : 0;
	if (path == PATH_CONVERT)
		made->is_stable |= !reads_the_same(dictionary_type(dictionary, term->type)) || !reads_the_same(target);
	if (path == PATH_FUNCTION) {
		const struct dictionary_function *called = dictionary_function(dictionary, function);
		made->is_stable |= called == NULL || called->volatility != 'i';
		made->is_volatile |= called != NULL && called->volatility == 'v';
	}
	made->collation = collation_of(dictionary, to);
	made->strength = made->collation != 0 ? STRENGTH_IMPLICIT : STRENGTH_NONE;
	if (made->collation != 0 && term->collation != 0) {
		made->collation = term->collation;
		made->strength = term->strength;
	}
	if (path == PATH_FUNCTION)
		made->input_collation = term->collation;
	if (path == PATH_RELABEL) {
		made->modifier = modifier < 0 ? -1 : term->modifier;
		return apply_modifier(dictionary, relabelled(made), modifier, arena);
	}
	return apply_modifier(dictionary, made, modifier, arena);
}

/* Of one relabelling on another only the last is left (applyRelabelType, nodeFuncs.c). */
static const struct term *relabelled(struct term *term)
{
	while (term->items[0]->kind == TERM_RELABEL)
		term->items = term->items[0]->items;
	return term->items[0]->type == term->type && term->items[0]->collation == term->collation &&
	               term->items[0]->modifier == term->modifier
	           ? term->items[0]
	           : term;
}

/* varchar(50) of what is a varchar(50) already, or shorter, is the same; else a call that cuts or pads. */
static const struct term *apply_modifier(const struct dictionary *dictionary, const struct term *term, int32_t modifier,
                                         struct arena *arena)
{
	if (modifier < 0 || modifier == term->modifier)
		return term;
	uint32_t type = dictionary_base(dictionary, term->type);
	const struct dictionary_cast *cast = dictionary_cast(dictionary, type, type);
	struct term *made;
	if (term->kind == TERM_CONSTANT || cast == NULL) {
		made = arena_alloc(arena, sizeof(*made));
		*made = *term;
		made->modifier = modifier;
		return made;
	}
	bool grows = type == TYPE_VARCHAR && term->modifier >= 0 && term->modifier <= modifier;
	made = term_new(grows ? TERM_RELABEL : TERM_CALL, &term, 1, arena);
	made->type = term->type;
	made->modifier = modifier;
	made->oid = grows ? 0 : cast->function;
	made->variant = grows ? 0 : (uint8_t)(modifier & 0x7F);
	made->collation = term->collation;
	made->strength = term->strength;
	made->input_collation = grows ? 0 : term->collation;
	return grows ? relabelled(made) : made;
}

/* select_common_type. */
uint32_t coercion_common(const struct dictionary *dictionary, const uint32_t *types, uint16_t count)
{
	uint32_t common = TYPE_UNKNOWN;
	for (uint16_t at = 0; at < count; at++) {
		uint32_t next = count > 1 ? dictionary_base(dictionary, types[at]) : types[at];
		if (next == TYPE_UNKNOWN || next == TYPE_NONE || next == common)
			continue;
		if (common == TYPE_UNKNOWN) {
			common = next;
			continue;
		}
		const struct dictionary_type *had = dictionary_type(dictionary, common);
		const struct dictionary_type *has = dictionary_type(dictionary, next);
		if (had == NULL || has == NULL || had->category != has->category)
			return TYPE_NONE;
		if (!had->preferred && coercion_possible(dictionary, common, next, COERCION_IMPLICIT) &&
		    !coercion_possible(dictionary, next, common, COERCION_IMPLICIT))
			common = next;
	}
	return common == TYPE_UNKNOWN ? TYPE_TEXT : common;
}

static uint32_t array_of(const struct dictionary *dictionary, uint32_t element)
{
	const struct dictionary_type *type = dictionary_type(dictionary, element);
	return type != NULL ? type->array : TYPE_NONE;
}

/* enforce_generic_type_consistency, for the combinations that operators and functions of conditions have. */
bool coercion_resolve(const struct dictionary *dictionary, const uint32_t *actual, uint32_t *declared, uint16_t count,
                      uint32_t *result)
{
	uint32_t element = TYPE_NONE, array = TYPE_NONE, range = TYPE_NONE, multirange = TYPE_NONE;
	uint32_t compatible[100];
	uint16_t compatible_count = 0;
	bool compatible_array = false;
	for (uint16_t at = 0; at < count && at < ARRAY_LEN(compatible); at++) {
		uint32_t type = dictionary_base(dictionary, actual[at]);
		if (type == TYPE_UNKNOWN || type == TYPE_NONE)
			continue;
		const struct dictionary_type *known = dictionary_type(dictionary, type);
		switch (declared[at]) {
		case TYPE_ANYARRAY:
			if (known == NULL || known->element == 0 || (array != TYPE_NONE && array != type))
				return false;
			array = type;
			if (element == TYPE_NONE)
				element = known->element;
			break;
		case TYPE_ANYELEMENT:
		case TYPE_ANYNONARRAY:
		case TYPE_ANYENUM:
			if (element != TYPE_NONE && element != actual[at] && element != type)
				return false;
			element = actual[at];
			break;
		case TYPE_ANYRANGE:
			if (known == NULL || known->kind != 'r' || (range != TYPE_NONE && range != type))
				return false;
			range = type;
			if (element != TYPE_NONE && dictionary_base(dictionary, element) != known->subtype)
				return false;
			element = known->subtype;
			break;
		case TYPE_ANYMULTIRANGE:
			if (known == NULL || known->kind != 'm' || (multirange != TYPE_NONE && multirange != type))
				return false;
			multirange = type;
			if (element != TYPE_NONE && dictionary_base(dictionary, element) != known->subtype)
				return false;
			element = known->subtype;
			break;
		case TYPE_ANYCOMPATIBLEARRAY:
			if (known == NULL || known->element == 0)
				return false;
			compatible_array = true;
			compatible[compatible_count++] = known->element;
			break;
		case TYPE_ANYCOMPATIBLE:
		case TYPE_ANYCOMPATIBLENONARRAY:
			compatible[compatible_count++] = type;
			break;
		default:
			break;
		}
	}
	(void)compatible_array;
	if (array != TYPE_NONE) {
		const struct dictionary_type *known = dictionary_type(dictionary, array);
		if (element != TYPE_NONE && known->element != dictionary_base(dictionary, element) &&
		    known->element != element)
			return false;
	}
	if (array == TYPE_NONE && element != TYPE_NONE)
		array = array_of(dictionary, element);
	uint32_t common = compatible_count > 0 ? coercion_common(dictionary, compatible, compatible_count) : TYPE_TEXT;
	if (common == TYPE_NONE)
		return false;
	for (uint16_t at = 0; at <= count; at++) {
		uint32_t *to = at < count ? &declared[at] : result;
		switch (*to) {
		case TYPE_ANYARRAY:
			*to = array;
			break;
		case TYPE_ANYELEMENT:
		case TYPE_ANYNONARRAY:
		case TYPE_ANYENUM:
			*to = element;
			break;
		case TYPE_ANYRANGE:
			*to = range;
			break;
		case TYPE_ANYMULTIRANGE:
			*to = multirange;
			break;
		case TYPE_ANYCOMPATIBLEARRAY:
			*to = array_of(dictionary, common);
			break;
		case TYPE_ANYCOMPATIBLE:
		case TYPE_ANYCOMPATIBLENONARRAY:
			*to = common;
			break;
		default:
			break;
		}
	}
	return true;
}

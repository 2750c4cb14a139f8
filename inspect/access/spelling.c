#include "inspect/access/spelling.h"

#include "config/limits.h"
#include "inspect/text/identifier.h"

#include <string.h>

struct speller {
	const struct spelling *in;
	bool shown;  /* for a message */
	bool hidden; /* something was left out */
	int depth;
};

static const char *spell(struct speller *s, const struct term *term);
static const char *spell_column(struct speller *s, const struct term *term);
static const char *spell_call(struct speller *s, const struct term *term);
static const char *spell_operator(struct speller *s, const struct term *term);
static const char *spell_cast(struct speller *s, const struct term *term);
static const char *spell_relabel(struct speller *s, const struct term *term);
static const char *spell_other(struct speller *s, const struct term *term);
static const char *spell_list(struct speller *s, const struct term *term);
static bool is_cast(const struct speller *s, const struct term *term);
static bool keeps_its_text(const struct term *term);
static bool is_simple(const struct term *term);

const char *spelling_shown(const struct spelling *spelling, const struct term *term)
{
	struct speller speller = {.in = spelling, .shown = true};
	return spell(&speller, term_strip(term));
}

const char *spelling_key(const struct spelling *spelling, const struct term *term)
{
	struct speller speller = {.in = spelling};
	const struct term *key = term_strip(term);
	if (key == NULL || !key->has_column || key->has_parameter || key->is_stable || key->is_volatile ||
	    !keeps_its_text(key))
		return NULL;
	const char *text = spell(&speller, key);
	if (speller.hidden)
		return NULL;
	bool call = key->kind == TERM_CALL && !is_cast(&speller, key);
	return key->kind == TERM_COLUMN || call ? text : arena_printf(spelling->arena, "(%s)", text);
}

static const char *hidden(struct speller *s)
{
	s->hidden = true;
	return "…";
}

static const char *spell(struct speller *s, const struct term *term)
{
	if (term == NULL || s->depth > LIMIT_WALK_DEPTH)
		return hidden(s);
	const char *text;
	s->depth++;
	switch (term->kind) {
	case TERM_COLUMN:
		text = spell_column(s, term);
		break;
	case TERM_CALL:
		text = is_cast(s, term) ? spell_cast(s, term) : spell_call(s, term);
		break;
	case TERM_OPERATOR:
		text = spell_operator(s, term);
		break;
	case TERM_RELABEL:
		text = spell_relabel(s, term);
		break;
	case TERM_CONVERT:
		text = spell_cast(s, term);
		break;
	case TERM_OTHER:
		text = spell_other(s, term);
		break;
	default:
		text = hidden(s);
		break;
	}
	s->depth--;
	return text;
}

static const char *spell_column(struct speller *s, const struct term *term)
{
	const struct catalog_relation *relation = s->in->relations[term->relation];
	for (uint16_t at = 0; at < relation->column_count; at++) {
		const struct catalog_column *column = &relation->columns[at];
		if (column->number == term->column)
			return s->shown ? arena_printf(s->in->arena, "\"%s\"", column->name)
			                : identifier_quoted(s->in->arena, column->name);
	}
	return hidden(s);
}

static const char *spell_call(struct speller *s, const struct term *term)
{
	const struct dictionary_function *function = dictionary_function(s->in->dictionary, term->oid);
	if (function == NULL)
		return hidden(s);
	const char *name = identifier_quoted(s->in->arena, function->name);
	if (s->shown && (strcmp(name, "upper") == 0 || strcmp(name, "lower") == 0))
		name = name[0] == 'u' ? "UPPER" : "LOWER";
	return arena_printf(s->in->arena, "%s(%s)", name, spell_list(s, term));
}

static const char *spell_list(struct speller *s, const struct term *term)
{
	const char *text = "";
	for (uint16_t at = 0; at < term->count; at++)
		text = arena_printf(s->in->arena, "%s%s%s", text, at > 0 ? ", " : "", spell(s, term->items[at]));
	return text;
}

static const char *within(struct speller *s, const struct term *term)
{
	const char *text = spell(s, term);
	return is_simple(term) ? text : arena_printf(s->in->arena, "(%s)", text);
}

static const char *spell_operator(struct speller *s, const struct term *term)
{
	const struct dictionary_operator *operator= dictionary_operator(s->in->dictionary, term->oid);
	if (operator== NULL)
		return hidden(s);
	if (term->count == 1)
		return arena_printf(s->in->arena, "%s %s", operator->name, within(s, term->items[0]));
	return arena_printf(s->in->arena, "%s %s %s", within(s, term->items[0]), operator->name,
	                    within(s, term->items[1]));
}

static const char *type_name(struct speller *s, uint32_t oid)
{
	const struct dictionary_type *type = dictionary_type(s->in->dictionary, oid);
	const struct dictionary_type *element =
	    type != NULL && type->element != 0 ? dictionary_type(s->in->dictionary, type->element) : NULL;
	if (type == NULL)
		return hidden(s);
	const char *name = identifier_quoted(s->in->arena, element != NULL ? element->name : type->name);
	return arena_printf(s->in->arena, "%s%s", name, element != NULL ? "[]" : "");
}

static const char *spell_cast(struct speller *s, const struct term *term)
{
	return arena_printf(s->in->arena, "%s::%s", within(s, term->items[0]), type_name(s, term->type));
}

/* Between types of the same bytes PostgreSQL finds its way by itself; a collation it has to be told. */
static const char *spell_relabel(struct speller *s, const struct term *term)
{
	const struct term *inner = term->items[0];
	const struct dictionary_collation *collation =
	    term->collation != inner->collation ? dictionary_collation(s->in->dictionary, term->collation) : NULL;
	if (collation == NULL || term->strength != STRENGTH_EXPLICIT)
		return spell(s, inner);
	return arena_printf(s->in->arena, "%s COLLATE \"%s\"", within(s, inner), collation->name);
}

static const char *spell_other(struct speller *s, const struct term *term)
{
	switch (term->variant) {
	case CLAUSE_COALESCE:
		return arena_printf(s->in->arena, "COALESCE(%s)", spell_list(s, term));
	case CLAUSE_EXTREME:
		return arena_printf(s->in->arena, "%s(%s)", term->flag ? "LEAST" : "GREATEST", spell_list(s, term));
	case CLAUSE_NULLIF:
		return arena_printf(s->in->arena, "NULLIF(%s)", spell_list(s, term));
	default:
		return hidden(s);
	}
}

/* A call that a cast is, but for the length, which is an argument that nobody wrote. */
static bool is_cast(const struct speller *s, const struct term *term)
{
	if (term->kind == TERM_CONVERT)
		return true;
	if (term->kind != TERM_CALL || term->count != 1 || term->items[0] == NULL ||
	    term->items[0]->type == term->type)
		return false;
	const struct dictionary_cast *cast =
	    dictionary_cast(s->in->dictionary, dictionary_base(s->in->dictionary, term->items[0]->type), term->type);
	return cast != NULL && cast->function == term->oid;
}

/* How a time or an enum's value looks as a text depends on settings or may change: PostgreSQL indexes no such text. */
static bool keeps_its_text(const struct term *term)
{
	static const uint32_t types[] = {TYPE_INT2, TYPE_INT4, TYPE_INT8, TYPE_NUMERIC,
	                                 TYPE_UUID, TYPE_BOOL, TYPE_JSON, TYPE_JSONB};
	if (term == NULL)
		return true;
	bool keeps = term->kind != TERM_CONVERT;
	for (size_t at = 0; at < ARRAY_LEN(types) && !keeps; at++)
		keeps = term->items[0]->type == types[at];
	for (uint16_t at = 0; at < term->count && keeps; at++)
		keeps = keeps_its_text(term->items[at]);
	return keeps;
}

static bool is_simple(const struct term *term)
{
	while (term != NULL && term->kind == TERM_RELABEL && term->strength != STRENGTH_EXPLICIT)
		term = term->items[0];
	return term == NULL || term->kind == TERM_COLUMN || term->kind == TERM_CALL || term->kind == TERM_CONSTANT ||
	       term->kind == TERM_PARAMETER || (term->kind == TERM_OTHER && term->variant != CLAUSE_CASE);
}

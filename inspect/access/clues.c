#include "inspect/access/clues.h"

#include "config/limits.h"
#include "inspect/access/typing.h"
#include "inspect/tree/clause.h"

#include <string.h>

struct finder {
	const struct facts *facts;
	const struct dictionary *dictionary;
	clues_fn *tell;
	void *context;
	int depth;
};

struct expected {
	uint32_t type;
	enum clue clue;
};

static const struct expected nothing = {TYPE_NONE, CLUE_NONE};
static const struct expected a_text = {TYPE_TEXT, CLUE_SURE};
static const struct expected a_guessed_text = {TYPE_TEXT, CLUE_GUESSED};
static const struct expected a_document = {TYPE_JSONB, CLUE_SURE};
static const struct expected a_truth = {TYPE_BOOL, CLUE_SURE};

static void find(struct finder *f, const struct clause *clause, struct expected expected);
static void find_operator(struct finder *f, const struct clause *clause);
static void find_call(struct finder *f, const struct clause *clause, struct expected expected);
static void find_all(struct finder *f, const struct clause *clause, struct expected expected);
static void tell_column(struct finder *f, const struct clause *clause, struct expected expected);
static struct expected of_other(const struct finder *f, const struct clause *other);
static struct expected array_of(const struct finder *f, struct expected element);
static struct expected element_of(const struct finder *f, struct expected array);

void clues_find(const struct facts *facts, const struct dictionary *dictionary, clues_fn *tell, void *context)
{
	struct finder f = {.facts = facts, .dictionary = dictionary, .tell = tell, .context = context};
	for (uint16_t at = 0; at < facts->condition_count; at++)
		find(&f, facts->conditions[at].clause, a_truth);
	for (uint16_t at = 0; at < facts->sort_count; at++)
		find(&f, facts->sorts[at].clause, nothing);
}

static void find(struct finder *f, const struct clause *clause, struct expected expected)
{
	if (clause == NULL || f->depth > LIMIT_WALK_DEPTH)
		return;
	f->depth++;
	switch (clause->kind) {
	case CLAUSE_COLUMN:
		tell_column(f, clause, expected);
		break;
	case CLAUSE_CAST: {
		/* Anything may be cast to a text; what is searched as one mostly is one. */
		int32_t modifier;
		const uint32_t type = typing_named(f->dictionary, clause->type, &modifier);
		find(f, clause->items[0],
		     type == TYPE_TEXT || type == TYPE_VARCHAR ? a_guessed_text : nothing);
		break;
	}
	case CLAUSE_CALL:
		find_call(f, clause, expected);
		break;
	case CLAUSE_OPERATOR:
		find_operator(f, clause);
		break;
	case CLAUSE_ARRAY_OPERATOR:
		find(f, clause->items[0], element_of(f, of_other(f, clause->items[1])));
		find(f, clause->items[1], array_of(f, of_other(f, clause->items[0])));
		break;
	case CLAUSE_IN:
		find(f, clause->items[0], clause->count > 1 ? of_other(f, clause->items[1]) : nothing);
		for (uint16_t at = 1; at < clause->count; at++)
			find(f, clause->items[at], nothing);
		break;
	case CLAUSE_AND:
	case CLAUSE_OR:
	case CLAUSE_NOT:
	case CLAUSE_BOOLEAN_TEST:
		find_all(f, clause, a_truth);
		break;
	case CLAUSE_SUBSCRIPT: {
		const struct clause *by = clause->count > 1 ? clause->items[1] : NULL;
		const bool key = by != NULL && by->kind == CLAUSE_CONSTANT && by->variant == LITERAL_STRING;
		find(f, clause->items[0], key ? a_document : nothing);
		break;
	}
	case CLAUSE_COLLATE:
		find_all(f, clause, a_text);
		break;
	case CLAUSE_COALESCE:
	case CLAUSE_EXTREME:
	case CLAUSE_NULLIF:
		find_all(f, clause, expected);
		break;
	default:
		find_all(f, clause, nothing);
		break;
	}
	f->depth--;
}

static void find_all(struct finder *f, const struct clause *clause, struct expected expected)
{
	for (uint16_t at = 0; at < clause->count; at++)
		find(f, clause->items[at], expected);
}

/* An unqualified column of a level with several tables may be any one's. */
static void tell_column(struct finder *f, const struct clause *clause, struct expected expected)
{
	int16_t relation = clause->relation;
	if (relation < 0 && clause->from >= 0 && clause->to == clause->from + 1)
		relation = clause->from;
	if (relation < 0 && clause->from < 0 && clause->schema == NULL) {
		for (uint16_t at = 0; at < f->facts->relation_count; at++) {
			if (f->facts->relations[at].level != clause->level)
				continue;
			if (relation >= 0)
				return;
			relation = (int16_t)at;
		}
	}
	if (relation >= 0 && clause->name != NULL)
		f->tell(f->context, relation, clause->name, expected.type, expected.clue);
}

static void find_operator(struct finder *f, const struct clause *clause)
{
	static const char *const of_documents[] = {"->", "->>", "#>", "#>>", "?", "?|", "?&", "@?", "#-"};
	const char *name = clause->name;
	const struct clause *left = clause->items[0], *right = clause->count > 1 ? clause->items[1] : NULL;
	if (right == NULL) {
		find(f, left, nothing);
		return;
	}
	if (clause->pattern != NULL || strcmp(name, "||") == 0) {
		find_all(f, clause, a_text);
		return;
	}
	for (size_t at = 0; at < ARRAY_LEN(of_documents); at++) {
		if (strcmp(name, of_documents[at]) == 0) {
			find(f, left, a_document);
			find(f, right, nothing);
			return;
		}
	}
	struct expected of_left = of_other(f, right), of_right = of_other(f, left);
	if (strcmp(name, "@>") == 0 || strcmp(name, "<@") == 0) {
		/* What is not said to be an array is a document: Django casts the one and not always the other. */
		of_left = of_left.clue == CLUE_SURE ? of_left : a_document;
		of_right = of_right.clue == CLUE_SURE ? of_right : a_document;
	} else if (strcmp(name, "@@") == 0) {
		const struct dictionary_type *vector =
		    dictionary_type_named(f->dictionary, "pg_catalog", "tsvector", false);
		of_left = vector != NULL ? (struct expected){vector->oid, CLUE_SURE} : nothing;
		of_right = nothing;
	} else if (strcmp(name, "&&") == 0) {
		of_left = of_left.clue == CLUE_SURE ? of_left : nothing;
		of_right = of_right.clue == CLUE_SURE ? of_right : nothing;
	}
	find(f, left, of_left);
	find(f, right, of_right);
}

static void find_call(struct finder *f, const struct clause *clause, struct expected expected)
{
	static const char *const of_texts[] = {"upper",   "lower",  "btrim",      "replace", "left",        "right",
	                                       "reverse", "concat", "similarity", "length",  "to_tsvector", "unaccent"};
	static const char *const of_times[] = {"date_trunc", "timezone", "date_part", "extract"};
	struct expected last = nothing;
	(void)expected;
	for (size_t at = 0; at < ARRAY_LEN(of_texts); at++) {
		if (strcmp(clause->name, of_texts[at]) == 0)
			last = a_text;
	}
	for (size_t at = 0; at < ARRAY_LEN(of_times); at++) {
		if (strcmp(clause->name, of_times[at]) == 0)
			last = (struct expected){TYPE_TIMESTAMPTZ, CLUE_GUESSED};
	}
	/* The configuration, the field or the zone stands first, and what it is about last; left() and replace() have it
	 * first. */
	const bool first = last.type == TYPE_TEXT && strcmp(clause->name, "to_tsvector") != 0;
	for (uint16_t at = 0; at < clause->count; at++)
		find(f, clause->items[at], first ? at == 0 ? last : nothing : at + 1 == clause->count ? last : nothing);
}

/* The type of what a column is compared with. A constant in quotes takes the column's, whatever that is. */
static struct expected of_other(const struct finder *f, const struct clause *other)
{
	int32_t modifier;
	if (other == NULL)
		return nothing;
	switch (other->kind) {
	case CLAUSE_CONSTANT:
		switch (other->variant) {
		case LITERAL_BOOLEAN:
			return a_truth;
		case LITERAL_INTEGER:
			return (struct expected){TYPE_INT8, CLUE_GUESSED};
		case LITERAL_DECIMAL:
			return (struct expected){TYPE_NUMERIC, CLUE_GUESSED};
		default:
			return a_guessed_text;
		}
	case CLAUSE_PARAMETER:
		return a_guessed_text;
	case CLAUSE_CAST: {
		const uint32_t type = typing_named(f->dictionary, other->type, &modifier);
		return type != TYPE_NONE ? (struct expected){type, CLUE_SURE} : nothing;
	}
	case CLAUSE_KEYWORD: {
		const struct dictionary_type *type =
		    dictionary_type_named(f->dictionary, "pg_catalog", other->name, false);
		return type != NULL ? (struct expected){type->oid, CLUE_GUESSED} : nothing;
	}
	case CLAUSE_CALL:
		if (strcmp(other->name, "upper") == 0 || strcmp(other->name, "lower") == 0)
			return a_text;
		if (strcmp(other->name, "now") == 0)
			return (struct expected){TYPE_TIMESTAMPTZ, CLUE_GUESSED};
		return nothing;
	case CLAUSE_ARRAY: {
		struct expected array = array_of(f, other->count > 0 ? of_other(f, other->items[0]) : a_guessed_text);
		return array.type != TYPE_NONE ? (struct expected){array.type, CLUE_SURE} : nothing;
	}
	default:
		return nothing;
	}
}

static struct expected array_of(const struct finder *f, struct expected element)
{
	const struct dictionary_type *type =
	    element.type != TYPE_NONE ? dictionary_type(f->dictionary, element.type) : NULL;
	return type != NULL && type->array != 0 ? (struct expected){type->array, element.clue} : nothing;
}

static struct expected element_of(const struct finder *f, struct expected array)
{
	const struct dictionary_type *type = array.type != TYPE_NONE ? dictionary_type(f->dictionary, array.type) : NULL;
	return type != NULL && type->element != 0 ? (struct expected){type->element, array.clue} : nothing;
}

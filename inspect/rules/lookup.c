#include "inspect/rules/lookup.h"

#include "inspect/rules/remedy.h"

#include <string.h>

static bool is_lookup(const struct searches *searches, struct lookup *lookup);
static enum lookup_complaint complaint_of(struct searches *searches, struct lookup *lookup);
static enum lookup_need need_of(const struct lookup *lookup);
static bool find_mismatch(struct searches *searches, struct lookup *lookup);

struct lookup lookup_of(const struct rule *rule, const struct context *input, const struct search *search)
{
	struct searches *searches = search_all(input);
	struct lookup lookup = {.search = search};
	/* d ->> $1: which expression that is, its value says; none of the facts does. */
	if (!is_lookup(searches, &lookup) || search->operand->has_parameter || search->value->has_column ||
	    search->value->is_volatile || rules_size(rule, input, search->table) == TABLE_SMALL)
		return lookup;
	if (!lookup.equal && (!pattern_shape_of(search->term->pattern, searches->input.bound, &lookup.shape) ||
	                      lookup.shape.only_wildcards))
		return lookup;
	/* There LIKE is an error, up to PostgreSQL 17. */
	const struct dictionary_collation *by =
	    dictionary_collation(searches->access->dictionary, search->term->input_collation);
	if (!lookup.equal && by != NULL && by->nondeterministic)
		return lookup;
	/* No index serves what is negated. As most of the table comes out of it, that is worth a word only where a
	 * pattern is searched in every value. */
	if (lookup.negated && (lookup.reading != READING_LIKE || !lookup.shape.leading_wildcard))
		return lookup;
	lookup.need = need_of(&lookup);
	if (search->hit.quality < MATCHING_LOSSY && search->hit.quality != MATCHING_PARTIAL)
		lookup.complaint = complaint_of(searches, &lookup);
	return lookup;
}

bool lookup_is_cased(const struct searches *searches, const struct term *term, const char **name)
{
	const struct dictionary_function *function =
	    term->kind == TERM_CALL ? dictionary_function(searches->access->dictionary, term->oid) : NULL;
	if (function == NULL || term->count != 1 ||
	    (strcmp(function->name, "upper") != 0 && strcmp(function->name, "lower") != 0))
		return false;
	*name = function->name;
	return true;
}

void lookup_describe_across(const struct context *input, const struct catalog_relation *table, const struct term *strange,
                            struct arena *arena, struct finding *finding)
{
	const int16_t at = term_relation(strange);
	const struct catalog_relation *other = at >= 0 ? context_relation(input, at) : NULL;
	finding->message = arena_printf(arena,
	                                "each call reads the whole table: one arm of the OR asks %s, so that no index of %s serves "
	                                "it",
	                                other ? remedy_table(arena, other) : "another table", remedy_table(arena, table));
	finding->hint = "Ask each table by itself, and put the answers together by UNION.";
	finding->fix_django = "first.union(second)  # a query for each table; in the admin, search_fields of one table";
}

static bool is_lookup(const struct searches *searches, struct lookup *lookup)
{
	const struct search *search = lookup->search;
	const struct clause_pattern *pattern = search->term->pattern;
	const char *operator= search->operator->name, *cased;
	if (pattern == NULL) {
		lookup->equal = true;
		return strcmp(operator, "=") == 0 && search->term->variant != CLAUSE_SUBLINK && !search->term->flag &&
		       search->column != NULL && lookup_is_cased(searches, search->operand, &cased);
	}
	/* ^@ is no pattern of the user's. A pattern out of a column or a sub-select is another rule's. */
	if (strchr(operator, '~') == NULL ||
	    (pattern->operand != OPERAND_LITERAL && pattern->operand != OPERAND_PARAMETER))
		return false;
	lookup->reading = pattern->reading;
	lookup->negated = operator[0] == '!';
	lookup->folds_case = operator[strlen(operator) - 1] == '*';
	return true;
}

static enum lookup_need need_of(const struct lookup *lookup)
{
	const struct pattern_shape *shape = &lookup->shape;
	const bool regex = lookup->reading != READING_LIKE;
	if (lookup->negated)
		return NEED_UNSERVABLE;
	if (lookup->equal)
		return NEED_EQUALITY;
	if (!lookup->folds_case && !shape->leading_wildcard && (shape->has_prefix || (!regex && !shape->has_wildcard)))
		return NEED_PATTERN_OPS;
	/* A short LIKE pattern is the user's input and the next one is longer; a regular expression is mostly not. */
	return regex && !shape->has_trigram ? NEED_UNSERVABLE : NEED_TRIGRAM;
}

/* An index that is there for nothing says more than one that is missing. */
static enum lookup_complaint complaint_of(struct searches *searches, struct lookup *lookup)
{
	if (lookup->search->hit.quality == MATCHING_WHOLE) {
		lookup->index = lookup->search->hit.index;
		return LOOKUP_SHORT;
	}
	if (!lookup->negated && find_mismatch(searches, lookup))
		return LOOKUP_MISMATCH;
	if (lookup->equal)
		return LOOKUP_IEXACT;
	if (lookup->reading == READING_LIKE)
		return lookup->shape.leading_wildcard ? LOOKUP_LEADING : LOOKUP_PREFIX;
	return lookup->need == NEED_PATTERN_OPS ? LOOKUP_PREFIX : LOOKUP_REGEX;
}

/* Would a key of that kind serve the search, were it asked of what the key is on? */
static bool would_serve(struct searches *searches, const struct lookup *lookup, const struct matching_index *index,
                        uint16_t at)
{
	const struct search *search = lookup->search;
	const struct term *term = search->term, *key = index->keys[at];
	struct arena *arena = &searches->arena;
	const int side = term->items[0]->has_column ? 0 : 1;
	if (lookup->equal) {
		const char *method = index->index->method;
		return strcmp(method, "btree") == 0 || strcmp(method, "hash") == 0;
	}
	/* As a text, which varchar and its like are by another name only. */
	struct term *same = term_new(TERM_RELABEL, &key, 1, arena);
	same->type = term->items[side]->type;
	struct term *asked = arena_alloc(arena, sizeof(*asked));
	const struct term **items = arena_alloc(arena, 2 * sizeof(*items));
	items[side] = same;
	items[1 - side] = term->items[1 - side];
	*asked = *term;
	asked->items = items;
	return matching_key(access_matching(searches->access, search->relation), index, at, asked) == MATCHING_GOOD;
}

static bool find_mismatch(struct searches *searches, struct lookup *lookup)
{
	const struct search *search = lookup->search;
	const struct matching_index *indexes = searches->access->indexes[search->relation];
	if (search->column == NULL)
		return false;
	for (uint16_t at = 0; at < searches->access->index_counts[search->relation]; at++) {
		if (indexes[at].holds == TERM_NO)
			continue;
		/* Behind another key it is not the expression that matters. */
		const uint16_t keys = strcmp(indexes[at].index->method, "btree") == 0 ? 1 : indexes[at].index->key_count;
		for (uint16_t key = 0; key < keys; key++) {
			const struct term *other = indexes[at].keys[key];
			const struct term *column = other != NULL ? search_only_column(other) : NULL;
			if (column == NULL || term_equal(column, search->column) != TERM_YES ||
			    term_equal(other, search->operand) != TERM_NO ||
			    !would_serve(searches, lookup, &indexes[at], key))
				continue;
			lookup->index = indexes[at].index;
			lookup->key = other;
			return true;
		}
	}
	return false;
}

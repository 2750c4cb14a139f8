#include "inspect/indexes.h"

#include "config/check.h"
#include "inspect/partial.h"

#include <string.h>

/* What one key of an index can do for a predicate, the expression left aside. */
enum serves { SERVES_NOT, SERVES_NO_TRIGRAM, SERVES };

/* PostgreSQL takes a column without statistics to have that many values (selfuncs.h, DEFAULT_NUM_DISTINCT). */
static const double default_distinct = 200;
/* An IN list of several items; how many is not in the statement's key. A page of a list is a few dozens. */
static const double several_items = 25;
/* Of a pattern with a trigram; PostgreSQL's estimates for short words lie about there. */
static const double pattern_selectivity = 0.0001;

static enum serves key_serves(const struct catalog_relation *relation, const struct catalog_index *index,
                              const struct catalog_index_key *key, const struct fact_predicate *predicate,
                              const struct pattern_shape *shape);
static bool key_reachable(const struct catalog_relation *relation, const struct facts *facts,
                          const struct catalog_index *index, uint16_t at, const struct fact_predicate *predicate);
static bool same_expression(const struct catalog_index_key *key, const struct fact_predicate *predicate);
static bool same_column(const struct catalog_index_key *key, const struct fact_predicate *predicate);
static bool same_collation(const struct catalog_relation *relation, const struct catalog_index_key *key,
                           const struct fact_predicate *predicate);
static bool is_citext(const struct catalog_relation *relation, const struct fact_predicate *predicate);
static bool is_nondeterministic(const struct catalog_relation *relation, const struct fact_predicate *predicate);
static bool usable(const struct catalog_index *index, const struct facts *facts,
                   const struct fact_predicate *predicate);
static const struct fact_predicate *equality_on(const struct catalog_relation *relation, const struct facts *facts,
                                                const struct catalog_index *index, const struct catalog_index_key *key,
                                                const struct fact_predicate *except);
static double selectivity(const struct catalog_relation *relation, const struct fact_predicate *predicate, double rows);
static bool is(const struct fact_predicate *predicate, enum predicate_operator kind);
static bool is_pattern(const struct fact_predicate *predicate);
static bool has_method(const struct catalog_index *index, const char *method);
static bool has_no_equality(const char *gin_opclass);
static bool ends_with(const char *text, const char *end);

struct indexes_match indexes_for(const struct catalog_relation *relation, const struct facts *facts,
                                 const struct fact_predicate *predicate, const struct pattern_shape *shape)
{
	struct indexes_match best = {.answer = INDEXES_NOT_SERVED};
	if (!shape)
		shape = &predicate->shape;
	for (uint16_t i = 0; i < relation->index_count; i++) {
		const struct catalog_index *index = &relation->indexes[i];
		if (!usable(index, facts, predicate))
			continue;
		for (uint16_t k = 0; k < index->key_count; k++) {
			const struct catalog_index_key *key = &index->keys[k];
			bool same = same_expression(key, predicate);
			if (!same && !same_column(key, predicate))
				continue;
			enum serves serves = key_serves(relation, index, key, predicate, shape);
			if (serves == SERVES_NOT || !key_reachable(relation, facts, index, k, predicate))
				continue;
			enum indexes_answer answer = INDEXES_OTHER_EXPRESSION;
			if (same)
				answer = serves == SERVES ? INDEXES_SERVED : INDEXES_NO_TRIGRAM;
			else if (serves != SERVES)
				continue;
			if (answer < best.answer)
				best = (struct indexes_match){.answer = answer, .index = index};
		}
	}
	return best;
}

double indexes_rows_left(const struct catalog_relation *relation, const struct facts *facts,
                         const struct fact_predicate *except)
{
	const double rows = relation->rows < 0 ? INDEXES_ROWS_ASSUMED : relation->rows;
	double least = rows;
	for (uint16_t i = 0; i < relation->index_count; i++) {
		const struct catalog_index *index = &relation->indexes[i];
		if (!usable(index, facts, except))
			continue;
		double left = rows;
		uint16_t k = 0;
		for (; k < index->key_count; k++) {
			const struct fact_predicate *equal =
			    equality_on(relation, facts, index, &index->keys[k], except);
			if (!equal)
				break;
			left *= selectivity(relation, equal, rows);
		}
		if (k == index->key_count && index->unique && !index->predicate)
			left = left < 1 ? left : 1;
		least = left < least ? left : least;
	}
	/* A pattern that a trigram index serves leaves little, too. */
	for (uint16_t i = 0; i < facts->predicate_count; i++) {
		const struct fact_predicate *other = &facts->predicates[i];
		if (!indexes_restricts_same(other, except) || !is_pattern(other) || !other->shape.known ||
		    other->shape.only_wildcards)
			continue;
		if (indexes_for(relation, facts, other, NULL).answer == INDEXES_SERVED &&
		    rows * pattern_selectivity < least)
			least = rows * pattern_selectivity;
	}
	return least;
}

double indexes_rows_joined(const struct catalog_relation *relation, const struct facts *facts, int16_t at,
                           const char *expression)
{
	const double rows = relation->rows < 0 ? INDEXES_ROWS_ASSUMED : relation->rows;
	const struct catalog_column *column = catalog_column(relation, expression);
	struct fact_predicate equal = {
	    .relation = at,
	    .level = facts->relations[at].level,
	    .operator= PREDICATE_EQUAL,
	    .expression = expression,
	    .column = column ? column->name : NULL,
	    .bare = column != NULL,
	    .operand = OPERAND_COLUMN,
	};
	struct indexes_match match = indexes_for(relation, facts, &equal, NULL);
	if (match.answer != INDEXES_SERVED)
		return rows;
	if (match.index->unique && match.index->key_count == 1)
		return 1;
	return rows * selectivity(relation, &equal, rows);
}

bool indexes_restricts_same(const struct fact_predicate *one, const struct fact_predicate *other)
{
	return one != other && one->relation == other->relation && one->level == other->level && one->conjunct &&
	       !one->negated;
}

/* -- one index ------------------------------------------------------------------------------------ */

static bool usable(const struct catalog_index *index, const struct facts *facts, const struct fact_predicate *predicate)
{
	if (!index->valid || !index->ready)
		return false;
	return !index->predicate || partial_implied(index->predicate, facts, predicate);
}

/* A B-tree is entered by its first key, or by the first ones that are all compared for equality; PostgreSQL can read
 * a whole index for a later key, which no large one should have to. GIN takes its keys in any order, and GiST nearly.
 */
static bool key_reachable(const struct catalog_relation *relation, const struct facts *facts,
                          const struct catalog_index *index, uint16_t at, const struct fact_predicate *predicate)
{
	if (at == 0 || has_method(index, "gin") || has_method(index, "gist"))
		return true;
	for (uint16_t k = 0; k < at; k++) {
		if (!equality_on(relation, facts, index, &index->keys[k], predicate))
			return false;
	}
	return true;
}

/* As match_pattern_prefix in PostgreSQL's like_support.c decides for B-trees, hash and SP-GiST, and the operator
 * classes of pg_trgm for GIN and GiST. */
static enum serves key_serves(const struct catalog_relation *relation, const struct catalog_index *index,
                              const struct catalog_index_key *key, const struct fact_predicate *predicate,
                              const struct pattern_shape *shape)
{
	const char *opclass = key->opclass ? key->opclass : "";
	bool trigram = strcmp(opclass, "gin_trgm_ops") == 0 || strcmp(opclass, "gist_trgm_ops") == 0;
	bool pattern_ops = ends_with(opclass, "_pattern_ops") && strcmp(opclass, "citext_pattern_ops") != 0;
	bool btree = has_method(index, "btree");
	bool spgist_text = has_method(index, "spgist") && strcmp(opclass, "text_ops") == 0;

	switch (predicate->operator) {
	case PREDICATE_EQUAL:
		/* pg_trgm serves = since 1.6. BRIN would read most of the table, unless it is sorted that way. */
		if (!same_collation(relation, key, predicate) || has_method(index, "brin"))
			return SERVES_NOT;
		/* citext has an = of its own. */
		if (predicate->bare && strncmp(opclass, "citext_", 7) != 0 && is_citext(relation, predicate))
			return SERVES_NOT;
		return btree || trigram || spgist_text || has_method(index, "hash") || has_method(index, "gist") ||
		               (has_method(index, "gin") && !has_no_equality(opclass))
		           ? SERVES
		           : SERVES_NOT;
	case PREDICATE_RANGE:
		return ((btree && !pattern_ops) || spgist_text) && same_collation(relation, key, predicate)
		           ? SERVES
		           : SERVES_NOT;
	case PREDICATE_IS_NULL:
	case PREDICATE_IS_NOT_NULL:
		return btree || has_method(index, "gist") ? SERVES : SERVES_NOT;
	case PREDICATE_BOOLEAN:
		return btree || has_method(index, "hash") ? SERVES : SERVES_NOT;
	case PREDICATE_LIKE:
	case PREDICATE_REGEX:
	case PREDICATE_SIMILAR:
	case PREDICATE_ILIKE:
	case PREDICATE_IREGEX:
		break;
	default:
		return SERVES_NOT;
	}

	if (is_nondeterministic(relation, predicate))
		return SERVES_NOT; /* an error, up to PostgreSQL 17 */
	bool folds_case = is(predicate, PREDICATE_ILIKE) || is(predicate, PREDICATE_IREGEX);
	if (!shape->known) {
		bool may = trigram ? same_collation(relation, key, predicate)
		                   : !folds_case && ((btree && (pattern_ops || key->collation_is_c)) || spgist_text);
		return may ? SERVES : SERVES_NOT;
	}
	if (trigram) {
		if (!same_collation(relation, key, predicate))
			return SERVES_NOT;
		return shape->has_trigram ? SERVES : SERVES_NO_TRIGRAM;
	}
	if (folds_case)
		return SERVES_NOT;
	bool exact = is(predicate, PREDICATE_LIKE) && !shape->has_wildcard;
	if (exact && (btree || has_method(index, "hash") || spgist_text))
		return SERVES; /* as =, in any collation */
	if (shape->leading_wildcard || !shape->has_prefix)
		return SERVES_NOT;
	return (btree && (pattern_ops || key->collation_is_c)) || spgist_text ? SERVES : SERVES_NOT;
}

static bool same_expression(const struct catalog_index_key *key, const struct fact_predicate *predicate)
{
	const char *wanted = predicate->expression, *had = key->expression;
	if (!wanted || !had)
		return false;
	if (strcmp(wanted, had) == 0)
		return true;
	/* Django 3.2 casts a citext column to what it is; upper() takes it as text all the same. */
	size_t len = strlen(wanted), cast = strlen("::citext)");
	return (strncmp(wanted, "upper(", 6) == 0 || strncmp(wanted, "lower(", 6) == 0) && len > cast &&
	       strcmp(wanted + len - cast, "::citext)") == 0 && strncmp(wanted, had, len - cast) == 0 &&
	       strcmp(had + len - cast, ")") == 0;
}

/* Is the key on that column, or on an expression that names it? */
static bool same_column(const struct catalog_index_key *key, const struct fact_predicate *predicate)
{
	if (!predicate->column || !key->expression)
		return false;
	if (key->column)
		return strcmp(key->column, predicate->column) == 0;
	size_t len = strlen(predicate->column);
	for (const char *at = key->expression; (at = strstr(at, predicate->column)); at++) {
		char before = at == key->expression ? ' ' : at[-1];
		char after = at[len];
		if (strchr(" (\",", before) && (after == 0 || strchr(" )\",:[", after)))
			return true;
	}
	return false;
}

static bool is_citext(const struct catalog_relation *relation, const struct fact_predicate *predicate)
{
	const struct catalog_column *column = predicate->column ? catalog_column(relation, predicate->column) : NULL;
	return column && strcmp(column->type, "citext") == 0;
}

static bool is_nondeterministic(const struct catalog_relation *relation, const struct fact_predicate *predicate)
{
	const struct catalog_column *column = predicate->column ? catalog_column(relation, predicate->column) : NULL;
	return column && column->collation_nondeterministic && !predicate->collation;
}

static bool same_collation(const struct catalog_relation *relation, const struct catalog_index_key *key,
                           const struct fact_predicate *predicate)
{
	const char *collation = predicate->collation;
	if (!collation && predicate->column) {
		const struct catalog_column *column = catalog_column(relation, predicate->column);
		collation = column ? column->collation : NULL;
	}
	return !collation || !key->collation || strcmp(collation, key->collation) == 0;
}

/* -- what else restricts the table ---------------------------------------------------------------- */

static const struct fact_predicate *equality_on(const struct catalog_relation *relation, const struct facts *facts,
                                                const struct catalog_index *index, const struct catalog_index_key *key,
                                                const struct fact_predicate *except)
{
	for (uint16_t i = 0; i < facts->predicate_count; i++) {
		const struct fact_predicate *other = &facts->predicates[i];
		bool equals =
		    is(other, PREDICATE_EQUAL) || is(other, PREDICATE_IS_NULL) || is(other, PREDICATE_BOOLEAN);
		bool constant = other->operand != OPERAND_COLUMN && other->operand != OPERAND_SUBQUERY;
		if (equals && constant && indexes_restricts_same(other, except) && same_expression(key, other) &&
		    key_serves(relation, index, key, other, &other->shape) == SERVES)
			return other;
	}
	return NULL;
}

static double selectivity(const struct catalog_relation *relation, const struct fact_predicate *predicate, double rows)
{
	const struct catalog_column *column = predicate->bare ? catalog_column(relation, predicate->column) : NULL;
	if (is(predicate, PREDICATE_IS_NULL))
		return column && column->has_statistics ? column->null_fraction : 1;
	/* Of the two values of a boolean the rarer one may be asked for; which one is, nothing here says. */
	if (is(predicate, PREDICATE_BOOLEAN))
		return 0.5;
	double distinct = default_distinct;
	if (column && column->has_statistics && column->distinct != 0)
		distinct = column->distinct > 0 ? column->distinct : -column->distinct * rows;
	if (distinct < 1)
		distinct = 1;
	double of = (predicate->items > 1 ? several_items : 1) / distinct;
	return of < 1 ? of : 1;
}

/* -- small things --------------------------------------------------------------------------------- */

static bool is(const struct fact_predicate *predicate, enum predicate_operator kind)
{
	return predicate->operator == kind;
}

static bool is_pattern(const struct fact_predicate *predicate)
{
	switch (predicate->operator) {
	case PREDICATE_LIKE:
	case PREDICATE_ILIKE:
	case PREDICATE_REGEX:
	case PREDICATE_IREGEX:
	case PREDICATE_SIMILAR:
		return true;
	default:
		return false;
	}
}

static bool has_method(const struct catalog_index *index, const char *method)
{
	return index->method && strcmp(index->method, method) == 0;
}

/* GIN's own operator classes look inside a value; those of btree_gin compare it. */
static bool has_no_equality(const char *gin_opclass)
{
	return strncmp(gin_opclass, "jsonb_", 6) == 0 || strcmp(gin_opclass, "tsvector_ops") == 0 ||
	       strcmp(gin_opclass, "hstore_ops") == 0 || strcmp(gin_opclass, "gin_hstore_ops") == 0;
}

static bool ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);
	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

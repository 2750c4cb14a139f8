#include "inspect/access/selectivity.h"

#include "config/limits.h"
#include "inspect/access/reach.h"

#include <math.h>
#include <string.h>

/* PostgreSQL takes a column without statistics to have that many values (selfuncs.h, DEFAULT_NUM_DISTINCT). */
static const double default_distinct = 200;
/* Of a table whose size is not known. */
static const double rows_assumed = 1000000;
/* An IN list of several items; how many is not in the statement's key. A page of a list is a few dozens. */
static const double several_items = 25;
/* Of a pattern with a trigram; PostgreSQL's estimates for short words lie about there. */
static const double pattern_share = 0.0001;

/* How many joins are followed from table to table. */
enum { JOINS_MAX = 3 };

struct estimate {
	struct access *access;
	enum selectivity_unknown unknown;
	bool seen[LIMIT_FACTS_RELATIONS]; /* the tables that a join has led through */
	int depth;
};

static double rows_left(struct estimate *e, int16_t relation, const struct access_condition *except);
static double share_of_condition(struct estimate *e, int16_t relation, const struct term *term);
static double share_of_either(struct estimate *e, int16_t relation, const struct term *either);
static double share_of_comparison(struct estimate *e, int16_t relation, const struct term *term);
static double share_of_join(struct estimate *e, int16_t relation, const struct term *term, double each);
static double rows_found(struct estimate *e, int16_t relation, const struct access_condition *except);

bool selectivity_restricted(const struct table_sizes *sizes, const struct context *input, int16_t relation,
                            const struct access_condition *except, enum selectivity_unknown unknown)
{
	struct searches *searches = search_all(input);
	struct estimate estimate = {.access = searches->access, .unknown = unknown};
	if (searches->access == NULL || searches->input.relations[relation] == NULL)
		return false;
	const double known = searches->input.relations[relation]->rows, rows = known < 0 ? rows_assumed : known;
	const double left = rows_left(&estimate, relation, except);
	return left < rows / 100 && left < sizes->medium_rows;
}

/* -- rows ------------------------------------------------------------------------------------------------ */

static double not_known(const struct estimate *e)
{
	return e->unknown == SELECTIVITY_UNKNOWN_IS_LITTLE ? 0 : 1;
}

static const struct catalog_relation *table_of(const struct estimate *e, int16_t relation)
{
	return e->access->input->relations[relation];
}

static double rows_of(const struct catalog_relation *table)
{
	return table->rows < 0 ? rows_assumed : table->rows;
}

static double rows_left(struct estimate *e, int16_t relation, const struct access_condition *except)
{
	const double rows = rows_of(table_of(e, relation));
	double share = 1;
	e->seen[relation] = true;
	for (uint16_t at = 0; at < e->access->condition_count; at++) {
		const struct access_condition *condition = &e->access->conditions[at];
		if (condition != except && reach_restricts(e->access, condition, relation))
			share *= share_of_condition(e, relation, condition->term);
	}
	e->seen[relation] = false;
	const double found = rows_found(e, relation, except);
	return rows * share < found ? rows * share : found;
}

static double items_of(const struct term *term)
{
	if (term->kind != TERM_ARRAY_OPERATOR)
		return 1;
	return term->items[1]->kind == TERM_ARRAY && term->items[1]->count == 1 ? 1 : several_items;
}

/* A value for each key of a unique index leads to one row at most. */
static double rows_found(struct estimate *e, int16_t relation, const struct access_condition *except)
{
	double least = INFINITY;
	const struct matching *matching = access_matching(e->access, relation);
	for (uint16_t at = 0; at < e->access->index_counts[relation]; at++) {
		const struct matching_index *index = &e->access->indexes[relation][at];
		double rows = index->index->unique && index->index->predicate == NULL ? 1 : INFINITY;
		for (uint16_t key = 0; rows < INFINITY && key < index->index->key_count; key++) {
			double values = INFINITY;
			for (uint16_t i = 0; i < e->access->condition_count; i++) {
				const struct term *term = e->access->conditions[i].term;
				const struct dictionary_operator *operator=
				    dictionary_operator(e->access->dictionary, term->oid);
				bool equal = &e->access->conditions[i] != except &&
				             (term->kind == TERM_OPERATOR || term->kind == TERM_ARRAY_OPERATOR) &&
				             operator!= NULL && strcmp(operator->name, "=") == 0 &&
				             (!term->items[0]->has_column || !term->items[1]->has_column) &&
				             term->variant != CLAUSE_SUBLINK &&
				             reach_restricts(e->access, &e->access->conditions[i], relation) &&
				             matching_key(matching, index, key, term) == MATCHING_GOOD;
				if (equal && items_of(term) < values)
					values = items_of(term);
			}
			rows *= values;
		}
		least = rows < least ? rows : least;
	}
	return least;
}

/* -- shares ---------------------------------------------------------------------------------------------- */

/* Of a value that nobody can see: whoever asks for one of a table's values asks for the common ones more often. */
static double share_of_value(const struct catalog_column *known, double rows)
{
	if (known->typical_share > 0)
		return known->typical_share;
	double distinct = known->distinct > 0 ? known->distinct : -known->distinct * rows;
	return distinct < 1 ? 1 : (1 - known->null_fraction) / distinct;
}

static const struct catalog_column *column_of(const struct catalog_relation *table, const struct term *column)
{
	for (uint16_t at = 0; column != NULL && at < table->column_count; at++) {
		if (table->columns[at].number == column->column)
			return &table->columns[at];
	}
	return NULL;
}

static double share_of_column(const struct estimate *e, const struct catalog_relation *table, const struct term *column)
{
	const struct catalog_column *known = column_of(table, column);
	if (known == NULL || !known->has_statistics || known->distinct == 0)
		return e->unknown == SELECTIVITY_UNKNOWN_IS_LITTLE ? 0 : 1 / default_distinct;
	return share_of_value(known, rows_of(table));
}

bool selectivity_of_flag(const struct catalog_relation *table, const struct term *term, double *share)
{
	const bool test = term->kind == TERM_NOT || term->kind == TERM_BOOLEAN_TEST;
	const struct term *flag = test ? term_strip(term->items[0]) : term;
	const struct catalog_column *known = flag->kind == TERM_COLUMN ? column_of(table, flag) : NULL;
	if (known == NULL || !known->has_statistics || !known->has_true_share)
		return false;
	const double no = 1 - known->null_fraction - known->true_share, is = known->true_share;
	*share = term->kind == TERM_NOT ? no : is;
	const double shares[] = {
	    [TEST_TRUE] = is,           [TEST_NOT_TRUE] = 1 - is,
	    [TEST_FALSE] = no,          [TEST_NOT_FALSE] = 1 - no,
	    [TEST_UNKNOWN] = known->null_fraction, [TEST_NOT_UNKNOWN] = 1 - known->null_fraction,
	};
	if (term->kind == TERM_BOOLEAN_TEST)
		*share = shares[term->variant];
	return true;
}

/* flag, NOT flag, flag IS TRUE and its like: the one kind of value that a statement shows. */
static double share_of_boolean(const struct estimate *e, const struct catalog_relation *table, const struct term *term)
{
	double share;
	if (selectivity_of_flag(table, term, &share))
		return share;
	share = share_of_column(e, table, search_only_column(term));
	return share > 0 && share < 0.5 ? 0.5 : share;
}

static double share_of_condition(struct estimate *e, int16_t relation, const struct term *term)
{
	const struct matching *matching = access_matching(e->access, relation);
	double share = 1;
	if (term->kind == TERM_AND) {
		for (uint16_t at = 0; at < term->count; at++)
			share *= share_of_condition(e, relation, term->items[at]);
		return share;
	}
	struct matching_hit hit =
	    matching_arm(matching, e->access->indexes[relation], e->access->index_counts[relation], term);
	enum matching_quality wanted = e->unknown == SELECTIVITY_UNKNOWN_IS_LITTLE ? MATCHING_LATER : MATCHING_GOOD;
	if (hit.quality < wanted)
		return 1;
	const struct catalog_relation *table = table_of(e, relation);
	switch (term->kind) {
	case TERM_OR:
		return share_of_either(e, relation, term);
	case TERM_OPERATOR:
	case TERM_ARRAY_OPERATOR:
		return share_of_comparison(e, relation, term);
	case TERM_NULL_TEST: {
		const struct catalog_column *known = column_of(table, search_only_column(term->items[0]));
		if (known == NULL || !known->has_statistics)
			return not_known(e);
		return term->flag ? 1 - known->null_fraction : known->null_fraction;
	}
	case TERM_COLUMN:
	case TERM_NOT:
	case TERM_BOOLEAN_TEST:
		return share_of_boolean(e, table, term);
	default:
		return not_known(e);
	}
}

static double share_of_either(struct estimate *e, int16_t relation, const struct term *either)
{
	double share = 0;
	for (uint16_t at = 0; at < either->count; at++)
		share += share_of_condition(e, relation, either->items[at]);
	return share < 1 ? share : 1;
}

static double share_of_comparison(struct estimate *e, int16_t relation, const struct term *term)
{
	const struct dictionary_operator *operator= dictionary_operator(e->access->dictionary, term->oid);
	if (term->pattern != NULL) {
		struct pattern_shape shape;
		bool known = pattern_shape_of(term->pattern, e->access->input->bound, &shape);
		return known && !shape.only_wildcards ? pattern_share : not_known(e);
	}
	if (operator== NULL || strcmp(operator->name, "=") != 0)
		return not_known(e);
	const int side = term_mentions(term->items[0], relation) ? 0 : 1;
	const struct term *column = search_only_column(term->items[side]);
	double each = share_of_column(e, table_of(e, relation), column);
	if (term->variant == CLAUSE_SUBLINK || term->items[1 - side]->has_column)
		return share_of_join(e, relation, term, each);
	each *= items_of(term);
	return each < 1 ? each : 1;
}

/* -- joins ----------------------------------------------------------------------------------------------- */

/* By unique values of one column a row of the other table finds one of ours. */
static double share_of_row(const struct estimate *e, int16_t relation, const struct term *operand, double each)
{
	const struct matching_index *indexes = e->access->indexes[relation];
	for (uint16_t at = 0; at < e->access->index_counts[relation]; at++) {
		const struct catalog_index *index = indexes[at].index;
		if (index->unique && index->predicate == NULL && index->key_count == 1 && indexes[at].keys[0] != NULL &&
		    term_equal(indexes[at].keys[0], term_strip(operand)) == TERM_YES)
			return 1 / (rows_of(table_of(e, relation)) + 1);
	}
	return each;
}

/* For each row that is left of the other table, ours are looked up. */
static double share_of_join(struct estimate *e, int16_t relation, const struct term *term, double each)
{
	const struct facts *facts = e->access->input->facts;
	const int side = term_mentions(term->items[0], relation) ? 0 : 1;
	double driving = INFINITY;
	if (e->depth == JOINS_MAX)
		return not_known(e);
	each = share_of_row(e, relation, term->items[side], each);
	e->depth++;
	for (uint16_t at = 0; at < facts->relation_count; at++) {
		/* x IN (SELECT …) does not say whose values they are: of a table of some level below. */
		bool drives = term->variant == CLAUSE_SUBLINK
		                  ? facts->levels[facts->relations[at].level].parent ==
		                        (int16_t)facts->relations[relation].level
		                  : term_relation(term->items[1 - side]) == (int16_t)at;
		if (!drives || e->seen[at])
			continue;
		double unread = e->unknown == SELECTIVITY_UNKNOWN_IS_LITTLE ? 0 : INFINITY;
		double rows = table_of(e, (int16_t)at) != NULL ? rows_left(e, (int16_t)at, NULL) : unread;
		driving = rows < driving ? rows : driving;
	}
	e->depth--;
	if (isinf(driving))
		return not_known(e);
	return each * driving < 1 ? each * driving : 1;
}

double selectivity_share(const struct search *search)
{
	const struct catalog_column *known = search->known;
	if (known == NULL || !known->has_statistics || known->distinct == 0)
		return 1;
	const double share = items_of(search->term) * share_of_value(known, search->table->rows);
	return share < 1 ? share : 1;
}

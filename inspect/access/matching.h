/* Which index of a table serves a condition or a sort, as PostgreSQL's planner would have it
 * (optimizer/path/indxpath.c, utils/adt/like_support.c, network.c). Works on terms; whether the index is worth its cost
 * is nobody's question here. */
#ifndef PGPROCTOR_INSPECT_MATCHING_H
#define PGPROCTOR_INSPECT_MATCHING_H

#include "inspect/catalog/catalog.h"
#include "inspect/access/pattern.h"
#include "inspect/access/term.h"

/* One appearance of a table in a statement, with what is and-ed to it. */
struct matching {
	const struct dictionary *dictionary;
	const struct catalog_relation *relation;
	int16_t number;                       /* the facts' index of the appearance */
	bool only;                            /* without what inherits from the table */
	const struct term *const *conditions; /* canonical */
	uint16_t condition_count;
	struct pattern_values bound;
	/* What hangs on hidden literals or on parameters counts as given. */
	bool generous;
	bool generic; /* as in typing.h: a pattern that is a parameter has no prefix */
	struct arena *arena;
};

struct matching_index {
	const struct catalog_index *index;
	const struct term *const *keys; /* NULL where the key can't be read */
	const struct term *predicate;
	bool generous;         /* the matching's */
	enum term_truth holds; /* whether the index has all rows that the conditions ask for */
};

/* What the key is on; NULL where that can't be read. */
const struct term *matching_key_of(const struct matching *matching, const struct catalog_index_key *key);

/* In order: the higher the better. */
enum matching_quality {
	MATCHING_NONE,
	MATCHING_PARTIAL, /* the index holds only such rows, and all of them have to be read */
	MATCHING_WHOLE,   /* the whole index is read: no trigram in the pattern */
	MATCHING_LATER,   /* a key behind one that isn't restricted */
	MATCHING_LOSSY,   /* BRIN */
	MATCHING_GOOD,
};

struct matching_hit {
	enum matching_quality quality;
	const struct catalog_index *index;
	uint16_t key;
};

/* The valid indexes of the table, with their keys as terms; *count of them. */
const struct matching_index *matching_indexes(const struct matching *matching, uint16_t *count);
/* One condition: of an AND the best part, of an OR the worst arm. */
struct matching_hit matching_condition(const struct matching *matching, const struct matching_index *indexes,
                                       uint16_t count, const struct term *condition);
/* The same for an arm of an OR: a partial index may owe its predicate to it. */
struct matching_hit matching_arm(const struct matching *matching, const struct matching_index *indexes, uint16_t count,
                                 const struct term *arm);
/* One condition against one key, alone. */
enum matching_quality matching_key(const struct matching *matching, const struct matching_index *index, uint16_t key,
                                   const struct term *condition);

struct matching_sort {
	const struct term *term;
	bool descending, nulls_first;
};
/* Do the conditions leave one value to sort by? */
bool matching_sorted_already(const struct matching *matching, const struct matching_sort *sorts, uint16_t sort_count);
/* MATCHING_GOOD: the index gives all of the order; `backwards` is nobody's business. */
struct matching_hit matching_order(const struct matching *matching, const struct matching_index *indexes,
                                   uint16_t count, const struct matching_sort *sorts, uint16_t sort_count);

#endif

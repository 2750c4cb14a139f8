/* One predicate as a look-up by text: which index would serve it, which one is there, and so which finding it calls
 * for, if any. What to say about it is rules_read.c's. */
#ifndef PGPROCTOR_INSPECT_LOOKUP_H
#define PGPROCTOR_INSPECT_LOOKUP_H

#include "inspect/indexes.h"
#include "inspect/rules.h"

/* Which finding a predicate calls for. In this order of preference: an index that is there for nothing says more
 * than one that is missing. */
enum lookup_complaint {
	LOOKUP_NONE,
	LOOKUP_MISMATCH, /* Q103 */
	LOOKUP_SHORT,    /* Q102 */
	LOOKUP_LEADING,  /* Q101 */
	LOOKUP_PREFIX,   /* Q104 */
	LOOKUP_IEXACT,   /* Q105 */
	LOOKUP_REGEX,    /* Q106 */
};

/* The kind of index that would serve. */
enum lookup_need { NEED_TRIGRAM, NEED_PATTERN_OPS, NEED_EQUALITY, NEED_UNSERVABLE };

struct lookup {
	const struct rule *rule; /* that asks: its thresholds count */
	const struct fact_predicate *predicate;
	const struct catalog_relation *relation;
	const struct catalog_column *column; /* NULL when the expression has several, or none that is known */
	struct pattern_shape shape;
	struct indexes_match match;
	enum lookup_complaint complaint;
	enum lookup_need need;
};

/* LOOKUP_NONE when there is nothing to say: it is served, the table is small or not known, or the pattern is not known
 * before Bind. */
struct lookup lookup_of(const struct rule *rule, const struct rule_input *input,
                        const struct fact_predicate *predicate);
/* Do the other conditions, or a join, leave so few rows that checking the pattern on each costs nothing? Asked last: it
 * goes over all other predicates. */
bool lookup_restricted(const struct rule_input *input, const struct lookup *lookup);
/* Does it match a pattern: LIKE, ~ and their kin? */
bool lookup_is_pattern(const struct fact_predicate *predicate);
/* Is the predicate's expression upper(…) or lower(…) of something with one column? */
bool lookup_is_upper_or_lower(const struct fact_predicate *predicate);

#endif

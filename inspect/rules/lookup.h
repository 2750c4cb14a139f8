/* A search by text, by pattern or without regard to case: which index would serve it, which one is there, and so which
 * finding it calls for, if any. What to say about it is rules_read.c's. */
#ifndef PGPROCTOR_INSPECT_LOOKUP_H
#define PGPROCTOR_INSPECT_LOOKUP_H

#include "inspect/access/search.h"
#include "inspect/rules/rules.h"

/* Which finding a search calls for. */
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
	const struct search *search;
	bool equal;                 /* =, IN; else a pattern */
	bool negated;               /* NOT LIKE */
	bool folds_case;            /* ILIKE, ~* */
	enum clause_reading reading;
	struct pattern_shape shape;
	enum lookup_complaint complaint;
	enum lookup_need need;
	/* LOOKUP_MISMATCH: the index that would serve, were it on the operand, and the key that it is on instead;
	 * LOOKUP_SHORT: the trigram index. */
	const struct catalog_index *index;
	const struct term *key;
};

/* LOOKUP_NONE when there is nothing to say: it is served, the table is small or not known, or the pattern is not known
 * before Bind. */
struct lookup lookup_of(const struct rule *rule, const struct context *input, const struct search *search);
/* upper(…) or lower(…) of something; `name` is which. */
bool lookup_is_cased(const struct searches *searches, const struct term *term, const char **name);

/* The words for an OR that asks another table, too, in the arm `strange` (search_strange_arm). */
void lookup_describe_across(const struct context *input, const struct catalog_relation *table, const struct term *strange,
                            struct arena *arena, struct finding *finding);

#endif

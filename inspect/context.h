/* What a statement is judged by: its facts, and around them the catalog, the session, the settings and the statements
 * before it in the same message; and the questions that only these together answer. Knows no rule, nor how any of it
 * is judged. */
#ifndef PGPROCTOR_INSPECT_CONTEXT_H
#define PGPROCTOR_INSPECT_CONTEXT_H

#include "config/check.h"
#include "config/limits.h"
#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"
#include "inspect/session/session_state.h"
#include "inspect/verdict.h"

struct searches; /* search.h */
struct traffic;  /* traffic.h */

/* From where on a table is large, and medium. */
struct table_sizes {
	double large_rows;
	int64_t large_bytes;
	double medium_rows;
};

enum table_size { TABLE_SMALL, TABLE_MEDIUM, TABLE_LARGE, TABLE_UNKNOWN };

enum { RULE_THRESHOLDS = 3 };

/* Thresholds and action of one rule, resolved once from the settings. */
struct rule_setting {
	enum action action;       /* never ACTION_DEFAULT */
	enum action action_worst; /* of what has severity_worst */
	struct table_sizes sizes;
	double thresholds[RULE_THRESHOLDS];
};

struct rule_settings {
	struct rule_setting rules[LIMIT_RULES]; /* by rules_index */
	struct table_sizes sizes;               /* where no rule is asked for */
};

struct context {
	const struct facts *facts;     /* of one statement */
	const struct catalog *catalog; /* NULL: not there */
	const struct session_state *session;
	const struct rule_settings *settings;
	const struct traffic *traffic;   /* NULL: not known */
	const struct bound_shape *bound; /* element 0 for $1; NULL before Bind */
	uint16_t bound_count;
	/* Filled in by rules_judge: the statements before this one in the same message, and where it is noted that
	 * a rule would have asked the catalog. */
	const struct facts *earlier;
	uint16_t earlier_count;
	bool *catalog_missing;
	uint8_t first_finding; /* of the verdict's that is about this statement */
	/* What search.h has made of the statement for the rules before; NULL in it: nothing. */
	struct searches **searches;
};

/* The table, partitioned table or materialised view of facts->relations[at]; NULL when it is anything else, a CTE,
 * temporary, created in this transaction or by an earlier statement of this message, a system table or unknown. */
const struct catalog_relation *context_relation(const struct context *context, int16_t at);
/* The same, but a view or foreign table too. */
const struct catalog_relation *context_named(const struct context *context, int16_t at);
/* The view of facts->relations[at] likewise; NULL, too, when its query is not known. */
const struct catalog_view *context_view(const struct context *context, int16_t at);
/* How unqualified names are found: the session's search_path, or what an earlier statement of this message sets it to.
 * NULL when that is not known. */
const char *context_search_path(const struct context *context);
/* Does the server plan it for whatever values its parameters may have? */
bool context_generic(const struct context *context);
/* By the sizes that hold for rules without their own; context_size_by: by those. */
enum table_size context_size(const struct context *context, const struct catalog_relation *relation);
enum table_size context_size_by(const struct table_sizes *sizes, const struct catalog_relation *relation);

#endif

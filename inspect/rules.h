/* The rule table and the engine that runs it. A rule is one row here and one function in rules_read.c,
 * rules_ddl.c or rules_constraint.c; adding one touches that file, the table and its test.
 *
 * What a table's size does: on a small table every rule is silent; on a medium one it has its severity for that, or
 * is silent; on a large one its own severity; where the size is not known, one severity lower, and the message says
 * so. A finding rejects only at the rule's own severity: one that was lowered is logged, whatever the settings. */
#ifndef PGPROCTOR_INSPECT_RULES_H
#define PGPROCTOR_INSPECT_RULES_H

#include "config/check.h"
#include "config/settings.h"
#include "inspect/catalog.h"
#include "inspect/facts.h"
#include "inspect/session_state.h"
#include "inspect/verdict.h"

/* The shape of a bound parameter; an array, element 0 for $1. */
struct bound_shape {
	bool known; /* text format, not NULL */
	struct pattern_shape like, regex, similar;
};

struct rule_input {
	const struct facts *facts;     /* of one statement */
	const struct catalog *catalog; /* NULL: not there */
	const struct session_state *session;
	const struct rule_settings *settings;
	const struct bound_shape *bound; /* NULL before Bind */
	uint16_t bound_count;
	/* Filled in by rules_judge: the statements before this one in the same message, and where it is noted that
	 * a rule would have asked the catalog. */
	const struct facts *earlier;
	uint16_t earlier_count;
	bool *catalog_missing;
};

/* Adds its findings to `verdict` by rules_add. */
typedef void rule_check_fn(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);

enum rule_scope {
	RULE_READS, /* runs on statements with predicates: SELECT, UPDATE, DELETE … */
	RULE_DDL,   /* runs on statements with actions, again for each execution */
};

struct rule {
	const char *slug;              /* "leading-wildcard-unindexed" */
	const char *code;              /* "Q101" */
	const char *title;             /* one line, as `--help` and README print it */
	enum severity severity;        /* on a large table */
	enum severity severity_medium; /* on a medium one, unless medium_silent */
	bool medium_silent;
	bool needs_parameters; /* a bound value can change its verdict: judged again at Bind */
	enum rule_scope scope;
	rule_check_fn *check;
};

/* Thresholds and each rule's action, resolved once from the settings. */
struct rule_settings {
	double large_rows;
	int64_t large_bytes;
	double medium_rows;
	enum action actions[128]; /* by index into rules_table, resolved by mode: never ACTION_DEFAULT */
};

extern const struct rule rules_table[];
extern const size_t rules_count;

/* By slug or code, without case; NULL when there is none. */
const struct rule *rules_find(const char *name);
/* False, and a message naming file, line and the nearest rule, when the settings name a rule or action that
 * does not exist. mode = observe logs everything; mode = enforce rejects what is SEVERITY_BLOCK. An action that
 * the settings name (off, log, reject) holds in either mode. */
MUST_USE bool rules_configure(struct rule_settings *out, const struct settings *settings, char *error,
                              size_t error_size);

/* Runs all rules of the scope over every statement. The verdict must be initialised; findings are added. */
void rules_judge(const struct facts *facts, uint16_t statement_count, const struct rule_input *input,
                 struct verdict *verdict);
/* True when a bound parameter can change the verdict: some predicate matches a pattern that is a parameter. */
bool rules_want_parameters(const struct facts *facts, uint16_t statement_count);

/* -- for the rules ---------------------------------------------------------------------------- */

enum rule_size { RULE_SMALL, RULE_MEDIUM, RULE_LARGE, RULE_UNKNOWN };

enum rule_size rules_size(const struct rule_input *input, const struct catalog_relation *relation);
/* The table, partitioned table or materialised view of facts->relations[at]; NULL when it is anything else, a CTE,
 * temporary, created in this transaction or by an earlier statement of this message, a system table or unknown. */
const struct catalog_relation *rules_relation(const struct rule_input *input, int16_t at);
/* How unqualified names are found: the session's search_path, or what an earlier statement of this message sets it to.
 * NULL when that is not known. */
const char *rules_search_path(const struct rule_input *input);

/* The strings of `finding` may be on the stack: they are copied; NULL is "". rule, severity (from size), action, table
 * and table_rows are filled in here. Does nothing when the rule is off or silent for that size, or when the same
 * finding is there already. */
void rules_add(struct verdict *verdict, const struct rule *rule, const struct rule_input *input,
               const struct catalog_relation *relation, const struct finding *finding);
/* The same, one severity lower: for a case that the rule names but that has no good remedy. */
void rules_add_lowered(struct verdict *verdict, const struct rule *rule, const struct rule_input *input,
                       const struct catalog_relation *relation, const struct finding *finding);

#endif

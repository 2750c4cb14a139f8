/* The rule table and the engine that runs it. A rule is one row here and one function in rules_read.c or
 * rules_ddl.c; adding one touches that file, the table and its test. */
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
	enum severity severity_medium; /* on a medium one; SEVERITY_INFO means silent there */
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
 * does not exist. mode = observe logs everything; mode = enforce rejects what is SEVERITY_BLOCK. */
MUST_USE bool rules_configure(struct rule_settings *out, const struct settings *settings, char *error,
                              size_t error_size);

/* Runs all rules of the scope over every statement. The verdict must be initialised; findings are added. */
void rules_judge(const struct facts *facts, uint16_t statement_count, const struct rule_input *input,
                 struct verdict *verdict);
/* True when a bound parameter can change the verdict: some predicate's operand is a parameter and its operator
 * is one that a needs_parameters rule looks at. */
bool rules_want_parameters(const struct facts *facts, uint16_t statement_count);

/* -- for the rules ---------------------------------------------------------------------------- */

enum rule_size { RULE_SMALL, RULE_MEDIUM, RULE_LARGE, RULE_UNKNOWN };

enum rule_size rules_size(const struct rule_input *input, const struct catalog_relation *relation);
/* The table of facts->relations[at]; NULL when it is a CTE, temporary, created in this transaction, a system
 * table or unknown. */
const struct catalog_relation *rules_relation(const struct rule_input *input, int16_t at);

/* The strings of `finding` may be on the stack: they are copied. rule, severity (from size) and action are filled
 * in here; does nothing when the rule is off or silent for that size. */
void rules_add(struct verdict *verdict, const struct rule *rule, const struct rule_input *input,
               const struct catalog_relation *relation, const struct finding *finding);

#endif

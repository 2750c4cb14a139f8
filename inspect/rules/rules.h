/* The rules and the engine that runs them. A rule is one row in the table of a rules_….c, its page included, and one
 * small function beside it; adding one touches that file and its test. A new file has one line in rules.c.
 *
 * What a table's size does: on a small table a rule is silent; on a medium one it has its severity for that, or is
 * silent; on a large one its own severity; where the size is not known, one severity lower, and the message says so;
 * and likewise, for the rules about queries, where the statistics are missing or stale.
 * A rule marked any_size has its own severity everywhere. A finding rejects only at the rule's own severity: one
 * that was lowered is logged, whatever the settings. */
#ifndef PGPROCTOR_INSPECT_RULES_H
#define PGPROCTOR_INSPECT_RULES_H

#include "config/settings.h"
#include "inspect/context.h"

/* Adds its findings to `verdict` by rules_add. */
typedef void rule_check_fn(const struct rule *rule, const struct context *input, struct verdict *verdict);
/* Judges a table by the catalog alone, whenever that has been read; `input` has no facts. */
typedef void rule_audit_fn(const struct rule *rule, const struct context *input,
                           const struct catalog_relation *relation, struct verdict *verdict);
/* Can the value of a bound parameter change the rule's verdict on that statement? Adds what the rule asks of the
 * parameters then; it may add, too, what it asks only where the verdict's `plan_matters` (verdict.h) says so. */
typedef bool rule_wants_fn(const struct facts *facts, struct shape_wants *wants);

enum rule_scope {
	RULE_READS,  /* runs on statements with a query level: SELECT, INSERT, UPDATE, DELETE … */
	RULE_WRITES, /* runs on statements with assignments: INSERT, UPDATE, MERGE */
	RULE_DDL,    /* runs on statements with actions, again for each execution */
	RULE_ANY,    /* runs on every statement */
	RULE_BEYOND, /* one statement does not decide it: `check` is NULL, others make its findings */
};

/* A number of the rule's own, to be set in [rule:NAME]. */
struct rule_threshold {
	const char *key;
	double value; /* by default */
};

struct rule {
	const char *slug;              /* "leading-wildcard-unindexed" */
	const char *code;              /* "Q101" */
	const char *title;             /* one line, as `check --rules` and README print it */
	enum severity severity;        /* on a large table, or with any_size on each */
	enum severity severity_medium; /* on a medium one */
	bool on_medium;                /* false: silent there */
	enum severity severity_worst;  /* what it may rise to by rules_add_worst; INFO: it has no other */
	bool any_size;                 /* what it finds is as bad on a small table, or needs none */
	bool wants_catalog;            /* a plain index would do, as many a column has one: silent where that is not known */
	enum rule_scope scope;
	struct rule_threshold thresholds[RULE_THRESHOLDS];
	rule_check_fn *check;
	rule_wants_fn *wants; /* NULL: parameters never matter to it */
	rule_audit_fn *audit; /* NULL: the catalog alone says nothing to it */
	/* Its page (report/rule_page.h). All four are there. Sentences are one line each paragraph, '\n' between two;
	 * code is as it shall stand. */
	const char *why;     /* what happens, in sentences */
	const char *example; /* what it finds, as SQL */
	const char *safe;    /* the same done well, as SQL and in Django's words */
	const char *decides; /* what it looks at, and when it is silent, in sentences */
};

/* The rows of one file. */
struct rule_group {
	const struct rule *rules;
	size_t count;
};

/* All rules, in the order of their codes within each file. */
size_t rules_count(void);
const struct rule *rules_at(size_t index);
/* 0 ≤ index < rules_count. */
size_t rules_index(const struct rule *rule);
/* By slug or code, without case; NULL when there is none. */
const struct rule *rules_find(const char *name);
/* The slug or code that comes nearest; NULL when none is near. */
const char *rules_nearest(const char *name);
/* False, and a message naming file, line and what comes nearest, when the settings name a rule, key or value that does
 * not exist. mode = observe logs everything; mode = enforce rejects what is of the severity enforce_from or worse. An
 * action that the settings name (off, log, reject) holds in either mode. */
MUST_USE bool rules_configure(struct rule_settings *out, const struct settings *settings, char *error,
                              size_t error_size);

/* Runs all rules over every statement. The verdict must be initialised; findings are added. */
void rules_judge(const struct facts *facts, uint16_t statement_count, const struct context *input,
                 struct verdict *verdict);
/* Runs the audits over one table; findings are added. Partitions are left out, their parents say as much. */
void rules_audit(const struct context *input, const struct catalog_relation *relation, struct verdict *verdict);
/* Is there a rule that may reject? */
bool rules_may_reject(const struct rule_settings *settings);
/* True when a bound parameter can change the verdict; adds what is asked of which. */
bool rules_want_parameters(const struct facts *facts, uint16_t statement_count, struct shape_wants *wants);

/* -- for the rules ---------------------------------------------------------------------------- */

/* By the rule's own sizes. */
enum table_size rules_size(const struct rule *rule, const struct context *input,
                           const struct catalog_relation *relation);
const struct rule_setting *rules_setting(const struct rule *rule, const struct context *input);
/* The rule's own number of that name. */
double rules_threshold(const struct rule *rule, const struct context *input, const char *key);
/* The column that is assigned to, by its name or its place; NULL when the catalog does not have it. */
const struct catalog_column *rules_assigned(const struct fact_assignment *assignment,
                                            const struct catalog_relation *relation);
/* Was the table never analysed, or not since much of it changed (rule Q129)? */
bool rules_stale(const struct context *input, const struct catalog_relation *relation);

/* As findings name it. */
const char *rules_table_name(struct arena *arena, const struct catalog_relation *relation);

/* The strings of `finding` may be on the stack: they are copied; NULL is "". rule, severity (from size), action, table
 * and table_rows are filled in here. Does nothing when the rule is off or silent for that size, or when the same
 * finding is there already. `relation` may be NULL for a rule marked any_size: the finding then names the table
 * itself, if there is one. */
void rules_add(struct verdict *verdict, const struct rule *rule, const struct context *input,
               const struct catalog_relation *relation, const struct finding *finding);
/* The same, one severity lower: for a case that the rule names but that has no good remedy. */
void rules_add_lowered(struct verdict *verdict, const struct rule *rule, const struct context *input,
                       const struct catalog_relation *relation, const struct finding *finding);
/* The same with the rule's severity_worst, whatever the table's size. */
void rules_add_worst(struct verdict *verdict, const struct rule *rule, const struct context *input,
                     const struct catalog_relation *relation, const struct finding *finding);
/* The same as a remark (SEVERITY_INFO). */
void rules_add_info(struct verdict *verdict, const struct rule *rule, const struct context *input,
                    const struct catalog_relation *relation, const struct finding *finding);

#endif

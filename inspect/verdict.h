/* What the rules say of one statement: at most LIMIT_VERDICT_FINDINGS findings, and whether to reject it. */
#ifndef PGPROCTOR_INSPECT_VERDICT_H
#define PGPROCTOR_INSPECT_VERDICT_H

#include "config/limits.h"
#include "inspect/arena.h"

#include <stdbool.h>
#include <stdint.h>

enum severity { SEVERITY_INFO, SEVERITY_WARN, SEVERITY_ERROR, SEVERITY_BLOCK };

enum action {
	ACTION_DEFAULT, /* only in settings: what the mode says */
	ACTION_OFF,
	ACTION_LOG,
	ACTION_REJECT,
};

enum evidence { EVIDENCE_SYNTAX, EVIDENCE_CATALOG, EVIDENCE_PLANNER, EVIDENCE_TRAFFIC };

struct rule;

/* No text of a finding holds a literal of the statement. */
struct finding {
	const struct rule *rule;
	enum severity severity; /* the rule's, or one lower on a medium table or unknown statistics */
	enum action action;     /* ACTION_LOG or ACTION_REJECT */
	enum evidence evidence;
	const char *table;   /* "schema.name", or "name" in public; "" when none */
	const char *column;  /* or "" */
	double table_rows;   /* < 0: unknown */
	const char *message; /* one sentence: what happens and why what is there does not help */
	const char *hint;    /* one sentence: what to do */
	const char *fix_sql; /* to paste; may hold several lines */
	const char *fix_django;
};

struct verdict {
	struct finding *findings; /* `count`; in the arena, NULL for none: most verdicts have none, and many are kept */
	uint8_t count;
	uint8_t dropped;      /* findings beyond the ceiling */
	int8_t rejected_by;   /* index of the finding that rejects, -1 when none */
	bool catalog_missing; /* a rule stayed silent because there is no catalog */
	/* Before Bind: a plan for any values lacks an index that one for the right values has (Q123, Q124); then: those
	 * that are bound are such. */
	bool plan_matters, plan_serves;
	bool texts_matter; /* it was asked what the bound texts are, not only of which shape */
	struct arena arena;   /* the texts */
};

const char *verdict_severity_name(enum severity severity); /* "info" "warning" "error" "block" */
const char *verdict_action_name(enum action action);       /* "logged" "rejected" */
const char *verdict_evidence_name(enum evidence evidence);
/* The worst finding's; one more than any where it rejects, -1 where there is none. */
int verdict_severity(const struct verdict *verdict);
void verdict_init(struct verdict *verdict);
/* One more, to be filled in; there must be room: at most LIMIT_VERDICT_FINDINGS. */
struct finding *verdict_next(struct verdict *verdict);
void verdict_fini(struct verdict *verdict);

#endif

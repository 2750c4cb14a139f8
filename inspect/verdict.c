#include "inspect/verdict.h"

#include "config/check.h"

#include <string.h>

const char *verdict_severity_name(enum severity severity)
{
	switch (severity) {
	case SEVERITY_INFO:
		return "info";
	case SEVERITY_WARN:
		return "warning";
	case SEVERITY_ERROR:
		return "error";
	case SEVERITY_BLOCK:
		return "block";
	}
	CHECK(!"a severity");
	return "";
}

const char *verdict_action_name(enum action action)
{
	CHECK(action == ACTION_LOG || action == ACTION_REJECT); /* the others never reach a finding */
	return action == ACTION_REJECT ? "rejected" : "logged";
}

const char *verdict_evidence_name(enum evidence evidence)
{
	switch (evidence) {
	case EVIDENCE_SYNTAX:
		return "syntax";
	case EVIDENCE_CATALOG:
		return "catalog";
	case EVIDENCE_PLANNER:
		return "planner";
	case EVIDENCE_TRAFFIC:
		return "traffic";
	}
	CHECK(!"an evidence");
	return "";
}

int verdict_severity(const struct verdict *verdict)
{
	int worst = -1;
	if (verdict->rejected_by >= 0)
		return SEVERITY_BLOCK + 1;
	for (uint8_t at = 0; at < verdict->count; at++) {
		int severity = (int)verdict->findings[at].severity;
		worst = severity > worst ? severity : worst;
	}
	return worst;
}

void verdict_init(struct verdict *verdict)
{
	memset(verdict, 0, sizeof(*verdict));
	verdict->rejected_by = -1;
	arena_init(&verdict->arena);
}

struct finding *verdict_next(struct verdict *verdict)
{
	CHECK(verdict->count < LIMIT_VERDICT_FINDINGS);
	if (!verdict->findings)
		verdict->findings =
		    arena_alloc(&verdict->arena, LIMIT_VERDICT_FINDINGS * sizeof(*verdict->findings));
	return &verdict->findings[verdict->count++];
}

void verdict_fini(struct verdict *verdict)
{
	arena_fini(&verdict->arena);
	memset(verdict, 0, sizeof(*verdict));
	verdict->rejected_by = -1;
}

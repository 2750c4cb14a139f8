/* The index audit (D509): for what a statement filters, joins and sorts its tables by, the index that PostgreSQL could
 * take for it. No finding: what all statements of a log ask of a column is the review's to add up. */
#ifndef PGPROCTOR_INSPECT_RULES_USAGE_H
#define PGPROCTOR_INSPECT_RULES_USAGE_H

#include "inspect/arena.h"
#include "inspect/rules/rules.h"

extern const struct rule_group rules_usage;

enum usage_kind { USAGE_FILTER, USAGE_JOIN, USAGE_SORT };

/* One table's column, or an expression on it, in one statement. No text holds a literal. */
struct column_use {
	const struct catalog_relation *table;
	const char *relation;   /* "shop.product"; public is left out */
	const char *expression; /* "name", UPPER("name"); of a sort all of its order, "created desc, id" */
	enum usage_kind kind;
	const char *operator; /* "=", "~~"; NULL: none */
	const char *index; /* NULL: none serves */
	bool few;          /* the statement's other conditions leave few rows, so that it makes no odds */
	double distinct;   /* values of the column; < 0: not known, or an expression */
	double share;      /* of the rows that one value, or one list of them, has; < 0: no equality, or not known */
};

/* Of one statement, at most LIMIT_USAGES; `input` as rules_judge makes it. Whatever is there but the tables lives in
 * `arena`. Nothing while D509 is off, or without a catalog. */
const struct column_use *rules_usage_list(const struct context *input, struct arena *arena, uint16_t *count);
const char *rules_usage_kind_name(enum usage_kind kind); /* "filter" "join" "sort" */

/* Is the index there for reading alone: not for a constraint, and usable? */
bool rules_usage_is_optional(const struct catalog_relation *table, const struct catalog_index *index);

#endif

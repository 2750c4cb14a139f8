/* An inspector, a session and a table's catalog that it may be given: what the tests of the inspector share. */
#ifndef PGPROCTOR_TESTS_UNIT_INSPECTED_H
#define PGPROCTOR_TESTS_UNIT_INSPECTED_H

#include "inspect/inspector.h"
#include "tests/unit/judge.h"

struct inspected {
	struct judge judge;
	struct inspector *inspector; /* has no catalog at first */
};

/* The one that there is between inspected_set_up and inspected_tear_down, which are for cmocka. */
extern struct inspected inspected;
int inspected_set_up(void **state);
int inspected_tear_down(void **state);

/* With one table, product, of that many rows and no index that would serve a pattern; the caller's. */
struct catalog *inspected_catalog(double rows);
struct statement *inspected_recognise(const char *sql);
const struct verdict *inspected_judge(struct statement *statement);
/* The same with a pattern for $1. */
const struct verdict *inspected_judge_pattern(struct statement *statement, const char *pattern);

#endif

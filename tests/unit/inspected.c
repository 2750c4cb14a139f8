#include "tests/unit/inspected.h"

#include <string.h>

struct inspected inspected;

struct catalog *inspected_catalog(double rows)
{
	struct judge other;
	struct catalog *catalog;

	judge_init(&other);
	judge_table(&other, "public", "product", rows);
	catalog = catalog_ref(other.catalog);
	judge_fini(&other); /* seals it */
	return catalog;
}

int inspected_set_up(void **state)
{
	(void)state;
	judge_init(&inspected.judge);
	inspected.inspector = inspector_new(inspected.judge.settings, &inspected.judge.rules);
	return 0;
}

int inspected_tear_down(void **state)
{
	(void)state;
	inspector_free(inspected.inspector);
	judge_fini(&inspected.judge);
	return 0;
}

struct statement *inspected_recognise(const char *sql)
{
	return inspector_recognise(inspected.inspector, &inspected.judge.session, sql, strlen(sql));
}

const struct verdict *inspected_judge(struct statement *statement)
{
	return inspector_judge(inspected.inspector, statement, &inspected.judge.session, NULL, 0);
}

const struct verdict *inspected_judge_pattern(struct statement *statement, const char *pattern)
{
	const struct bound_shape bound = {
	    .known = true,
	    .like = shape_like(pattern, strlen(pattern)),
	    .regex = shape_regex(pattern, strlen(pattern)),
	    .similar = shape_similar(pattern, strlen(pattern)),
	};

	return inspector_judge(inspected.inspector, statement, &inspected.judge.session, &bound, 1);
}

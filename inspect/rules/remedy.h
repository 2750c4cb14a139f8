/* What a finding ends with: names and statements to paste, in SQL and in Django's words. Knows nothing of when a
 * remedy is called for. Everything returned lives in the arena. */
#ifndef PGPROCTOR_INSPECT_REMEDY_H
#define PGPROCTOR_INSPECT_REMEDY_H

#include "inspect/arena.h"
#include "inspect/catalog/catalog.h"

/* Qualified unless in public. */
const char *remedy_table(struct arena *arena, const struct catalog_relation *relation);
/* An expression as people write it: "name", UPPER("name"); any other in its canonical text. */
const char *remedy_expression(struct arena *arena, const char *expression);
/* table_column_suffix, or shortened with a hash so that it also fits Django's 30 characters; not yet the name of an
 * index of that table. */
const char *remedy_name(struct arena *arena, const struct catalog_relation *relation, const char *column,
                        const char *suffix);
/* What Django calls the column: its own name, or where that is no name of Python's the one that inspectdb would give it. */
const char *remedy_field(struct arena *arena, const char *column);
/* Django's usual name of the model, guessed from the table's: shop_product, or celery_beat_product where the app has such
 * a name → product. */
const char *remedy_model(struct arena *arena, const struct catalog_relation *relation);

struct remedy_index {
	const char *name;
	const char *method;     /* NULL: the default, btree */
	const char *expression; /* SQL, ready to stand between the brackets */
	const char *opclass;    /* NULL: the default */
	const char *predicate;  /* SQL; NULL: an index of all rows */
	bool unique;
	bool trigram; /* needs pg_trgm: is it there? */
};

/* CREATE INDEX CONCURRENTLY …, before it CREATE EXTENSION where pg_trgm is missing; for a partitioned table, which
 * refuses CONCURRENTLY, the way around by its partitions. */
const char *remedy_create_index(struct arena *arena, const struct catalog *catalog,
                                const struct catalog_relation *relation, const struct remedy_index *index);
/* AddIndexConcurrently(…) around `index`, an expression such as `Index(fields=["name"], name="…")`; a field in it that is
 * not called like its column is explained behind it. */
const char *remedy_add_index(struct arena *arena, const struct catalog *catalog,
                             const struct catalog_relation *relation, bool trigram, const char *index);

#endif

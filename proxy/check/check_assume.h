/* The catalog for want of one: every table that a script names is there, as large as it is told, and nothing is known
 * of its columns. Functions are PostgreSQL's own volatile ones. */
#ifndef PGPROCTOR_PROXY_CHECK_ASSUME_H
#define PGPROCTOR_PROXY_CHECK_ASSUME_H

#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"

struct check_assume;

/* `rows` < 0: unknown. */
struct check_assume *check_assume_new(double rows);
void check_assume_free(struct check_assume *assume);
/* Adds the tables that these statements name and don't make themselves; what they make is none of its tables from then
 * on. True when that changes the catalog. */
bool check_assume_add(struct check_assume *assume, const struct facts *facts, uint16_t statement_count);
/* A new catalog, sealed, with one reference for the caller. */
struct catalog *check_assume_catalog(const struct check_assume *assume, const char *database);

#endif

/* The catalog for want of one: every table that a script names is there, as large as it is told. Its columns are those
 * that statements search or sort by, of the type that they are used as; its indexes are those that the script builds, and
 * those that Django makes of itself, on id and on *_id. Functions are PostgreSQL's own volatile ones. */
#ifndef PGPROCTOR_PROXY_CHECK_ASSUME_H
#define PGPROCTOR_PROXY_CHECK_ASSUME_H

#include "inspect/catalog/catalog.h"
#include "inspect/tree/facts.h"

struct check_assume;

/* `rows` < 0: unknown. */
struct check_assume *check_assume_new(double rows);
void check_assume_free(struct check_assume *assume);
/* Adds the tables that these statements name and don't make themselves, with what they give away of their columns; what
 * they make is none of its tables from then on. True when that changes the catalog. */
bool check_assume_add(struct check_assume *assume, const struct facts *facts, uint16_t statement_count);
/* Writes down what the statements, once they are judged, have done to columns and indexes. True when that changes the
 * catalog. */
bool check_assume_follow(struct check_assume *assume, const struct facts *facts, uint16_t statement_count);
/* A new catalog, sealed, with one reference for the caller; without `columns` of tables alone. */
struct catalog *check_assume_catalog(const struct check_assume *assume, const char *database, bool columns);

#endif

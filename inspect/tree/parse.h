/* One parse of one text by libpg_query: fingerprint and facts from the same raw tree, and the normalised text.
 * Together with walk.c the only place that sees libpg_query. Call it on a thread with
 * LIMIT_PARSE_STACK_BYTES of stack, and only with texts that passed sqlkey's ceilings. */
#ifndef PGPROCTOR_INSPECT_PARSE_H
#define PGPROCTOR_INSPECT_PARSE_H

#include "config/check.h"
#include "inspect/arena.h"
#include "inspect/tree/facts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum parse_result {
	PARSE_OK,
	PARSE_SYNTAX, /* the grammar refuses it; the server's may not */
	PARSE_NO_MEMORY,
};

struct parsed {
	uint64_t fingerprint; /* pg_query_fingerprint's, of the whole text */
	const char *query;    /* normalised: constants replaced by $n, comments dropped, white space folded to
	                       * one space, lists of constants down to one, at most LIMIT_QUERY_TEXT_BYTES;
	                       * no literal is left in it (see canonical.h) */
	struct facts *facts;  /* one for each statement */
	uint16_t statement_count;
	bool truncated; /* more than LIMIT_FACTS_STATEMENTS */
	bool literally; /* literals are in the clauses */
};

/* Everything in `out` lives in `arena`. `sql` need not be zero-terminated. */
MUST_USE enum parse_result parse_sql(const char *sql, size_t len, struct arena *arena, struct parsed *out);
/* The same for a session whose standard_conforming_strings may be off. */
MUST_USE enum parse_result parse_sql_conforming(const char *sql, size_t len, bool standard_conforming_strings,
                                                struct arena *arena, struct parsed *out);

/* The same as parse_sql_conforming for one statement's text, whole and with its literals in the clauses: for who may
 * see them. */
MUST_USE enum parse_result parse_sql_literally(const char *sql, size_t len, bool standard_conforming_strings,
                                               struct arena *arena, struct parsed *out);

struct clause;
/* The clause of an expression that stands alone, such as an index predicate; NULL when it does not parse. */
const struct clause *parse_clause(const char *expression, struct arena *arena);

/* A view's query as catalog_view (catalog.h) holds it, its literals in the clauses; NULL when it does not parse. */
const struct facts *parse_view(const char *definition, struct arena *arena);

/* The canonical text (expression.h) of an expression that stands alone, such as an index key out of
 * pg_get_indexdef, or an index predicate; NULL when it does not parse. Lives in `arena`. */
const char *parse_expression(const char *expression, struct arena *arena);

#endif

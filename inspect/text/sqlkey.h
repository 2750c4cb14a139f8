/* The key of a statement's text: one pass over it, following PostgreSQL's lexical rules (scan.l), with
 * literals replaced by their shape, lists of literals collapsed, comments and white space dropped, and
 * XXH3-128 over what is left. Django's drivers inline literals, so the text itself never repeats; this does.
 *
 * The law: equal keys mean equal fingerprint, equal facts and equal verdict. It knows no grammar beyond the
 * few words that decide what collapses. */
#ifndef PGPROCTOR_INSPECT_SQLKEY_H
#define PGPROCTOR_INSPECT_SQLKEY_H

#include "config/check.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sqlkey {
	uint64_t low, high;
};

enum sqlkey_result {
	SQLKEY_OK,
	SQLKEY_EMPTY,        /* white space, comments and semicolons only */
	SQLKEY_UNTERMINATED, /* a quote or comment does not end: the server will refuse it */
	SQLKEY_TOO_DEEP,     /* more than LIMIT_PARSE_DEPTH brackets open at once */
	SQLKEY_TOO_LONG,     /* more than LIMIT_PARSE_TOKENS tokens or LIMIT_PARSE_OPERATORS operators and
	                      * keywords that nest (AND OR NOT CASE SELECT UNION …) */
};

struct sqlkey_options {
	bool standard_conforming_strings;
	uint64_t scope; /* seed: what else decides the verdict, such as database and search_path */
	uint64_t types; /* sqlkey_types of the parameters; 0: none is declared */
};

/* What parameters declared with these types make of a key: `id = $1` is another statement for a bigint than for a
 * numeric. 0 where none is, and never otherwise. */
uint64_t sqlkey_types(const uint32_t *oids, uint16_t count);

struct sqlkey_scratch; /* one per thread; grows to LIMIT_INSPECT_BYTES */

struct sqlkey_scratch *sqlkey_scratch_new(void);
void sqlkey_scratch_free(struct sqlkey_scratch *scratch);

/* The key is set for every result; for those but SQLKEY_OK it is the key of the whole text as it stands. Texts whose
 * first word is none of SELECT INSERT UPDATE DELETE MERGE WITH VALUES TABLE ( DECLARE FETCH EXPLAIN COPY are utility
 * statements: literals in them are kept in full. The text may hold several statements. */
MUST_USE enum sqlkey_result sqlkey_of(struct sqlkey_scratch *scratch, const char *sql, size_t len,
                                      const struct sqlkey_options *options, struct sqlkey *key);

/* The text of the last sqlkey_of is one that comes again: the next like it is recognised by comparing (template.h). The
 * text must be the same one, still there. */
void sqlkey_learn(struct sqlkey_scratch *scratch, const char *sql);

#endif

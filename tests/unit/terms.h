/* Terms of a table "t" for the tests of what works on them: no server, dictionary.tsv's operators. */
#ifndef PGPROCTOR_TESTS_TERMS_H
#define PGPROCTOR_TESTS_TERMS_H

#include "inspect/access/term.h"

/* The columns: id, n int4 not null (n may be null), big int8, amount numeric(10,2), name varchar(50), note text, latin
 * text in C, vague text of no order, mail citext, flag bool, day date, at timestamptz, data jsonb, tags varchar(10)[],
 * numbers int4[], uid uuid, ip inet. */
extern struct arena terms_arena;
extern struct dictionary *terms_dictionary;

int terms_open(void **state);
int terms_close(void **state);
/* Of an expression; canonical, too. Its columns are of relation 0. */
const struct term *terms_of(const char *expression);
const struct term *terms_canonical(const char *expression);
/* The name of a type, operator or function. */
const char *terms_type(uint32_t oid);

#endif

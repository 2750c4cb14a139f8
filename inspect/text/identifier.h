/* Names as they are written in SQL. */
#ifndef PGPROCTOR_INSPECT_IDENTIFIER_H
#define PGPROCTOR_INSPECT_IDENTIFIER_H

#include "inspect/arena.h"

/* Quoted where PostgreSQL's quote_ident would; in the arena. */
const char *identifier_quoted(struct arena *arena, const char *name);

#endif

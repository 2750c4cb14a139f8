/* What a statement would do, as a line of text. */
#ifndef PGPROCTOR_TESTS_EFFECT_TEXT_H
#define PGPROCTOR_TESTS_EFFECT_TEXT_H

#include "tests/unit/judge.h"

/* Fails unless it is `what`: "big ACCESS EXCLUSIVE rewrite scan; …", or "refused: why". Seals the judge's catalog. */
void effect_text_expect(struct judge *judge, const char *sql, const char *what);

#endif

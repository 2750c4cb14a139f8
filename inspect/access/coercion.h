/* Which type turns into which, and how (parser/parse_coerce.c). */
#ifndef PGPROCTOR_INSPECT_COERCION_H
#define PGPROCTOR_INSPECT_COERCION_H

#include "inspect/access/term.h"

enum coercion_context { COERCION_IMPLICIT, COERCION_ASSIGNMENT, COERCION_EXPLICIT };

bool coercion_possible(const struct dictionary *dictionary, uint32_t from, uint32_t to, enum coercion_context context);
/* The term as a `to`; a term of no type where it can't be one. */
const struct term *coercion_apply(const struct dictionary *dictionary, const struct term *term, uint32_t to,
                                  int32_t modifier, enum coercion_context context, struct arena *arena);
/* The type that all of these become in CASE, COALESCE, IN, ARRAY[]: TYPE_NONE when there is none. */
uint32_t coercion_common(const struct dictionary *dictionary, const uint32_t *types, uint16_t count);
bool coercion_is_polymorphic(uint32_t type);
/* Replaces the polymorphic ones among `declared` by what `actual` makes of them, `result` too; false when they
 * contradict each other. */
bool coercion_resolve(const struct dictionary *dictionary, const uint32_t *actual, uint32_t *declared, uint16_t count,
                      uint32_t *result);

#endif

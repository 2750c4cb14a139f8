/* Which operator or function a name means for given argument types (parser/parse_oper.c, parse_func.c). */
#ifndef PGPROCTOR_INSPECT_OVERLOAD_H
#define PGPROCTOR_INSPECT_OVERLOAD_H

#include "inspect/catalog/dictionary.h"

/* NULL when there is none, or when PostgreSQL would call it ambiguous. Left TYPE_NONE: a prefix operator. */
const struct dictionary_operator *overload_operator(const struct dictionary *dictionary, const char *name,
                                                    uint32_t left, uint32_t right);
const struct dictionary_function *overload_function(const struct dictionary *dictionary, const char *name,
                                                    const uint32_t *types, uint16_t count);
/* The type of the function's argument `at` when it is called with that many: variadic ones repeat. */
uint32_t overload_argument(const struct dictionary_function *function, uint16_t at, uint16_t count);

#endif

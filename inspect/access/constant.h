/* Constants as the server holds them once their type is decided: '05' is 5, 'yes' is true, '2020-01-01' is midnight. So
 * that two that are the same have the same text, and two moments can be compared by it. */
#ifndef PGPROCTOR_INSPECT_CONSTANT_H
#define PGPROCTOR_INSPECT_CONSTANT_H

#include "inspect/access/term.h"

/* Settles the texts of all constants in the term, where they are. A moment that depends on the session's time zone has
 * none any more, unless the zone is UTC; dates and moments that do have one sort as text: "2020-01-01",
 * "2020-01-01 10:00:00.000000", and with a zone, "…+00". */
void constant_settle(const struct term *term, const struct dictionary *dictionary, bool utc, struct arena *arena);
/* Are two settled constants of that type surely different when their texts are? */
bool constant_differs(uint32_t type);
/* A function of PostgreSQL's own of whole numbers, by name: "int4pl". NULL: not one that is known here. */
const char *constant_computed(const char *function, const struct term *const *items, uint16_t count,
                              struct arena *arena);

#endif

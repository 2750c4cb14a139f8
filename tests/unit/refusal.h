/* A client behind a worker that rejects CREATE INDEX, leading wildcards and oversize texts, on the large table
 * shop_product. */
#ifndef PGPROCTOR_TESTS_UNIT_REFUSAL_H
#define PGPROCTOR_TESTS_UNIT_REFUSAL_H

#include "tests/unit/wire.h"

extern const char refusal_create_index[], refusal_icontains[]; /* both are rejected */

/* For cmocka, with wire_tear_down: the state is a wire, logged in. */
int refusal_set_up(void **state);
/* The server gets a message of that type that must fail, and not a word of what was rejected. */
void refusal_expect_replacement(struct wire *wire, uint8_t type);
/* The server's own error to it; with a ReadyForQuery of that status unless 0. */
void refusal_by_server(struct wire *wire, uint8_t status);
/* The client gets our error: 42501, the rule's name; nothing of the server's text, and no literal. */
void refusal_expect_error(struct wire *wire, const char *rule);
void refusal_expect_ready(struct wire *wire, uint8_t status);
/* A Query is refused by that rule, and all that becomes of it is as above. */
void refusal_of(struct wire *wire, const char *sql, const char *rule, uint8_t status);
/* A Query goes through and is answered. */
void refusal_passes(struct wire *wire, const char *sql, const char *tag, uint8_t status);
/* A statement of that name is parsed and answered. */
void refusal_defines(struct wire *wire, const char *name, const char *sql);

#endif

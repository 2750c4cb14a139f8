/* What a statement gives away of its columns' types, for want of a catalog: who asks for name LIKE … has a text, and who
 * asks for data -> … a document. */
#ifndef PGPROCTOR_INSPECT_CLUES_H
#define PGPROCTOR_INSPECT_CLUES_H

#include "inspect/catalog/dictionary.h"
#include "inspect/tree/facts.h"

/* How sure the type is: of another the operator would not be, or it is what mostly stands there. */
enum clue { CLUE_NONE, CLUE_GUESSED, CLUE_SURE };

/* `type` is TYPE_NONE for CLUE_NONE. */
typedef void clues_fn(void *context, int16_t relation, const char *column, uint32_t type, enum clue clue);

/* Tells each column of the conditions and orders whose relation is plain from the statement alone; one may come more than
 * once. */
void clues_find(const struct facts *facts, const struct dictionary *dictionary, clues_fn *tell, void *context);

#endif

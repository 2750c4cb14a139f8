/* What a query puts out, and how far a condition on that goes into it: a part of walk.c's work, once the rest of the
 * level is gathered. To be included only by files that have PostgreSQL's headers. */
#ifndef PGPROCTOR_INSPECT_WALK_OUTPUT_H
#define PGPROCTOR_INSPECT_WALK_OUTPUT_H

#include "inspect/tree/gather.h"
#include "inspect/tree/nodes.h"

void walk_output(struct gather *gather, const SelectStmt *select, uint16_t level);
/* A function that everybody knows to be volatile is called in what it puts out or asks for; sub-selects are not looked
 * into. */
bool walk_output_is_volatile(const SelectStmt *select);

#endif

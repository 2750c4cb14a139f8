/* The verdicts of one statement: what was said of it before any Bind, and for each class of bound values that has come
 * since. Values are of one class when all that the rules ask of them is the same (struct shape_wants); the values
 * themselves are not kept. Where even their texts matter (verdict.h), a hash of these stands for them.
 *
 * A verdict holds for one catalog. Bounded by LIMIT_VERDICTS. */
#ifndef PGPROCTOR_INSPECT_VERDICTS_H
#define PGPROCTOR_INSPECT_VERDICTS_H

#include "inspect/context.h"
#include "inspect/text/shape.h"
#include "inspect/verdict.h"

/* Before any Bind it is zero. */
struct verdicts_class {
	uint64_t low, high;
};

struct verdicts_entry {
	struct verdicts_class class, texts; /* `texts` counts where the verdict says that they matter */
	uint64_t generation;                /* catalog_generation; 0: without a catalog */
	struct verdict verdict;
};

/* Zeroed when empty. */
struct verdicts {
	struct verdicts_entry *list;
	uint8_t count, room, oldest;
	struct verdict *once; /* made for one execution, and for no other */
};

/* What is asked for: a verdict on these values, input->bound (NULL: before Bind), with that catalog. */
struct verdicts_wanted {
	const struct shape_wants *wants;
	const struct context *input;
	uint64_t generation;
	struct verdicts_class class, texts;
	bool has_texts; /* made when they are asked for */
};

/* The one before Bind; NULL when there is none with that catalog. Valid as verdicts_find's is. */
static inline const struct verdict *verdicts_unbound(const struct verdicts *verdicts, uint64_t generation)
{
	for (uint8_t at = 0; at < verdicts->count; at++) {
		const struct verdicts_entry *entry = &verdicts->list[at];

		if (entry->generation == generation && entry->class.low == 0 && entry->class.high == 0)
			return &entry->verdict;
	}
	return NULL;
}

struct verdicts_wanted verdicts_wanted(const struct shape_wants *wants, const struct context *input);
/* NULL when there is none; else valid until the next call of verdicts_put or verdicts_once. */
const struct verdict *verdicts_find(const struct verdicts *verdicts, struct verdicts_wanted *wanted);
/* Takes over a verdict that was made for what was wanted and not found. `*before`, to be verdict_fini'd, gets what an
 * older catalog made of it; false: nothing is known of that. */
const struct verdict *verdicts_put(struct verdicts *verdicts, struct verdicts_wanted *wanted,
                                   const struct verdict *verdict, struct verdict *before, bool *is_known);
/* Takes over one that is found by nobody; the one before goes. */
const struct verdict *verdicts_once(struct verdicts *verdicts, const struct verdict *verdict);
void verdicts_fini(struct verdicts *verdicts);
/* What they take at most, findings aside. */
size_t verdicts_bytes(const struct shape_wants *wants);

#endif

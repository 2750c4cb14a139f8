/* A slot for one pointer between threads: the only way they meet. Putting into a full slot hands the older pointer
 * back, so nothing is ever lost or waited for. Where each letter counts, and not only the newest, they are chained:
 * then the slot holds the last of the chain. A mailbox is of one kind or the other. */
#ifndef PGPROCTOR_PROXY_MAILBOX_H
#define PGPROCTOR_PROXY_MAILBOX_H

#include "config/check.h"

#include <stdatomic.h>
#include <stddef.h>

struct mailbox {
	_Atomic(void *) slot;
};

/* The first member of what is posted. */
struct mailbox_letter {
	struct mailbox_letter *next;
};

/* Returns what was in the slot and nobody took, or NULL; it is the caller's. */
MUST_USE static inline void *mailbox_put(struct mailbox *mailbox, void *letter)
{
	return atomic_exchange_explicit(&mailbox->slot, letter, memory_order_acq_rel);
}

/* NULL when it is empty. */
MUST_USE static inline void *mailbox_take(struct mailbox *mailbox)
{
	return atomic_exchange_explicit(&mailbox->slot, NULL, memory_order_acq_rel);
}

/* Chains a letter to those that nobody has taken yet. From any number of threads. */
static inline void mailbox_post(struct mailbox *mailbox, struct mailbox_letter *letter)
{
	void *before = atomic_load_explicit(&mailbox->slot, memory_order_relaxed);
	do
		letter->next = before;
	while (!atomic_compare_exchange_weak_explicit(&mailbox->slot, &before, letter, memory_order_acq_rel,
	                                              memory_order_relaxed));
}

/* All that were posted, in the order they came; NULL when there are none. */
MUST_USE static inline struct mailbox_letter *mailbox_take_all(struct mailbox *mailbox)
{
	struct mailbox_letter *letter = mailbox_take(mailbox), *oldest = NULL;
	while (letter) {
		struct mailbox_letter *older = letter->next;
		letter->next = oldest;
		oldest = letter;
		letter = older;
	}
	return oldest;
}

#endif

/* A slot for one pointer between two threads: the only way they meet. Putting into a full slot hands the
 * older pointer back, so nothing is ever lost or waited for. */
#ifndef PGPROCTOR_PROXY_MAILBOX_H
#define PGPROCTOR_PROXY_MAILBOX_H

#include "config/check.h"

#include <stdatomic.h>

struct mailbox {
	_Atomic(void *) slot;
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

#endif

/* Reads the dictionary (inspect/catalog/dictionary.h) of a database over the catalog's connection. */
#ifndef PGPROCTOR_PROXY_FEED_DICTIONARY_H
#define PGPROCTOR_PROXY_FEED_DICTIONARY_H

#include "inspect/catalog/dictionary.h"
#include "proxy/feed/feed_result.h"

/* Within the transaction that reads the catalog. A reference to `before` (may be NULL) where nothing has changed since
 * it was read; NULL with the error set in `result` when a statement fails. */
struct dictionary *feed_dictionary_read(struct feed_result *result, struct dictionary *before);

#endif

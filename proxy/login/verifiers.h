/* auth_file: who may log in, and by which SCRAM verifier, in the format of PgBouncer's userlist.txt:
 *
 *      "shop" "SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY"
 *
 * one line each, a quote inside quotes doubled, what follows the second text ignored, as are empty lines and those that
 * begin with ";". A password in another form is refused: no log-in upstream could be made of it. */
#ifndef PGPROCTOR_PROXY_VERIFIERS_H
#define PGPROCTOR_PROXY_VERIFIERS_H

#include "protocol/scram.h"

/* All of one file; doesn't change, and is counted: several workers have it. */
struct verifiers;

/* Reads it whole, blocking; the reference is the caller's. On failure NULL and one line in `error`, "FILE:LINE: …" or "FILE: …", without anything
 * that stands in quotes. `exposed`: others than its owner and group may read or write it. */
struct verifiers *verifiers_read(const char *path, bool *exposed, char *error, size_t error_size);
/* From any thread. */
struct verifiers *verifiers_ref(struct verifiers *verifiers);
/* The last one overwrites them, too. NULL is fine. */
void verifiers_unref(struct verifiers *verifiers);
/* NULL for a name that is not in the file. */
const struct scram_verifier *verifiers_find(const struct verifiers *verifiers, const char *user);
size_t verifiers_count(const struct verifiers *verifiers);

#endif

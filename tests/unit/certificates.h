/* Certificates for tests, made by the openssl command in a directory of their own. */
#ifndef PGPROCTOR_TESTS_UNIT_CERTIFICATES_H
#define PGPROCTOR_TESTS_UNIT_CERTIFICATES_H

#include "config/settings.h"

/* An authority (ca.crt), a server ("server", for the name localhost and 127.0.0.1), a client ("client"), and a
 * stranger ("stranger", signed by itself): NAME.crt and NAME.key. */
struct certificates {
	char directory[64];
};

/* For cmocka, of a file's tests together: there are certificates_shared meanwhile. */
extern struct certificates certificates_shared;
int certificates_set_up(void **state);
int certificates_tear_down(void **state);

void certificates_make(struct certificates *certificates);
void certificates_remove(struct certificates *certificates);
/* Sets the leg's mode, the certificate of that name ("": none), and the authority. */
void certificates_use(const struct certificates *certificates, struct settings_tls *leg, enum settings_sslmode mode,
                      const char *name);

#endif

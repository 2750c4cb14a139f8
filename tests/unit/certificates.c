#include "tests/unit/certificates.h"

#include "config/check.h"

#include <string.h>

static const char SCRIPT[] =
    "cd %s && {\n"
    "key=\"-nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256\"\n"
    "openssl req -x509 $key -days 2 -subj /CN=authority -keyout ca.key -out ca.crt\n"
    "for name in server client; do\n"
    "  openssl req -new $key -subj /CN=$name -keyout $name.key -out $name.csr\n"
    "  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >san\n"
    "  openssl x509 -req -days 2 -in $name.csr -CA ca.crt -CAkey ca.key -CAcreateserial -extfile san -out $name.crt\n"
    "done\n"
    "openssl req -x509 $key -days 2 -subj /CN=stranger -keyout stranger.key -out stranger.crt\n"
    "openssl ec -aes128 -passout pass:secret -in server.key -out locked.key\n"
    "} >log 2>&1";

struct certificates certificates_shared;

void certificates_make(struct certificates *certificates)
{
	*certificates = (struct certificates){.directory = "/tmp/pgproctor-tls-XXXXXX"};
	CHECK(mkdtemp(certificates->directory) != NULL);
	char command[2048];
	snprintf(command, sizeof command, SCRIPT, certificates->directory);
	CHECK(system(command) == 0);
}

void certificates_remove(struct certificates *certificates)
{
	char command[128];
	snprintf(command, sizeof command, "rm -r %s", certificates->directory);
	CHECK(system(command) == 0);
}

void certificates_use(const struct certificates *certificates, struct settings_tls *leg, enum settings_sslmode mode,
                      const char *name)
{
	const char *directory = certificates->directory;
	*leg = (struct settings_tls){.mode = mode, .protocols = "secure", .ciphers = "default"};
	snprintf(leg->ca_file, sizeof leg->ca_file, "%s/ca.crt", directory);
	if (!name[0])
		return;
	snprintf(leg->cert_file, sizeof leg->cert_file, "%s/%s.crt", directory, name);
	snprintf(leg->key_file, sizeof leg->key_file, "%s/%s.key", directory, name);
}

int certificates_set_up(void **state)
{
	(void)state;
	certificates_make(&certificates_shared);
	return 0;
}

int certificates_tear_down(void **state)
{
	(void)state;
	certificates_remove(&certificates_shared);
	return 0;
}

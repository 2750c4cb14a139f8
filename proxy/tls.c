#include "proxy/tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

/* What one call can leave for the wire: the longest write of a link, encrypted. */
enum { TLS_OUTPUT_BYTES_MAX = 8 * 1024 * 1024 };

struct tls_context {
	SSL_CTX *ssl;
	bool verify_host;
};

enum tls_state { TLS_SHAKING, TLS_OPENED, TLS_ENDED, TLS_FAILED };

struct tls {
	SSL *ssl;
	enum tls_state state;
	bool shut;             /* close_notify has been sent */
	struct bytes input;    /* the caller's; what OpenSSL has not read yet */
	struct buffer *output; /* the caller's */
	char error[TLS_ERROR_BYTES];
};

/* Length-prefixed, as ALPN has it on the wire; the name is registered for PostgreSQL (libpq/pqcomm.h). */
static const unsigned char TLS_ALPN[] = "\012postgresql";
enum { TLS_ALPN_BYTES = sizeof TLS_ALPN - 1 };

static struct tls_context *tls_context_new(const struct settings_tls *settings, bool server, const char *prefix,
                                           char *error, size_t error_size);
static struct tls_context *tls_context_share(const struct tls_context *from);
static void tls_context_free(struct tls_context *context);
static bool tls_load_certificate(SSL_CTX *ssl, const struct settings_tls *settings, const char *prefix, char *error,
                                 size_t error_size);
static bool tls_load_authorities(SSL_CTX *ssl, const struct settings_tls *settings, bool server, const char *prefix,
                                 char *error, size_t error_size);
static bool tls_set_protocols(SSL_CTX *ssl, const char *list, const char *prefix, char *error, size_t error_size);
static bool tls_set_ciphers(SSL_CTX *ssl, const char *ciphers, const char *prefix, char *error, size_t error_size);
static bool tls_refuse(char *error, size_t error_size, const char *format, ...) PRINTF_LIKE(3, 4);
static const char *tls_reason(void);
static int tls_no_password(char *buffer, int size, int writing, void *context);
static int tls_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                           unsigned in_len, void *context);
static struct tls *tls_new(const struct tls_context *context, struct buffer *output);
static void tls_forget_errors(void);
static enum tls_event tls_fail(struct tls *tls, int status);
static void tls_make_method(void);
static int tls_bio_read(BIO *bio, char *to, int size);
static int tls_bio_write(BIO *bio, const char *from, int len);
static long tls_bio_ctrl(BIO *bio, int command, long number, void *pointer);

static BIO_METHOD *tls_method;
static pthread_once_t tls_method_made = PTHREAD_ONCE_INIT;

/* -- contexts -------------------------------------------------------------------------------------- */

bool tls_pair_init(struct tls_pair *pair, const struct settings *settings, char *error, size_t error_size)
{
	*pair = (struct tls_pair){NULL, NULL};
	if (settings->client_tls.mode != SETTINGS_TLS_DISABLE) {
		pair->client = tls_context_new(&settings->client_tls, true, "client_tls", error, error_size);
		if (!pair->client)
			return false;
	}
	if (settings->server_tls.mode != SETTINGS_TLS_DISABLE) {
		pair->server = tls_context_new(&settings->server_tls, false, "server_tls", error, error_size);
		if (!pair->server) {
			tls_pair_fini(pair);
			return false;
		}
	}
	return true;
}

void tls_pair_share(struct tls_pair *pair, const struct tls_pair *from)
{
	pair->client = tls_context_share(from->client);
	pair->server = tls_context_share(from->server);
}

void tls_pair_fini(struct tls_pair *pair)
{
	tls_context_free(pair->client);
	tls_context_free(pair->server);
	*pair = (struct tls_pair){NULL, NULL};
}

static struct tls_context *tls_context_new(const struct settings_tls *settings, bool server, const char *prefix,
                                           char *error, size_t error_size)
{
	pthread_once(&tls_method_made, tls_make_method);
	ERR_clear_error();
	SSL_CTX *ssl = SSL_CTX_new(server ? TLS_server_method() : TLS_client_method());
	CHECK(ssl != NULL);
	/* Tickets, renegotiation and compression are refused by PostgreSQL too (be-secure-openssl.c); nothing of a
	 * session is kept for a later one. An idle session holds no record buffers. */
	SSL_CTX_set_options(ssl, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_num_tickets(ssl, 0);
	SSL_CTX_set_session_cache_mode(ssl, SSL_SESS_CACHE_OFF);
	/* One read of the BIO for a record, in place of one for its header and one for the rest. */
	SSL_CTX_set_read_ahead(ssl, 1);
	SSL_CTX_set_mode(ssl, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_default_passwd_cb(ssl, tls_no_password);
	if (server) {
		SSL_CTX_set_options(ssl, SSL_OP_CIPHER_SERVER_PREFERENCE);
		SSL_CTX_set_dh_auto(ssl, 1);
		SSL_CTX_set_alpn_select_cb(ssl, tls_select_alpn, NULL);
	} else {
		CHECK(SSL_CTX_set_alpn_protos(ssl, TLS_ALPN, TLS_ALPN_BYTES) == 0);
	}
	if (server && (!settings->key_file[0] || !settings->cert_file[0])) {
		(void)tls_refuse(error, error_size, "%s_sslmode: TLS needs %s_key_file and %s_cert_file", prefix,
		                 prefix, prefix);
		SSL_CTX_free(ssl);
		return NULL;
	}
	if (!tls_set_protocols(ssl, settings->protocols, prefix, error, error_size) ||
	    !tls_set_ciphers(ssl, settings->ciphers, prefix, error, error_size) ||
	    !tls_load_certificate(ssl, settings, prefix, error, error_size) ||
	    !tls_load_authorities(ssl, settings, server, prefix, error, error_size)) {
		SSL_CTX_free(ssl);
		return NULL;
	}
	struct tls_context *context = malloc(sizeof *context);
	CHECK(context != NULL);
	*context = (struct tls_context){ssl, !server && settings->mode == SETTINGS_TLS_VERIFY_FULL};
	return context;
}

/* OpenSSL counts who uses a context, and lets several threads make connections from one (openssl-threads(7)). */
static struct tls_context *tls_context_share(const struct tls_context *from)
{
	if (!from)
		return NULL;
	struct tls_context *context = malloc(sizeof *context);
	CHECK(context != NULL && SSL_CTX_up_ref(from->ssl) == 1);
	*context = *from;
	return context;
}

static void tls_context_free(struct tls_context *context)
{
	if (!context)
		return;
	/* OpenSSL counts who uses it; each tls does. */
	SSL_CTX_free(context->ssl);
	free(context);
}

static bool tls_load_certificate(SSL_CTX *ssl, const struct settings_tls *settings, const char *prefix, char *error,
                                 size_t error_size)
{
	const char *key = settings->key_file, *certificate = settings->cert_file;
	if (!key[0] && !certificate[0])
		return true;
	if (!key[0] || !certificate[0])
		return tls_refuse(error, error_size,
		                  "%s_%s_file: a certificate and its key go together; %s_%s_file is empty", prefix,
		                  key[0] ? "key" : "cert", prefix, key[0] ? "cert" : "key");
	if (SSL_CTX_use_certificate_chain_file(ssl, certificate) != 1)
		return tls_refuse(error, error_size, "%s_cert_file: cannot read a certificate from %s: %s", prefix,
		                  certificate, tls_reason());
	/* Loading a key that does not fit the certificate fails with this very reason. */
	bool loaded = SSL_CTX_use_PrivateKey_file(ssl, key, SSL_FILETYPE_PEM) == 1;
	unsigned long code = ERR_peek_error();
	bool mismatch = ERR_GET_LIB(code) == ERR_LIB_X509 && (ERR_GET_REASON(code) == X509_R_KEY_VALUES_MISMATCH ||
	                                                      ERR_GET_REASON(code) == X509_R_KEY_TYPE_MISMATCH);
	if (mismatch || (loaded && SSL_CTX_check_private_key(ssl) != 1))
		return tls_refuse(error, error_size,
		                  "%s_key_file: the key in %s does not belong to the certificate in %s", prefix, key,
		                  certificate);
	if (!loaded)
		return tls_refuse(error, error_size, "%s_key_file: cannot read a key without a passphrase from %s: %s",
		                  prefix, key, tls_reason());
	return true;
}

static bool tls_load_authorities(SSL_CTX *ssl, const struct settings_tls *settings, bool server, const char *prefix,
                                 char *error, size_t error_size)
{
	const char *file = settings->ca_file;
	bool verify = settings->mode >= SETTINGS_TLS_VERIFY_CA;
	if (verify && !file[0])
		return tls_refuse(error, error_size, "%s_ca_file: %s_sslmode verify-ca and verify-full need it", prefix,
		                  prefix);
	if (file[0] && SSL_CTX_load_verify_locations(ssl, file, NULL) != 1)
		return tls_refuse(error, error_size, "%s_ca_file: cannot read certificates from %s: %s", prefix, file,
		                  tls_reason());
	if (verify)
		SSL_CTX_set_verify(ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	if (verify && server) {
		STACK_OF(X509_NAME) *names = SSL_load_client_CA_file(file);
		if (names)
			SSL_CTX_set_client_CA_list(ssl, names);
	}
	return true;
}

static bool tls_set_protocols(SSL_CTX *ssl, const char *list, const char *prefix, char *error, size_t error_size)
{
	static const struct {
		const char *name;
		int version;
		uint64_t without;
	} known[] = {
	    {"tlsv1.0", TLS1_VERSION, SSL_OP_NO_TLSv1},
	    {"tlsv1.1", TLS1_1_VERSION, SSL_OP_NO_TLSv1_1},
	    {"tlsv1.2", TLS1_2_VERSION, SSL_OP_NO_TLSv1_2},
	    {"tlsv1.3", TLS1_3_VERSION, SSL_OP_NO_TLSv1_3},
	};
	unsigned wanted = 0;
	const char *at = list;
	while (*at) {
		size_t len = strcspn(at, ", ");
		unsigned found = 0;
		for (unsigned index = 0; index < ARRAY_LEN(known); index++)
			if (strlen(known[index].name) == len && strncasecmp(at, known[index].name, len) == 0)
				found = 1u << index;
		if (len == 6 && strncasecmp(at, "secure", len) == 0)
			found = 4 | 8;
		if ((len == 3 && strncasecmp(at, "all", len) == 0) || (len == 6 && strncasecmp(at, "legacy", len) == 0))
			found = 1 | 2 | 4 | 8;
		if (len > 0 && !found)
			break;
		wanted |= found;
		at += len;
		at += strspn(at, ", ");
	}
	if (*at || !wanted)
		return tls_refuse(error, error_size,
		                  "%s_protocols: a list of tlsv1.0, tlsv1.1, tlsv1.2, tlsv1.3, or secure, legacy, all",
		                  prefix);
	uint64_t without = 0;
	int least = TLS1_3_VERSION;
	for (unsigned index = ARRAY_LEN(known); index-- > 0;) {
		if (wanted & 1u << index)
			least = known[index].version;
		else
			without |= known[index].without;
	}
	/* OpenSSL's configuration file may have set a minimum of its own: both have to give way. */
	SSL_CTX_set_options(ssl, without);
	if (SSL_CTX_set_min_proto_version(ssl, least) == 1 && SSL_CTX_set_max_proto_version(ssl, 0) == 1)
		return true;
	return tls_refuse(error, error_size, "%s_protocols: this OpenSSL lacks one of them", prefix);
}

static bool tls_set_ciphers(SSL_CTX *ssl, const char *ciphers, const char *prefix, char *error, size_t error_size)
{
	if (!ciphers[0] || strcmp(ciphers, "default") == 0)
		return true;
	if (SSL_CTX_set_cipher_list(ssl, ciphers) == 1)
		return true;
	return tls_refuse(error, error_size, "%s_ciphers: OpenSSL knows no cipher by that list: %s", prefix,
	                  tls_reason());
}

static bool tls_refuse(char *error, size_t error_size, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, error_size, format, arguments);
	va_end(arguments);
	ERR_clear_error();
	return false;
}

/* The first error is the cause; a file that can't be opened comes as an errno. */
static const char *tls_reason(void)
{
	unsigned long code = ERR_peek_error();
	if (ERR_SYSTEM_ERROR(code))
		return strerror((int)ERR_GET_REASON(code));
	const char *text = ERR_reason_error_string(code);
	return text ? text : "unknown error";
}

/* Without this OpenSSL would ask for a passphrase on the terminal. */
static int tls_no_password(char *buffer, int size, int writing, void *context)
{
	(void)buffer, (void)size, (void)writing, (void)context;
	return -1;
}

static int tls_select_alpn(SSL *ssl, const unsigned char **out, unsigned char *out_len, const unsigned char *in,
                           unsigned in_len, void *context)
{
	(void)ssl, (void)context;
	unsigned char *selected;
	if (SSL_select_next_proto(&selected, out_len, TLS_ALPN, TLS_ALPN_BYTES, in, in_len) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*out = selected;
	return SSL_TLSEXT_ERR_OK;
}

/* -- one connection ----------------------------------------------------------------------------------- */

struct tls *tls_new_server(const struct tls_context *context, struct buffer *output)
{
	struct tls *tls = tls_new(context, output);
	SSL_set_accept_state(tls->ssl);
	return tls;
}

struct tls *tls_new_client(const struct tls_context *context, const char *host, struct buffer *output)
{
	struct tls *tls = tls_new(context, output);
	unsigned char ignored[sizeof(struct in6_addr)];
	bool is_address = inet_pton(AF_INET, host, ignored) == 1 || inet_pton(AF_INET6, host, ignored) == 1;
	/* RFC 6066 allows names only. */
	if (!is_address)
		CHECK(SSL_set_tlsext_host_name(tls->ssl, host) == 1);
	if (context->verify_host && is_address) {
		CHECK(X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(tls->ssl), host) == 1);
	} else if (context->verify_host) {
		SSL_set_hostflags(tls->ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
		CHECK(SSL_set1_host(tls->ssl, host) == 1);
	}
	SSL_set_connect_state(tls->ssl);
	ERR_clear_error();
	int status = SSL_do_handshake(tls->ssl);
	if (status != 1 && SSL_get_error(tls->ssl, status) != SSL_ERROR_WANT_READ)
		(void)tls_fail(tls, status);
	return tls;
}

static struct tls *tls_new(const struct tls_context *context, struct buffer *output)
{
	struct tls *tls = calloc(1, sizeof *tls);
	CHECK(tls != NULL);
	tls->output = output;
	tls->ssl = SSL_new(context->ssl);
	BIO *bio = BIO_new(tls_method);
	CHECK(tls->ssl != NULL && bio != NULL);
	BIO_set_data(bio, tls);
	BIO_set_init(bio, 1);
	SSL_set_bio(tls->ssl, bio, bio);
	return tls;
}

void tls_free(struct tls *tls)
{
	if (!tls)
		return;
	SSL_free(tls->ssl);
	free(tls);
}

void tls_feed(struct tls *tls, struct bytes wire)
{
	CHECK(tls->input.len == 0);
	tls->input = wire;
}

enum tls_event tls_read(struct tls *tls, uint8_t *plain, size_t size, size_t *len)
{
	*len = 0;
	/* OpenSSL would find out, too, but takes its time over it, and this is the last call of each read. */
	if (tls->state == TLS_OPENED && tls->input.len == 0 && SSL_has_pending(tls->ssl) == 0)
		return TLS_MORE;
	tls_forget_errors();
	if (tls->state == TLS_SHAKING) {
		int status = SSL_do_handshake(tls->ssl);
		if (status != 1)
			return tls_fail(tls, status);
		tls->state = TLS_OPENED;
		return TLS_OPEN;
	}
	if (tls->state == TLS_ENDED || tls->state == TLS_FAILED) {
		tls->input = (struct bytes){NULL, 0};
		return tls->state == TLS_ENDED ? TLS_END : TLS_BROKEN;
	}
	int status = SSL_read_ex(tls->ssl, plain, size, len);
	return status == 1 ? TLS_DATA : tls_fail(tls, status);
}

/* SSL_get_error wants the thread's queue of errors empty before a call. Nearly always it is, and clearing it all the same
 * is as dear as a tenth of a record. */
static void tls_forget_errors(void)
{
	if (ERR_peek_error())
		ERR_clear_error();
}

/* What a call that got nothing means. */
static enum tls_event tls_fail(struct tls *tls, int status)
{
	switch (SSL_get_error(tls->ssl, status)) {
	case SSL_ERROR_WANT_READ:
		if (tls->input.len == 0)
			return TLS_MORE;
		break;
	case SSL_ERROR_ZERO_RETURN:
		tls->input = (struct bytes){NULL, 0};
		tls->state = TLS_ENDED;
		return TLS_END;
	default:
		break;
	}
	long verified = SSL_get_verify_result(tls->ssl);
	snprintf(tls->error, sizeof tls->error, "%s",
	         verified != X509_V_OK ? X509_verify_cert_error_string(verified) : tls_reason());
	ERR_clear_error();
	tls->input = (struct bytes){NULL, 0};
	tls->state = TLS_FAILED;
	return TLS_BROKEN;
}

bool tls_write(struct tls *tls, const void *plain, size_t len)
{
	if (tls->state == TLS_FAILED)
		return false;
	if (tls->state == TLS_SHAKING || tls->shut || len == 0)
		return true;
	tls_forget_errors();
	size_t written;
	int status = SSL_write_ex(tls->ssl, plain, len, &written);
	if (status == 1)
		return true;
	(void)tls_fail(tls, status);
	return false;
}

void tls_shutdown(struct tls *tls)
{
	/* In the middle of a handshake OpenSSL has no alert for it. */
	if (tls->shut || tls->state == TLS_SHAKING || tls->state == TLS_FAILED)
		return;
	tls->shut = true;
	ERR_clear_error();
	(void)SSL_shutdown(tls->ssl);
	ERR_clear_error();
}

bool tls_is_open(const struct tls *tls)
{
	return tls->state == TLS_OPENED || tls->state == TLS_ENDED;
}

const char *tls_error(const struct tls *tls)
{
	return tls->error;
}

const char *tls_version(const struct tls *tls)
{
	return SSL_get_version(tls->ssl);
}

bool tls_alpn_agreed(const struct tls *tls)
{
	const unsigned char *name;
	unsigned len;
	SSL_get0_alpn_selected(tls->ssl, &name, &len);
	return len == TLS_ALPN_BYTES - 1u && memcmp(name, TLS_ALPN + 1, len) == 0;
}

bool tls_peer_shows(const struct tls *tls, const struct tls_context *own)
{
	const X509 *theirs = SSL_get0_peer_certificate(tls->ssl);
	const X509 *ours = SSL_CTX_get0_certificate(own->ssl);
	return theirs && ours && X509_cmp(theirs, ours) == 0;
}

size_t tls_binding(const struct tls *tls, bool peer, uint8_t *to, size_t size)
{
	X509 *certificate = peer ? SSL_get0_peer_certificate(tls->ssl) : SSL_get_certificate(tls->ssl);
	int digest_nid;
	if (!certificate || X509_get_signature_info(certificate, &digest_nid, NULL, NULL, NULL) != 1) {
		ERR_clear_error();
		return 0;
	}
	/* The RFC puts SHA-256 in the place of these two. */
	if (digest_nid == NID_md5 || digest_nid == NID_sha1)
		digest_nid = NID_sha256;
	const EVP_MD *digest = EVP_get_digestbynid(digest_nid);
	uint8_t hash[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	if (!digest || X509_digest(certificate, digest, hash, &len) != 1) {
		ERR_clear_error();
		return 0;
	}
	CHECK(len <= size);
	memcpy(to, hash, len);
	return len;
}

/* -- the BIO: reads from tls->input, writes to tls->output. OpenSSL's memory BIO would copy what comes in, and keeps
 * its memory. ------------------------------------------------------------------------------------------- */

static void tls_make_method(void)
{
	tls_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "pgproctor");
	CHECK(tls_method != NULL);
	BIO_meth_set_read(tls_method, tls_bio_read);
	BIO_meth_set_write(tls_method, tls_bio_write);
	BIO_meth_set_ctrl(tls_method, tls_bio_ctrl);
}

static int tls_bio_read(BIO *bio, char *to, int size)
{
	struct tls *tls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	if (tls->input.len == 0) {
		BIO_set_retry_read(bio);
		return -1;
	}
	size_t len = tls->input.len < (size_t)size ? tls->input.len : (size_t)size;
	memcpy(to, tls->input.data, len);
	tls->input = (struct bytes){tls->input.data + len, tls->input.len - len};
	return (int)len;
}

static int tls_bio_write(BIO *bio, const char *from, int len)
{
	struct tls *tls = BIO_get_data(bio);
	BIO_clear_retry_flags(bio);
	buffer_put(tls->output, from, (size_t)len, TLS_OUTPUT_BYTES_MAX);
	return len;
}

static long tls_bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	(void)bio, (void)number, (void)pointer;
	return command == BIO_CTRL_FLUSH;
}

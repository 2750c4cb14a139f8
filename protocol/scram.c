#include "protocol/scram.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* "p=tls-server-end-point,," and the longest digest. */
enum { SCRAM_BINDING_DATA_BYTES_MAX = 24 + SCRAM_BINDING_BYTES_MAX };

#define SCRAM_MALFORMED "malformed SCRAM message"
#define SCRAM_TYPE "tls-server-end-point"

#define MALFORMED(name, text) static const struct scram_refusal name = {"08P01", SCRAM_MALFORMED, text}

MALFORMED(scram_empty, "The message is empty.");
MALFORMED(scram_zero, "Message length does not match input length.");
MALFORMED(scram_no_binding_data,
          "The client selected SCRAM-SHA-256-PLUS, but the SCRAM message does not include channel binding data.");
MALFORMED(scram_binding_data,
          "The client selected SCRAM-SHA-256 without channel binding, but the SCRAM message includes channel binding "
          "data.");
MALFORMED(scram_no_comma, "Comma expected, but found another character.");
MALFORMED(scram_wrong_flag, "Unexpected channel-binding flag.");
MALFORMED(scram_wrong_attribute, "An attribute is missing, or is not the one that was expected.");
MALFORMED(scram_no_attribute, "Attribute expected, but found end of string.");
MALFORMED(scram_no_value, "Expected character \"=\" behind an attribute.");
MALFORMED(scram_wrong_proof, "Malformed proof in client-final-message.");
MALFORMED(scram_garbage, "Garbage found at the end of client-final-message.");
static const struct scram_refusal scram_wrong_type = {"08P01", "unsupported SCRAM channel-binding type", NULL};
static const struct scram_refusal scram_downgrade = {
    "28000", "SCRAM channel binding negotiation error",
    "The client supports SCRAM channel binding but thinks the server does not.  However, this server does support "
    "channel binding."};
static const struct scram_refusal scram_identity = {
    "0A000", "client uses authorization identity, but it is not supported", NULL};
static const struct scram_refusal scram_extension = {"0A000", "client requires an unsupported SCRAM extension", NULL};
static const struct scram_refusal scram_nonce = {"08P01", "non-printable characters in SCRAM nonce", NULL};
static const struct scram_refusal scram_wrong_hash = {"28000", "SCRAM channel binding check failed", NULL};
static const struct scram_refusal scram_wrong_header = {
    "08P01", "unexpected SCRAM channel-binding attribute in client-final-message", NULL};
const struct scram_refusal scram_wrong_mechanism = {"08P01", "client selected an invalid SASL authentication mechanism",
                                                    NULL};
const struct scram_refusal scram_wrong_nonce = {"08P01", "invalid SCRAM response", "Nonce does not match."};

static bool scram_read_verifier(struct bytes text, struct scram_verifier *verifier);
static bool scram_read_count(struct bytes text, uint32_t *count);
static bool scram_read_key(struct bytes text, uint8_t key[SCRAM_KEY_BYTES]);
static bool scram_cut(struct bytes *text, uint8_t at, struct bytes *before);
static const struct scram_refusal *scram_take_any(struct bytes *rest, uint8_t *attribute, struct bytes *value);
static const struct scram_refusal *scram_take(struct bytes *rest, uint8_t attribute, struct bytes *value);
static const struct scram_refusal *scram_take_flag(struct bytes *rest, bool plus, bool offered, char *flag);
static bool scram_begins(struct bytes text, char first);
static struct bytes scram_from(struct bytes text, size_t at);
static size_t scram_put(char *to, size_t size, size_t at, const void *data, size_t len);
static size_t scram_put_base64(char *to, size_t size, size_t at, const void *data, size_t len);

/* -- the verifier ------------------------------------------------------------------------------------ */

enum scram_secret scram_read_secret(struct bytes text, struct scram_verifier *verifier)
{
	static const char prefix[] = SCRAM_MECHANISM "$", md5[] = "md5";
	enum { MD5_CHARACTERS = 35 };
	if (text.len >= sizeof prefix - 1 && memcmp(text.data, prefix, sizeof prefix - 1) == 0)
		return scram_read_verifier(scram_from(text, sizeof prefix - 1), verifier) ? SCRAM_SECRET_VERIFIER
		                                                                          : SCRAM_SECRET_BROKEN;
	if (text.len != MD5_CHARACTERS || memcmp(text.data, md5, sizeof md5 - 1) != 0)
		return SCRAM_SECRET_PLAIN;
	for (size_t at = sizeof md5 - 1; at < text.len; at++)
		if (!isdigit(text.data[at]) && (text.data[at] < 'a' || text.data[at] > 'f'))
			return SCRAM_SECRET_PLAIN;
	return SCRAM_SECRET_MD5;
}

/* ITERATIONS:SALT$STOREDKEY:SERVERKEY */
static bool scram_read_verifier(struct bytes text, struct scram_verifier *verifier)
{
	struct bytes iterations, salt, stored_key;
	struct scram_verifier read = {0};
	if (!scram_cut(&text, ':', &iterations) || !scram_cut(&text, '$', &salt) ||
	    !scram_cut(&text, ':', &stored_key) || !scram_read_count(iterations, &read.iterations) ||
	    !base64_decode(salt, read.salt, sizeof read.salt, &read.salt_len) || read.salt_len == 0 ||
	    !scram_read_key(stored_key, read.stored_key) || !scram_read_key(text, read.server_key))
		return false;
	*verifier = read;
	return true;
}

/* -- what the client says ---------------------------------------------------------------------------- */

const struct scram_refusal *scram_read_client_first(struct bytes message, bool plus, bool offered,
                                                    struct scram_client_first *out)
{
	if (message.len == 0)
		return &scram_empty;
	if (memchr(message.data, 0, message.len))
		return &scram_zero;
	struct bytes rest = message, ignored;
	const struct scram_refusal *refusal = scram_take_flag(&rest, plus, offered, &out->flag);
	if (refusal)
		return refusal;
	if (scram_begins(rest, 'a'))
		return &scram_identity;
	if (!scram_begins(rest, ','))
		return &scram_wrong_attribute;
	rest = scram_from(rest, 1);
	out->header = (struct bytes){message.data, message.len - rest.len};
	out->bare = rest;
	if (scram_begins(rest, 'm'))
		return &scram_extension;
	/* The name is the start-up packet's; what stands here is ignored, and libpq leaves it empty. */
	refusal = scram_take(&rest, 'n', &ignored);
	if (!refusal)
		refusal = scram_take(&rest, 'r', &out->nonce);
	if (refusal)
		return refusal;
	for (size_t at = 0; at < out->nonce.len; at++)
		if (out->nonce.data[at] < 0x21 || out->nonce.data[at] > 0x7e)
			return &scram_nonce;
	while (rest.len > 0 && !refusal) {
		uint8_t attribute;
		refusal = scram_take_any(&rest, &attribute, &ignored);
	}
	return refusal;
}

/* The flag, and a comma behind it. */
static const struct scram_refusal *scram_take_flag(struct bytes *rest, bool plus, bool offered, char *flag)
{
	struct bytes type;
	*flag = (char)rest->data[0];
	switch (*flag) {
	case 'n':
	case 'y':
		if (plus)
			return &scram_no_binding_data;
		/* The offer was taken out on its way: by whom, if not by somebody in the middle? */
		if (*flag == 'y' && offered)
			return &scram_downgrade;
		*rest = scram_from(*rest, 1);
		if (!scram_begins(*rest, ','))
			return &scram_no_comma;
		*rest = scram_from(*rest, 1);
		return NULL;
	case 'p': {
		if (!plus)
			return &scram_binding_data;
		const struct scram_refusal *refusal = scram_take(rest, 'p', &type);
		if (refusal)
			return refusal;
		return bytes_equal(type, SCRAM_TYPE) ? NULL : &scram_wrong_type;
	}
	default:
		return &scram_wrong_flag;
	}
}

const struct scram_refusal *scram_read_client_final(struct bytes message, struct scram_client_final *out)
{
	if (message.len == 0)
		return &scram_empty;
	if (memchr(message.data, 0, message.len))
		return &scram_zero;
	struct bytes rest = message, value = {NULL, 0};
	const struct scram_refusal *refusal = scram_take(&rest, 'c', &out->binding);
	if (!refusal)
		refusal = scram_take(&rest, 'r', &out->nonce);
	/* Extensions may stand between; the proof comes last. */
	for (uint8_t attribute = 0; !refusal && attribute != 'p';) {
		/* The comma before it is not signed. */
		out->unproven = (struct bytes){message.data, message.len - rest.len - (rest.len < message.len)};
		refusal = scram_take_any(&rest, &attribute, &value);
	}
	if (refusal)
		return refusal;
	if (!scram_read_key(value, out->proof))
		return &scram_wrong_proof;
	return rest.len > 0 ? &scram_garbage : NULL;
}

const struct scram_refusal *scram_check_binding(const struct scram_client_final *final, char flag, struct bytes hash)
{
	char expected[BASE64_CHARACTERS(SCRAM_BINDING_DATA_BYTES_MAX) + 1];
	scram_write_binding(expected, sizeof expected, flag, hash);
	if (bytes_equal(final->binding, expected))
		return NULL;
	return flag == 'p' ? &scram_wrong_hash : &scram_wrong_header;
}

/* -- what the server says ---------------------------------------------------------------------------- */

bool scram_read_server_first(struct bytes message, struct bytes own, struct scram_server_first *out)
{
	struct bytes rest = message, salt, iterations;
	if (scram_take(&rest, 'r', &out->nonce) || scram_take(&rest, 's', &salt) || scram_take(&rest, 'i', &iterations))
		return false;
	if (out->nonce.len <= own.len || memcmp(out->nonce.data, own.data, own.len) != 0)
		return false;
	return rest.len == 0 && base64_decode(salt, out->salt, sizeof out->salt, &out->salt_len) && out->salt_len > 0 &&
	       scram_read_count(iterations, &out->iterations);
}

bool scram_read_server_final(struct bytes message, uint8_t signature[SCRAM_KEY_BYTES])
{
	struct bytes value;
	return !scram_take(&message, 'v', &value) && message.len == 0 && scram_read_key(value, signature);
}

/* -- writing ----------------------------------------------------------------------------------------- */

const char *scram_header(char flag)
{
	return flag == 'p' ? "p=" SCRAM_TYPE ",," : flag == 'y' ? "y,," : "n,,";
}

size_t scram_write_binding(char *to, size_t size, char flag, struct bytes hash)
{
	uint8_t data[SCRAM_BINDING_DATA_BYTES_MAX];
	const char *header = scram_header(flag);
	size_t len = strlen(header);
	CHECK(hash.len <= SCRAM_BINDING_BYTES_MAX);
	memcpy(data, header, len);
	if (flag == 'p' && hash.len > 0) {
		memcpy(data + len, hash.data, hash.len);
		len += hash.len;
	}
	return scram_put_base64(to, size, 0, data, len);
}

size_t scram_write_server_first(char *to, size_t size, struct bytes client_nonce, const char *server_nonce,
                                const struct scram_verifier *verifier)
{
	char iterations[16];
	snprintf(iterations, sizeof iterations, "%u", verifier->iterations);
	size_t len = scram_put(to, size, 0, "r=", 2);
	len = scram_put(to, size, len, client_nonce.data, client_nonce.len);
	len = scram_put(to, size, len, server_nonce, strlen(server_nonce));
	len = scram_put(to, size, len, ",s=", 3);
	len = scram_put_base64(to, size, len, verifier->salt, verifier->salt_len);
	len = scram_put(to, size, len, ",i=", 3);
	return scram_put(to, size, len, iterations, strlen(iterations));
}

size_t scram_write_key(char *to, size_t size, char attribute, const uint8_t key[SCRAM_KEY_BYTES])
{
	const char begin[] = {attribute, '='};
	return scram_put_base64(to, size, scram_put(to, size, 0, begin, sizeof begin), key, SCRAM_KEY_BYTES);
}

/* -- pieces ------------------------------------------------------------------------------------------ */

/* A letter, "=", and a value up to the next comma, which is consumed, or to the end. */
static const struct scram_refusal *scram_take_any(struct bytes *rest, uint8_t *attribute, struct bytes *value)
{
	if (rest->len == 0)
		return &scram_no_attribute;
	*attribute = rest->data[0];
	if (!isalpha(*attribute) || *attribute > 'z')
		return &scram_wrong_attribute;
	if (rest->len < 2 || rest->data[1] != '=')
		return &scram_no_value;
	*rest = scram_from(*rest, 2);
	if (!scram_cut(rest, ',', value)) {
		*value = *rest;
		*rest = scram_from(*rest, rest->len);
	}
	return NULL;
}

static const struct scram_refusal *scram_take(struct bytes *rest, uint8_t attribute, struct bytes *value)
{
	uint8_t found = attribute;
	if (rest->len > 0 && rest->data[0] != attribute)
		return &scram_wrong_attribute;
	return scram_take_any(rest, &found, value);
}

/* Cuts `text` at the first such byte, which belongs to neither part. */
static bool scram_cut(struct bytes *text, uint8_t at, struct bytes *before)
{
	const uint8_t *found = text->len > 0 ? memchr(text->data, at, text->len) : NULL;
	if (!found)
		return false;
	*before = (struct bytes){text->data, (size_t)(found - text->data)};
	*text = scram_from(*text, before->len + 1);
	return true;
}

static bool scram_read_count(struct bytes text, uint32_t *count)
{
	uint64_t number = 0;
	for (size_t at = 0; at < text.len; at++) {
		if (!isdigit(text.data[at]) || number > INT32_MAX)
			return false;
		number = number * 10 + (text.data[at] - '0');
	}
	*count = (uint32_t)number;
	return number > 0 && number <= INT32_MAX;
}

static bool scram_read_key(struct bytes text, uint8_t key[SCRAM_KEY_BYTES])
{
	size_t len;
	return base64_decode(text, key, SCRAM_KEY_BYTES, &len) && len == SCRAM_KEY_BYTES;
}

static bool scram_begins(struct bytes text, char first)
{
	return text.len > 0 && text.data[0] == (uint8_t)first;
}

static struct bytes scram_from(struct bytes text, size_t at)
{
	/* An empty view may hold NULL, to which not even zero may be added. */
	return at == 0 ? text : (struct bytes){text.data + at, text.len - at};
}

static size_t scram_put(char *to, size_t size, size_t at, const void *data, size_t len)
{
	CHECK(at + len < size);
	if (len > 0)
		memcpy(to + at, data, len);
	to[at + len] = '\0';
	return at + len;
}

static size_t scram_put_base64(char *to, size_t size, size_t at, const void *data, size_t len)
{
	CHECK(at + BASE64_CHARACTERS(len) < size);
	at += base64_encode(to + at, size - at, data, len);
	to[at] = '\0';
	return at;
}

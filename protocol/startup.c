#include "protocol/startup.h"

#include "config/limits.h"

#include <string.h>
#include <strings.h>

/* libpq/pqcomm.h: PG_PROTOCOL(1234, 5678 …) for requests that are no protocol version. */
#define CODE_CANCEL_REQUEST 80877102u
#define CODE_SSL_REQUEST 80877103u
#define CODE_GSSENC_REQUEST 80877104u

/* The content type of a TLS handshake record (RFC 8446, section 5.1). As the first byte of a length it would mean more
 * than 350 MB, so the two cannot be mistaken for each other. */
#define TLS_HANDSHAKE 0x16

/* Length, code, process id, and a key of 4 bytes (protocol 3.0) to 256 (3.2, MAX_CANCEL_KEY_LENGTH in procsignal.h). */
#define CANCEL_BYTES_MIN (12 + 4)
#define CANCEL_BYTES_MAX (12 + 256)

static void decode_parameters(struct startup *startup, struct bytes parameters);
static void note_parameter(struct startup *startup, struct bytes name, struct bytes value);
static bool equal_without_case(struct bytes view, const char *text);
static bool begins_without_case(const char *text, struct bytes view);
static size_t split_words(struct bytes options, char *words);
static bool is_space(uint8_t byte);
static bool option_matches(const char *option, size_t option_len, const char *name);

struct startup startup_parse(struct bytes input)
{
	struct startup startup = {.kind = STARTUP_MORE};
	if (input.len == 0)
		return startup;
	if (input.data[0] == TLS_HANDSHAKE) {
		startup.kind = STARTUP_DIRECT_TLS;
		return startup;
	}
	if (input.len < 4)
		return startup;

	size_t length = bytes_get_u32(input.data);
	if (length < 8 || length > LIMIT_STARTUP_PACKET_BYTES + 4) {
		startup.kind = STARTUP_BAD_LENGTH;
		return startup;
	}
	startup.packet_bytes = length;
	if (input.len < length)
		return startup;

	uint32_t code = bytes_get_u32(input.data + 4);
	startup.major = (uint16_t)(code >> 16);
	startup.minor = (uint16_t)code;
	if (code == CODE_SSL_REQUEST) {
		startup.kind = STARTUP_SSL_REQUEST;
	} else if (code == CODE_GSSENC_REQUEST) {
		startup.kind = STARTUP_GSSENC_REQUEST;
	} else if (code == CODE_CANCEL_REQUEST) {
		bool fits = length >= CANCEL_BYTES_MIN && length <= CANCEL_BYTES_MAX;
		startup.kind = fits ? STARTUP_CANCEL_REQUEST : STARTUP_BAD_LENGTH;
	} else if (startup.major != 3) {
		startup.kind = STARTUP_BAD_VERSION;
	} else {
		startup.kind = STARTUP_MESSAGE;
		decode_parameters(&startup, (struct bytes){input.data + 8, length - 8});
	}
	return startup;
}

bool startup_replicates(const struct startup *startup)
{
	struct bytes value = startup->replication;
	if (value.len == 0 || bytes_equal(value, "0"))
		return false;
	/* As parse_bool_with_len (utils/adt/bool.c): any beginning of these words, in any case, that is no beginning of
	 * another. What the server takes for no word at all it refuses. */
	return !begins_without_case("false", value) && !begins_without_case("no", value) &&
	       !(value.len >= 2 && begins_without_case("off", value));
}

bool startup_option(struct bytes options, const char *name, char *value, size_t value_size)
{
	/* Letters that take an argument in the getopt string of process_postgres_switches (tcop/postgres.c); '-' is
	 * one of them, which makes "--name=value" the option '-' with the argument "name=value". */
	static const char with_argument[] = "BCcDdfhkNoprStvW-";

	CHECK(value_size > 0);
	value[0] = '\0';
	char words[LIMIT_STARTUP_PACKET_BYTES + 1];
	if (options.len >= sizeof words)
		return false;
	size_t words_bytes = split_words(options, words);
	const char *end = words + words_bytes;

	bool found = false;
	for (const char *word = words; word < end; word += strlen(word) + 1) {
		/* getopt moves words that are no options behind, and the server refuses them later. */
		if (word[0] != '-' || word[1] == '\0')
			continue;
		if (strcmp(word, "--") == 0)
			break;
		const char *letter = word + 1;
		while (*letter != '\0' && strchr(with_argument, *letter) == NULL)
			letter++;
		if (*letter == '\0')
			continue;
		const char *argument = letter + 1;
		if (*argument == '\0') {
			word += strlen(word) + 1;
			if (word >= end)
				break;
			argument = word;
		}
		if (*letter != 'c' && *letter != '-')
			continue;
		const char *equals = strchr(argument, '=');
		if (equals == NULL || !option_matches(argument, (size_t)(equals - argument), name))
			continue;
		size_t len = strlen(equals + 1);
		found = len < value_size;
		if (found)
			memcpy(value, equals + 1, len + 1);
	}
	if (!found)
		value[0] = '\0';
	return found;
}

/* As ProcessStartupPacket (backend_startup.c, before 17 postmaster.c) reads them: names and values up to the last byte,
 * which ends the list. The server asks that the list ends there, not that the byte is zero; whoever is stricter takes for
 * broken what then logs in. */
static void decode_parameters(struct startup *startup, struct bytes parameters)
{
	struct bytes_reader reader = bytes_reader_of(parameters);
	bool whole = true;
	while (whole && bytes_left(&reader) != 1) {
		struct bytes name = bytes_read_string(&reader);
		struct bytes value = bytes_read_string(&reader);
		whole = !reader.failed && name.len > 0;
		if (whole)
			note_parameter(startup, name, value);
	}
	if (!whole) {
		*startup = (struct startup){
		    .kind = STARTUP_BAD_LAYOUT,
		    .packet_bytes = startup->packet_bytes,
		    .major = startup->major,
		    .minor = startup->minor,
		};
		return;
	}
	startup->parameters = parameters;
	if (startup->database.len == 0)
		startup->database = startup->user;
}

static void note_parameter(struct startup *startup, struct bytes name, struct bytes value)
{
	/* The packet's own names are compared byte for byte; all others are settings, whose names have no case. */
	if (bytes_equal(name, "user"))
		startup->user = value;
	else if (bytes_equal(name, "database"))
		startup->database = value;
	else if (bytes_equal(name, "options"))
		startup->options = value;
	else if (bytes_equal(name, "replication"))
		startup->replication = value;
	else if (equal_without_case(name, "application_name"))
		startup->application_name = value;
	else if (equal_without_case(name, "client_encoding"))
		startup->client_encoding = value;
	else if (equal_without_case(name, "search_path"))
		startup->search_path = value;
	else if (equal_without_case(name, "lock_timeout"))
		startup->lock_timeout = value;
	else if (equal_without_case(name, "plan_cache_mode"))
		startup->plan_cache_mode = value;
	else if (equal_without_case(name, "TimeZone"))
		startup->time_zone = value;
}

static bool equal_without_case(struct bytes view, const char *text)
{
	return view.len == strlen(text) && strncasecmp((const char *)view.data, text, view.len) == 0;
}

static bool begins_without_case(const char *text, struct bytes view)
{
	return view.len <= strlen(text) && strncasecmp((const char *)view.data, text, view.len) == 0;
}

/* Writes the words of `options`, each with a zero after it, and returns how many bytes that took: at most one more than
 * options.len. As pg_split_opts (utils/init/postinit.c): a backslash takes the next byte as it is. */
static size_t split_words(struct bytes options, char *words)
{
	size_t at = 0, written = 0;
	while (at < options.len) {
		while (at < options.len && is_space(options.data[at]))
			at++;
		if (at == options.len)
			break;
		bool escaped = false;
		for (; at < options.len && (escaped || !is_space(options.data[at])); at++) {
			bool escape = !escaped && options.data[at] == '\\';
			if (!escape)
				words[written++] = (char)options.data[at];
			escaped = escape;
		}
		words[written++] = '\0';
	}
	return written;
}

static bool is_space(uint8_t byte)
{
	return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* ParseLongOption (utils/misc/guc.c) turns '-' into '_'. */
static bool option_matches(const char *option, size_t option_len, const char *name)
{
	if (strlen(name) != option_len)
		return false;
	for (size_t at = 0; at < option_len; at++) {
		char byte = option[at] == '-' ? '_' : option[at];
		if (strncasecmp(&byte, &name[at], 1) != 0)
			return false;
	}
	return true;
}

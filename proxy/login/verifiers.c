#include "proxy/login/verifiers.h"

#include "config/limits.h"
#include "proxy/login/proof.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct verifiers_entry {
	char user[LIMIT_NAME_BYTES];
	unsigned line;
	struct scram_verifier verifier;
};

struct verifiers {
	atomic_uint references;
	struct verifiers_entry *entries; /* by user */
	size_t count, capacity;
};

/* Where in the file, and where to say what is wrong with it. */
struct verifiers_reading {
	const char *path;
	const char *at, *end;
	unsigned line;
	char *error;
	size_t error_size;
};

/* PgBouncer's MAX_PASSWORD; a verifier with the longest salt has half of it. */
enum { VERIFIERS_TEXT_BYTES_MAX = 2048 };

static char *verifiers_load(struct verifiers_reading *reading, bool *exposed, size_t *len);
static bool verifiers_read_line(struct verifiers_reading *reading, struct verifiers *verifiers);
static bool verifiers_read_text(struct verifiers_reading *reading, char *to, size_t size, size_t *len,
                                const char *what);
static bool verifiers_add(struct verifiers_reading *reading, struct verifiers *verifiers, const char *user,
                          struct bytes secret);
static bool verifiers_check_unique(struct verifiers_reading *reading, const struct verifiers *verifiers);
static void verifiers_skip(struct verifiers_reading *reading);
static int verifiers_compare(const void *a, const void *b);
static bool verifiers_fail(const struct verifiers_reading *reading, const char *format, ...) PRINTF_LIKE(2, 3);

struct verifiers *verifiers_read(const char *path, bool *exposed, char *error, size_t error_size)
{
	struct verifiers_reading reading = {.path = path, .error = error, .error_size = error_size};
	size_t len;
	char *text = verifiers_load(&reading, exposed, &len);
	if (!text)
		return NULL;
	struct verifiers *verifiers = calloc(1, sizeof *verifiers);
	CHECK(verifiers != NULL);
	atomic_init(&verifiers->references, 1);
	reading.at = text;
	reading.end = text + len;
	bool good = true;
	while (good && reading.at < reading.end) {
		reading.line++;
		good = verifiers_read_line(&reading, verifiers);
	}
	if (good && verifiers->count > 0)
		qsort(verifiers->entries, verifiers->count, sizeof *verifiers->entries, verifiers_compare);
	good = good && verifiers_check_unique(&reading, verifiers);
	proof_wipe(text, len);
	free(text);
	if (good)
		return verifiers;
	verifiers_unref(verifiers);
	return NULL;
}

struct verifiers *verifiers_ref(struct verifiers *verifiers)
{
	atomic_fetch_add_explicit(&verifiers->references, 1, memory_order_relaxed);
	return verifiers;
}

void verifiers_unref(struct verifiers *verifiers)
{
	if (!verifiers || atomic_fetch_sub_explicit(&verifiers->references, 1, memory_order_acq_rel) > 1)
		return;
	if (verifiers->entries)
		proof_wipe(verifiers->entries, verifiers->capacity * sizeof *verifiers->entries);
	free(verifiers->entries);
	free(verifiers);
}

const struct scram_verifier *verifiers_find(const struct verifiers *verifiers, const char *user)
{
	struct verifiers_entry key;
	size_t len = strlen(user);
	if (verifiers->count == 0 || len >= sizeof key.user)
		return NULL;
	memcpy(key.user, user, len + 1);
	const struct verifiers_entry *found =
	    bsearch(&key, verifiers->entries, verifiers->count, sizeof *verifiers->entries, verifiers_compare);
	return found ? &found->verifier : NULL;
}

size_t verifiers_count(const struct verifiers *verifiers)
{
	return verifiers->count;
}

/* The caller's to free, and to overwrite. */
static char *verifiers_load(struct verifiers_reading *reading, bool *exposed, size_t *len)
{
	int fd = open(reading->path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	if (fd < 0 || fstat(fd, &status) < 0) {
		(void)verifiers_fail(reading, "cannot open it: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	if (!S_ISREG(status.st_mode) || status.st_size > LIMIT_AUTH_FILE_BYTES) {
		(void)verifiers_fail(reading, S_ISREG(status.st_mode) ? "it is longer than 16 MiB" : "it is no file");
		close(fd);
		return NULL;
	}
	*exposed = (status.st_mode & S_IRWXO) != 0;
	size_t size = (size_t)status.st_size;
	char *text = malloc(size + 1);
	CHECK(text != NULL);
	*len = 0;
	ssize_t got = 1;
	while (*len < size && (got = read(fd, text + *len, size - *len)) != 0) {
		if (got < 0 && errno != EINTR)
			break;
		*len += got > 0 ? (size_t)got : 0;
	}
	if (got < 0) {
		(void)verifiers_fail(reading, "cannot read it: %s", strerror(errno));
		proof_wipe(text, size);
		free(text);
		text = NULL;
	}
	close(fd);
	return text;
}

/* From the beginning of a line to that of the next. */
static bool verifiers_read_line(struct verifiers_reading *reading, struct verifiers *verifiers)
{
	char user[LIMIT_NAME_BYTES], secret[VERIFIERS_TEXT_BYTES_MAX];
	size_t user_len, secret_len;
	while (reading->at < reading->end && strchr(" \t\r", *reading->at) && *reading->at)
		reading->at++;
	if (reading->at < reading->end && *reading->at != '\n' && *reading->at != ';') {
		if (!verifiers_read_text(reading, user, sizeof user, &user_len, "user"))
			return false;
		if (user_len == 0)
			return verifiers_fail(reading, "the user's name is empty");
		bool good =
		    verifiers_read_text(reading, secret, sizeof secret, &secret_len, "password") &&
		    verifiers_add(reading, verifiers, user, (struct bytes){(const uint8_t *)secret, secret_len});
		proof_wipe(secret, sizeof secret);
		if (!good)
			return false;
	}
	verifiers_skip(reading);
	return true;
}

/* A text in quotes, after blanks. */
static bool verifiers_read_text(struct verifiers_reading *reading, char *to, size_t size, size_t *len, const char *what)
{
	const char *at = reading->at, *end = reading->end;
	*len = 0;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	if (at == end || *at != '"')
		return verifiers_fail(reading,
		                      "the %s is missing, or not in double quotes: a line is \"user\" "
		                      "\"SCRAM-SHA-256$…\"",
		                      what);
	for (at++; at < end && *at != '\n'; at++) {
		if (*at == '"') {
			if (at + 1 == end || at[1] != '"') {
				to[*len] = '\0';
				reading->at = at + 1;
				return true;
			}
			at++;
		}
		if (*at == '\0')
			return verifiers_fail(reading, "the %s has a zero byte in it", what);
		if (*len + 1 >= size)
			return verifiers_fail(reading, "the %s has more than %zu bytes", what, size - 1);
		to[(*len)++] = *at;
	}
	return verifiers_fail(reading, "the closing quote of the %s is missing", what);
}

static bool verifiers_add(struct verifiers_reading *reading, struct verifiers *verifiers, const char *user,
                          struct bytes secret)
{
	struct scram_verifier verifier;
	switch (scram_read_secret(secret, &verifier)) {
	case SCRAM_SECRET_VERIFIER:
		break;
	case SCRAM_SECRET_MD5:
		return verifiers_fail(reading, "an md5 password cannot log in to the server: set it anew with "
		                               "password_encryption = 'scram-sha-256' and copy pg_authid.rolpassword");
	case SCRAM_SECRET_PLAIN:
		return verifiers_fail(reading, "the password is not a SCRAM verifier: copy pg_authid.rolpassword, "
		                               "which begins with SCRAM-SHA-256$");
	case SCRAM_SECRET_BROKEN:
		return verifiers_fail(reading, "the SCRAM verifier is cut off or damaged: copy it again from "
		                               "pg_authid.rolpassword");
	}
	if (verifiers->count == verifiers->capacity) {
		/* Not realloc: what it moves away from would stay in memory as it was. */
		size_t capacity = verifiers->capacity > 0 ? 2 * verifiers->capacity : 16;
		struct verifiers_entry *entries = calloc(capacity, sizeof *entries);
		CHECK(entries != NULL);
		if (verifiers->count > 0) {
			memcpy(entries, verifiers->entries, verifiers->count * sizeof *entries);
			proof_wipe(verifiers->entries, verifiers->count * sizeof *entries);
		}
		free(verifiers->entries);
		verifiers->entries = entries;
		verifiers->capacity = capacity;
	}
	struct verifiers_entry *entry = &verifiers->entries[verifiers->count++];
	memcpy(entry->user, user, strlen(user) + 1);
	entry->line = reading->line;
	entry->verifier = verifier;
	proof_wipe(&verifier, sizeof verifier);
	return true;
}

/* Which of two would count? Better to ask than to guess. */
static bool verifiers_check_unique(struct verifiers_reading *reading, const struct verifiers *verifiers)
{
	for (size_t at = 1; at < verifiers->count; at++) {
		const struct verifiers_entry *one = &verifiers->entries[at - 1], *other = one + 1;
		if (verifiers_compare(one, other) != 0)
			continue;
		reading->line = one->line > other->line ? one->line : other->line;
		return verifiers_fail(reading, "this user stands in line %u already",
		                      one->line < other->line ? one->line : other->line);
	}
	return true;
}

static void verifiers_skip(struct verifiers_reading *reading)
{
	const char *newline = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
	reading->at = newline ? newline + 1 : reading->end;
}

static int verifiers_compare(const void *a, const void *b)
{
	return strcmp(((const struct verifiers_entry *)a)->user, ((const struct verifiers_entry *)b)->user);
}

/* "FILE:LINE: …", before the first line "FILE: …"; always false. */
static bool verifiers_fail(const struct verifiers_reading *reading, const char *format, ...)
{
	char place[16] = "";
	if (reading->line > 0)
		snprintf(place, sizeof place, ":%u", reading->line);
	int len = snprintf(reading->error, reading->error_size, "auth_file: %s%s: ", reading->path, place);
	if (len < 0 || (size_t)len >= reading->error_size)
		return false;
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(reading->error + len, reading->error_size - (size_t)len, format, arguments);
	va_end(arguments);
	return false;
}

#include "inspect/text/secret.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORDS_MAX = 12 };

/* The words of a name, folded; `text` is the last one's end. */
struct name_words {
	char bytes[SECRET_NAME_BYTES + 1 + WORDS_MAX];
	const char *words[WORDS_MAX];
	unsigned count;
};

static bool may_be(const char *name, size_t len);
static void split(struct name_words *split, const char *name, size_t len);
static bool is_any(const char *word, const char *const *of);
static enum secret_kind kind_of(const struct name_words *name);

static inline char fold(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

enum secret_kind secret_of(const char *name, size_t len)
{
	struct name_words words;

	if (len > SECRET_NAME_BYTES)
		len = SECRET_NAME_BYTES;
	if (!may_be(name, len))
		return SECRET_NONE;
	split(&words, name, len);
	return kind_of(&words);
}

/* Most names are none: three letters in a row that every name of a secret has, in one look. */
static bool may_be(const char *name, size_t len)
{
	static const uint8_t first[256] = {['p'] = 1, ['P'] = 1, ['s'] = 1, ['S'] = 1, ['t'] = 1,
	                                   ['T'] = 1, ['k'] = 1, ['K'] = 1, ['c'] = 1, ['C'] = 1};

	for (size_t at = 0; at + 3 <= len; at++) {
		if (!first[(unsigned char)name[at]])
			continue;

		char second = fold(name[at + 1]), third = fold(name[at + 2]);
		switch (fold(name[at])) {
		case 'p':
			if ((second == 'a' && (third == 's' || third == 'n')) || (second == 'w' && third == 'd'))
				return true;
			break;
		case 's':
			if (second == 'e' && third == 'c')
				return true;
			break;
		case 't':
			if (second == 'o' && third == 'k')
				return true;
			break;
		case 'k':
			if (second == 'e' && third == 'y')
				return true;
			break;
		default:
			if ((second == 'a' && third == 'r') || (second == 'c' && (third == 'n' || third == '_')))
				return true;
			break;
		}
	}
	return false;
}

/* At underscores and other signs, before a capital behind a small letter, and before digits, which are dropped. */
static void split(struct name_words *to, const char *name, size_t len)
{
	size_t put = 0;
	bool inside = false;

	to->count = 0;
	for (size_t at = 0; at < len; at++) {
		char byte = name[at];
		bool capital = byte >= 'A' && byte <= 'Z', letter = capital || (byte >= 'a' && byte <= 'z');
		bool hump = capital && at > 0 && name[at - 1] >= 'a' && name[at - 1] <= 'z';

		if (inside && (!letter || hump)) {
			to->bytes[put++] = '\0';
			inside = false;
		}
		if (!letter)
			continue;
		if (!inside) {
			if (to->count == WORDS_MAX)
				return;
			to->words[to->count++] = to->bytes + put;
			inside = true;
		}
		to->bytes[put++] = fold(byte);
	}
	to->bytes[put] = '\0';
}

static bool is_any(const char *word, const char *const *of)
{
	for (; *of; of++) {
		if (strcmp(word, *of) == 0)
			return true;
	}
	return false;
}

static enum secret_kind kind_of(const struct name_words *name)
{
	static const char *const passwords[] = {"password", "passwd", "passphrase", "passwort", "pwd", "pass", NULL};
	static const char *const plain[] = {"plain", "plaintext", "clear", "cleartext", "raw", "text", "value", NULL};
	static const char *const tokens[] = {"token",      "secret",      "apikey",       "secretkey",
	                                     "privatekey", "accesstoken", "clientsecret", NULL};
	static const char *const keys[] = {"api",     "private", "access",     "secret", "client",
	                                   "signing", "auth",    "encryption", "master", NULL};
	/* In front of it: what stands there is no secret itself, or one for once only, or is hidden already. */
	static const char *const others[] = {
	    "is",         "has",          "must",   "requires",    "require",   "needs",      "need",
	    "reset",      "force",        "change", "hashed",      "encrypted", "enc",        "csrf",
	    "xsrf",       "session",      "public", "pub",         "device",    "push",       "fcm",
	    "apns",       "page",         "next",   "sync",        "cursor",    "confirm",    "confirmation",
	    "activation", "verification", "verify", "unsubscribe", "invite",    "invitation", "continuation",
	    "bypass",     "boarding",     "season", "masked",      "crypted",   NULL};
	static const char *const cards[] = {"card", "creditcard", "cc", "debitcard", NULL};
	static const char *const numbers[] = {"number", "num", "no", "nr", "pan", NULL};
	static const char *const whole[] = {"pan", "cardnumber", "creditcard", "ccnumber", "ccnum", "cardno", NULL};

	if (name->count == 0)
		return SECRET_NONE;

	unsigned last = name->count - 1;
	const char *word = name->words[last], *before = last > 0 ? name->words[last - 1] : "";
	for (unsigned at = 0; at < last; at++) {
		if (is_any(name->words[at], others))
			return SECRET_NONE;
	}
	if (is_any(word, passwords) || (is_any(word, plain) && is_any(before, passwords)))
		return SECRET_PASSWORD;
	if (is_any(word, tokens) || (strcmp(word, "key") == 0 && is_any(before, keys)))
		return SECRET_TOKEN;
	if (is_any(word, whole) || (is_any(word, numbers) && is_any(before, cards)) ||
	    (strcmp(word, "card") == 0 && (strcmp(before, "credit") == 0 || strcmp(before, "debit") == 0)))
		return SECRET_CARD;
	return SECRET_NONE;
}

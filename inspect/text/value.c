#include "inspect/text/value.h"

#include "config/check.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

enum {
	/* Django 3.2's default for pbkdf2_sha256, the least that a release with support has had. */
	PBKDF2_ITERATIONS = 260000,
	RANDOM_MIN = 20,
	RANDOM_LONG = 44, /* SHA-256 in base64 */
	RANDOM_MAX = 512,
	DISTINCT_MIN = 10, /* of a random text's characters */
	CARD_MIN = 13,
	CARD_MAX = 19,
	HEX_LONG = 56, /* SHA-224 */
	UUID_BYTES = 36,
	FIRST_KEY_BYTES = 256,
};

static bool is_json_object(const char *text, size_t len);
static bool is_no_secret(const char *text, size_t len);
static bool is_locked(const char *text, size_t len);
static enum value_kind hash_of(const char *text, size_t len);
static unsigned long iterations_of(const char *text, size_t len);
static bool is_hex(const char *text, size_t len);
static bool is_sealed(const char *text, size_t len);
static bool is_uuid(const char *text, size_t len);
static bool is_credential(const char *text, size_t len);
static bool is_web_token(const char *text, size_t len);
static bool is_card(const char *text, size_t len);
static bool is_random(const char *text, size_t len);

/* Which bytes, by their low five bits, come second where the first begins a known form: a hash, cipher text, a key.
 * Most texts need no other look to be none of these. */
#define SECOND(byte) (UINT32_C(1) << ((byte)&31))
static const uint32_t form_starts[256] = {
    ['$'] = UINT32_MAX,
    ['{'] = UINT32_MAX,
    ['*'] = UINT32_MAX,
    ['-'] = SECOND('-'),
    ['\\'] = SECOND('x'),
    ['a'] = SECOND('r'),
    ['b'] = SECOND('c'),
    ['c'] = SECOND('r'),
    ['d'] = SECOND('o'),
    ['e'] = SECOND('n') | SECOND('y'),
    ['g'] = SECOND('A') | SECOND('h') | SECOND('i') | SECOND('l'),
    ['h'] = SECOND('v'),
    ['k'] = SECOND('m'),
    ['m'] = SECOND('d'),
    ['n'] = SECOND('p'),
    ['p'] = SECOND('b') | SECOND('y'),
    ['r'] = SECOND('k'),
    ['s'] = SECOND('c') | SECOND('h') | SECOND('k') | SECOND('s'),
    ['u'] = SECOND('n'),
    ['v'] = SECOND('a'),
    ['w'] = SECOND('h'),
    ['x'] = SECOND('a') | SECOND('o'),
    ['y'] = SECOND('a'),
    ['A'] = SECOND('I') | SECOND('K') | SECOND('Q') | SECOND('S'),
    ['E'] = SECOND('A') | SECOND('N'),
    ['S'] = SECOND('C') | SECOND('G'),
};

/* How is_random counts a byte: letters, digits and others, 16 bits each; 0: it has no place there. */
enum { DIGITS_SHIFT = 16, OTHERS_SHIFT = 32 };
#define RANDOM_LETTER UINT64_C(1)
#define RANDOM_DIGIT (UINT64_C(1) << DIGITS_SHIFT)
#define RANDOM_OTHER (UINT64_C(1) << OTHERS_SHIFT)
static const uint64_t random_counts[256] = {
    ['a' ... 'z'] = RANDOM_LETTER, ['A' ... 'Z'] = RANDOM_LETTER, ['0' ... '9'] = RANDOM_DIGIT, ['-'] = RANDOM_OTHER,
    ['_'] = RANDOM_OTHER,          ['+'] = RANDOM_OTHER,          ['/'] = RANDOM_OTHER,         ['='] = RANDOM_OTHER,
    ['.'] = RANDOM_OTHER,          ['~'] = RANDOM_OTHER,          ['!'] = RANDOM_OTHER,         ['@'] = RANDOM_OTHER,
    ['#'] = RANDOM_OTHER,          ['$'] = RANDOM_OTHER,          ['%'] = RANDOM_OTHER,         ['^'] = RANDOM_OTHER,
    ['&'] = RANDOM_OTHER,          ['*'] = RANDOM_OTHER,
};
static_assert(RANDOM_MAX < 1 << DIGITS_SHIFT, "the counts of a text fit beside each other");

static inline bool is_digit(char byte)
{
	return byte >= '0' && byte <= '9';
}

static inline bool is_letter(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

static inline bool may_be_a_form(const char *text, size_t len)
{
	return len > 1 && form_starts[(unsigned char)text[0]] >> (text[1] & 31) & 1;
}

static inline bool begins(const char *text, size_t len, const char *with)
{
	size_t with_len;

	/* Most prefixes fall by their first byte. */
	if (len == 0 || text[0] != with[0])
		return false;
	with_len = strlen(with);
	return len >= with_len && memcmp(text, with, with_len) == 0;
}

enum value_kind value_json(const char *text, size_t len)
{
	const char *first;

	if (len < 2 || (text[0] != '{' && text[0] != '['))
		return VALUE_PLAIN;
	if (text[len - 1] != (text[0] == '{' ? '}' : ']'))
		return VALUE_PLAIN;
	if (len == 2)
		return VALUE_JSON_EMPTY;
	if (text[0] == '{')
		return is_json_object(text + 1, len - 2) ? VALUE_JSON : VALUE_PLAIN;
	/* [draft] is text, [1, and ["a" are not. */
	first = text + 1;
	while (*first == ' ' || *first == '\n' || *first == '\t' || *first == '\r')
		first++;
	if (*first == '{')
		return is_json_object(first + 1, (size_t)(text + len - 1 - first) - 1) ? VALUE_JSON : VALUE_PLAIN;
	if (*first == '"' || *first == '[' || *first == '-' || is_digit(*first))
		return VALUE_JSON;
	return VALUE_PLAIN;
}

/* Behind {: a name in quotes and a colon. An array of PostgreSQL's, {"a","b"}, has no colon there. */
static bool is_json_object(const char *text, size_t len)
{
	size_t at = 0, end;

	while (at < len && (text[at] == ' ' || text[at] == '\n' || text[at] == '\t' || text[at] == '\r'))
		at++;
	if (at == len)
		return false;
	if (text[at] == '}')
		return true; /* [{}] */
	if (text[at++] != '"')
		return false;
	end = at + FIRST_KEY_BYTES < len ? at + FIRST_KEY_BYTES : len;
	while (at < end && text[at] != '"')
		at += text[at] == '\\' ? 2 : 1;
	for (at++; at < len && (text[at] == ' ' || text[at] == '\n'); at++)
		;
	return at < len && text[at] == ':';
}

enum value_kind value_of(const char *text, size_t len)
{
	enum value_kind kind;
	bool form;

	if (len == 0)
		return VALUE_EMPTY;
	kind = value_json(text, len);
	if (kind != VALUE_PLAIN)
		return kind;
	if (is_no_secret(text, len))
		return VALUE_NO_SECRET;
	if (is_locked(text, len))
		return VALUE_LOCKED;
	form = may_be_a_form(text, len);
	DCHECK(form || (hash_of(text, len) == VALUE_PLAIN && !is_sealed(text, len) && !is_credential(text, len)));
	kind = form ? hash_of(text, len) : VALUE_PLAIN;
	if (kind != VALUE_PLAIN)
		return kind;
	if (form && is_sealed(text, len))
		return VALUE_SEALED;
	if (len >= HEX_LONG && is_hex(text, len))
		return VALUE_HEX_LONG;
	if ((len == 32 || len == 40) && is_hex(text, len))
		return VALUE_HEX_SHORT;
	if (is_uuid(text, len))
		return VALUE_UUID;
	if (form && is_credential(text, len))
		return VALUE_CREDENTIAL;
	if (is_card(text, len))
		return VALUE_CARD;
	if (is_random(text, len))
		return len >= RANDOM_LONG || text[len - 1] == '=' ? VALUE_RANDOM_LONG : VALUE_RANDOM;
	return VALUE_PLAIN;
}

const char *value_name(enum value_kind kind)
{
	static const char *const names[VALUE_KINDS] = {
	    [VALUE_UNKNOWN] = "unknown",
	    [VALUE_PLAIN] = "plain",
	    [VALUE_EMPTY] = "empty",
	    [VALUE_JSON] = "json",
	    [VALUE_JSON_EMPTY] = "json_empty",
	    [VALUE_NO_SECRET] = "no_secret",
	    [VALUE_LOCKED] = "locked",
	    [VALUE_HASH] = "hash",
	    [VALUE_WEAK_HASH] = "weak_hash",
	    [VALUE_HEX_SHORT] = "hex_short",
	    [VALUE_HEX_LONG] = "hex_long",
	    [VALUE_SEALED] = "sealed",
	    [VALUE_UUID] = "uuid",
	    [VALUE_CREDENTIAL] = "credential",
	    [VALUE_CARD] = "card",
	    [VALUE_RANDOM] = "random",
	    [VALUE_RANDOM_LONG] = "random_long",
	};

	CHECK(kind < VALUE_KINDS);
	return names[kind];
}

static bool is_no_secret(const char *text, size_t len)
{
	static const char *const flags[] = {"0", "1", "t", "f", "y", "n", "on", "off", "yes", "no", "true", "false"};

	if (text[0] == '/' && len > 2 && memchr(text + 1, '/', len - 1) && !memchr(text, ' ', len))
		return true;
	if (len > 5)
		return false;
	for (size_t at = 0; at < sizeof(flags) / sizeof(*flags); at++) {
		if (strlen(flags[at]) == len && strncasecmp(text, flags[at], len) == 0)
			return true;
	}
	return false;
}

/* Django's unusable password is ! and 40 random characters, shadow(5)'s locked one ! or * in front; masks, such as
 * ********, are written where there is nothing to store. */
static bool is_locked(const char *text, size_t len)
{
	if (text[0] == '!' && (len == 1 || len >= RANDOM_MIN))
		return true;
	if (text[0] == '*' && len == 1)
		return true;
	for (size_t at = 1; at < len; at++) {
		if (text[at] != text[0])
			return false;
	}
	return !is_letter(text[0]) && !is_digit(text[0]);
}

/* Formats by their prefixes: Django's hashers (contrib/auth/hashers.py), crypt(5), passlib's, LDAP's (RFC 2307),
 * PostgreSQL's own. */
static enum value_kind hash_of(const char *text, size_t len)
{
	static const char *const weak[] = {"md5$",   "sha1$", "unsalted_md5$", "unsalted_sha1$", "crypt$", "$1$",
	                                   "$apr1$", "{MD5}", "{SMD5}",        "{SHA}",          "{CRYPT}"};
	static const char *const good[] = {
	    "pbkdf2_", "argon2", "bcrypt", "scrypt$", "scrypt:", "pbkdf2:", "$2a$",           "$2b$",     "$2y$",
	    "$argon2", "$5$",    "$6$",    "$7$",     "$y$",     "$gy$",    "$scrypt$",       "$pbkdf2",  "$P$",
	    "$H$",     "$S$",    "{SSHA",  "{PBKDF2", "{ARGON2", "{BCRYPT", "SCRAM-SHA-256$", "{SHA256}", "{SHA512}"};

	if (len < RANDOM_MIN)
		return VALUE_PLAIN;
	for (size_t at = 0; at < sizeof(weak) / sizeof(*weak); at++) {
		if (begins(text, len, weak[at]))
			return VALUE_WEAK_HASH;
	}
	if (begins(text, len, "pbkdf2_sha256$") && iterations_of(text + 14, len - 14) < PBKDF2_ITERATIONS)
		return VALUE_WEAK_HASH;
	for (size_t at = 0; at < sizeof(good) / sizeof(*good); at++) {
		if (begins(text, len, good[at]) && (memchr(text, '$', len) || text[0] == '{'))
			return VALUE_HASH;
	}
	if (len == 35 && begins(text, len, "md5") && is_hex(text + 3, 32))
		return VALUE_WEAK_HASH; /* PostgreSQL's, before SCRAM */
	if (len == 41 && text[0] == '*' && is_hex(text + 1, 40))
		return VALUE_WEAK_HASH; /* MySQL's */
	return VALUE_PLAIN;
}

static unsigned long iterations_of(const char *text, size_t len)
{
	unsigned long value = 0;

	for (size_t at = 0; at < len && at < 9 && is_digit(text[at]); at++)
		value = value * 10 + (unsigned long)(text[at] - '0');
	return value;
}

static bool is_hex(const char *text, size_t len)
{
	for (size_t at = 0; at < len; at++) {
		if (!is_digit(text[at]) && !(text[at] >= 'a' && text[at] <= 'f') &&
		    !(text[at] >= 'A' && text[at] <= 'F'))
			return false;
	}
	return true;
}

static bool is_sealed(const char *text, size_t len)
{
	static const char *const prefixes[] = {
	    "gAAAAA", "\\x", "vault:v", "enc:", "ENC(", "{cipher}", "kms:", "AQICAH"};

	for (size_t at = 0; at < sizeof(prefixes) / sizeof(*prefixes); at++) {
		if (begins(text, len, prefixes[at]))
			return true;
	}
	return begins(text, len, "-----BEGIN PGP MESSAGE") || begins(text, len, "-----BEGIN PUBLIC KEY") ||
	       begins(text, len, "-----BEGIN CERTIFICATE") || begins(text, len, "ssh-rsa ") ||
	       begins(text, len, "ssh-ed25519 ");
}

static bool is_uuid(const char *text, size_t len)
{
	if (len != UUID_BYTES)
		return false;
	for (size_t at = 0; at < len; at++) {
		bool dash = at == 8 || at == 13 || at == 18 || at == 23;

		if (dash ? text[at] != '-' : !is_hex(text + at, 1))
			return false;
	}
	return true;
}

/* Forms that their issuers document, so that scanners can find them. */
static bool is_credential(const char *text, size_t len)
{
	static const char *const prefixes[] = {
	    "sk_live_", "sk_test_",    "rk_live_", "ghp_",  "gho_",          "ghs_",  "ghu_",
	    "ghr_",     "github_pat_", "glpat-",   "xoxb-", "xoxp-",         "xoxa-", "xapp-",
	    "sk-ant-",  "sk-proj-",    "SG.",      "AIza",  "ya29.",         "npm_",  "pypi-",
	    "dop_v1_",  "shpat_",      "whsec_",   "hvs.",  "EAACEdEose0cBA"};

	if (len >= 16) {
		for (size_t at = 0; at < sizeof(prefixes) / sizeof(*prefixes); at++) {
			if (begins(text, len, prefixes[at]) && !memchr(text, ' ', len))
				return true;
		}
	}
	if (len == 20 && (begins(text, len, "AKIA") || begins(text, len, "ASIA"))) {
		for (size_t at = 4; at < len; at++) {
			if (!is_digit(text[at]) && !(text[at] >= 'A' && text[at] <= 'Z'))
				return false;
		}
		return true;
	}
	if (begins(text, len, "-----BEGIN ") && memmem(text, len < 64 ? len : 64, "PRIVATE KEY", 11))
		return true;
	return is_web_token(text, len);
}

/* JSON Web Token (RFC 7519): three parts of base64url, of which the first begins with {" */
static bool is_web_token(const char *text, size_t len)
{
	unsigned dots = 0;

	if (!begins(text, len, "eyJ") || len < 30)
		return false;
	for (size_t at = 0; at < len; at++) {
		if (text[at] == '.')
			dots++;
		else if (!is_letter(text[at]) && !is_digit(text[at]) && text[at] != '-' && text[at] != '_')
			return false;
	}
	return dots == 2;
}

/* Luhn's check (ISO/IEC 7812-1), blanks and dashes between groups aside. */
static bool is_card(const char *text, size_t len)
{
	unsigned sum = 0, digits = 0;

	if (len < CARD_MIN || len > CARD_MAX + 6)
		return false;
	for (size_t at = len; at-- > 0;) {
		unsigned digit = (unsigned)(text[at] - '0');

		if (text[at] == ' ' || text[at] == '-')
			continue;
		if (!is_digit(text[at]))
			return false;
		if (digits++ % 2 == 1)
			digit = digit * 2 > 9 ? digit * 2 - 9 : digit * 2;
		sum += digit;
	}
	return digits >= CARD_MIN && digits <= CARD_MAX && sum % 10 == 0 && sum > 0;
}

/* Letters and digits mixed, of one word: no sentence, path, address or file's name is. */
static bool is_random(const char *text, size_t len)
{
	uint32_t seen[4] = {0};
	unsigned distinct = 0, letters, digits, others;
	uint64_t counts = 0;

	if (len < RANDOM_MIN || len > RANDOM_MAX)
		return false;
	for (size_t at = 0; at < len; at++) {
		uint64_t count = random_counts[(unsigned char)text[at]];

		if (count == 0)
			return false;
		counts += count;
	}
	letters = counts & UINT16_MAX;
	digits = counts >> DIGITS_SHIFT & UINT16_MAX;
	others = counts >> OTHERS_SHIFT & UINT16_MAX;
	for (size_t at = 0; at < len; at++)
		seen[(unsigned char)text[at] / 32] |= UINT32_C(1) << text[at] % 32;
	for (size_t at = 0; at < ARRAY_LEN(seen); at++)
		distinct += (unsigned)__builtin_popcount(seen[at]);
	return letters >= 4 && digits >= 3 && others <= len / 4 && distinct >= DISTINCT_MIN;
}

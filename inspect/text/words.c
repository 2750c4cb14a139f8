#include "inspect/text/words.h"

#include <string.h>

enum { WORD_MAX_BYTES = 20 };

static unsigned hash_of(const char *text, size_t len);

static inline char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

static const char *const word_texts[WORD_COUNT] = {
    [WORD_AND] = "and",
    [WORD_ARRAY] = "array",
    [WORD_AS] = "as",
    [WORD_AT] = "at",
    [WORD_BY] = "by",
    [WORD_CASE] = "case",
    [WORD_COLLATE] = "collate",
    [WORD_COPY] = "copy",
    [WORD_CREATE] = "create",
    [WORD_DECLARE] = "declare",
    [WORD_DELETE] = "delete",
    [WORD_DISTINCT] = "distinct",
    [WORD_DO] = "do",
    [WORD_ESCAPE] = "escape",
    [WORD_EXCEPT] = "except",
    [WORD_EXECUTE] = "execute",
    [WORD_EXPLAIN] = "explain",
    [WORD_FROM] = "from",
    [WORD_HAVING] = "having",
    [WORD_IN] = "in",
    [WORD_INSERT] = "insert",
    [WORD_INTERSECT] = "intersect",
    [WORD_INTO] = "into",
    [WORD_LIMIT] = "limit",
    [WORD_MATERIALIZED] = "materialized",
    [WORD_MERGE] = "merge",
    [WORD_NOT] = "not",
    [WORD_OFFSET] = "offset",
    [WORD_ON] = "on",
    [WORD_OPERATOR] = "operator",
    [WORD_OR] = "or",
    [WORD_PRECISION] = "precision",
    [WORD_REFRESH] = "refresh",
    [WORD_RETURNING] = "returning",
    [WORD_SELECT] = "select",
    [WORD_SET] = "set",
    [WORD_SIMILAR] = "similar",
    [WORD_TABLE] = "table",
    [WORD_TO] = "to",
    [WORD_UESCAPE] = "uescape",
    [WORD_UNION] = "union",
    [WORD_UPDATE] = "update",
    [WORD_VALUES] = "values",
    [WORD_WHERE] = "where",
    [WORD_WITH] = "with",
    [WORD_WITHOUT] = "without",
    [WORD_ZONE] = "zone",
    [WORD_CHAR] = "char",
    [WORD_BIT] = "bit",
    [WORD_BPCHAR] = "bpchar",
    [WORD_CHARACTER] = "character",
    [WORD_CURRENT_TIME] = "current_time",
    [WORD_CURRENT_TIMESTAMP] = "current_timestamp",
    [WORD_DEC] = "dec",
    [WORD_DECIMAL] = "decimal",
    [WORD_FLOAT] = "float",
    [WORD_INTERVAL] = "interval",
    [WORD_LOCALTIME] = "localtime",
    [WORD_LOCALTIMESTAMP] = "localtimestamp",
    [WORD_NCHAR] = "nchar",
    [WORD_NUMERIC] = "numeric",
    [WORD_SECOND] = "second",
    [WORD_TIME] = "time",
    [WORD_TIMESTAMP] = "timestamp",
    [WORD_TIMESTAMPTZ] = "timestamptz",
    [WORD_TIMETZ] = "timetz",
    [WORD_VARBIT] = "varbit",
    [WORD_VARCHAR] = "varchar",
    [WORD_VARYING] = "varying",
    [WORD_DATE_BIN] = "date_bin",
    [WORD_DATE_PART] = "date_part",
    [WORD_DATE_TRUNC] = "date_trunc",
    [WORD_EXTRACT] = "extract",
    [WORD_PHRASETO_TSQUERY] = "phraseto_tsquery",
    [WORD_PLAINTO_TSQUERY] = "plainto_tsquery",
    [WORD_TIMEZONE] = "timezone",
    [WORD_TO_TSQUERY] = "to_tsquery",
    [WORD_TO_TSVECTOR] = "to_tsvector",
    [WORD_WEBSEARCH_TO_TSQUERY] = "websearch_to_tsquery",
    [WORD_LIKE_ESCAPE] = "like_escape",
    [WORD_DBLINK] = "dblink",
    [WORD_DBLINK_CONNECT] = "dblink_connect",
    [WORD_DBLINK_CONNECT_U] = "dblink_connect_u",
    [WORD_DBLINK_EXEC] = "dblink_exec",
    [WORD_SET_CONFIG] = "set_config",
    [WORD_SIMILAR_ESCAPE] = "similar_escape",
    [WORD_SIMILAR_TO_ESCAPE] = "similar_to_escape",
};

void words_init(struct words *words)
{
	memset(words->slots, 0, sizeof(words->slots));
	for (unsigned word = WORD_NONE + 1; word < WORD_COUNT; word++) {
		unsigned slot = hash_of(word_texts[word], strlen(word_texts[word]));

		while (words->slots[slot])
			slot = (slot + 1) % WORDS_SLOTS;
		words->slots[slot] = (uint8_t)word;
	}
}

enum words_word words_find(const struct words *words, const char *text, size_t len, bool fold)
{
	if (len < 2 || len > WORD_MAX_BYTES)
		return WORD_NONE;
	for (unsigned slot = hash_of(text, len); words->slots[slot]; slot = (slot + 1) % WORDS_SLOTS) {
		const char *word = word_texts[words->slots[slot]];
		size_t at = 0;

		while (at < len && word[at] && word[at] == (fold ? lower(text[at]) : text[at]))
			at++;
		if (at == len && !word[at])
			return (enum words_word)words->slots[slot];
	}
	return WORD_NONE;
}

static unsigned hash_of(const char *text, size_t len)
{
	unsigned first = (unsigned char)lower(text[0]), last = (unsigned char)lower(text[len - 1]);
	unsigned middle = (unsigned char)lower(text[len / 2]);

	return (first * 37 + last * 11 + middle * 5 + (unsigned)len * 64) % WORDS_SLOTS;
}

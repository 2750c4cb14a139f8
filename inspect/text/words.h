/* The few words of SQL that decide how a literal beside them is treated (canonical.c), and their look-up. */
#ifndef PGPROCTOR_INSPECT_WORDS_H
#define PGPROCTOR_INSPECT_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The words that decide anything here. Those from WORD_CHAR on may carry a modifier in brackets when they name a
 * type; those from WORD_DATE_BIN on are functions whose first argument an index expression can name, those from
 * WORD_LIKE_ESCAPE on functions all of whose arguments count. */
enum words_word {
	WORD_NONE,
	WORD_AND,
	WORD_ARRAY,
	WORD_AS,
	WORD_AT,
	WORD_BY,
	WORD_CASE,
	WORD_COLLATE,
	WORD_COPY,
	WORD_CREATE,
	WORD_DECLARE,
	WORD_DELETE,
	WORD_DISTINCT,
	WORD_DO,
	WORD_ESCAPE,
	WORD_EXCEPT,
	WORD_EXECUTE,
	WORD_EXPLAIN,
	WORD_FROM,
	WORD_HAVING,
	WORD_IN,
	WORD_INSERT,
	WORD_INTERSECT,
	WORD_INTO,
	WORD_LIMIT,
	WORD_MATERIALIZED,
	WORD_MERGE,
	WORD_NOT,
	WORD_OFFSET,
	WORD_ON,
	WORD_OPERATOR,
	WORD_OR,
	WORD_PRECISION,
	WORD_REFRESH,
	WORD_RETURNING,
	WORD_SELECT,
	WORD_SET,
	WORD_SIMILAR,
	WORD_TABLE,
	WORD_TO,
	WORD_UESCAPE,
	WORD_UNION,
	WORD_UPDATE,
	WORD_VALUES,
	WORD_WHERE,
	WORD_WITH,
	WORD_WITHOUT,
	WORD_ZONE,
	WORD_CHAR,
	WORD_BIT,
	WORD_BPCHAR,
	WORD_CHARACTER,
	WORD_CURRENT_TIME,
	WORD_CURRENT_TIMESTAMP,
	WORD_DEC,
	WORD_DECIMAL,
	WORD_FLOAT,
	WORD_INTERVAL,
	WORD_LOCALTIME,
	WORD_LOCALTIMESTAMP,
	WORD_NCHAR,
	WORD_NUMERIC,
	WORD_SECOND,
	WORD_TIME,
	WORD_TIMESTAMP,
	WORD_TIMESTAMPTZ,
	WORD_TIMETZ,
	WORD_VARBIT,
	WORD_VARCHAR,
	WORD_VARYING,
	WORD_DATE_BIN,
	WORD_DATE_PART,
	WORD_DATE_TRUNC,
	WORD_EXTRACT,
	WORD_PHRASETO_TSQUERY,
	WORD_PLAINTO_TSQUERY,
	WORD_TIMEZONE,
	WORD_TO_TSQUERY,
	WORD_TO_TSVECTOR,
	WORD_WEBSEARCH_TO_TSQUERY,
	WORD_LIKE_ESCAPE,
	WORD_DBLINK,
	WORD_DBLINK_CONNECT,
	WORD_DBLINK_CONNECT_U,
	WORD_DBLINK_EXEC,
	WORD_SET_CONFIG,
	WORD_SIMILAR_ESCAPE,
	WORD_SIMILAR_TO_ESCAPE,
	WORD_COUNT,
};

enum { WORDS_SLOTS = 512 };

/* Open addressing; one for each owner, so that nothing is shared between threads. */
struct words {
	uint8_t slots[WORDS_SLOTS];
};

void words_init(struct words *words);
/* WORD_NONE when it is none of them. With `fold` upper case counts as lower, as in what is not quoted. */
enum words_word words_find(const struct words *words, const char *text, size_t len, bool fold);

#endif

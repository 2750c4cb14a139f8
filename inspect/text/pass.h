/* What the parts of canonical.c share: the state of one pass over a text. Not for others to include.
 *
 *      canonical.c    statements, words, brackets, lists
 *      members.c      lists and rows: which of their members are alike
 *      literal.c      what of a literal goes into the key
 *      rendering.c    the three texts that are written
 */
#ifndef PGPROCTOR_INSPECT_PASS_H
#define PGPROCTOR_INSPECT_PASS_H

#include "inspect/text/canonical.h"
#include "inspect/text/lexer.h"
#include "inspect/text/trace.h"
#include "inspect/text/words.h"
#include "config/limits.h"

#include <string.h>

enum {
	/* String literals of one member of an IN list; a row with more is not collapsed. */
	ITEM_CLASSES = 16,
	CLASS_NONE = 0xFFFF,  /* where no pattern can stand; shape_class has 15 bits */
	CLASS_VALUE = 0x8000, /* there, with an enum value_kind that is not plain */
	SEVERAL = 1,          /* behind a member in the key: more members like it follow */
	MANY = 2,             /* in its place: in all more than LIMIT_LIST_MEMBERS; only of an IN list */
	FIRST_DEEP_OFFSET = 10000,
};

enum frame_flag {
	FRAME_KEEP = 1,         /* literals stay in full */
	FRAME_KEEP_FIRST = 2,   /* … up to the first comma or FROM */
	FRAME_NO_PATTERN = 4,   /* string literals lose their class */
	FRAME_BY = 8,           /* in ORDER BY or GROUP BY, where a number is a column's place */
	FRAME_CONSTRUCTOR = 16, /* ARRAY[…] */
	FRAME_ROW = 32,         /* a row of VALUES */
	FRAME_UPDATE = 64,      /* behind UPDATE, before its SET */
	FRAME_INHERITED = FRAME_KEEP | FRAME_NO_PATTERN,
};

/* A structural operator makes its right operand count in full: d -> 'key', ts AT TIME ZONE 'zone'. */
enum keep {
	KEEP_NONE,
	KEEP_JSON_BEFORE, /* the operand is next */
	KEEP_JSON_AFTER,  /* it has begun, and may go on with a cast, a subscript, a bracket */
	KEEP_ZONE_BEFORE,
	KEEP_ZONE_AFTER,
};

enum list_kind { LIST_NONE, LIST_IN, LIST_VALUES };

/* A place to go back to, in all texts at once. */
struct mark {
	uint32_t key, query, reduced; /* lengths: LIMIT_INSPECT_BYTES times four at most */
	uint32_t number, tokens, operators, events;
};

/* One open bracket; element 0 is the statement itself. A list's members are compared as they end:
 *
 *      IN ( 'a'  ,  'b'  ,  'c'  )          key:  … ( s SEVERAL )
 *           ^run_start
 *               ^run_end (before the comma)
 *                    ^item
 */
struct canonical_frame {
	uint8_t flags;
	uint8_t list;   /* enum list_kind */
	uint8_t resume; /* enum keep, for behind the bracket */
	uint8_t run;    /* members of the current run: 0, 1, or 2 for several */
	bool item_plain, run_plain;
	/* Of a row of VALUES: nothing but constants so far, and what the current one has. Of the statement that it
	 * stands in: the current run's first row was such a row. */
	bool constant, signed_constant, cast_constant, run_constant;
	bool adds;       /* of a row: a text of a kind that its column did not hold before in this run */
	uint16_t column; /* and where in it */
	uint16_t owner;  /* the frame of the list that this one stands in; 0 for none (frame 0 never is an IN list) */
	uint32_t members;                 /* of the run */
	uint32_t run_start, run_text_end; /* in the key; in the text, behind the run's first member */
	struct mark item, run_end, select;
	uint16_t class_count;
	uint32_t classes[ITEM_CLASSES]; /* where in the key */
};

/* How literals of the statement are treated. */
enum mode {
	MODE_SHAPED,
	MODE_FULL,        /* utility statements */
	MODE_UNTIL_QUERY, /* EXPLAIN, DECLARE: in full up to the query */
	MODE_COPY,        /* COPY: in full but for the query in its bracket */
};

struct pass {
	struct canonical *out;
	struct trace *trace; /* out's, in a pass that fills it; NULL in any other */
	const char *sql;
	const char *last_end; /* behind the last token */
	struct lexer lexer;
	/* The current token and the one before, LEXER_END at the start of a statement, in two places that take turns: a
	 * token is never copied. */
	struct lexer_token slots[2];
	struct lexer_token *token, *previous;
	enum words_word word; /* of `token` */
	enum words_word previous_word, before_previous_word;
	/* Rows of VALUES follow each other with a comma between and nothing else: what the previous token was. */
	enum { ROWS_NONE, ROWS_VALUES, ROWS_CLOSED, ROWS_COMMA } rows, rows_before;
	enum mode mode;
	bool all_full;  /* second attempt: nothing is shaped */
	bool rest_full; /* after CREATE, which may hold statements (BEGIN ATOMIC … END) */
	bool odd;       /* met something that needs all_full */
	bool statement_started, any_token;
	enum keep keep;
	bool seen_regex; /* an operator with ~, or SIMILAR: numbers get a class too */
	bool writes;     /* INSERT or UPDATE has come: values may count, not only patterns */
	bool secret;     /* and a name that a column with a secret may have: values count in all their kinds */
	/* INSERT has come, then its bracket, and no column's name yet: when the values are next, any may be a secret. */
	enum { INSERT_NONE, INSERT_TARGET, INSERT_OPEN } insert;
	struct constants_rows rows_seen; /* of the run of rows under way */
	bool copy_query;
	enum { TYPE_NONE, TYPE_EXPECTED, TYPE_NAMED } type;
	enum { SET_NONE, SET_NAME, SET_DOTTED, SET_VALUE } set;
	struct canonical_frame *frame; /* frames[depth] */
	uint32_t statement; /* counted from 1, empty ones left out */
	uint32_t depth, number, tokens, operators;
	unsigned want;
	bool elide;
};

static inline struct canonical_frame *top(const struct pass *pass)
{
	return pass->frame;
}

/* No operator has one of the punctuation's bytes. */
static inline bool is_punctuation(const struct lexer_token *token, char byte)
{
	return token->single == byte;
}

/* -- members.c ------------------------------------------------------------------------------------ */

/* Whether the current token leaves the member of an IN list, or the row, one of constants. */
void members_check(struct pass *pass);
void members_check_row(struct pass *pass, struct canonical_frame *row);
/* A member of `frame`'s list has ended. */
void members_end(struct pass *pass, struct canonical_frame *frame);
/* Passes over what would be dropped: rows behind this one, members behind this comma. */
void members_skip_rows(struct pass *pass);
void members_skip(struct pass *pass);

/* -- literal.c ------------------------------------------------------------------------------------ */

/* Writes the current token, a literal, to all texts. */
void literal_put(struct pass *pass);
/* 1 fits int4, 2 int8, 3 numeric; a deep OFFSET is a class of its own. */
unsigned literal_integer_class(const char *text, size_t len, bool after_offset);
/* What kind of value a string is, CLASS_NONE for a plain one; false when `text`, which is not verbatim, must be decoded
 * first. */
bool literal_value_class(const char *text, size_t len, bool verbatim, bool secret, unsigned *class);
/* Follows what comes before a literal and makes it count in full; once for each token, after it was written. */
void literal_follow(struct pass *pass);

/* -- rendering.c ---------------------------------------------------------------------------------- */

/* To all texts, as it stands; the key gets the tag, and `text`, unless that is NULL, with an end to it. */
void rendering_token(struct pass *pass, char tag, const char *text, size_t len);
/* The current token's spelling to the reduced text. */
void rendering_spelling(struct pass *pass);
/* The next $n to the normalised text, in a literal's place. */
void rendering_number(struct pass *pass);
static inline void rendering_key(struct pass *pass, const void *bytes, size_t len)
{
	struct canonical_text *key = &pass->out->key;

	DCHECK(key->size - key->len >= len);
	memcpy(key->bytes + key->len, bytes, len);
	key->len += len;
}
void rendering_query(struct pass *pass, const char *bytes, size_t len);
struct mark rendering_mark(const struct pass *pass);
void rendering_go_back(struct pass *pass, const struct mark *mark);
/* Cuts the normalised text to its ceiling and ends both texts with a zero. */
void rendering_finish(struct pass *pass);
void rendering_reserve(struct canonical_text *text, size_t size);

#endif

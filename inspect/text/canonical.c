#include "inspect/text/canonical.h"

#include "inspect/text/pass.h"
#include "inspect/text/secret.h"

#include <stdlib.h>
#include <string.h>

static void start(struct pass *pass, struct canonical *canonical, const char *sql, size_t len, bool conforming,
                  unsigned want);
static enum canonical_result make(struct pass *pass);
static enum canonical_result step(struct pass *pass);
static void start_statement(struct pass *pass);
static void on_word(struct pass *pass);
static void on_name(struct pass *pass, const char *name, size_t len);
static void see_source(struct pass *pass);
static void on_operator(struct pass *pass);
static enum canonical_result on_open(struct pass *pass);
static enum words_word name_before(const struct pass *pass);
static void on_close(struct pass *pass);
static void on_comma(struct pass *pass);
static void on_semicolon(struct pass *pass);
static uint32_t highest_parameter(const char *sql, size_t len, bool conforming);

/* Only what is read before it is written: most of a frame is for lists, and most brackets hold none. */
static inline void open_frame(struct canonical_frame *frame, uint8_t flags, uint16_t owner)
{
	frame->flags = flags;
	frame->list = LIST_NONE;
	frame->resume = KEEP_NONE;
	frame->run = 0;
	frame->members = 0;
	frame->item_plain = frame->run_plain = frame->run_constant = false;
	frame->constant = true;
	frame->signed_constant = frame->cast_constant = frame->adds = false;
	frame->column = 0;
	frame->owner = owner;
	frame->class_count = 0;
	frame->select.query = 0;
}

/* Not by exchanging the two pointers: that is compiled to one wide load of what was just stored in two narrow ones,
 * which stalls for longer than the rest of a token takes. */
static inline void next_token(struct pass *pass)
{
	pass->previous = pass->token;
	pass->token = pass->token == &pass->slots[0] ? &pass->slots[1] : &pass->slots[0];
}

void canonical_init(struct canonical *canonical)
{
	*canonical = (struct canonical){0};
	canonical->frames = malloc((LIMIT_PARSE_DEPTH + 2) * sizeof(*canonical->frames));
	canonical->words = calloc(1, sizeof(*canonical->words));
	CHECK(canonical->frames && canonical->words);
	words_init(canonical->words);
}

void canonical_fini(struct canonical *canonical)
{
	free(canonical->key.bytes);
	free(canonical->query.bytes);
	free(canonical->reduced.bytes);
	free(canonical->frames);
	free(canonical->words);
	*canonical = (struct canonical){0};
}

enum canonical_result canonical_make(struct canonical *canonical, const char *sql, size_t len, bool conforming,
                                     unsigned want)
{
	enum canonical_result result;
	struct pass pass;

	if (len > LIMIT_INSPECT_BYTES)
		return CANONICAL_TOO_LONG;
	if (memchr(sql, '\0', len))
		return CANONICAL_UNTERMINATED;
	start(&pass, canonical, sql, len, conforming, want);
	result = make(&pass);
	if (pass.odd) {
		start(&pass, canonical, sql, len, conforming, want);
		pass.all_full = true;
		if (pass.trace)
			pass.trace->usable = false;
		result = make(&pass);
	}
	if (result == CANONICAL_OK && (want & CANONICAL_QUERY) && canonical->query.len > LIMIT_QUERY_TEXT_BYTES) {
		bool all_full = pass.all_full;

		start(&pass, canonical, sql, len, conforming, want);
		pass.all_full = all_full;
		pass.elide = true;
		result = make(&pass);
	}
	if (result == CANONICAL_OK && (want & CANONICAL_QUERY))
		rendering_finish(&pass);
	if (result == CANONICAL_OK && (want & CANONICAL_REDUCED))
		canonical->reduced.bytes[canonical->reduced.len] = '\0';
	return result;
}

static void start(struct pass *pass, struct canonical *canonical, const char *sql, size_t len, bool conforming,
                  unsigned want)
{
	*pass = (struct pass){.out = canonical, .want = want, .sql = sql};
	if (want == CANONICAL_KEY_ONLY && canonical->trace) {
		pass->trace = canonical->trace;
		pass->trace->usable = true;
		pass->trace->count = 0;
	}
	pass->token = &pass->slots[0];
	pass->previous = &pass->slots[1];
	lexer_init(&pass->lexer, sql, len, conforming);
	/* A one-byte token becomes at most four bytes of key: tag, two of class, and the end or SEVERAL. */
	rendering_reserve(&canonical->key, len * 4 + 64);
	canonical->key.len = canonical->query.len = canonical->reduced.len = 0;
	canonical->long_lists = 0;
	if (want & CANONICAL_QUERY) {
		rendering_reserve(&canonical->query, LIMIT_QUERY_TEXT_BYTES + 64);
		pass->number = highest_parameter(sql, len, conforming);
	}
	if (want & CANONICAL_REDUCED)
		rendering_reserve(&canonical->reduced, len + 64);
	pass->frame = &canonical->frames[0];
	open_frame(pass->frame, 0, 0);
}

static enum canonical_result make(struct pass *pass)
{
	enum canonical_result result;

	for (;;) {
		lexer_read(&pass->lexer, pass->token);
		if (pass->token->kind == LEXER_END)
			break;
		result = step(pass);
		if (result != CANONICAL_OK || pass->odd)
			return result;
	}
	if (pass->trace && pass->any_token)
		pass->trace->end = (uint32_t)(pass->last_end - pass->sql);
	return pass->any_token ? CANONICAL_OK : CANONICAL_EMPTY;
}

static enum canonical_result step(struct pass *pass)
{
	const struct lexer_token *token = pass->token;
	enum canonical_result result = CANONICAL_OK;

	pass->word = WORD_NONE;
	if (token->kind == LEXER_UNTERMINATED)
		return CANONICAL_UNTERMINATED;
	if (token->kind == LEXER_WORD)
		pass->word = words_find(pass->out->words, token->text, token->len, true);
	if (is_punctuation(token, ';')) {
		if (!pass->any_token)
			return CANONICAL_OK;
	} else if (!pass->statement_started) {
		start_statement(pass);
	}
	if (pass->trace && !pass->any_token)
		pass->trace->begin = (uint32_t)(token->text - pass->sql);
	pass->last_end = token->text + token->len;
	pass->any_token = true;
	if (++pass->tokens > LIMIT_PARSE_TOKENS || pass->operators > LIMIT_PARSE_OPERATORS)
		return CANONICAL_TOO_LONG;
	members_check(pass);
	if (top(pass)->flags & FRAME_ROW && top(pass)->constant)
		members_check_row(pass, top(pass));
	pass->rows_before = pass->rows;
	pass->rows = ROWS_NONE;

	if (token->kind == LEXER_WORD) {
		on_word(pass);
	} else if (lexer_is_literal(token->kind)) {
		literal_put(pass);
	} else if (token->kind == LEXER_OPERATOR) {
		on_operator(pass);
	} else if (is_punctuation(token, '(') || is_punctuation(token, '[')) {
		result = on_open(pass);
	} else if (is_punctuation(token, ')') || is_punctuation(token, ']')) {
		on_close(pass);
	} else if (is_punctuation(token, ',')) {
		on_comma(pass);
	} else if (is_punctuation(token, ';')) {
		on_semicolon(pass);
	} else if (token->kind == LEXER_QUOTED) {
		rendering_token(pass, 'q', token->body, token->body_len);
		on_name(pass, token->body, token->body_len);
	} else if (token->kind == LEXER_UNICODE_QUOTED) {
		/* It may spell any name in any way. */
		pass->odd = !pass->all_full;
		rendering_token(pass, 'u', token->text, token->len);
	} else if (token->kind == LEXER_COLON_COLON) {
		rendering_token(pass, 't', NULL, 0);
	} else if (token->kind == LEXER_PARAMETER) {
		rendering_token(pass, '$', token->text, token->len);
	} else {
		rendering_token(pass, 'j', token->text, token->len);
	}
	literal_follow(pass);
	pass->before_previous_word = pass->previous_word;
	next_token(pass);
	pass->previous_word = pass->word;
	return result;
}

static void start_statement(struct pass *pass)
{
	pass->statement_started = true;
	pass->statement++;
	*pass->previous = (struct lexer_token){.kind = LEXER_END};
	pass->previous_word = pass->before_previous_word = WORD_NONE;
	pass->keep = KEEP_NONE;
	pass->seen_regex = pass->writes = pass->secret = false;
	pass->type = TYPE_NONE;
	pass->set = SET_NONE;
	pass->insert = INSERT_NONE;
	pass->copy_query = false;
	switch (pass->word) {
	case WORD_SELECT:
	case WORD_INSERT:
	case WORD_UPDATE:
	case WORD_DELETE:
	case WORD_MERGE:
	case WORD_WITH:
	case WORD_VALUES:
	case WORD_TABLE:
		pass->mode = MODE_SHAPED;
		break;
	case WORD_EXPLAIN:
	case WORD_DECLARE:
		pass->mode = MODE_UNTIL_QUERY;
		break;
	case WORD_COPY:
		pass->mode = MODE_COPY;
		break;
	case WORD_CREATE:
		pass->rest_full = true;
		pass->mode = MODE_FULL;
		break;
	default:
		pass->mode = is_punctuation(pass->token, '(') ? MODE_SHAPED : MODE_FULL;
	}
	if (pass->all_full || pass->rest_full)
		pass->mode = MODE_FULL;
	/* What keeps its literals, a password perhaps, is not kept. */
	if (pass->trace && pass->mode != MODE_SHAPED)
		pass->trace->usable = false;
	open_frame(top(pass), 0, 0);
}

static void on_word(struct pass *pass)
{
	struct canonical_frame *frame = top(pass);
	enum mode mode_before = pass->mode;

	if (pass->mode == MODE_UNTIL_QUERY) {
		switch (pass->word) {
		case WORD_SELECT:
		case WORD_INSERT:
		case WORD_UPDATE:
		case WORD_DELETE:
		case WORD_MERGE:
		case WORD_WITH:
		case WORD_VALUES:
		case WORD_TABLE:
			pass->mode = MODE_SHAPED;
			break;
		case WORD_CREATE:
		case WORD_EXECUTE:
		case WORD_REFRESH:
			pass->mode = MODE_FULL;
			break;
		default:
			break;
		}
	}
	rendering_token(pass, 'w', pass->token->text, pass->token->len);
	if (pass->word == WORD_NONE)
		on_name(pass, pass->token->text, pass->token->len);
	else if (pass->insert != INSERT_NONE)
		see_source(pass);
	switch (pass->word) {
	case WORD_SELECT:
		frame->list = LIST_NONE;
		frame->flags &= (uint8_t) ~(FRAME_NO_PATTERN | FRAME_UPDATE | FRAME_BY);
		frame->select = rendering_mark(pass);
		pass->operators++;
		/* A query inside a row or a list's member: its facts count once for each. */
		for (uint32_t depth = 0; depth <= pass->depth; depth++)
			pass->out->frames[depth].item_plain = false;
		break;
	case WORD_VALUES:
		pass->rows = ROWS_VALUES;
		/* fall through */
	case WORD_WITH:
	case WORD_TABLE:
		/* Its values may be what an INSERT or UPDATE behind it stores, in columns yet to be named. */
		if (pass->word == WORD_WITH)
			pass->writes = pass->secret = true;
		pass->operators++; /* each takes a look at all open brackets */
		for (uint32_t depth = 0; depth <= pass->depth; depth++)
			pass->out->frames[depth].item_plain = false;
		break;
	case WORD_FROM:
		if (pass->previous_word == WORD_DISTINCT) /* IS DISTINCT FROM */
			break;
		frame->flags &= (uint8_t) ~(FRAME_KEEP_FIRST | FRAME_NO_PATTERN | FRAME_BY);
		if (pass->elide && frame->select.query) {
			/* "SELECT … FROM": where a text must be cut, the select list says the least. */
			pass->out->query.len = frame->select.query;
			pass->number = frame->select.number;
			rendering_query(pass, " … FROM", strlen(" … FROM"));
		}
		frame->select.query = 0;
		break;
	case WORD_INSERT:
		pass->writes = true;
		pass->insert = INSERT_TARGET;
		break;
	case WORD_UPDATE:
		pass->writes = true;
		/* Only where it begins a statement: "update" may also be a column's or an alias's name. MERGE's is
		 * left out, whose conditions come behind its SET. */
		if (pass->previous->kind == LEXER_END || is_punctuation(pass->previous, '(') ||
		    is_punctuation(pass->previous, ')') || pass->previous_word == WORD_DO || mode_before != pass->mode)
			frame->flags |= FRAME_UPDATE;
		break;
	case WORD_SET:
		if (frame->flags & FRAME_UPDATE)
			frame->flags |= FRAME_NO_PATTERN;
		frame->flags &= (uint8_t)~FRAME_UPDATE;
		break;
	case WORD_WHERE:
	case WORD_ON:
	case WORD_HAVING:
	case WORD_RETURNING:
	case WORD_LIMIT:
	case WORD_OFFSET:
		frame->flags &= (uint8_t) ~(FRAME_NO_PATTERN | FRAME_UPDATE | FRAME_BY);
		break;
	case WORD_UNION:
	case WORD_EXCEPT:
	case WORD_INTERSECT:
		frame->flags &= (uint8_t) ~(FRAME_NO_PATTERN | FRAME_UPDATE | FRAME_BY);
		pass->operators++;
		break;
	case WORD_BY:
		frame->flags |= FRAME_BY;
		break;
	case WORD_AND:
	case WORD_OR:
	case WORD_NOT:
	case WORD_CASE:
		pass->operators++;
		break;
	case WORD_MERGE:
		pass->writes = pass->secret = true;
		break;
	case WORD_INTO: /* SELECT … INTO: what it stores has passed already */
		pass->odd |= !pass->writes && !pass->all_full;
		break;
	case WORD_OPERATOR: /* OPERATOR(pg_catalog.->) hides which one it is */
	case WORD_ESCAPE:   /* the pattern before it means something else */
		pass->odd = !pass->all_full;
		break;
	default:
		break;
	}
	pass->seen_regex |= pass->word == WORD_SIMILAR;
}

/* A column's name comes before its value. One that is longer than a name can be is cut by the parser. */
static void on_name(struct pass *pass, const char *name, size_t len)
{
	if (pass->writes && !pass->secret)
		pass->secret = len > SECRET_NAME_BYTES || secret_of(name, len) != SECRET_NONE;
	if (pass->insert == INSERT_OPEN)
		pass->insert = INSERT_NONE;
}

/* INSERT INTO t VALUES …, INSERT INTO t (SELECT …: the columns are not named. */
static void see_source(struct pass *pass)
{
	if (pass->word != WORD_VALUES && pass->word != WORD_SELECT && pass->word != WORD_WITH &&
	    pass->word != WORD_TABLE)
		return;
	pass->secret = true;
	pass->insert = INSERT_NONE;
}

static void on_operator(struct pass *pass)
{
	const struct lexer_token *token = pass->token;

	if (token->len == 1)
		rendering_token(pass, token->text[0], NULL, 0);
	else
		rendering_token(pass, 'o', token->text, token->len);
	pass->operators++;
	pass->seen_regex |= memchr(token->text, '~', token->len) != NULL;
}

static enum canonical_result on_open(struct pass *pass)
{
	struct canonical_frame *parent = top(pass), *frame;
	bool row, keep = pass->keep != KEEP_NONE, round = pass->token->text[0] == '(';
	uint8_t flags = parent->flags & FRAME_INHERITED;

	if (pass->depth >= LIMIT_PARSE_DEPTH)
		return CANONICAL_TOO_DEEP;
	row =
	    round && pass->mode == MODE_SHAPED && (pass->rows_before == ROWS_VALUES || pass->rows_before == ROWS_COMMA);
	if (row) {
		if (pass->rows_before == ROWS_VALUES) {
			parent->list = LIST_VALUES;
			parent->run = 0;
			parent->run_constant = false;
		}
		if (!parent->run_constant)
			memset(&pass->rows_seen, 0, sizeof(pass->rows_seen));
		parent->item = rendering_mark(pass);
		parent->item_plain = true;
		flags |= FRAME_NO_PATTERN | FRAME_ROW;
	}
	if (pass->insert == INSERT_TARGET)
		pass->insert = INSERT_OPEN;
	if (round) {
		enum words_word name = name_before(pass);

		keep |= pass->type == TYPE_NAMED;
		keep |= name >= WORD_CHAR && name < WORD_DATE_BIN;
		keep |= name >= WORD_LIKE_ESCAPE;
		if (name >= WORD_DATE_BIN)
			flags |= FRAME_KEEP_FIRST;
		if (pass->mode == MODE_COPY && pass->depth == 0 && pass->previous_word == WORD_COPY)
			pass->copy_query = true;
	} else if (pass->previous_word == WORD_ARRAY) {
		/* int ARRAY[3] is a type: only what cannot follow a type makes it a constructor (see track_type). */
		flags |= FRAME_CONSTRUCTOR;
		keep |= pass->type == TYPE_NAMED;
	} else if ((parent->flags & FRAME_CONSTRUCTOR) &&
	           (is_punctuation(pass->previous, '[') || is_punctuation(pass->previous, ','))) {
		flags |= FRAME_CONSTRUCTOR;
	} else {
		keep = true; /* a subscript */
	}
	if (keep || (parent->flags & FRAME_KEEP_FIRST))
		flags |= FRAME_KEEP;
	rendering_token(pass, pass->token->text[0], NULL, 0);

	pass->depth++;
	frame = ++pass->frame;
	open_frame(frame, flags, parent->owner);
	if (pass->keep != KEEP_NONE)
		frame->resume = pass->keep <= KEEP_JSON_AFTER ? KEEP_JSON_AFTER : KEEP_ZONE_AFTER;
	if (round && pass->previous_word == WORD_IN && pass->mode == MODE_SHAPED) {
		frame->list = LIST_IN;
		frame->owner = (uint16_t)pass->depth;
		frame->item = rendering_mark(pass);
		frame->item_plain = true;
	}
	return CANONICAL_OK;
}

/* Of the type or function that this bracket belongs to: in quotes it is the same one. */
static enum words_word name_before(const struct pass *pass)
{
	const struct lexer_token *previous = pass->previous;

	if (previous->kind == LEXER_QUOTED)
		return words_find(pass->out->words, previous->body, previous->body_len, false);
	return pass->previous_word;
}

static void on_close(struct pass *pass)
{
	struct canonical_frame *frame = top(pass);
	bool row = frame->flags & FRAME_ROW;

	pass->keep = KEEP_NONE;
	/* A bracket too many is the parser's to refuse. */
	if (pass->depth == 0) {
		rendering_token(pass, pass->token->text[0], NULL, 0);
		return;
	}
	if (frame->list == LIST_IN)
		members_end(pass, frame);
	pass->keep = frame->resume;
	pass->depth--;
	pass->frame--;
	rendering_token(pass, pass->token->text[0], NULL, 0);
	if (row) {
		members_end(pass, top(pass));
		pass->rows = ROWS_CLOSED;
		if (top(pass)->run == 2 && top(pass)->run_constant)
			members_skip_rows(pass);
	}
	if (pass->depth == 0)
		pass->copy_query = false;
}

static void on_comma(struct pass *pass)
{
	struct canonical_frame *frame = top(pass);

	frame->flags &= (uint8_t)~FRAME_KEEP_FIRST;
	if (pass->rows_before == ROWS_CLOSED)
		pass->rows = ROWS_COMMA;
	if (frame->list == LIST_IN) {
		members_end(pass, frame);
		if (frame->run == 2 && frame->run_plain)
			members_skip(pass);
	}
	rendering_token(pass, ',', NULL, 0);
	if (frame->list == LIST_IN) {
		frame->item = rendering_mark(pass);
		frame->item_plain = true;
		frame->class_count = 0;
	}
}

/* Inside brackets it ends no statement: CREATE RULE … DO (…; …). */
static void on_semicolon(struct pass *pass)
{
	rendering_token(pass, ';', NULL, 0);
	if (pass->depth == 0)
		pass->statement_started = false;
}

static uint32_t highest_parameter(const char *sql, size_t len, bool conforming)
{
	struct lexer lexer;
	struct lexer_token token;
	uint32_t highest = 0;

	if (!memchr(sql, '$', len))
		return 0;
	lexer_init(&lexer, sql, len, conforming);
	do {
		token = lexer_next(&lexer);
		/* The protocol numbers parameters up to 65535; what is above names none. */
		if (token.kind == LEXER_PARAMETER && token.len <= 6) {
			uint32_t number = 0;

			for (size_t at = 1; at < token.len; at++)
				number = number * 10 + (uint32_t)(token.text[at] - '0');
			if (number > highest && number <= UINT16_MAX)
				highest = number;
		}
	} while (token.kind != LEXER_END && token.kind != LEXER_UNTERMINATED);
	return highest;
}

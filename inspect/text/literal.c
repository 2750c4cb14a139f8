#include "inspect/text/pass.h"
#include "inspect/text/shape.h"
#include "inspect/text/value.h"

#include <string.h>

static bool keeps_literal(const struct pass *pass);
static bool is_only_argument(const struct pass *pass);
static unsigned string_class(struct pass *pass);
static unsigned value_class(struct pass *pass);
static size_t leading_zeros(const char *text, size_t len);
static void note(struct pass *pass, unsigned class, unsigned value);
static void see_card(struct pass *pass, const char *text, size_t len);
static void see_in_row(struct pass *pass, unsigned value);
static void track_keep(struct pass *pass);
static void track_type(struct pass *pass);
static void track_set(struct pass *pass);

void literal_put(struct pass *pass)
{
	const struct lexer_token *token = pass->token;

	/* type(modifier) 'text' is a cast, and the modifier has passed already. */
	if (lexer_is_string(token->kind) && is_punctuation(pass->previous, ')') && !pass->all_full)
		pass->odd = true;

	if (keeps_literal(pass)) {
		char kind = (char)token->kind;

		rendering_key(pass, "f", 1);
		rendering_key(pass, &kind, 1);
		rendering_key(pass, token->text, token->len);
		rendering_key(pass, "", 1);
		top(pass)->constant = false;
	} else if (token->kind == LEXER_INTEGER || token->kind == LEXER_DECIMAL) {
		size_t zeros = token->kind == LEXER_INTEGER ? leading_zeros(token->text, token->len) : 0;
		unsigned class = pass->seen_regex ? shape_class(token->text + zeros, token->len - zeros) : 0;
		char tag[4] = {'d', 0, (char)(class & 0xFF), (char)(class >> 8)};

		if (token->kind == LEXER_INTEGER) {
			tag[0] = 'i';
			tag[1] =
			    (char)literal_integer_class(token->text, token->len, pass->previous_word == WORD_OFFSET);
		}
		rendering_key(pass, tag, pass->seen_regex ? 4 : 2);
		note(pass, (unsigned char)tag[1], CLASS_NONE);
		if (pass->secret && tag[0] == 'i' && tag[1] > 1)
			see_card(pass, token->text + zeros, token->len - zeros);
	} else {
		bool national = token->kind == LEXER_NATIONAL_STRING || token->kind == LEXER_NATIONAL_ESCAPED;
		unsigned class = string_class(pass), value;
		struct canonical_frame *owner = &pass->out->frames[top(pass)->owner];
		char tag[3] = {national ? 'n' : 's', (char)(class & 0xFF), (char)(class >> 8)};

		if (top(pass)->owner) {
			if (owner->class_count < ITEM_CLASSES)
				owner->classes[owner->class_count++] = (uint32_t)pass->out->key.len + 1;
			else
				owner->item_plain = false;
		}
		rendering_key(pass, tag, sizeof(tag));
		value = class;
		/* Where both a pattern and a value may stand, both count. */
		if (!(top(pass)->flags & FRAME_NO_PATTERN)) {
			value = pass->writes ? value_class(pass) : CLASS_NONE;
			if (value != CLASS_NONE)
				rendering_key(pass, (char[]){'v', (char)(value & 0xFF)}, 2);
		}
		note(pass, class, value);
		if (top(pass)->flags & FRAME_ROW)
			see_in_row(pass, value);
	}
	rendering_number(pass);
	rendering_spelling(pass);
}

unsigned literal_integer_class(const char *text, size_t len, bool after_offset)
{
	size_t zeros = leading_zeros(text, len);
	uint64_t value = 0;

	if (len - zeros > 19)
		return 3;
	for (size_t at = zeros; at < len; at++)
		value = value * 10 + (uint64_t)(text[at] - '0');
	if (value > INT64_MAX)
		return 3;
	if (value > INT32_MAX)
		return 2;
	return after_offset && value > FIRST_DEEP_OFFSET ? 4 : 1;
}

bool literal_value_class(const char *text, size_t len, bool verbatim, bool secret, unsigned *class)
{
	enum value_kind kind;

	*class = CLASS_NONE;
	/* A document shows by its first byte. */
	if (!secret && (len == 0 || !memchr("{[\\'", text[0], 4)))
		return true;
	if (!verbatim)
		return false;
	kind = secret ? value_of(text, len) : value_json(text, len);
	if (kind != VALUE_PLAIN)
		*class = CLASS_VALUE | (unsigned)kind;
	return true;
}

void literal_follow(struct pass *pass)
{
	const struct lexer_token *token = pass->token;

	/* Most tokens concern neither. */
	if (pass->keep != KEEP_NONE || token->kind == LEXER_OPERATOR || pass->word != WORD_NONE)
		track_keep(pass);
	if (pass->type != TYPE_NONE || token->kind == LEXER_COLON_COLON || pass->word != WORD_NONE)
		track_type(pass);
	if (pass->mode == MODE_FULL)
		track_set(pass);
}

/* For the trace: a literal that is in the key by its class only. */
static void note(struct pass *pass, unsigned class, unsigned value)
{
	const struct lexer_token *token = pass->token;
	struct trace *trace = pass->trace;
	struct trace_event *event;

	if (!trace || !trace->usable)
		return;
	if (trace->count == TRACE_EVENTS_MAX || pass->seen_regex ||
	    (token->kind != LEXER_STRING && token->kind != LEXER_ESCAPE_STRING && token->kind != LEXER_INTEGER &&
	     token->kind != LEXER_DECIMAL)) {
		trace->usable = false;
		return;
	}
	event = &trace->events[trace->count++];
	*event = (struct trace_event){
	    .end = (uint32_t)(token->text + token->len - pass->sql),
	    .class = class,
	};
	if (token->kind == LEXER_STRING || token->kind == LEXER_ESCAPE_STRING) {
		event->begin = (uint32_t)(token->body - 1 - pass->sql);
		event->kind = TRACE_STRING;
		event->escapes = token->kind == LEXER_ESCAPE_STRING;
		event->classed = !(top(pass)->flags & FRAME_NO_PATTERN);
		event->valued = pass->writes || !event->classed;
		event->secret = pass->secret;
		event->value = value;
	} else {
		event->begin = (uint32_t)(token->text - pass->sql);
		event->kind = token->kind == LEXER_INTEGER ? TRACE_INTEGER : TRACE_DECIMAL;
		event->after_offset = pass->previous_word == WORD_OFFSET;
	}
}

/* A text in a row of constants: does its column hold one of its kind already? */
static void see_in_row(struct pass *pass, unsigned value)
{
	struct canonical_frame *row = top(pass);
	uint32_t bit = value_bit(value == CLASS_NONE ? VALUE_PLAIN : (enum value_kind)(value & ~(unsigned)CLASS_VALUE));

	if (row->column >= CONSTANTS_COLUMNS_MAX || value == CLASS_NONE - 1) {
		row->constant = false;
		return;
	}
	row->adds |= !(pass->rows_seen.seen[row->column] & bit);
	pass->rows_seen.seen[row->column] |= bit;
}

/* A number as long as a card's: which of them are is in the key, too, and no template says so. */
static void see_card(struct pass *pass, const char *text, size_t len)
{
	if (pass->trace)
		pass->trace->usable = false;
	if (value_of(text, len) != VALUE_CARD)
		return;
	rendering_key(pass, (char[]){'v', (char)VALUE_CARD}, 2);
	if (top(pass)->flags & FRAME_ROW)
		see_in_row(pass, CLASS_VALUE | (unsigned)VALUE_CARD);
}

static bool keeps_literal(const struct pass *pass)
{
	const struct lexer_token *token = pass->token;
	const struct canonical_frame *frame = top(pass);

	if (pass->mode == MODE_FULL || pass->mode == MODE_UNTIL_QUERY || (pass->mode == MODE_COPY && !pass->copy_query))
		return true;
	if (frame->flags & FRAME_KEEP)
		return true;
	if (pass->keep == KEEP_JSON_BEFORE || pass->keep == KEEP_ZONE_BEFORE)
		return true;
	if (pass->keep != KEEP_NONE && (pass->previous->kind == LEXER_WORD || pass->previous->kind == LEXER_QUOTED))
		return true; /* -> text 'key' */
	if ((frame->flags & FRAME_KEEP_FIRST) && !is_only_argument(pass))
		return true;
	/* Bit strings are rare; U& depends on the encoding, odd numbers on the version. */
	if (token->kind == LEXER_UNICODE_STRING || token->kind == LEXER_ODD_NUMBER || token->kind == LEXER_BIT_STRING ||
	    token->kind == LEXER_HEX_STRING)
		return true;
	if (token->kind == LEXER_INTEGER && (frame->flags & FRAME_BY) &&
	    (pass->previous_word == WORD_BY || is_punctuation(pass->previous, ',')))
		return true;
	if (token->kind == LEXER_ESCAPE_STRING || token->kind == LEXER_NATIONAL_ESCAPED) {
		/* An escape that is more than one letter may be malformed, and then the parser refuses it. */
		for (const char *at = token->body; at && at < token->body + token->body_len;) {
			at = memchr(at, '\\', (size_t)(token->body + token->body_len - at));
			if (at) {
				if (strchr("01234567xuU", at[1]))
					return true;
				at += 2;
			}
		}
	}
	return false;
}

/* Whether nothing but casts stands between this literal and the closing bracket: to_tsquery('words') has no
 * configuration. */
static bool is_only_argument(const struct pass *pass)
{
	struct lexer lexer = pass->lexer;
	struct lexer_token token = *pass->token;
	bool type;

	do {
		type = token.kind == LEXER_COLON_COLON || is_punctuation(&token, '.');
		token = lexer_next(&lexer);
	} while (token.kind == LEXER_COLON_COLON || is_punctuation(&token, '.') ||
	         (type && (token.kind == LEXER_WORD || token.kind == LEXER_QUOTED)));
	return is_punctuation(&token, ')');
}

static unsigned string_class(struct pass *pass)
{
	const struct lexer_token *token = pass->token;
	struct canonical_text *key = &pass->out->key;
	size_t len;

	if (top(pass)->flags & FRAME_NO_PATTERN)
		return value_class(pass);
	if (token->verbatim)
		return shape_class(token->body, token->body_len);
	/* The unused end of the key has room for the value: it was made four times as long as the text. */
	if (!lexer_decode(token, key->bytes + key->len, &len))
		return CLASS_NONE - 1;
	return shape_class(key->bytes + key->len, len);
}

/* CLASS_NONE for what is plain, as most values are. */
static unsigned value_class(struct pass *pass)
{
	const struct lexer_token *token = pass->token;
	struct canonical_text *key = &pass->out->key;
	unsigned class;
	size_t len;

	if (literal_value_class(token->body, token->body_len, token->verbatim, pass->secret, &class))
		return class;
	if (!lexer_decode(token, key->bytes + key->len, &len))
		return CLASS_NONE - 1;
	(void)literal_value_class(key->bytes + key->len, len, true, pass->secret, &class);
	return class;
}

static size_t leading_zeros(const char *text, size_t len)
{
	size_t zeros = 0;

	while (zeros + 1 < len && text[zeros] == '0')
		zeros++;
	return zeros;
}

/* Follows the right operand of -> ->> #> #>> and AT TIME ZONE. */
static void track_keep(struct pass *pass)
{
	const struct lexer_token *token = pass->token;
	bool before = pass->keep == KEEP_JSON_BEFORE || pass->keep == KEEP_ZONE_BEFORE;
	enum keep after = pass->keep == KEEP_NONE         ? KEEP_NONE
	                  : pass->keep <= KEEP_JSON_AFTER ? KEEP_JSON_AFTER
	                                                  : KEEP_ZONE_AFTER;

	if (token->kind == LEXER_OPERATOR) {
		bool sign = token->len == 1 && (token->text[0] == '-' || token->text[0] == '+');

		if ((token->len == 2 && (memcmp(token->text, "->", 2) == 0 || memcmp(token->text, "#>", 2) == 0)) ||
		    (token->len == 3 && (memcmp(token->text, "->>", 3) == 0 || memcmp(token->text, "#>>", 3) == 0))) {
			pass->keep = KEEP_JSON_BEFORE;
		} else if (before) {
			/* A prefix operator takes in what binds tighter than it. */
			if (!sign)
				pass->odd = !pass->all_full;
		} else {
			/* Arithmetic binds tighter: in d -> 'a' - 'b' all that follows is the operand. */
			if (pass->keep == KEEP_JSON_AFTER && token->len == 1 && strchr("+-*/%^", token->text[0]))
				pass->odd = !pass->all_full;
			pass->keep = KEEP_NONE;
		}
	} else if (token->kind == LEXER_WORD || token->kind == LEXER_QUOTED) {
		bool in_type = pass->previous->kind == LEXER_COLON_COLON || is_punctuation(pass->previous, '.') ||
		               (pass->word >= WORD_CHAR && pass->word < WORD_DATE_BIN) || pass->word == WORD_COLLATE ||
		               pass->previous_word == WORD_COLLATE || pass->word == WORD_PRECISION ||
		               pass->word == WORD_WITH || pass->word == WORD_WITHOUT || pass->word == WORD_ZONE;

		if ((pass->word == WORD_ZONE && pass->previous_word == WORD_TIME &&
		     pass->before_previous_word == WORD_AT) ||
		    pass->word == WORD_UESCAPE)
			pass->keep = KEEP_ZONE_BEFORE;
		else if ((before && (pass->word == WORD_CASE || pass->word == WORD_NOT)) ||
		         (pass->keep == KEEP_JSON_AFTER && pass->word == WORD_AT))
			pass->odd = !pass->all_full;
		else
			pass->keep = before || in_type ? after : KEEP_NONE;
	} else if (lexer_is_literal(token->kind) || token->kind == LEXER_PARAMETER) {
		pass->keep = after;
	} else if (is_punctuation(token, '(') || is_punctuation(token, '[') || is_punctuation(token, ',')) {
		pass->keep = KEEP_NONE; /* a bracket has it in its frame */
	}
}

/* Follows "::" or AS and a type's name, so that a bracket behind it is seen to hold its modifier. */
static void track_type(struct pass *pass)
{
	const struct lexer_token *token = pass->token;

	if (token->kind == LEXER_COLON_COLON || pass->word == WORD_AS) {
		pass->type = TYPE_EXPECTED;
	} else if (token->kind == LEXER_WORD || token->kind == LEXER_QUOTED) {
		bool continues = pass->type == TYPE_NAMED && pass->word == WORD_ARRAY;

		/* ARRAY[…] is a constructor only directly behind an operator, a comma or a bracket. */
		if (pass->word == WORD_ARRAY && pass->type == TYPE_NONE &&
		    (pass->previous->kind == LEXER_WORD || pass->previous->kind == LEXER_QUOTED ||
		     is_punctuation(pass->previous, ')') || is_punctuation(pass->previous, ']')))
			continues = true;
		if (pass->type == TYPE_EXPECTED && pass->word != WORD_MATERIALIZED)
			continues = true;
		pass->type = continues ? TYPE_NAMED : TYPE_NONE;
	} else if (is_punctuation(token, '.') && pass->type == TYPE_NAMED) {
		pass->type = TYPE_EXPECTED;
	} else {
		pass->type = TYPE_NONE;
	}
}

/* The value of a custom setting may be given as a bare word (SET app.token = abc): it is a value all the same. */
static void track_set(struct pass *pass)
{
	const struct lexer_token *token = pass->token;

	if (pass->set == SET_VALUE)
		return;
	if (pass->word == WORD_SET)
		pass->set = SET_NAME;
	else if (pass->set == SET_NAME && is_punctuation(token, '.'))
		pass->set = SET_DOTTED;
	else if (pass->set == SET_DOTTED && (pass->word == WORD_TO || (token->len == 1 && token->text[0] == '=')))
		pass->set = SET_VALUE;
	else if (token->kind != LEXER_WORD && token->kind != LEXER_QUOTED && !is_punctuation(token, '.'))
		pass->set = SET_NONE;
}

#include "inspect/text/pass.h"

#include <string.h>

static void note_run(struct pass *pass, const struct canonical_frame *frame, const char *end);

/* A member of a list has ended: is it the same as the one before? For a row of constants behind another any row of
 * constants is whose texts are of kinds that their columns hold already: neither the fingerprint nor the facts tell
 * them apart. */
void members_end(struct pass *pass, struct canonical_frame *frame)
{
	struct canonical_text *key = &pass->out->key;
	size_t run_len = frame->run_end.key - frame->run_start, len = key->len - frame->item.key;
	/* The row's own frame is right above, still as it was. */
	bool constant = frame->list == LIST_VALUES && pass->mode == MODE_SHAPED && frame[1].constant;

	/* In a member that is a constant no pattern can stand. */
	for (uint16_t at = 0; frame->list == LIST_IN && frame->item_plain && at < frame->class_count; at++) {
		key->bytes[frame->classes[at]] = (char)(CLASS_NONE & 0xFF);
		key->bytes[frame->classes[at] + 1] = (char)(CLASS_NONE >> 8);
	}
	for (uint32_t at = frame->item.events;
	     pass->trace && frame->list == LIST_IN && frame->item_plain && at < pass->trace->count; at++)
		pass->trace->events[at].classed = false;
	if (frame->run == 2)
		run_len--; /* SEVERAL */
	if ((frame->run && frame->item_plain && frame->run_plain && run_len == len &&
	     memcmp(key->bytes + frame->run_start, key->bytes + frame->item.key, len) == 0) ||
	    (frame->run && constant && frame->run_constant && !frame[1].adds)) {
		struct mark second = rendering_mark(pass);

		rendering_go_back(pass, &frame->run_end);
		if (frame->run != 2) {
			/* The second member stays in the reduced text, so that the facts say "several". */
			frame->run = 2;
			pass->out->reduced.len = second.reduced;
			pass->tokens = second.tokens;
			rendering_key(pass, (char[]){SEVERAL}, 1);
			rendering_query(pass, ", …", strlen(", …"));
			frame->run_end = rendering_mark(pass);
		}
		frame->members++;
		if (frame->list == LIST_IN && frame->members > LIMIT_LIST_MEMBERS) {
			key->bytes[frame->run_end.key - 1] = MANY;
			if (pass->statement <= 64)
				pass->out->long_lists |= UINT64_C(1) << (pass->statement - 1);
		}
		note_run(pass, frame, constant ? pass->last_end : pass->previous->text + pass->previous->len);
		return;
	}
	frame->run = 1;
	frame->members = 1;
	frame->run_plain = frame->item_plain;
	frame->run_constant = constant;
	frame->run_start = frame->item.key;
	frame->run_end = rendering_mark(pass);
	frame->run_text_end =
	    (uint32_t)((frame->list == LIST_VALUES ? pass->last_end : pass->previous->text + pass->previous->len) -
	               pass->sql);
}

/* Rows behind the second that hold nothing but constants, as one. */
void members_skip_rows(struct pass *pass)
{
	const char *end;

	if (!pass->lexer.standard_conforming_strings)
		return;
	pass->rows_seen.secret = pass->secret;
	end = constants_skip_rows(pass->lexer.at, pass->lexer.end, &pass->rows_seen);
	if (end == pass->lexer.at)
		return;
	pass->lexer.at = pass->last_end = end;
	note_run(pass, top(pass), end);
}

/* Likewise members like the one that this comma stands behind; the last of them goes the usual way. */
void members_skip(struct pass *pass)
{
	struct canonical_frame *frame = top(pass);
	size_t len = frame->run_end.key - frame->run_start - 1; /* SEVERAL */
	struct constants_member member;
	const char *last_comma;
	uint32_t count;

	if (!pass->lexer.standard_conforming_strings ||
	    !constants_member_of(pass->out->key.bytes + frame->run_start, len, &member) ||
	    (member.kind == CONSTANTS_STRING && pass->writes))
		return;
	(void)constants_skip_members(pass->token->text, pass->lexer.end, &member, &last_comma, &count);
	if (last_comma) {
		pass->lexer.at = last_comma + 1;
		frame->members += count - 1;
	}
}

/* For the trace: the list goes on like this up to `end`. */
static void note_run(struct pass *pass, const struct canonical_frame *frame, const char *end)
{
	struct trace *trace = pass->trace;
	struct trace_event *event;

	if (!trace || !trace->usable)
		return;
	/* frame->run_end.events counts what came before the run's first repetition: the run's own event stands behind.
	 */
	trace->count = frame->run_end.events;
	if (trace->count == TRACE_EVENTS_MAX) {
		trace->usable = false;
		return;
	}
	event = &trace->events[trace->count++];
	*event = (struct trace_event){.begin = frame->run_text_end, .end = (uint32_t)(end - pass->sql)};
	event->kind = frame->list == LIST_VALUES ? TRACE_ROWS : TRACE_MEMBERS;
	if (frame->list == LIST_VALUES) {
		uint32_t rows = 0;

		for (uint32_t at = 0; at + 1 < trace->count; at++)
			rows += trace->events[at].kind == TRACE_ROWS;
		trace->usable = frame->run_constant && rows < TRACE_ROWS_MAX;
		if (!trace->usable)
			return;
		event->rows = rows;
		trace->rows[rows] = pass->rows_seen;
		trace->rows[rows].secret = pass->secret;
	} else {
		event->many = frame->members > LIMIT_LIST_MEMBERS;
		trace->usable = constants_member_of(pass->out->key.bytes + frame->run_start,
		                                    frame->run_end.key - frame->run_start - 1, &event->member) &&
		                !(event->member.kind == CONSTANTS_STRING && pass->writes);
	}
}

/* Within an IN list only constants make a member plain: literals, signs, rows of them, casts to a plain name. */
void members_check(struct pass *pass)
{
	const struct lexer_token *token = pass->token;
	uint16_t owner = top(pass)->owner;

	if (!owner)
		return;
	if (lexer_is_literal(token->kind) && token->kind != LEXER_UNICODE_STRING) {
		/* A type's name before a string casts it. */
		if (pass->previous->kind != LEXER_WORD && pass->previous->kind != LEXER_QUOTED)
			return;
	} else if (token->kind == LEXER_OPERATOR) {
		if (token->len == 1 && (token->text[0] == '-' || token->text[0] == '+') &&
		    (is_punctuation(pass->previous, '(') || is_punctuation(pass->previous, ',')))
			return;
	} else if (token->kind == LEXER_COLON_COLON || is_punctuation(token, ',') || is_punctuation(token, ')')) {
		return;
	} else if (token->kind == LEXER_WORD || token->kind == LEXER_QUOTED) {
		if (pass->previous->kind == LEXER_COLON_COLON)
			return;
	} else if (is_punctuation(token, '(')) {
		if (is_punctuation(pass->previous, '(') || is_punctuation(pass->previous, ','))
			return;
	}
	pass->out->frames[owner].item_plain = false;
}

/* A row is one of constants when each of its members is a literal, perhaps with a minus before a number or one cast to
 * a common type behind it, or TRUE, FALSE, NULL or DEFAULT. Whatever else it holds, it is not. */
void members_check_row(struct pass *pass, struct canonical_frame *row)
{
	const struct lexer_token *token = pass->token, *previous = pass->previous;
	bool first = is_punctuation(previous, '(') || is_punctuation(previous, ',');
	bool number = token->kind == LEXER_INTEGER || token->kind == LEXER_DECIMAL;
	bool whole = !first && previous->kind != LEXER_OPERATOR && previous->kind != LEXER_COLON_COLON;

	if (number || token->kind == LEXER_STRING || token->kind == LEXER_ESCAPE_STRING ||
	    token->kind == LEXER_DOLLAR_STRING) {
		row->constant = first || (number && previous->kind == LEXER_OPERATOR);
	} else if (token->kind == LEXER_OPERATOR) {
		row->constant = first && token->single == '-';
		row->signed_constant = true;
	} else if (token->kind == LEXER_COLON_COLON) {
		row->constant = whole && !row->signed_constant && !row->cast_constant;
		row->cast_constant = true;
	} else if (token->kind == LEXER_WORD) {
		row->constant = first
		                    ? constants_is_word(token->text, token->len)
		                    : previous->kind == LEXER_COLON_COLON && constants_is_type(token->text, token->len);
	} else if (is_punctuation(token, ',')) {
		row->constant = whole;
		row->signed_constant = row->cast_constant = false;
		row->column++;
	} else {
		row->constant = is_punctuation(token, ')') && whole;
	}
}

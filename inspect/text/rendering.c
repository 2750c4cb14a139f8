#include "inspect/text/pass.h"

#include <stdlib.h>
#include <string.h>

static inline char lower(char byte)
{
	return byte >= 'A' && byte <= 'Z' ? (char)(byte + 32) : byte;
}

void rendering_token(struct pass *pass, char tag, const char *text, size_t len)
{
	struct canonical_text *key = &pass->out->key;
	char *to = key->bytes + key->len;

	DCHECK(key->size - key->len >= len + 2);
	*to++ = tag;
	if (text) {
		if (tag == 'w') {
			for (size_t at = 0; at < len; at++)
				to[at] = lower(text[at]);
		} else {
			memcpy(to, text, len);
		}
		to[len] = '\0';
		to += len + 1;
	}
	key->len = (size_t)(to - key->bytes);
	if (pass->want == CANONICAL_KEY_ONLY)
		return;
	if (pass->set == SET_VALUE && (tag == 'w' || tag == 'q' || tag == 'u')) {
		rendering_number(pass);
	} else {
		if (pass->token->space_before && pass->out->query.len)
			rendering_query(pass, " ", 1);
		rendering_query(pass, pass->token->text, pass->token->len);
	}
	rendering_spelling(pass);
}

/* To the reduced text. */
void rendering_spelling(struct pass *pass)
{
	struct canonical_text *reduced = &pass->out->reduced;

	if (!(pass->want & CANONICAL_REDUCED))
		return;
	if (pass->token->space_before && reduced->len)
		reduced->bytes[reduced->len++] = ' ';
	/* The library's lexer, unlike the server's, lets no comment stand between the parts of a string. */
	reduced->len += lexer_spell(pass->token, reduced->bytes + reduced->len);
}

/* To the normalised text, in a literal's place. */
void rendering_number(struct pass *pass)
{
	char text[16];
	int len;

	if (!(pass->want & CANONICAL_QUERY))
		return;
	len = snprintf(text, sizeof(text), "$%u", ++pass->number);
	if (pass->out->query.len && (pass->token->space_before || pass->previous->kind == LEXER_WORD))
		rendering_query(pass, " ", 1);
	rendering_query(pass, text, (size_t)len);
}

/* `len` counts on past the ceiling, so that going back below it makes the text whole again. */
void rendering_query(struct pass *pass, const char *bytes, size_t len)
{
	struct canonical_text *query = &pass->out->query;

	if (!(pass->want & CANONICAL_QUERY))
		return;
	if (query->len < query->size) {
		size_t room = query->size - query->len;

		memcpy(query->bytes + query->len, bytes, len < room ? len : room);
	}
	query->len += len;
}

struct mark rendering_mark(const struct pass *pass)
{
	return (struct mark){
	    .key = (uint32_t)pass->out->key.len,
	    .query = (uint32_t)pass->out->query.len,
	    .reduced = (uint32_t)pass->out->reduced.len,
	    .number = pass->number,
	    .tokens = pass->tokens,
	    .operators = pass->operators,
	    .events = pass->trace ? pass->trace->count : 0,
	};
}

void rendering_go_back(struct pass *pass, const struct mark *mark)
{
	pass->out->key.len = mark->key;
	pass->out->query.len = mark->query;
	pass->out->reduced.len = mark->reduced;
	pass->number = mark->number;
	pass->tokens = mark->tokens;
	pass->operators = mark->operators;
	if (pass->trace)
		pass->trace->count = mark->events;
}

void rendering_finish(struct pass *pass)
{
	struct canonical_text *query = &pass->out->query;
	static const char ellipsis[] = "…";

	if (query->len > LIMIT_QUERY_TEXT_BYTES) {
		query->len = LIMIT_QUERY_TEXT_BYTES - (sizeof(ellipsis) - 1);
		while (query->len && ((unsigned char)query->bytes[query->len] & 0xC0) == 0x80)
			query->len--;
		memcpy(query->bytes + query->len, ellipsis, sizeof(ellipsis) - 1);
		query->len += sizeof(ellipsis) - 1;
	}
	while (query->len && (query->bytes[query->len - 1] == ';' || query->bytes[query->len - 1] == ' '))
		query->len--;
	query->bytes[query->len] = '\0';
}

void rendering_reserve(struct canonical_text *text, size_t size)
{
	if (text->size >= size)
		return;
	free(text->bytes);
	text->size = size < 4096 ? 4096 : size + size / 2;
	text->bytes = malloc(text->size);
	CHECK(text->bytes);
}

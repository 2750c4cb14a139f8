#include "proxy/feed/feed_texts.h"

#include "inspect/tree/parse.h"

#include <string.h>

/* Index expressions are a line; a text that has grown past this is no longer compared but as it stands. */
enum {
	EXPRESSION_BYTES_MAX = 16 * 1024,
	VIEW_BYTES_MAX = 64 * 1024,
	/* Parsed, a text is about ten times as large. */
	VIEWS_BYTES_MAX = 4 * 1024 * 1024,
};

void feed_texts_init(struct feed_texts *texts, struct arena *arena)
{
	*texts = (struct feed_texts){.arena = arena, .scratch = sqlkey_scratch_new()};
}

void feed_texts_fini(struct feed_texts *texts)
{
	sqlkey_scratch_free(texts->scratch);
	texts->scratch = NULL;
}

const char *feed_texts_cell(struct feed_texts *texts, const struct feed_result *result, int column)
{
	const char *text = feed_texts_optional(texts, result, column);
	return text != NULL ? text : "";
}

const char *feed_texts_optional(struct feed_texts *texts, const struct feed_result *result, int column)
{
	const char *text = feed_result_cell(result, column);
	if (text == NULL)
		return NULL;
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (const char *c = text; *c != '\0'; c++)
		hash = (hash ^ (uint8_t)*c) * 16777619u;
	const char **slot = &texts->shared[hash % FEED_TEXTS_SHARED];
	if (*slot == NULL || strcmp(*slot, text) != 0)
		*slot = arena_text(texts->arena, text);
	return *slot;
}

const char *feed_texts_canonical(struct feed_texts *texts, const char *expression, size_t len)
{
	const struct sqlkey_options options = {.standard_conforming_strings = true};
	struct sqlkey key;
	char *text = arena_copy(texts->arena, expression, len);
	if (len > EXPRESSION_BYTES_MAX || sqlkey_of(texts->scratch, text, len, &options, &key) != SQLKEY_OK)
		return text;
	const char *parsed = parse_expression(text, texts->arena);
	return parsed != NULL ? parsed : text;
}

struct catalog_view *feed_texts_view(struct feed_texts *texts, const char *definition)
{
	const struct sqlkey_options options = {.standard_conforming_strings = true};
	const size_t len = strlen(definition);
	struct catalog_view *view = arena_alloc(texts->arena, sizeof(*view));
	struct sqlkey key;
	if (len > VIEW_BYTES_MAX || texts->view_bytes + len > VIEWS_BYTES_MAX)
		return view;
	texts->view_bytes += len;
	view->definition = arena_copy(texts->arena, definition, len);
	if (sqlkey_of(texts->scratch, view->definition, len, &options, &key) == SQLKEY_OK)
		view->facts = parse_view(view->definition, texts->arena);
	return view;
}

#include "inspect/tree/clause_dump.h"

#include "config/check.h"
#include "config/limits.h"

#include <stdarg.h>
#include <stdio.h>

struct writer {
	char *to;
	size_t len, size;
	int depth;
};

static const char *const names[] = {
    [CLAUSE_OPAQUE] = "opaque",
    [CLAUSE_COLUMN] = "column",
    [CLAUSE_CONSTANT] = "constant",
    [CLAUSE_PARAMETER] = "parameter",
    [CLAUSE_CAST] = "cast",
    [CLAUSE_COLLATE] = "collate",
    [CLAUSE_CALL] = "call",
    [CLAUSE_OPERATOR] = "operator",
    [CLAUSE_ARRAY_OPERATOR] = "array_operator",
    [CLAUSE_IN] = "in",
    [CLAUSE_AND] = "and",
    [CLAUSE_OR] = "or",
    [CLAUSE_NOT] = "not",
    [CLAUSE_NULL_TEST] = "null_test",
    [CLAUSE_BOOLEAN_TEST] = "boolean_test",
    [CLAUSE_COALESCE] = "coalesce",
    [CLAUSE_EXTREME] = "extreme",
    [CLAUSE_NULLIF] = "nullif",
    [CLAUSE_DISTINCT] = "distinct",
    [CLAUSE_CASE] = "case",
    [CLAUSE_ARRAY] = "array",
    [CLAUSE_ROW] = "row",
    [CLAUSE_SUBSCRIPT] = "subscript",
    [CLAUSE_SUBLINK] = "sublink",
    [CLAUSE_NATURAL] = "natural",
    [CLAUSE_KEYWORD] = "keyword",
};

static void PRINTF_LIKE(2, 3) put(struct writer *w, const char *format, ...)
{
	va_list arguments;
	if (w->len >= w->size)
		return;
	va_start(arguments, format);
	int len = vsnprintf(w->to + w->len, w->size - w->len, format, arguments);
	va_end(arguments);
	w->len += len < 0 ? 0 : (size_t)len;
}

static void write_clause(struct writer *w, const struct clause *clause)
{
	if (clause == NULL || w->depth > LIMIT_WALK_DEPTH) {
		put(w, "nothing");
		return;
	}
	w->depth++;
	put(w, "%s", names[clause->kind]);
	if (clause->name != NULL)
		put(w, " %s%s%s", clause->schema != NULL ? clause->schema : "", clause->schema != NULL ? "." : "",
		    clause->name);
	if (clause->variant > 0)
		put(w, " /%u", clause->variant);
	if (clause->flag)
		put(w, " !");
	if (clause->number > 0)
		put(w, " #%u", clause->number);
	if (clause->kind == CLAUSE_COLUMN)
		put(w, " @%d", clause->relation);
	if (clause->kind == CLAUSE_COLUMN && clause->level > 0)
		put(w, " of %u", clause->level);
	if (clause->query > 0)
		put(w, " is %u", clause->query);
	if (clause->from >= 0 && clause->to > 0)
		put(w, " %d..%d", clause->from, clause->to);
	if (clause->text != NULL)
		put(w, " '%s'", clause->text);
	if (clause->type != NULL)
		put(w, " (%d,%d)%s", clause->type->modifiers[0], clause->type->modifiers[1],
		    clause->type->array ? "[]" : "");
	if (clause->pattern != NULL)
		put(w, " ~%u%u%u%u%u%u%u", clause->pattern->operand, clause->pattern->shape.known,
		    clause->pattern->shape.leading_wildcard, clause->pattern->shape.has_wildcard,
		    clause->pattern->shape.has_trigram, clause->pattern->shape.has_prefix,
		    clause->pattern->shape.asks_item);
	for (uint16_t at = 0; at < clause->count; at++) {
		put(w, at == 0 ? " [" : ", ");
		write_clause(w, clause->items[at]);
	}
	put(w, clause->count > 0 ? "]" : "");
	w->depth--;
}

size_t clause_dump(const struct clause *clause, char *to, size_t size)
{
	struct writer w = {.to = to, .size = size};
	if (size == 0)
		return 0;
	to[0] = '\0';
	write_clause(&w, clause);
	return w.len < size ? w.len : size - 1;
}

#include "inspect/catalog/deparsed.h"

#include <string.h>

/* Brackets around an AND inside an AND: nobody writes more by hand, and what lies deeper only goes unused. */
enum { AND_DEPTH_MAX = 32, NOT_NULL_MAX = 256 };

struct names {
	struct arena *arena;
	const char *list[NOT_NULL_MAX];
	uint16_t count;
};

static void collect(struct deparsed expression, unsigned depth, struct names *names);
static void collect_negated(struct deparsed expression, unsigned depth, struct names *names);
static bool collect_conjuncts(struct deparsed expression, unsigned depth, struct names *names);
static bool collect_disjuncts(struct deparsed expression, unsigned depth, struct names *names);
static bool collect_row(struct deparsed expression, struct names *names);
static bool drop_end(struct deparsed *expression, const char *end);
static struct deparsed strip(struct deparsed expression);
static bool null_test(struct deparsed expression, const char *test, struct names *names);
static size_t identifier_len(struct deparsed text);
static char *identifier_copy(struct deparsed identifier, struct arena *arena);
static size_t skip_quoted(const char *text, size_t len, size_t at);
static bool find_top_level(struct deparsed text, const char *word, size_t *at);

bool deparsed_check(const char *definition, struct deparsed *expression)
{
	static const char check[] = "CHECK (";
	size_t len = strlen(definition);
	if (strncmp(definition, check, sizeof(check) - 1) != 0)
		return false;
	size_t open = sizeof(check) - 2, brackets = 0;
	for (size_t at = open; at < len; at++) {
		if (definition[at] == '\'' || definition[at] == '"') {
			at = skip_quoted(definition, len, at);
		} else if (definition[at] == '(') {
			brackets++;
		} else if (definition[at] == ')' && --brackets == 0) {
			*expression = (struct deparsed){definition + open + 1, at - open - 1};
			return true;
		}
	}
	return false;
}

bool deparsed_predicate(const char *definition, struct deparsed *predicate)
{
	static const char where[] = " WHERE ";
	struct deparsed text = {definition, strlen(definition)};
	size_t at;
	if (!find_top_level(text, where, &at))
		return false;
	at += sizeof(where) - 1;
	*predicate = (struct deparsed){definition + at, text.len - at};
	return true;
}

uint16_t deparsed_not_null(struct deparsed expression, struct arena *arena, const char *const **columns)
{
	struct names names = {.arena = arena};
	collect(expression, 0, &names);
	if (names.count == 0)
		return 0;
	const char **copy = arena_alloc(arena, names.count * sizeof(*copy));
	memcpy(copy, names.list, names.count * sizeof(*copy));
	*columns = copy;
	return names.count;
}

static void collect(struct deparsed expression, unsigned depth, struct names *names)
{
	static const char not [] = "NOT ";
	if (depth > AND_DEPTH_MAX)
		return;
	expression = strip(expression);
	if (collect_conjuncts(expression, depth, names) || collect_disjuncts(expression, depth, names))
		return;
	if (expression.len > sizeof(not ) - 1 && memcmp(expression.text, not, sizeof(not ) - 1) == 0) {
		const size_t skip = sizeof(not ) - 1;
		collect_negated((struct deparsed){expression.text + skip, expression.len - skip}, depth, names);
		return;
	}
	struct deparsed inner = expression;
	if (drop_end(&inner, " = true")) {
		collect(inner, depth + 1, names);
		return;
	}
	if (drop_end(&inner, " = false")) {
		collect_negated(inner, depth + 1, names);
		return;
	}
	if (collect_row(expression, names))
		return;
	(void)null_test(expression, " IS NOT NULL", names);
}

/* Of OR: what each of the arms says. */
static bool collect_disjuncts(struct deparsed expression, unsigned depth, struct names *names)
{
	static const char or [] = " OR ";
	const uint16_t before = names->count;
	size_t at;
	if (!find_top_level(expression, or, &at))
		return false;
	collect((struct deparsed){expression.text, at}, depth + 1, names);
	uint16_t common = names->count;
	for (bool more = true; more;) {
		at += sizeof(or) - 1;
		expression = (struct deparsed){expression.text + at, expression.len - at};
		more = find_top_level(expression, or, &at);
		collect(more ? (struct deparsed){expression.text, at} : expression, depth + 1, names);
		uint16_t kept = before;
		for (uint16_t i = before; i < common; i++) {
			bool again = false;
			for (uint16_t j = common; j < names->count; j++)
				again |= strcmp(names->list[i], names->list[j]) == 0;
			if (again)
				names->list[kept++] = names->list[i];
		}
		names->count = common = kept;
	}
	return true;
}

/* ROW(a, b) IS NOT NULL is so of each of them. */
static bool collect_row(struct deparsed expression, struct names *names)
{
	static const char row[] = "ROW(", comma[] = ", ";
	size_t at;
	if (!drop_end(&expression, ") IS NOT NULL") || expression.len < sizeof(row) - 1 ||
	    memcmp(expression.text, row, sizeof(row) - 1) != 0)
		return false;
	expression = (struct deparsed){expression.text + sizeof(row) - 1, expression.len - (sizeof(row) - 1)};
	for (bool more = true; more;) {
		more = find_top_level(expression, comma, &at);
		struct deparsed field = more ? (struct deparsed){expression.text, at} : expression;
		if (identifier_len(field) == field.len && field.len > 0 && names->count < NOT_NULL_MAX)
			names->list[names->count++] = identifier_copy(field, names->arena);
		if (more)
			expression = (struct deparsed){expression.text + at + sizeof(comma) - 1,
			                               expression.len - at - (sizeof(comma) - 1)};
	}
	return true;
}

/* Of NOT (…): that a column is NULL, alone or or-ed, is denied. */
static void collect_negated(struct deparsed expression, unsigned depth, struct names *names)
{
	static const char or [] = " OR ";
	size_t at;
	if (depth > AND_DEPTH_MAX)
		return;
	expression = strip(expression);
	while (find_top_level(expression, or, &at)) {
		collect_negated((struct deparsed){expression.text, at}, depth + 1, names);
		at += sizeof(or) - 1;
		expression = strip((struct deparsed){expression.text + at, expression.len - at});
	}
	(void)null_test(expression, " IS NULL", names);
}

/* False when there is no AND at the top; then nothing is collected. */
static bool collect_conjuncts(struct deparsed expression, unsigned depth, struct names *names)
{
	static const char and[] = " AND ";
	size_t at;
	if (!find_top_level(expression, and, &at))
		return false;
	for (;;) {
		collect((struct deparsed){expression.text, at}, depth + 1, names);
		at += sizeof(and) - 1;
		expression = (struct deparsed){expression.text + at, expression.len - at};
		if (!find_top_level(expression, and, &at))
			break;
	}
	collect(expression, depth + 1, names);
	return true;
}

/* False when it does not end so; else without that end. */
static bool drop_end(struct deparsed *expression, const char *end)
{
	size_t len = strlen(end);
	if (expression->len <= len || memcmp(expression->text + expression->len - len, end, len) != 0)
		return false;
	expression->len -= len;
	return true;
}

/* Takes away brackets that hold the whole expression. */
static struct deparsed strip(struct deparsed expression)
{
	while (expression.len >= 2 && expression.text[0] == '(' && expression.text[expression.len - 1] == ')') {
		size_t brackets = 0, at = 0;
		for (; at < expression.len; at++) {
			if (expression.text[at] == '\'' || expression.text[at] == '"')
				at = skip_quoted(expression.text, expression.len, at);
			else if (expression.text[at] == '(')
				brackets++;
			else if (expression.text[at] == ')' && --brackets == 0)
				break;
		}
		if (at != expression.len - 1)
			break;
		expression = (struct deparsed){expression.text + 1, expression.len - 2};
	}
	return expression;
}

static bool null_test(struct deparsed expression, const char *test, struct names *names)
{
	size_t len = identifier_len(expression), test_len = strlen(test);
	if (len == 0 || expression.len - len != test_len || memcmp(expression.text + len, test, test_len) != 0)
		return false;
	if (names->count < NOT_NULL_MAX)
		names->list[names->count++] = identifier_copy((struct deparsed){expression.text, len}, names->arena);
	return true;
}

/* The length of the identifier that the text begins with, its quotes included; 0 when it begins with none. Bytes past
 * ASCII stand unquoted only within quotes (quote_identifier). */
static size_t identifier_len(struct deparsed text)
{
	if (text.len == 0)
		return 0;
	if (text.text[0] == '"') {
		size_t end = skip_quoted(text.text, text.len, 0);
		return end < text.len ? end + 1 : 0;
	}
	size_t len = 0;
	while (len < text.len && ((text.text[len] >= 'a' && text.text[len] <= 'z') || text.text[len] == '_' ||
	                          (len > 0 && text.text[len] >= '0' && text.text[len] <= '9')))
		len++;
	return len;
}

static char *identifier_copy(struct deparsed identifier, struct arena *arena)
{
	if (identifier.text[0] != '"')
		return arena_copy(arena, identifier.text, identifier.len);
	char *name = arena_alloc(arena, identifier.len);
	size_t len = 0;
	for (size_t at = 1; at + 1 < identifier.len; at++) {
		if (identifier.text[at] == '"')
			at++;
		name[len++] = identifier.text[at];
	}
	return name;
}

/* From an opening quote to where it is closed, or to `len`; a doubled quote is part of the text. */
static size_t skip_quoted(const char *text, size_t len, size_t at)
{
	const char quote = text[at];
	for (at++; at < len; at++) {
		if (text[at] != quote)
			continue;
		if (at + 1 == len || text[at + 1] != quote)
			return at;
		at++;
	}
	return len;
}

/* The first place of `word` outside quotes and brackets. */
static bool find_top_level(struct deparsed text, const char *word, size_t *at)
{
	size_t word_len = strlen(word), brackets = 0;
	for (size_t i = 0; i < text.len; i++) {
		if (text.text[i] == '\'' || text.text[i] == '"') {
			i = skip_quoted(text.text, text.len, i);
		} else if (text.text[i] == '(') {
			brackets++;
		} else if (text.text[i] == ')') {
			if (brackets == 0)
				return false;
			brackets--;
		} else if (brackets == 0 && text.len - i >= word_len && memcmp(text.text + i, word, word_len) == 0) {
			*at = i;
			return true;
		}
	}
	return false;
}

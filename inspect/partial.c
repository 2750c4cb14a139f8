#include "inspect/partial.h"

#include "inspect/indexes.h"

#include <string.h>

/* One condition of an index predicate, taken apart: <expression> <rest>. */
struct condition {
	char expression[256];
	char rest[256]; /* "is null", "= 'active'", "" */
	bool negated;
};

static bool implied(const char *condition, size_t len, const struct facts *facts,
                    const struct fact_predicate *predicate);
static bool split_and(const char *text, size_t len, size_t *left_len, size_t *right_at);
static bool strip_brackets(const char **text, size_t *len);
static bool take_apart(const char *text, size_t len, struct condition *condition);
static bool condition_met(const struct condition *condition, const struct fact_predicate *predicate);
static bool is(const struct fact_predicate *predicate, enum predicate_operator kind);

bool partial_implied(const char *index_predicate, const struct facts *facts, const struct fact_predicate *predicate)
{
	return implied(index_predicate, strlen(index_predicate), facts, predicate);
}

/* Each and-ed condition of an index predicate must be one of the statement's own, or follow from one. Literals are
 * not in the facts: a comparison of the same expression with some constant is taken to imply the condition, because
 * staying silent costs less than a wrong alarm. */
static bool implied(const char *condition, size_t len, const struct facts *facts,
                    const struct fact_predicate *predicate)
{
	while (strip_brackets(&condition, &len)) {
	}
	size_t left_len, right_at;
	if (split_and(condition, len, &left_len, &right_at))
		return implied(condition, left_len, facts, predicate) &&
		       implied(condition + right_at, len - right_at, facts, predicate);
	struct condition one;
	if (!take_apart(condition, len, &one))
		return false;
	for (uint16_t i = 0; i < facts->predicate_count; i++) {
		const struct fact_predicate *other = &facts->predicates[i];
		bool counts = other == predicate || indexes_restricts_same(other, predicate) ||
		              (other->relation == predicate->relation && other->level == predicate->level &&
		               is(other, PREDICATE_BOOLEAN) && other->negated && one.negated);
		if (counts && condition_met(&one, other))
			return true;
	}
	return false;
}

static bool condition_met(const struct condition *condition, const struct fact_predicate *predicate)
{
	if (!predicate->expression)
		return false;
	bool same = strcmp(condition->expression, predicate->expression) == 0;
	bool boolean = condition->rest[0] == 0 || strcmp(condition->rest, "= true") == 0;
	if (boolean) {
		if (!same)
			return false;
		if (condition->negated)
			return predicate->negated && is(predicate, PREDICATE_BOOLEAN);
		return !predicate->negated && (is(predicate, PREDICATE_BOOLEAN) || is(predicate, PREDICATE_EQUAL));
	}
	if (condition->negated || predicate->negated)
		return false;
	if (strcmp(condition->rest, "is null") == 0)
		return same && is(predicate, PREDICATE_IS_NULL);
	if (strcmp(condition->rest, "is not null") == 0) {
		/* A strict operator is not true of NULL; upper() and lower() are strict, too. */
		const char *column = predicate->column;
		bool strict_of = same || (column && strcmp(condition->expression, column) == 0 &&
		                          (strncmp(predicate->expression, "upper(", 6) == 0 ||
		                           strncmp(predicate->expression, "lower(", 6) == 0));
		return strict_of && !is(predicate, PREDICATE_IS_NULL);
	}
	return same && (is(predicate, PREDICATE_EQUAL) || is(predicate, PREDICATE_RANGE)) &&
	       (predicate->operand == OPERAND_LITERAL || predicate->operand == OPERAND_PARAMETER);
}

/* The first AND that stands outside brackets and quotes. */
static bool split_and(const char *text, size_t len, size_t *left_len, size_t *right_at)
{
	int depth = 0;
	char quote = 0;
	for (size_t i = 0; i < len; i++) {
		char c = text[i];
		if (quote) {
			quote = c == quote ? 0 : quote;
		} else if (c == '\'' || c == '"') {
			quote = c;
		} else if (c == '(') {
			depth++;
		} else if (c == ')') {
			depth--;
		} else if (depth == 0 && i + 5 <= len && memcmp(text + i, " and ", 5) == 0) {
			*left_len = i;
			*right_at = i + 5;
			return true;
		}
	}
	return false;
}

/* Takes off a pair of brackets that holds the whole text. */
static bool strip_brackets(const char **text, size_t *len)
{
	if (*len < 2 || (*text)[0] != '(' || (*text)[*len - 1] != ')')
		return false;
	int depth = 0;
	char quote = 0;
	for (size_t i = 0; i < *len; i++) {
		char c = (*text)[i];
		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '\'' || c == '"')
			quote = c;
		else if (c == '(')
			depth++;
		else if (c == ')' && --depth == 0 && i + 1 < *len)
			return false;
	}
	(*text)++;
	*len -= 2;
	return true;
}

static bool take_apart(const char *text, size_t len, struct condition *condition)
{
	memset(condition, 0, sizeof(*condition));
	if (len > 4 && memcmp(text, "not ", 4) == 0) {
		condition->negated = true;
		text += 4;
		len -= 4;
		while (strip_brackets(&text, &len)) {
		}
	}
	/* The expression ends at the first blank outside brackets and quotes. */
	int depth = 0;
	char quote = 0;
	size_t end = 0;
	for (; end < len; end++) {
		char c = text[end];
		if (quote)
			quote = c == quote ? 0 : quote;
		else if (c == '\'' || c == '"')
			quote = c;
		else if (c == '(')
			depth++;
		else if (c == ')')
			depth--;
		else if (c == ' ' && depth == 0)
			break;
	}
	const char *expression = text;
	size_t expression_len = end;
	size_t rest_len = end < len ? len - end - 1 : 0;
	while (strip_brackets(&expression, &expression_len)) {
	}
	if (expression_len >= sizeof(condition->expression) || rest_len >= sizeof(condition->rest))
		return false;
	memcpy(condition->expression, expression, expression_len);
	if (rest_len > 0)
		memcpy(condition->rest, text + end + 1, rest_len);
	return true;
}

static bool is(const struct fact_predicate *predicate, enum predicate_operator kind)
{
	return predicate->operator == kind;
}

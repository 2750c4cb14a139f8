#include "inspect/change/bound.h"

#include <stdlib.h>
#include <string.h>

/* A view of a piece of canonical text (expression.h). */
struct piece {
	const char *text;
	size_t len;
};

/* What the CHECKs leave open. */
struct proof {
	const char *column;
	const struct fact_action *action;
	bool from, to, list;
};

static void use(struct proof *proof, struct piece expression);
static void use_comparison(struct proof *proof, struct piece expression);
static bool next_conjunct(struct piece *rest, struct piece *conjunct);
static struct piece strip(struct piece piece);
static bool all_listed(struct piece values, const struct fact_action *action);
static bool compare(struct piece value, const char *bound, int *order);
static struct piece bare(struct piece constant);
static bool number_of(struct piece piece, double *number);

bool bound_implied(const struct catalog_relation *table, const char *column, const struct fact_action *action)
{
	const struct catalog_column *key = column ? catalog_column(table, column) : NULL;
	struct proof proof = {.column = column, .action = action};
	bool range = action->bound_from && action->bound_to;
	if (!key || (!range && action->bound_count == 0))
		return false;
	bool not_null = key->not_null;
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		const struct catalog_constraint *check = &table->constraints[i];
		if (check->kind != CATALOG_CHECK || !check->valid)
			continue;
		for (uint16_t c = 0; c < check->not_null_count; c++)
			not_null |= strcmp(check->not_null_columns[c], column) == 0;
		if (check->expression)
			use(&proof, (struct piece){check->expression, strlen(check->expression)});
	}
	if (!range)
		return proof.list && not_null;
	bool from = proof.from || strcmp(action->bound_from, "minvalue") == 0;
	bool to = proof.to || strcmp(action->bound_to, "maxvalue") == 0;
	return from && to && not_null;
}

static void use(struct proof *proof, struct piece expression)
{
	struct piece conjunct;
	while (next_conjunct(&expression, &conjunct))
		use_comparison(proof, strip(conjunct));
}

/* column >= constant, column = any (array[…]) and their like. */
static void use_comparison(struct proof *proof, struct piece expression)
{
	static const char array[] = "any (array[";
	size_t column = strlen(proof->column);
	int order;
	if (expression.len < column + 4 || strncmp(expression.text, proof->column, column) != 0 ||
	    expression.text[column] != ' ')
		return;
	const char *operator= expression.text + column + 1, *end = expression.text + expression.len;
	size_t operator_len = strcspn(operator, " ");
	if (operator+ operator_len + 1 >= end)
		return;
	struct piece value = {operator+ operator_len + 1, (size_t)(end - operator- operator_len - 1)};
	bool equal = operator_len == 1 && *operator== '=';
	bool less = *operator== '<' &&(operator_len == 1 || (operator_len == 2 && operator[1] == '='));
	bool greater = *operator== '>' &&(operator_len == 1 || (operator_len == 2 && operator[1] == '='));
	if (equal && proof->action->bound_count > 0) {
		size_t prefix = sizeof(array) - 1;
		bool several = value.len > prefix + 2 && strncmp(value.text, array, prefix) == 0;
		if (several)
			value = (struct piece){value.text + prefix, value.len - prefix - 2};
		proof->list |= all_listed(value, proof->action);
	}
	if (greater && proof->action->bound_from && compare(value, proof->action->bound_from, &order))
		proof->from |= order >= 0;
	/* The upper bound itself is outside. */
	if (less && proof->action->bound_to && compare(value, proof->action->bound_to, &order))
		proof->to |= operator_len == 1 ? order <= 0 : order < 0;
}

static bool next_conjunct(struct piece *rest, struct piece *conjunct)
{
	static const char and[] = " and ";
	size_t brackets = 0;
	bool quoted = false;
	*rest = strip(*rest);
	if (rest->len == 0)
		return false;
	for (size_t at = 0; at < rest->len; at++) {
		char byte = rest->text[at];
		if (byte == '\'')
			quoted = !quoted;
		else if (!quoted && (byte == '(' || byte == '['))
			brackets++;
		else if (!quoted && (byte == ')' || byte == ']') && brackets > 0)
			brackets--;
		if (quoted || brackets > 0 || rest->len - at < sizeof(and) - 1 ||
		    memcmp(rest->text + at, and, sizeof(and) - 1) != 0)
			continue;
		*conjunct = (struct piece){rest->text, at};
		rest->text += at + sizeof(and) - 1;
		rest->len -= at + sizeof(and) - 1;
		return true;
	}
	*conjunct = *rest;
	rest->len = 0;
	return true;
}

/* One pair of brackets around the whole of it. */
static struct piece strip(struct piece piece)
{
	size_t brackets = 0;
	if (piece.len < 2 || piece.text[0] != '(' || piece.text[piece.len - 1] != ')')
		return piece;
	for (size_t at = 0; at < piece.len; at++) {
		brackets += piece.text[at] == '(';
		brackets -= piece.text[at] == ')';
		if (brackets == 0 && at + 1 < piece.len)
			return piece;
	}
	return (struct piece){piece.text + 1, piece.len - 2};
}

static bool all_listed(struct piece values, const struct fact_action *action)
{
	while (values.len > 0) {
		bool quoted = false, listed = false;
		size_t len = 0;
		for (; len < values.len && (quoted || values.text[len] != ','); len++)
			quoted ^= values.text[len] == '\'';
		for (uint16_t i = 0; i < action->bound_count && !listed; i++) {
			int order;
			listed = compare((struct piece){values.text, len}, action->bounds[i], &order) && order == 0;
		}
		if (!listed)
			return false;
		len += len < values.len;
		while (len < values.len && values.text[len] == ' ')
			len++;
		values.text += len;
		values.len -= len;
	}
	return true;
}

/* Numbers by value; texts of the same length, such as dates, by their bytes. False where neither can be said. */
static bool compare(struct piece value, const char *bound, int *order)
{
	struct piece left = bare(value), right = bare((struct piece){bound, strlen(bound)});
	double a, b;
	if (number_of(left, &a) && number_of(right, &b)) {
		*order = (a > b) - (a < b);
		return true;
	}
	bool quoted = value.len > 0 && value.text[0] == '\'';
	if (!quoted || left.len != right.len)
		return false;
	*order = memcmp(left.text, right.text, left.len);
	return true;
}

/* Without quotes, and without a cast behind them. */
static struct piece bare(struct piece constant)
{
	if (constant.len == 0 || constant.text[0] != '\'')
		return constant;
	const char *end = memchr(constant.text + 1, '\'', constant.len - 1);
	if (end == NULL || (end + 1 < constant.text + constant.len && end[1] == '\''))
		return (struct piece){constant.text, 0};
	return (struct piece){constant.text + 1, (size_t)(end - constant.text - 1)};
}

static bool number_of(struct piece piece, double *number)
{
	char text[64], *end;
	if (piece.len == 0 || piece.len >= sizeof(text))
		return false;
	memcpy(text, piece.text, piece.len);
	text[piece.len] = '\0';
	*number = strtod(text, &end);
	return *end == '\0';
}

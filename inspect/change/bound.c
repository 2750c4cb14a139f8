#include "inspect/change/bound.h"

#include "config/limits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* A view of a piece of canonical text (expression.h), or of the server's. */
struct piece {
	const char *text;
	size_t len;
};

/* One partition's. */
struct bounds {
	struct piece from, to; /* of a range; no text: it is none */
	struct piece values[LIMIT_FACTS_BOUNDS];
	uint16_t count; /* of a list */
	int modulus, remainder; /* of a hash; 0: it is none */
};

/* The column that they are of. */
struct key {
	const char *name;
	bool text, unordered; /* not by its bytes, so that only equality is seen */
	bool time, zoned, utc;
};

/* What the CHECKs leave open. */
struct proof {
	const struct key *key;
	const struct bounds *bounds;
	bool from, to, list;
};

static bool key_of(const struct catalog_relation *table, const char *column, bool utc, struct key *key);
static bool bounds_of(const struct fact_action *action, struct bounds *bounds);
static bool bounds_read(const char *text, struct bounds *bounds);
static bool bounds_overlap(const struct bounds *a, const struct bounds *b, const struct key *key);
static bool below(struct piece from, struct piece to, const struct key *key);
static bool excludes(const struct catalog_relation *table, const struct key *key, const struct bounds *bounds);
static bool all_exclude(struct piece expression, const struct key *key, const struct bounds *bounds);
static bool one_excludes(struct piece expression, const struct key *key, const struct bounds *bounds);
static void use(struct proof *proof, struct piece expression);
static void use_comparison(struct proof *proof, struct piece expression);
static bool comparison(struct piece expression, const char *column, struct piece *operator, struct piece *value);
static bool next_of(struct piece *rest, const char *joint, struct piece *part);
static bool next_value(struct piece *rest, struct piece *value);
static struct piece strip(struct piece piece);
static bool all_listed(struct piece values, const struct bounds *bounds, const struct key *key);
static bool is_listed(struct piece value, const struct bounds *bounds, const struct key *key);
static bool compare(struct piece value, struct piece bound, const struct key *key, int *order);
static bool is_word(struct piece piece, const char *word);
static struct piece bare(struct piece constant);
static bool number_of(struct piece piece, double *number);
static bool time_of(struct piece piece, double *seconds, bool *zoned);

static struct piece piece_of(const char *text)
{
	return (struct piece){text, text ? strlen(text) : 0};
}

bool bound_implied(const struct catalog_relation *table, const char *column, const struct fact_action *action)
{
	struct bounds bounds;
	struct key key;
	const struct catalog_column *known = column ? catalog_column(table, column) : NULL;
	struct proof proof = {.key = &key, .bounds = &bounds};
	if (!known || !key_of(table, column, false, &key) || !bounds_of(action, &bounds) || bounds.modulus > 0)
		return false;
	bool not_null = known->not_null;
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		const struct catalog_constraint *check = &table->constraints[i];
		if (check->kind != CATALOG_CHECK || !check->valid)
			continue;
		for (uint16_t c = 0; c < check->not_null_count; c++)
			not_null |= strcmp(check->not_null_columns[c], column) == 0;
		if (check->expression)
			use(&proof, piece_of(check->expression));
	}
	if (bounds.count > 0)
		return proof.list && not_null;
	bool from = proof.from || is_word(bounds.from, "minvalue");
	bool to = proof.to || is_word(bounds.to, "maxvalue");
	return from && to && not_null;
}

bool bound_excluded(const struct catalog_relation *table, const char *column, const struct fact_action *action)
{
	struct bounds bounds;
	struct key key;
	return key_of(table, column, false, &key) && bounds_of(action, &bounds) && excludes(table, &key, &bounds);
}

bool bound_excluded_by_all(const struct catalog_relation *table, const struct catalog_relation *whole)
{
	struct bounds bounds;
	struct key key;
	if (!key_of(table, whole->partition_column, false, &key))
		return false;
	for (uint32_t i = 0; i < whole->partition_count; i++) {
		if (!bounds_read(whole->partitions[i]->partition_bound, &bounds) || !excludes(table, &key, &bounds))
			return false;
	}
	return true;
}

bool bound_is_empty(const struct catalog_relation *whole, const struct fact_action *action)
{
	struct bounds bounds;
	struct key key;
	int order;
	if (!key_of(whole, whole->partition_column, false, &key) || !bounds_of(action, &bounds))
		return false;
	if (bounds.modulus > 0)
		return bounds.remainder >= bounds.modulus;
	return bounds.from.text && compare(bounds.from, bounds.to, &key, &order) && order >= 0;
}

bool bound_overlaps(const struct catalog_relation *whole, const struct catalog_relation *partition,
                    const struct fact_action *action, bool utc)
{
	struct bounds wanted, there;
	struct key key = {0};
	if (!bounds_of(action, &wanted) || !bounds_read(partition->partition_bound, &there))
		return false;
	/* A hash is of any columns. */
	if (wanted.modulus == 0 && !key_of(whole, whole->partition_column, utc, &key))
		return false;
	return bounds_overlap(&wanted, &there, &key);
}

static bool key_of(const struct catalog_relation *table, const char *column, bool utc, struct key *key)
{
	const struct catalog_column *known = column ? catalog_column(table, column) : NULL;
	const char *type = known && known->type ? known->type : "";
	*key = (struct key){.name = column, .utc = utc};
	key->zoned = strcmp(type, "timestamptz") == 0;
	key->time = key->zoned || strcmp(type, "date") == 0 || strcmp(type, "timestamp") == 0;
	key->text = known && known->collation;
	bool by_bytes = strcmp(type, "uuid") == 0 || strcmp(type, "time") == 0 || (key->text && known->collation_is_c);
	key->unordered = !by_bytes;
	return known != NULL;
}

/* -- bounds -------------------------------------------------------------------------------------------- */

static bool bounds_of(const struct fact_action *action, struct bounds *bounds)
{
	*bounds = (struct bounds){.modulus = action->modulus, .remainder = action->remainder};
	if (action->bound_from && action->bound_to) {
		bounds->from = piece_of(action->bound_from);
		bounds->to = piece_of(action->bound_to);
	}
	for (uint16_t i = 0; i < action->bound_count; i++)
		bounds->values[bounds->count++] = piece_of(action->bounds[i]);
	return bounds->from.text || bounds->count > 0 || bounds->modulus > 0;
}

/* "FOR VALUES FROM ('a') TO (MAXVALUE)", "… IN ('a', NULL)", "… WITH (modulus 4, remainder 1)" (ruleutils.c). */
static bool bounds_read(const char *text, struct bounds *bounds)
{
	static const char range[] = "FOR VALUES FROM (", list[] = "FOR VALUES IN (", to[] = ") TO (";
	struct piece value, rest;
	*bounds = (struct bounds){0};
	if (!text)
		return false;
	if (sscanf(text, "FOR VALUES WITH (modulus %d, remainder %d)", &bounds->modulus, &bounds->remainder) == 2)
		return bounds->modulus > 0;
	size_t len = strlen(text);
	bool listed = strncmp(text, list, sizeof(list) - 1) == 0;
	if (listed) {
		rest = (struct piece){text + sizeof(list) - 1, len - sizeof(list)};
		while (bounds->count < LIMIT_FACTS_BOUNDS && next_value(&rest, &value))
			bounds->values[bounds->count++] = value;
		return bounds->count > 0 && rest.len == 0;
	}
	if (strncmp(text, range, sizeof(range) - 1) != 0)
		return false;
	rest = (struct piece){text + sizeof(range) - 1, len - sizeof(range)};
	if (!next_value(&rest, &bounds->from) || rest.len < sizeof(to) || strncmp(rest.text, to, sizeof(to) - 1) != 0)
		return false;
	rest = (struct piece){rest.text + sizeof(to) - 1, rest.len - (sizeof(to) - 1)};
	return next_value(&rest, &bounds->to) && rest.len == 0;
}

static bool bounds_overlap(const struct bounds *a, const struct bounds *b, const struct key *key)
{
	if (a->modulus > 0 && b->modulus > 0) {
		int small = a->modulus < b->modulus ? a->modulus : b->modulus;
		int large = a->modulus < b->modulus ? b->modulus : a->modulus;
		/* Moduli that don't divide each other are refused as well. */
		return large % small != 0 || a->remainder % small == b->remainder % small;
	}
	for (uint16_t i = 0; i < a->count && b->count > 0; i++) {
		if (is_listed(a->values[i], b, key))
			return true;
	}
	return a->from.text && b->from.text && below(a->from, b->to, key) && below(b->from, a->to, key);
}

/* False where that is not known, too. */
static bool below(struct piece from, struct piece to, const struct key *key)
{
	int order;
	return compare(from, to, key, &order) && order < 0;
}

/* -- CHECKs -------------------------------------------------------------------------------------------- */

static bool excludes(const struct catalog_relation *table, const struct key *key, const struct bounds *bounds)
{
	for (uint16_t i = 0; i < table->constraint_count; i++) {
		const struct catalog_constraint *check = &table->constraints[i];
		struct piece part, rest = piece_of(check->expression);
		if (check->kind != CATALOG_CHECK || !check->valid || bounds->modulus > 0)
			continue;
		/* One of what is and-ed is enough, and of what is or-ed in it all are needed. */
		while (next_of(&rest, " and ", &part)) {
			if (all_exclude(part, key, bounds))
				return true;
		}
	}
	return false;
}

static bool all_exclude(struct piece expression, const struct key *key, const struct bounds *bounds)
{
	struct piece part;
	bool all = false;
	while (next_of(&expression, " or ", &part)) {
		if (!one_excludes(strip(part), key, bounds))
			return false;
		all = true;
	}
	return all;
}

static bool one_excludes(struct piece expression, const struct key *key, const struct bounds *bounds)
{
	struct piece operator, value;
	int order;
	if (!comparison(expression, key->name, &operator, &value))
		return false;
	bool less = is_word(operator, "<") || is_word(operator, "<="), greater = is_word(operator, ">") || is_word(operator, ">=");
	for (uint16_t i = 0; i < bounds->count; i++) {
		if (is_word(operator, "<>") || !compare(bounds->values[i], value, key, &order))
			return bounds->count == 1 && is_word(operator, "<>") &&
			       compare(bounds->values[i], value, key, &order) && order == 0;
		bool outside = (less && (order > 0 || (order == 0 && operator.len == 1))) ||
		               (greater && (order < 0 || (order == 0 && operator.len == 1))) ||
		               (is_word(operator, "=") && order != 0);
		if (!outside)
			return false;
	}
	if (bounds->count > 0)
		return true;
	if (less)
		return compare(value, bounds->from, key, &order) && (order < 0 || (order == 0 && operator.len == 1));
	return greater && compare(value, bounds->to, key, &order) && order >= 0;
}

static void use(struct proof *proof, struct piece expression)
{
	struct piece conjunct;
	while (next_of(&expression, " and ", &conjunct))
		use_comparison(proof, strip(conjunct));
}

/* column >= constant, column = any (array[…]) and their like. */
static void use_comparison(struct proof *proof, struct piece expression)
{
	static const char array[] = "any (array[";
	const struct bounds *bounds = proof->bounds;
	struct piece operator, value;
	int order;
	if (!comparison(expression, proof->key->name, &operator, &value))
		return;
	bool less = is_word(operator, "<") || is_word(operator, "<="), greater = is_word(operator, ">") || is_word(operator, ">=");
	if (is_word(operator, "=") && bounds->count > 0) {
		size_t prefix = sizeof(array) - 1;
		bool several = value.len > prefix + 2 && strncmp(value.text, array, prefix) == 0;
		if (several)
			value = (struct piece){value.text + prefix, value.len - prefix - 2};
		proof->list |= all_listed(value, bounds, proof->key);
	}
	if (greater && bounds->from.text && compare(value, bounds->from, proof->key, &order))
		proof->from |= order >= 0;
	/* The upper bound itself is outside. */
	if (less && bounds->to.text && compare(value, bounds->to, proof->key, &order))
		proof->to |= operator.len == 1 ? order <= 0 : order < 0;
}

/* The column, an operator, and what is behind it. */
static bool comparison(struct piece expression, const char *column, struct piece *operator, struct piece *value)
{
	size_t len = strlen(column);
	if (expression.len < len + 4 || strncmp(expression.text, column, len) != 0 || expression.text[len] != ' ')
		return false;
	const char *sign = expression.text + len + 1, *end = expression.text + expression.len;
	*operator = (struct piece){sign, strcspn(sign, " ")};
	if (sign + operator->len + 1 >= end)
		return false;
	*value = (struct piece){sign + operator->len + 1, (size_t)(end - sign) - operator->len - 1};
	return true;
}

/* -- pieces -------------------------------------------------------------------------------------------- */

static bool next_of(struct piece *rest, const char *joint, struct piece *part)
{
	size_t brackets = 0, len = strlen(joint);
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
		if (quoted || brackets > 0 || rest->len - at < len || memcmp(rest->text + at, joint, len) != 0)
			continue;
		*part = (struct piece){rest->text, at};
		rest->text += at + len;
		rest->len -= at + len;
		return true;
	}
	*part = *rest;
	rest->len = 0;
	return true;
}

/* Of a list with commas, up to a bracket that closes it, at which the rest then begins. */
static bool next_value(struct piece *rest, struct piece *value)
{
	bool quoted = false;
	size_t len = 0;
	for (; len < rest->len && (quoted || (rest->text[len] != ',' && rest->text[len] != ')')); len++)
		quoted ^= rest->text[len] == '\'';
	*value = (struct piece){rest->text, len};
	if (len == 0)
		return false;
	while (len < rest->len && (rest->text[len] == ',' || rest->text[len] == ' '))
		len++;
	rest->text += len;
	rest->len -= len;
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

static bool all_listed(struct piece values, const struct bounds *bounds, const struct key *key)
{
	struct piece value;
	while (values.len > 0) {
		if (!next_value(&values, &value) || !is_listed(value, bounds, key))
			return false;
	}
	return true;
}

static bool is_listed(struct piece value, const struct bounds *bounds, const struct key *key)
{
	int order;
	for (uint16_t i = 0; i < bounds->count; i++) {
		bool null = is_word(value, "null"), other = is_word(bounds->values[i], "null");
		if (null ? other : !other && compare(value, bounds->values[i], key, &order) && order == 0)
			return true;
	}
	return false;
}

/* Numbers and times by value; texts of the same length by their bytes, but where these are not how the type or collation
 * orders them only whether they are equal. False where neither can be said. */
static bool compare(struct piece value, struct piece bound, const struct key *key, int *order)
{
	enum { ZONE_SECONDS_MAX = 16 * 3600 };
	static const double DOUBLE_EXACT_MAX = 9007199254740992; /* 2^53 */
	struct piece left = bare(value), right = bare(bound);
	double a, b;
	bool a_zoned, b_zoned;
	if (is_word(value, "minvalue") || is_word(bound, "maxvalue")) {
		*order = -1;
		return true;
	}
	if (is_word(value, "maxvalue") || is_word(bound, "minvalue")) {
		*order = 1;
		return true;
	}
	if (key->time) {
		/* An offset means nothing to a type without a zone. */
		if (!time_of(left, &a, &a_zoned) || !time_of(right, &b, &b_zoned) ||
		    (!key->zoned && (a_zoned || b_zoned)))
			return false;
		*order = (a > b) - (a < b);
		/* One of them is in the session's zone, which is not known. */
		return !key->zoned || key->utc || a_zoned == b_zoned || fabs(a - b) > ZONE_SECONDS_MAX;
	}
	if (!key->text && number_of(left, &a) && number_of(right, &b)) {
		*order = (a > b) - (a < b);
		/* Further up, several integers are one double. */
		return a != b || fabs(a) < DOUBLE_EXACT_MAX;
	}
	bool quoted = value.len > 0 && value.text[0] == '\'';
	if (!quoted || left.len != right.len)
		return false;
	*order = memcmp(left.text, right.text, left.len);
	return !key->unordered || *order == 0;
}

static bool is_word(struct piece piece, const char *word)
{
	return piece.len == strlen(word) && strncasecmp(piece.text, word, piece.len) == 0;
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

/* "2024-01-31", "2024-01-31 12:30:00.5+01:30": seconds since 1970; what has an offset is taken to UTC. */
static bool time_of(struct piece piece, double *seconds, bool *zoned)
{
	char text[64];
	int year, month, day, read = 0, hour = 0, minute = 0, zone_hour = 0, zone_minute = 0;
	double second = 0;
	if (piece.len == 0 || piece.len >= sizeof(text))
		return false;
	memcpy(text, piece.text, piece.len);
	text[piece.len] = '\0';
	*zoned = false;
	if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &read) != 3 || month < 1 || month > 12)
		return false;
	const char *at = text + read;
	if (*at == ' ' || *at == 'T') {
		if (sscanf(at + 1, "%2d:%2d%n", &hour, &minute, &read) != 2)
			return false;
		at += 1 + read;
		if (*at == ':' && sscanf(at, ":%lf%n", &second, &read) == 1)
			at += read;
	}
	char sign = *at;
	if (sign == '+' || sign == '-') {
		*zoned = sscanf(at + 1, "%2d%n", &zone_hour, &read) == 1;
		at += 1 + read;
		if (*zoned && *at == ':' && sscanf(at, ":%2d%n", &zone_minute, &read) == 1)
			at += read;
	} else if (sign == 'Z') {
		*zoned = true;
		at++;
	}
	if (*at != '\0')
		return false;
	/* Days from the civil calendar: years begin in March. */
	int64_t years = year - (month <= 2), era = (years >= 0 ? years : years - 399) / 400;
	int64_t of_era = years - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t days = era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
	double offset = (sign == '-' ? -1 : 1) * (zone_hour * 3600 + zone_minute * 60);
	*seconds = (double)days * 86400 + hour * 3600 + minute * 60 + second - offset;
	return true;
}

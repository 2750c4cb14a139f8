#include "inspect/access/matching.h"

#include "inspect/access/implication.h"
#include "inspect/access/overload.h"
#include "inspect/access/typing.h"
#include "inspect/text/prefix.h"

#include <string.h>

enum { HEIRS_DEEP_MAX = 10 };

static bool has_method(const struct catalog_index *index, const char *method);
static enum matching_quality match_operator(const struct matching *m, const struct matching_index *index, uint16_t key,
                                            const struct term *term);
static enum matching_quality match_boolean(const struct matching_index *index, uint16_t key, const struct term *term);
static bool match_operand(const struct matching_index *index, uint16_t key, const struct term *operand);
static enum matching_quality match_pattern(const struct matching *m, const struct matching_index *index, uint16_t key,
                                           const struct term *term);
static enum matching_quality match_network(const struct matching *m, const struct matching_index *index, uint16_t key,
                                           const struct term *term, bool turned);
static struct matching_hit match_either(const struct matching *m, const struct matching_index *indexes, uint16_t count,
                                        const struct term *either);
static bool proves_part(const struct matching *m, const struct term *predicate, const struct term *condition);
static bool reachable(const struct matching *m, const struct matching_index *index, uint16_t key);

static struct typing typing_for(const struct matching *m)
{
	return (struct typing){
	    .dictionary = m->dictionary,
	    .relations = &m->relation,
	    .relation = m->number,
	    .arena = m->arena,
	};
}

const struct term *matching_key_of(const struct matching *m, const struct catalog_index_key *key)
{
	const struct typing typing = typing_for(m);
	const struct clause column = {
	    .kind = CLAUSE_COLUMN, .name = key->column, .relation = -1, .from = -1, .to = -1};
	if (key->column != NULL)
		return typing_of(&typing, &column);
	return key->clause != NULL ? term_strip(typing_of(&typing, key->clause)) : NULL;
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool is_alike(const struct catalog_index *a, const struct catalog_index *b)
{
	if (!b->valid || !b->ready || !same_text(a->method, b->method) || a->key_count != b->key_count ||
	    !same_text(a->predicate, b->predicate))
		return false;
	for (uint16_t at = 0; at < a->key_count; at++) {
		const struct catalog_index_key *one = &a->keys[at], *other = &b->keys[at];
		if (!same_text(one->expression, other->expression) || one->family != other->family ||
		    one->collation_oid != other->collation_oid || one->descending != other->descending ||
		    one->nulls_first != other->nulls_first)
			return false;
	}
	return true;
}

/* A table's own index says nothing of the tables that inherit from it by INHERITS, a partitioned one's does. */
static bool heirs_have(const struct catalog_relation *relation, const struct catalog_index *index, int depth)
{
	if (relation->kind == CATALOG_PARTITIONED_TABLE || depth > HEIRS_DEEP_MAX)
		return true;
	for (uint32_t at = 0; at < relation->partition_count; at++) {
		const struct catalog_relation *heir = relation->partitions[at];
		bool has = false;
		for (uint16_t i = 0; i < heir->index_count && !has; i++)
			has = is_alike(index, &heir->indexes[i]);
		if (!has || !heirs_have(heir, index, depth + 1))
			return false;
	}
	return true;
}

const struct matching_index *matching_indexes(const struct matching *m, uint16_t *count)
{
	const struct catalog_relation *relation = m->relation;
	struct matching_index *list = arena_alloc(m->arena, (relation->index_count + 1u) * sizeof(*list));
	const struct typing typing = typing_for(m);
	*count = 0;
	for (uint16_t at = 0; at < relation->index_count; at++) {
		const struct catalog_index *index = &relation->indexes[at];
		if (!index->valid || !index->ready || (!m->only && !heirs_have(relation, index, 0)))
			continue;
		struct matching_index *to = &list[(*count)++];
		const struct term **keys = arena_alloc(m->arena, (index->key_count + 1u) * sizeof(*keys));
		*to = (struct matching_index){.index = index, .keys = keys, .holds = TERM_YES, .generous = m->generous};
		for (uint16_t k = 0; k < index->key_count; k++)
			keys[k] = matching_key_of(m, &index->keys[k]);
		if (index->predicate == NULL)
			continue;
		to->holds = TERM_NO;
		if (index->predicate_clause != NULL) {
			to->predicate =
			    term_canonical(typing_of(&typing, index->predicate_clause), m->dictionary, m->arena);
			to->holds = implication_holds(m->dictionary, to->predicate, m->conditions, m->condition_count);
		}
	}
	return list;
}

static bool holds(const struct matching *m, enum term_truth truth)
{
	return truth == TERM_YES || (truth == TERM_MAYBE && m->generous);
}

struct matching_hit matching_condition(const struct matching *m, const struct matching_index *indexes, uint16_t count,
                                       const struct term *condition)
{
	struct matching_hit best = {.quality = MATCHING_NONE};
	if (condition->kind == TERM_AND) {
		for (uint16_t at = 0; at < condition->count; at++) {
			struct matching_hit hit = matching_condition(m, indexes, count, condition->items[at]);
			if (hit.quality > best.quality)
				best = hit;
		}
		return best;
	}
	if (condition->kind == TERM_OR)
		best = match_either(m, indexes, count, condition);
	for (uint16_t at = 0; at < count; at++) {
		const struct matching_index *index = &indexes[at];
		if (!holds(m, index->holds))
			continue;
		for (uint16_t k = 0; k < index->index->key_count; k++) {
			enum matching_quality quality = matching_key(m, index, k, condition);
			if (quality == MATCHING_GOOD && !reachable(m, index, k))
				quality = MATCHING_LATER;
			if (quality > best.quality)
				best = (struct matching_hit){quality, index->index, k};
		}
		/* A condition that makes the index's predicate true needs no key of it, but for a hash index, which
		 * can't be read without one (amoptionalkey). */
		if (best.quality < MATCHING_PARTIAL && index->predicate != NULL && !has_method(index->index, "hash") &&
		    proves_part(m, index->predicate, condition))
			best = (struct matching_hit){MATCHING_PARTIAL, index->index, 0};
	}
	return best;
}

/* The other conditions may prove the other parts. */
static bool proves_part(const struct matching *m, const struct term *predicate, const struct term *condition)
{
	if (predicate->kind != TERM_AND)
		return holds(m, implication_holds(m->dictionary, predicate, &condition, 1));
	for (uint16_t at = 0; at < predicate->count; at++) {
		if (proves_part(m, predicate->items[at], condition))
			return true;
	}
	return false;
}

struct matching_hit matching_arm(const struct matching *m, const struct matching_index *indexes, uint16_t count,
                                 const struct term *arm)
{
	bool proven = true;
	for (uint16_t at = 0; at < count && proven; at++)
		proven = indexes[at].predicate == NULL || indexes[at].holds == TERM_YES;
	if (proven)
		return matching_condition(m, indexes, count, arm);
	struct matching_index *own = arena_alloc(m->arena, (count + 1u) * sizeof(*own));
	const struct term **conditions = arena_alloc(m->arena, (m->condition_count + 1u) * sizeof(*conditions));
	struct matching inner = *m;
	memcpy(conditions, m->conditions, m->condition_count * sizeof(*conditions));
	conditions[inner.condition_count++] = arm;
	inner.conditions = conditions;
	memcpy(own, indexes, count * sizeof(*own));
	for (uint16_t at = 0; at < count; at++) {
		if (own[at].predicate != NULL && own[at].holds != TERM_YES)
			own[at].holds = implication_holds(m->dictionary, own[at].predicate, conditions,
			                                  inner.condition_count);
	}
	return matching_condition(&inner, own, count, arm);
}

/* generate_bitmap_or_paths: an index for each arm. */
static struct matching_hit match_either(const struct matching *m, const struct matching_index *indexes, uint16_t count,
                                        const struct term *either)
{
	struct matching_hit worst = {.quality = MATCHING_GOOD};
	for (uint16_t arm = 0; arm < either->count; arm++) {
		/* A sub-select in an arm is no join. */
		const struct term *part = either->items[arm];
		struct matching_hit hit = {.quality = MATCHING_NONE};
		if (!(part->kind == TERM_OPERATOR && part->variant == CLAUSE_SUBLINK))
			hit = matching_arm(m, indexes, count, part);
		if (hit.quality < worst.quality || arm == 0)
			worst = hit;
		if (hit.quality == MATCHING_NONE)
			return hit;
	}
	return worst;
}

/* A B-tree is entered by its first key, or by the first ones that are all compared for equality; the others only take
 * from what is read. */
static bool reachable(const struct matching *m, const struct matching_index *index, uint16_t key)
{
	if (key == 0 || has_method(index->index, "gin") || has_method(index->index, "gist"))
		return true;
	for (uint16_t k = 0; k < key; k++) {
		bool equal = false;
		for (uint16_t at = 0; at < m->condition_count && !equal; at++) {
			const struct term *condition = m->conditions[at];
			if (matching_key(m, index, k, condition) == MATCHING_NONE)
				continue;
			const struct dictionary_operator *operator= dictionary_operator(m->dictionary, condition->oid);
			equal = condition->kind == TERM_COLUMN || condition->kind == TERM_NOT ||
			        (condition->kind == TERM_NULL_TEST && !condition->flag) ||
			        condition->kind == TERM_BOOLEAN_TEST ||
			        ((condition->kind == TERM_OPERATOR || condition->kind == TERM_ARRAY_OPERATOR) &&
			         operator!= NULL && strcmp(operator->name, "=") == 0);
		}
		if (!equal)
			return false;
	}
	return true;
}

/* -- one key ----------------------------------------------------------------------------------------- */

/* match_clause_to_indexcol. */
enum matching_quality matching_key(const struct matching *m, const struct matching_index *index, uint16_t key,
                                   const struct term *term)
{
	enum matching_quality quality = MATCHING_NONE;
	const struct catalog_index_key *own = &index->index->keys[key];
	if (index->keys[key] == NULL || !term_mentions(term, m->number))
		return MATCHING_NONE;
	if (own->family == FAMILY_BOOL_BTREE || own->family == FAMILY_BOOL_HASH)
		quality = match_boolean(index, key, term);
	if (quality != MATCHING_NONE)
		return quality;
	switch (term->kind) {
	case TERM_OPERATOR:
		quality = match_operator(m, index, key, term);
		break;
	case TERM_ARRAY_OPERATOR:
		/* Only ANY, and the array must be there before the scan. */
		if (!term->flag && match_operand(index, key, term->items[0]) &&
		    !term_mentions(term->items[1], m->number) && !term->items[1]->is_volatile &&
		    (own->collation_oid == 0 || own->collation_oid == term->input_collation) &&
		    dictionary_searches(m->dictionary, own->family, term->oid))
			quality = MATCHING_GOOD;
		break;
	case TERM_ROW_COMPARE: {
		/* match_rowcompare_to_indexcol: by the first pair alone. */
		const struct term *left = term->items[0], *right = term->items[term->count / 2];
		uint32_t operator= term->oid;
		if (!match_operand(index, key, left)) {
			const struct dictionary_operator *known = dictionary_operator(m->dictionary, operator);
			left = right;
			right = term->items[0];
			operator= known != NULL ? known->commutator : 0;
		}
		if (has_method(index->index, "btree") && match_operand(index, key, left) &&
		    !term_mentions(right, m->number) && !right->is_volatile &&
		    (own->collation_oid == 0 || own->collation_oid == term->input_collation) &&
		    dictionary_searches(m->dictionary, own->family, operator))
			quality = MATCHING_GOOD;
		break;
	}
	case TERM_NULL_TEST:
		if ((has_method(index->index, "btree") || has_method(index->index, "gist") ||
		     has_method(index->index, "spgist") || has_method(index->index, "brin")) &&
		    match_operand(index, key, term->items[0]))
			quality = MATCHING_GOOD;
		break;
	case TERM_CALL: {
		const struct dictionary_function *function = dictionary_function(m->dictionary, term->oid);
		if (function != NULL && function->builtin && strcmp(function->name, "starts_with") == 0 &&
		    term->count == 2 && match_operand(index, key, term->items[0]) &&
		    term->items[1]->kind == TERM_CONSTANT)
			quality = match_pattern(m, index, key, term);
		break;
	}
	default:
		break;
	}
	if (quality == MATCHING_GOOD && has_method(index->index, "brin"))
		quality = MATCHING_LOSSY;
	return quality;
}

static bool match_operand(const struct matching_index *index, uint16_t key, const struct term *operand)
{
	return term_equal(index->keys[key], term_strip(operand)) >= (index->generous ? TERM_MAYBE : TERM_YES);
}

/* match_boolean_index_clause. */
static enum matching_quality match_boolean(const struct matching_index *index, uint16_t key, const struct term *term)
{
	if (match_operand(index, key, term))
		return MATCHING_GOOD;
	if (term->kind == TERM_NOT && match_operand(index, key, term->items[0]))
		return MATCHING_GOOD;
	if (term->kind == TERM_BOOLEAN_TEST && (term->variant == TEST_TRUE || term->variant == TEST_FALSE) &&
	    match_operand(index, key, term->items[0]))
		return MATCHING_GOOD;
	return MATCHING_NONE;
}

/* A pattern that the trigram index can't be entered by: it is read from one end to the other. */
static bool lacks_trigram(const struct matching *m, const struct catalog_index_key *key, const struct term *term)
{
	if (term->pattern == NULL || key->opclass == NULL || strstr(key->opclass, "_trgm_ops") == NULL)
		return false;
	struct pattern_shape shape;
	return pattern_shape_of(term->pattern, m->bound, &shape) && !shape.has_trigram;
}

/* match_opclause_to_indexcol. */
static enum matching_quality match_operator(const struct matching *m, const struct matching_index *index, uint16_t key,
                                            const struct term *term)
{
	const struct catalog_index_key *own = &index->index->keys[key];
	const bool collates = own->collation_oid == 0 || own->collation_oid == term->input_collation;
	if (term->count != 2)
		return MATCHING_NONE;
	const struct term *left = term->items[0], *right = term->items[1];
	const struct dictionary_collation *by = dictionary_collation(m->dictionary, term->input_collation);
	/* There a pattern is an error; LIKE is none from PostgreSQL 18 on, and no index serves it. Without a wildcard it
	 * is not found out. */
	struct pattern_shape shape;
	if (term->pattern != NULL && by != NULL && by->nondeterministic &&
	    (term->pattern->reading != READING_LIKE || !pattern_shape_of(term->pattern, m->bound, &shape) ||
	     shape.has_wildcard))
		return MATCHING_NONE;
	if (match_operand(index, key, left) && !term_mentions(right, m->number) && !right->is_volatile) {
		if (collates && dictionary_searches(m->dictionary, own->family, term->oid))
			return lacks_trigram(m, own, term) ? MATCHING_WHOLE : MATCHING_GOOD;
		enum matching_quality quality = match_pattern(m, index, key, term);
		return quality != MATCHING_NONE ? quality : match_network(m, index, key, term, false);
	}
	if (match_operand(index, key, right) && !term_mentions(left, m->number) && !left->is_volatile) {
		const struct dictionary_operator *operator= dictionary_operator(m->dictionary, term->oid);
		if (collates && operator!= NULL && operator->commutator != 0 &&
		                dictionary_searches(m->dictionary, own->family, operator->commutator))
			return MATCHING_GOOD;
		return match_network(m, index, key, term, true);
	}
	return MATCHING_NONE;
}

/* -- prefixes ---------------------------------------------------------------------------------------- */

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
}

/* What is fixed at the beginning: of a pattern without case, only what has no case. */
static enum prefix_kind prefix_of(const struct matching *m, const struct term *term, const char *name)
{
	const struct clause_pattern *pattern = term->pattern;
	const bool folds = name[strlen(name) - 1] == '*', regex = name[0] == '~' && name[1] != '~';
	const char *text = term->items[1]->text;
	if (pattern == NULL || (pattern->operand != OPERAND_LITERAL && pattern->operand != OPERAND_PARAMETER))
		return PREFIX_NONE;
	/* Only what is a constant before the scan begins: no concat(), which depends on settings. */
	if (pattern->operand == OPERAND_LITERAL && term->items[1]->kind != TERM_CONSTANT)
		return PREFIX_NONE;
	if (pattern->operand == OPERAND_PARAMETER && m->generic)
		return PREFIX_NONE;
	if (text != NULL && pattern->reading == READING_REGEX)
		return prefix_of_regex(text, strlen(text), folds);
	if (text != NULL && pattern->reading == READING_LIKE && text[0] == '\0')
		return PREFIX_EXACT;
	struct pattern_shape shape;
	if (text != NULL && pattern->reading == READING_LIKE)
		shape = shape_like(text, strlen(text));
	else if (!pattern_shape_of(pattern, m->bound, &shape))
		return PREFIX_NONE;
	if (folds) {
		if (text == NULL || !shape.has_prefix || is_letter(text[0]) || text[0] == '\\')
			return PREFIX_NONE;
		bool letters = false;
		for (const char *c = text; *c != '\0'; c++)
			letters = letters || is_letter(*c);
		return !letters && !shape.has_wildcard ? PREFIX_EXACT : PREFIX_SOME;
	}
	if (!shape.has_wildcard && (!regex || shape.has_prefix || pattern->reading == READING_SIMILAR))
		return PREFIX_EXACT;
	return shape.has_prefix ? PREFIX_SOME : PREFIX_NONE;
}

static bool searches(const struct matching *m, uint32_t family, const char *name, uint32_t type)
{
	const struct dictionary_operator *operator= overload_operator(m->dictionary, name, type, type);
	return operator!= NULL && dictionary_searches(m->dictionary, family, operator->oid);
}

/* match_pattern_prefix (like_support.c). */
static enum matching_quality match_pattern(const struct matching *m, const struct matching_index *index, uint16_t key,
                                           const struct term *term)
{
	const struct catalog_index_key *own = &index->index->keys[key];
	enum prefix_kind prefix;
	if (term->kind == TERM_CALL) {
		prefix = term->items[1]->null ? PREFIX_NONE : PREFIX_SOME;
	} else {
		const struct dictionary_operator *operator= dictionary_operator(m->dictionary, term->oid);
		if (operator== NULL || !operator->builtin)
			return MATCHING_NONE;
		if (strcmp(operator->name, "^@") == 0)
			prefix = term->items[1]->kind == TERM_CONSTANT ? PREFIX_SOME : PREFIX_NONE;
		else if (strcmp(operator->name, "~~") == 0 || strcmp(operator->name, "~~*") == 0 ||
		         strcmp(operator->name, "~") == 0 || strcmp(operator->name, "~*") == 0)
			prefix = prefix_of(m, term, operator->name);
		else
			return MATCHING_NONE;
	}
	const struct dictionary_collation *by = dictionary_collation(m->dictionary, term->input_collation);
	if (prefix == PREFIX_NONE || (by != NULL && by->nondeterministic))
		return MATCHING_NONE;
	uint32_t type = dictionary_base(m->dictionary, term->items[0]->type);
	bool collation_aware = true;
	const char *equal = "=", *less = "<";
	switch (type) {
	case TYPE_TEXT:
		if (own->family == FAMILY_TEXT_PATTERN || own->family == FAMILY_TEXT_SPGIST) {
			collation_aware = false;
			less = "~<~";
		}
		break;
	case TYPE_NAME:
		break;
	case TYPE_BPCHAR:
		if (own->family == FAMILY_BPCHAR_PATTERN) {
			collation_aware = false;
			less = "~<~";
		}
		break;
	case TYPE_BYTEA:
		collation_aware = false;
		break;
	default:
		return MATCHING_NONE;
	}
	/* A name is compared with a text; no family but its own has both. */
	if (type == TYPE_NAME) {
		const struct dictionary_operator *mixed =
		    overload_operator(m->dictionary, prefix == PREFIX_EXACT ? "=" : "<", TYPE_NAME, TYPE_TEXT);
		const struct dictionary_collation *sorts = dictionary_collation(m->dictionary, own->collation_oid);
		if (mixed == NULL || !dictionary_searches(m->dictionary, own->family, mixed->oid))
			return MATCHING_NONE;
		return prefix == PREFIX_EXACT || (sorts != NULL && sorts->is_c) ? MATCHING_GOOD : MATCHING_NONE;
	}
	if (prefix == PREFIX_EXACT)
		return searches(m, own->family, equal, type) ? MATCHING_GOOD : MATCHING_NONE;
	if (collation_aware) {
		const struct dictionary_collation *sorts = dictionary_collation(m->dictionary, own->collation_oid);
		if (sorts == NULL || !sorts->is_c)
			return MATCHING_NONE;
	}
	return searches(m, own->family, less, type) ? MATCHING_GOOD : MATCHING_NONE;
}

/* match_network_function (network.c): a B-tree of addresses knows a subnet for a range, if the subnet is a constant. */
static enum matching_quality match_network(const struct matching *m, const struct matching_index *index, uint16_t key,
                                           const struct term *term, bool turned)
{
	const struct dictionary_operator *operator= dictionary_operator(m->dictionary, term->oid);
	if (index->index->keys[key].family != FAMILY_NETWORK_BTREE ||
	    operator== NULL || !operator->builtin || operator->left != TYPE_INET || term->items[turned ? 0 : 1]->kind !=
	    TERM_CONSTANT)
		return MATCHING_NONE;
	bool sub = strcmp(operator->name, "<<") == 0 || strcmp(operator->name, "<<=") == 0;
	bool super = strcmp(operator->name, ">>") == 0 || strcmp(operator->name, ">>=") == 0;
	return (turned ? super : sub) ? MATCHING_GOOD : MATCHING_NONE;
}

/* -- order ------------------------------------------------------------------------------------------- */

/* The conditions leave one value of it, so that it sorts nothing. */
static bool is_constant(const struct matching *m, const struct term *term, uint32_t family, uint32_t collation)
{
	for (uint16_t at = 0; at < m->condition_count; at++) {
		const struct term *condition = m->conditions[at];
		if (family == FAMILY_BOOL_BTREE) {
			bool test = condition->kind == TERM_BOOLEAN_TEST &&
			            (condition->variant == TEST_TRUE || condition->variant == TEST_FALSE);
			const struct term *flag = condition->kind == TERM_NOT || test ? condition->items[0] : condition;
			if (term_equal(term_strip(flag), term) == TERM_YES)
				return true;
		}
		if (condition->kind != TERM_OPERATOR || condition->count != 2 || condition->variant == CLAUSE_SUBLINK)
			continue;
		const struct dictionary_operator *operator= dictionary_operator(m->dictionary, condition->oid);
		uint32_t count;
		const struct dictionary_member *members = dictionary_members_of(m->dictionary, condition->oid, &count);
		bool equality = false;
		for (uint32_t i = 0; i < count; i++)
			equality =
			    equality || (members[i].btree && members[i].strategy == 3 && members[i].family == family);
		if (operator== NULL || !equality ||(collation != 0 && condition->input_collation != collation))
			continue;
		for (int side = 0; side < 2; side++) {
			if (!condition->items[1 - side]->has_column && !condition->items[1 - side]->is_volatile &&
			    term_equal(term_strip(condition->items[side]), term) == TERM_YES)
				return true;
		}
	}
	return false;
}

/* The operator family that a type is sorted by. */
static uint32_t sort_family(const struct matching *m, const struct term *term)
{
	const struct dictionary_class *class = dictionary_class_default(m->dictionary, "btree", term->type);
	return class != NULL ? class->family : 0;
}

static bool is_redundant(const struct matching *m, const struct matching_sort *sorts, uint16_t at)
{
	const struct term *wanted = term_strip(sorts[at].term);
	bool redundant = !sorts[at].term->has_column ||
	                 is_constant(m, wanted, sort_family(m, sorts[at].term), sorts[at].term->collation);
	for (uint16_t before = 0; before < at && !redundant; before++)
		redundant = term_equal(term_strip(sorts[before].term), wanted) == TERM_YES;
	return redundant;
}

bool matching_sorted_already(const struct matching *m, const struct matching_sort *sorts, uint16_t sort_count)
{
	for (uint16_t at = 0; at < sort_count; at++) {
		if (!is_redundant(m, sorts, at))
			return false;
	}
	return true;
}

static bool gives_order(const struct matching *m, const struct matching_index *index, const struct matching_sort *sorts,
                        uint16_t sort_count, bool backwards)
{
	uint16_t at = 0;
	for (uint16_t k = 0; at < sort_count;) {
		const struct matching_sort *sort = &sorts[at];
		const struct term *wanted = term_strip(sort->term);
		uint32_t family = sort_family(m, sort->term);
		if (is_redundant(m, sorts, at)) {
			at++;
			continue;
		}
		if (k == index->index->key_count || index->keys[k] == NULL)
			return false;
		const struct catalog_index_key *key = &index->index->keys[k];
		if (term_equal(index->keys[k], wanted) == TERM_YES && key->family == family &&
		    key->collation_oid == sort->term->collation && (key->descending != backwards) == sort->descending &&
		    (key->nulls_first != backwards) == sort->nulls_first) {
			at++;
			k++;
			continue;
		}
		if (!is_constant(m, index->keys[k], key->family, key->collation_oid))
			return false;
		k++;
	}
	return true;
}

/* match_pathkeys_to_index: an order by distance. */
static bool gives_distance(const struct matching *m, const struct matching_index *index,
                           const struct matching_sort *sorts, uint16_t sort_count)
{
	for (uint16_t at = 0; at < sort_count; at++) {
		const struct term *term = sorts[at].term;
		if (term->kind != TERM_OPERATOR || term->count != 2 || sorts[at].descending || sorts[at].nulls_first)
			return false;
		bool found = false;
		for (uint16_t k = 0; k < index->index->key_count && !found; k++) {
			const struct dictionary_operator *operator= dictionary_operator(m->dictionary, term->oid);
			for (int turned = 0; turned < 2 && !found && index->keys[k] != NULL && operator!= NULL;
			     turned++) {
				uint32_t count;
				uint32_t oid = turned ? operator->commutator : term->oid;
				const struct dictionary_member *members =
				    dictionary_members_of(m->dictionary, oid, &count);
				if (!match_operand(index, k, term->items[turned]) ||
				    term_mentions(term->items[1 - turned], m->number))
					continue;
				for (uint32_t i = 0; i < count; i++)
					found = found || (members[i].purpose == 'o' &&
					                  members[i].family == index->index->keys[k].family);
			}
		}
		if (!found)
			return false;
	}
	return true;
}

struct matching_hit matching_order(const struct matching *m, const struct matching_index *indexes, uint16_t count,
                                   const struct matching_sort *sorts, uint16_t sort_count)
{
	for (uint16_t at = 0; at < count && sort_count > 0; at++) {
		const struct matching_index *index = &indexes[at];
		if (!holds(m, index->holds))
			continue;
		bool given = false;
		if (has_method(index->index, "btree"))
			given = gives_order(m, index, sorts, sort_count, false) ||
			        gives_order(m, index, sorts, sort_count, true);
		else if (has_method(index->index, "gist") || has_method(index->index, "spgist"))
			given = gives_distance(m, index, sorts, sort_count);
		if (given)
			return (struct matching_hit){MATCHING_GOOD, index->index, 0};
	}
	return (struct matching_hit){.quality = MATCHING_NONE};
}

static bool has_method(const struct catalog_index *index, const char *method)
{
	return index->method != NULL && strcmp(index->method, method) == 0;
}

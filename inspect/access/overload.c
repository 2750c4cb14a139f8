#include "inspect/access/overload.h"

#include "inspect/access/coercion.h"

#include <string.h>

enum { CANDIDATES_MAX = 256, ARGUMENTS_MAX = 16 };

struct candidate {
	const void *what;
	uint32_t types[ARGUMENTS_MAX];
};

struct candidates {
	struct candidate *list;
	uint16_t count;
	uint16_t arguments;
};

static void keep_coercible(const struct dictionary *dictionary, struct candidates *all, const uint32_t *types);
static const struct candidate *select_candidate(const struct dictionary *dictionary, struct candidates *all,
                                                const uint32_t *given);

const struct dictionary_operator *overload_operator(const struct dictionary *dictionary, const char *name,
                                                    uint32_t left, uint32_t right)
{
	uint32_t count;
	const struct dictionary_operator *const *named = dictionary_operators_named(dictionary, name, &count);
	const struct dictionary_operator *exact = NULL;
	const bool prefix = left == TYPE_NONE;
	uint32_t pairs[2][2] = {{left, right}, {left, right}};
	/* binary_oper_exact: a literal without a type is taken for what the other side is, and a domain for its base.
	 */
	if (!prefix) {
		uint32_t one = left == TYPE_UNKNOWN ? right : left, other = right == TYPE_UNKNOWN ? left : right;
		pairs[0][0] = one;
		pairs[0][1] = other;
		pairs[1][0] = dictionary_base(dictionary, one);
		pairs[1][1] = dictionary_base(dictionary, other);
	}
	for (int try = 0; try < 2 && exact == NULL; try++) {
		for (uint32_t at = 0; at < count; at++) {
			if (named[at]->left == pairs[try][0] && named[at]->right == pairs[try][1] &&
			    (exact == NULL || named[at]->builtin))
				exact = named[at];
		}
	}
	if (exact != NULL)
		return exact;

	struct candidate list[CANDIDATES_MAX];
	struct candidates all = {.list = list, .arguments = prefix ? 1 : 2};
	uint32_t given[] = {prefix ? right : left, right};
	for (uint32_t at = 0; at < count && all.count < CANDIDATES_MAX; at++) {
		if ((named[at]->left == TYPE_NONE) != prefix)
			continue;
		list[all.count++] = (struct candidate){
		    .what = named[at],
		    .types = {prefix ? named[at]->right : named[at]->left, named[at]->right},
		};
	}
	keep_coercible(dictionary, &all, given);
	const struct candidate *selected = select_candidate(dictionary, &all, given);
	return selected != NULL ? selected->what : NULL;
}

uint32_t overload_argument(const struct dictionary_function *function, uint16_t at, uint16_t count)
{
	if (function->variadic != 0 && at + 1 >= function->argument_count && count >= function->argument_count)
		return function->variadic;
	return at < function->argument_count ? function->arguments[at] : TYPE_NONE;
}

const struct dictionary_function *overload_function(const struct dictionary *dictionary, const char *name,
                                                    const uint32_t *types, uint16_t count)
{
	uint32_t named_count;
	const struct dictionary_function *const *named = dictionary_functions_named(dictionary, name, &named_count);
	struct candidate list[CANDIDATES_MAX];
	struct candidates all = {.list = list, .arguments = count};
	if (count > ARGUMENTS_MAX)
		return NULL;
	for (uint32_t at = 0; at < named_count && all.count < CANDIDATES_MAX; at++) {
		const struct dictionary_function *function = named[at];
		bool fits =
		    count <= function->argument_count && count + function->default_count >= function->argument_count;
		bool repeats = function->variadic != 0 && count >= function->argument_count;
		if (!fits && !repeats)
			continue;
		struct candidate *candidate = &list[all.count++];
		*candidate = (struct candidate){.what = function};
		bool exact = true;
		for (uint16_t i = 0; i < count; i++) {
			candidate->types[i] = overload_argument(function, i, count);
			exact = exact && candidate->types[i] == types[i];
		}
		if (exact)
			return function;
	}
	keep_coercible(dictionary, &all, types);
	const struct candidate *selected = select_candidate(dictionary, &all, types);
	return selected != NULL ? selected->what : NULL;
}

/* func_match_argtypes. */
static void keep_coercible(const struct dictionary *dictionary, struct candidates *all, const uint32_t *types)
{
	uint16_t kept = 0;
	for (uint16_t at = 0; at < all->count; at++) {
		bool fits = true;
		for (uint16_t i = 0; i < all->arguments && fits; i++)
			fits = coercion_possible(dictionary, types[i], all->list[at].types[i], COERCION_IMPLICIT);
		uint32_t declared[ARGUMENTS_MAX], result = TYPE_NONE;
		memcpy(declared, all->list[at].types, sizeof(declared));
		if (fits && coercion_resolve(dictionary, types, declared, all->arguments, &result))
			all->list[kept++] = all->list[at];
	}
	all->count = kept;
}

static bool is_preferred(const struct dictionary *dictionary, char category, uint32_t type)
{
	const struct dictionary_type *known = dictionary_type(dictionary, type);
	return known != NULL && known->preferred && known->category == category;
}

static char category_of(const struct dictionary *dictionary, uint32_t type)
{
	const struct dictionary_type *known = dictionary_type(dictionary, type);
	return known != NULL ? known->category : 'X';
}

/* Keeps those that score highest. */
static void keep_best(struct candidates *all, const uint16_t *scores)
{
	uint16_t best = 0, kept = 0;
	for (uint16_t at = 0; at < all->count; at++)
		best = scores[at] > best ? scores[at] : best;
	for (uint16_t at = 0; at < all->count; at++) {
		if (scores[at] == best)
			all->list[kept++] = all->list[at];
	}
	all->count = kept;
}

/* func_select_candidate, step by step. */
static const struct candidate *select_candidate(const struct dictionary *dictionary, struct candidates *all,
                                                const uint32_t *given)
{
	uint16_t scores[CANDIDATES_MAX], unknowns = 0;
	uint32_t base[ARGUMENTS_MAX];
	if (all->count <= 1)
		return all->count == 1 ? &all->list[0] : NULL;
	for (uint16_t i = 0; i < all->arguments; i++) {
		base[i] = given[i] == TYPE_UNKNOWN || given[i] == TYPE_NONE ? TYPE_UNKNOWN
		                                                            : dictionary_base(dictionary, given[i]);
		unknowns += base[i] == TYPE_UNKNOWN;
	}
	for (int preferred = 0; preferred < 2; preferred++) {
		for (uint16_t at = 0; at < all->count; at++) {
			scores[at] = 0;
			for (uint16_t i = 0; i < all->arguments; i++) {
				if (base[i] == TYPE_UNKNOWN)
					continue;
				bool counts = all->list[at].types[i] == base[i];
				if (preferred)
					counts = counts || is_preferred(dictionary, category_of(dictionary, base[i]),
					                                all->list[at].types[i]);
				scores[at] += counts;
			}
		}
		keep_best(all, scores);
		if (all->count == 1)
			return &all->list[0];
	}
	if (unknowns == 0)
		return NULL;

	bool resolved = true;
	char categories[ARGUMENTS_MAX];
	bool has_preferred[ARGUMENTS_MAX] = {0};
	for (uint16_t i = 0; i < all->arguments && resolved; i++) {
		if (base[i] != TYPE_UNKNOWN)
			continue;
		categories[i] = category_of(dictionary, all->list[0].types[i]);
		bool conflict = false;
		for (uint16_t at = 0; at < all->count; at++) {
			char category = category_of(dictionary, all->list[at].types[i]);
			if (category == 'S') {
				categories[i] = 'S';
				conflict = false;
				break;
			}
			conflict = conflict || category != categories[i];
		}
		for (uint16_t at = 0; at < all->count; at++)
			has_preferred[i] =
			    has_preferred[i] || is_preferred(dictionary, categories[i], all->list[at].types[i]);
		resolved = !conflict;
	}
	if (resolved) {
		uint16_t kept = 0;
		struct candidate *strict = all->list;
		bool keeps[CANDIDATES_MAX];
		for (uint16_t at = 0; at < all->count; at++) {
			keeps[at] = true;
			for (uint16_t i = 0; i < all->arguments; i++) {
				if (base[i] != TYPE_UNKNOWN)
					continue;
				uint32_t type = strict[at].types[i];
				if (category_of(dictionary, type) != categories[i] ||
				    (has_preferred[i] && !is_preferred(dictionary, categories[i], type)))
					keeps[at] = false;
			}
			kept += keeps[at];
		}
		if (kept > 0) {
			kept = 0;
			for (uint16_t at = 0; at < all->count; at++) {
				if (keeps[at])
					strict[kept++] = strict[at];
			}
			all->count = kept;
		}
		if (all->count == 1)
			return &all->list[0];
	}

	/* All known ones of one type: the unknown ones may be of it, too. */
	uint32_t known = TYPE_UNKNOWN;
	for (uint16_t i = 0; i < all->arguments; i++) {
		if (base[i] == TYPE_UNKNOWN)
			continue;
		if (known != TYPE_UNKNOWN && known != base[i])
			return NULL;
		known = base[i];
	}
	if (known == TYPE_UNKNOWN)
		return NULL;
	const struct candidate *only = NULL;
	for (uint16_t at = 0; at < all->count; at++) {
		bool fits = true;
		uint32_t all_known[ARGUMENTS_MAX], declared[ARGUMENTS_MAX], result = TYPE_NONE;
		for (uint16_t i = 0; i < all->arguments && fits; i++) {
			all_known[i] = known;
			declared[i] = all->list[at].types[i];
			fits = coercion_possible(dictionary, known, declared[i], COERCION_IMPLICIT);
		}
		fits = fits && coercion_resolve(dictionary, all_known, declared, all->arguments, &result);
		if (fits && only != NULL)
			return NULL;
		if (fits)
			only = &all->list[at];
	}
	return only;
}

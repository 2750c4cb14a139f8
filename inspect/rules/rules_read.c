#include "inspect/rules/rules_read.h"

#include "inspect/rules/lookup.h"
#include "inspect/rules/remedy.h"
#include "inspect/access/selectivity.h"
#include "inspect/text/identifier.h"

#include <string.h>

typedef void describe_fn(const struct context *input, const struct lookup *lookup, struct arena *arena,
                         struct finding *finding);

static void leading_wildcard(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void short_pattern(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void expression_mismatch(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void prefix(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void iexact(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void regex(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void report(const struct rule *rule, const struct context *input, struct verdict *verdict,
                   enum lookup_complaint complaint, describe_fn *describe);
static void describe_unserved(const struct context *input, const struct lookup *lookup, struct arena *arena,
                              struct finding *finding);
static void describe_mismatch(const struct context *input, const struct lookup *lookup, struct arena *arena,
                              struct finding *finding);
static void describe_short(const struct context *input, const struct lookup *lookup, struct arena *arena,
                           struct finding *finding);

static const struct rule rows[] = {
    {
        .slug = "leading-wildcard-unindexed",
        .code = "Q101",
        .title = "a pattern with a leading wildcard, and no trigram index on that expression",
        .severity = SEVERITY_ERROR,
        .severity_medium = SEVERITY_WARN,
        .on_medium = true,
        .scope = RULE_READS,
        .check = leading_wildcard,
        .wants = search_wants_patterns,
        .why = "A btree finds a text by its beginning. With a wildcard in front there is none, so every "
               "row of the table is read and compared, for each call; the time grows with the table.\n"
               "Django's icontains asks for UPPER(\"name\"::text). An index on the bare column does not "
               "serve that.",
        .example = "SELECT … FROM shop_product WHERE UPPER(name::text) LIKE UPPER('%lamp%');",
        .safe = "CREATE EXTENSION IF NOT EXISTS pg_trgm;\n"
                "CREATE INDEX CONCURRENTLY shop_product_name_upper_trgm ON shop_product USING gin "
                "(upper(name) gin_trgm_ops);\n"
                "\n"
                "# Django, in a migration with atomic = False:\n"
                "AddIndexConcurrently(\"product\", GinIndex(OpClass(Upper(\"name\"), "
                "name=\"gin_trgm_ops\"), name=\"shop_product_name_upper_trgm\"))",
        .decides = "It takes LIKE and ILIKE in WHERE, JOIN and HAVING whose pattern begins with an "
                   "unescaped % or _, and looks for a valid gin_trgm_ops or gist_trgm_ops index on exactly "
                   "the expression on the left. A pattern that comes as a parameter is judged when it is "
                   "bound. Silent where the other conditions of the statement leave few rows by an index, "
                   "where a join does, on small tables, on tables made in the same transaction, and where "
                   "an index serves the same expression, operator and collation. A negated pattern can have "
                   "no index: it is reported one severity lower. Where another arm of its OR asks another table, as the "
                   "admin's search_fields over a relation do, no index is proposed: PostgreSQL would take none."
,
    },
    {
        .slug = "pattern-too-short-for-trigram",
        .code = "Q102",
        .title = "a pattern too short for the trigram index that is there",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = short_pattern,
        .wants = search_wants_patterns,
        .why = "A trigram index finds what has three characters in a row. From '%ab%' no trigram can be "
               "had: the server reads the whole index and then checks every row, which can take longer "
               "than reading the table.",
        .example = "SELECT … FROM shop_product WHERE UPPER(name::text) LIKE UPPER('%ab%');   -- with gin "
                   "(upper(name) gin_trgm_ops)",
        .safe = "SELECT … FROM shop_product WHERE UPPER(name::text) LIKE UPPER('ab%');      -- the edge "
                "of a word counts\n"
                "\n"
                "# Django:\n"
                "qs = qs.filter(name__icontains=q) if len(q) >= 3 else qs.filter(name__istartswith=q)",
        .decides = "Only where a trigram index on that expression is there. The pattern is cut as pg_trgm "
                   "cuts it: runs of letters and digits between wildcards, with an edge of a word counted "
                   "where the pattern shows one. For a regular expression it speaks only where surely no "
                   "trigram can be had. A pattern that comes as a parameter is judged when it is bound. "
                   "Silent where the other conditions of the statement leave few rows by an index, where a "
                   "join does, on small tables, on tables made in the same transaction, and where an index "
                   "serves the same expression, operator and collation.",
    },
    {
        .slug = "index-expression-mismatch",
        .code = "Q103",
        .title = "an index on the same column, but on another expression than the query's",
        .severity = SEVERITY_ERROR,
        .scope = RULE_READS,
        .check = expression_mismatch,
        .wants = search_wants_patterns,
        .why = "An index serves the expression that it was built on and no other. The table has one on "
               "the same column, somebody pays for it with every write, and yet every call reads the "
               "whole table.",
        .example = "SELECT … FROM shop_product WHERE UPPER(name::text) LIKE UPPER('%lamp%');   -- with gin "
                   "(name gin_trgm_ops)",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_name_upper_trgm ON shop_product USING gin "
                "(upper(name) gin_trgm_ops);\n"
                "-- and drop the one that serves nothing\n"
                "\n"
                "# Django: icontains, istartswith and iexact want Upper(…), contains, startswith and "
                "iregex the bare field\n"
                "GinIndex(OpClass(Upper(\"name\"), name=\"gin_trgm_ops\"), "
                "name=\"shop_product_name_upper_trgm\")",
        .decides = "It compares the statement's expression with the expressions of the indexes on the same "
                   "column, after dropping casts between text types, quotes and qualifiers. A pattern that "
                   "comes as a parameter is judged when it is bound. Silent where the other conditions of "
                   "the statement leave few rows by an index, where a join does, on small tables, on tables "
                   "made in the same transaction, and where an index serves the same expression, operator "
                   "and collation.",
    },
    {
        .slug = "prefix-like-needs-pattern-ops",
        .code = "Q104",
        .title = "a prefix match, and no index with a pattern operator class",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = prefix,
        .wants = search_wants_patterns,
        .why = "In a database whose collation is not C a plain btree sorts by the rules of a language, "
               "where the texts that begin with 'lam' do not stand together. It serves equality and "
               "order, but no prefix.",
        .example = "SELECT … FROM shop_product WHERE sku LIKE 'A-1%';   -- with btree (sku)",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_sku_like ON shop_product (sku "
                "varchar_pattern_ops);\n"
                "\n"
                "# Django: db_index=True and unique=True build it by themselves; for istartswith\n"
                "Index(OpClass(Upper(\"name\"), name=\"text_pattern_ops\"), "
                "name=\"shop_product_name_upper_like\")",
        .decides = "LIKE, or a regular expression anchored by ^, that begins with at least one literal "
                   "character. A btree with a pattern operator class serves it, one in collation C does, a "
                   "trigram index does. A pattern that comes as a parameter is judged when it is bound. "
                   "Silent where the other conditions of the statement leave few rows by an index, where a "
                   "join does, on small tables, on tables made in the same transaction, and where an index "
                   "serves the same expression, operator and collation.",
    },
    {
        .slug = "iexact-unindexed",
        .code = "Q105",
        .title = "a case-insensitive comparison by UPPER() or LOWER(), and no index on that expression",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = iexact,
        .wants = search_wants_patterns,
        .why = "UPPER(email) = … can use an index on UPPER(email) only. The one on email, unique or "
               "not, is of no use to it, so each log-in reads all users.",
        .example = "SELECT … FROM auth_user WHERE UPPER(email::text) = UPPER('ann@example.com');",
        .safe = "CREATE UNIQUE INDEX CONCURRENTLY auth_user_email_upper ON auth_user (upper(email));\n"
                "\n"
                "# Django:\n"
                "UniqueConstraint(Upper(\"email\"), name=\"auth_user_email_upper\")",
        .decides = "Equality and IN whose left side is upper() or lower() of one column. A pattern that "
                   "comes as a parameter is judged when it is bound. Silent where the other conditions of "
                   "the statement leave few rows by an index, where a join does, on small tables, on tables "
                   "made in the same transaction, and where an index serves the same expression, operator "
                   "and collation.",
    },
    {
        .slug = "regex-unindexed",
        .code = "Q106",
        .title = "a regular expression, and no trigram index on the column",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = regex,
        .wants = search_wants_patterns,
        .why = "No btree serves a regular expression that is not anchored, so every row is read and "
               "matched; matching costs more than comparing.",
        .example = "SELECT … FROM shop_product WHERE name ~* 'lamp|light';",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_name_trgm ON shop_product USING gin (name "
                "gin_trgm_ops);\n"
                "\n"
                "# Django:\n"
                "GinIndex(fields=[\"name\"], opclasses=[\"gin_trgm_ops\"], "
                "name=\"shop_product_name_trgm\")",
        .decides = "~, ~* and SIMILAR TO. A trigram index on the bare column serves them; one anchored by ^ "
                   "to a literal is rule Q104's. A pattern that comes as a parameter is judged when it is "
                   "bound. Silent where the other conditions of the statement leave few rows by an index, "
                   "where a join does, on small tables, on tables made in the same transaction, and where "
                   "an index serves the same expression, operator and collation.",
    },
};

const struct rule_group rules_read = {rows, ARRAY_LEN(rows)};

static void leading_wildcard(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, LOOKUP_LEADING, describe_unserved);
}

static void short_pattern(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, LOOKUP_SHORT, describe_short);
}

static void expression_mismatch(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, LOOKUP_MISMATCH, describe_mismatch);
}

static void prefix(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, LOOKUP_PREFIX, describe_unserved);
}

static void iexact(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, LOOKUP_IEXACT, describe_unserved);
}

static void regex(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	report(rule, input, verdict, LOOKUP_REGEX, describe_unserved);
}

static void report(const struct rule *rule, const struct context *input, struct verdict *verdict,
                   enum lookup_complaint complaint, describe_fn *describe)
{
	struct searches *searches = search_all(input);
	const struct access_condition *told = NULL;
	for (uint16_t i = 0; i < searches->count; i++) {
		const struct search *search = &searches->list[i];
		struct lookup lookup = lookup_of(rule, input, search);
		const struct term *strange = search->arm ? search_strange_arm(search->condition, search->relation) : NULL;
		/* The other arms of an OR take nothing away from what this one asks for. */
		if (lookup.complaint != complaint ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, search->relation,
		                           search->condition, SELECTIVITY_UNKNOWN_IS_MUCH))
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = search->known != NULL ? search->known->name : NULL,
		};
		if (strange && told == search->condition)
			continue;
		if (strange)
			lookup_describe_across(input, search->table, strange, &verdict->arena, &finding);
		else
			describe(input, &lookup, &verdict->arena, &finding);
		told = search->condition;
		if (lookup.negated)
			rules_add_lowered(verdict, rule, input, search->table, &finding);
		else
			rules_add(verdict, rule, input, search->table, &finding);
	}
}

/* -- what to say ---------------------------------------------------------------------------------- */

static const char *lookup_name(const struct context *input, const struct lookup *lookup, const struct term *term);
static const struct catalog_index *nearest_index(const struct context *input, const struct lookup *lookup,
                                                 uint16_t *key, bool *same);
static bool would_serve(const struct lookup *lookup, const struct catalog_index *index, uint16_t key);
static const char *why(const struct context *input, const struct lookup *lookup, struct arena *arena);
static void remedy(const struct context *input, const struct lookup *lookup, struct arena *arena,
                   struct finding *finding);

static const char *shown(const struct context *input, const struct term *term)
{
	return spelling_shown(&search_all(input)->spelling, term);
}

static void describe_unserved(const struct context *input, const struct lookup *lookup, struct arena *arena,
                              struct finding *finding)
{
	if (lookup->negated) {
		finding->message = arena_printf(arena,
		                                "each call reads the whole table: no index serves a negated pattern, "
		                                "neither on %s nor on anything else",
		                                shown(input, lookup->search->operand));
		finding->hint = "Restrict the rows by another condition that an index serves.";
		return;
	}
	finding->message = arena_printf(arena, "each call reads the whole table: %s", why(input, lookup, arena));
	bool same;
	uint16_t key;
	const struct catalog_index *near = nearest_index(input, lookup, &key, &same);
	if (same && !(near->valid && near->ready) && would_serve(lookup, near, key)) {
		finding->hint = near->building ? "Wait until it is built." : "Its build has failed: build it again.";
		if (near->building)
			return;
		bool public = strcmp(near->schema, "public") == 0;
		finding->fix_sql = arena_printf(arena, "REINDEX INDEX CONCURRENTLY %s%s%s;",
		                                public ? "" : identifier_quoted(arena, near->schema), public ? "" : ".",
		                                identifier_quoted(arena, near->name));
		return;
	}
	remedy(input, lookup, arena, finding);
}

static void describe_mismatch(const struct context *input, const struct lookup *lookup, struct arena *arena,
                              struct finding *finding)
{
	const char *serves = lookup_name(input, lookup, lookup->key);
	const char *asked = lookup_name(input, lookup, lookup->search->operand);
	const char *but = "";
	if (serves && asked && strcmp(serves, asked) != 0)
		but = arena_printf(arena, " and serves %s, not %s", serves, asked);
	finding->message = arena_printf(arena, "each call reads the whole table: nothing indexes %s; %s is on %s%s",
	                                shown(input, lookup->search->operand), lookup->index->name,
	                                shown(input, lookup->key), but);
	remedy(input, lookup, arena, finding);
}

static void describe_short(const struct context *input, const struct lookup *lookup, struct arena *arena,
                           struct finding *finding)
{
	const struct search *search = lookup->search;
	finding->message =
	    arena_printf(arena,
	                 "each call reads the whole table: %s indexes the trigrams of %s, and the pattern "
	                 "has none: it takes three letters in a row, or fewer next to a word's edge",
	                 lookup->index->name, shown(input, search->operand));
	finding->hint = "Ask for at least three letters, or match the beginning only.";
	if (lookup->reading == READING_LIKE && search->known)
		finding->fix_django =
		    arena_printf(arena, "if len(q) < 3: qs = qs.filter(%s__%sstartswith=q)", remedy_field(arena, search->known->name),
		                 search->operand->kind == TERM_COLUMN && !lookup->folds_case ? "" : "i");
}

/* What Django calls the lookup, were it on that; NULL when it has no name for it. */
static const char *lookup_name(const struct context *input, const struct lookup *lookup, const struct term *term)
{
	const char *cased;
	bool bare = term->kind == TERM_COLUMN;
	bool upper = lookup_is_cased(search_all(input), term, &cased) && strcmp(cased, "upper") == 0 &&
	             term_strip(term->items[0])->kind == TERM_COLUMN;
	if (!bare && !upper)
		return NULL;
	if (lookup->equal)
		return bare ? "exact" : "iexact";
	if (lookup->reading == READING_REGEX && bare)
		return lookup->folds_case ? "iregex" : "regex";
	if (lookup->reading != READING_LIKE || lookup->folds_case)
		return NULL;
	if (lookup->shape.leading_wildcard)
		return bare ? "contains" : "icontains";
	return bare ? "startswith" : "istartswith";
}

/* An index on the same expression (`same`), else one on the same column, else NULL; valid or not. */
static const struct catalog_index *nearest_index(const struct context *input, const struct lookup *lookup,
                                                 uint16_t *key, bool *same)
{
	const struct search *search = lookup->search;
	const struct matching *matching = access_matching(search_all(input)->access, search->relation);
	const struct catalog_index *near = NULL;
	*same = false;
	for (uint16_t i = 0; i < search->table->index_count; i++) {
		const struct catalog_index *index = &search->table->indexes[i];
		for (uint16_t k = 0; k < index->key_count; k++) {
			const struct term *on = matching_key_of(matching, &index->keys[k]);
			if (on != NULL && term_equal(on, search->operand) != TERM_NO) {
				*same = true;
				*key = k;
				return index;
			}
			if (!near && on != NULL && search->column && on->kind == TERM_COLUMN &&
			    on->column == search->column->column) {
				near = index;
				*key = k;
			}
		}
	}
	return near;
}

/* Of an index on the same expression that is not valid: whether it would help if it were. */
static bool would_serve(const struct lookup *lookup, const struct catalog_index *index, uint16_t key)
{
	const char *opclass = index->keys[key].opclass ? index->keys[key].opclass : "";
	switch (lookup->need) {
	case NEED_TRIGRAM:
		return strcmp(opclass, "gin_trgm_ops") == 0 || strcmp(opclass, "gist_trgm_ops") == 0;
	case NEED_PATTERN_OPS:
		return strstr(opclass, "_pattern_ops") != NULL;
	case NEED_UNSERVABLE:
		return false;
	default:
		return strcmp(index->method, "btree") == 0 && !strstr(opclass, "_pattern_ops");
	}
}

/* Names the index that comes nearest, and why it does not serve. */
static const char *why(const struct context *input, const struct lookup *lookup, struct arena *arena)
{
	const struct search *search = lookup->search;
	const char *operand = shown(input, search->operand);
	bool same;
	uint16_t key;
	const struct catalog_index *near = nearest_index(input, lookup, &key, &same);
	if (!near)
		return arena_printf(arena, "nothing indexes %s", operand);
	if (!same)
		return arena_printf(arena, "nothing indexes %s; %s is a %s index on \"%s\"", operand, near->name,
		                    near->method, search->known->name);
	if (!near->valid || !near->ready)
		return arena_printf(arena, "%s on %s is %s", near->name, operand,
		                    near->building ? "still being built" : "not valid: its build has failed");
	if (key > 0 && strcmp(near->method, "btree") == 0)
		return arena_printf(arena,
		                    "in %s, %s stands behind a column that the statement does not compare for "
		                    "equality",
		                    near->name, operand);
	const uint32_t collation = near->keys[key].collation_oid;
	if (collation != 0 && search->term->input_collation != 0 && collation != search->term->input_collation)
		return arena_printf(arena, "%s on %s has another collation than the statement asks for", near->name,
		                    operand);
	if (near->predicate)
		return arena_printf(arena,
		                    "%s on %s holds only a part of the rows, and the statement does not say that "
		                    "it wants no others",
		                    near->name, operand);
	switch (lookup->need) {
	case NEED_PATTERN_OPS:
		return arena_printf(arena,
		                    "%s on %s sorts by the rules of a language, and the beginning of a text is not "
		                    "a range there",
		                    near->name, operand);
	case NEED_TRIGRAM:
		return arena_printf(arena, "%s on %s is a %s index and serves no %s", near->name, operand, near->method,
		                    lookup->shape.leading_wildcard ? "wildcard in front" : "such pattern");
	default:
		return arena_printf(arena, "%s on %s is a %s index and does not serve it", near->name, operand,
		                    near->method);
	}
}

/* -- what to paste -------------------------------------------------------------------------------- */

static void remedy(const struct context *input, const struct lookup *lookup, struct arena *arena,
                   struct finding *finding)
{
	const struct search *search = lookup->search;
	const struct catalog_relation *relation = search->table;
	struct searches *searches = search_all(input);
	const char *key = spelling_key(&searches->spelling, search->operand);
	/* pg_trgm knows texts, and a name is none. */
	if (dictionary_base(searches->access->dictionary, search->operand->type) == TYPE_NAME && !lookup->equal)
		key = NULL;
	if (!key || lookup->need == NEED_UNSERVABLE) {
		finding->hint = lookup->need == NEED_UNSERVABLE
		                    ? "No index serves such a pattern; restrict the rows by another condition."
		                    : "No index can hold that expression; compare a column of a text type instead.";
		return;
	}
	const char *cased = NULL;
	const bool bare = search->operand->kind == TERM_COLUMN;
	const bool is_cased = lookup_is_cased(searches, search->operand, &cased);
	const struct term *argument = is_cased ? term_strip(search->operand->items[0]) : NULL;
	const bool cast = search->operand->kind == TERM_CONVERT || (argument && argument->kind == TERM_CONVERT);
	const char *wrapped = is_cased ? arena_printf(arena, "%s_", cased) : bare || cast ? "" : "expr_";
	const char *kind = lookup->need == NEED_TRIGRAM ? "trgm" : lookup->need == NEED_PATTERN_OPS ? "like" : "idx";
	const uint32_t type = bare ? dictionary_base(searches->access->dictionary, search->operand->type) : TYPE_TEXT;
	const char *pattern_ops = type == TYPE_VARCHAR  ? "varchar_pattern_ops"
	                          : type == TYPE_BPCHAR ? "bpchar_pattern_ops"
	                                                : "text_pattern_ops";
	struct remedy_index index = {
	    .name = remedy_name(arena, relation, search->known ? search->known->name : "expr",
	                        arena_printf(arena, "%s%s", wrapped, kind)),
	    .method = lookup->need == NEED_TRIGRAM ? "gin" : NULL,
	    .expression = key,
	    .opclass = lookup->need == NEED_TRIGRAM       ? "gin_trgm_ops"
	               : lookup->need == NEED_PATTERN_OPS ? pattern_ops
	                                                  : NULL,
	    .trigram = lookup->need == NEED_TRIGRAM,
	};
	finding->fix_sql = remedy_create_index(arena, input->catalog, relation, &index);
	finding->hint = arena_printf(arena, "Build %s on %s, in a migration of its own.%s",
	                             index.trigram                      ? "a trigram index"
	                             : lookup->need == NEED_PATTERN_OPS ? "an index for patterns"
	                                                                : "an index",
	                             shown(input, search->operand),
	                             search->arm && search->condition->term->kind == TERM_OR
	                                 ? " The OR is served when each of its arms is."
	                                 : "");
	if (!bare && (!argument || argument->kind != TERM_COLUMN))
		return; /* Django's RunSQL takes the SQL as it is */

	const char *class = index.trigram ? "GinIndex" : "Index";
	const char *column = remedy_field(arena, search->known->name);
	const char *django;
	if (bare) {
		django = arena_printf(arena, "%s(fields=[\"%s\"], opclasses=[\"%s\"], name=\"%s\")", class, column,
		                      index.opclass, index.name);
	} else {
		const char *function = strcmp(cased, "upper") == 0 ? "Upper" : "Lower";
		django = index.opclass ? arena_printf(arena, "%s(OpClass(%s(\"%s\"), name=\"%s\"), name=\"%s\")", class,
		                                      function, column, index.opclass, index.name)
		                       : arena_printf(arena, "%s(%s(\"%s\"), name=\"%s\")", class, function, column,
		                                      index.name);
	}
	finding->fix_django = remedy_add_index(arena, input->catalog, relation, index.trigram, django);
}

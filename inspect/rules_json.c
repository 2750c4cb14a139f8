#include "inspect/rules_json.h"

#include "inspect/indexes.h"
#include "inspect/lookup.h"
#include "inspect/partial.h"
#include "inspect/remedy.h"

#include <string.h>

enum complaint { COMPLAINT_NONE, COMPLAINT_CONTAINMENT, COMPLAINT_KEY, COMPLAINT_OPCLASS };

/* One predicate that looks into documents. */
struct search {
	const struct fact_predicate *predicate;
	const struct catalog_relation *relation;
	const struct catalog_column *column;
	const struct catalog_index *gin; /* on the column itself, whatever it serves; or NULL */
	enum complaint complaint;
};

static void containment(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void key_comparison(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static void operator_class(const struct rule *rule, const struct rule_input *input, struct verdict *verdict);
static bool next_search(const struct rule *rule, const struct rule_input *input, enum complaint complaint, uint16_t *at,
                        struct search *search);
static struct search search_of(const struct rule *rule, const struct rule_input *input,
                               const struct fact_predicate *predicate);
static bool looks_inside(const struct fact_predicate *predicate);
static bool takes_key(const char *expression);
static bool served_by_gin(const struct rule_input *input, const struct search *search,
                          const struct catalog_index *index);
static bool has_key_index(const struct search *search);
static bool is_key_exists(const struct fact_predicate *predicate);

static const struct rule rows[] = {
    {
        .slug = "jsonb-containment-no-gin",
        .code = "Q115",
        .title = "a search inside jsonb documents, and no GIN index that serves its operator",
        .severity = SEVERITY_ERROR,
        .scope = RULE_READS,
        .check = containment,
        .why = "Containment and key-exists can be answered from a GIN index only. Without one every "
               "document of the table is read, taken apart and compared, for each call.",
        .example = "SELECT … FROM shop_product WHERE data @> '{\"colour\": \"red\"}';",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_data_gin ON shop_product USING gin (data "
                "jsonb_path_ops);   -- @>, @@ and @?\n"
                "CREATE INDEX CONCURRENTLY shop_product_data_gin ON shop_product USING gin (data);       "
                "           -- these and ?, ?|, ?&\n"
                "\n"
                "# Django, in a migration with atomic = False:\n"
                "AddIndexConcurrently(\"product\", GinIndex(fields=[\"data\"], "
                "name=\"shop_product_data_gin\"))",
        .decides = "@>, <@, ?, ?|, ?&, @@ and @? on a jsonb column of a large table. A valid GIN index on "
                   "the same column counts: with jsonb_ops for all but <@, with jsonb_path_ops for @>, @@ "
                   "and @?. No operator class serves <@ of a jsonb column. Silent where other conditions "
                   "leave few rows, for what is negated (no index ever serves that), and on small tables.",
    },
    {
        .slug = "jsonb-key-no-expression-index",
        .code = "Q116",
        .title = "a comparison with a key of a jsonb document, and no index on that expression",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = key_comparison,
        .why = "A GIN index on the column serves containment, never data -> 'colour' = …: for that only "
               "an index on the very expression helps, or the same question asked by @>.",
        .example = "SELECT … FROM shop_product WHERE (data -> 'colour') = '\"red\"';   -- "
                   "data__colour=\"red\"",
        .safe = "SELECT … FROM shop_product WHERE data @> '{\"colour\": \"red\"}';   -- with a GIN index "
                "on data\n"
                "\n"
                "# Django:\n"
                "Product.objects.filter(data__contains={\"colour\": \"red\"})\n"
                "Index(KeyTransform(\"colour\", \"data\"), name=\"shop_product_colour\")   -- for "
                "data__colour=\"red\", Django 3.2 and later",
        .decides = "Equality and IN on ->, ->>, #> or #>> of a jsonb or json column, and containment within "
                   "a key. An index serves it when its expression is the same to the letter, casts between "
                   "text types and quotes aside. Where the key itself is a parameter, it is silent as soon "
                   "as any expression index on that column takes a key. Silent where other conditions leave "
                   "few rows, and on small tables.",
    },
    {
        .slug = "jsonb-opclass-mismatch",
        .code = "Q117",
        .title = "a key-exists search, and a GIN index whose operator class does not know it",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = operator_class,
        .why = "jsonb_path_ops keeps paths with their values, so it finds documents that contain "
               "others, but not those that just have a key: for ?, ?| and ?& the index is of no use.",
        .example = "SELECT … FROM shop_product WHERE data ? 'colour';   -- with gin (data jsonb_path_ops)",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_data_gin_ops ON shop_product USING gin (data);\n"
                "\n"
                "# Django: GinIndex without opclasses, for has_key, has_keys and has_any_keys\n"
                "GinIndex(fields=[\"data\"], name=\"shop_product_data_gin_ops\")",
        .decides = "?, ?| and ?& on a jsonb column whose only valid GIN index has jsonb_path_ops. Silent "
                   "where other conditions leave few rows, for what is negated, and on small tables.",
    },
};

const struct rule_group rules_json = {rows, ARRAY_LEN(rows)};

/* -- what to say ------------------------------------------------------------------------------------ */

static void propose_gin(const struct rule_input *input, const struct search *search, struct arena *arena,
                        struct finding *finding)
{
	const char *column = search->predicate->column;
	bool paths = !is_key_exists(search->predicate);
	struct remedy_index index = {
	    .name = remedy_name(arena, search->relation, column, "gin"),
	    .method = "gin",
	    .expression = remedy_identifier(arena, column),
	    .opclass = paths ? "jsonb_path_ops" : NULL,
	};
	finding->fix_sql = remedy_create_index(arena, input->catalog, search->relation, &index);
	finding->fix_django =
	    remedy_add_index(arena, input->catalog, search->relation, false,
	                     arena_printf(arena, "GinIndex(fields=[\"%s\"]%s, name=\"%s\")", column,
	                                  paths ? ", opclasses=[\"jsonb_path_ops\"]" : "", index.name));
}

static void containment(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct search search;
	for (uint16_t at = 0; next_search(rule, input, COMPLAINT_CONTAINMENT, &at, &search);) {
		const char *operator= search.predicate->operator_name, *column = search.predicate->column;
		struct finding finding = {.evidence = EVIDENCE_CATALOG, .column = column};
		if (strcmp(operator, "<@") == 0) {
			finding.message =
			    arena_printf(arena,
			                 "each call reads the whole table: no index serves %s on documents, neither "
			                 "on \"%s\" nor on anything else",
			                 operator, column);
			finding.hint = "Ask the other way around by @>, or restrict the rows by another condition.";
		} else {
			finding.message =
			    arena_printf(arena,
			                 "each call reads every document of the table: no GIN index on \"%s\" "
			                 "serves %s",
			                 column, operator);
			finding.hint =
			    arena_printf(arena, "Build a GIN index on \"%s\", in a migration of its own.", column);
			propose_gin(input, &search, arena, &finding);
		}
		rules_add(verdict, rule, input, search.relation, &finding);
	}
}

/* The key is a literal of the statement: nothing that is said may name it. */
static void key_comparison(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct search search;
	for (uint16_t at = 0; next_search(rule, input, COMPLAINT_KEY, &at, &search);) {
		const char *column = search.predicate->column;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column,
		    .message =
		        search.gin
		            ? arena_printf(arena,
		                           "each call reads every document of the table: nothing indexes that key of "
		                           "\"%s\"; %s serves containment (@>), not a comparison with a key",
		                           column, search.gin->name)
		            : arena_printf(arena,
		                           "each call reads every document of the table: nothing indexes that key of "
		                           "\"%s\", nor the documents as a whole",
		                           column),
		    .hint = search.gin
		                ? "Ask by containment, or build an index on the expression with that key."
		                : "Build a GIN index and ask by containment, or build one on the expression with "
		                  "that key.",
		};
		if (search.gin)
			finding.fix_django = arena_printf(arena, "filter(%s__contains={\"…\": value})", column);
		else if (strcmp(search.column->type, "jsonb") == 0)
			propose_gin(input, &search, arena, &finding);
		rules_add(verdict, rule, input, search.relation, &finding);
	}
}

static void operator_class(const struct rule *rule, const struct rule_input *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct search search;
	for (uint16_t at = 0; next_search(rule, input, COMPLAINT_OPCLASS, &at, &search);) {
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = search.predicate->column,
		    .message =
		        arena_printf(arena,
		                     "each call reads every document of the table: %s has jsonb_path_ops, which serves "
		                     "@>, @@ and @?, not %s",
		                     search.gin->name, search.predicate->operator_name),
		    .hint = "Build the index with the default operator class, and drop the other where nothing else "
		            "needs it.",
		};
		propose_gin(input, &search, arena, &finding);
		rules_add(verdict, rule, input, search.relation, &finding);
	}
}

/* -- how it decides --------------------------------------------------------------------------------- */

static bool next_search(const struct rule *rule, const struct rule_input *input, enum complaint complaint, uint16_t *at,
                        struct search *search)
{
	while (*at < input->facts->predicate_count) {
		const struct fact_predicate *predicate = &input->facts->predicates[(*at)++];
		*search = search_of(rule, input, predicate);
		if (search->complaint != complaint)
			continue;
		struct lookup lookup = {.rule = rule, .predicate = predicate, .relation = search->relation};
		if (!lookup_restricted(input, &lookup))
			return true;
	}
	return false;
}

static struct search search_of(const struct rule *rule, const struct rule_input *input,
                               const struct fact_predicate *predicate)
{
	struct search search = {.predicate = predicate};
	bool inside = looks_inside(predicate), key = takes_key(predicate->expression);
	bool compares = inside || (key && predicate->operator== PREDICATE_EQUAL);
	/* A join by documents, and what is negated, no index serves. */
	if (!compares || !predicate->column || predicate->relation < 0 || predicate->negated ||
	    predicate->operand == OPERAND_COLUMN || predicate->operand == OPERAND_SUBQUERY)
		return search;
	search.relation = rules_relation(input, predicate->relation);
	search.column = search.relation ? catalog_column(search.relation, predicate->column) : NULL;
	if (!search.column || rules_size(rule, input, search.relation) != RULE_LARGE)
		search.column = NULL;
	if (!search.column ||
	    (strcmp(search.column->type, "jsonb") != 0 && !(key && strcmp(search.column->type, "json") == 0)))
		return search;
	if (indexes_for(search.relation, input->facts, predicate, NULL).answer == INDEXES_SERVED)
		return search;
	bool served = false;
	for (uint16_t i = 0; i < search.relation->index_count; i++)
		served |= served_by_gin(input, &search, &search.relation->indexes[i]);
	for (uint16_t i = 0; i < search.relation->index_count && !search.gin; i++) {
		const struct catalog_index *index = &search.relation->indexes[i];
		for (uint16_t k = 0; k < index->key_count && index->valid && strcmp(index->method, "gin") == 0; k++) {
			if (index->keys[k].column && strcmp(index->keys[k].column, predicate->column) == 0)
				search.gin = index;
		}
	}
	if (served || (strchr(predicate->expression, '$') && has_key_index(&search)))
		return search;
	if (key)
		search.complaint = COMPLAINT_KEY;
	else if (search.gin && is_key_exists(predicate))
		search.complaint = COMPLAINT_OPCLASS;
	else
		search.complaint = COMPLAINT_CONTAINMENT;
	return search;
}

static bool looks_inside(const struct fact_predicate *predicate)
{
	static const char *const operators[] = {"@>", "<@", "?", "?|", "?&", "@@", "@?"};
	if (predicate->operator!= PREDICATE_OTHER || !predicate->operator_name)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		if (strcmp(predicate->operator_name, operators[i]) == 0)
			return predicate->bare || takes_key(predicate->expression);
	}
	return false;
}

/* col -> 'k', col #>> '{a,b}', casts and further steps included; upper(col ->> 'k') is another rule's. */
static bool takes_key(const char *expression)
{
	if (!expression || strncmp(expression, "upper(", 6) == 0 || strncmp(expression, "lower(", 6) == 0)
		return false;
	return strstr(expression, " -> ") || strstr(expression, " ->> ") || strstr(expression, " #> ") ||
	       strstr(expression, " #>> ");
}

static bool served_by_gin(const struct rule_input *input, const struct search *search,
                          const struct catalog_index *index)
{
	const struct fact_predicate *predicate = search->predicate;
	if (!index->valid || !index->ready || strcmp(index->method, "gin") != 0 || !looks_inside(predicate) ||
	    strcmp(predicate->operator_name, "<@") == 0)
		return false;
	if (index->predicate && !partial_implied(index->predicate, input->facts, predicate))
		return false;
	for (uint16_t k = 0; k < index->key_count; k++) {
		const struct catalog_index_key *key = &index->keys[k];
		if (!key->expression || !key->opclass || strcmp(key->expression, predicate->expression) != 0)
			continue;
		if (strcmp(key->opclass, "jsonb_ops") == 0 ||
		    (strcmp(key->opclass, "jsonb_path_ops") == 0 && !is_key_exists(predicate)))
			return true;
	}
	return false;
}

/* Of a key that only its bound value names: any index that takes one may be the one. */
static bool has_key_index(const struct search *search)
{
	for (uint16_t i = 0; i < search->relation->index_count; i++) {
		const struct catalog_index *index = &search->relation->indexes[i];
		for (uint16_t k = 0; k < index->key_count; k++) {
			const char *expression = index->keys[k].expression;
			if (!index->keys[k].column && takes_key(expression) &&
			    strstr(expression, search->predicate->column))
				return true;
		}
	}
	return false;
}

static bool is_key_exists(const struct fact_predicate *predicate)
{
	return predicate->operator== PREDICATE_OTHER && predicate->operator_name[0] == '?';
}

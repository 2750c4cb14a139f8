#include "inspect/rules/rules_json.h"

#include "inspect/rules/remedy.h"
#include "inspect/access/selectivity.h"
#include "inspect/text/identifier.h"

#include <string.h>

enum complaint { COMPLAINT_NONE, COMPLAINT_CONTAINMENT, COMPLAINT_KEY, COMPLAINT_OPCLASS };

/* One search that looks into documents. */
struct inside {
	const struct search *search;
	const char *column;
	const char *operator;
	const struct catalog_index *gin; /* on the column itself, whatever it serves; or NULL */
	enum complaint complaint;
};

static void containment(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void key_comparison(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void operator_class(const struct rule *rule, const struct context *input, struct verdict *verdict);
static bool next_inside(const struct rule *rule, const struct context *input, enum complaint complaint, uint16_t *at,
                        struct inside *inside);
static struct inside inside_of(const struct rule *rule, const struct context *input, const struct search *search);
static bool looks_inside(const char *operator);
static bool takes_key(const struct searches *searches, const struct term *term);
static bool has_key_index(struct searches *searches, const struct search *search);
static bool is_key_exists(const struct inside *inside);

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
                   "a key. An index serves it when it is on the same expression, however either is written. Where "
                   "the key itself is a parameter, it is silent as soon as any expression index on that column takes a key. Silent where other conditions leave "
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

static void propose_gin(const struct context *input, const struct inside *inside, struct arena *arena,
                        struct finding *finding)
{
	const char *column = inside->column;
	bool paths = !is_key_exists(inside);
	struct remedy_index index = {
	    .name = remedy_name(arena, inside->search->table, column, "gin"),
	    .method = "gin",
	    .expression = identifier_quoted(arena, column),
	    .opclass = paths ? "jsonb_path_ops" : NULL,
	};
	finding->fix_sql = remedy_create_index(arena, input->catalog, inside->search->table, &index);
	finding->fix_django =
	    remedy_add_index(arena, input->catalog, inside->search->table, false,
	                     arena_printf(arena, "GinIndex(fields=[\"%s\"]%s, name=\"%s\")", remedy_field(arena, column),
	                                  paths ? ", opclasses=[\"jsonb_path_ops\"]" : "", index.name));
}

static void containment(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct inside inside;
	for (uint16_t at = 0; next_inside(rule, input, COMPLAINT_CONTAINMENT, &at, &inside);) {
		const char *operator= inside.operator, *column = inside.column;
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
			propose_gin(input, &inside, arena, &finding);
		}
		rules_add(verdict, rule, input, inside.search->table, &finding);
	}
}

/* The key is a literal of the statement: nothing that is said may name it. */
static void key_comparison(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct inside inside;
	for (uint16_t at = 0; next_inside(rule, input, COMPLAINT_KEY, &at, &inside);) {
		const char *column = inside.column;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column,
		    .message =
		        inside.gin
		            ? arena_printf(arena,
		                           "each call reads every document of the table: nothing indexes that key of "
		                           "\"%s\"; %s serves containment (@>), not a comparison with a key",
		                           column, inside.gin->name)
		            : arena_printf(arena,
		                           "each call reads every document of the table: nothing indexes that key of "
		                           "\"%s\", nor the documents as a whole",
		                           column),
		    .hint = inside.gin
		                ? "Ask by containment, or build an index on the expression with that key."
		                : "Build a GIN index and ask by containment, or build one on the expression with "
		                  "that key.",
		};
		if (inside.gin)
			finding.fix_django = arena_printf(arena, "filter(%s__contains={\"…\": value})", remedy_field(arena, column));
		else if (strcmp(inside.search->known->type, "jsonb") == 0)
			propose_gin(input, &inside, arena, &finding);
		rules_add(verdict, rule, input, inside.search->table, &finding);
	}
}

static void operator_class(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	struct inside inside;
	for (uint16_t at = 0; next_inside(rule, input, COMPLAINT_OPCLASS, &at, &inside);) {
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = inside.column,
		    .message =
		        arena_printf(arena,
		                     "each call reads every document of the table: %s has jsonb_path_ops, which serves "
		                     "@>, @@ and @?, not %s",
		                     inside.gin->name, inside.operator),
		    .hint = "Build the index with the default operator class, and drop the other where nothing else "
		            "needs it.",
		};
		propose_gin(input, &inside, arena, &finding);
		rules_add(verdict, rule, input, inside.search->table, &finding);
	}
}

/* -- how it decides --------------------------------------------------------------------------------- */

static bool next_inside(const struct rule *rule, const struct context *input, enum complaint complaint, uint16_t *at,
                        struct inside *inside)
{
	struct searches *searches = search_all(input);
	while (*at < searches->count) {
		const struct search *search = &searches->list[(*at)++];
		*inside = inside_of(rule, input, search);
		if (inside->complaint == complaint &&
		    !selectivity_restricted(&rules_setting(rule, input)->sizes, input, search->relation,
		                            search->condition, SELECTIVITY_UNKNOWN_IS_MUCH))
			return true;
	}
	return false;
}

static struct inside inside_of(const struct rule *rule, const struct context *input, const struct search *search)
{
	struct searches *searches = search_all(input);
	struct inside inside = {.search = search, .operator= search->operator->name};
	const bool within = looks_inside(inside.operator), key = takes_key(searches, search->operand);
	const bool equal = strcmp(inside.operator, "=") == 0 && !search->term->flag;
	/* A join by documents no index serves, nor what is made of a key by upper(), which is another rule's. */
	if (search->known == NULL || search->value->has_column || search->term->variant == CLAUSE_SUBLINK ||
	    !(key ? within || equal : within && search->operand->kind == TERM_COLUMN) ||
	    search->hit.quality >= MATCHING_LATER || rules_size(rule, input, search->table) < TABLE_LARGE)
		return inside;
	if (strcmp(search->known->type, "jsonb") != 0 && !(key && strcmp(search->known->type, "json") == 0))
		return inside;
	inside.column = search->known->name;
	for (uint16_t i = 0; i < search->table->index_count && !inside.gin; i++) {
		const struct catalog_index *index = &search->table->indexes[i];
		for (uint16_t k = 0; k < index->key_count && index->valid && strcmp(index->method, "gin") == 0; k++) {
			if (index->keys[k].column && strcmp(index->keys[k].column, inside.column) == 0)
				inside.gin = index;
		}
	}
	if (search->operand->has_parameter && has_key_index(searches, search))
		return inside;
	if (key)
		inside.complaint = COMPLAINT_KEY;
	else if (inside.gin && is_key_exists(&inside))
		inside.complaint = COMPLAINT_OPCLASS;
	else
		inside.complaint = COMPLAINT_CONTAINMENT;
	return inside;
}

static bool looks_inside(const char *operator)
{
	static const char *const operators[] = {"@>", "<@", "?", "?|", "?&", "@@", "@?"};
	for (size_t i = 0; i < ARRAY_LEN(operators); i++) {
		if (strcmp(operator, operators[i]) == 0)
			return true;
	}
	return false;
}

/* col -> 'k', col #>> '{a,b}', col['k'], casts and further steps included. */
static bool takes_key(const struct searches *searches, const struct term *term)
{
	if (term == NULL || !term->has_column)
		return false;
	if (term->kind == TERM_OTHER && term->variant == CLAUSE_SUBSCRIPT)
		return term->type == TYPE_JSONB;
	const struct dictionary_operator *operator=
	    term->kind == TERM_OPERATOR ? dictionary_operator(searches->access->dictionary, term->oid) : NULL;
	if (operator!= NULL && (operator->left == TYPE_JSONB || operator->left == TYPE_JSON) &&
	                       (strncmp(operator->name, "->", 2) == 0 || strncmp(operator->name, "#>", 2) == 0))
		return true;
	const struct dictionary_function *function =
	    term->kind == TERM_CALL ? dictionary_function(searches->access->dictionary, term->oid) : NULL;
	if (function != NULL && (strcmp(function->name, "upper") == 0 || strcmp(function->name, "lower") == 0))
		return false;
	return term->count > 0 && takes_key(searches, term->items[0]);
}

/* Of a key that only its bound value names: any index that takes one may be the one. */
static bool has_key_index(struct searches *searches, const struct search *search)
{
	const struct matching_index *indexes = searches->access->indexes[search->relation];
	for (uint16_t i = 0; i < searches->access->index_counts[search->relation]; i++) {
		for (uint16_t k = 0; k < indexes[i].index->key_count; k++) {
			const struct term *key = indexes[i].keys[k];
			const struct term *column = key != NULL ? search_only_column(key) : NULL;
			if (column != NULL && term_equal(column, search->column) == TERM_YES && takes_key(searches, key))
				return true;
		}
	}
	return false;
}

static bool is_key_exists(const struct inside *inside)
{
	return inside->operator[0] == '?';
}

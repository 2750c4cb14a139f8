#include "inspect/rules/rules_search.h"

#include "inspect/rules/remedy.h"
#include "inspect/access/search.h"
#include "inspect/access/selectivity.h"
#include "inspect/text/identifier.h"

#include <string.h>

static void full_text(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void behind(const struct rule *rule, const struct context *input, struct verdict *verdict);
static void items(const struct rule *rule, const struct context *input, struct verdict *verdict);

static const struct rule rows[] = {
    {
        .slug = "fts-unindexed",
        .code = "Q119",
        .title = "a full-text search that parses every row's text, or that no GIN index serves",
        .severity = SEVERITY_WARN,
        .scope = RULE_READS,
        .check = full_text,
        .why = "to_tsvector() parses a text into words, which takes longer than reading it; each call does so for every "
               "row. Django's __search asks for to_tsvector(COALESCE(\"name\", '')) without a configuration: what that "
               "gives depends on a setting, so that no index can be built on it.",
        .example = "SELECT … FROM shop_product WHERE to_tsvector(COALESCE(name, '')) @@ plainto_tsquery('lamp');   -- "
                   "name__search=…",
        .safe = "CREATE INDEX CONCURRENTLY shop_product_name_fts ON shop_product USING gin (to_tsvector('english', "
                "COALESCE(name, '')));\n"
                "SELECT … FROM shop_product WHERE to_tsvector('english', COALESCE(name, '')) @@ "
                "plainto_tsquery('english', 'lamp');\n"
                "\n"
                "# Django, in a migration with atomic = False, then filter by the same:\n"
                "AddIndexConcurrently(\"product\", GinIndex(SearchVector(\"name\", config=\"english\"), "
                "name=\"shop_product_name_fts\"))\n"
                "Product.objects.annotate(words=SearchVector(\"name\", config=\"english\")).filter("
                "words=SearchQuery(\"lamp\", config=\"english\"))",
        .decides = "@@ and-ed to what is read of a large table, on to_tsvector() of its columns or on a tsvector column, "
                   "when no GIN or GiST index serves it. The index must be on the same expression, configuration and "
                   "COALESCE included. Silent where other conditions leave few rows by an index, where a join does, and "
                   "on small tables.",
    },
    {
        .slug = "multicolumn-prefix-missed",
        .code = "Q127",
        .title = "a column that an index has, but not first",
        .severity = SEVERITY_INFO,
        .wants_catalog = true,
        .scope = RULE_READS,
        .thresholds = {{"rows", 10000000}},
        .check = behind,
        .why = "An index is sorted by its first column. By a later one alone it is read from one end to the other, which "
               "is better than reading the table and, of a very large one, still slow.",
        .example = "SELECT … FROM shop_order WHERE customer_id = 5;   -- with btree (shop_id, customer_id)",
        .safe = "CREATE INDEX CONCURRENTLY shop_order_customer ON shop_order (customer_id);\n"
                "\n"
                "# Django:\n"
                "AddIndexConcurrently(\"order\", Index(fields=[\"customer_id\"], name=\"shop_order_customer\"))",
        .decides = "= and IN on a later key of a btree, on a table of more than `rows` rows, when by pg_stats less than a "
                   "hundredth of them have the value: below that PostgreSQL reads the whole index in little time. "
                   "Silent without statistics, where another condition is served, in joins, and from PostgreSQL 18 on, "
                   "whose scans skip, while the first column has fewer than a thousand values.",
    },
    {
        .slug = "delimited-list-in-text",
        .code = "D503",
        .title = "a list with commas that is kept in a text column, and searched for an item",
        .severity = SEVERITY_INFO,
        .scope = RULE_READS,
        .thresholds = {{"share", 90}},
        .check = items,
        .wants = search_wants_patterns,
        .why = "An item in the middle of a text is found by no B-tree; it can be no foreign key, so that nothing keeps "
               "out what does not exist; and to take one out is to write the whole list anew.",
        .example = "SELECT … FROM shop_product WHERE tags LIKE '%,lamp,%';   -- tags holds ',desk,lamp,red,'",
        .safe = "ALTER TABLE shop_product ADD COLUMN tags_list text[];   -- write to both, fill it in batches\n"
                "CREATE INDEX CONCURRENTLY shop_product_tags_list_gin ON shop_product USING gin (tags_list);\n"
                "SELECT … FROM shop_product WHERE tags_list @> ARRAY['lamp'];\n"
                "\n"
                "# Django: a ManyToManyField, or\n"
                "tags_list = ArrayField(TextField(), null=True)\n"
                "Product.objects.filter(tags_list__contains=[\"lamp\"])",
        .decides = "LIKE or ILIKE with a pattern as '%,x,%' (or ; or |), in the statement, put together with || or bound, on "
                   "a text column of a large table of which at least `share` percent of the values in pg_stats are two or "
                   "more items without a blank; or string_to_array() of such a table's column in a condition that no index "
                   "serves. Names as \"Last, First\" have a blank.",
    },
};

const struct rule_group rules_search = {rows, ARRAY_LEN(rows)};

/* -- full text ---------------------------------------------------------------------------------------- */

/* The call of to_tsvector() in it, perhaps inside setweight() or between ||; NULL when there is none. */
static const struct term *vector_of(const struct dictionary *dictionary, const struct term *term, int depth)
{
	if (!term || depth > LIMIT_WALK_DEPTH)
		return NULL;
	if (term->kind == TERM_CALL) {
		const struct dictionary_function *function = dictionary_function(dictionary, term->oid);
		if (function && strcmp(function->name, "to_tsvector") == 0)
			return term;
	}
	const struct term *found = NULL;
	for (uint16_t at = 0; !found && at < term->count; at++)
		found = vector_of(dictionary, term->items[at], depth + 1);
	return found;
}

static void describe_vector(const struct context *input, const struct search *search, const struct term *vector,
                            struct arena *arena, struct finding *finding)
{
	bool configured = vector->count == 2;
	finding->message = configured ? "each call parses the text of every row: no GIN index is on that very expression"
	                              : "each call parses the text of every row: to_tsvector() without a configuration "
	                                "can have no index";
	finding->hint = configured ? "Index the expression, or keep its result in a tsvector column."
	                           : "Name the configuration, here and in an index; or keep a tsvector column.";
	if (!search->known)
		return;
	const char *column = search->known->name;
	const struct remedy_index wanted = {
	    .name = remedy_name(arena, search->table, column, "fts"),
	    .method = "gin",
	    .expression =
	        arena_printf(arena, "to_tsvector('english', COALESCE(%s, ''))", identifier_quoted(arena, column)),
	};
	finding->fix_sql = remedy_create_index(arena, input->catalog, search->table, &wanted);
	finding->fix_django =
	    remedy_add_index(arena, input->catalog, search->table, false,
	                     arena_printf(arena, "GinIndex(SearchVector(\"%s\", config=\"english\"), name=\"%s\")", remedy_field(arena, column),
	                                  wanted.name));
}

static void describe_column(const struct context *input, const struct search *search, struct arena *arena,
                            struct finding *finding)
{
	const char *column = search->known->name;
	const struct remedy_index wanted = {
	    .name = remedy_name(arena, search->table, column, "gin"),
	    .method = "gin",
	    .expression = identifier_quoted(arena, column),
	};
	finding->message = arena_printf(arena, "each call reads the whole table: no GIN index is on \"%s\"", column);
	finding->fix_sql = remedy_create_index(arena, input->catalog, search->table, &wanted);
	finding->fix_django = remedy_add_index(
	    arena, input->catalog, search->table, false,
	    arena_printf(arena, "GinIndex(fields=[\"%s\"], name=\"%s\")", remedy_field(arena, column), wanted.name));
}

static void full_text(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	const struct searches *searches = search_all(input);
	for (uint16_t at = 0; at < searches->count; at++) {
		const struct search *search = &searches->list[at];
		if (search->arm || search->hit.quality != MATCHING_NONE || strcmp(search->operator->name, "@@") != 0 ||
		    search->value->has_column)
			continue;
		const struct term *vector = vector_of(searches->access->dictionary, search->operand, 0);
		bool column = search->operand->kind == TERM_COLUMN && search->known &&
		              strcmp(search->known->type, "tsvector") == 0;
		if ((!vector && !column) ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, search->relation,
		                           search->condition, SELECTIVITY_UNKNOWN_IS_LITTLE))
			continue;
		struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = search->known ? search->known->name : NULL,
		};
		if (vector)
			describe_vector(input, search, vector, &verdict->arena, &finding);
		else
			describe_column(input, search, &verdict->arena, &finding);
		rules_add(verdict, rule, input, search->table, &finding);
	}
}

/* -- later keys --------------------------------------------------------------------------------------- */

/* Would a scan of PostgreSQL 18 skip from one value of the first column to the next? */
static bool skips(const struct context *input, const struct search *search)
{
	if (catalog_version(input->catalog) < 180000)
		return false;
	const char *first = search->hit.index->keys[0].column;
	const struct catalog_column *column = first ? catalog_column(search->table, first) : NULL;
	return column && column->has_statistics && column->distinct > 0 && column->distinct < 1000;
}

static void behind(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct searches *searches = search_all(input);
	for (uint16_t at = 0; at < searches->count; at++) {
		const struct search *search = &searches->list[at];
		if (search->arm || search->hit.quality != MATCHING_LATER || !search->known ||
		    search->operand->kind != TERM_COLUMN || strcmp(search->operator->name, "=") != 0 ||
		    strcmp(search->hit.index->method, "btree") != 0 || search->value->has_column ||
		    search->table->rows < rules_threshold(rule, input, "rows") || selectivity_share(search) >= 0.01 ||
		    skips(input, search) ||
		    selectivity_restricted(&rules_setting(rule, input)->sizes, input, search->relation,
		                           search->condition, SELECTIVITY_UNKNOWN_IS_LITTLE))
			continue;
		const char *column = search->known->name;
		const struct remedy_index wanted = {
		    .name = remedy_name(arena, search->table, column, "idx"),
		    .expression = identifier_quoted(arena, column),
		};
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column,
		    .message = arena_printf(arena, "each call reads the whole of %s, which has \"%s\" but does not begin with it",
		                            search->hit.index->name, column),
		    .fix_sql = remedy_create_index(arena, input->catalog, search->table, &wanted),
		    .fix_django = remedy_add_index(
		        arena, input->catalog, search->table, false,
		        arena_printf(arena, "Index(fields=[\"%s\"], name=\"%s\")", remedy_field(arena, column), wanted.name)),
		};
		rules_add(verdict, rule, input, search->table, &finding);
	}
}

/* -- lists in a text ---------------------------------------------------------------------------------- */

static bool splits(const struct dictionary *dictionary, const struct term *term)
{
	const struct dictionary_function *function =
	    term->kind == TERM_CALL ? dictionary_function(dictionary, term->oid) : NULL;
	return function && (strcmp(function->name, "string_to_array") == 0 ||
	                    strcmp(function->name, "regexp_split_to_array") == 0);
}

static bool asks_item(const struct rule *rule, const struct context *input, const struct searches *searches,
                      const struct search *search)
{
	struct pattern_shape shape;
	if (splits(searches->access->dictionary, search->operand))
		return search->hit.quality != MATCHING_GOOD && !search->value->has_column;
	/* An item has a trigram with its delimiters; a pattern without ends in one. */
	return search->term->pattern && search->term->pattern->reading == READING_LIKE &&
	       pattern_shape_of(search->term->pattern, searches->input.bound, &shape) && shape.asks_item &&
	       shape.has_trigram && search->known->list_share * 100 >= rules_threshold(rule, input, "share");
}

static void items(const struct rule *rule, const struct context *input, struct verdict *verdict)
{
	struct arena *arena = &verdict->arena;
	const struct searches *searches = search_all(input);
	for (uint16_t at = 0; at < searches->count; at++) {
		const struct search *search = &searches->list[at];
		if (!search->known ||
		    (strcmp(search->known->type, "text") != 0 && strcmp(search->known->type, "varchar") != 0) ||
		    !asks_item(rule, input, searches, search))
			continue;
		const char *column = search->known->name, *list = arena_printf(arena, "%s_list", column);
		const char *table = remedy_table(arena, search->table), *quoted = identifier_quoted(arena, list);
		const struct remedy_index index = {
		    .name = remedy_name(arena, search->table, list, "gin"), .method = "gin", .expression = quoted};
		const struct finding finding = {
		    .evidence = EVIDENCE_CATALOG,
		    .column = column,
		    .message = arena_printf(arena, "%s holds lists, and an item in the middle of a text is found by reading it",
		                            column),
		    .hint = "Keep the items in an array with a GIN index, or in a table of their own.",
		    .fix_sql = arena_printf(
		        arena,
		        "ALTER TABLE %s ADD COLUMN %s text[];\n"
		        "UPDATE %s SET %s = regexp_split_to_array(btrim(%s, ',;|'), '[,;|]') WHERE id BETWEEN … AND …;   -- and "
		        "COMMIT, and so on\n"
		        "%s",
		        table, quoted, table, quoted, identifier_quoted(arena, column),
		        remedy_create_index(arena, input->catalog, search->table, &index)),
		    .fix_django = arena_printf(
		        arena, "%s = ArrayField(TextField(), null=True)  # then a RunPython in batches with atomic = False, then %s",
		        remedy_field(arena, list),
		        remedy_add_index(arena, input->catalog, search->table, false,
		                         arena_printf(arena, "GinIndex(fields=[\"%s\"], name=\"%s\")", remedy_field(arena, list),
		                                      index.name))),
		};
		rules_add(verdict, rule, input, search->table, &finding);
	}
}

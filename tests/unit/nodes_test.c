#include "inspect/tree/nodes.h"

#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* -- fixture ---------------------------------------------------------------------------------------- */

static struct arena arena;

static int set_up(void **state)
{
	(void)state;
	arena_init(&arena);
	tree_open();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	tree_close();
	arena_fini(&arena);
	return 0;
}

static const void *statement(const char *sql)
{
	return ((const RawStmt *)linitial((const List *)tree_parse(sql)))->stmt;
}

static const TypeName *type_of(const char *type)
{
	return ((const TypeCast *)tree_node(arena_printf(&arena, "a::%s", type)))->typeName;
}

static const A_Const *constant(const char *text)
{
	const Node *node = tree_node(text);
	while (IsA(node, TypeCast))
		node = ((const TypeCast *)node)->arg;
	assert_true(IsA(node, A_Const));
	return (const A_Const *)node;
}

/* -- children --------------------------------------------------------------------------------------- */

/* The columns below a node, in the order in which they are visited: "a b c ". */
static void collect(void *context, const Node *node)
{
	assert_non_null(node);
	if (IsA(node, ColumnRef)) {
		char *text = context;
		size_t len = strlen(text);
		snprintf(text + len, 128 - len, "%s ", nodes_last_name(((const ColumnRef *)node)->fields));
	}
	nodes_children(node, collect, context);
}

static void every_part_of_an_expression(void **state)
{
	/* From each kind of node all of its parts are reached, from left to right. */
	(void)state;
	static const struct {
		const char *expression, *columns;
	} cases[] = {
	    {"a + b", "a b "},
	    {"- a", "a "},
	    {"a AND b OR NOT c", "a b c "},
	    {"a BETWEEN b AND c", "a b c "},
	    {"a IN (b, c)", "a b c "},
	    {"a = ANY (ARRAY[b, c])", "a b c "},
	    {"a LIKE b ESCAPE c", "a b c "},
	    {"a IS NULL", "a "},
	    {"a IS NOT TRUE", "a "},
	    {"f(a, b ORDER BY c, d) FILTER (WHERE e)", "a b c d e "},
	    {"f(a) OVER (PARTITION BY b ORDER BY c ROWS BETWEEN d PRECEDING AND e FOLLOWING)", "a b c d e "},
	    {"f(x => a)", "a "},
	    {"a::int", "a "},
	    {"a COLLATE \"C\"", "a "},
	    {"CASE a WHEN b THEN c WHEN d THEN e ELSE f END", "a b c d e f "},
	    {"CASE WHEN a THEN b END", "a b "},
	    {"COALESCE(a, b)", "a b "},
	    {"GREATEST(a, b)", "a b "},
	    {"NULLIF(a, b)", "a b "},
	    {"ARRAY[a, ARRAY[b]]", "a b "},
	    {"ROW(a, b)", "a b "},
	    {"(a, b)", "a b "},
	    {"a[b]", "a b "},
	    {"a[b:c]", "a b c "},
	    {"GROUPING(a, b)", "a b "},
	    {"xmlelement(name n, xmlattributes(a AS x), b)", "a b "},
	    {"xmlserialize(content a AS text)", "a "},
	    {"a AT TIME ZONE b", "b a "},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		char columns[128] = "";
		collect(columns, tree_node(cases[at].expression));
		if (strcmp(columns, cases[at].columns) != 0)
			fail_msg("%s: %s", cases[at].expression, columns);
	}
}

static void no_part_of_a_sub_select(void **state)
{
	/* A sub-select's inside is none of its children: only what it is compared with is. */
	(void)state;
	static const char *const ones[] = {"a IN (SELECT b FROM t)", "a = ALL (SELECT b)", "(a, EXISTS (SELECT b))",
	                                   "a + (SELECT b)", "f(a, ARRAY(SELECT b))"};
	for (size_t at = 0; at < ARRAY_LEN(ones); at++) {
		char columns[128] = "";
		collect(columns, tree_node(ones[at]));
		assert_string_equal(columns, "a ");
	}
}

static void count_child(void *context, const Node *node)
{
	(void)node;
	(*(int *)context)++;
}

static void leaves(void **state)
{
	/* What has no parts has no children; neither has what is not known, a whole statement for one. */
	(void)state;
	static const char *const none[] = {"1", "'x'", "NULL", "$1", "a", "CURRENT_DATE", "f()", "ROW()", "t.*"};
	int count = 0;
	for (size_t at = 0; at < ARRAY_LEN(none); at++)
		nodes_children(tree_node(none[at]), count_child, &count);
	nodes_children(statement("SELECT a, b FROM t"), count_child, &count);
	assert_int_equal(count, 0);
}

static void lists_of_a_statement(void **state)
{
	/* A source that several columns are set from is visited once, and grouping sets have their columns. */
	(void)state;
	char columns[128] = "";
	const UpdateStmt *update = statement("UPDATE t SET (x, y) = (a, b), z[c] = d");
	collect(columns, (const Node *)update->targetList);
	assert_string_equal(columns, "a b d c ");
	columns[0] = '\0';
	const SelectStmt *select = statement("SELECT 1 GROUP BY a, ROLLUP (b, (c, d)) ORDER BY e");
	collect(columns, (const Node *)select->groupClause);
	collect(columns, (const Node *)select->sortClause);
	assert_string_equal(columns, "a b c d e ");
}

/* -- names ------------------------------------------------------------------------------------------ */

static void names(void **state)
{
	/* The last of a qualified name, and the one before it; none of either for no name at all. */
	(void)state;
	const FuncCall *call = tree_node("Db.\"S x\".Fn(1)");
	assert_string_equal(nodes_last_name(call->funcname), "fn");
	assert_string_equal(nodes_schema_name(call->funcname), "S x");
	call = tree_node("fn(1)");
	assert_string_equal(nodes_last_name(call->funcname), "fn");
	assert_null(nodes_schema_name(call->funcname));
	assert_string_equal(nodes_last_name(NIL), "");
	assert_null(nodes_schema_name(NIL));
}

static void function_names(void **state)
{
	/* A built-in function's name counts qualified or not; in any other schema the same name may mean anything. */
	(void)state;
	assert_string_equal(nodes_function_name(tree_node("LOWER(a)")), "lower");
	assert_string_equal(nodes_function_name(tree_node("pg_catalog.lower(a)")), "lower");
	assert_null(nodes_function_name(tree_node("public.lower(a)")));
	assert_null(nodes_function_name(tree_node("\"PG_CATALOG\".lower(a)")));
}

static void aggregates(void **state)
{
	/* By name, or by what only an aggregate can have; a window function is none, nor is another schema's. */
	(void)state;
	static const char *const yes[] = {"count(*)",
	                                  "COUNT(a)",
	                                  "pg_catalog.max(a)",
	                                  "string_agg(a, ',')",
	                                  "regr_slope(a, b)",
	                                  "json_object_agg_unique(a, b)",
	                                  "f(DISTINCT a)",
	                                  "f(a ORDER BY b)",
	                                  "f(a) FILTER (WHERE b)",
	                                  "s.f(*)",
	                                  "rank(1) WITHIN GROUP (ORDER BY a)"};
	static const char *const no[] = {"lower(a)",     "public.sum(a)", "sum(a) OVER ()", "f(DISTINCT a) OVER ()",
	                                 "\"COUNT\"(a)", "regr(a, b)",    "counts(a)",      "row_number() OVER w"};
	for (size_t at = 0; at < ARRAY_LEN(yes); at++)
		if (!nodes_is_aggregate(tree_node(yes[at])))
			fail_msg("%s", yes[at]);
	for (size_t at = 0; at < ARRAY_LEN(no); at++)
		if (nodes_is_aggregate(tree_node(no[at])))
			fail_msg("%s", no[at]);
}

/* -- constants -------------------------------------------------------------------------------------- */

static void constant_texts(void **state)
{
	/* Numbers and strings have their text as written, the others have none. */
	(void)state;
	static const struct {
		const char *expression, *text;
	} cases[] = {
	    {"1", "1"},
	    {"2147483647", "2147483647"},
	    {"5000000000", "5000000000"},
	    {"1.50", "1.50"},
	    {"'x'", "x"},
	    {"''", ""},
	    {"E'a\\'b'", "a'b"},
	    {"B'101'", "b101"},
	    {"x'1F'", "x1F"},
	    {"DATE '2020-01-01'", "2020-01-01"},
	};
	char number[32];
	for (size_t at = 0; at < ARRAY_LEN(cases); at++)
		assert_string_equal(nodes_constant_text(constant(cases[at].expression), number, sizeof(number)),
		                    cases[at].text);
	assert_null(nodes_constant_text(constant("NULL"), number, sizeof(number)));
	assert_null(nodes_constant_text(constant("TRUE"), number, sizeof(number)));
}

static void null_and_string_constants(void **state)
{
	/* Casts aside, and nothing else aside: an expression that comes to the same is none. */
	(void)state;
	static const char *const nulls[] = {"NULL", "NULL::int", "CAST(NULL AS text)::int"};
	static const char *const strings[] = {"'NULL'", "'NULL'::text", "E'NULL'::text::bytea", "$$NULL$$"};
	static const char *const others[] = {"0",    "1.5", "a",    "f(NULL)",  "f('NULL')",
	                                     "TRUE", "$1",  "B'1'", "'a' || ''"};
	for (size_t at = 0; at < ARRAY_LEN(nulls); at++) {
		assert_true(nodes_is_null_constant(tree_node(nulls[at])));
		assert_null(nodes_string_constant(tree_node(nulls[at])));
	}
	for (size_t at = 0; at < ARRAY_LEN(strings); at++) {
		assert_false(nodes_is_null_constant(tree_node(strings[at])));
		assert_string_equal(nodes_string_constant(tree_node(strings[at])), "NULL");
	}
	for (size_t at = 0; at < ARRAY_LEN(others); at++) {
		assert_false(nodes_is_null_constant(tree_node(others[at])));
		assert_null(nodes_string_constant(tree_node(others[at])));
	}
	assert_false(nodes_is_null_constant(NULL));
	assert_null(nodes_string_constant(NULL));
}

/* -- types ------------------------------------------------------------------------------------------ */

static void types(void **state)
{
	/* Name, schema, up to two modifiers and array as written; the grammar's own names are pg_catalog's. */
	(void)state;
	static const struct {
		const char *type, *schema, *name;
		int modifiers[2];
		bool array;
	} cases[] = {
	    {"int", "pg_catalog", "int4", {-1, -1}, false},
	    {"varchar(50)", "pg_catalog", "varchar", {50, -1}, false},
	    {"decimal(10, 2)", "pg_catalog", "numeric", {10, 2}, false},
	    {"timestamp(3) with time zone", "pg_catalog", "timestamptz", {3, -1}, false},
	    {"text[]", NULL, "text", {-1, -1}, true},
	    {"int ARRAY[3]", "pg_catalog", "int4", {-1, -1}, true},
	    {"Citext", NULL, "citext", {-1, -1}, false},
	    {"s.\"Ty\"(1, 2, 3)", "s", "Ty", {1, 2}, false},
	    {"s.ty('x', 7)", "s", "ty", {-1, 7}, false},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		struct fact_type type = nodes_type(type_of(cases[at].type), &arena);
		if (cases[at].schema == NULL)
			assert_null(type.schema);
		else
			assert_string_equal(type.schema, cases[at].schema);
		assert_string_equal(type.name, cases[at].name);
		assert_int_equal(type.modifiers[0], cases[at].modifiers[0]);
		assert_int_equal(type.modifiers[1], cases[at].modifiers[1]);
		assert_int_equal(type.array, cases[at].array);
	}
	struct fact_type none = nodes_type(NULL, &arena);
	assert_null(none.name);
	assert_int_equal(none.modifiers[0], -1);
}

static void text_and_number_types(void **state)
{
	/* Only a cast that can't change a value counts, and only to the server's own type of that name. */
	(void)state;
	static const struct {
		const char *type;
		bool text, number;
	} cases[] = {
	    {"text", true, false},        {"varchar", true, false},
	    {"text[]", true, false},      {"pg_catalog.text", true, false},
	    {"varchar(5)", false, false}, {"char", false, false},
	    {"citext", false, false},     {"name", false, false},
	    {"s.text", false, false},     {"int", false, true},
	    {"bigint", false, true},      {"smallint", false, true},
	    {"numeric", false, true},     {"real", false, true},
	    {"float", false, true},       {"pg_catalog.int8", false, true},
	    {"numeric(9)", false, false}, {"int[]", false, false},
	    {"money", false, false},      {"s.int4", false, false},
	    {"oid", false, false},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		const TypeName *type = type_of(cases[at].type);
		if (nodes_type_is_text(type) != cases[at].text || nodes_type_is_number(type) != cases[at].number)
			fail_msg("%s", cases[at].type);
	}
}

/* -- statements' parts ------------------------------------------------------------------------------ */

static void options(void **state)
{
	/* An option is on when named, and on or off by every spelling that the server takes. */
	(void)state;
	static const char *const on[] = {"", "true", "on", "1", "'ON'", "TRUE"};
	static const char *const off[] = {"false", "off", "0", "'OFF'", "False"};
	for (size_t at = 0; at < ARRAY_LEN(on); at++) {
		const VacuumStmt *vacuum = statement(arena_printf(&arena, "VACUUM (FULL %s) t", on[at]));
		assert_true(nodes_option_is_on(linitial(vacuum->options)));
	}
	for (size_t at = 0; at < ARRAY_LEN(off); at++) {
		const VacuumStmt *vacuum = statement(arena_printf(&arena, "VACUUM (FULL %s) t", off[at]));
		assert_false(nodes_option_is_on(linitial(vacuum->options)));
	}
}

static void temporary_tables(void **state)
{
	/* By the declaration or by the schema; a table that is only unlogged stays. */
	(void)state;
	static const struct {
		const char *sql;
		bool temporary;
	} cases[] = {
	    {"CREATE TEMP TABLE t (a int)", true},      {"CREATE LOCAL TEMPORARY TABLE t (a int)", true},
	    {"CREATE TABLE pg_temp.t (a int)", true},   {"CREATE TABLE t (a int)", false},
	    {"CREATE UNLOGGED TABLE t (a int)", false}, {"CREATE TABLE s.pg_temp (a int)", false},
	};
	for (size_t at = 0; at < ARRAY_LEN(cases); at++) {
		const CreateStmt *create = statement(cases[at].sql);
		assert_int_equal(nodes_is_temporary(create->relation), cases[at].temporary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_part_of_an_expression, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(no_part_of_a_sub_select, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(leaves, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(lists_of_a_statement, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(function_names, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(aggregates, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(constant_texts, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(null_and_string_constants, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(types, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(text_and_number_types, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(options, set_up, tear_down),
	    cmocka_unit_test_setup_teardown(temporary_tables, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

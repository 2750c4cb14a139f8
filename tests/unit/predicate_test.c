/* predicate.c and operand.c, by the facts that they make. */
#include "inspect/tree/facts.h"

#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Every form in which Django sends a pattern gives the column, the function around it and the pattern's shape. */
static void pattern_lookups(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT \"t\".\"id\" FROM \"t\" WHERE UPPER(\"t\".\"name\"::text) LIKE UPPER('%x%')",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[upper(name)] like ~~ column=name and literal shape=( leading wild )\n"},
		{"SELECT 1 FROM t WHERE name::text LIKE 'abc%' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and literal shape=( wild trigram prefix )\n"},
		{"SELECT 1 FROM t WHERE CAST(name AS text) LIKE E'%50\\\\%%' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and literal shape=( leading wild trigram )\n"},
		{"SELECT 1 FROM t WHERE UPPER(name::text) LIKE UPPER('%abc%'::text)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[upper(name)] like ~~ column=name and literal type=text shape=( leading wild trigram )\n"},
		{"SELECT 1 FROM t WHERE UPPER(name::text) = UPPER('x')",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[upper(name)] equal = column=name and literal\n"},
		{"SELECT 1 FROM t WHERE name::text ~ '^abc' AND name::text ~* 'a' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] regex ~ column=name bare and literal shape=( wild trigram prefix )\n"
		 "where 0:[name] iregex ~* column=name bare and literal shape=( leading )\n"},
		{"SELECT 1 FROM t WHERE HOST(ip) LIKE '10%' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[host(ip)] like ~~ column=ip and literal shape=( wild trigram prefix )\n"},
		{"SELECT 1 FROM t WHERE name LIKE '%abc!%' ESCAPE '!' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and literal shape=( leading wild trigram )\n"},
		{"SELECT 1 FROM t WHERE name LIKE '%abc' ESCAPE '\\' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and literal shape=( leading wild trigram )\n"},
		{"SELECT 1 FROM t WHERE name SIMILAR TO '%(abc|de)%' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] similar ~ column=name bare and literal shape=( leading wild trigram )\n"},
		{"SELECT 1 FROM t WHERE name::text LIKE '%' || REPLACE(REPLACE(other, '%', '\\%'), '_', "
		 "'\\_') || '%' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and column 0:[(? || replace(replace(other, ?, ?), ?, ?)) || ?]\n"},
		{"SELECT 1 FROM t WHERE UNACCENT(name) LIKE '%' || REPLACE(UNACCENT('x'), '%', '\\%') || '%' "
		 "",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[unaccent(name)] like ~~ column=name and literal shape=( leading wild trigram )\n"},
		{"SELECT 1 FROM t WHERE name LIKE 'a' || 'b%' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and literal shape=( wild trigram prefix )\n"},
		{"SELECT 1 FROM t WHERE name LIKE ANY (ARRAY['%a', 'b%'])",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and literal items=2\n"},
		{"SELECT 1 FROM t WHERE name COLLATE \"C\" LIKE 'a%' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and collate=C literal shape=( wild trigram prefix )\n"},
		{"SELECT 1 FROM t WHERE name ~ UPPER('\\d')",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] regex ~ column=name bare and literal\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* A parameter is found through casts, functions and concatenation, with what stands before and after it. */
static void parameters(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT 1 FROM t WHERE UPPER(name::text) LIKE UPPER($1)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[upper(name)] like ~~ column=name and parameter $1\n"},
		{"SELECT 1 FROM t WHERE UPPER(name::text) LIKE UPPER('%' || $1 || '%')",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[upper(name)] like ~~ column=name and parameter ..$1.. shape=( leading wild only )\n"},
		{"SELECT 1 FROM t WHERE name LIKE $2 || '%' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and parameter $2.. shape=( wild only )\n"},
		{"SELECT 1 FROM t WHERE name LIKE CONCAT('%', $3::text)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and parameter ..$3 shape=( leading wild only )\n"},
		{"SELECT 1 FROM t WHERE name LIKE $1 || $2",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[name] like ~~ column=name bare and other\n"},
		{"SELECT 1 FROM t WHERE id = $1::int8 AND id IN ($2) AND id IN ($3, $4) AND id = ANY ($5)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[id] equal = column=id bare and parameter $1 type=int8\n"
		 "where 0:[id] equal = column=id bare and parameter $2 items=1\n"
		 "where 0:[id] equal = column=id bare and parameter $3 items=2\n"
		 "where 0:[id] equal = column=id bare and parameter $5 items=2\n"},
		{"SELECT 1 FROM t WHERE (d -> $1) = $2",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[d -> $1] equal = column=d and parameter $2\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* Each operator has its class, the column comes to the left, and what NOT means is told. */
static void operators(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT 1 FROM t WHERE 5 < a AND 'x' = b AND c <> 1 AND 2 >= d",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] range > column=a bare and literal\n"
		 "where 0:[b] equal = column=b bare and literal\n"
		 "where 0:[c] not_equal <> column=c bare and literal\n"
		 "where 0:[d] range <= column=d bare and literal\n"},
		{"SELECT 1 FROM t WHERE a IN (1) AND b IN (1, 2, 3) AND c NOT IN (1, 2) AND d = ANY "
		 "(ARRAY[1, 2]) AND e <> ALL ('{1,2}'::int[])",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal items=1\n"
		 "where 0:[b] equal = column=b bare and literal items=2\n"
		 "where 0:[c] not_equal <> column=c bare and literal items=2\n"
		 "where 0:[d] equal = column=d bare and literal items=2\n"
		 "where 0:[e] not_equal <> column=e bare and literal type=int4 items=2\n"},
		{"SELECT 1 FROM t WHERE a <> ANY ($1) AND b = ALL ($1)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] other <> column=a bare and parameter $1 items=2\n"
		 "where 0:[b] other = column=b bare and parameter $1 items=2\n"},
		{"SELECT 1 FROM t WHERE a BETWEEN 1 AND 2 AND b NOT BETWEEN 1 AND $1",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] range between column=a bare and literal\n"
		 "where 0:[b] range between column=b bare negated and parameter $1\n"},
		{"SELECT 1 FROM t WHERE a IS NULL AND b IS NOT NULL AND NOT c IS NULL",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] is_null is null column=a bare and none\n"
		 "where 0:[b] is_not_null is not null column=b bare and none\n"
		 "where 0:[c] is_null is null column=c bare negated none\n"},
		{"SELECT 1 FROM t WHERE a AND NOT b AND c IS TRUE AND d IS NOT FALSE AND t.e",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] boolean  column=a bare and none\n"
		 "where 0:[b] boolean  column=b bare negated none\n"
		 "where 0:[c] other is true column=c bare and none\n"
		 "where 0:[d] other is not false column=d bare and none\n"
		 "where 0:[e] boolean  column=e bare and none\n"},
		{"SELECT 1 FROM t WHERE a NOT LIKE 'x%' AND b !~~ 'x%' AND NOT (c LIKE 'x%') AND d !~ 'x' "
		 "AND NOT (e NOT ILIKE 'x')",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] like !~~ column=a bare negated and literal shape=( wild trigram prefix )\n"
		 "where 0:[b] like !~~ column=b bare negated and literal shape=( wild trigram prefix )\n"
		 "where 0:[c] like ~~ column=c bare negated literal shape=( wild trigram prefix )\n"
		 "where 0:[d] regex !~ column=d bare negated and literal shape=( leading )\n"
		 "where 0:[e] ilike !~~* column=e bare literal shape=( trigram prefix )\n"},
		{"SELECT 1 FROM t WHERE a IS DISTINCT FROM 1 AND b IS NOT DISTINCT FROM 2",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] other is distinct from column=a bare and literal\n"
		 "where 0:[b] other is not distinct from column=b bare and literal\n"},
		{"SELECT 1 FROM t WHERE d @> '{}' AND '{}' @> d AND 'abc' <% n AND n % 'abc' AND d ? 'k' "
		 "AND 5 = ANY (tags)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[d] other @> column=d bare and literal\n"
		 "where 0:[d] other <@ column=d bare and literal\n"
		 "where 0:[n] other %> column=n bare and literal\n"
		 "where 0:[n] other % column=n bare and literal\n"
		 "where 0:[d] other ? column=d bare and literal\n"
		 "where [?] equal = and column 0:[tags] items=2\n"},
		{"SELECT 1 FROM t WHERE (a, b) = (1, $1)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal\n"
		 "where 0:[b] equal = column=b bare and parameter $1\n"},
		{"SELECT 1 FROM t WHERE 1 = 1 AND true AND NOT false",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"},
		{"SELECT 1 FROM t WHERE a = -1 AND b = '2020-01-01'::date AND c = now() AND d = b + 1 AND e "
		 "= CURRENT_DATE",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal\n"
		 "where 0:[b] equal = column=b bare and literal type=date\n"
		 "where 0:[c] equal = column=c bare and other\n"
		 "where 0:[d] equal = column=d bare and column 0:[b + ?]\n"
		 "where 0:[e] equal = column=e bare and other\n"},
		{"SELECT 1 FROM t WHERE CASE WHEN a LIKE '%x%' THEN 1 ELSE 0 END = 1",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] like ~~ column=a bare literal shape=( leading wild )\n"
		 "where 0:[case when a ~~ ? then ? else ? end] equal = column=a and literal\n"},
		{"SELECT 1 FROM t WHERE starts_with(a, 'x')",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[starts_with(a, ?)] other  column=a and none\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* Expressions keep what an index can name, and hide every other literal. */
static void json_and_time(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT 1 FROM t WHERE (d -> 'a') = '1' AND (d ->> 'a') = 'x' AND UPPER((d ->> 'a')::text) "
		 "LIKE UPPER('%x%')",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[d -> 'a'] equal = column=d and literal\n"
		 "where 0:[d ->> 'a'] equal = column=d and literal\n"
		 "where 0:[upper(d ->> 'a')] like ~~ column=d and literal shape=( leading wild )\n"},
		{"SELECT 1 FROM t WHERE (d #> ARRAY['a','b']) = '1' AND (d #> '{a,b}') = '1' AND tags[1] = "
		 "'a' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[d #> '{a,b}'] equal = column=d and literal\n"
		 "where 0:[d #> '{a,b}'] equal = column=d and literal\n"
		 "where 0:[tags[1]] equal = column=tags and literal\n"},
		{"SELECT 1 FROM t WHERE (ts AT TIME ZONE 'UTC')::date = '2020-01-01' AND EXTRACT('month' "
		 "FROM ts AT TIME ZONE 'UTC') = 5 AND EXTRACT(MONTH FROM ts) = 5",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[timezone('UTC', ts)::date] equal = column=ts cast and literal\n"
		 "where 0:[extract('month', timezone('UTC', ts))] equal = column=ts and literal\n"
		 "where 0:[extract('month', ts)] equal = column=ts and literal\n"},
		{"SELECT 1 FROM t WHERE to_tsvector('english'::regconfig, COALESCE(t.name, 'none')) @@ "
		 "plainto_tsquery('x')",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[to_tsvector('english', coalesce(name, ?))] other @@ column=name and other\n"},
		{"SELECT 1 FROM t WHERE uid::int = 5 AND amount * 1.5 > 7 AND COALESCE(a, 'secret') = "
		 "'secret' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[uid::int4] equal = column=uid cast and literal\n"
		 "where 0:[amount * ?] range > column=amount and literal\n"
		 "where 0:[coalesce(a, ?)] equal = column=a and literal\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* Only what is and-ed to the level counts as a conjunct. */
static void junctions(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT 1 FROM t WHERE a = 1 AND (b = 2 AND c = 3)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal\n"
		 "where 0:[b] equal = column=b bare and literal\n"
		 "where 0:[c] equal = column=c bare and literal\n"},
		{"SELECT 1 FROM t WHERE a = 1 AND (b = 2 OR c = 3)",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal\n"
		 "where 0:[b] equal = column=b bare literal\n"
		 "where 0:[c] equal = column=c bare literal\n"},
		{"SELECT 1 FROM t WHERE NOT (a = 1 AND NOT (b = 2 OR c = 3))",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare negated literal\n"
		 "where 0:[b] equal = column=b bare literal\n"
		 "where 0:[c] equal = column=c bare literal\n"},
		{"SELECT a FROM t GROUP BY a HAVING a > 5 AND count(b) > 1",
		 "select\n"
		 "level 0 group aggregate\n"
		 "relation 0 t\n"
		 "where 0:[a] range > column=a bare literal\n"
		 "where 0:[count(b)] range > column=b literal\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* ON filters an inner join's both sides, an outer join's nullable side only, and nothing of a full one. */
static void joins(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT 1 FROM a JOIN b ON a.id = b.id AND a.x = 1 AND b.y = 2",
		 "select\n"
		 "level 0\n"
		 "relation 0 a\n"
		 "relation 1 b\n"
		 "where 0:[id] equal = column=id bare and column 1:[id]\n"
		 "where 0:[x] equal = column=x bare and literal\n"
		 "where 1:[y] equal = column=y bare and literal\n"},
		{"SELECT 1 FROM a LEFT JOIN b ON b.id = a.id AND a.x = 1 AND b.y = 2",
		 "select\n"
		 "level 0\n"
		 "relation 0 a\n"
		 "relation 1 b\n"
		 "where 1:[id] equal = column=id bare and column 0:[id]\n"
		 "where 0:[x] equal = column=x bare literal\n"
		 "where 1:[y] equal = column=y bare and literal\n"},
		{"SELECT 1 FROM a RIGHT JOIN b ON b.id = a.id AND a.x = 1 AND b.y = 2",
		 "select\n"
		 "level 0\n"
		 "relation 0 a\n"
		 "relation 1 b\n"
		 "where 1:[id] equal = column=id bare column 0:[id]\n"
		 "where 0:[x] equal = column=x bare and literal\n"
		 "where 1:[y] equal = column=y bare literal\n"},
		{"SELECT 1 FROM a FULL JOIN b ON b.id = a.id AND a.x = 1",
		 "select\n"
		 "level 0 others\n"
		 "relation 0 a\n"
		 "relation 1 b\n"
		 "where 1:[id] equal = column=id bare column 0:[id]\n"
		 "where 0:[x] equal = column=x bare literal\n"},
		{"SELECT 1 FROM a LEFT JOIN (b JOIN c ON b.id = c.id) ON c.x = a.x",
		 "select\n"
		 "level 0\n"
		 "relation 0 a\n"
		 "relation 1 b\n"
		 "relation 2 c\n"
		 "where 1:[id] equal = column=id bare and column 2:[id]\n"
		 "where 2:[x] equal = column=x bare and column 0:[x]\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

/* A column belongs to the relation that its qualifier names, in its level or an outer one; without one to the only
 * relation. */
static void names(void **state)
{
	/* clang-format off */
	static const struct tree_case cases[] = {
		{"SELECT 1 FROM s.t WHERE a = 1 AND t.b = 2 AND s.t.c = 3",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 s.t\n"
		 "where 0:[a] equal = column=a bare and literal\n"
		 "where 0:[b] equal = column=b bare and literal\n"
		 "where 0:[c] equal = column=c bare and literal\n"},
		{"SELECT 1 FROM t AS u WHERE u.a = 1 AND t.b = 2",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t alias=u\n"
		 "where 0:[a] equal = column=a bare and literal\n"
		 "where [b] equal = column=b bare and literal\n"},
		{"SELECT 1 FROM t, u WHERE a = 1 AND t.b = 2",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "relation 1 u\n"
		 "where [a] equal = column=a bare and literal\n"
		 "where 0:[b] equal = column=b bare and literal\n"},
		{"SELECT 1 FROM t, (SELECT 1 AS x) s WHERE s.x = 1 AND a = 2",
		 "select\n"
		 "level 0 where others\n"
		 "level 1 in 0\n"
		 "relation 0 t\n"
		 "relation 1 (select) alias=s query=1 cte\n"
		 "where 1:[x] equal = column=x bare and literal\n"
		 "where [a] equal = column=a bare and literal\n"},
		{"SELECT 1 FROM t AS u (x, y) WHERE u.x = 1",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t alias=u\n"
		 "where [x] equal = column=x bare and literal\n"},
		{"SELECT 1 FROM unnest($1) AS u (x) WHERE x = 1",
		 "select\n"
		 "level 0 where others\n"
		 "where [x] equal = column=x bare and literal\n"},
		{"SELECT 1 FROM t TABLESAMPLE system (10) WHERE a = 1",
		 "select\n"
		 "level 0 where others\n"
		 "relation 0 t\n"
		 "where 0:[a] equal = column=a bare and literal\n"},
		{"SELECT 1 FROM a WHERE EXISTS (SELECT 1 FROM b WHERE b.x = a.x AND a.y = 5 AND z = 6)",
		 "select\n"
		 "level 0 where\n"
		 "level 1 in 0 where\n"
		 "relation 0 a\n"
		 "relation 1 b level=1\n"
		 "where 1:[x] equal = column=x bare and level=1 column 0:[x]\n"
		 "where 0:[y] equal = column=y bare and level=1 literal\n"
		 "where 1:[z] equal = column=z bare and level=1 literal\n"},
		{"SELECT 1 FROM t WHERE a + b = 5",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "where 0:[a + b] equal = and literal\n"},
		{"SELECT 1 FROM t, u WHERE t.a + u.b = 5 AND t.a || t.b = 'x' ",
		 "select\n"
		 "level 0 where\n"
		 "relation 0 t\n"
		 "relation 1 u\n"
		 "where [a + b] equal = and literal\n"
		 "where 0:[a || b] equal = and literal\n"},
	};
	/* clang-format on */

	(void)state;
	tree_compare(cases, ARRAY_LEN(cases));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pattern_lookups), cmocka_unit_test(parameters), cmocka_unit_test(operators),
	    cmocka_unit_test(json_and_time),   cmocka_unit_test(junctions),  cmocka_unit_test(joins),
	    cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "inspect/text/sqlkey.h"
#include "config/limits.h"
#include "inspect/tree/facts_dump.h"
#include "inspect/tree/parse.h"
#include "tests/unit/vary.h"

#include <pg_query.h>

#include <stdarg.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct sqlkey_scratch *scratch;
static struct sqlkey_scratch *learning; /* keeps every text that it has seen */

static int make_scratch(void **state)
{
	(void)state;
	scratch = sqlkey_scratch_new();
	learning = sqlkey_scratch_new();
	return 0;
}

static int free_scratch(void **state)
{
	(void)state;
	sqlkey_scratch_free(scratch);
	sqlkey_scratch_free(learning);
	return 0;
}

static struct sqlkey key_of_in(const char *sql, bool conforming, uint64_t scope)
{
	const struct sqlkey_options options = {.standard_conforming_strings = conforming, .scope = scope};
	struct sqlkey key;

	assert_int_equal(sqlkey_of(scratch, sql, strlen(sql), &options, &key), SQLKEY_OK);
	return key;
}

static bool same(const char *a, const char *b)
{
	struct sqlkey key_a = key_of_in(a, true, 0), key_b = key_of_in(b, true, 0);

	return key_a.low == key_b.low && key_a.high == key_b.high;
}

/* Declared types make other keys, each of its own and by its place; what is left open makes none. */
static void types(void **state)
{
	static const uint32_t none[] = {0, 0}, one[] = {23, 0}, other[] = {20}, second[] = {0, 23};

	(void)state;
	assert_int_equal(sqlkey_types(NULL, 0), 0);
	assert_int_equal(sqlkey_types(none, 2), 0);
	assert_true(sqlkey_types(one, 2) == sqlkey_types(one, 1));
	assert_true(sqlkey_types(one, 1) != sqlkey_types(other, 1));
	assert_true(sqlkey_types(one, 2) != sqlkey_types(second, 2));
	assert_int_not_equal(sqlkey_types(second, 2), 0);
}

/* The same through the store of texts seen before, which must not make a difference. */
static bool learns(const char *sql)
{
	const struct sqlkey_options options = {.standard_conforming_strings = true};
	struct sqlkey key, learned;

	if (sqlkey_of(scratch, sql, strlen(sql), &options, &key) !=
	        sqlkey_of(learning, sql, strlen(sql), &options, &learned) ||
	    key.low != learned.low || key.high != learned.high)
		return false;
	sqlkey_learn(learning, sql);
	return true;
}

struct pair {
	const char *a, *b;
};

/* Every two texts of a pair are the same statement with other values: one parse serves both. */
static void values_do_not_make_a_new_statement(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT x FROM t WHERE id = 1", "SELECT x FROM t WHERE id = 42"},
	    {"SELECT x FROM t WHERE id = 1", "select  x\nfrom /* hi */ t where ID=7 -- end"},
	    {"SELECT x FROM t WHERE s = 'abc'", "SELECT x FROM t WHERE s = 'another'"},
	    {"SELECT x FROM t WHERE s = 'abc'", "SELECT x FROM t WHERE s = E'abc'"},
	    {"SELECT x FROM t WHERE s = 'abc'", "SELECT x FROM t WHERE s = $$hidden$$"},
	    {"SELECT x FROM t WHERE s LIKE '%abc%'", "SELECT x FROM t WHERE s LIKE '%quite long%'"},
	    {"SELECT x FROM t WHERE id IN (1, 2)", "SELECT x FROM t WHERE id IN (3,4,5,6,7,8)"},
	    {"SELECT x FROM t WHERE s IN ('a', '%')", "SELECT x FROM t WHERE s IN ('.', '', 'ccc')"},
	    {"SELECT x FROM t WHERE s IN ('a'::uuid, 'b'::uuid)",
	     "SELECT x FROM t WHERE s IN ('a'::uuid, 'b'::uuid, 'c'::uuid)"},
	    {"SELECT x FROM t WHERE (a, b) IN ((1, 'a'), (2, 'b'))",
	     "SELECT x FROM t WHERE (a, b) IN ((1, '%'), (2, ''), (3, 'c'))"},
	    {"INSERT INTO t (a, b) VALUES (1, 'a'), (2, 'b')",
	     "INSERT INTO t (a, b) VALUES (1, '%'), (2, ''), (3, '.')"},
	    {"INSERT INTO t (a, b) VALUES (1, 'a'), (2, 'b')",
	     "INSERT INTO t (a, b) VALUES (1, 'a'), (NULL, 'b'::uuid), (-2, DEFAULT), (1.5, true), ( 6 , E'\\\\' "
	     ")"},
	    {"INSERT INTO t (a, b) VALUES (1, '')", "INSERT INTO t (a, b) VALUES (2, 'b%c.d')"},
	    {"UPDATE t SET a = 'x', b = '%y' WHERE id = 3", "UPDATE t SET a = '', b = 'yyy' WHERE id = 4"},
	    {"INSERT INTO t (name, note) VALUES ('hunter2', '')",
	     "INSERT INTO t (name, note) VALUES ('', 'sk_live_1')"},
	    {"INSERT INTO t (note) VALUES ('{\"a\": 1}'), ('{\"b\": 2}')",
	     "INSERT INTO t (note) VALUES ('{\"c\": \"d''e\"}'), ('[1]'), ('[\"a\"]')"},
	    {"UPDATE t SET password = 'hunter2'", "UPDATE t SET password = 'other one'"},
	    {"SELECT x FROM t WHERE password = 'hunter2'", "SELECT x FROM t WHERE password = '5f4dcc3b5aa765d61d8327deb882cf99'"},
	    {"SELECT x FROM t LIMIT 20 OFFSET 20", "SELECT x FROM t LIMIT 5 OFFSET 4000"},
	    {"SELECT x FROM t WHERE q @@ plainto_tsquery('some words')",
	     "SELECT x FROM t WHERE q @@ plainto_tsquery('other words')"},
	    {"DECLARE c CURSOR FOR SELECT 1 WHERE s = 'abc'", "DECLARE c CURSOR FOR SELECT 2 WHERE s = 'def'"},
	    {"COPY (SELECT x FROM t WHERE id = 5) TO STDOUT", "COPY (SELECT x FROM t WHERE id = 6) TO STDOUT"},
	    {"EXPLAIN SELECT x FROM t WHERE id = 5", "EXPLAIN SELECT x FROM t WHERE id = 6"},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		if (!same(pairs[at].a, pairs[at].b))
			fail_msg("differ: %s | %s", pairs[at].a, pairs[at].b);
		if (!learns(pairs[at].a) || !learns(pairs[at].b) || !learns(pairs[at].a))
			fail_msg("having learned: %s | %s", pairs[at].a, pairs[at].b);
	}
}

/* What a rule or an index can tell apart must not share a key. */
static void what_matters_makes_a_new_statement(void **state)
{
	static const struct pair pairs[] = {
	    {"SELECT x FROM t WHERE s LIKE '%abc%'", "SELECT x FROM t WHERE s LIKE 'abc%'"},
	    {"SELECT x FROM t WHERE s LIKE '%abc%'", "SELECT x FROM t WHERE s LIKE '%ab%'"},
	    {"SELECT x FROM t WHERE s LIKE '%abc%'", "SELECT x FROM t WHERE s LIKE E'\\\\%abc%'"},
	    {"SELECT x FROM t WHERE s ~ 'abc'", "SELECT x FROM t WHERE s ~ '^abc'"},
	    {"SELECT x FROM t WHERE s ~ 12", "SELECT x FROM t WHERE s ~ 123"},
	    {"SELECT x FROM t WHERE s LIKE 'a' ESCAPE '!'", "SELECT x FROM t WHERE s LIKE 'a' ESCAPE '#'"},
	    {"SELECT x FROM t WHERE id IN (1)", "SELECT x FROM t WHERE id IN (1, 2)"},
	    {"SELECT x FROM t WHERE id = 1", "SELECT x FROM t WHERE id = 1.0"},
	    {"SELECT x FROM t WHERE id = 1", "SELECT x FROM t WHERE id = 3000000000"},
	    {"SELECT x FROM t WHERE id = 3000000000", "SELECT x FROM t WHERE id = 30000000000000000000"},
	    {"SELECT x FROM t WHERE id = 1", "SELECT x FROM t WHERE id = '1'"},
	    {"SELECT x FROM t WHERE id = 'a'", "SELECT x FROM t WHERE id = N'a'"},
	    {"SELECT x FROM t WHERE id = NULL", "SELECT x FROM t WHERE id = true"},
	    {"SELECT x FROM t WHERE d -> 'a' = '1'", "SELECT x FROM t WHERE d -> 'b' = '1'"},
	    {"SELECT x FROM t WHERE d -> ('a') = '1'", "SELECT x FROM t WHERE d -> ('b') = '1'"},
	    {"SELECT x FROM t WHERE d #> ARRAY['a'] = '1'", "SELECT x FROM t WHERE d #> ARRAY['b'] = '1'"},
	    {"SELECT x FROM t WHERE d -> 'a' - 'c' = '1'", "SELECT x FROM t WHERE d -> 'a' - 'd' = '1'"},
	    {"SELECT x FROM t WHERE d OPERATOR(pg_catalog.->) 'a' = '1'",
	     "SELECT x FROM t WHERE d OPERATOR(pg_catalog.->) 'b' = '1'"},
	    {"SELECT x FROM t WHERE a[1] = 2", "SELECT x FROM t WHERE a[2] = 2"},
	    {"SELECT x FROM t WHERE d['a'] = '2'", "SELECT x FROM t WHERE d['b'] = '2'"},
	    {"SELECT x FROM t WHERE (z AT TIME ZONE 'UTC')::date = 'a'",
	     "SELECT x FROM t WHERE (z AT TIME ZONE 'CET')::date = 'a'"},
	    {"SELECT x FROM t WHERE EXTRACT('month' FROM z) = 2", "SELECT x FROM t WHERE EXTRACT('year' FROM z) = 2"},
	    {"SELECT x FROM t WHERE \"date_trunc\"('day', z) = 'a'",
	     "SELECT x FROM t WHERE \"date_trunc\"('month', z) = 'a'"},
	    {"SELECT x FROM t WHERE to_tsvector('english', z) @@ q",
	     "SELECT x FROM t WHERE to_tsvector('german', z) @@ q"},
	    {"SELECT x FROM t WHERE z::varchar(5) = 'a'", "SELECT x FROM t WHERE z::varchar(6) = 'a'"},
	    {"SELECT x FROM t WHERE z::geo.point(5) = 'a'", "SELECT x FROM t WHERE z::geo.point(6) = 'a'"},
	    {"SELECT x FROM t WHERE z::int ARRAY[5] = 'a'", "SELECT x FROM t WHERE z::int ARRAY[6] = 'a'"},
	    {"SELECT x FROM t WHERE varchar(5) 'abc' = z", "SELECT x FROM t WHERE varchar(6) 'abc' = z"},
	    {"SELECT x, y FROM t ORDER BY 1", "SELECT x, y FROM t ORDER BY 2"},
	    {"SELECT x FROM t OFFSET 20", "SELECT x FROM t OFFSET 20000"},
	    {"SELECT x FROM t WHERE values = 'a' AND s LIKE '%ab%'",
	     "SELECT x FROM t WHERE values = 'a' AND s LIKE 'ab%'"},
	    {"SELECT 1 FROM t WHERE update = 1 AND set = 2 AND s LIKE '%ab%'",
	     "SELECT 1 FROM t WHERE update = 1 AND set = 2 AND s LIKE 'ab%'"},
	    {"INSERT INTO t VALUES ('a', (SELECT 1 FROM u WHERE s LIKE '%ab%'))",
	     "INSERT INTO t VALUES ('a', (SELECT 1 FROM u WHERE s LIKE 'ab%'))"},
	    {"UPDATE t SET a = (SELECT 1 FROM u WHERE s LIKE '%ab%')",
	     "UPDATE t SET a = (SELECT 1 FROM u WHERE s LIKE 'ab%')"},
	    {"UPDATE t SET a = 'x' WHERE s LIKE '%ab%'", "UPDATE t SET a = 'x' WHERE s LIKE 'ab%'"},
	    {"UPDATE t SET password = 'hunter2'", "UPDATE t SET password = ''"},
	    {"UPDATE t SET password = 'hunter2'", "UPDATE t SET password = '!'"},
	    {"INSERT INTO t VALUES (1, 'hunter2')", "INSERT INTO t VALUES (1, '')"},
	    {"INSERT INTO t AS x (SELECT 'hunter2')", "INSERT INTO t AS x (SELECT '')"},
	    {"INSERT INTO t WITH a AS (SELECT 1) SELECT 'hunter2'", "INSERT INTO t WITH a AS (SELECT 1) SELECT ''"},
	    {"MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT VALUES ('hunter2')",
	     "MERGE INTO t USING u ON t.a = u.a WHEN NOT MATCHED THEN INSERT VALUES ('')"},
	    {"INSERT INTO t (a, \"Password\") VALUES (1, 'hunter2')",
	     "INSERT INTO t (a, \"Password\") VALUES (1, '*')"},
	    {"INSERT INTO t (a) VALUES ('{\"a\": 1}')", "INSERT INTO t (a) VALUES ('hunter2')"},
	    {"INSERT INTO t (a) VALUES ('{\"a\": 1}')", "INSERT INTO t (a) VALUES ('{}')"},
	    {"SELECT dblink_connect('host=a')", "SELECT dblink_connect('host=a password=b')"},
	    {"SELECT set_config('search_path', 'a', false)", "SELECT set_config('search_path', 'b', false)"},
	    {"SELECT x FROM t", "SELECT \"X\" FROM t"},
	    {"SELECT a.b FROM t", "SELECT ab FROM t"},
	    {"VALUES (1), (2)", "VALUES (1), 5, (2)"},
	    {"VALUES (1), (2)", "VALUES (1) (2)"},
	    {"SELECT (VALUES (1), (2))", "SELECT (VALUES (1), ; (2))"},
	    {"SELECT x FROM t WHERE a IN (1, 2)", "SELECT x FROM t WHERE a IN (1; , 2)"},
	    {"VALUES (1), (2)", "VALUES (1), (+2)"},
	    {"VALUES (1), (2)", "VALUES (1), (-2::int4)"},
	    {"VALUES (1), (2)", "VALUES (1), (-'2')"},
	    {"VALUES (1), (2)", "VALUES (1), ('a'::text::date)"},
	    {"VALUES (1), (2)", "VALUES (1), ('a'::other)"},
	    {"VALUES (1), (2)", "VALUES (1), ('a'::numeric(3))"},
	    {"VALUES (1), (2)", "VALUES (1), (now())"},
	    {"VALUES (1), (2)", "VALUES (1), (a)"},
	    {"VALUES (1), (2)", "VALUES (1), ()"},
	    {"VALUES (1), (2)", "VALUES (1), (2,)"},
	    {"VALUES (1), (2)", "VALUES (1), (2 3)"},
	    {"VALUES (now()), (now())", "VALUES (now()), (1)"},
	    {"VALUES (1), (2), (3)", "VALUES (1), (2), , (3)"},
	    {"VALUES (1), (2), (3)", "VALUES (1), (2) x, (3)"},
	    {"SELECT x FROM t WHERE a IN (1, 2)", "SELECT x FROM t WHERE a IN (1, , 2)"},
	    {"SELECT x FROM t WHERE a IN (1, 2)", "SELECT x FROM t WHERE a IN (1, 2,)"},
	    {"SELECT x FROM t WHERE a IN (1, 2)", "SELECT x FROM t WHERE a IN (1, 2 3)"},
	    {"SELECT x FROM t WHERE a IN ((1, 2), (3, 4))", "SELECT x FROM t WHERE a IN ((1, 2), (3), (4))"},
	    {"SELECT x FROM t WHERE s LIKE E'\\é%'", "SELECT x FROM t WHERE s LIKE E'\\éabc'"},
	    {"SELECT 1;", "SELECT 1;;"},
	    {"SELECT x FROM t WHERE a = $1", "SELECT x FROM t WHERE a = $2"},
	    {"SELECT a + - b", "SELECT a +- b + c"},
	    {"SELECT 'a' 'b'", "SELECT 'a'\n'b'"},
	    {"SET a = 'x'", "SET a = 'y'"},
	    {"ALTER TABLE t ADD COLUMN c int DEFAULT 1", "ALTER TABLE t ADD COLUMN c int DEFAULT 2"},
	    {"SAVEPOINT a", "SAVEPOINT b"},
	    {"FETCH 10 FROM c", "FETCH 20 FROM c"},
	    {"COPY t FROM '/a'", "COPY t FROM '/b'"},
	    {"SELECT 1; SET a = 'x'", "SELECT 1; SET a = 'y'"},
	    {"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 'a'; END",
	     "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 'b'; END"},
	};

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(pairs); at++) {
		if (same(pairs[at].a, pairs[at].b))
			fail_msg("same: %s | %s", pairs[at].a, pairs[at].b);
		if (!learns(pairs[at].a) || !learns(pairs[at].b) || !learns(pairs[at].a))
			fail_msg("having learned: %s | %s", pairs[at].a, pairs[at].b);
	}
}

/* The scope and the meaning of a backslash are part of every key. */
static void scope_and_backslashes_are_in_the_key(void **state)
{
	static const char sql[] = "SELECT x FROM t WHERE s = 'a'";

	(void)state;
	assert_int_equal(key_of_in(sql, true, 1).low, key_of_in(sql, true, 1).low);
	assert_int_not_equal(key_of_in(sql, true, 1).low, key_of_in(sql, true, 2).low);
	assert_int_not_equal(key_of_in(sql, true, 1).low, key_of_in(sql, false, 1).low);
}

struct outcome {
	const char *sql;
	enum sqlkey_result result;
};

/* What cannot be recognised says why. */
static void results_are_told(void **state)
{
	static const struct outcome all[] = {
	    {"", SQLKEY_EMPTY},
	    {" ; ;; ", SQLKEY_EMPTY},
	    {"-- only\n/* this */", SQLKEY_EMPTY},
	    {"SELECT 'a", SQLKEY_UNTERMINATED},
	    {"SELECT /* a", SQLKEY_UNTERMINATED},
	    {"SELECT $a$ $b$", SQLKEY_UNTERMINATED},
	    {"SELECT 1", SQLKEY_OK},
	    {")", SQLKEY_OK},
	    {"hello", SQLKEY_OK},
	};
	const struct sqlkey_options options = {.standard_conforming_strings = true};
	struct sqlkey key, other;

	(void)state;
	for (size_t at = 0; at < ARRAY_LEN(all); at++)
		assert_int_equal(sqlkey_of(scratch, all[at].sql, strlen(all[at].sql), &options, &key), all[at].result);
	assert_int_equal(sqlkey_of(scratch, "SELECT 'a\0b'", 12, &options, &key), SQLKEY_UNTERMINATED);
	/* Texts that are not understood have a key of their own each. */
	assert_int_equal(sqlkey_of(scratch, "SELECT 'a", 9, &options, &key), SQLKEY_UNTERMINATED);
	assert_int_equal(sqlkey_of(scratch, "SELECT 'b", 9, &options, &other), SQLKEY_UNTERMINATED);
	assert_int_not_equal(key.low, other.low);
}

static enum sqlkey_result result_of_repeated(const char *head, const char *piece, size_t times, const char *tail)
{
	const struct sqlkey_options options = {.standard_conforming_strings = true};
	size_t len = strlen(head), piece_len = strlen(piece);
	char *sql = malloc(len + times * piece_len + strlen(tail) + 1);
	enum sqlkey_result result;
	struct sqlkey key;

	memcpy(sql, head, len);
	for (size_t at = 0; at < times; at++, len += piece_len)
		memcpy(sql + len, piece, piece_len);
	memcpy(sql + len, tail, strlen(tail) + 1);
	result = sqlkey_of(scratch, sql, strlen(sql), &options, &key);
	free(sql);
	return result;
}

/* The ceilings hold, one step before them all is well, and lists that collapse don't count. */
static void ceilings_hold(void **state)
{
	(void)state;
	assert_int_equal(result_of_repeated("SELECT ", "(", LIMIT_PARSE_DEPTH, "1"), SQLKEY_OK);
	assert_int_equal(result_of_repeated("SELECT ", "(", LIMIT_PARSE_DEPTH + 1, "1"), SQLKEY_TOO_DEEP);
	assert_int_equal(result_of_repeated("SELECT 1", "+1", LIMIT_PARSE_OPERATORS - 2, ""), SQLKEY_OK);
	assert_int_equal(result_of_repeated("SELECT 1", "+1", LIMIT_PARSE_OPERATORS + 2, ""), SQLKEY_TOO_LONG);
	assert_int_equal(result_of_repeated("SELECT a", ",a", LIMIT_PARSE_TOKENS / 2 + 2, ""), SQLKEY_TOO_LONG);
	assert_int_equal(result_of_repeated("SELECT a FROM t WHERE a IN (1", ",1", LIMIT_PARSE_TOKENS, ")"), SQLKEY_OK);
	assert_int_equal(result_of_repeated("INSERT INTO t VALUES (1, 'a')", ",(2, 'b')", LIMIT_PARSE_TOKENS / 2, ""),
	                 SQLKEY_OK);
	assert_int_equal(result_of_repeated("SELECT '", "a", LIMIT_INSPECT_BYTES, "'"), SQLKEY_TOO_LONG);
}

/* -- the law -------------------------------------------------------------------------------------- */

enum { LAW_SLOTS = 1 << 20, LAW_VARIANTS = 24, DUMP_BYTES = 64 * 1024 };

/* What was found of the first text with this key. */
struct law_entry {
	struct sqlkey key;
	char *sql, *dump, *query;
	uint64_t fingerprint;
	enum parse_result result;
};

struct law {
	struct law_entry *slots;
	size_t texts, shared;
	char message[4096];
};

static void law_check(struct law *law, const char *sql);
static struct law_entry *law_slot(struct law *law, const struct sqlkey *key);
static void law_count_fingerprints(const struct law *law);
static char *folded(const char *query);

/* PGPROCTOR_LAW_VARIANTS and PGPROCTOR_LAW_SEED make a longer run, or another.
 *
 * Equal keys mean equal outcome of the parse, fingerprint, normalised text and facts, and the fingerprint is
 * pg_query's own, for random variants of the whole corpus. */
static void *hold_law(void *context)
{
	const char *wanted = getenv("PGPROCTOR_LAW_VARIANTS");
	long variants = wanted ? strtol(wanted, NULL, 10) : LAW_VARIANTS;
	const char *seed = getenv("PGPROCTOR_LAW_SEED");
	struct vary vary = {.random = seed ? strtoul(seed, NULL, 0) : 0x9E3779B97F4A7C15};
	struct law *law = context;
	size_t count;
	char **corpus = vary_corpus(&count);

	for (size_t at = 0; at < count && !law->message[0]; at++) {
		law_check(law, corpus[at]);
		for (long variant = 0; variant < variants && !law->message[0]; variant++) {
			/* Every other one of a statement that is no longer quite the same, and often none at all. */
			char *base = variant % 2 ? vary_structure(&vary, corpus[at]) : strdup(corpus[at]);

			for (int twin = 0; twin < 3 && !law->message[0]; twin++) {
				char *sql = vary_statement(&vary, base, strlen(base));

				law_check(law, sql);
				free(sql);
			}
			free(base);
		}
	}
	assert_true(count > 300);
	vary_corpus_free(corpus, count);
	return NULL;
}

static void equal_keys_mean_equal_statements(void **state)
{
	struct law law = {.slots = calloc(LAW_SLOTS, sizeof(*law.slots))};

	(void)state;
	vary_on_parse_stack(hold_law, &law);
	law_count_fingerprints(&law);
	for (size_t at = 0; at < LAW_SLOTS; at++) {
		free(law.slots[at].sql);
		free(law.slots[at].dump);
		free(law.slots[at].query);
	}
	free(law.slots);
	if (law.message[0])
		fail_msg("%s", law.message);
	/* Were there no two texts of one key, nothing was tested. */
	print_message("%zu texts, %zu of them with the key of an earlier one\n", law.texts, law.shared);
	assert_true(law.shared * 5 > law.texts);
}

static void law_check(struct law *law, const char *sql)
{
	static char dump[DUMP_BYTES];
	const struct sqlkey_options options = {.standard_conforming_strings = true};
	struct law_entry found = {.result = PARSE_SYNTAX}, *entry;
	PgQueryFingerprintResult theirs;
	struct parsed parsed;
	struct arena arena;
	bool commented;
	size_t len = 0;

	law->texts++;
	if (!learns(sql)) {
		snprintf(law->message, sizeof(law->message), "another key for having learned others: %s", sql);
		return;
	}
	if (sqlkey_of(scratch, sql, strlen(sql), &options, &found.key) != SQLKEY_OK)
		return;
	arena_init(&arena);
	found.result = parse_sql(sql, strlen(sql), &arena, &parsed);
	theirs = pg_query_fingerprint(sql);
	/* The library's lexer hands comments to its look-ahead, so that it refuses NOT, a comment, IN, and takes what
	 * the server refuses; what we give it to parse has none. */
	commented = strstr(sql, "--") || strstr(sql, "/*");
	if (!commented && ((theirs.error == NULL) != (found.result == PARSE_OK) ||
	                   (!theirs.error && theirs.fingerprint != parsed.fingerprint)))
		snprintf(law->message, sizeof(law->message), "the library says %s %016lx, we %016lx: %s",
		         theirs.error ? theirs.error->message : "", (unsigned long)theirs.fingerprint,
		         (unsigned long)parsed.fingerprint, sql);
	pg_query_free_fingerprint_result(theirs);
	found.fingerprint = parsed.fingerprint;
	dump[0] = '\0';
	for (uint16_t at = 0; at < parsed.statement_count; at++) {
		facts_dump_fully(&parsed.facts[at], dump + len, sizeof(dump) - len);
		len += strlen(dump + len);
	}
	found.query = folded(parsed.query);
	entry = law_slot(law, &found.key);
	if (!entry->sql) {
		found.sql = strdup(sql);
		found.dump = strdup(dump);
		*entry = found;
	} else {
		law->shared += strcmp(entry->sql, sql) != 0;
		if (entry->result != found.result || entry->fingerprint != found.fingerprint ||
		    strcmp(entry->query, found.query) != 0 || strcmp(entry->dump, dump) != 0)
			snprintf(law->message, sizeof(law->message),
			         "one key:\n  %s\n  %s\nbut\n  %d %016lx %s\n%.1000s\n  %d %016lx %s\n%.1000s",
			         entry->sql, sql, entry->result, (unsigned long)entry->fingerprint, entry->query,
			         entry->dump, found.result, (unsigned long)found.fingerprint, found.query, dump);
		free(found.query);
	}
	arena_fini(&arena);
}

static struct law_entry *law_slot(struct law *law, const struct sqlkey *key)
{
	size_t slot = key->low % LAW_SLOTS;

	while (law->slots[slot].sql && (law->slots[slot].key.low != key->low || law->slots[slot].key.high != key->high))
		slot = (slot + 1) % LAW_SLOTS;
	return &law->slots[slot];
}

static int compare_fingerprints(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* The other direction holds only as far as it is meant to: several keys may have one fingerprint, since it merges what a
 * rule tells apart. How often is said, for each key more costs a parse and a place in the cache. */
static void law_count_fingerprints(const struct law *law)
{
	uint64_t *fingerprints = calloc(LAW_SLOTS, sizeof(*fingerprints));
	size_t keys = 0, distinct = 0, sharing = 0;

	assert_non_null(fingerprints);
	for (size_t at = 0; at < LAW_SLOTS; at++) {
		if (law->slots[at].sql && law->slots[at].result == PARSE_OK)
			fingerprints[keys++] = law->slots[at].fingerprint;
	}
	qsort(fingerprints, keys, sizeof(*fingerprints), compare_fingerprints);
	for (size_t at = 0; at < keys; at++) {
		bool first = at == 0 || fingerprints[at - 1] != fingerprints[at];
		bool last = at + 1 == keys || fingerprints[at + 1] != fingerprints[at];

		distinct += first;
		sharing += !(first && last);
	}
	print_message("%zu keys of statements that parse, %zu fingerprints; %zu of the keys share theirs\n", keys, distinct,
	              sharing);
	free(fingerprints);
}

/* Spelling and spacing of the normalised text are the first statement's. */
static char *folded(const char *query)
{
	char *copy = malloc(strlen(query) + 1);
	size_t len = 0;

	for (; *query; query++) {
		if (*query != ' ')
			copy[len++] = *query >= 'A' && *query <= 'Z' ? (char)(*query + 32) : *query;
	}
	copy[len] = '\0';
	return copy;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(values_do_not_make_a_new_statement),
	    cmocka_unit_test(what_matters_makes_a_new_statement),
	    cmocka_unit_test(types),
	    cmocka_unit_test(scope_and_backslashes_are_in_the_key),
	    cmocka_unit_test(results_are_told),
	    cmocka_unit_test(ceilings_hold),
	    cmocka_unit_test(equal_keys_mean_equal_statements),
	};

	return cmocka_run_group_tests(tests, make_scratch, free_scratch);
}

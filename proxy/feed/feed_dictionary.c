#include "proxy/feed/feed_dictionary.h"

#include <stdlib.h>
#include <string.h>

/* Row types and their arrays come with each table and are no operand of anybody's; functions for the server's own use
 * (internal, triggers, in and out) no statement can call. */
#define TYPES                                                                                                          \
	" FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_type e ON e.oid = t.typelem"       \
	" WHERE t.typtype <> 'c' AND coalesce(e.typtype, 'b') <> 'c' "
#define FUNCTIONS                                                                                                      \
	" FROM pg_proc p WHERE p.prokind <> 'p' AND p.prorettype NOT IN ('internal'::regtype, 'trigger'::regtype,"     \
	" 'event_trigger'::regtype, 'cstring'::regtype) AND NOT ('internal'::regtype = ANY (p.proargtypes::oid[]))"    \
	" AND NOT ('cstring'::regtype = ANY (p.proargtypes::oid[])) "
#define COLLATIONS                                                                                                     \
	" FROM pg_collation co WHERE co.collencoding IN (-1, (SELECT d.encoding FROM pg_database d"                    \
	" WHERE d.datname = current_database())) "

/* Rows of these are never updated by what changes them in practice, but added and removed. */
static const char signature_sql[] =
    "SELECT concat_ws(' ', (SELECT count(*) || ',' || max(t.oid::int8)" TYPES "),"
    " (SELECT count(*) || ',' || max(p.oid::int8) || ',' || max(p.xmin::text::int8)" FUNCTIONS "),"
    " (SELECT count(*) || ',' || max(oid::int8) FROM pg_operator),"
    " (SELECT count(*) || ',' || max(oid::int8) FROM pg_cast),"
    " (SELECT count(*) || ',' || max(oid::int8) FROM pg_amop),"
    " (SELECT count(*) || ',' || max(oid::int8) || ',' || max(xmin::text::int8) FROM pg_opclass),"
    " (SELECT count(*) || ',' || max(oid::int8) FROM pg_collation))";

static const char types_sql[] =
    "SELECT t.oid, n.nspname, t.typname, t.typtype, t.typcategory, t.typispreferred,"
    " CASE WHEN t.typlen = -1 AND t.typelem <> 0 AND e.typarray = t.oid THEN t.typelem ELSE 0 END, t.typarray,"
    " t.typbasetype, coalesce((SELECT r.rngsubtype FROM pg_range r WHERE r.rngtypid = t.oid"
    " OR to_jsonb(r) ->> 'rngmultitypid' = t.oid::text), 0), t.typcollation, t.typtypmod" TYPES;

static const char casts_sql[] = "SELECT castsource, casttarget, castfunc, castcontext, castmethod FROM pg_cast";

static const char operators_sql[] =
    "SELECT oid, oprname, oprleft, oprright, oprresult, oprcom, oprnegate, oprcode::oid,"
    " oprnamespace = 'pg_catalog'::regnamespace FROM pg_operator";

static const char functions_sql[] =
    "SELECT p.oid, p.proname, array_to_string(p.proargtypes::oid[], ' '), p.pronargdefaults, p.provariadic,"
    " p.prorettype, p.provolatile, p.prokind, p.proisstrict, p.proretset,"
    " p.pronamespace = 'pg_catalog'::regnamespace" FUNCTIONS;

static const char members_sql[] =
    "SELECT o.amopfamily, o.amopopr, o.amoplefttype, o.amoprighttype, o.amopstrategy, o.amoppurpose, o.amopsortfamily,"
    " m.amname = 'btree' FROM pg_amop o JOIN pg_am m ON m.oid = o.amopmethod";

static const char classes_sql[] = "SELECT c.oid, c.opcname, m.amname, c.opcfamily, c.opcintype, c.opcdefault"
                                  " FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod";

/* Whether it sorts by bytes: as feed_sql.c says it of columns. */
static const char collations_sql[] =
    "SELECT co.oid, co.collname, CASE WHEN co.oid = 100 THEN"
    " (SELECT CASE coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') WHEN 'c' THEN d.datcollate IN ('C', 'POSIX')"
    " ELSE to_jsonb(d) ->> 'datlocprovider' = 'b' END FROM pg_database d WHERE d.datname = current_database())"
    " ELSE co.collprovider = 'b' OR co.collprovider = 'c' AND co.collcollate IN ('C', 'POSIX') END,"
    " NOT co.collisdeterministic, co.collnamespace = 'pg_catalog'::regnamespace" COLLATIONS;

static bool read_all(struct feed_result *result, struct dictionary *dictionary);
static const char *text(struct dictionary *dictionary, const struct feed_result *result, int column);
static void read_arguments(struct dictionary *dictionary, const char *list, struct dictionary_function *function);

struct dictionary *feed_dictionary_read(struct feed_result *result, struct dictionary *before)
{
	if (!feed_result_run(result, signature_sql, 1))
		return NULL;
	char signature[256] = "";
	while (feed_result_next(result))
		snprintf(signature, sizeof(signature), "%s",
		         feed_result_cell(result, 0) != NULL ? feed_result_cell(result, 0) : "");
	if (before != NULL && strcmp(dictionary_signature(before), signature) == 0)
		return dictionary_ref(before);
	struct dictionary *dictionary = dictionary_new(signature);
	if (!read_all(result, dictionary)) {
		dictionary_unref(dictionary);
		return NULL;
	}
	dictionary_seal(dictionary);
	return dictionary;
}

static bool read_all(struct feed_result *result, struct dictionary *dictionary)
{
	if (!feed_result_run(result, types_sql, 12))
		return false;
	while (feed_result_next(result)) {
		const struct dictionary_type type = {
		    .oid = feed_result_oid(result, 0),
		    .schema = text(dictionary, result, 1),
		    .name = text(dictionary, result, 2),
		    .kind = feed_result_char(result, 3),
		    .category = feed_result_char(result, 4),
		    .preferred = feed_result_true(result, 5),
		    .element = feed_result_oid(result, 6),
		    .array = feed_result_oid(result, 7),
		    .base = feed_result_oid(result, 8),
		    .subtype = feed_result_oid(result, 9),
		    .collation = feed_result_oid(result, 10),
		    .modifier = (int32_t)feed_result_integer(result, 11),
		};
		dictionary_add_type(dictionary, &type);
	}
	if (!feed_result_run(result, casts_sql, 5))
		return false;
	while (feed_result_next(result)) {
		const struct dictionary_cast cast = {
		    .source = feed_result_oid(result, 0),
		    .target = feed_result_oid(result, 1),
		    .function = feed_result_oid(result, 2),
		    .context = feed_result_char(result, 3),
		    .method = feed_result_char(result, 4),
		};
		dictionary_add_cast(dictionary, &cast);
	}
	if (!feed_result_run(result, operators_sql, 9))
		return false;
	while (feed_result_next(result)) {
		const struct dictionary_operator operator= {
		    .oid = feed_result_oid(result, 0),
		    .name = text(dictionary, result, 1),
		    .left = feed_result_oid(result, 2),
		    .right = feed_result_oid(result, 3),
		    .result = feed_result_oid(result, 4),
		    .commutator = feed_result_oid(result, 5),
		    .negator = feed_result_oid(result, 6),
		    .function = feed_result_oid(result, 7),
		    .builtin = feed_result_true(result, 8),
		};
		dictionary_add_operator(dictionary, &operator);
	}
	if (!feed_result_run(result, functions_sql, 11))
		return false;
	while (feed_result_next(result)) {
		struct dictionary_function function = {
		    .oid = feed_result_oid(result, 0),
		    .name = text(dictionary, result, 1),
		    .default_count = (uint16_t)feed_result_integer(result, 3),
		    .variadic = feed_result_oid(result, 4),
		    .result = feed_result_oid(result, 5),
		    .volatility = feed_result_char(result, 6),
		    .kind = feed_result_char(result, 7),
		    .strict = feed_result_true(result, 8),
		    .set = feed_result_true(result, 9),
		    .builtin = feed_result_true(result, 10),
		};
		read_arguments(dictionary, feed_result_cell(result, 2), &function);
		dictionary_add_function(dictionary, &function);
	}
	if (!feed_result_run(result, members_sql, 8))
		return false;
	while (feed_result_next(result)) {
		const struct dictionary_member member = {
		    .family = feed_result_oid(result, 0),
		    .operator= feed_result_oid(result, 1),
		    .left = feed_result_oid(result, 2),
		    .right = feed_result_oid(result, 3),
		    .strategy = (int16_t)feed_result_integer(result, 4),
		    .purpose = feed_result_char(result, 5),
		    .sort_family = feed_result_oid(result, 6),
		    .btree = feed_result_true(result, 7),
		};
		dictionary_add_member(dictionary, &member);
	}
	if (!feed_result_run(result, classes_sql, 6))
		return false;
	while (feed_result_next(result)) {
		const struct dictionary_class class = {
		    .oid = feed_result_oid(result, 0),
		    .name = text(dictionary, result, 1),
		    .method = text(dictionary, result, 2),
		    .family = feed_result_oid(result, 3),
		    .input = feed_result_oid(result, 4),
		    .standard = feed_result_true(result, 5),
		};
		dictionary_add_class(dictionary, &class);
	}
	if (!feed_result_run(result, collations_sql, 5))
		return false;
	while (feed_result_next(result)) {
		const struct dictionary_collation collation = {
		    .oid = feed_result_oid(result, 0),
		    .name = text(dictionary, result, 1),
		    .is_c = feed_result_true(result, 2),
		    .nondeterministic = feed_result_true(result, 3),
		    .builtin = feed_result_true(result, 4),
		};
		dictionary_add_collation(dictionary, &collation);
	}
	return true;
}

static const char *text(struct dictionary *dictionary, const struct feed_result *result, int column)
{
	const char *cell = feed_result_cell(result, column);
	return arena_text(dictionary_arena(dictionary), cell != NULL ? cell : "");
}

/* "25 23": oids. */
static void read_arguments(struct dictionary *dictionary, const char *list, struct dictionary_function *function)
{
	uint32_t arguments[256];
	uint16_t count = 0;
	for (char *end; list != NULL && *list != '\0' && count < ARRAY_LEN(arguments); list = end) {
		unsigned long oid = strtoul(list, &end, 10);
		if (end == list)
			break;
		arguments[count++] = (uint32_t)oid;
	}
	uint32_t *copy = arena_alloc(dictionary_arena(dictionary), (count + 1u) * sizeof(*copy));
	memcpy(copy, arguments, count * sizeof(*copy));
	function->arguments = copy;
	function->argument_count = count;
}

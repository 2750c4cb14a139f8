#include "tests/unit/terms.h"

#include "config/check.h"
#include "inspect/tree/parse.h"
#include "inspect/access/typing.h"
#include "tests/unit/dictionary_file.h"

struct arena terms_arena;
struct dictionary *terms_dictionary;

static struct catalog_relation relation;
static struct catalog_column columns[] = {
    {.name = "id", .type = "int4", .type_modifier = -1, .not_null = true},
    {.name = "n", .type = "int4", .type_modifier = -1},
    {.name = "big", .type = "int8", .type_modifier = -1},
    {.name = "amount", .type = "numeric", .type_modifier = ((10 << 16) | 2) + 4},
    {.name = "name", .type = "varchar", .type_modifier = 54, .collation = "default"},
    {.name = "note", .type = "text", .type_modifier = -1, .collation = "default"},
    {.name = "latin", .type = "text", .type_modifier = -1, .collation = "C"},
    {.name = "vague", .type = "text", .type_modifier = -1, .collation = "vague"},
    {.name = "mail", .type = "citext", .type_modifier = -1, .collation = "default"},
    {.name = "flag", .type = "bool", .type_modifier = -1},
    {.name = "day", .type = "date", .type_modifier = -1},
    {.name = "at", .type = "timestamptz", .type_modifier = -1},
    {.name = "data", .type = "jsonb", .type_modifier = -1},
    {.name = "tags", .type = "_varchar", .type_modifier = 14, .collation = "default"},
    {.name = "numbers", .type = "_int4", .type_modifier = -1},
    {.name = "uid", .type = "uuid", .type_modifier = -1},
    {.name = "ip", .type = "inet", .type_modifier = -1},
};

int terms_open(void **state)
{
	(void)state;
	arena_init(&terms_arena);
	terms_dictionary = dictionary_file();
	for (size_t at = 0; at < ARRAY_LEN(columns); at++) {
		bool array = columns[at].type[0] == '_';
		columns[at].number = (int16_t)(at + 1);
		columns[at].type_oid =
		    dictionary_type_named(terms_dictionary, NULL, columns[at].type + array, array)->oid;
		if (columns[at].collation != NULL)
			columns[at].collation_oid =
			    dictionary_collation_named(terms_dictionary, columns[at].collation)->oid;
	}
	relation = (struct catalog_relation){.schema = "public",
	                                     .name = "t",
	                                     .kind = CATALOG_TABLE,
	                                     .columns = columns,
	                                     .column_count = ARRAY_LEN(columns)};
	return 0;
}

int terms_close(void **state)
{
	(void)state;
	arena_fini(&terms_arena);
	dictionary_unref(terms_dictionary);
	return 0;
}

const struct term *terms_of(const char *expression)
{
	const struct catalog_relation *only = &relation;
	const struct clause *clause = parse_clause(expression, &terms_arena);
	const struct typing typing = {.dictionary = terms_dictionary, .relations = &only, .arena = &terms_arena};
	CHECK(clause != NULL);
	return typing_of(&typing, clause);
}

const struct term *terms_canonical(const char *expression)
{
	return term_canonical(terms_of(expression), terms_dictionary, &terms_arena);
}

const char *terms_type(uint32_t oid)
{
	const struct dictionary_type *type = dictionary_type(terms_dictionary, oid);
	return type != NULL ? type->name : "none";
}

#include "inspect/access/built_key.h"

#include "inspect/access/typing.h"
#include "inspect/tree/parse.h"

#include <string.h>

static bool is_name(const char *text)
{
	return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_$") == strlen(text);
}

bool built_key_read(const struct dictionary *dictionary, const struct catalog_relation *relation, const char *method,
                    const char *text, const char *opclass, struct catalog_index_key *key, struct arena *arena)
{
	uint32_t type = TYPE_TEXT, collation = COLLATION_DEFAULT;
	*key = (struct catalog_index_key){.expression = arena_text(arena, text)};
	const struct catalog_column *column = is_name(text) ? catalog_column(relation, text) : NULL;
	if (is_name(text)) {
		key->column = key->expression;
		/* Without the column no statement searches by it, and any type will do. */
		type = column != NULL ? column->type_oid : type;
		collation = column != NULL ? column->collation_oid : collation;
		key->collation_is_c = column != NULL && column->collation_is_c;
	} else {
		const struct typing typing = {.dictionary = dictionary, .relations = &relation, .arena = arena};
		key->deparsed = key->expression;
		key->clause = strchr(text, '?') == NULL ? parse_clause(text, arena) : NULL;
		if (key->clause == NULL)
			return false;
		const struct term *term = typing_of(&typing, key->clause);
		type = term->type;
		collation = term->collation;
	}
	const struct dictionary_class *class = opclass != NULL && opclass[0] != '\0'
	                                           ? dictionary_class_named(dictionary, method, opclass)
	                                           : dictionary_class_default(dictionary, method, type);
	const struct dictionary_collation *by = dictionary_collation(dictionary, collation);
	if (class == NULL)
		return false;
	key->opclass = arena_text(arena, class->name);
	key->family = class->family;
	key->collation_oid = collation;
	key->collation = by != NULL ? arena_text(arena, by->name) : NULL;
	return true;
}

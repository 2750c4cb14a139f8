#include "inspect/text/identifier.h"

#include "config/limits.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_keyword(const char *name);
static bool is_plain(const char *name);

const char *identifier_quoted(struct arena *arena, const char *name)
{
	if (is_plain(name) && !is_keyword(name))
		return arena_text(arena, name);
	char *quoted = arena_alloc(arena, 2 * strlen(name) + 3);
	char *at = quoted;
	*at++ = '"';
	for (; *name; name++) {
		if (*name == '"')
			*at++ = '"';
		*at++ = *name;
	}
	*at = '"';
	return quoted;
}

static bool is_plain(const char *name)
{
	if (!((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_'))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* The words that can't be every kind of name without quotes: all of PostgreSQL's keywords but the "non-reserved"
 * (documentation, appendix C). */
static bool is_keyword(const char *name)
{
	static const char words[] =
	    " all analyse analyze and any array as asc asymmetric authorization between bigint binary bit boolean both "
	    "case cast char character check coalesce collate collation column concurrently constraint create cross "
	    "current_catalog current_date current_role current_schema current_time current_timestamp current_user dec "
	    "decimal default deferrable desc distinct do else end except exists extract false fetch float for foreign "
	    "freeze from full grant greatest group grouping having ilike in initially inner inout int integer "
	    "intersect "
	    "interval into is isnull join json json_array json_arrayagg json_exists json_object json_objectagg "
	    "json_query json_scalar json_serialize json_table json_value lateral leading least left like limit "
	    "localtime localtimestamp merge_action national natural nchar none normalize not notnull null nullif "
	    "numeric offset on only or order out outer overlaps overlay placing position precision primary real "
	    "references returning right row select session_user setof similar smallint some substring symmetric "
	    "system_user table tablesample then time timestamp to trailing treat trim true union unique user using "
	    "values varchar variadic verbose when where window with xmlattributes xmlconcat xmlelement xmlexists "
	    "xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable ";
	char word[LIMIT_NAME_BYTES + 2];
	if (strlen(name) >= LIMIT_NAME_BYTES)
		return false;
	snprintf(word, sizeof(word), " %s ", name);
	return strstr(words, word) != NULL;
}

#include "inspect/rules/remedy.h"

#include "config/limits.h"
#include "inspect/text/identifier.h"

#include <ctype.h>
#include <string.h>
#include <xxhash.h>

/* The longest index name that Django's checks allow (models.E034). */
enum { DJANGO_NAME_CHARS = 30 };

static bool name_taken(const struct catalog_relation *relation, const char *name);
static size_t cut_utf8(const char *text, size_t len);

const char *remedy_table(struct arena *arena, const struct catalog_relation *relation)
{
	const char *name = identifier_quoted(arena, relation->name);
	if (strcmp(relation->schema, "public") == 0)
		return name;
	return arena_printf(arena, "%s.%s", identifier_quoted(arena, relation->schema), name);
}

const char *remedy_expression(struct arena *arena, const char *expression)
{
	size_t len = strlen(expression);
	bool upper = strncmp(expression, "upper(", 6) == 0, lower = strncmp(expression, "lower(", 6) == 0;
	if (!strpbrk(expression, " ('"))
		return arena_printf(arena, "\"%s\"", expression);
	if ((upper || lower) && expression[len - 1] == ')' && !strpbrk(expression + 6, " ('"))
		return arena_printf(arena, "%s(\"%.*s\")", upper ? "UPPER" : "LOWER", (int)(len - 7), expression + 6);
	return arena_text(arena, expression);
}

const char *remedy_name(struct arena *arena, const struct catalog_relation *relation, const char *column,
                        const char *suffix)
{
	const char *name = arena_printf(arena, "%s_%s_%s", relation->name, column, suffix);
	for (unsigned attempt = 0; strlen(name) > DJANGO_NAME_CHARS || name_taken(relation, name); attempt++) {
		char hash[8];
		uint64_t seed = XXH3_64bits(name, strlen(name)) + attempt;
		snprintf(hash, sizeof(hash), "%04x", (unsigned)(seed & 0xffff));
		size_t left = DJANGO_NAME_CHARS - strlen(suffix) - strlen(hash) - 3;
		size_t column_len = cut_utf8(column, left / 2);
		size_t table_len = cut_utf8(relation->name, left - column_len);
		name = arena_printf(arena, "%.*s_%.*s_%s_%s", (int)table_len, relation->name, (int)column_len, column,
		                    hash, suffix);
	}
	return name;
}

/* Django's checks of a field's name (fields.E001, E002) on top of Python's. */
static bool is_field(const char *name)
{
	static const char *const keywords[] = {"False", "None", "True", "and", "as", "assert", "async", "await", "break", "class",
	                                       "continue", "def", "del", "elif", "else", "except", "finally", "for", "from",
	                                       "global", "if", "import", "in", "is", "lambda", "nonlocal", "not", "or", "pass",
	                                       "pk", "raise", "return", "try", "while", "with", "yield"};
	const size_t len = strlen(name);
	for (size_t at = 0; at < ARRAY_LEN(keywords); at++) {
		if (strcmp(name, keywords[at]) == 0)
			return false;
	}
	for (size_t at = 0; at < len; at++) {
		const unsigned char byte = (unsigned char)name[at];
		if (!isalnum(byte) && byte != '_' && byte < 0x80)
			return false;
	}
	return len > 0 && !isdigit((unsigned char)name[0]) && name[len - 1] != '_' && !strstr(name, "__");
}

const char *remedy_field(struct arena *arena, const char *column)
{
	if (is_field(column))
		return column;
	char *name = arena_alloc(arena, strlen(column) + 1), *to = name;
	for (const char *at = column; *at; at++) {
		const unsigned char byte = (unsigned char)*at;
		const bool kept = isalnum(byte) || byte >= 0x80;
		if (kept || (to > name && to[-1] != '_'))
			*to++ = kept ? (char)tolower(byte) : '_';
	}
	while (to > name && to[-1] == '_')
		to--;
	*to = '\0';
	if (*name == '\0')
		return "field";
	if (isdigit((unsigned char)*name))
		return arena_printf(arena, "number_%s", name);
	return is_field(name) ? name : arena_printf(arena, "%s_field", name);
}

/* "; ti_tle is the field with db_column="Ti tle"", for each of the fields that are named in `code`. */
static const char *fields_explained(struct arena *arena, const struct catalog_relation *relation, const char *code)
{
	const char *explained = "";
	for (uint16_t at = 0; at < relation->column_count; at++) {
		const char *column = relation->columns[at].name, *field = remedy_field(arena, column);
		if (strcmp(column, field) == 0)
			continue;
		const char *quoted = strstr(code, arena_printf(arena, "\"%s\"", field));
		const bool named = quoted || strstr(code, arena_printf(arena, "\"-%s\"", field)) || strstr(code, arena_printf(arena, "Q(%s=", field));
		if (named)
			explained = arena_printf(arena, "%s; %s is the field with db_column=\"%s\"", explained, field, column);
	}
	return explained;
}

/* A key, and what refers to each of two models. */
static bool is_between(const struct catalog_relation *relation)
{
	uint16_t keys = 0;
	for (uint16_t at = 0; at < relation->constraint_count; at++)
		keys += relation->constraints[at].kind == CATALOG_FOREIGN_KEY;
	return relation->column_count == 3 && keys == 2;
}

const char *remedy_model(struct arena *arena, const struct catalog_relation *relation)
{
	static const char *const others[][2] = {{"django_admin_log", "logentry"}, {"django_content_type", "contenttype"}};
	for (size_t at = 0; at < ARRAY_LEN(others); at++) {
		if (strcmp(relation->name, others[at][0]) == 0)
			return others[at][1];
	}
	/* Apps have names with underscores more often than classes do, but for those that Django makes between two models:
	 * auth_user_groups is the model User_groups. */
	const char *after_app = is_between(relation) ? strchr(relation->name, '_') : strrchr(relation->name, '_');
	return remedy_field(arena, arena_text(arena, after_app && after_app[1] ? after_app + 1 : relation->name));
}

const char *remedy_create_index(struct arena *arena, const struct catalog *catalog,
                                const struct catalog_relation *relation, const struct remedy_index *index)
{
	const char *name = identifier_quoted(arena, index->name);
	const char *table = remedy_table(arena, relation);
	bool extension = index->trigram && !catalog_has_extension(catalog, "pg_trgm");
	const char *rest =
	    arena_printf(arena, "%s%s(%s%s%s)%s%s", index->method ? "USING " : "",
	                 index->method ? arena_printf(arena, "%s ", index->method) : "", index->expression,
	                 index->opclass ? " " : "", index->opclass ? index->opclass : "", index->predicate ? " WHERE " : "",
	                 index->predicate ? index->predicate : "");
	const char *before = extension ? "CREATE EXTENSION IF NOT EXISTS pg_trgm;\n" : "";
	const char *unique = index->unique ? "UNIQUE " : "";
	if (relation->kind != CATALOG_PARTITIONED_TABLE)
		return arena_printf(arena, "%sCREATE %sINDEX CONCURRENTLY %s ON %s %s;", before, unique, name, table,
		                    rest);
	return arena_printf(arena,
	                    "%sCREATE %sINDEX %s ON ONLY %s %s;\n"
	                    "-- for each partition p of it:\n"
	                    "-- CREATE %sINDEX CONCURRENTLY p_idx ON p %s; ALTER INDEX %s ATTACH PARTITION p_idx;",
	                    before, unique, name, table, rest, unique, rest, name);
}

const char *remedy_add_index(struct arena *arena, const struct catalog *catalog,
                             const struct catalog_relation *relation, bool trigram, const char *index)
{
	if (relation->kind == CATALOG_PARTITIONED_TABLE)
		return ""; /* Django has no word for it; the SQL goes into a RunSQL */
	bool extension = trigram && !catalog_has_extension(catalog, "pg_trgm");
	return arena_printf(arena, "%sAddIndexConcurrently(\"%s\", %s)  # in a migration with atomic = False%s",
	                    extension ? "TrigramExtension(), " : "", remedy_model(arena, relation), index,
	                    fields_explained(arena, relation, index));
}

/* -- names ---------------------------------------------------------------------------------------- */

static bool name_taken(const struct catalog_relation *relation, const char *name)
{
	for (uint16_t i = 0; i < relation->index_count; i++) {
		if (strcmp(relation->indexes[i].name, name) == 0)
			return true;
	}
	return false;
}

/* At most `len` bytes, and no character cut in two. */
static size_t cut_utf8(const char *text, size_t len)
{
	if (strlen(text) <= len)
		return strlen(text);
	while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
		len--;
	return len;
}

#include "inspect/change/rewrite.h"

#include "inspect/session/time_zone.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *default_opclass(const struct catalog *catalog, const char *method, const char *schema,
                                   const char *type);
static bool text_names(const char *text, const char *column);

bool rewrite_adds_nothing(const struct context *input, const struct fact_action *action,
                          const struct catalog_relation *relation)
{
	if (action->form == DDL_ADD_COLUMN)
		return action->if_exists && action->column && catalog_column(relation, action->column);
	if (action->only && relation->kind == CATALOG_PARTITIONED_TABLE)
		return true;
	/* An index lives in its table's schema. */
	return action->if_exists && action->object &&
	       catalog_find_index(input->catalog, relation->schema, action->object, NULL, input->session->user, NULL);
}

const struct fact_call *rewrite_volatile_call(const struct context *input, const struct fact_action *action)
{
	for (uint16_t i = 0; i < action->call_count; i++) {
		const struct fact_call *call = &action->calls[i];
		bool inlinable = false;
		if (!input->catalog)
			return NULL;
		enum catalog_volatility volatility =
		    catalog_volatility_of(input->catalog, call->schema, call->name, call->arguments, &inlinable);
		bool made = volatility == CATALOG_NO_FUNCTION &&
		            session_past_find(input->session->past, SESSION_PAST_VOLATILE, 0, call->name);
		if ((volatility == CATALOG_VOLATILE && !inlinable) || made)
			return call;
	}
	return NULL;
}

const char *rewrite_column_type(const struct context *input, const struct fact_action *action, struct arena *arena)
{
	static const char *const serials[] = {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"};
	if (action->has_generated)
		return "a stored generated column is computed for each row";
	if (action->has_identity)
		return "an identity column takes a number from its sequence for each row";
	if (!action->type.name || action->type.array)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(serials); i++) {
		if (!action->type.schema && strcmp(action->type.name, serials[i]) == 0)
			return arena_printf(arena, "%s takes a number from its sequence for each row",
			                    action->type.name);
	}
	const struct catalog_domain *domain =
	    catalog_find_domain(input->catalog, action->type.schema, action->type.name);
	if (domain && domain->volatile_default && !action->has_default)
		return arena_printf(arena, "the domain %s has a default that differs from row to row", domain->name);
	bool made = !domain && session_past_find(input->session->past, SESSION_PAST_DOMAIN, 0, action->type.name);
	if ((domain && domain->constrained) || made)
		return arena_printf(arena,
		                    "the domain %s has a constraint that each row is checked against, even a NULL",
		                    action->type.name);
	return NULL;
}

bool rewrite_time_zone_utc(const struct context *input)
{
	bool utc = input->session->time_zone_utc;
	for (uint16_t i = 0; i < input->earlier_count; i++) {
		const struct facts *earlier = &input->earlier[i];
		bool sets = earlier->kind == STATEMENT_SET || earlier->kind == STATEMENT_SELECT;
		if (sets && earlier->name && strcasecmp(earlier->name, "timezone") == 0)
			utc = earlier->value && time_zone_is_utc(earlier->value, strlen(earlier->value));
		if (earlier->kind == STATEMENT_RESET && (!earlier->name || strcasecmp(earlier->name, "timezone") == 0))
			utc = false; /* what it goes back to is not known */
	}
	return utc;
}

bool rewrite_proves_not_null(const struct catalog_relation *relation, const char *name)
{
	const struct catalog_column *column = catalog_column(relation, name);
	if (column && column->not_null)
		return true;
	for (uint16_t i = 0; i < relation->constraint_count; i++) {
		const struct catalog_constraint *check = &relation->constraints[i];
		if (check->kind != CATALOG_CHECK || !check->valid)
			continue;
		for (uint16_t c = 0; c < check->not_null_count; c++) {
			if (strcmp(check->not_null_columns[c], name) == 0)
				return true;
		}
	}
	return false;
}

bool rewrite_index_names(const struct catalog_index *index, const char *column)
{
	for (uint16_t i = 0; i < index->key_count; i++) {
		const struct catalog_index_key *key = &index->keys[i];
		if (key->column ? strcmp(key->column, column) == 0 : text_names(key->expression, column))
			return true;
	}
	return index->predicate && text_names(index->predicate, column);
}

bool rewrite_rebuilds_index(const struct catalog *catalog, const struct catalog_index *index,
                            const struct catalog_column *column, const struct fact_action *action)
{
	if (!index->valid || index->predicate)
		return true;
	for (uint16_t i = 0; i < index->key_count; i++) {
		const struct catalog_index_key *key = &index->keys[i];
		/* It does not compare expressions, of whatever column. */
		if (!key->column)
			return true;
		if (strcmp(key->column, column->name) != 0)
			continue;
		/* What is the default for the column is not part of the definition, and chosen anew. */
		const char *before = default_opclass(catalog, index->method, column->type_schema, column->type);
		const char *after = default_opclass(catalog, index->method, action->type.schema, action->type.name);
		if (before && strcmp(before, key->opclass) == 0 && (!after || strcmp(after, key->opclass) != 0))
			return true;
		const char *collation = action->collation ? action->collation : "default";
		bool follows = key->collation && column->collation && strcmp(key->collation, column->collation) == 0;
		if (follows && strcmp(key->collation, collation) != 0)
			return true;
	}
	return false;
}

/* Of the types between which a column can change without being written anew (retype.h). */
static const char *default_opclass(const struct catalog *catalog, const char *method, const char *schema,
                                   const char *type)
{
	static const struct {
		const char *types, *btree, *brin;
	} classes[] = {
	    {" text varchar ", "text_ops", "text_minmax_ops"},
	    {" bpchar ", "bpchar_ops", "bpchar_minmax_ops"},
	    {" citext ", "citext_ops", NULL},
	    {" numeric ", "numeric_ops", "numeric_minmax_ops"},
	    {" timestamp ", "timestamp_ops", "timestamp_minmax_ops"},
	    {" timestamptz ", "timestamptz_ops", "timestamptz_minmax_ops"},
	    {" inet cidr ", "inet_ops", "inet_inclusion_ops"},
	    {" bit ", "bit_ops", "bit_minmax_ops"},
	    {" varbit ", "varbit_ops", "varbit_minmax_ops"},
	    {" int4 ", "int4_ops", "int4_minmax_ops"},
	    {" oid regclass regproc regprocedure regoper regoperator regtype regrole regnamespace regconfig "
	     "regdictionary regcollation ",
	     "oid_ops", "oid_minmax_ops"},
	};
	char word[LIMIT_NAME_BYTES + 2];
	const struct catalog_domain *domain = catalog ? catalog_find_domain(catalog, schema, type) : NULL;
	snprintf(word, sizeof(word), " %s ", domain ? domain->base_type : type);
	for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
		if (!strstr(classes[i].types, word))
			continue;
		return strcmp(method, "brin") == 0 ? classes[i].brin : classes[i].btree;
	}
	return NULL;
}

/* As a word of its own in a canonical text, outside of string constants. */
static bool text_names(const char *text, const char *column)
{
	size_t len = strlen(column);
	bool quoted = false, inside = false;
	for (const char *at = text; *at; at++) {
		if (*at == '\'')
			quoted = !quoted;
		bool word = isalnum((unsigned char)*at) || *at == '_' || *at == '$' || (unsigned char)*at >= 0x80;
		if (!quoted && !inside && strncmp(at, column, len) == 0) {
			unsigned char next = (unsigned char)at[len];
			if (!isalnum(next) && next != '_' && next != '$' && next < 0x80)
				return true;
		}
		inside = word;
	}
	return false;
}

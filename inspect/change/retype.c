#include "inspect/change/retype.h"

#include "inspect/catalog/dictionary.h"

#include <string.h>

/* A type with its modifier as pg_attribute has it, -1 when none. */
struct typed {
	const char *schema;
	const char *name;
	int32_t modifier;
};

static const struct dictionary_type *below_domains(const struct dictionary *dictionary,
                                                   const struct dictionary_type *type);
static struct typed old_type(const struct catalog *catalog, const struct catalog_column *column);
static int32_t modifier_of(const struct fact_type *type);
static bool same_bytes(const struct typed *from, const struct typed *to, bool time_zone_utc, bool *keeps_modifier);
static bool modifier_holds(const struct typed *from, const struct typed *to);
static int least_field(int32_t modifier);
static bool has_modifier(const char *type);
static bool is_one_of(const char *name, const char *names);

bool retype_rewrites(const struct catalog *catalog, const struct catalog_column *column, const struct fact_type *type,
                     enum using_kind using_kind, bool time_zone_utc)
{
	if (using_kind == USING_EXPRESSION)
		return true;
	char array_name[80];
	struct typed to = {.schema = type->schema, .name = type->name, .modifier = modifier_of(type)};
	if (type->array) {
		snprintf(array_name, sizeof(array_name), "_%s", type->name);
		to.name = array_name;
	}
	bool same_schema = !to.schema || !column->type_schema || strcmp(to.schema, column->type_schema) == 0;
	if (same_schema && strcmp(column->type, to.name) == 0 && column->type_modifier == to.modifier)
		return false;

	const struct catalog_domain *domain =
	    type->array ? NULL : catalog_find_domain(catalog, type->schema, type->name);
	if (domain) {
		if (domain->constrained || (domain->modifier == 0 && has_modifier(domain->base_type)))
			return true;
		to = (struct typed){.name = domain->base_type, .modifier = domain->modifier ? domain->modifier : -1};
	}
	struct typed from = old_type(catalog, column);
	bool keeps_modifier = false;
	if (!same_bytes(&from, &to, time_zone_utc, &keeps_modifier))
		return true;
	if (!keeps_modifier)
		from.modifier = -1;
	return !modifier_holds(&from, &to);
}

bool retype_has_no_cast(const struct catalog *catalog, const struct catalog_column *column,
                        const struct fact_type *type, bool is_explicit)
{
	const struct dictionary *dictionary = catalog_dictionary(catalog);
	if (!dictionary)
		return false;
	const struct dictionary_type *from = below_domains(dictionary, dictionary_type(dictionary, column->type_oid));
	const struct dictionary_type *to =
	    below_domains(dictionary, dictionary_type_named(dictionary, type->schema, type->name, type->array));
	/* An array's elements are cast one by one. */
	if (from && to && from->element && to->element) {
		from = below_domains(dictionary, dictionary_type(dictionary, from->element));
		to = below_domains(dictionary, dictionary_type(dictionary, to->element));
	}
	if (!from || !to || from == to || from->kind == 'p' || to->kind == 'p')
		return false;
	const struct dictionary_cast *cast = dictionary_cast(dictionary, from->oid, to->oid);
	if (cast)
		return !is_explicit && cast->context == 'e';
	/* Everything can be stored as a string, and read from one when that is asked for. */
	return to->category != 'S' && !(is_explicit && from->category == 'S');
}

static const struct dictionary_type *below_domains(const struct dictionary *dictionary,
                                                   const struct dictionary_type *type)
{
	enum { DEPTH_MAX = 32 };
	for (int depth = 0; type && type->base && depth < DEPTH_MAX; depth++)
		type = dictionary_type(dictionary, type->base);
	return type;
}

/* A domain's values are its base type's, but their length is not known to the cast. */
static struct typed old_type(const struct catalog *catalog, const struct catalog_column *column)
{
	struct typed type = {.schema = column->type_schema, .name = column->type, .modifier = column->type_modifier};
	const struct catalog_domain *domain = catalog_find_domain(catalog, column->type_schema, column->type);
	if (domain)
		type = (struct typed){.name = domain->base_type, .modifier = -1};
	return type;
}

/* As each type's typmodin function makes it. */
static int32_t modifier_of(const struct fact_type *type)
{
	if (type->modifiers[0] < 0)
		return -1;
	if (is_one_of(type->name, "varchar bpchar"))
		return type->modifiers[0] + 4;
	if (strcmp(type->name, "numeric") == 0)
		return ((type->modifiers[0] << 16) | ((type->modifiers[1] < 0 ? 0 : type->modifiers[1]) & 0x7ff)) + 4;
	if (strcmp(type->name, "interval") == 0)
		return ((type->modifiers[0] & 0x7fff) << 16) | (type->modifiers[1] < 0 ? 0xffff : type->modifiers[1]);
	return type->modifiers[0];
}

/* Pairs of types that pg_cast marks as binary coercible, and timestamps while the session is at UTC. */
static bool same_bytes(const struct typed *from, const struct typed *to, bool time_zone_utc, bool *keeps_modifier)
{
	static const char texts[] = "text varchar citext";
	static const char numbers[] = "int4 oid regclass regproc regprocedure regoper regoperator regtype regrole "
	                              "regnamespace regconfig regdictionary regcollation";
	if (strcmp(from->name, to->name) == 0) {
		*keeps_modifier = true;
		return !from->schema || !to->schema || strcmp(from->schema, to->schema) == 0;
	}
	if (is_one_of(from->name, texts) && (is_one_of(to->name, texts) || strcmp(to->name, "bpchar") == 0))
		return true;
	if (strcmp(from->name, "xml") == 0 && is_one_of(to->name, "text varchar bpchar"))
		return true;
	if (strcmp(from->name, "cidr") == 0 && strcmp(to->name, "inet") == 0)
		return true;
	if (is_one_of(from->name, "bit varbit") && is_one_of(to->name, "bit varbit"))
		return true;
	if (is_one_of(from->name, numbers) && is_one_of(to->name, numbers))
		return true;
	if (is_one_of(from->name, "timestamp timestamptz") && is_one_of(to->name, "timestamp timestamptz"))
		return time_zone_utc;
	return false;
}

/* The support functions that make a length coercion a no-op (varchar_support, numeric_support, TemporalSimplify,
 * varbit_support, interval_support); other types have none. */
static bool modifier_holds(const struct typed *from, const struct typed *to)
{
	if (to->modifier < 0 || to->modifier == from->modifier)
		return true;
	if (is_one_of(to->name, "timestamp timestamptz time timetz"))
		return to->modifier >= 6 || (from->modifier >= 0 && to->modifier >= from->modifier);
	if (is_one_of(to->name, "varchar varbit"))
		return from->modifier >= 0 && to->modifier >= from->modifier;
	if (strcmp(to->name, "interval") == 0) {
		int32_t precision = to->modifier & 0xffff, was = from->modifier < 0 ? 0xffff : from->modifier & 0xffff;
		int least = least_field(from->modifier);
		return least_field(to->modifier) <= least && (least > 0 || precision >= 6 || precision >= was);
	}
	if (strcmp(to->name, "numeric") == 0) {
		int32_t was = from->modifier - 4, will = to->modifier - 4;
		return from->modifier >= 0 && (was & 0xffff) == (will & 0xffff) && (will >> 16) >= (was >> 16);
	}
	return false;
}

/* The smallest field that an interval's modifier leaves, 0 for seconds, 5 for years (intervaltypmodleastfield). */
static int least_field(int32_t modifier)
{
	static const int bits[] = {12, 11, 10, 3, 1, 2};
	int32_t fields = modifier < 0 ? 0x7fff : (modifier >> 16) & 0x7fff;
	for (size_t i = 0; i < ARRAY_LEN(bits); i++) {
		if (fields & (1 << bits[i]))
			return (int)i;
	}
	return 0;
}

static bool has_modifier(const char *type)
{
	return is_one_of(type, "varchar bpchar numeric timestamp timestamptz time timetz interval bit varbit");
}

/* `names` are separated by single blanks. */
static bool is_one_of(const char *name, const char *names)
{
	size_t len = strlen(name);
	for (const char *at = names; *at;) {
		size_t word = strcspn(at, " ");
		if (word == len && memcmp(at, name, len) == 0)
			return true;
		at += word;
		at += *at == ' ';
	}
	return false;
}

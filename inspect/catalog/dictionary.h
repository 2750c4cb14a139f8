/* What PostgreSQL's own catalogs say of types, casts, operators, functions, operator classes and collations: what its
 * parser decides by which operator "=" is, and its planner whether an index knows that operator. Filled by one thread,
 * then sealed and only read; counted by reference, because it changes with extensions only and so serves many
 * catalogs. Everything goes by oid; those of PostgreSQL's own are fixed (catalog/pg_type.dat and its like). */
#ifndef PGPROCTOR_INSPECT_DICTIONARY_H
#define PGPROCTOR_INSPECT_DICTIONARY_H

#include "inspect/arena.h"

#include <stdbool.h>
#include <stdint.h>

/* pg_type.dat, pg_collation.dat, pg_opfamily.dat: what the server's code names by constants, too. */
enum {
	TYPE_NONE = 0,
	TYPE_BOOL = 16,
	TYPE_BYTEA = 17,
	TYPE_NAME = 19,
	TYPE_INT8 = 20,
	TYPE_INT2 = 21,
	TYPE_INT4 = 23,
	TYPE_TEXT = 25,
	TYPE_JSON = 114,
	TYPE_FLOAT4 = 700,
	TYPE_FLOAT8 = 701,
	TYPE_UNKNOWN = 705,
	TYPE_CIDR = 650,
	TYPE_INET = 869,
	TYPE_BPCHAR = 1042,
	TYPE_VARCHAR = 1043,
	TYPE_DATE = 1082,
	TYPE_TIME = 1083,
	TYPE_TIMESTAMP = 1114,
	TYPE_TIMESTAMPTZ = 1184,
	TYPE_TIMETZ = 1266,
	TYPE_BIT = 1560,
	TYPE_NUMERIC = 1700,
	TYPE_RECORD = 2249,
	TYPE_ANY = 2276,
	TYPE_ANYARRAY = 2277,
	TYPE_ANYELEMENT = 2283,
	TYPE_ANYNONARRAY = 2776,
	TYPE_UUID = 2950,
	TYPE_ANYENUM = 3500,
	TYPE_REGCONFIG = 3734,
	TYPE_JSONB = 3802,
	TYPE_ANYRANGE = 3831,
	TYPE_ANYMULTIRANGE = 4537,
	TYPE_ANYCOMPATIBLEMULTIRANGE = 4538,
	TYPE_ANYCOMPATIBLE = 5077,
	TYPE_ANYCOMPATIBLEARRAY = 5078,
	TYPE_ANYCOMPATIBLENONARRAY = 5079,
	TYPE_ANYCOMPATIBLERANGE = 5080,
	COLLATION_DEFAULT = 100,
	FAMILY_BOOL_BTREE = 424,
	FAMILY_BOOL_HASH = 2222,
	FAMILY_BPCHAR_PATTERN = 2097,
	FAMILY_TEXT_PATTERN = 2095,
	FAMILY_TEXT_SPGIST = 4017,
	FAMILY_NETWORK_BTREE = 1974,
};

struct dictionary_type {
	uint32_t oid;
	const char *schema, *name;
	char kind;     /* typtype: b, c, d, e, m, p, r */
	char category; /* typcategory */
	bool preferred;
	uint32_t element; /* of a true array, else 0 */
	uint32_t array;   /* its array type, 0 when there is none */
	uint32_t base;    /* a domain's, else 0 */
	uint32_t subtype; /* a range's or multirange's */
	uint32_t collation;
	int32_t modifier; /* typtypmod of a domain, else -1 */
};

struct dictionary_cast {
	uint32_t source, target, function;
	char context; /* e explicit, a assignment, i implicit */
	char method;  /* b binary, f function, i in and out */
};

struct dictionary_operator {
	uint32_t oid;
	const char *name;
	uint32_t left, right, result, commutator, negator, function;
	bool builtin; /* in pg_catalog */
};

struct dictionary_function {
	uint32_t oid;
	const char *name;
	const uint32_t *arguments;
	uint16_t argument_count, default_count;
	uint32_t variadic; /* the element's type, else 0 */
	uint32_t result;
	char volatility; /* i, s, v */
	char kind;       /* f, a, w, p */
	bool strict, set, builtin;
};

struct dictionary_member {
	uint32_t family, operator, left, right, sort_family;
	int16_t strategy;
	char purpose; /* s search, o order */
	bool btree;   /* the family is one of B-tree's */
};

struct dictionary_class {
	uint32_t oid;
	const char *name, *method;
	uint32_t family, input;
	bool standard; /* the type's default */
};

struct dictionary_collation {
	uint32_t oid;
	const char *name;
	bool is_c, nondeterministic, builtin;
};

struct dictionary;

/* Strings and arrays that are added must live in dictionary_arena(). `signature` says what state of the server's
 * catalogs it was made from. */
struct dictionary *dictionary_new(const char *signature);
struct arena *dictionary_arena(struct dictionary *dictionary);
void dictionary_add_type(struct dictionary *dictionary, const struct dictionary_type *type);
void dictionary_add_cast(struct dictionary *dictionary, const struct dictionary_cast *cast);
void dictionary_add_operator(struct dictionary *dictionary, const struct dictionary_operator *operator);
void dictionary_add_function(struct dictionary *dictionary, const struct dictionary_function *function);
void dictionary_add_member(struct dictionary *dictionary, const struct dictionary_member *member);
void dictionary_add_class(struct dictionary *dictionary, const struct dictionary_class *class);
void dictionary_add_collation(struct dictionary *dictionary, const struct dictionary_collation *collation);
void dictionary_seal(struct dictionary *dictionary);

struct dictionary *dictionary_ref(struct dictionary *dictionary);
void dictionary_unref(struct dictionary *dictionary); /* NULL is fine */
const char *dictionary_signature(const struct dictionary *dictionary);

/* NULL, 0 or false where there is none. */
const struct dictionary_type *dictionary_type(const struct dictionary *dictionary, uint32_t oid);
/* Schema NULL: PostgreSQL's own first, then any schema's. `array`: the array of it. */
const struct dictionary_type *dictionary_type_named(const struct dictionary *dictionary, const char *schema,
                                                    const char *name, bool array);
const struct dictionary_cast *dictionary_cast(const struct dictionary *dictionary, uint32_t source, uint32_t target);
const struct dictionary_operator *dictionary_operator(const struct dictionary *dictionary, uint32_t oid);
const struct dictionary_function *dictionary_function(const struct dictionary *dictionary, uint32_t oid);
/* All of that name stand next to each other from the result on; *count of them. */
const struct dictionary_operator *const *dictionary_operators_named(const struct dictionary *dictionary,
                                                                    const char *name, uint32_t *count);
const struct dictionary_function *const *dictionary_functions_named(const struct dictionary *dictionary,
                                                                    const char *name, uint32_t *count);
/* The members of all families that have the operator. */
const struct dictionary_member *dictionary_members_of(const struct dictionary *dictionary, uint32_t operator,
                                                      uint32_t * count);
/* Is the operator one that the family's indexes search by? */
bool dictionary_searches(const struct dictionary *dictionary, uint32_t family, uint32_t operator);
/* The family's member for that strategy and types. */
uint32_t dictionary_member_operator(const struct dictionary *dictionary, uint32_t family, uint32_t left, uint32_t right,
                                    int16_t strategy);
/* Method NULL: any. */
const struct dictionary_class *dictionary_class(const struct dictionary *dictionary, uint32_t oid);
const struct dictionary_class *dictionary_class_named(const struct dictionary *dictionary, const char *method,
                                                      const char *name);
/* The type's default for the method, through what it is binary-coercible to (GetDefaultOpClass, indexcmds.c). */
const struct dictionary_class *dictionary_class_default(const struct dictionary *dictionary, const char *method,
                                                        uint32_t type);
const struct dictionary_collation *dictionary_collation(const struct dictionary *dictionary, uint32_t oid);
const struct dictionary_collation *dictionary_collation_named(const struct dictionary *dictionary, const char *name);
/* The innermost type below a domain, else the type itself. */
uint32_t dictionary_base(const struct dictionary *dictionary, uint32_t type);

#endif

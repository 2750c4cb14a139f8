/* What a statement says, as far as any rule needs it: no catalog, no literal, no parse tree.
 *
 * walk.c makes facts from the raw tree and allocates everything in one arena that lives as long as the
 * recognised statement. Strings are zero-terminated, identifiers as PostgreSQL stores them (folded, unquoted).
 * Facts must depend on nothing but the statement's key (sqlkey.h): of a literal, only its shape. */
#ifndef PGPROCTOR_INSPECT_FACTS_H
#define PGPROCTOR_INSPECT_FACTS_H

#include "inspect/tree/lock.h"
#include "inspect/text/shape.h"
#include "inspect/text/value.h"

#include <stdbool.h>
#include <stdint.h>

enum statement_kind {
	STATEMENT_OTHER,
	STATEMENT_SELECT, /* also VALUES, TABLE; name: the lower-case name that set_config() sets, when it is a constant
	                   * and one of search_path, timezone, role, session_authorization, lock_timeout,
	                   * statement_timeout, standard_conforming_strings; value stays NULL: followers only know that
	                   * it changed; local: its third argument is true */
	STATEMENT_INSERT,
	STATEMENT_UPDATE,
	STATEMENT_DELETE,
	STATEMENT_MERGE,
	STATEMENT_COPY,
	STATEMENT_DDL,    /* see actions */
	STATEMENT_BEGIN,  /* also START TRANSACTION */
	STATEMENT_COMMIT, /* also END, PREPARE TRANSACTION */
	STATEMENT_ROLLBACK,
	STATEMENT_SAVEPOINT,   /* name */
	STATEMENT_RELEASE,     /* name */
	STATEMENT_ROLLBACK_TO, /* name */
	STATEMENT_SET,     /* name ("timezone", "search_path", "TRANSACTION" …), local; value: the constants as SHOW
	                    * would print them ("app, public"), NULL: DEFAULT or not constant */
	STATEMENT_RESET,   /* name; NULL: ALL */
	STATEMENT_PREPARE, /* name; the inner statement's facts are this statement's */
	STATEMENT_EXECUTE, /* name */
	STATEMENT_DEALLOCATE, /* name; NULL: ALL */
	STATEMENT_DECLARE,    /* name, hold; the inner query's facts are this statement's */
	STATEMENT_FETCH,      /* name; also MOVE */
	STATEMENT_CLOSE,      /* name; NULL: ALL */
	STATEMENT_DISCARD,    /* name: "all", "plans", "sequences", "temp" */
	STATEMENT_EXPLAIN,    /* the inner statement's facts; `analyze` says that it really runs */
	STATEMENT_ANALYZE,    /* ANALYZE and plain VACUUM, which is its name: the catalog's figures change */
	STATEMENT_LISTEN,     /* LISTEN, UNLISTEN, NOTIFY */
	STATEMENT_LOCK,
	STATEMENT_TRUNCATE,
	STATEMENT_DO,
	STATEMENT_CALL,
};

/* A table, view, or common table expression named in the statement, or a sub-select in FROM. */
struct fact_relation {
	const char *schema; /* NULL when not qualified */
	const char *name;   /* "": a sub-select */
	const char *alias; /* NULL when none */
	bool is_target;    /* of INSERT, UPDATE, DELETE, MERGE, COPY … FROM, TRUNCATE, LOCK or DDL */
	bool is_inserted;  /* of INSERT: rows come in, none is looked for */
	bool only;         /* ONLY, in a query, LOCK or TRUNCATE: nothing that inherits from it */
	bool is_cte;       /* no table: a WITH query of that name shadows it, or a sub-select */
	uint16_t level;    /* the query level it stands in, counted from 0 in order of appearance; it exists */
	uint16_t query;    /* the level that is read in its place; 0: none, or it is computed apart */
	const char *const *columns; /* AS alias (column, …): the first of its columns are named so; else NULL */
	uint16_t column_count;
};

enum predicate_operator {
	PREDICATE_EQUAL, /* =, IN (list), = ANY (array) */
	PREDICATE_NOT_EQUAL,
	PREDICATE_RANGE, /* < <= > >= BETWEEN */
	PREDICATE_IS_NULL,
	PREDICATE_IS_NOT_NULL,
	PREDICATE_LIKE,    /* ~~ */
	PREDICATE_ILIKE,   /* ~~* */
	PREDICATE_REGEX,   /* ~ */
	PREDICATE_IREGEX,  /* ~* */
	PREDICATE_SIMILAR, /* SIMILAR TO */
	PREDICATE_BOOLEAN, /* a bare boolean column */
	PREDICATE_OTHER,   /* any other operator, its name in operator_name */
};

struct clause; /* clause.h */

enum operand_kind {
	OPERAND_LITERAL,   /* one constant, casts, UPPER(), LOWER() and || of constants folded in */
	OPERAND_PARAMETER, /* $n likewise; with constants around it by ||, `shape` is theirs, see below */
	OPERAND_COLUMN,    /* refers to a column of any relation */
	OPERAND_SUBQUERY,
	OPERAND_OTHER, /* a function call, an expression of several things */
	OPERAND_NONE,  /* IS NULL, a bare boolean */
};

/* <expression> <operator> <operand>, in WHERE, JOIN … ON or HAVING; turned so that the column side is left. */
struct fact_predicate {
	int16_t relation; /* index into relations; -1 when it is not just one of them */
	uint16_t level;   /* query level */
	enum predicate_operator operator;
	const char *operator_name; /* "~~", "@>", "between", "is null"; "" for a bare boolean */
	const char *expression;    /* canonical text of the left side, see expression.h: "name", "upper(name)"; "" for
	                            * what has none */
	const char *column;        /* the one column in it, NULL when none or several */
	bool bare;                 /* expression is just that column (casts between text types aside) */
	bool cast;                 /* expression casts it to another type than text/varchar */
	bool negated;              /* NOT (…), NOT LIKE, !~~ */
	bool conjunct;         /* and-ed to what its level reads of the relation: in WHERE, in an inner join's ON, and
	                        * on the nullable side of an outer join's; false under OR, NOT, CASE, in HAVING */
	const char *collation; /* an explicit COLLATE, else NULL */
	enum operand_kind operand;
	int16_t operand_relation;       /* OPERAND_COLUMN: whose columns they are, -1 when of several or none known */
	const char *operand_expression; /* OPERAND_COLUMN: the canonical text, else NULL */
	uint16_t parameter;             /* OPERAND_PARAMETER: n of $n */
	bool parameter_prefixed;        /* something constant stands before it by ||: '%' || $1 */
	bool parameter_suffixed;
	struct pattern_shape shape; /* OPERAND_LITERAL, and the constants around a parameter */
	const char *operand_type;   /* the operand's cast, as written ("int8"), else NULL */
	uint32_t items;             /* IN list, = ANY: 1 or 2, where 2 stands for "several" (see sqlkey.h); else 0 */
};

/* What asks for an order. */
enum fact_order {
	ORDER_BY,
	ORDER_DISTINCT, /* DISTINCT of these columns and no others */
	ORDER_EXTREME,  /* min() or max() of it, descending, and nothing else in the level */
};

struct fact_sort {
	int16_t relation;
	uint16_t level;
	const char *expression;
	const char *column;
	bool descending;
	bool nulls_first; /* as it comes out, the default of the direction applied */
	enum fact_order order;
	const struct clause *clause; /* NULL for what has no text either */
};

/* One condition that is and-ed to what its level reads: a part of WHERE, of a join's ON, or of HAVING without an
 * aggregate in it. */
struct fact_condition {
	const struct clause *clause;
	const char *text; /* canonical, literals as '?' */
	uint16_t level;
	int16_t from, to; /* it filters relations from ≤ index < to: of an outer join only one side */
	int16_t join_from, join_to; /* of a join's ON: both sides; join_to 0: of none */
};

/* One thing that a query puts out. */
struct fact_output {
	const char *name;            /* NULL: all columns of `relation`, or of all relations of the level */
	const struct clause *clause; /* NULL: it can't be followed */
	int16_t relation;
	bool closed; /* a condition on it from outside is none on what the query reads: an aggregate … */
};

/* How far a condition that stands outside a query goes into it (pull_up_subqueries, subquery_is_pushdown_safe). */
enum fact_reach {
	REACH_MERGED, /* the query is one with the outer */
	REACH_PUSHED, /* a condition on its columns alone is pushed down */
	REACH_NONE,
};

/* One query level: a SELECT, or the one that an INSERT, UPDATE, DELETE, MERGE or utility statement is. A UNION's arms
 * are levels below its own; so is a WITH query below the statement that has it. */
struct fact_level {
	int16_t parent; /* -1: top */
	bool deep_offset; /* OFFSET by more than 10,000, a constant */
	bool has_where, has_limit, has_offset, has_group, has_distinct, has_locking, has_aggregate;
	bool only_count; /* puts out nothing but count(*) */
	bool has_others; /* FROM holds more than tables that conditions connect: a sub-select, a function, TABLESAMPLE, a
	                  * NATURAL or FULL JOIN */
	enum fact_reach reach;
	bool is_barrier; /* only what is leakproof goes into it: a view WITH (security_barrier) */
	bool is_arm;   /* of the set operation that its parent is */
	uint16_t arms; /* of a set operation: how many; its columns are theirs, one by one */
	const struct fact_output *outputs; /* of other levels than the top; NULL: not known */
	uint16_t output_count;
};

/* -- schema changes ----------------------------------------------------------------------------- */

enum ddl_form {
	DDL_OTHER, /* some schema change without a form of its own */
	DDL_CREATE_TABLE,
	DDL_CREATE_TABLE_AS, /* also SELECT INTO, CREATE MATERIALIZED VIEW */
	DDL_CREATE_INDEX,
	DDL_DROP_INDEX,
	DDL_REINDEX, /* object: table, index, schema, database, system */
	DDL_ADD_COLUMN,
	DDL_DROP_COLUMN,
	DDL_ALTER_TYPE, /* ALTER COLUMN … TYPE */
	DDL_SET_DEFAULT,
	DDL_DROP_DEFAULT,
	DDL_SET_NOT_NULL,
	DDL_DROP_NOT_NULL,
	DDL_ADD_CHECK,
	DDL_ADD_FOREIGN_KEY,
	DDL_ADD_UNIQUE,
	DDL_ADD_PRIMARY_KEY,
	DDL_ADD_EXCLUSION,
	DDL_VALIDATE_CONSTRAINT,
	DDL_DROP_CONSTRAINT,
	DDL_RENAME,
	DDL_DROP_TABLE,
	DDL_VACUUM_FULL,
	DDL_CLUSTER,
	DDL_SET_STORAGE_PROPERTY, /* method: "logged", "unlogged", "access method", "tablespace"; object: the latter's
	                             name */
	DDL_ATTACH_PARTITION,
	DDL_DETACH_PARTITION,
	DDL_REFRESH_MATERIALIZED_VIEW,
	DDL_ALTER_TABLE_OTHER,
	DDL_CREATE_TRIGGER,
	DDL_DROP_OTHER,
	DDL_ALTER_INDEX,       /* object: the index */
	DDL_SEQUENCE,          /* CREATE, ALTER SEQUENCE; relation: the sequence, referenced: the table of OWNED BY */
	DDL_DOMAIN_CONSTRAINT, /* ADD CONSTRAINT, VALIDATE CONSTRAINT, SET NOT NULL; object: the domain */
	DDL_CREATE_VIEW,
};

enum using_kind {
	USING_NONE,
	USING_BARE_CAST, /* USING col::newtype, as Django writes it: as good as none */
	USING_EXPRESSION,
};

/* A data type as written: "varchar" with modifiers {50}, "pg_catalog.int4", "citext". */
struct fact_type {
	const char *schema;   /* NULL when not qualified; pg_catalog for the grammar's own names (int → int4) */
	const char *name;     /* lower case: "varchar", "int4", "timestamptz", "serial" */
	int32_t modifiers[2]; /* -1 where absent */
	bool array;
};

/* A function called in a default or generated expression. */
struct fact_call {
	const char *schema;
	const char *name;
	const char *sequence; /* of nextval, a constant: "schema.name" as it stands there; else NULL */
	uint16_t arguments;
};

/* A column of a new table. */
struct fact_column {
	const char *name;
	struct fact_type type; /* name NULL when none */
};

/* How the definition of a key goes on after its own columns. */
struct fact_constraint {
	const char *const *referenced_columns; /* FOREIGN KEY */
	uint16_t referenced_column_count;
	const char *const *set_columns; /* ON DELETE SET NULL or DEFAULT (…) */
	uint16_t set_column_count;
	char on_delete, on_update; /* as pg_constraint has it: 'a', 'r', 'c', 'n', 'd' */
	bool match_full;
	const char *const *included; /* UNIQUE, PRIMARY KEY: INCLUDE (…) */
	uint16_t included_count;
	bool nulls_not_distinct;
	bool deferrable, deferred;
};

/* One step of a DDL statement; ALTER TABLE has one for each subcommand. A column's inline constraints are
 * flags of its DDL_ADD_COLUMN. The foreign keys of a new table follow its DDL_CREATE_TABLE, each as a
 * DDL_ADD_FOREIGN_KEY on the new table; its other constraints are of no interest. */
struct fact_action {
	enum ddl_form form;
	int16_t relation;          /* the table; -1 when the statement names none (REINDEX INDEX, DROP INDEX) */
	const char *object_schema; /* the index, constraint, trigger … by its own name; NULL when not named */
	const char *object;
	const char *column;         /* the column altered or added */
	const char *new_name;       /* RENAME */
	const char *const *columns; /* key columns or expressions (canonical, masked) of an index or constraint */
	uint16_t column_count;
	const char *const *opclasses; /* CREATE INDEX: by column, NULL where not named */
	bool has_options;             /* CREATE INDEX: more than name, method, columns, operator classes and WHERE */
	const char *method;           /* CREATE INDEX … USING, "btree" by default; ALTER TYPE: "add value", "rename
	                               * value" of an enum; ALTER TABLE without a form of its own: "inherit", "no inherit",
	                               * "set options", "drop expression", "set identity", "drop identity", "alter
	                               * constraint", "replica identity", "set storage" (that not all types have), "set schema", "owner", "cluster on", "finalize",
	                               * "trigger", "all triggers", "user triggers"; DROP_OTHER: "type", "schema", "view",
	                               * "materialized view", and the names of effect_part.c, also where it is created
	                               * or renamed; OTHER: "alone", which no transaction may hold,
	                               * "create schema", "create extension", "create volatile" of a function, "create
	                               * constrained" of a domain, "create enum" */
	const char *reindex_kind;     /* "table", "index", "schema", "database", "system" */
	struct fact_type type;        /* ADD COLUMN, ALTER TYPE; name NULL when none */
	enum using_kind using_kind;
	const struct fact_call *calls; /* in the default: volatility decides about a rewrite */
	uint16_t call_count;
	const char *index;              /* ADD CONSTRAINT … USING INDEX: its name */
	const struct fact_constraint *constraint; /* a key, also that of an ADD COLUMN: the rest of it; else NULL */
	const char *expression;         /* ADD CHECK: canonical */
	const struct fact_column *new_columns; /* CREATE TABLE */
	uint16_t new_column_count;
	enum lock_mode lock;            /* on the relation, or where none is named on the object */
	enum lock_mode referenced_lock; /* on the relation that `referenced` says */
	bool recurses;                  /* unless ONLY, it goes on to inheriting tables and partitions */
	const char *collation;          /* ADD COLUMN, ALTER TYPE: its name; NULL: not said */
	int16_t referenced; /* index into relations: a foreign key's table, the partition attached or detached, the
	                     * parent of a CREATE TABLE … PARTITION OF; else -1 */
	bool concurrently;
	bool only;      /* CREATE INDEX ON ONLY, ALTER TABLE ONLY */
	bool if_exists; /* IF EXISTS, IF NOT EXISTS, OR REPLACE */
	bool unique;
	bool not_valid;
	bool using_index; /* ADD CONSTRAINT … USING INDEX */
	bool has_default; /* any, a literal included */
	bool default_is_null;
	bool default_has_query; /* a sub-select in it, which no default may have */
	bool default_has_column; /* nor this */
	bool default_is_call; /* calls[0], and nothing around it */
	bool has_check, has_unique, has_primary, has_references, has_not_null, has_generated, has_identity;
	bool has_collation;
	bool has_predicate; /* a partial index */
	bool cascade;
	bool temporary;
	/* ATTACH PARTITION and PARTITION OF: with one key FROM and TO, or the values of IN, as canonical texts; of a hash
	 * the modulus, else 0. */
	const char *bound_from, *bound_to;
	const char *const *bounds;
	uint16_t bound_count;
	int modulus, remainder;
	bool no_data;    /* WITH NO DATA */
	bool is_default; /* the DEFAULT partition is attached or created */
};

struct fact_assignment {
	int16_t relation;   /* the target */
	const char *column; /* NULL: an INSERT that names none, `place` says which */
	uint16_t place;     /* counted from 1 among the table's columns; 0 where `column` says */
	enum operand_kind operand;
	uint16_t parameter;
	/* A set (value_bit) of the kinds of text constants that may be stored, over all rows of an INSERT and all
	 * branches of CASE and COALESCE; VALUE_WEAK_HASH also for what md5() and its like make of one. For a column
	 * whose name is that of a secret, or is not known, all kinds count, for others VALUE_JSON, VALUE_JSON_EMPTY and
	 * VALUE_PLAIN. */
	uint32_t values;
};

/* A column that the statement names anywhere, so that it fails when that is gone. */
struct fact_use {
	int16_t relation;   /* -1: of any relation that is visible in `level` and has such a column */
	uint16_t level;
	const char *column; /* NULL: each, as by a star or an INSERT without names */
};

/* A secret that stands in the statement itself. */
enum fact_secret_kind {
	FACT_SECRET_ROLE,       /* CREATE or ALTER ROLE … PASSWORD with anything but a verifier; object: the role */
	FACT_SECRET_MAPPING,    /* CREATE or ALTER USER MAPPING … OPTIONS (password …); object: the server */
	FACT_SECRET_CONNECTION, /* a connection string with a password; object: the function or the subscription */
	FACT_SECRET_KEY,        /* a key or password as a constant argument of pgcrypto's; object: the function */
	FACT_SECRET_HASHED,     /* a password as a constant that the server is to hash; object: the column */
};

struct fact_secret {
	enum fact_secret_kind kind;
	const char *object;
};

/* One statement of a message. */
struct facts {
	enum statement_kind kind;
	const char *name;
	const char *value;
	bool local, hold, analyze;
	bool cascade;        /* TRUNCATE */
	bool restart;        /* TRUNCATE … RESTART IDENTITY */
	bool nowait;         /* LOCK … NOWAIT */
	enum lock_mode lock; /* LOCK, TRUNCATE, ANALYZE: on each target */
	bool for_update;     /* FOR UPDATE or FOR NO KEY UPDATE, at any level */
	bool long_list;      /* constants are compared with by IN, or ARRAY[…], more than LIMIT_LIST_MEMBERS of them */
	const char *long_name; /* of a schema change: the first name in it that is longer than a name may be, cut as the
	                        * server does; else NULL */
	bool truncated;      /* a ceiling was met: there is more than the facts say */
	bool uses_truncated; /* the same of `uses` alone, which may then be of any column */
	struct fact_relation *relations;
	uint16_t relation_count;
	struct fact_predicate *predicates;
	uint16_t predicate_count;
	struct fact_condition *conditions;
	uint16_t condition_count;
	const struct fact_type *parameter_types; /* PREPARE name (type, …) */
	uint16_t parameter_type_count;
	const uint32_t *parameter_oids; /* as a Parse declares them, 0 where it leaves that to the server */
	uint16_t parameter_oid_count;
	const char *executes; /* the name of what EXECUTE runs, also in EXPLAIN and CREATE TABLE AS; else NULL */
	const struct bound_shape *arguments; /* EXECUTE name (value, …): of what is no constant nothing is known */
	uint16_t argument_count;
	const struct clause *const *values; /* the same as clauses; NULL where literals are not to be seen */
	struct fact_sort *sorts;
	uint16_t sort_count;
	struct fact_level *levels;
	uint16_t level_count;
	struct fact_action *actions;
	uint16_t action_count;
	/* The columns of an INSERT or UPDATE. Of several rows the first; where a column is or may be a secret's, parameters
	 * of the others follow as assignments of their own, and everywhere those of further branches. */
	struct fact_assignment *assignments;
	uint16_t assignment_count;
	struct fact_use *uses;
	uint16_t use_count;
	struct fact_secret *secrets;
	uint16_t secret_count;
	/* CREATE INDEX and ALTER TABLE alone: the statement itself, normalised as a query is, for a fix that repeats it; else NULL. Its
	 * spelling is what people see and nothing to judge by, so facts_dump leaves it out. */
	const char *text;
};

#endif

/* An immutable picture of one database's catalog: what the rules ask about tables, columns, indexes,
 * constraints and functions. Made by one thread through a builder, then published and only read; counted by
 * reference, the last one frees it. Knows nothing of how it is fetched. */
#ifndef PGPROCTOR_INSPECT_CATALOG_H
#define PGPROCTOR_INSPECT_CATALOG_H

#include "config/check.h"
#include "inspect/arena.h"

#include <stdbool.h>
#include <stdint.h>

struct clause; /* clause.h */
struct facts;  /* facts.h */

enum catalog_relkind {
	CATALOG_TABLE = 'r',
	CATALOG_PARTITIONED_TABLE = 'p',
	CATALOG_VIEW = 'v',
	CATALOG_MATERIALIZED_VIEW = 'm',
	CATALOG_FOREIGN_TABLE = 'f',
	CATALOG_SEQUENCE_ALONE = 'S', /* that no column owns */
};

struct catalog_column {
	const char *name;
	int16_t number; /* attnum */
	const char *type_schema;
	const char *type;      /* pg_type.typname, "varchar", "_varchar" for an array */
	int32_t type_modifier; /* atttypmod */
	uint32_t type_oid;
	bool not_null;
	const char *collation;  /* NULL when not collatable */
	uint32_t collation_oid; /* 0 when not collatable */
	bool collation_is_c;    /* C or POSIX, the database's default resolved */
	bool collation_nondeterministic;
	bool has_statistics;
	double distinct; /* pg_stats.n_distinct as it stands: < 0 is a fraction of the rows */
	double null_fraction;
	double common_share;  /* of all rows that have the most common value; 0: not known */
	double typical_share; /* of all rows that have the value of a row taken at random, NULLs apart; 0: not known */
	bool has_true_share;
	double true_share; /* of a boolean */
	bool never_negative;  /* a number, and pg_stats has seen none below 0 */
	double list_share;    /* of the texts in pg_stats, those that are lists, "a,b,c"; 0: not known, or few */
	double sequence_used; /* the share of the numbers that it can have that its own sequence has given; 0: none, or not
	                       * known */
	double sequence_first, sequence_since; /* that share when it was first read, and the Unix time of that */
	bool generated; /* STORED */
	bool identity;
	bool has_default; /* an expression of its own, that is none of a generated column */
	bool inherited; /* from a parent, or the partitioned table */
	bool fixed_size; /* of a type whose values are all as long */
};

struct catalog_index_key {
	const char *expression;      /* canonical, as expression.h makes it; the column's name for a plain key */
	const char *column;          /* the plain key's column, else NULL */
	const char *deparsed;        /* an expression as the server prints it; NULL for a plain key */
	const struct clause *clause; /* the same as a tree */
	const char *opclass;         /* "gin_trgm_ops", "text_pattern_ops", "text_ops" */
	uint32_t family;             /* the operator class's, see dictionary.h */
	uint32_t collation_oid;
	bool collation_is_c;
	const char *collation; /* name, NULL when not collatable */
	bool descending, nulls_first;
};

struct catalog_index {
	uint32_t oid;
	const char *schema;
	const char *name;
	const char *method; /* "btree", "gin" … */
	bool valid, ready, unique, primary;
	bool inherited; /* a partition's, attached to one of the partitioned table */
	bool building; /* not valid, and somebody may be at it: CREATE or REINDEX INDEX CONCURRENTLY */
	const struct catalog_index_key *keys; /* INCLUDE columns are not among them */
	uint16_t key_count;
	const char *predicate; /* canonical; NULL when not partial */
	const struct clause *predicate_clause;
	const char *const *included; /* INCLUDE columns */
	uint16_t included_count;
	const char *definition; /* pg_get_indexdef, for people */
	double known_since;     /* a Unix time: at the latest then it was there; 0: not known */
	double unused_days;     /* never scanned since the server counts; 0: scanned, or not known */
};

struct catalog_view {
	const char *definition; /* as pg_get_viewdef has it, schemas written out */
	/* Of SELECT * FROM (definition), so that its level 1 is the query, and its last relation stands for that; NULL:
	 * not parsed. */
	const struct facts *facts;
	bool is_barrier;
	bool is_diverted; /* by triggers or rules of its own: what is written to it goes where they send it */
};

enum catalog_constraint_kind {
	CATALOG_CHECK = 'c',
	CATALOG_FOREIGN_KEY = 'f',
	CATALOG_PRIMARY_KEY = 'p',
	CATALOG_UNIQUE = 'u',
	CATALOG_EXCLUSION = 'x',
};

struct catalog_constraint {
	const char *name;
	enum catalog_constraint_kind kind;
	bool valid;
	bool inherited; /* from a parent, or the partitioned table */
	const char *const *columns;
	uint16_t column_count;
	const char *expression;                    /* CHECK: canonical, else NULL */
	const struct catalog_relation *referenced; /* FOREIGN KEY, else NULL */
	const char *const *referenced_columns;     /* … as many as `columns` */
	/* CHECK: the columns that it implies to be NOT NULL, by top-level AND of `c IS NOT NULL`. */
	const char *const *not_null_columns;
	uint16_t not_null_count;
};

enum catalog_dependent_kind {
	CATALOG_DEPENDENT_VIEW = 'v', /* also a materialised one, and a rule on another table */
	CATALOG_DEPENDENT_POLICY = 'p',
	CATALOG_DEPENDENT_TRIGGER = 't',   /* by UPDATE OF or WHEN */
	CATALOG_DEPENDENT_GENERATED = 'g', /* a generated column of the same table */
	CATALOG_DEPENDENT_DEFAULT = 'd',   /* on a sequence: a default of that table calls it */
};

/* What PostgreSQL would have to drop or rebuild with a column, beside indexes and constraints. */
struct catalog_dependent {
	enum catalog_dependent_kind kind;
	const struct catalog_relation *relation; /* the view, or the table with the default; else the table itself */
	int16_t column;                          /* attnum; 0: the table as a whole */
};

enum catalog_part_kind {
	CATALOG_TRIGGER = 't', /* not those of foreign keys */
	CATALOG_RULE = 'r',
	CATALOG_POLICY = 'p',
	CATALOG_STATISTICS = 's',
	CATALOG_PUBLICATION = 'b', /* that it is in */
	CATALOG_SEQUENCE = 'q',    /* that a column of it owns */
	CATALOG_EXTENSION = 'e',   /* that a column, an index or the table itself needs something of */
};

/* What belongs to a table and has a name of its own, beside columns, indexes and constraints. */
struct catalog_part {
	enum catalog_part_kind kind;
	const char *schema; /* of statistics and sequences, and of a trigger's function; else NULL */
	const char *name;
	const char *function; /* a trigger's; else NULL */
	const char *index;    /* that needs the extension; else NULL */
	int16_t column;       /* a sequence's, or that needs the extension, attnum; else 0 */
	bool identity;        /* a sequence that is an identity column's */
	bool used;            /* a sequence that the default of a column calls */
	bool for_rows;        /* a trigger FOR EACH ROW */
	bool inherited;       /* a trigger that is the partitioned table's */
};

struct catalog_relation {
	uint32_t oid;
	const char *schema;
	const char *name;
	enum catalog_relkind kind;
	bool temporary, is_partition;
	bool amended; /* changed by an earlier statement of a script */
	bool gone; /* dropped or renamed by an earlier statement of a script (amend.h): catalog_find has it no more */
	bool system;   /* in pg_catalog, information_schema or pg_toast */
	bool assumed;  /* nobody has read it: of columns and indexes there is what statements give away */
	bool vague;    /* it has an index of which nobody knows what it serves */
	bool analyzed; /* reltuples is known; otherwise rows is estimated from the size */
	double rows;   /* of a partitioned table the sum of its leaves; < 0: unknown */
	int64_t bytes; /* heap, likewise summed; < 0: unknown */
	double modified; /* rows changed since an ANALYZE of long ago, of itself; 0: none, or not known */
	const struct catalog_column *columns;
	uint16_t column_count;
	const struct catalog_index *indexes;
	uint16_t index_count;
	const struct catalog_constraint *constraints;
	uint16_t constraint_count;
	const struct catalog_relation *const *partitions; /* direct children, those by INHERITS too */
	uint32_t partition_count;
	char persistence;          /* 'p', 'u' or 't'; 0: not known */
	const char *access_method; /* "heap"; NULL: none, or not known */
	const char *tablespace;    /* NULL: the database's own */
	bool is_default_partition;
	const char *partition_bound;  /* of a partition: "FOR VALUES FROM (…) TO (…)" as the server says it, at UTC; else NULL */
	char partition_strategy;      /* of a partitioned table: 'r', 'l' or 'h' */
	const char *partition_column; /* the key when it is just one column, else NULL */
	const struct catalog_dependent *dependents;
	uint32_t dependent_count;
	const struct catalog_part *parts;
	uint32_t part_count;
	const struct catalog_relation *parent; /* it is a partition of, or inherits from first; set by catalog_seal */
	bool is_detaching;                     /* DETACH … CONCURRENTLY of it has not come to its end */
	const struct catalog_view *view; /* NULL: it is none, or its definition could not be read */
};

enum catalog_volatility {
	CATALOG_IMMUTABLE = 'i',
	CATALOG_STABLE = 's',
	CATALOG_VOLATILE = 'v',
	CATALOG_NO_FUNCTION = 0,
};

struct catalog_domain {
	const char *schema;
	const char *name;
	const char *base_type; /* pg_type.typname of the innermost base type */
	bool constrained;      /* a CHECK or NOT NULL, of its own or of a domain below it */
	int32_t modifier;      /* of the base type, as atttypmod; 0: not known */
	bool volatile_default; /* its own default differs from row to row */
};

struct catalog;
struct dictionary;

/* Takes over the caller's reference. Readers may keep what they get as long as the catalog. */
void catalog_set_dictionary(struct catalog *catalog, struct dictionary *dictionary);
struct dictionary *catalog_dictionary(const struct catalog *catalog); /* NULL when none was set */

/* A new catalog, to be filled by one thread before anybody else sees it. The builder's arena is the catalog's:
 * strings handed to the catalog_add functions must live in catalog_arena(). */
struct catalog *catalog_new(const char *database);
struct arena *catalog_arena(struct catalog *catalog);
struct catalog_relation *catalog_add_relation(struct catalog *catalog, const struct catalog_relation *relation);
void catalog_add_function(struct catalog *catalog, const char *schema, const char *name, uint16_t arguments_min,
                          uint16_t arguments_max, enum catalog_volatility volatility, bool inlinable_sql);
void catalog_add_domain(struct catalog *catalog, const struct catalog_domain *domain);
/* search_path, lock_timeout or plan_cache_mode as new sessions begin with it. `role` NULL: of the database or the server; the most
 * specific one counts. */
void catalog_add_setting(struct catalog *catalog, const char *role, const char *name, const char *value);
/* Sums rows and bytes into partitioned parents, makes the look-up tables; after it the catalog is only read. */
void catalog_seal(struct catalog *catalog);

struct catalog *catalog_ref(struct catalog *catalog);
void catalog_unref(struct catalog *catalog); /* NULL is fine */

/* The server's, as libpq counts it (150020); 0: not known. */
void catalog_set_version(struct catalog *catalog, int version);
int catalog_version(const struct catalog *catalog);

/* Differs between any two catalogs of one process. */
uint64_t catalog_generation(const struct catalog *catalog);
const char *catalog_database(const struct catalog *catalog);
/* Extensions matter to fixes: whether pg_trgm is there already. */
void catalog_add_extension(struct catalog *catalog, const char *name);
bool catalog_has_extension(const struct catalog *catalog, const char *name);

/* In a sealed catalog that has one reader, who has the relation under that name from then on. */
void catalog_rename(struct catalog *catalog, struct catalog_relation *relation, const char *name);
/* Likewise: it has been written to, and is another catalog to who kept its generation. */
void catalog_amended(struct catalog *catalog);
/* By name as a statement gives it; schema NULL: the first hit along search_path, a list as in the GUC ("$user" is
 * `user`; NULL or "": catalog_search_path). pg_catalog is looked in first unless the list names it, pg_temp not at all.
 * NULL when there is none. */
const struct catalog_relation *catalog_find(const struct catalog *catalog, const char *schema, const char *name,
                                            const char *search_path, const char *user);
const struct catalog_relation *catalog_find_oid(const struct catalog *catalog, uint32_t oid);
/* An index and, through `relation`, its table. */
const struct catalog_index *catalog_find_index(const struct catalog *catalog, const char *schema, const char *name,
                                               const char *search_path, const char *user,
                                               const struct catalog_relation **relation);
const struct catalog_column *catalog_column(const struct catalog_relation *relation, const char *name);
/* The one that an INSERT without names means by its `place`, from 1. NULL when there is none. */
const struct catalog_column *catalog_column_at(const struct catalog_relation *relation, uint16_t place);
/* The worst volatility among the functions of that name that take that many arguments; `inlinable` is set when
 * every volatile one is an inlinable SQL function (a body that PostgreSQL replaces by its expression). */
enum catalog_volatility catalog_volatility_of(const struct catalog *catalog, const char *schema, const char *name,
                                              uint16_t arguments, bool *inlinable);
/* Schema NULL: along the default search_path, else any schema's, a constrained one first. */
const struct catalog_domain *catalog_find_domain(const struct catalog *catalog, const char *schema, const char *name);
/* What search_path is in force for a new session of `user`; "\"$user\", public" when nothing says otherwise. */
const char *catalog_search_path(const struct catalog *catalog, const char *user);
/* The lock_timeout of such a session, as it stands ("0", "2s"); NULL when it can't be seen. */
const char *catalog_lock_timeout(const struct catalog *catalog, const char *user);
/* Its plan_cache_mode ("auto", "force_generic_plan" …); NULL likewise. */
const char *catalog_plan_cache_mode(const struct catalog *catalog, const char *user);
uint32_t catalog_relation_count(const struct catalog *catalog);
/* NULL when the table has none such; so it is, too, where nobody has read them (assumed, amended). */
const struct catalog_part *catalog_part(const struct catalog_relation *relation, enum catalog_part_kind kind,
                                        const char *name);
/* For iteration, 0 ≤ at < catalog_relation_count. */
const struct catalog_relation *catalog_relation_at(const struct catalog *catalog, uint32_t at);

#endif

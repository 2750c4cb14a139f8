/* The statements that read a catalog. Each lists its columns in the order in which feed_load.c takes them. None of
 * them locks a user's table but those of the last three parts; all run with search_path = pg_catalog, on PostgreSQL 12
 * and later. */
#ifndef PGPROCTOR_PROXY_FEED_SQL_H
#define PGPROCTOR_PROXY_FEED_SQL_H

extern const char feed_sql_begin[];
extern const char feed_sql_facts[];       /* block size, longest character in bytes, track_counts */
extern const char feed_sql_relations[];   /* by oid */
extern const char feed_sql_columns[];     /* by relation, number; not of system relations */
extern const char feed_sql_indexes[];     /* by relation, index */
extern const char feed_sql_index_keys[];  /* by relation, index, position */
extern const char feed_sql_constraints[]; /* by relation, constraint */
extern const char feed_sql_functions[];
extern const char feed_sql_domains[];
extern const char feed_sql_settings[];
extern const char feed_sql_dependents[];
extern const char feed_sql_parts[]; /* triggers, rules, policies, statistics, publications, sequences of tables */
extern const char feed_sql_extensions[];
/* Relation, kind, number or oid, value: rows changed since ANALYZE (m), the share of a column's most common value (v),
 * columns without a negative number (n), the share of a column's texts that are lists (l), days that an index has not been scanned (u); then how much of its column's
 * numbers a sequence has used up (q). Each is a transaction of its own. */
extern const char feed_sql_usage[];
extern const char feed_sql_sequences[];
/* What opens tables: relation, kind, oid, position or name, text; a size (s), the definition of an index that has
 * expressions or a predicate (i), each of its keys that is one (k), a CHECK (c). lock_timeout in ms stands between the
 * first two parts, the relations' oids with commas between the last. */
extern const char feed_sql_open_begin[];
extern const char feed_sql_open_wanted[];
extern const char feed_sql_open_end[];

#endif

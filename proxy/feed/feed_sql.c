#include "proxy/feed/feed_sql.h"

/* Other sessions' temporary tables are nobody's business: their names say nothing outside that session. */
#define RELATION " c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relpersistence <> 't' "
#define SYSTEM " n.nspname IN ('pg_catalog', 'information_schema') "
#define USER_RELATION RELATION " AND NOT " SYSTEM
/* One that no column owns; of the others a table's parts tell. */
#define FREE_SEQUENCE                                                                                                  \
	" c.relkind = 'S' AND c.relpersistence <> 't' AND NOT EXISTS (SELECT FROM pg_depend d"                         \
	" WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.refclassid = 'pg_class'::regclass"          \
	" AND d.deptype IN ('a', 'i')) "

/* Whether a collation sorts by bytes: C and POSIX of libc, and all of the built-in provider (PostgreSQL 17). The
 * database's own stands for oid 100, "default"; its provider has a column since PostgreSQL 15, hence the json. */
#define DATABASE_IS_C                                                                                                  \
	" (SELECT CASE coalesce(to_jsonb(d) ->> 'datlocprovider', 'c') WHEN 'c' THEN d.datcollate IN ('C', 'POSIX')"   \
	" ELSE to_jsonb(d) ->> 'datlocprovider' = 'b' END FROM pg_database d WHERE d.datname = current_database()) "
#define COLLATION_IS_C                                                                                                 \
	" CASE WHEN co.oid = 100 THEN " DATABASE_IS_C                                                                  \
	" ELSE co.collprovider = 'b' OR co.collprovider = 'c' AND co.collcollate IN ('C', 'POSIX') END "

/* Everything is said again in each transaction, because a pooler may stand in between and hand out another session.
 * The timeouts for the whole connection are feed.c's. Nested
 * loops are what the planner takes after a thousand migrations and no ANALYZE, for one row where there are thousands.
 */
const char feed_sql_begin[] = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
                              "SET LOCAL search_path = pg_catalog;"
                              "SET LOCAL client_encoding = 'UTF8';"
                              "SET LOCAL standard_conforming_strings = on;"
                              "SET LOCAL extra_float_digits = 1;"
                              "SET LOCAL DateStyle = 'ISO';"
                              "SET LOCAL TimeZone = 'UTC';"
                              "SET LOCAL quote_all_identifiers = off;"
                              "SET LOCAL lock_timeout = '1s';"
                              "SET LOCAL enable_nestloop = off;"
                              "SET LOCAL jit = off";

const char feed_sql_facts[] = "SELECT current_setting('block_size'), pg_encoding_max_length(encoding),"
                              " current_setting('track_counts')::bool FROM pg_database WHERE datname = current_database()";

const char feed_sql_relations[] =
    "SELECT c.oid, n.nspname, c.relname, c.relkind, c.relispartition, " SYSTEM ", c.reltuples, c.relpages,"
    " pg_stat_get_live_tuples(c.oid),"
    " (SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid ORDER BY i.inhseqno LIMIT 1),"
    " c.relpersistence, am.amname, ts.spcname, p.partstrat,"
    " CASE p.partnatts WHEN 1 THEN (SELECT a.attname FROM pg_attribute a"
    "  WHERE a.attrelid = c.oid AND a.attnum = p.partattrs[0] AND a.attnum > 0) END,"
    " EXISTS (SELECT FROM pg_partitioned_table d WHERE d.partdefid = c.oid),"
    /* It came with PostgreSQL 14. */
    " EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND to_jsonb(i) ->> 'inhdetachpending' = 'true'),"
    /* With the table's oid it would open the table. */
    " pg_get_expr(c.relpartbound, 0)"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_am am ON am.oid = c.relam LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace"
    " LEFT JOIN pg_partitioned_table p ON p.partrelid = c.oid"
    " WHERE " RELATION " OR " FREE_SEQUENCE " ORDER BY c.oid";

/* Statistics are those of the rows that a scan of the table itself reads, or of the whole tree for a parent. */
const char feed_sql_columns[] =
    "SELECT a.attrelid, a.attnum, a.attname, tn.nspname, t.typname, a.atttypmod, a.atttypid, a.attnotnull,"
    " co.collname, " COLLATION_IS_C
    ", NOT co.collisdeterministic, s.n_distinct, s.null_frac, s.avg_width, t.typlen, a.attgenerated <> '',"
    " a.attcollation, a.attinhcount > 0, a.attidentity <> '', a.atthasdef AND a.attgenerated = ''"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
    " JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace tn ON tn.oid = t.typnamespace"
    " LEFT JOIN pg_collation co ON co.oid = a.attcollation"
    " LEFT JOIN pg_stats s ON s.schemaname = n.nspname AND s.tablename = c.relname AND s.attname = a.attname"
    " AND s.inherited = (c.relkind = 'p')"
    " WHERE " USER_RELATION " ORDER BY a.attrelid, a.attnum";

const char feed_sql_indexes[] =
    "SELECT i.indrelid, i.indexrelid, xn.nspname, x.relname, am.amname, i.indisvalid, i.indisready, i.indisunique,"
    " i.indisprimary, i.indexprs IS NOT NULL, i.indpred IS NOT NULL,"
    " format('%I ON %I.%I', x.relname, n.nspname, c.relname),"
    /* What builds CONCURRENTLY holds that lock all the time; the view of its progress shows others' to few roles. */
    " NOT i.indisvalid AND EXISTS (SELECT FROM pg_locks l WHERE l.relation = i.indrelid"
    "  AND l.mode = 'ShareUpdateExclusiveLock'"
    "  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())), x.relispartition"
    " FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid JOIN pg_namespace xn ON xn.oid = x.relnamespace"
    " JOIN pg_am am ON am.oid = x.relam"
    " JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE i.indislive AND " USER_RELATION " ORDER BY i.indrelid, i.indexrelid";

/* INCLUDE columns come last and have no operator class. */
const char feed_sql_index_keys[] =
    "SELECT i.indexrelid, k.at <= i.indnkeyatts, a.attname, quote_ident(a.attname), oc.opcname, oc.opcdefault, "
    "co.collname, quote_ident(co.collname)," COLLATION_IS_C ","
    " co.oid <> a.attcollation, i.indoption[k.at - 1] & 1 <> 0, i.indoption[k.at - 1] & 2 <> 0,"
    " oc.opcfamily, i.indcollation[k.at - 1]"
    " FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " CROSS JOIN LATERAL generate_series(1, i.indnatts) AS k (at)"
    " LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[k.at - 1]"
    " LEFT JOIN pg_opclass oc ON k.at <= i.indnkeyatts AND oc.oid = i.indclass[k.at - 1]"
    " LEFT JOIN pg_collation co ON k.at <= i.indnkeyatts AND co.oid = i.indcollation[k.at - 1]"
    " WHERE i.indislive AND " USER_RELATION " ORDER BY i.indrelid, i.indexrelid, k.at";

const char feed_sql_constraints[] =
    "SELECT o.conrelid, o.conname, o.contype, o.convalidated, array_to_string(o.conkey, ' '), o.confrelid,"
    " array_to_string(o.confkey, ' '), o.coninhcount > 0 OR o.conparentid <> 0"
    " FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE o.contype IN ('c', 'f', 'p', 'u', 'x') AND " USER_RELATION " ORDER BY o.conrelid, o.oid";

/* Whether the planner replaces a call by the function's body (inline_function, optimizer/util/clauses.c), and nothing
 * volatile is left then: one SELECT of one expression, and every function that it calls is known not to be volatile.
 * Where a regular expression can't tell, the answer is no. */
const char feed_sql_functions[] =
    "SELECT n.nspname, p.proname, p.pronargs - p.pronargdefaults,"
    " CASE WHEN p.provariadic <> 0 THEN 65535 ELSE p.pronargs END, p.provolatile,"
    " CASE WHEN p.provolatile = 'v' AND l.lanname = 'sql' AND p.prokind = 'f' AND NOT p.prosecdef"
    " AND NOT p.proretset AND p.proconfig IS NULL AND p.prorettype <> 'record'::regtype"
    " THEN p.prosrc ~* '^\\s*select\\s[^;]*;?\\s*$'"
    " AND p.prosrc !~* '\\m(from|where|group|having|order|limit|offset|fetch|union|intersect|except|into|for|over)\\M'"
    " AND p.prosrc !~* '\\mselect\\M.*\\mselect\\M' AND p.prosrc !~ '--|/\\*'"
    " AND NOT EXISTS (SELECT FROM regexp_matches(lower(p.prosrc), '([^\\s(),.+*/<>=:-]+)\\s*\\(', 'g') AS call"
    " WHERE call[1] <> 'select' AND NOT coalesce((SELECT bool_and(q.provolatile <> 'v') FROM pg_proc q"
    " WHERE q.proname = call[1]), false))"
    " ELSE false END"
    " FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang"
    " WHERE p.prokind <> 'p'";

const char feed_sql_domains[] =
    "WITH RECURSIVE tower AS ("
    " SELECT t.oid, t.typbasetype AS below, t.typtypmod AS modifier, t.typnotnull OR EXISTS ("
    "  SELECT FROM pg_constraint o WHERE o.contypid = t.oid AND o.contype = 'c') AS constrained"
    " FROM pg_type t WHERE t.typtype = 'd'"
    " UNION ALL"
    " SELECT w.oid, t.typbasetype, greatest(w.modifier, t.typtypmod), w.constrained OR t.typnotnull OR EXISTS ("
    "  SELECT FROM pg_constraint o WHERE o.contypid = t.oid AND o.contype = 'c')"
    " FROM tower w JOIN pg_type t ON t.oid = w.below WHERE t.typtype = 'd')"
    " SELECT n.nspname, d.typname, b.typname, w.constrained, w.modifier,"
    " coalesce(d.typdefault ~ "
    "'\\m(random|nextval|gen_random_uuid|uuid_generate_v[0-9a-z]+|clock_timestamp|timeofday)\\(', false)"
    " FROM tower w JOIN pg_type b ON b.oid = w.below AND b.typtype <> 'd'"
    " JOIN pg_type d ON d.oid = w.oid JOIN pg_namespace n ON n.oid = d.typnamespace";

/* What depends on a table's columns by the way: views, policies, triggers, generated columns. */
const char feed_sql_dependents[] =
    "SELECT d.refobjid, CASE d.classid WHEN 'pg_rewrite'::regclass THEN 'v' WHEN 'pg_policy'::regclass THEN 'p'"
    " WHEN 'pg_trigger'::regclass THEN 't' ELSE 'g' END, coalesce(r.ev_class, d.refobjid), d.refobjsubid"
    " FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"
    " LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid"
    " LEFT JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum"
    " WHERE d.refclassid = 'pg_class'::regclass AND " USER_RELATION
    " AND (d.classid = 'pg_rewrite'::regclass AND r.ev_class <> d.refobjid"
    " OR d.classid IN ('pg_policy'::regclass, 'pg_trigger'::regclass, 'pg_proc'::regclass,"
    "  'pg_publication_rel'::regclass) AND d.refobjsubid > 0"
    " OR a.attgenerated <> '' AND f.adrelid = d.refobjid AND d.refobjsubid NOT IN (0, f.adnum))"
    " UNION SELECT d.refobjid, 'd', f.adrelid, 0::int2 FROM pg_depend d JOIN pg_class c ON c.oid = d.refobjid"
    " JOIN pg_attrdef f ON f.oid = d.objid"
    " WHERE d.classid = 'pg_attrdef'::regclass AND d.refclassid = 'pg_class'::regclass AND " FREE_SEQUENCE
    " ORDER BY 1, 2, 3, 4";

/* What of a table needs an extension: its columns' types, its indexes' operator classes, its defaults and constraints by
 * their functions, a view as a whole. An array's type is no member, but goes with its element's. */
#define EXTENSION_USERS                                                                                                \
	"SELECT coalesce(i.indrelid, f.adrelid, o.conrelid, r.ev_class, d.objid), 'e', NULL, e.extname, x.relname,"    \
	" CASE WHEN a.attgenerated <> '' THEN f.adnum WHEN d.classid = 'pg_class'::regclass THEN d.objsubid ELSE 0 END," \
	" false, false, false, false FROM (SELECT m.refobjid, m.classid, m.objid FROM pg_depend m"                     \
	" WHERE m.deptype = 'e' AND m.refclassid = 'pg_extension'::regclass"                                           \
	" UNION ALL SELECT m.refobjid, m.classid, t.typarray FROM pg_depend m JOIN pg_type t ON t.oid = m.objid"       \
	" WHERE m.deptype = 'e' AND m.classid = 'pg_type'::regclass AND t.typarray <> 0) AS member"                    \
	" JOIN pg_extension e ON e.oid = member.refobjid"                                                              \
	" JOIN pg_depend d ON d.refclassid = member.classid AND d.refobjid = member.objid AND d.deptype IN ('n', 'a')" \
	" AND d.classid IN ('pg_class'::regclass, 'pg_attrdef'::regclass, 'pg_constraint'::regclass,"                  \
	" 'pg_rewrite'::regclass)"                                                                                     \
	" LEFT JOIN pg_index i ON d.classid = 'pg_class'::regclass AND i.indexrelid = d.objid"                         \
	" LEFT JOIN pg_class x ON x.oid = i.indexrelid"                                                                \
	" LEFT JOIN pg_attrdef f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid"                            \
	" LEFT JOIN pg_attribute a ON a.attrelid = f.adrelid AND a.attnum = f.adnum"                                   \
	" LEFT JOIN pg_constraint o ON d.classid = 'pg_constraint'::regclass AND o.oid = d.objid"                      \
	" LEFT JOIN pg_rewrite r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid"

/* Whose trigger it is on a partition has been known since PostgreSQL 13. */
const char feed_sql_parts[] =
    "SELECT p.* FROM ("
    " SELECT t.tgrelid AS relation, 't' AS kind, fn.nspname, t.tgname, f.proname, 0, false, false, t.tgtype & 1 <> 0,"
    "  coalesce(to_jsonb(t) ->> 'tgparentid', '0') <> '0'"
    "  FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_namespace fn ON fn.oid = f.pronamespace"
    "  WHERE NOT t.tgisinternal"
    " UNION ALL SELECT r.ev_class, 'r', NULL, r.rulename, NULL, 0, false, false, false, false"
    "  FROM pg_rewrite r WHERE r.rulename <> '_RETURN'"
    " UNION ALL SELECT y.polrelid, 'p', NULL, y.polname, NULL, 0, false, false, false, false FROM pg_policy y"
    " UNION ALL SELECT s.stxrelid, 's', sn.nspname, s.stxname, NULL, 0, false, false, false, false"
    "  FROM pg_statistic_ext s JOIN pg_namespace sn ON sn.oid = s.stxnamespace"
    " UNION ALL SELECT m.prrelid, 'b', NULL, b.pubname, NULL, 0, false, false, false, false"
    "  FROM pg_publication_rel m JOIN pg_publication b ON b.oid = m.prpubid"
    " UNION ALL SELECT d.refobjid, 'q', qn.nspname, q.relname, NULL, d.refobjsubid, d.deptype = 'i',"
    "  EXISTS (SELECT FROM pg_depend u WHERE u.refclassid = 'pg_class'::regclass AND u.refobjid = q.oid"
    "   AND u.classid = 'pg_attrdef'::regclass), false, false"
    "  FROM pg_depend d JOIN pg_class q ON q.oid = d.objid AND q.relkind = 'S'"
    "  JOIN pg_namespace qn ON qn.oid = q.relnamespace"
    "  WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0"
    "  AND d.deptype IN ('a', 'i')"
    " UNION " EXTENSION_USERS ") AS p"
    " JOIN pg_class c ON c.oid = p.relation JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE " USER_RELATION " AND (p.kind <> 'e' OR NOT EXISTS (SELECT FROM pg_depend own"
    "  WHERE own.classid = 'pg_class'::regclass AND own.objid = c.oid AND own.deptype = 'e'))"
    " ORDER BY 1, 2, 4";

/* Per role the setting for this database goes before that for all. The server's own is what this session would go
 * back to, unless a setting for its role or for everybody stands in front of it; then it can't be seen, or doesn't
 * count. */
const char feed_sql_settings[] =
    "WITH said AS ("
    " SELECT DISTINCT ON (s.setrole, split_part(line, '=', 1)) s.setrole, split_part(line, '=', 1) AS name,"
    "  substr(line, strpos(line, '=') + 1) AS value"
    " FROM pg_db_role_setting s CROSS JOIN LATERAL unnest(s.setconfig) AS line"
    " WHERE split_part(line, '=', 1) IN ('search_path', 'lock_timeout', 'plan_cache_mode')"
    " AND s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))"
    " ORDER BY s.setrole, split_part(line, '=', 1), s.setdatabase = 0)"
    " SELECT r.rolname, said.name, said.value FROM said LEFT JOIN pg_roles r ON r.oid = said.setrole"
    " WHERE said.setrole = 0 OR r.oid IS NOT NULL"
    " UNION ALL"
    " SELECT NULL, g.name, g.reset_val FROM pg_settings g"
    " WHERE g.name IN ('search_path', 'lock_timeout', 'plan_cache_mode') AND NOT EXISTS ("
    "  SELECT FROM said LEFT JOIN pg_roles r ON r.oid = said.setrole"
    "  WHERE said.name = g.name AND (said.setrole = 0 OR r.rolname = session_user))";

const char feed_sql_extensions[] = "SELECT extname FROM pg_extension";

#define QUIETLY                                                                                                        \
	"BEGIN READ ONLY; SET LOCAL search_path = pg_catalog; SET LOCAL client_encoding = 'UTF8';"                     \
	"SET LOCAL extra_float_digits = 1; SET LOCAL enable_nestloop = off; SET LOCAL jit = off;"                      \
	"SET LOCAL lock_timeout = '200ms';"

/* Two items and more without a blank, so that no names ("Last, First") and no sentences are among them. */
#define IS_LIST(value) "((" value ") ~ '^[,;|]?[^,;|[:space:]]+([,;|][^,;|[:space:]]+)+[,;|]?$')"

/* Numbers are compared as numeric, which reads every whole and decimal number's text. A new server counts from its
 * start where nobody has set the figures back. Sessions report what they have changed up to a second later, and so
 * perhaps after an ANALYZE that has seen it: one of the last minutes counts for all. */
const char feed_sql_usage[] = QUIETLY
    "WITH own AS (SELECT c.oid, n.nspname, c.relname, c.relkind, c.reltuples FROM pg_class c"
    " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE " USER_RELATION "),"
    " counted AS (SELECT a.attrelid, a.attnum, t.typname, o.reltuples, s.* FROM own o"
    " JOIN pg_stats s ON s.schemaname = o.nspname AND s.tablename = o.relname AND s.inherited = (o.relkind = 'p')"
    " JOIN pg_attribute a ON a.attrelid = o.oid AND a.attname = s.attname JOIN pg_type t ON t.oid = a.atttypid)"
    " SELECT o.oid, 'm', 0::int8, pg_stat_get_mod_since_analyze(o.oid)::float8 FROM own o WHERE o.relkind IN ('r', 'm')"
    " AND coalesce(greatest(pg_stat_get_last_analyze_time(o.oid), pg_stat_get_last_autoanalyze_time(o.oid))"
    "  < now() - interval '10 minutes', true)"
    " UNION ALL SELECT attrelid, 'v', attnum, most_common_freqs[1]::float8 FROM counted"
    " WHERE most_common_freqs IS NOT NULL"
    /* No value is read but true. Those that are not among the common ones count as equally frequent. */
    " UNION ALL SELECT attrelid, 't', attnum, (squares + greatest(1 - null_frac - sum, 0) ^ 2"
    "  / greatest(CASE WHEN n_distinct < 0 THEN -n_distinct * reltuples ELSE n_distinct END - count, 1))"
    "  / (1 - null_frac)"
    " FROM counted CROSS JOIN LATERAL (SELECT count(*), coalesce(sum(f::float8), 0) AS sum,"
    "  coalesce(sum(f::float8 ^ 2), 0) AS squares FROM unnest(most_common_freqs) AS f) AS common"
    " WHERE n_distinct <> 0 AND null_frac < 1"
    " UNION ALL SELECT attrelid, 'b', attnum, (SELECT coalesce(sum(f::float8) FILTER (WHERE v), 0)"
    "  FROM unnest(most_common_vals::text::bool[], most_common_freqs) AS common (v, f))"
    " FROM counted WHERE typname = 'bool' AND most_common_freqs IS NOT NULL"
    " UNION ALL SELECT attrelid, 'n', attnum, 1 FROM counted"
    " WHERE typname IN ('int2', 'int4', 'int8', 'numeric')"
    " AND (histogram_bounds IS NOT NULL OR most_common_vals IS NOT NULL)"
    " AND coalesce((histogram_bounds::text::numeric[])[1], 0) >= 0"
    " AND coalesce((SELECT min(v) FROM unnest(most_common_vals::text::numeric[]) AS v), 0) >= 0"
    /* One of the values first: of most columns none is a list. */
    " UNION ALL SELECT attrelid, 'l', attnum,"
    "  (SELECT avg(" IS_LIST("v") "::int)::float8 FROM unnest(texts) AS v WHERE v <> '')"
    " FROM (SELECT attrelid, attnum, coalesce(most_common_vals::text::text[], '{}')"
    "   || coalesce(histogram_bounds::text::text[], '{}') AS texts"
    "  FROM counted WHERE typname IN ('text', 'varchar')) AS sampled"
    " WHERE CASE WHEN cardinality(texts) > 0 THEN " IS_LIST("texts[1]") " OR"
    "  " IS_LIST("texts[cardinality(texts)]") " OR " IS_LIST("texts[(cardinality(texts) + 1) / 2]") " ELSE false END"
    " UNION ALL SELECT i.indrelid, 'u', i.indexrelid::int8,"
    " extract(epoch FROM now() - coalesce(d.stats_reset, pg_postmaster_start_time())) / 86400"
    " FROM own o JOIN pg_index i ON i.indrelid = o.oid"
    " CROSS JOIN (SELECT stats_reset FROM pg_stat_database WHERE datname = current_database()) AS d"
    " WHERE pg_stat_get_numscans(i.indexrelid) = 0; COMMIT";

/* The largest number is the column's or the sequence's, whichever comes first: a serial column of old has a sequence of
 * int8. */
const char feed_sql_sequences[] = QUIETLY
    "SELECT d.refobjid, 'q', d.refobjsubid::int8, CASE WHEN has_sequence_privilege(q.seqrelid, 'SELECT, USAGE') THEN"
    " pg_sequence_last_value(q.seqrelid)::float8 / least(q.seqmax, CASE t.typname WHEN 'int2' THEN 32767"
    "  WHEN 'int4' THEN 2147483647 ELSE q.seqmax END) END"
    " FROM pg_sequence q JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = q.seqrelid"
    " AND d.refclassid = 'pg_class'::regclass AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0"
    " JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid"
    " JOIN pg_type t ON t.oid = a.atttypid"
    " WHERE q.seqincrement > 0 AND NOT q.seqcycle AND q.seqmax > 0 AND t.typname IN ('int2', 'int4', 'int8'); COMMIT";

/* pg_relation_size and the deparser open the table, and so would wait behind whoever holds or awaits ACCESS EXCLUSIVE:
 * those are left out, and lock_timeout is for the one that gets it in between. They close it again at once. */
const char feed_sql_open_begin[] =
    "BEGIN READ ONLY; SET LOCAL search_path = pg_catalog;"
    "SET LOCAL client_encoding = 'UTF8'; SET LOCAL standard_conforming_strings = on;"
    "SET LOCAL quote_all_identifiers = off; SET LOCAL enable_nestloop = off; SET LOCAL jit = off;"
    "SET LOCAL lock_timeout = ";
const char feed_sql_open_wanted[] = "; WITH wanted AS MATERIALIZED (SELECT c.oid FROM pg_class c WHERE c.oid IN (";
/* The definition of a single key is its expression alone, without operator class and direction. */
const char feed_sql_open_end[] =
    ") AND c.oid NOT IN (SELECT l.relation FROM pg_locks l WHERE l.mode = 'AccessExclusiveLock'"
    " AND l.relation IS NOT NULL"
    " AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())))"
    " SELECT w.oid, 's', 0::oid, '', pg_relation_size(w.oid)::text FROM wanted w"
    " UNION ALL SELECT w.oid, 'i', i.indexrelid, '', pg_get_indexdef(i.indexrelid)"
    " FROM wanted w JOIN pg_index i ON i.indrelid = w.oid WHERE i.indexprs IS NOT NULL OR i.indpred IS NOT NULL"
    " UNION ALL SELECT w.oid, 'k', i.indexrelid, k.at::text, pg_get_indexdef(i.indexrelid, k.at, true)"
    " FROM wanted w JOIN pg_index i ON i.indrelid = w.oid CROSS JOIN LATERAL generate_series(1, i.indnkeyatts) AS k "
    "(at)"
    " WHERE i.indexprs IS NOT NULL AND i.indkey[k.at - 1] = 0"
    " UNION ALL SELECT w.oid, 'c', o.oid, o.conname, pg_get_constraintdef(o.oid)"
    " FROM wanted w JOIN pg_constraint o ON o.conrelid = w.oid WHERE o.contype = 'c'"
    /* A view's text opens all that the view names. */
    " UNION ALL SELECT w.oid, 'v', 0::oid,"
    " CASE WHEN EXISTS (SELECT FROM pg_options_to_table(c.reloptions) AS t"
    "  WHERE t.option_name = 'security_barrier' AND t.option_value::boolean) THEN 'b' ELSE '' END ||"
    " CASE WHEN EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = w.oid AND t.tgtype & 64 <> 0)"
    "  OR EXISTS (SELECT FROM pg_rewrite r WHERE r.ev_class = w.oid AND r.ev_type <> '1') THEN 'd' ELSE '' END,"
    " pg_get_viewdef(w.oid)"
    " FROM wanted w JOIN pg_class c ON c.oid = w.oid WHERE c.relkind = 'v' AND NOT EXISTS (SELECT FROM pg_rewrite r"
    "  JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid"
    "  AND d.refclassid = 'pg_class'::regclass"
    "  JOIN pg_locks l ON l.relation = d.refobjid AND l.mode = 'AccessExclusiveLock'"
    "  AND l.database = (SELECT b.oid FROM pg_database b WHERE b.datname = current_database())"
    "  WHERE r.ev_class = w.oid); COMMIT";

"""Writes dictionary.tsv: what PostgreSQL 15 has of types, operators and so on, as far as the unit tests name any of it.

A line each: a letter for the kind, then the fields of inspect/catalog/dictionary.h in their order. Run against an empty
database of PostgreSQL 15 that may be changed:  dictionary_make.py HOST PORT DATABASE > tests/unit/dictionary.tsv
"""
import subprocess, sys

FUNCTIONS = """upper lower length timezone extract date_part date_trunc to_tsvector plainto_tsquery to_tsquery left
reverse abs mod round host similarity concat replace now random coalesce array_length starts_with date text max min
int4range similar_to_escape like_escape set_config set_limit nextval""".split()

QUERIES = """
SELECT 'T', t.oid, n.nspname, t.typname, t.typtype, t.typcategory, t.typispreferred,
    CASE WHEN t.typlen = -1 AND t.typelem <> 0 AND e.typarray = t.oid THEN t.typelem ELSE 0 END, t.typarray, t.typbasetype,
    coalesce((SELECT r.rngsubtype FROM pg_range r WHERE t.oid IN (r.rngtypid, r.rngmultitypid)), 0), t.typcollation, t.typtypmod
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace LEFT JOIN pg_type e ON e.oid = t.typelem
WHERE t.typtype <> 'c' AND coalesce(e.typtype, 'b') <> 'c' AND n.nspname <> 'information_schema' ORDER BY t.oid;
SELECT 'C', castsource, casttarget, castfunc, castcontext, castmethod FROM pg_cast ORDER BY 2, 3;
SELECT 'O', oid, oprname, oprleft, oprright, oprresult, oprcom, oprnegate, oprcode::oid,
    oprnamespace = 'pg_catalog'::regnamespace FROM pg_operator ORDER BY oid;
SELECT 'F', p.oid, p.proname, array_to_string(p.proargtypes::oid[], ' '), p.pronargdefaults, p.provariadic, p.prorettype,
    p.provolatile, p.prokind, p.proisstrict, p.proretset, p.pronamespace = 'pg_catalog'::regnamespace
FROM pg_proc p WHERE p.proname = ANY ('{%s}') OR p.oid IN (SELECT oprcode FROM pg_operator UNION SELECT castfunc FROM pg_cast)
ORDER BY p.oid;
SELECT 'M', o.amopfamily, o.amopopr, o.amoplefttype, o.amoprighttype, o.amopsortfamily, o.amopstrategy, o.amoppurpose,
    m.amname = 'btree' FROM pg_amop o JOIN pg_am m ON m.oid = o.amopmethod ORDER BY 2, 3, 7, 4, 5;
SELECT 'K', c.oid, c.opcname, m.amname, c.opcfamily, c.opcintype, c.opcdefault
FROM pg_opclass c JOIN pg_am m ON m.oid = c.opcmethod ORDER BY c.oid;
SELECT 'L', co.oid, co.collname, co.collprovider = 'c' AND co.collcollate IN ('C', 'POSIX') AND co.oid <> 100,
    NOT co.collisdeterministic, co.collnamespace = 'pg_catalog'::regnamespace
FROM pg_collation co WHERE co.collname IN ('default', 'C', 'POSIX', 'en-US-x-icu', 'vague') ORDER BY co.oid;
""" % ",".join(FUNCTIONS)

SETUP = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE COLLATION IF NOT EXISTS vague (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
"""


def main():
    host, port, database = sys.argv[1:4]
    psql = ["psql", "-XqAt", "-F", "\t", "-v", "ON_ERROR_STOP=1", "-h", host, "-p", port, "-U", "postgres", "-d", database]
    subprocess.run([*psql, "-f", "-"], input=SETUP, text=True, check=True, stderr=subprocess.DEVNULL)
    sys.stdout.write(subprocess.run([*psql, "-f", "-"], input=QUERIES, text=True, check=True, capture_output=True).stdout)


if __name__ == "__main__":
    main()

#!/usr/bin/python3
"""What PostgreSQL really does: runs each statement of a table of forms in a transaction of its own on a database made
by a set-up, and prints what it locked, rewrote and read, as ddl.tsv holds it. Needs a server to play on:

    tests/truth/measure_ddl.py 'host=… user=postgres' ddl_setup.sql < tests/truth/ddl_forms.tsv > tests/truth/ddl.tsv

and the same with ddl_schema for ddl. The third column is the statement; what else a line holds is not read.

Found while the statement's transaction is still open: the locks in pg_locks, the tables whose file is another one
and holds rows (rewrite), and those of which all rows were read in this transaction (scan). A statement that can't run
inside a transaction is run on its own, and only its error is known; its other columns have to be filled in by hand."""

import sys
from pathlib import Path

import psycopg2

HERE = Path(__file__).resolve().parent

RELATIONS = """
SELECT c.oid, CASE n.nspname WHEN 'public' THEN c.relname ELSE n.nspname || '.' || c.relname END, c.relkind,
       c.relfilenode, c.reltuples, coalesce(pg_relation_size(c.oid), 0)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')"""
LOCKS = """
SELECT relation, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
MODES = ["AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
         "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"]
NAMES = ["ACCESS SHARE", "ROW SHARE", "ROW EXCLUSIVE", "SHARE UPDATE EXCLUSIVE", "SHARE", "SHARE ROW EXCLUSIVE",
         "EXCLUSIVE", "ACCESS EXCLUSIVE"]


def connect(dsn, database):
    connection = psycopg2.connect(dsn, dbname=database)
    connection.autocommit = True
    return connection


def prepare(dsn, setup):
    """A connection to a new database; a set-up with ANALYZE, which knows nothing of what is not committed, is run one
    statement after the other."""
    admin = connect(dsn, "postgres")
    cursor = admin.cursor()
    cursor.execute("DROP DATABASE IF EXISTS ddl_measured")
    cursor.execute("CREATE DATABASE ddl_measured TEMPLATE ddl_base")
    admin.close()
    connection = connect(dsn, "ddl_measured")
    for statement in setup.split("; ") if "ANALYZE" in setup else [setup or "SELECT 1"]:
        connection.cursor().execute(statement)
    return connection


def measure(cursor, statement):
    """[(relation, lock, rewrite, scan)] of what was there before, or the SQLSTATE."""
    cursor.execute(RELATIONS)
    before = {row[0]: row[1:] for row in cursor.fetchall()}
    cursor.execute("BEGIN")
    cursor.execute("SELECT oid, pg_stat_get_xact_tuples_returned(oid) FROM pg_class")
    read = dict(cursor.fetchall())
    try:
        cursor.execute(statement)
    except psycopg2.Error as error:
        return error.pgcode
    cursor.execute(LOCKS)
    locks = {}
    for oid, mode in cursor.fetchall():
        if oid in before:
            locks[oid] = max(locks.get(oid, 0), MODES.index(mode) + 1)
    cursor.execute("SELECT oid, relfilenode, pg_relation_size(oid), pg_stat_get_xact_tuples_returned(oid) FROM pg_class")
    after = {row[0]: row[1:] for row in cursor.fetchall()}
    found = []
    for oid, mode in locks.items():
        name, kind, node, rows, size = before[oid]
        if kind not in "rpmvSf" and (kind != "i" or mode < 4):
            continue
        now = after.get(oid)
        rewrite = kind in "rm" and now is not None and now[0] != node and now[1] > 0
        scan = kind in "rm" and now is not None and rows > 100 and now[2] - read.get(oid, 0) >= 0.95 * rows
        found.append((name, NAMES[mode - 1], rewrite, rewrite or scan))
    return sorted(found)


def main():
    dsn = sys.argv[1]
    admin = connect(dsn, "postgres")
    admin.cursor().execute("DROP DATABASE IF EXISTS ddl_base")
    admin.cursor().execute("CREATE DATABASE ddl_base")
    admin.close()
    base = connect(dsn, "ddl_base")
    for statement in (HERE / sys.argv[2]).read_text().split(";\n"):
        if statement.strip():
            base.cursor().execute(statement)
    base.cursor().execute("VACUUM ANALYZE")
    base.close()
    print("id\tsetup\tstatement\teffects")
    connection, prepared = None, None
    for line in sys.stdin.read().splitlines()[1:]:
        name, setup, statement = line.split("\t")[:3]
        if setup != prepared:
            if connection:
                connection.close()
            connection, prepared = prepare(dsn, setup), setup
        cursor = connection.cursor()
        found = measure(cursor, statement)
        cursor.execute("ROLLBACK")
        text = found if isinstance(found, str) else "; ".join(
            f"{relation} {lock}{' rewrite' if rewrite else ''}{' scan' if scan else ''}"
            for relation, lock, rewrite, scan in found)
        print(name, setup, statement, text, sep="\t", flush=True)


if __name__ == "__main__":
    main()

"""What the scripts find in their database, and where a server listens."""

SCHEMA = """
CREATE TABLE t (id int PRIMARY KEY, name text);
INSERT INTO t SELECT g, 'name ' || g FROM generate_series(1, 20) g;
CREATE TABLE written (n int);
CREATE TABLE loaded (id int, name text);
CREATE TABLE deferred (n int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE big AS SELECT g AS n, md5(g::text) AS name FROM generate_series(1, 2000) g;
CREATE FUNCTION notices(count int) RETURNS int LANGUAGE plpgsql AS
    $$ BEGIN FOR i IN 1..count LOOP RAISE NOTICE 'notice %', i; END LOOP; RETURN count; END $$;
CREATE FUNCTION grumble() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'row %', NEW.id; RETURN NEW; END $$;
CREATE TABLE noisy (id int);
CREATE TRIGGER grumble BEFORE INSERT ON noisy FOR EACH ROW EXECUTE FUNCTION grumble();
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'nothing comes in here'; END $$;
CREATE TABLE stubborn (id int);
CREATE TRIGGER refuse BEFORE INSERT ON stubborn FOR EACH STATEMENT EXECUTE FUNCTION refuse();
CREATE PROCEDURE twice(INOUT n int) LANGUAGE plpgsql AS $$ BEGIN n := n * 2; END $$;
"""
# Most scripts leave nothing behind, and TRUNCATE takes longer than they do.
USED = "SELECT EXISTS (TABLE written) OR EXISTS (TABLE loaded) OR EXISTS (TABLE deferred) OR EXISTS (TABLE noisy)"
EMPTIED = "TRUNCATE written, loaded, deferred, noisy"


def unix(server):
    return f"{server.socket_dir}/.s.PGSQL.{server.port}"

CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE EXTENSION IF NOT EXISTS citext;
CREATE SCHEMA other;
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN d_plain AS int;
CREATE DOMAIN d_pos AS int CHECK (VALUE > 0);
CREATE DOMAIN d_used AS int CHECK (VALUE >= 0);
CREATE DOMAIN d_text AS text;
CREATE DOMAIN d_textchk AS text CHECK (length(VALUE) < 1000);
CREATE FUNCTION trg() RETURNS trigger LANGUAGE plpgsql AS 'begin return new; end';
CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE ref (id int PRIMARY KEY, v text);
INSERT INTO ref SELECT g, 'r' || g FROM generate_series(1, 1000) g;
CREATE TABLE big (id int NOT NULL, ref_id int, name varchar(50), note text, code char(10), qty int, qty_nn int NOT NULL, qty_d int DEFAULT 3, uqn int, sm smallint, bigq bigint,
 amount numeric(10,2), ts timestamp, tstz timestamptz, js json, jtext text, ip cidr, st mood, sttext text, flag boolean, arr varchar(50)[], dom d_used);
CREATE TABLE small (LIKE big INCLUDING DEFAULTS);
INSERT INTO big SELECT g, 1 + g % 1000, 'name ' || g, 'note ' || g, 'c' || g % 1000, g % 100, g % 10, 3, g, g % 100, g, g % 1000, timestamp '2024-01-01' + g * interval '1 min',
 timestamptz '2024-01-01' + g * interval '1 min', '{"a":1}', '{"b":2}', '10.0.0.0/8', 'ok', 'happy', g % 2 = 0, ARRAY['x'], g % 100 FROM generate_series(1, 2000) g;
ANALYZE big;
ANALYZE small;
ANALYZE ref;

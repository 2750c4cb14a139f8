CREATE EXTENSION pg_trgm;
CREATE EXTENSION citext;
CREATE EXTENSION btree_gin;
CREATE EXTENSION btree_gist;
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE DOMAIN short AS varchar(20);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE things (
    id int NOT NULL, name varchar(100), note text, mail citext, latin text COLLATE "C", icu text COLLATE "en-US-x-icu",
    vague text COLLATE loose, code char(10), alias name, nick short,
    n int, fk int NOT NULL, small int2, big int8, level positive, real4 float4, real8 float8, amount numeric(10,2),
    day date, stamp timestamp, at timestamptz, clock time, flag bool, active bool NOT NULL,
    status varchar(10), deleted_at timestamptz, data jsonb, plain json, tags varchar(10)[], numbers int[], words text[],
    uid uuid, ip inet, net cidr, vector tsvector, span int4range, during tstzrange, feeling mood, bytes bytea,
    spot point, bits bit(8));
INSERT INTO things
SELECT g, substr(m, 1, 16), substr(m, 9, 20), substr(m, 1, 12), substr(m, 1, 12), substr(m, 1, 12), substr(m, 1, 12),
    substr(m, 1, 9), substr(m, 1, 12), substr(m, 1, 12), CASE WHEN g % 50 > 0 THEN g % 700 END, g % 40, g % 300, g, g % 90 + 1,
    g / 7.0, g / 3.0, g % 1000 / 7.0, date '2020-01-01' + g % 900, timestamp '2020-01-01' + g * interval '1 hour',
    timestamptz '2020-01-01' + g * interval '2 hours', time '00:00' + g * interval '1 minute', g % 10 = 0, g % 3 = 0,
    CASE WHEN g % 100 < 95 THEN 'done' WHEN g % 100 < 99 THEN 'active' ELSE 'failed' END,
    CASE WHEN g % 20 = 0 THEN timestamptz '2020-01-01' END,
    jsonb_build_object('a', g, 'k', substr(m, 1, 6), 'tags', jsonb_build_array('t' || g % 100)),
    json_build_object('a', g), ARRAY['t' || g % 100, 'u' || g % 77], ARRAY[g % 100, g % 7], ARRAY['t' || g % 100],
    m::uuid, ('10.' || g % 250 || '.0.1')::inet, ('10.' || g % 250 || '.0.0/16')::cidr,
    to_tsvector('english', 'word' || g % 100), int4range(g, g + 10),
    tstzrange('2020-01-01'::timestamptz + g * interval '1 hour', '2020-01-02'::timestamptz + g * interval '1 hour'),
    (ARRAY['sad', 'ok', 'happy'])[g % 3 + 1]::mood, decode(m, 'hex'), point(g, g), (g % 256)::bit(8)
FROM (SELECT g, md5(g::text) AS m FROM generate_series(1, 2000) AS g) AS s;
VACUUM (ANALYZE) things;

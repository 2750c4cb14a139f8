-- The database that django_traffic.sql was recorded from, with 4,000 rows in every table.
-- made already when they were recorded.
CREATE EXTENSION pg_trgm;
CREATE TABLE shop_category (id serial PRIMARY KEY, name varchar(50) NOT NULL);
CREATE TABLE shop_product (
  id serial PRIMARY KEY, name varchar(100) NOT NULL, sku varchar(20) NOT NULL UNIQUE, note text NOT NULL,
  stock integer NOT NULL, price numeric(10, 2) NOT NULL, active boolean NOT NULL, version integer NOT NULL,
  data jsonb NOT NULL, tags varchar(10)[] NOT NULL, created timestamptz, uid uuid NOT NULL, ip inet,
  category_id integer REFERENCES shop_category DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX shop_product_sku_like ON shop_product (sku varchar_pattern_ops);
CREATE INDEX shop_product_category_id ON shop_product (category_id);
CREATE TABLE shop_order (
  id serial PRIMARY KEY, product_id integer NOT NULL REFERENCES shop_product DEFERRABLE INITIALLY DEFERRED,
  qty integer NOT NULL, status varchar(10) NOT NULL);
CREATE INDEX shop_order_product_id ON shop_order (product_id);
CREATE TABLE shop_profile (
  id serial PRIMARY KEY, user_name varchar(50) NOT NULL, api_token varchar(100) NOT NULL, password varchar(128) NOT NULL);
CREATE TABLE auth_user (
  id serial PRIMARY KEY, password varchar(128) NOT NULL, last_login timestamptz, is_superuser boolean NOT NULL,
  username varchar(150) NOT NULL UNIQUE, first_name varchar(150) NOT NULL, last_name varchar(150) NOT NULL,
  email varchar(254) NOT NULL, is_staff boolean NOT NULL, is_active boolean NOT NULL, date_joined timestamptz NOT NULL);
CREATE INDEX auth_user_username_like ON auth_user (username varchar_pattern_ops);

INSERT INTO shop_category (name) SELECT 'category ' || g FROM generate_series(1, 4000) g;
-- The first five are those that the recording changes; what it makes has the numbers behind them.
INSERT INTO shop_product (id, name, sku, note, stock, price, active, version, data, tags, created, uid, ip, category_id)
  SELECT CASE WHEN g > 5 THEN 10000 + g ELSE g END, 'name ' || g, 'sku ' || g, 'note ' || g, g % 100, g % 10, g % 2 = 0, 0, jsonb_build_object('a', g % 500),
         ARRAY['t' || g % 50]::varchar(10)[], timestamptz '2026-01-01' + g * interval '1 minute', md5(g::text)::uuid,
         ('10.0.' || g % 250 || '.' || g / 250)::inet, 1 + g % 400
  FROM generate_series(1, 4000) g;
SELECT setval('shop_product_id_seq', 5);
INSERT INTO shop_order (product_id, qty, status) SELECT 10000 + g, 1, 'status ' || g % 3 FROM generate_series(6, 4000) g;
INSERT INTO shop_profile (user_name, api_token, password) SELECT 'user ' || g, '', '!' FROM generate_series(1, 4000) g;
-- The first user to be made is the one that is changed: number 1.
INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined)
  SELECT 1 + g, '!', false, 'user ' || g, '', '', 'user' || g || '@example.com', false, true, now() FROM generate_series(1, 4000) g;
ANALYZE;

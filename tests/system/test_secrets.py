"""Secrets in plain text: every form in which one may be written, and every value that only looks like one, at both doors:
`pgproctor check` and the wire, in the text and bound."""

import contextlib
import json
import os
import subprocess

import psycopg
import psycopg2
import pytest

import harness

RULES = ("S401", "S402", "S403", "S404", "S405", "S406")

TABLES = """
CREATE EXTENSION pgcrypto; CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'far.example');
CREATE TABLE vault (
  id serial PRIMARY KEY, login text, password text, "userPassword" text, pwd varchar(200), passphrase text, pin bytea,
  api_key text, access_token text, client_secret text, private_key text, card_number text, pan text, note text,
  password_changed_at text, password_hint text, password_hash text, token_count text, token_type text, passenger text,
  is_password text, reset_token text, csrf_token text, session_key text, device_token text, public_key text,
  tokens text[], data jsonb, keyword text, ssn text);
CREATE TABLE narrow (id int, password text, note text);
CREATE TABLE dropped (gone text, id int, secret text); ALTER TABLE dropped DROP COLUMN gone;
CREATE TABLE flags (id int, password boolean, token uuid, secret int, api_key bytea);
CREATE TABLE auth_user (id serial PRIMARY KEY, username text, password varchar(128), first_name text);
CREATE TABLE django_session (session_key varchar(40) PRIMARY KEY, session_data text, expire_date timestamptz);
CREATE TABLE authtoken_token (key varchar(40) PRIMARY KEY, user_id int, created timestamptz);
CREATE TABLE account_emailconfirmation (id serial PRIMARY KEY, key varchar(64));
CREATE TABLE socialaccount_socialtoken (id serial PRIMARY KEY, token text, token_secret text);
"""

HASH = "pbkdf2_sha256$260000$3ZhqEwSr5p3gRjmHTQrRA5$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c="
MD5 = "5f4dcc3b5aa765d61d8327deb882cf99"
SHA1 = "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8"
SHA256 = "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA1c7+9z5Pad7OejecsQ0bu3aozN3tihPmljnnudb9G3HECdnH\n-----END RSA PRIVATE KEY-----"

# As today's Django makes them, where the installed one is older or lacks the library: each algorithm's format.
FORMATS = {
    "pbkdf2_sha256, 5.2": "pbkdf2_sha256$1000000$Xgm1PmfT0OYxm5kLvQ2Lbe$hU3WQ8l1wzE1mZzH0cJm0h5oG4tYt1Y3f0r3Zt1n2pM=",
    "pbkdf2_sha1": "pbkdf2_sha1$1000000$Xgm1PmfT0OYxm5kLvQ2Lbe$mP4yQwE1mZzH0cJm0h5oG4tYt1Y=",
    "argon2": "argon2$argon2id$v=19$m=102400,t=2,p=8$WGdtMVBtZlQwT1l4bTVrTHZRMkxiZQ$8wK1c0l9n7w5Jq0uQYh2nK3m4p5q6r7s8t9u0v1w2x4",
    "bcrypt_sha256": "bcrypt_sha256$$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewKyNiGe9KjC6Q7e",
    "bcrypt": "bcrypt$$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewKyNiGe9KjC6Q7e",
    "scrypt": "scrypt$16384$Xgm1PmfT0OYx$8$5$9V2kqkZzqgVqkP1m7HqO0mJ4Ck1Y6Nw4D9xUe4kKZ3d7aV1pXlq8w6c2rjPp0b1aY9Qk3n5tS8dG7hJ6kL4mNw==",
    "scrypt, hardened": "scrypt$32768$Xgm1PmfT0OYx$8$5$9V2kqkZzqgVqkP1m7HqO0mJ4Ck1Y6Nw4D9xUe4kKZ3d7aV1pXlq8w6c2rjPp0b1aY9Qk3n5tS8dG7hJ6kL4mNw==",
    "PostgreSQL": "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2E=$c3RvcmVka2V5c3RvcmVka2V5c3RvcmVka2V5c3Q=:c2VydmVya2V5c2VydmVya2V5c2VydmVya2V5c2U=",
    "crypt": "$2b$12$LQv3c1yqBWVHxkd0LHAkCOYz6TtxMQJqhN8/LewKyNiGe9KjC6Q7e",
    "crypt, SHA-512": "$6$rounds=656000$saltsalt$" + "x1Y2" * 21 + "ab",
    "PHC": "$argon2id$v=19$m=65536,t=3,p=4$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g",
    "werkzeug": "scrypt:32768:8:1$saltsaltsaltsalt$" + "ab12" * 32,
    "LDAP": "{SSHA}0c0blFTXXNuAMHECS4uxrj3ZieMoWImr",
}
WEAK = {
    "md5": "md5$saltsalt$" + MD5,
    "sha1": "sha1$saltsalt$" + SHA1,
    "unsalted_sha1": "sha1$$" + SHA1,
    "unsalted_md5": MD5,
    "bare SHA-1": SHA1,
    "crypt": "crypt$$ab1Bh4n8V1mzQ",
    "few iterations": "pbkdf2_sha256$36000$c2FsdHNhbHQ$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c=",
    "PostgreSQL": "md5" + MD5,
}

ALGORITHMS = """
import django, json
from django.conf import settings
from django.contrib.auth import hashers
names = [name for name in ("PBKDF2PasswordHasher", "PBKDF2SHA1PasswordHasher", "Argon2PasswordHasher", "BCryptSHA256PasswordHasher",
    "BCryptPasswordHasher", "ScryptPasswordHasher", "MD5PasswordHasher", "SHA1PasswordHasher", "UnsaltedMD5PasswordHasher",
    "UnsaltedSHA1PasswordHasher", "CryptPasswordHasher") if hasattr(hashers, name)]
settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers." + name for name in names])
made = {"unusable": hashers.make_password(None)}
for name in names:
    hasher = getattr(hashers, name)
    try:
        made[hasher.algorithm] = hashers.make_password("hunter2", hasher=hasher.algorithm)
    except (ImportError, ValueError, AttributeError):
        pass
print(json.dumps(made))
"""


def made_by_django():
    """algorithm → what the Django that is here makes of hunter2; one whose library is missing is left to FORMATS."""
    done = subprocess.run([harness.PYTHON, "-W", "ignore", "-c", ALGORITHMS], capture_output=True, text=True, check=True, timeout=200)
    return json.loads(done.stdout)


# column, value, what is found. Each is stored by INSERT and UPDATE, in the text and bound.
VALUES = [
    *(("password", value, None) for value in FORMATS.values()),
    *(("password", value, "S404") for value in WEAK.values()),
    ("password", "hunter2", "S401"),
    ("password", "correct horse battery staple", "S401"),
    ("password", "1234567890123", "S401"),
    ("password", "it''s", "S401"),
    ("password", "Päßwort", "S401"),
    ("password", "[secret]", "S401"),
    ("password", "", None),
    ("password", None, None),
    ("password", "!" + "pZ8fHn2Qk0rT5vXcYw3LsJd7GbMa9EuIoR1tNqVx", None),
    ("password", "!", None),
    ("password", "********", None),
    ("password", "true", None),
    ("password", "/run/secrets/db", None),
    ("password", SHA256, None),
    ("password", "gAAAAABhZ0aV1b2c3d4e5f6g7h8i9j0kAbCdEfGhIjKlMnOpQrStUvWxYz0123456789==", None),
    ("userPassword", "hunter2", "S401"),
    ("pwd", "hunter2", "S401"),
    ("passphrase", "hunter2 and more", "S401"),
    ("api_key", "sk_live_51H8abcdEFGHijklMNOPqrst", "S402"),
    ("api_key", "AKIAIOSFODNN7EXAMPLE", "S402"),
    ("api_key", "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "S402"),
    ("api_key", "github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz0123456789", "S402"),
    ("api_key", "xoxb-123456789012-1234567890123-abcdefghijklmnop", "S402"),
    ("api_key", "glpat-abcdefghijklmnopqrst", "S402"),
    ("access_token", JWT, "S402"),
    ("access_token", "ya29.a0AfH6SMBx1y2z3abcdefghijklmnop", "S402"),
    ("access_token", SHA1, "S402"),
    ("client_secret", "Zx9Kq2Lm8Rt4Vb7Nw1Ys6Hd3", "S402"),
    ("private_key", PEM, "S402"),
    ("access_token", SHA256, None),
    ("access_token", "", None),
    ("access_token", None, None),
    ("access_token", "3f2504e0-4f89-11d3-9a0c-0305e82c3301", None),
    ("access_token", "vault:v1:8SDd3WHDOjf7mq69CyCqYjBXAiQQAVZRkFM13ok481zoCmHnSeDX9vyf7w==", None),
    ("api_key", "none", None),
    ("private_key", "/etc/ssl/private/site.key", None),
    ("private_key", "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA\n-----END PUBLIC KEY-----", None),
    ("card_number", "4111 1111 1111 1111", "S403"),
    ("card_number", "4111-1111-1111-1111", "S403"),
    ("card_number", "378282246310005", "S403"),
    ("pan", "5555555555554444", "S403"),
    ("card_number", "4111111111111112", None),
    ("card_number", "**** **** **** 1111", None),
    ("card_number", "1111", None),
    ("card_number", "tok_1H8abcd", None),
    ("ssn", "4111111111111111", None),
    ("note", "4111111111111111", None),
    ("note", "hunter2", None),
    ("note", "sk_live_51H8abcdEFGHijklMNOPqrst", None),
    ("keyword", "hunter2", None),
    ("passenger", "hunter2", None),
    ("password_changed_at", "2026-11-30 12:00:00", None),
    ("password_hint", "the dog's name", None),
    ("password_hash", "hunter2", None),
    ("is_password", "hunter2", None),
    ("token_count", "12", None),
    ("token_type", "Bearer", None),
    ("reset_token", "c5x2wv-4ab1c2d3e4f5061728394a5b6c7d8e9f", None),
    ("csrf_token", "Zx9Kq2Lm8Rt4Vb7Nw1Ys6Hd3Zx9Kq2Lm", None),
    ("session_key", "x1y2z3a4b5c6d7e8f9g0h1i2j3k4l5m6", None),
    ("device_token", "Zx9Kq2Lm8Rt4Vb7Nw1Ys6Hd3", None),
    ("public_key", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ8Ks9Zx9Kq2Lm8Rt4Vb7Nw1Ys6Hd3", None),
    ("keyword", "AKIAIOSFODNN7EXAMPLE", None),
]

# What stands elsewhere than in a column's place, and in tables with places of their own.
STATEMENTS = [
    # Where a value may be written.
    ("INSERT INTO narrow (id, password) VALUES (1, 'x'), (2, 'hunter2')", "S401"),
    (f"INSERT INTO narrow (id, password) VALUES (1, '{HASH}'), (2, ''), (3, 'hunter2')", "S401"),
    (f"INSERT INTO narrow (id, password) VALUES (1, '{HASH}'), (2, '{HASH}'), (3, NULL)", None),
    ("INSERT INTO narrow VALUES (1, 'hunter2', 'x')", "S401"),
    (f"INSERT INTO narrow VALUES (1, '{HASH}', 'hunter2')", None),
    (f"INSERT INTO narrow VALUES (1, '{HASH}', 'x'), (2, 'hunter2', 'x')", "S401"),
    (f"INSERT INTO narrow VALUES (1, '{MD5}')", "S404"),
    ("INSERT INTO narrow VALUES (1)", None),
    ("INSERT INTO narrow VALUES (1, DEFAULT, 'hunter2')", None),
    ("INSERT INTO narrow SELECT 1, 'hunter2'", "S401"),
    ("INSERT INTO narrow (SELECT 1, 'hunter2', 'x')", "S401"),
    ("INSERT INTO narrow SELECT id, note, 'hunter2' FROM vault", None),
    ("INSERT INTO narrow SELECT v.*, 'hunter2' FROM (SELECT 1) v", None),
    ("INSERT INTO narrow WITH w AS (SELECT 1) SELECT 1, 'hunter2' FROM w", "S401"),
    ("INSERT INTO narrow AS n VALUES (1, 'hunter2')", "S401"),
    ("INSERT INTO dropped VALUES (1, 'sk_live_51H8abcdEFGHijklMNOPqrst')", "S402"),
    ("INSERT INTO narrow DEFAULT VALUES", None),
    ("INSERT INTO narrow (id, password) SELECT 1, 'hunter2'", "S401"),
    ("INSERT INTO narrow (id, password) SELECT 1, '' UNION ALL SELECT 2, 'hunter2'", "S401"),
    ("INSERT INTO narrow (id, password) SELECT 1, '' UNION ALL VALUES (2, 'hunter2')", "S401"),
    ("INSERT INTO vault (id, login) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET password = 'hunter2'", "S401"),
    ("INSERT INTO vault (id, password) VALUES (1, '') ON CONFLICT (id) DO UPDATE SET password = EXCLUDED.password", None),
    ("INSERT INTO narrow (id, password) SELECT v.id, v.p FROM (VALUES (1, 'hunter2')) AS v (id, p)", "S401"),
    (f"INSERT INTO narrow (id, password) SELECT v.id, v.p FROM (VALUES (1, '{HASH}')) AS v (id, p)", None),
    ("INSERT INTO narrow (id, note) SELECT v.id, v.p FROM (VALUES (1, 'hunter2')) AS v (id, p)", None),
    ("INSERT INTO narrow (id, password) SELECT * FROM (VALUES (1, 'hunter2')) AS v", "S401"),
    ("INSERT INTO narrow SELECT * FROM (VALUES (1, 'hunter2', 'x')) AS v", "S401"),
    ("INSERT INTO narrow (id, password) SELECT 1, u FROM unnest(ARRAY['hunter2']) AS u", "S401"),
    ("WITH v (id, p) AS (VALUES (1, 'hunter2')) INSERT INTO narrow (id, password) SELECT id, p FROM v", "S401"),
    ("WITH v AS (SELECT 1 AS id, 'hunter2' AS p), w AS (INSERT INTO narrow (id, password) SELECT id, p FROM v RETURNING id) SELECT id FROM w", "S401"),
    (f"WITH v (id, p) AS (VALUES (1, '{HASH}')) INSERT INTO narrow (id, password) SELECT id, p FROM v", None),
    ("UPDATE narrow SET password = v.p FROM (VALUES (1, 'hunter2')) AS v (id, p) WHERE narrow.id = v.id", "S401"),
    ("WITH v AS (SELECT 'hunter2'::text AS p) UPDATE narrow SET password = v.p FROM v", "S401"),
    ("UPDATE narrow SET password = v.p FROM (VALUES (1, 'x', 'hunter2')) AS v (id, note, other), vault AS w (p)", None),
    ("MERGE INTO narrow USING (VALUES (1, 'hunter2')) AS v (id, p) ON narrow.id = v.id WHEN NOT MATCHED THEN INSERT (id, password) VALUES (v.id, v.p)", "S401"),
    ("UPDATE narrow SET (id, password) = (1, 'hunter2')", "S401"),
    ("UPDATE narrow SET (id, password) = ROW(1, 'hunter2')", "S401"),
    ("UPDATE narrow SET (id, password) = (SELECT 1, 'hunter2')", "S401"),
    ("UPDATE narrow SET (password, note) = (SELECT '', 'hunter2')", None),
    ("UPDATE narrow SET password = (SELECT 'hunter2')", "S401"),
    ("UPDATE narrow SET password = (SELECT note FROM vault WHERE login = 'hunter2')", None),
    ("UPDATE narrow AS n SET password = 'hunter2' FROM vault v WHERE v.id = n.id", "S401"),
    ("UPDATE ONLY narrow SET password = 'hunter2'::varchar(50)", "S401"),
    ("UPDATE narrow SET password = CAST('hunter2' AS text)", "S401"),
    ("UPDATE narrow SET password = E'hunter\\t2', note = $$x$$", "S401"),
    ("UPDATE narrow SET password = $$hunter2$$", "S401"),
    ("UPDATE narrow SET password = U&'hunter\\0032'", "S401"),
    ("UPDATE narrow SET PASSWORD = 'hunter2'", "S401"),
    ("UPDATE narrow SET \"password\" = 'hunter2' /* a comment */", "S401"),
    ("MERGE INTO narrow n USING vault v ON n.id = v.id WHEN MATCHED THEN UPDATE SET password = 'hunter2'", "S401"),
    ("MERGE INTO narrow n USING vault v ON n.id = v.id WHEN NOT MATCHED THEN INSERT (password) VALUES ('hunter2')", "S401"),
    ("MERGE INTO narrow n USING vault v ON n.id = v.id WHEN NOT MATCHED THEN INSERT VALUES (1, 'hunter2')", "S401"),
    ("WITH w AS (INSERT INTO narrow (password) VALUES ('hunter2') RETURNING id) SELECT id FROM w", "S401"),
    ("WITH w AS (UPDATE narrow SET password = 'hunter2' RETURNING id) SELECT id FROM w", "S401"),
    ("EXPLAIN ANALYZE UPDATE narrow SET password = 'hunter2'", "S401"),
    ("PREPARE p AS UPDATE narrow SET password = 'hunter2'", "S401"),
    # Django's bulk_update, and other expressions.
    ("UPDATE narrow SET password = CASE WHEN id = 1 THEN 'hunter2' WHEN id = 2 THEN 'hunter3' ELSE NULL END::varchar", "S401"),
    (f"UPDATE narrow SET password = CASE WHEN id = 1 THEN '{HASH}' WHEN note = 'hunter2' THEN '' END", None),
    ("UPDATE narrow SET password = COALESCE(password, 'hunter2')", "S401"),
    ("UPDATE narrow SET password = COALESCE(NULLIF(password, 'hunter2'), '')", None),
    ("UPDATE narrow SET password = NULLIF('hunter2', '')", "S401"),
    ("UPDATE narrow SET password = 'hunter' || '2'", "S401"),
    ("UPDATE narrow SET password = '' || 'hunter' || '2'", "S401"),
    ("UPDATE narrow SET password = concat('hunter', '2', '')", "S401"),
    ("UPDATE narrow SET password = upper('hunter2')", "S401"),
    ("UPDATE narrow SET password = trim(lower(' hunter2'))", "S401"),
    ("UPDATE narrow SET password = '!' || password", None),
    ("UPDATE narrow SET password = 'argon2' || substr(note, 7)", None),
    (f"UPDATE narrow SET password = '{HASH}' || ''", None),
    ("UPDATE narrow SET password = note", None),
    ("UPDATE narrow SET password = DEFAULT", None),
    ("UPDATE narrow SET password = gen_random_uuid()::text", None),
    ("UPDATE narrow SET password = encode(gen_random_bytes(20), 'hex')", None),
    ("UPDATE vault SET api_key = 'sk_live_51H8abcdEFGH' || 'ijklMNOPqrst'", "S402"),
    # Hashed by the server, of what stands in the statement.
    ("UPDATE narrow SET password = md5('hunter2')", "S404"),
    ("UPDATE narrow SET password = md5('salt' || 'hunter2')", "S404"),
    ("UPDATE narrow SET password = encode(sha256('hunter2'), 'hex')", "S404"),
    ("UPDATE narrow SET password = encode(digest('hunter2', 'sha1'), 'hex')", "S404"),
    ("UPDATE narrow SET password = 'md5$x$' || md5('hunter2')", "S404"),
    ("UPDATE narrow SET password = md5(random()::text)", None),
    ("UPDATE narrow SET password = md5(note)", None),
    ("UPDATE narrow SET note = md5('hunter2')", None),
    ("UPDATE vault SET access_token = md5('hunter2')", None),
    ("UPDATE narrow SET password = crypt('hunter2', gen_salt('bf'))", "S406"),
    ("UPDATE narrow SET password = crypt(note, gen_salt('bf'))", None),
    ("SELECT 1 FROM narrow WHERE password = crypt('hunter2', password)", "S406"),
    ("SELECT pgp_sym_encrypt(note, 'the key') FROM narrow", "S406"),
    ("SELECT pgp_sym_decrypt(pin, 'the key') FROM vault", "S406"),
    ("SELECT encrypt('text', 'the key', 'aes'), hmac('x', 'the key', 'sha256')", "S406"),
    ("SELECT pgp_sym_encrypt('a text', note) FROM narrow", None),
    ("SELECT encode('abc', 'hex'), digest('abc', 'md5'), md5('abc'), gen_salt('bf')", None),
    # A table that a query makes.
    ("CREATE TABLE made AS SELECT 1 AS id, 'hunter2' AS password", "S401"),
    (f"CREATE TABLE made AS SELECT 1 AS id, '{HASH}' AS password", None),
    ("CREATE TABLE made (id, api_key) AS VALUES (1, 'sk_live_51H8abcdEFGHijklMNOPqrst')", "S402"),
    ("CREATE TEMP TABLE made AS SELECT id, note AS password FROM vault", None),
    ("CREATE MATERIALIZED VIEW made AS SELECT '4111 1111 1111 1111'::text AS card_number", "S403"),
    ("SELECT 1 AS id, 'hunter2' AS password INTO made", "S401"),
    (f"SELECT 1 AS id, '{HASH}' AS password INTO made", None),
    ("SELECT id, '' AS password INTO made FROM vault UNION SELECT 1, 'hunter2'", "S401"),
    ("WITH v AS (SELECT 'hunter2' AS password) SELECT * INTO made FROM v", "S401"),
    ("SELECT id, md5('hunter2') AS password INTO made FROM vault", "S404"),
    ("SELECT login AS password, 'hunter2' AS login INTO made FROM vault", None),
    # What only reads.
    ("SELECT 1 FROM narrow WHERE password = 'hunter2'", None),
    ("SELECT 'hunter2' AS password", None),
    ("DELETE FROM narrow WHERE password = 'hunter2'", None),
    # Columns that can't hold one in the clear.
    ("INSERT INTO flags (password, secret) VALUES ('t', 1)", None),
    ("INSERT INTO flags (token) VALUES ('3f2504e0-4f89-11d3-9a0c-0305e82c3301')", None),
    ("INSERT INTO flags (api_key) VALUES ('sk_live_51H8abcdEFGHijklMNOPqrst')", None),
    ("INSERT INTO flags VALUES (1, true, NULL, 12345)", None),
    # Documents and arrays are not looked into.
    ("UPDATE vault SET data = '{\"password\": \"hunter2\"}'", None),
    ("UPDATE vault SET tokens = '{sk_live_51H8abcdEFGHijklMNOPqrst}'", None),
    # Django's own, and those that go with it.
    ("INSERT INTO django_session (session_key, session_data, expire_date) VALUES ('x1y2z3a4b5c6d7e8f9g0h1i2j3k4l5m6', "
     "'.eJxVjDsOwjAQBe_iGlnrT2xDSc8ZrN31GgeQI8VJhbg7iZQC2jcz7y0SrktNa5c5TVmchRKn343RPaTtIN-x3SbJU1vmieSuyIN2eZ2yPC-H-3dQsddt0j5ESnFgHSIi:"
     "1mLqSv:abcdefghijklmnopqrstuvwxyz0', now()) ON CONFLICT DO NOTHING", None),
    (f"INSERT INTO authtoken_token (key, user_id, created) VALUES ('{SHA1}', 1, now()) ON CONFLICT DO NOTHING", None),
    (f"INSERT INTO authtoken_token VALUES ('{SHA1}', 1, now()) ON CONFLICT DO NOTHING", None),
    (f"INSERT INTO account_emailconfirmation (key) VALUES ('{SHA256}')", None),
    ("INSERT INTO socialaccount_socialtoken (token, token_secret) VALUES ('ya29.a0AfH6SMBx1y2z3abcdefghijklmnop', '')", "S402"),
    # Roles and connections.
    ("CREATE ROLE secrets_one PASSWORD 'hunter2'", "S405"),
    ("CREATE USER secrets_two WITH LOGIN ENCRYPTED PASSWORD 'hunter2'", "S405"),
    ("ALTER ROLE secrets_known WITH PASSWORD 'hunter2' VALID UNTIL 'infinity'", "S405"),
    ("ALTER USER CURRENT_USER PASSWORD 'hunter2'", "S405"),
    ("CREATE GROUP secrets_three PASSWORD 'hunter2'", "S405"),
    (f"ALTER ROLE secrets_known PASSWORD '{FORMATS['PostgreSQL']}'", None),
    (f"ALTER USER secrets_known PASSWORD 'md5{MD5}'", None),
    ("ALTER ROLE secrets_known PASSWORD NULL", None),
    ("CREATE ROLE secrets_four LOGIN", None),
    ("CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'x', password 'hunter2')", "S405"),
    ("ALTER USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (SET password 'hunter2')", "S405"),
    ("CREATE USER MAPPING FOR secrets_known SERVER far OPTIONS (user 'x')", None),
    ("CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 password=hunter2' PUBLICATION p WITH (connect = false, slot_name = NONE)", "S405"),
    ("ALTER SUBSCRIPTION s CONNECTION 'postgresql://x:hunter2@127.0.0.1:1/y'", "S405"),
    ("ALTER SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1 dbname=y'", None),
    ("SELECT dblink_connect('host=127.0.0.1 port=1 password=hunter2')", "S405"),
    ("SELECT dblink_connect('c', 'postgresql://x:hunter2@127.0.0.1:1/y')", "S405"),
    ("SELECT * FROM dblink('host=127.0.0.1 port=1 password=hunter2', 'SELECT 1') AS d (n int)", "S405"),
    ("SELECT dblink_connect('host=127.0.0.1 port=1')", None),
]

# With parameters, as %s; what is bound to them.
BOUND = [
    ("INSERT INTO narrow VALUES (%s, %s)", (1, "hunter2"), "S401"),
    ("INSERT INTO narrow VALUES (%s, %s)", (1, HASH), None),
    ("INSERT INTO narrow VALUES (%s, %s, %s)", (1, "", "hunter2"), None),
    ("INSERT INTO narrow VALUES (1, %s), (2, %s)", (HASH, "hunter2"), "S401"),
    ("INSERT INTO narrow (id, password) VALUES (1, %s), (2, %s)", (HASH, "hunter2"), "S401"),
    ("INSERT INTO narrow SELECT 1, %s", ("hunter2",), "S401"),
    ("UPDATE narrow SET password = CASE WHEN id = %s THEN %s WHEN id = %s THEN %s END", (1, HASH, 2, "hunter2"), "S401"),
    ("UPDATE narrow SET password = CASE WHEN id = %s THEN %s WHEN note = %s THEN %s END", (1, HASH, "hunter2", ""), None),
    ("UPDATE narrow SET password = COALESCE(%s, password)", ("hunter2",), "S401"),
    ("UPDATE narrow SET password = '' || %s", ("hunter2",), "S401"),
    ("UPDATE narrow SET password = (SELECT %s)", ("hunter2",), "S401"),
    ("UPDATE narrow SET (id, password) = (SELECT %s::int, %s)", (1, "hunter2"), "S401"),
    ("UPDATE narrow SET password = md5(%s)", ("hunter2",), "S404"),
    ("UPDATE narrow SET password = crypt(%s, gen_salt('bf'))", ("hunter2",), None),
    ("SELECT pgp_sym_encrypt(note, %s) FROM narrow", ("the key",), None),
    ("UPDATE narrow SET note = %s WHERE password = %s", ("hunter2", "hunter2"), None),
    ("CREATE TEMP TABLE made AS SELECT %s::text AS password", ("hunter2",), "S401"),
    ("SELECT %s::text AS password INTO TEMP made", (HASH,), None),
]


def quoted(value):
    if value is None:
        return "NULL"
    value = value.replace("''", "'").replace("'", "''")
    return f"'{value}'"


def texts():
    """statement, what is found."""
    for column, value, code in stored():
        yield f'INSERT INTO vault (login, "{column}") VALUES (\'ann\', {quoted(value)}) RETURNING id', code
        yield f'UPDATE vault SET "{column}" = {quoted(value)} WHERE id = 1', code
    yield from STATEMENTS


def stored():
    yield from VALUES
    for algorithm, value in made_by_django().items():
        weak = algorithm in ("md5", "sha1", "unsalted_md5", "unsalted_sha1", "crypt")
        yield "password", value, "S404" if weak else None


@pytest.fixture(scope="module")
def vault(postgres, database):
    postgres.sql(TABLES, database)
    postgres.sql("CREATE ROLE secrets_known", database)
    postgres.sql("INSERT INTO vault (id) VALUES (1); INSERT INTO narrow VALUES (1, '', ''); ANALYZE", database)
    yield database
    postgres.sql("DROP USER MAPPING IF EXISTS FOR secrets_known SERVER far; DROP ROLE secrets_known", database)


@pytest.fixture(scope="module")
def strict(start_proctor, vault):
    """A pgproctor that rejects all of these: what is found is the error, for each statement by itself."""
    proctor = start_proctor(
        direct_ok=False, settings={"mode": "enforce", "stats_period": 600}, rules={rule: "reject" for rule in RULES}
    )
    psycopg2.connect(proctor.dsn(vault)).close()
    proctor.wait_for("catalog", database=vault)
    return proctor


def refusal(execute, *arguments):
    """The rule that rejects it; None: it reaches the server, which may say what it likes. Nothing of the value is told."""
    try:
        execute(*arguments)
    except (psycopg2.Error, psycopg.Error) as error:
        said = str(error)
        if "pgproctor:" in said:
            assert not any(word in said for word in ("hunter2", "sk_live", "4111", "the key")), said
            return next(rule for rule in RULES if f"(rule {rule})" in said or f"Rule {rule}" in said)
    return None


def test_in_the_text_at_the_wire(strict, vault):
    wrong = []
    with contextlib.closing(psycopg2.connect(strict.dsn(vault))) as connection:
        for statement, code in texts():
            found = refusal(connection.cursor().execute, statement)
            connection.rollback()
            if found != code:
                wrong.append(f"{code} expected, {found} found: {statement}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("binary", [False, True])
def test_bound_at_the_wire(strict, vault, binary):
    wrong = []
    with contextlib.closing(psycopg.connect(strict.dsn(vault))) as connection:
        cases = [(f'INSERT INTO vault (login, "{column}") VALUES (%s, %s)', ("ann", value), code) for column, value, code in stored()]
        cases += [(f'UPDATE vault SET "{column}" = %s WHERE id = %s', (value, 1), code) for column, value, code in stored()]
        for statement, parameters, code in cases + BOUND:
            parameters = tuple(value.replace("''", "'") if isinstance(value, str) else value for value in parameters)
            found = refusal(lambda: connection.execute(statement, parameters, binary=binary))
            connection.rollback()
            if found != code:
                wrong.append(f"{code} expected, {found} found: {statement} {parameters}")
    assert not wrong, "\n".join(wrong)


def test_in_a_file(strict, postgres, vault, tmp_path):
    """check has the same, each statement on a line of its own, and no value in what it prints."""
    cases = [(statement.replace("\n", "\\n"), code) for statement, code in texts() if "\n" not in statement]
    path = tmp_path / "statements.sql"
    path.write_text("".join(statement + ";\n" for statement, _ in cases))
    done = subprocess.run([strict.binary, "check", "--dsn", postgres.dsn(vault), "--format", "json", "--fail-on", "never", path],
                          capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    found = {}
    for event in map(json.loads, done.stdout.splitlines()):
        if event["event"] == "finding" and event["code"] in RULES:
            found.setdefault(event["line"], set()).add(event["code"])
    wrong = [f"{code} expected, {found.get(line)} found: {statement}" for line, (statement, code) in enumerate(cases, 1)
             if (code is None) != (line not in found) or (code and code not in found[line])]
    assert not wrong, "\n".join(wrong)


def test_without_a_catalog(strict, vault, tmp_path):
    """Where no table is known, names and values still tell."""
    statements = "UPDATE narrow SET password = 'hunter2';\nINSERT INTO narrow VALUES (1, 'hunter2');\nCREATE ROLE a PASSWORD 'hunter2';\n"
    done = subprocess.run([strict.binary, "check", "--format", "json", "--fail-on", "never", "-"], input=statements,
                          capture_output=True, text=True, timeout=200)
    findings = [event for event in map(json.loads, done.stdout.splitlines()) if event["event"] == "finding"]
    assert sorted((event["line"], event["code"]) for event in findings if event["code"] in RULES) == [(1, "S401"), (3, "S405")]


def test_psqls_password_command(strict, postgres, vault):
    """\\password sends a verifier: silent. What is typed as SQL is not."""
    done = subprocess.run([postgres.tools / "psql", "-X", "-v", "ON_ERROR_STOP=1", strict.dsn(vault), "-c", "\\password secrets_known"],
                          input="hunter2\nhunter2\n", capture_output=True, text=True, timeout=200, start_new_session=True)
    assert "pgproctor" not in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr

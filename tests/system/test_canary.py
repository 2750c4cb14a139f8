"""No literal ever leaves: values planted everywhere a client can put them are in no line that pgproctor writes."""

import os
import subprocess

import psycopg
import psycopg2
import pytest

import harness

CANARIES = [f"cAnArY{n}xYzZy" for n in range(12)]
NUMBER = "8675309424242"


@pytest.fixture(autouse=True)
def needs_proctor(request):
    if request.config.getoption("--direct"):
        pytest.skip("needs pgproctor")


@pytest.fixture(scope="module")
def secrets(postgres, database):
    postgres.sql(
        "CREATE TABLE secrets (id bigint PRIMARY KEY, name text UNIQUE);"
        "INSERT INTO secrets SELECT g, md5(g::text) FROM generate_series(1, 3000) g; ANALYZE",
        database,
    )


@pytest.fixture(autouse=True)
def tidy(postgres, database, secrets):
    yield
    postgres.sql("DROP ROLE IF EXISTS clerk; DROP INDEX IF EXISTS i; DELETE FROM secrets WHERE id > 3000", database)
    postgres.sql("ALTER TABLE secrets DROP COLUMN IF EXISTS note, DROP COLUMN IF EXISTS r", database)
    postgres.sql("ALTER TABLE secrets DROP CONSTRAINT IF EXISTS secrets_name_check", database)


def ignoring_errors(execute, *arguments):
    try:
        execute(*arguments)
    except (psycopg.Error, psycopg2.Error):
        pass


def plant(dsn):
    c = CANARIES
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    for statement in (
        f"SELECT id FROM secrets WHERE name LIKE '%{c[0]}%' ORDER BY name",
        f"SELECT id FROM secrets WHERE UPPER(name::text) LIKE UPPER('%{c[0]}%') AND id > {NUMBER}",
        f"INSERT INTO secrets VALUES ({NUMBER}, '{c[1]}')",
        f"INSERT INTO secrets VALUES (1, '{c[1]}')",
        f"INSERT INTO secrets VALUES ({NUMBER}1, '{c[1]}')",
        f"SELECT '{c[2]}'::int",
        f"SELECT $tag${c[2]}$tag$, E'{c[2]}\\n', U&'{c[2]}', B'1' /* {c[3]} */ -- {c[3]}",
        f"DO $$ BEGIN RAISE NOTICE '{c[4]}'; RAISE EXCEPTION '{c[4]}'; END $$",
        f"SELEC '{c[5]}'",
        f"SELECT '{c[5]}",
        f"CREATE INDEX i ON secrets (id) WHERE name <> '{c[6]}'",
        f"ALTER TABLE secrets ADD note text DEFAULT '{c[6]}', ADD r float DEFAULT random() + {NUMBER}",
        f"ALTER TABLE secrets ADD CHECK (name <> '{c[6]}')",
        f"CREATE ROLE clerk LOGIN PASSWORD '{c[7]}'",
        f"SET application_name.x = '{c[7]}'",
        f"PREPARE p AS SELECT '{c[8]}'; EXECUTE p; DEALLOCATE p",
        f"SELECT pg_sleep(0.15), '{c[8]}'",
        f"COPY (SELECT '{c[9]}') TO STDOUT",
        f"EXPLAIN SELECT * FROM secrets WHERE name = '{c[9]}'",
        "SELECT '" + c[9] + "'" + "+1" * 60_000,
        "SELECT length('" + c[9] * 200_000 + "')",
    ):
        ignoring_errors(cursor.execute, statement)
    connection.close()
    with psycopg.connect(dsn, autocommit=True) as connection:
        for query in ("SELECT id FROM secrets WHERE name LIKE %s", "SELECT id FROM secrets WHERE name ~ %s", "SELECT %s::int"):
            ignoring_errors(connection.execute, query, [f"%{c[10]}%"])
            ignoring_errors(lambda: connection.execute(query, [c[10]], prepare=True))
        ignoring_errors(connection.execute, "SELECT %s::bigint", [int(NUMBER)])
        with connection.cursor().copy("COPY secrets (id, name) FROM STDIN") as copy:
            copy.write_row((int(NUMBER) + 7, c[11]))


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_no_canary_in_the_log(start_proctor, postgres, database, secrets, log_format, mode):
    proctor = start_proctor(
        settings={"large_table_rows": 1000, "medium_table_rows": 100, "slow_query": 0.1, "mode": mode, "log_format": log_format},
        databases={"*": postgres.catalog_dsn() + " password=" + CANARIES[7]},
    )
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT 1")
    connection.close()
    assert harness.wait_until(lambda: any("catalog" in line for line in proctor.lines()))
    plant(proctor.dsn(database))
    assert proctor.stop() == 0
    report = subprocess.run([proctor.binary, "report", "--format", "text", proctor.log], capture_output=True, text=True)
    for name, text in (("log", proctor.log.read_text()), ("output", proctor.process.said()), ("report", report.stdout)):
        for canary in (*CANARIES, NUMBER):
            at = text.find(canary)
            assert at < 0, f"{name}: …{text[max(0, at - 300):at + 100]}"
    assert "Q101" in proctor.log.read_text() or "leading-wildcard" in proctor.log.read_text()


# Each a secret by its own form, spelt so that no part of it may stand anywhere by chance.
FORMS = {
    "password": "cAnArY-plain pAsSwOrD",
    "pwd": "pbkdf2_sha256$20000$cAnArYsAlTcA$uPgVyKkJ1Mk1Gk3bEq5iU0e8b3Jr1yVw0oXsVQk2l9c=",
    "passphrase": "md5$cAnArYsAlT$5f4dcc3b5aa765d61d8327deb882cf99",
    "api_key": "sk_live_cAnArY51H8abcdEFGHijklM",
    "access_token": "eyJjQW5BclkiOjF9.eyJzdWIiOiJjQW5BclkifQ.cAnArYdozjgNryP4J3jVmNHl0w5N",
    "client_secret": "ghp_cAnArY16C7e42F292c6912E7710c838347Ae",
    "auth_token": "xoxb-cAnArY-1234567890123-abcdefghij",
    "secret_key": "AKIACANARYFODNN7ZZZZ",
    "private_key": "-----BEGIN RSA PRIVATE KEY-----\ncAnArYMIIEowIBAAKCAQEA1c7\n-----END RSA PRIVATE KEY-----",
    "card_number": "4929 1234 5678 9015",
    "pan": "5425233430109903",
    "note": '{"cAnArY": "in a document"}',
}
NEEDLES = ("cAnArY", "CANARY", "uPgVyKkJ", "5f4dcc3b", "4929", "54252334", "eyJ", "jQW5Bclk", "BEGIN RSA")


def planted():
    """Statements that are found, and each that the server refuses with the value in its DETAIL."""
    quoted = {column: "'" + value.replace("'", "''") + "'" for column, value in FORMS.items()}
    for column, value in quoted.items():
        yield f"INSERT INTO vault ({column}) VALUES ({value})"
        yield f"UPDATE vault SET {column} = {value} WHERE {column} <> {value} OR id::text LIKE '%' || {value}"
        yield f"UPDATE vault SET {column} = CASE WHEN id = 1 THEN {value} ELSE COALESCE({column}, {value}) END"
        yield f"INSERT INTO vault (id, {column}) SELECT 1, {value} UNION ALL SELECT 1, {value}"
        yield f"INSERT INTO one_{column} VALUES ({value}), ({value})"
        yield f"SELECT {value}::int"
        yield f"MERGE INTO vault v USING (SELECT 1 AS id) s ON v.id = s.id WHEN MATCHED THEN UPDATE SET {column} = {value} || 'x'"
    secret = quoted["password"]
    yield f"UPDATE vault SET password = md5({secret}), pwd = encode(sha256({secret}), 'hex')"
    yield f"SELECT pgp_sym_encrypt({secret}, {secret}), crypt({secret}, gen_salt('bf')), hmac({secret}, {secret}, 'sha256')"
    yield f"CREATE ROLE clerk PASSWORD {secret}; ALTER ROLE clerk PASSWORD {secret}"
    yield f"CREATE USER MAPPING FOR CURRENT_USER SERVER far OPTIONS (user 'x', password {secret})"
    yield "SELECT dblink_connect('host=127.0.0.1 port=1 password=cAnArYlink')"
    yield "CREATE SUBSCRIPTION s CONNECTION 'postgresql://x:cAnArYlink@127.0.0.1:1/y' PUBLICATION p WITH (connect = false, slot_name = NONE)"
    yield f"ALTER TABLE vault ADD CONSTRAINT c CHECK (password <> {secret} AND password LIKE {secret})"
    yield f"ALTER TABLE vault ADD COLUMN given text DEFAULT {secret}"
    yield f"CREATE INDEX vault_given ON vault (id) WHERE password = {secret}"
    yield f"PREPARE s AS INSERT INTO vault (password) VALUES ({secret}); EXECUTE s"
    yield f"PREPARE b (text) AS INSERT INTO vault (password) VALUES ($1); EXECUTE b ({secret})"
    yield f"SELEC {secret}"


def errors_of_ours(execute, *arguments):
    """What the client is told by pgproctor, DETAIL and HINT included; the server's own errors are the server's."""
    try:
        execute(*arguments)
    except (psycopg.Error, psycopg2.Error) as error:
        diag = error.diag
        said = [str(error), diag.message_primary, diag.message_detail, diag.message_hint, diag.context]
        if "pgproctor" in str(error):
            return " ".join(text for text in said if text)
    return ""


@pytest.fixture(scope="module")
def vault(postgres, database):
    columns = ", ".join(f"{column} text" for column in FORMS)
    postgres.sql(
        "CREATE EXTENSION pgcrypto; CREATE EXTENSION dblink; CREATE EXTENSION postgres_fdw;"
        "CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw;"
        f"CREATE TABLE vault (id serial PRIMARY KEY, {columns});"
        + "".join(f"CREATE TABLE one_{column} ({column} text UNIQUE);" for column in FORMS)
        + "INSERT INTO vault (id) SELECT g FROM generate_series(1, 3000) g; ANALYZE",
        database,
    )


def nowhere(name, text):
    for needle in NEEDLES:
        at = text.find(needle)
        assert at < 0, f"{name}: …{text[max(0, at - 300):at + 100]}"


@pytest.mark.parametrize("log_format", ["json", "text"])
@pytest.mark.parametrize("mode", ["observe", "enforce"])
def test_no_secret_in_what_is_said(start_proctor, postgres, database, vault, log_format, mode):
    """Not in the log, the output, the review in all its formats, the figures, nor in an error of pgproctor's."""
    proctor = start_proctor(
        settings={"large_table_rows": 1000, "medium_table_rows": 100, "slow_query": 0.001, "mode": mode, "log_format": log_format,
                  "stats_period": 1},
        rules={rule: "reject" for rule in ("S401", "S402", "S403", "S404", "S405", "S406")} if mode == "enforce" else None,
    )
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("SELECT 1")
    connection.close()
    assert harness.wait_until(lambda: any("catalog" in line for line in proctor.lines()))
    said = []
    with psycopg2.connect(proctor.dsn(database)) as connection:
        for statement in planted():
            said.append(errors_of_ours(connection.cursor().execute, statement))
            connection.rollback()
    connection.close()
    with psycopg.connect(proctor.dsn(database), autocommit=True) as connection:
        for column, value in FORMS.items():
            for binary in (False, True):
                for _ in range(25 if column == "note" else 2):
                    said.append(errors_of_ours(lambda: connection.execute(f"UPDATE vault SET {column} = %s WHERE id = 1", (value,), binary=binary)))
            said.append(errors_of_ours(connection.execute, f"INSERT INTO one_{column} VALUES (%s), (%s)", (value, value)))
            said.append(errors_of_ours(connection.execute, f"SELECT 1 FROM vault WHERE {column} LIKE %s", (f"%{value}",)))
            with connection.cursor() as cursor:
                def copy():
                    with cursor.copy(f"COPY one_{column} FROM STDIN") as rows:
                        rows.write_row((value,))
                        rows.write_row((value,))
                said.append(errors_of_ours(copy))
    assert proctor.stop() == 0
    nowhere("log", proctor.log.read_text())
    nowhere("output", proctor.process.said())
    nowhere("errors", " ".join(said))
    for report_format in ("text", "markdown", "json"):
        done = subprocess.run([proctor.binary, "report", "--format", report_format, proctor.log], capture_output=True, text=True)
        nowhere(f"report {report_format}", done.stdout + done.stderr)
    log = proctor.log.read_text()
    for name in ("plaintext-password", "plaintext-token", "card-number", "weak-password-hash", "role-password-literal", "key-literal-in-sql"):
        assert name in (" ".join(said) if mode == "enforce" else log), name
    if mode == "enforce":
        assert sum("pgproctor:" in text for text in said) > 60


@pytest.mark.parametrize("output", ["text", "json", "github", "gitlab"])
@pytest.mark.parametrize("dsn", [False, True])
def test_no_secret_in_a_check(postgres, database, vault, tmp_path, output, dsn):
    """Like a compiler, the text shows the line that it speaks of; but of a statement in which a secret was found, or that
    could not be read, the strings are hidden. The other formats show no line."""
    def is_found(statement):
        return not any(form in statement for form in ("note", "ALTER TABLE", "CREATE INDEX", "::int"))

    path = tmp_path / "0001.sql"
    path.write_text(";\n".join(statement for statement in planted() if output != "text" or is_found(statement)) + ";\n")
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    arguments = [binary, "check", "--format", output, "--fail-on", "never", "--locks", "--access"]
    arguments += ["--dsn", postgres.dsn(database)] if dsn else ["--assume-rows", "1000000"]
    done = subprocess.run([*arguments, path], capture_output=True, text=True, timeout=200)
    assert "plaintext-password" in done.stdout, done.stderr
    nowhere("output", done.stdout)
    nowhere("errors", done.stderr)
    if output == "text":
        assert "SELEC '***" in done.stdout and (dsn or "CASE WHEN id = 1 THEN '***" in done.stdout)

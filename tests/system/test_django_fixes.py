"""Every fix_django: what looks like code is Python, and where it makes something in the database, Django makes it and
what was found is gone."""

import json
import os
import re
import subprocess

import harness
from proposal import is_phrase, python
from test_remedies import CASES, CHANGES, TABLE, WORDS, check

# A migration's state with the table that the cases have, in which each line's operations are run.
DJANGO = """
import json, os, re, sys
import django
from django.conf import settings
settings.configure(USE_TZ=True, DEFAULT_AUTO_FIELD="django.db.models.AutoField", INSTALLED_APPS=["django.contrib.postgres"],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["SHOP_HOST"], "PORT": os.environ["SHOP_PORT"],
                           "NAME": os.environ["SHOP_NAME"], "USER": os.environ["SHOP_USER"]}})
django.setup()
from django.contrib.postgres import fields, indexes, operations, search
from django.db import connection, migrations, models
from django.db.migrations.state import ModelState, ProjectState
from django.db.models import functions
words = {name: value for module in (models, functions, operations, indexes, search) for name, value in vars(module).items() if name[0].isupper()}
columns = [("id", models.AutoField(primary_key=True)), ("name", models.CharField(max_length=100)), ("note", models.TextField()),
    ("code", models.CharField(max_length=10)), ("mail", models.TextField()), ("ti_tle", models.TextField(db_column="Ti tle")),
    ("owner", models.IntegerField()), ("qty", models.IntegerField()), ("amount", models.DecimalField(max_digits=10, decimal_places=2)),
    ("created", models.DateTimeField()), ("uid", models.UUIDField()), ("ip", models.GenericIPAddressField()), ("data", models.JSONField()),
    ("tags", fields.ArrayField(models.CharField(max_length=10))), ("flag", models.BooleanField())]
for line in sys.stdin:
    state = ProjectState()
    state.add_model(ModelState("shop", "Product", columns, options={"db_table": "shop_product"}))
    try:
        for operation in eval("[" + json.loads(line).split("  #")[0] + "]", dict(words)):
            before = state.clone()
            operation.state_forwards("shop", state)
            with connection.schema_editor(atomic=operation.atomic) as editor:
                operation.database_forwards("shop", editor, before, state)
        print(json.dumps("done"), flush=True)
    except Exception as error:
        print(json.dumps(repr(error)), flush=True)
"""
# They are newer than the Django that is here.
NEWER = ("AddConstraintNotValid", "nulls_distinct")


def fixes(postgres):
    """(code, statement, fix_django) of what the cases find, each in the table as it was."""
    made = ("DROP TABLE IF EXISTS shop_product, owner CASCADE; CREATE TABLE owner (id int PRIMARY KEY);"
            "INSERT INTO owner SELECT generate_series(0, 1000);" + TABLE.format(table="shop_product"))
    postgres.sql("DROP EXTENSION IF EXISTS pg_trgm CASCADE;" + made)
    for there, condition, _ in CASES + WORDS:
        if there:
            postgres.sql("CREATE EXTENSION IF NOT EXISTS pg_trgm;" + there.format(t="shop_product"))
        yield from found(postgres, f"SELECT * FROM shop_product WHERE {condition};")
        for index, in postgres.sql("SELECT indexrelid::regclass FROM pg_index WHERE NOT indisprimary AND indrelid = 'shop_product'::regclass"):
            postgres.sql(f"DROP INDEX {index}")
        postgres.sql("DROP EXTENSION IF EXISTS pg_trgm CASCADE")
    for change, _, there in sorted(CHANGES, key=lambda case: case[2]):
        if there:
            postgres.sql(made + re.sub(r"\bproduct(?=\b|_pkey)", "shop_product", there))
        yield from found(postgres, "SET lock_timeout = '2s';" + re.sub(r"\bproduct\b", "shop_product", change) + ";")


def found(postgres, script):
    for finding in check(postgres, script):
        if finding.get("fix_django"):
            yield finding["code"], script, finding["fix_django"]


def test_what_is_to_be_pasted_is_python_and_mends_it(postgres):
    environment = {**os.environ, **harness.manage_environment(postgres.port, postgres.host, "postgres")}
    django = subprocess.Popen([harness.PYTHON, "-W", "ignore", "-c", DJANGO], env=environment, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    wrong, applied, phrases = [], 0, set()
    for code, script, fix in fixes(postgres):
        if is_phrase(fix):
            phrases.add(code)
            continue
        try:
            python(fix)
        except SyntaxError:
            wrong.append((code, fix, "no Python"))
            continue
        if not re.match(r"TrigramExtension|AddIndexConcurrently\((?!.*…)", fix) or any(word in fix for word in NEWER):
            continue
        django.stdin.write(json.dumps(fix) + "\n")
        django.stdin.flush()
        line = django.stdout.readline()
        if not line or json.loads(line) != "done":
            wrong.append((code, fix, line or django.stderr.read()[-1000:]))
        applied += 1
        # An index that Django has made in place of the statement is there; another finding is answered by it.
        if not script.startswith("SET") and [one for one in check(postgres, script) if one["code"] == code]:
            wrong.append((code, fix, "found once more"))
    django.stdin.close()
    django.wait(30)
    postgres.sql("DROP TABLE shop_product, owner CASCADE")
    assert not wrong, "\n".join(map(str, wrong))
    assert applied >= 35, applied

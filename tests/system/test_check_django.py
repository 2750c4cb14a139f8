"""`check --migrations` on a project whose migrations are awkward: SQL of several statements, Python, state alone, no
transaction, squashed ones, dependencies from one app to the other, and settings that print."""

import json
import os
import shutil
import subprocess

import harness
import pytest

MANAGE = """
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"""
SETTINGS = """
import os
print("settings are read; this is no SQL")
SECRET_KEY = "a test needs no secret"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = ["django.contrib.postgres", "stock", "sales"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["SHOP_HOST"],
    "PORT": os.environ["SHOP_PORT"], "NAME": os.environ["SHOP_NAME"], "USER": os.environ["SHOP_USER"]}}
"""
HEAD = "from django.db import migrations, models\nfrom django.contrib.postgres.operations import AddIndexConcurrently\n"
MIGRATION = HEAD + "class Migration(migrations.Migration):\n    {more}\n    dependencies = {needs}\n    operations = [{operations}]\n"
STOCK = {
    "0001_initial": ("", [], 'migrations.CreateModel("Item", [("id", models.AutoField(primary_key=True)),'
                     '("name", models.TextField(null=True)), ("price", models.IntegerField(null=True))])'),
    "0002_several": ("", ["0001_initial"], 'migrations.RunSQL("CREATE INDEX one ON stock_item (name); -- a \\\'; comment\\n'
                     'ALTER TABLE stock_item ADD CONSTRAINT high CHECK (price > 0);"),'
                     'migrations.RunSQL([("UPDATE stock_item SET name = %s", ["it\'s;"]), "SELECT 1"])'),
    "0003_python": ("", ["0002_several"], "migrations.RunPython(migrations.RunPython.noop)"),
    "0004_state": ("atomic = False", ["0003_python"], 'migrations.SeparateDatabaseAndState(database_operations=['
                   'migrations.RunSQL("CREATE INDEX CONCURRENTLY named ON stock_item (name)")], state_operations=['
                   'migrations.AlterField("Item", "name", models.TextField(null=True, db_index=True))])'),
    "0005_concurrently": ("atomic = False", ["0004_state"],
                          'AddIndexConcurrently("Item", models.Index(fields=["price"], name="priced"))'),
    "0006_required": ("", ["0005_concurrently"], 'migrations.AlterField("Item", "price", models.IntegerField())'),
}
SALES = {
    "0001_initial": ("", [], 'migrations.CreateModel("Sale", [("id", models.AutoField(primary_key=True))])'),
    "0002_day": ("", ["0001_initial"], 'migrations.AddField("Sale", "day", models.DateField(null=True))'),
    "0001_squashed_0002_day": ('replaces = [("sales", "0001_initial"), ("sales", "0002_day")]', [],
                               'migrations.CreateModel("Sale", [("id", models.AutoField(primary_key=True)), ("day", models.DateField(null=True))])'),
    "0003_item": ("", ["0001_squashed_0002_day", ("stock", "0004_state")],
                  'migrations.AddField("Sale", "item", models.ForeignKey("stock.Item", models.CASCADE, null=True)),'
                  'migrations.RunSQL("DELETE FROM stock_item")'),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory, postgres, database):
    """Its directory; the first migration of stock has been applied, and its table is large."""
    directory = tmp_path_factory.mktemp("project")
    (directory / "manage.py").write_text(MANAGE)
    (directory / "settings.py").write_text(SETTINGS)
    for app, all_of in (("stock", STOCK), ("sales", SALES)):
        (directory / app / "migrations").mkdir(parents=True)
        (directory / app / "__init__.py").touch()
        (directory / app / "migrations" / "__init__.py").touch()
        for name, (more, needs, operations) in all_of.items():
            needs = [(app, one) if isinstance(one, str) else one for one in needs]
            text = MIGRATION.format(more=more or "pass", needs=needs, operations=operations)
            (directory / app / "migrations" / f"{name}.py").write_text(text)
    done = subprocess.run([harness.PYTHON, "manage.py", "migrate", "stock", "0001", "-v0"], cwd=directory, text=True,
                          env=environment(postgres, database), capture_output=True)
    assert done.returncode == 0, done.stderr
    postgres.sql("INSERT INTO stock_item (name, price) SELECT g, g FROM generate_series(1, 3000) g; ANALYZE", database)
    return directory


def environment(postgres, database):
    return {**os.environ, **harness.manage_environment(postgres.port, postgres.host, database)}


def check(postgres, database, directory, *arguments):
    binary = os.environ.get("PROCTOR_BINARY") or harness.ROOT / "build" / "release" / "pgproctor"
    command = [binary, "check", "--dsn", postgres.dsn(database), "--large-table-rows", "1000", "--migrations", directory, *arguments]
    return subprocess.run(command, env=environment(postgres, database), capture_output=True, text=True, timeout=200)


FOUND = {
    ("stock.0002_several", "M202"),
    ("stock.0002_several", "M212"),
    ("stock.0002_several", "M238"),
    ("stock.0006_required", "M211"),
    ("sales.0003_item", "M238"),
}


def test_awkward_migrations(project, postgres, database):
    """Each is judged, in the order of the plan and under its name; what the settings print is no SQL."""
    done = check(postgres, database, project, "--format", "json")
    assert done.returncode == 1, done.stderr
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line for line in lines if line["event"] == "unparsed"] == []
    found = {(line["file"], line["code"]) for line in lines if line["event"] == "finding"}
    assert {one for one in found if one[1] not in ("M201", "M234", "M245")} == FOUND


def test_annotations_of_a_project(project, postgres, database):
    """GitHub's and GitLab's form of the same."""
    github = check(postgres, database, project, "--format", "github")
    assert github.returncode == 1 and github.stderr == ""
    assert "::error file=stock.0006_required,line=" in github.stdout and "title=set-not-null-scans::" in github.stdout
    gitlab = check(postgres, database, project, "--format", "gitlab")
    report = json.loads(gitlab.stdout)
    assert gitlab.returncode == 1
    assert {"stock.0002_several", "stock.0006_required", "sales.0003_item"} == {one["location"]["path"] for one in report}
    assert len({one["fingerprint"] for one in report}) == len(report)


def test_a_project_that_fails(project, postgres, database, tmp_path):
    """It is no clean bill: status 2, and whose fault it is."""
    shutil.copytree(project, tmp_path / "broken")
    (tmp_path / "broken" / "settings.py").write_text("import no_such_module\n")
    done = check(postgres, database, tmp_path / "broken")
    assert done.returncode == 2
    assert "manage.py showmigrations failed" in done.stderr and "no_such_module" in done.stderr

"""The rules as a whole: what Django does with its own tables is no finding, and what a statement stores is judged the
same in the text and bound."""

import contextlib
import json
import os
import re
import subprocess

import psycopg
import psycopg2
import pytest

import harness

SETTINGS = {"stats_period": 60, "large_table_rows": 5, "medium_table_rows": 1}

# Django's own apps and nothing else, used as their own pages use them.
DJANGO = """
import os, sys
import django
from django.conf import settings
settings.configure(
    SECRET_KEY="a test needs no secret", USE_TZ=True, ROOT_URLCONF="__main__", ALLOWED_HOSTS=["*"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField", STATIC_URL="/static/",
    INSTALLED_APPS=["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
                    "django.contrib.sessions", "django.contrib.messages"],
    MIDDLEWARE=["django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.csrf.CsrfViewMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware",
                "django.contrib.messages.middleware.MessageMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
                "OPTIONS": {"context_processors": ["django.template.context_processors.request",
                    "django.contrib.auth.context_processors.auth",
                    "django.contrib.messages.context_processors.messages"]}}],
    DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", "HOST": os.environ["SHOP_HOST"],
        "PORT": os.environ["SHOP_PORT"], "NAME": os.environ["SHOP_NAME"], "USER": os.environ["SHOP_USER"]}})
django.setup()
from django.contrib import admin, auth
from django.core.management import call_command
from django.test import Client
from django.urls import path
urlpatterns = [path("admin/", admin.site.urls)]
User = auth.get_user_model()
"""

FILL = """
from django.contrib.auth.models import Group, Permission
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.backends.db import SessionStore
call_command("migrate", verbosity=0)
User.objects.create_superuser("root", "root@example.com", "hunter2")
for number in range(12):
    user = User.objects.create_user("user%d" % number, "u%d@example.com" % number, "hunter2")
    group = Group.objects.create(name="group%d" % number)
    group.permissions.set(Permission.objects.all()[:3])
    user.groups.add(group)
    user.user_permissions.add(Permission.objects.first())
    store = SessionStore(); store["n"] = number; store.save()
    LogEntry.objects.create(user=user, content_type_id=1, object_id=user.pk, object_repr="u", action_flag=1, change_message="made")
"""

ORDINARY = """
from django.contrib.auth.models import Group
call_command("migrate", verbosity=0)
call_command("showmigrations", stdout=open(os.devnull, "w"))
call_command("check")
client = Client()
assert client.login(username="root", password="hunter2")
for page in ("", "auth/user/", "auth/group/", "auth/user/1/change/", "auth/user/add/", "auth/user/?o=-1", "auth/user/?is_staff__exact=1",
             "auth/user/1/history/", "password_change/"):
    assert client.get("/admin/" + page).status_code == 200, page
assert client.post("/admin/auth/user/add/", dict(username="new", password1="s3cret-enough", password2="s3cret-enough")).status_code == 302
assert client.post("/admin/auth/group/add/", dict(name="newgroup")).status_code == 302
group = Group.objects.get(name="newgroup")
assert client.post("/admin/auth/group/%d/delete/" % group.pk, dict(post="yes")).status_code == 302
assert client.post("/admin/password_change/", dict(old_password="hunter2", new_password1="s3cret-enough", new_password2="s3cret-enough")).status_code == 302
for page in ("auth/user/?is_superuser__exact=1&is_active__exact=1", "auth/user/?groups__id__exact=1", "auth/user/?o=2.-3&p=0",
             "auth/group/?o=-1", "auth/group/1/change/", "auth/group/1/history/", "auth/user/2/delete/", "auth/user/2/password/"):
    assert client.get("/admin/" + page).status_code == 200, page
changed = dict(username="user3", first_name="Bea", last_name="", email="bea@example.com", is_active="on", is_staff="on", groups="1",
               user_permissions="1", date_joined_0="2026-01-01", date_joined_1="12:00:00", last_login_0="", last_login_1="")
user3 = User.objects.get(username="user3")
assert client.post("/admin/auth/user/%d/change/" % user3.pk, changed).status_code == 302
assert client.post("/admin/auth/user/%d/password/" % user3.pk, dict(password1="s3cret-enough", password2="s3cret-enough")).status_code == 302
assert client.post("/admin/auth/group/1/change/", dict(name="group0", permissions=["1", "2"])).status_code == 302
victims = [str(pk) for pk in User.objects.filter(username__in=["user4", "user5"]).values_list("pk", flat=True)]
assert client.post("/admin/auth/user/", {"action": "delete_selected", "_selected_action": victims, "post": "yes"}).status_code == 302
assert client.post("/admin/logout/").status_code in (200, 302)
assert not Client().login(username="user1", password="wrong")
other = Client()
assert other.login(username="user1", password="hunter2")
user = User.objects.get(username="user1")
assert not user.has_perm("auth.add_user")
user.set_unusable_password(); user.save()
user.first_name = "Ann"; user.save(update_fields=["first_name"])
user.groups.clear(); user.groups.set(Group.objects.filter(name__in=["group1", "group2"]))
list(User.objects.filter(groups__name="group3").select_related().prefetch_related("groups", "user_permissions"))
User.objects.get(username="user2").delete()
call_command("clearsessions")
os.environ["DJANGO_SUPERUSER_PASSWORD"] = "s3cret-enough"
call_command("createsuperuser", "--noinput", username="second", email="second@example.com", verbosity=0)
call_command("remove_stale_contenttypes", "--noinput", verbosity=0)
call_command("dumpdata", "auth", "contenttypes", stdout=open(os.devnull, "w"))
user = User.objects.get(username="user6")
user.get_all_permissions(); user.has_module_perms("auth"); user.get_group_permissions()
list(User.objects.with_perm("auth.add_user", backend="django.contrib.auth.backends.ModelBackend"))
assert user.check_password("hunter2")
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.admin.models import LogEntry
ContentType.objects.clear_cache(); ContentType.objects.get_for_models(User, Group); ContentType.objects.get_for_id(1)
store = SessionStore(); store["x"] = 1; store.save(); store.cycle_key(); store.exists(store.session_key); store.flush()
list(LogEntry.objects.filter(user=user).select_related("content_type")[:10])
"""

# What Django's own pages do that is found rightly: these read the whole table, however large it is.
SEARCH = """
client = Client()
client.force_login(User.objects.get(username="root"))
assert client.get("/admin/auth/user/?q=ann").status_code == 200
assert client.get("/admin/auth/group/?q=roup").status_code == 200
from django.contrib.auth.forms import PasswordResetForm
assert not list(PasswordResetForm().get_users("nobody@example.com"))
"""
LISTED = {
    # The admin's list shows how many there are in all: SELECT COUNT(*), with every page.
    ("Q113", "auth_user"),
    ("Q113", "auth_group"),
    # Its filters by staff and superuser status: few users are, and all are read for it.
    ("Q108", "auth_user"),
}
LISTED_FROM_5 = {
    # A new user's name must not be another's in other letters: iexact, and the index is for exact.
    ("Q103", "auth_user"),
    # An object's history is counted for its pages, and the index for that is by content type alone.
    ("Q108", "django_admin_log"),
}
TRUE_FINDINGS = {
    # The admin's search asks for icontains, which no index of Django's serves.
    ("Q101", "auth_user"),
    ("Q101", "auth_group"),
    # A password's reset looks for the address by iexact, and there is no index on it at all.
    ("Q105", "auth_user"),
}


def django(server, database, code):
    environment = {**os.environ, **harness.manage_environment(server.port, server.host, database)}
    done = subprocess.run([harness.PYTHON, "-c", DJANGO + code], env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def watched(start_proctor, postgres, database):
    """A pgproctor that knows Django's own tables, all of them large to it."""
    django(postgres, database, FILL)
    postgres.sql("ANALYZE", database)
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    proctor.settled(database)
    proctor.wait_for("catalog", database=database)
    return proctor


def grave(proctor):
    return {(event["code"], event.get("table", "")) for event in proctor.events("finding") if event["severity"] != "info"}


def test_djangos_own_tables_are_silent(watched, database):
    """auth, sessions, admin, contenttypes and migrations in ordinary use, and then what is found rightly."""
    django(watched, database, ORDINARY)
    watched.settled(database)
    version = subprocess.run([harness.PYTHON, "-c", "import django; print(django.VERSION[0])"], capture_output=True, text=True, check=True)
    listed = LISTED | LISTED_FROM_5 if int(version.stdout) >= 5 else LISTED
    assert grave(watched) == listed
    django(watched, database, SEARCH)
    watched.settled(database)
    found = grave(watched)
    assert found == TRUE_FINDINGS | listed


PROFILE = 'INSERT INTO "shop_profile" ("user_name", "api_token", "password") VALUES ({}) RETURNING "shop_profile"."id"'
BOB = ("bob", "sk_live_51H8abcdEFGHijklMNOPqrst", "hunter2")


@pytest.fixture(scope="module")
def profiles(postgres, database, start_proctor):
    postgres.sql(
        "CREATE TABLE shop_profile (id serial PRIMARY KEY, user_name text, api_token varchar(200), password varchar(200), extra text);"
        "CREATE TABLE shop_event (n int, what json); INSERT INTO shop_event SELECT g, '{}' FROM generate_series(1, 100) g;"
        "CREATE INDEX event_n ON shop_event (n); CREATE INDEX event_n_again ON shop_event (n); ANALYZE",
        database,
    )
    proctor = start_proctor(direct_ok=False, settings=SETTINGS)
    proctor.settled(database)
    proctor.wait_for("catalog", database=database)
    return proctor


def found_on(proctor, database, table):
    proctor.settled(database)
    return sorted(event["code"] for event in proctor.events("finding", table=table))


def no_secrets(text):
    assert not re.search("hunter2|sk_live", text), text


def rows_of(postgres, database, statement):
    with psycopg2.connect(postgres.dsn(database)) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def test_secrets(profiles, database):
    """S401 and S402 for one row, as Django sends it; hashed and empty ones are silent, and the values are nowhere in the
    log."""
    quoted = ", ".join(f"'{value}'" for value in BOB)
    hashed = "pbkdf2_sha256$260000$eHlHe3uFaO5UwlZ4rcPj05$ljvROlZ8Fedq3hyLTT50i9J"
    with psycopg2.connect(profiles.dsn(database)) as connection:
        connection.cursor().execute(PROFILE.format(quoted))
        assert found_on(profiles, database, "shop_profile") == ["S401", "S402"]
        connection.cursor().execute("UPDATE shop_profile SET password = %s, api_token = ''", (hashed,))
    with psycopg.connect(profiles.dsn(database)) as connection:
        connection.execute("UPDATE shop_profile SET password = %s, user_name = %s", (hashed, "hunter2"))
    assert found_on(profiles, database, "shop_profile") == ["S401", "S402"]
    no_secrets(json.dumps(profiles.lines()))


def test_a_plaintext_password_is_refused(start_proctor, postgres, database, profiles):
    """enforce rejects it, in the text, bound, and bound in binary, and the row is not there."""
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "mode": "enforce"})
    proctor.settled(database)
    proctor.wait_for("catalog", database=database)
    with psycopg2.connect(proctor.dsn(database)) as connection:
        with pytest.raises(psycopg2.errors.InsufficientPrivilege, match="plaintext-password") as refusal:
            connection.cursor().execute("INSERT INTO shop_profile (user_name, password) VALUES ('refused', 'hunter2')")
        no_secrets(str(refusal.value))
    for binary in (False, True):
        with psycopg.connect(proctor.dsn(database)) as connection:
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="plaintext-password") as refusal:
                connection.execute("INSERT INTO shop_profile (user_name, password) VALUES (%s, %s)", ("refused", "hunter2"), binary=binary)
            no_secrets(str(refusal.value))
    no_secrets(json.dumps(proctor.lines()))
    assert not rows_of(postgres, database, "SELECT 1 FROM shop_profile WHERE user_name = 'refused'")


def test_documents_and_audits(profiles, database):
    """D501 after twenty documents in a text column; D502, D506 and D507 from the catalog alone, once."""
    with psycopg2.connect(profiles.dsn(database)) as connection:
        for number in range(25):
            connection.cursor().execute("UPDATE shop_profile SET extra = %s", (json.dumps({"gift": number}),))
    profiles.settled(database)
    # Several workers have to hear of each other first.
    profiles.wait_for("finding", code="D501")
    events = profiles.events("finding", code="D501")
    assert [(event["table"], event["column"], event["evidence"]) for event in events] == [("shop_profile", "extra", "traffic")]
    assert found_on(profiles, database, "shop_event") == ["D502", "D506", "D507"]
    assert {event["evidence"] for event in profiles.events("finding", table="shop_event")} == {"catalog"}


@pytest.mark.parametrize("workers", [1, 2])
def test_documents_are_counted(start_proctor, postgres, database, workers):
    """D501 for each column once, whichever worker and whatever statement was the twentieth: bulk rows, UPDATE, bulk_update's
    CASE, bound and not; and nothing for what is no document, for Django's own, or for one in ten that is none."""
    columns = ("bulk", "updated", "cased", "bound", "bare", "mixed", "brackets", "empty", "arrays")
    postgres.sql(
        "DROP TABLE IF EXISTS texts, django_thing; CREATE TABLE django_thing (change_message text);"
        f"CREATE TABLE texts (id serial PRIMARY KEY, {', '.join(f'{name} text' for name in columns)}, done jsonb)",
        database,
    )
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "workers": workers, "stats_period": 1})
    proctor.settled(database)
    proctor.wait_for("catalog", database=database)
    with contextlib.ExitStack() as stack:
        # One of each kind for each worker, as connections go to the one that has fewest.
        clients = [stack.enter_context(contextlib.closing(psycopg2.connect(proctor.dsn(database)))) for _ in range(workers)]
        servers = [stack.enter_context(psycopg.connect(proctor.dsn(database), autocommit=True)) for _ in range(workers)]
        for connection, server in zip(clients, servers):
            connection.autocommit = True
            cursor = connection.cursor()
            for number in range(25):
                one = json.dumps({"gift": number})
                other = one if number % 5 else "plain"
                cursor.execute("INSERT INTO texts (bulk, mixed, brackets, empty, arrays, done) VALUES "
                               "(%s, %s, '[draft] of it', '{}', '{a,b}', %s), (%s, %s, '[x]', '[]', '{\"a\",\"b\"}', %s)",
                               (one, other, one, one, other, one))
                cursor.execute("UPDATE texts SET updated = %s WHERE id = 1", (one,))
                cursor.execute("UPDATE texts SET cased = CASE WHEN id = 1 THEN %s WHEN id = 2 THEN %s ELSE NULL END", (one, one))
                cursor.execute("INSERT INTO django_thing VALUES (%s)", (json.dumps([{"added": {}}]),))
                server.execute("UPDATE texts SET bound = %s WHERE id = %s", (one, 1), binary=number % 2 == 0)
                server.execute("INSERT INTO texts SELECT %s::int, '', '', '', '', %s", (-number - 1 - 100 * server.info.backend_pid, one))
    proctor.wait_for("stats", findings_by_rule=lambda value: value and "D501" in value)
    proctor.settled(database)
    assert proctor.stop() == 0
    found = [(event["table"], event["column"]) for event in proctor.events("finding", code="D501", first=True)]
    assert sorted(found) == [("texts", name) for name in ("bare", "bound", "bulk", "cased", "updated")]
    counted = {(event["table"], event["column"]) for event in proctor.events("finding", code="D501") if not event.get("first")}
    assert counted == set(found)
    # The fix is run, its gaps filled in.
    with contextlib.closing(psycopg2.connect(postgres.dsn(database))) as connection:
        connection.autocommit = True
        for statement in proctor.events("finding", code="D501", column="updated")[0]["fix_sql"].split("\n"):
            connection.cursor().execute(statement.replace("BETWEEN … AND …", "BETWEEN 1 AND 10"))
    report = subprocess.run([proctor.binary, "report", "--format", "text", proctor.log], capture_output=True, text=True, check=True).stdout
    for name in ("bare", "bound", "bulk", "cased", "updated"):
        assert f"texts.{name}" in report
    assert '"gift"' not in report + proctor.log.read_text()


def test_what_an_index_mends_is_counted(start_proctor, postgres, database, watched):
    """`stats` has the findings by rule, and those that a newer catalog has taken back."""
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "stats_period": 1, "catalog_refresh": 0.5})
    search = "SELECT id FROM auth_user WHERE UPPER(email::text) = UPPER('x') ORDER BY id"
    with contextlib.closing(psycopg2.connect(proctor.dsn(database))) as connection:
        connection.autocommit = True
        connection.cursor().execute("SELECT 1")
        proctor.wait_for("catalog", database=database)
        connection.cursor().execute(search)
        proctor.wait_for("stats", findings_by_rule=lambda value: value and "Q105:1" in value)
        connection.cursor().execute("CREATE INDEX CONCURRENTLY auth_user_upper ON auth_user (upper(email))")

        def taken_back():
            connection.cursor().execute(search)
            return proctor.events("stats", withdrawn_by_rule="Q105:1")

        assert harness.wait_until(taken_back, every=0.3)
    assert proctor.events("stats", withdrawn_by_rule="Q105:1")[0]["withdrawn"] == 1


def test_what_a_table_mends_is_counted(start_proctor, postgres, database, profiles):
    """So are those of the audits, which no statement has caused."""
    postgres.sql("CREATE TABLE sorted (n int); INSERT INTO sorted SELECT generate_series(1, 100); ANALYZE sorted", database)
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, "stats_period": 1, "catalog_refresh": 0.5})
    with contextlib.closing(psycopg2.connect(proctor.dsn(database))) as connection:
        connection.autocommit = True
        proctor.wait_for("finding", code="D507", table="sorted")
        connection.cursor().execute("ALTER TABLE sorted ADD PRIMARY KEY (n)")
        proctor.wait_for("stats", withdrawn_by_rule=lambda value: value and "D507:1" in value)


def test_the_rules_for_people(watched):
    """The table and the pages are printed by the program itself."""
    binary = watched.binary
    table = subprocess.run([binary, "check", "--rules"], capture_output=True, text=True, check=True).stdout
    assert "S401  plaintext-password" in table and "Q101" in table
    for line in table.splitlines()[1:]:
        page = subprocess.run([binary, "explain", line.split()[1]], capture_output=True, text=True, check=True).stdout
        assert line.split()[0] in page and "HOW TO SILENCE IT" in page
    nearest = subprocess.run([binary, "explain", "plaintext-pasword"], capture_output=True, text=True)
    assert nearest.returncode == 2 and 'did you mean "plaintext-password"?' in nearest.stderr and nearest.stdout == ""

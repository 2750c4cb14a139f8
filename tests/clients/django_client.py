"""Django, over psycopg2, or psycopg 3 binding in the client or in the server, as the argument says."""

import io
import sys
import threading
import time

import django
from django.conf import settings

from activities import DATABASE, HOST, PASSWORD, PORT, ROOT_CERT, SSLMODE, USER, Activities, error, raises

DRIVER = sys.argv[1]
encryption = {"sslmode": "disable"} if SSLMODE == "disable" else {"sslmode": "verify-full", "sslrootcert": ROOT_CERT}
settings.configure(
    SECRET_KEY="a test needs no secret",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django.contrib.sessions", "django.contrib.postgres"],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": HOST, "PORT": PORT, "NAME": DATABASE, "USER": USER, "PASSWORD": PASSWORD,
            "CONN_MAX_AGE": None, "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {**encryption, **({"server_side_binding": True} if DRIVER == "server" else {})},
        }
    },
)
django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import close_old_connections, connection, connections, models, transaction  # noqa: E402
from django.db.models import Count, F, Q, Value  # noqa: E402
from django.db.models.functions import Concat, Upper  # noqa: E402

if DRIVER == "psycopg2":
    # Django takes psycopg 3 where it finds it: this environment has only the other.
    import psycopg2 as driver
else:
    import psycopg as driver
activity = Activities(f"Django {django.__version__}, {driver.__name__} {driver.__version__.split()[0]}")


class Item(models.Model):
    name = models.CharField(max_length=200, db_index=True)
    data = models.JSONField(null=True)
    price = models.DecimalField(max_digits=9, decimal_places=2, null=True)
    day = models.DateTimeField(null=True)

    class Meta:
        app_label = "items"


@activity("migrations")
def migrations():
    output = io.StringIO()
    call_command("migrate", verbosity=1, no_color=True, stdout=output)
    with connection.schema_editor() as editor:
        editor.create_model(Item)
    again = io.StringIO()
    call_command("showmigrations", no_color=True, stdout=again)
    return output.getvalue().split(), again.getvalue().split()


@activity("query")
def query():
    Item.objects.bulk_create([Item(name=f"näme {n} 100%", data={"n": n}, price=n) for n in range(3000)], batch_size=700)
    Item.objects.filter(name__icontains="ME 1").update(price=F("price") + 1)
    Item.objects.bulk_create([Item(pk=1, name="again")], update_conflicts=True, unique_fields=["id"], update_fields=["name"])
    found = Item.objects.annotate(loud=Upper(Concat("name", Value("!")))).filter(Q(data__n__lt=5) | Q(price__in=[7, 8])).order_by("id")
    return [
        list(found.values_list("loud", "price", "data")),
        Item.objects.aggregate(Count("id"), models.Sum("price")),
        list(Item.objects.values("price").annotate(n=Count("id")).order_by("-n", "price")[:3]),
        Item.objects.filter(name__startswith="näme 29").exists(),
        Item.objects.order_by("id").first().name,
        len(Item.objects.in_bulk(range(1, 200))),
        Item.objects.get_or_create(name="new", defaults={"price": 5})[1],
        Item.objects.filter(pk=2).explain(costs=False).split("\n")[0],
    ]


@activity("users")
def users():
    user = User.objects.create_user("ann", password="secret")
    user.groups.add(Group.objects.create(name="people"))
    return User.objects.prefetch_related("groups", "user_permissions").get(groups__name="people").check_password("secret")


@activity("prepared")
def prepared():
    with connection.cursor() as cursor:
        rows = []
        for n in range(12):
            cursor.execute("SELECT id, name FROM items_item WHERE id < %s ORDER BY id", [n % 4])
            rows.append(cursor.fetchall())
        cursor.executemany("UPDATE items_item SET name = %s WHERE id = %s", [("many", n) for n in range(20, 40)])
        return rows


@activity("transaction")
def transactions():
    outcomes = []
    with transaction.atomic():
        Item.objects.filter(pk=3).update(name="kept")
        try:
            with transaction.atomic():
                Item.objects.create(pk=3, name="twice")
        except django.db.IntegrityError as caught:
            outcomes.append(str(caught))
        outcomes.append(Item.objects.select_for_update().get(pk=3).name)

    def fails():
        with transaction.atomic():
            Item.objects.all().delete()
            raises(Item.objects.create, pk=None, name="x" * 300)
            Item.objects.count()

    outcomes += [raises(fails), Item.objects.count()]
    return outcomes


@activity("cursor")
def cursor():
    return sum(item.pk for item in Item.objects.order_by("id").iterator(chunk_size=100))


@activity("copy in")
def copy_in():
    data = "".join(f"copied {n}\n" for n in range(5000))
    with connection.cursor() as cursor:
        if DRIVER == "psycopg2":
            cursor.copy_expert("COPY items_item (name) FROM STDIN", io.StringIO(data))
        else:
            with cursor.copy("COPY items_item (name) FROM STDIN") as copy:
                copy.write(data)
    return Item.objects.filter(name__startswith="copied").count()


@activity("copy out")
def copy_out():
    output = io.StringIO()
    with connection.cursor() as cursor:
        if DRIVER == "psycopg2":
            cursor.copy_expert("COPY (SELECT name FROM items_item ORDER BY id) TO STDOUT", output)
        else:
            with cursor.copy("COPY (SELECT name FROM items_item ORDER BY id) TO STDOUT") as copy:
                for piece in copy:
                    output.write(bytes(piece).decode())
    return len(output.getvalue())


@activity("cancel")
def cancel():
    connection.ensure_connection()
    timer = threading.Timer(0.3, connection.connection.cancel)
    timer.start()
    with connection.cursor() as cursor:
        outcome = raises(cursor.execute, "SELECT pg_sleep(20)")
    timer.join()
    return outcome, Item.objects.filter(pk=1).count()


@activity("notify")
def notify():
    connection.ensure_connection()
    with connection.cursor() as cursor:
        cursor.execute("LISTEN here")
        cursor.execute("SELECT pg_notify('here', %s)", ["hello"])
        if DRIVER == "psycopg2":
            connection.connection.poll()
            heard = [note.payload for note in connection.connection.notifies]
        else:
            heard = [note.payload for note in connection.connection.notifies(timeout=5, stop_after=1)]
        cursor.execute("UNLISTEN *")
    return heard


@activity("error")
def wrong():
    outcomes = []
    for sql in ("SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere", "INSERT INTO items_item (id, name) VALUES (1, 'again')"):
        with connection.cursor() as cursor:
            try:
                cursor.execute(sql)
            except django.db.Error as caught:
                outcomes.append([*error(caught), *error(caught.__cause__)])
        outcomes.append(Item.objects.filter(pk=1).count())
    return outcomes


@activity("threads")
def threads():
    results = {}

    def work(number):
        try:
            for n in range(10):
                Item.objects.filter(pk=number * 10 + n).update(name=f"by {number}")
            results[number] = Item.objects.filter(name=f"by {number}").count()
        finally:
            connections.close_all()

    running = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    [thread.start() for thread in running]
    [thread.join() for thread in running]
    return sorted(results.items())


@activity("reconnect")
def reconnect():
    outcomes = []
    for _ in range(2):
        pid = connection.connection.info.backend_pid

        def kill():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
            connections.close_all()

        killer = threading.Thread(target=kill)
        killer.start()
        killer.join()
        time.sleep(0.3)
        if not outcomes:
            outcomes.append(raises(Item.objects.filter(pk=1).count))
        # What Django does between two requests: the health check finds the connection dead and a new one is made.
        close_old_connections()
        outcomes.append(Item.objects.filter(pk=1).count())
    return outcomes


if __name__ == "__main__":
    activity.run()

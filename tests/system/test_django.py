"""Django's shop, migrated, used and reviewed through pgproctor."""

import json
import subprocess

import psycopg2
import pytest

import harness
from recognise import fingerprint


@pytest.fixture(scope="module")
def shop(start_proctor, postgres, database):
    """A migrated shop with 3,000 products, behind a pgproctor for which that is large."""
    proctor = start_proctor(settings={"large_table_rows": 1000}, rules={"M202": "reject"})
    for arguments in (["migrate", "shop", "0001"], ["migrate", "auth"], ["migrate", "sessions"]):
        run(proctor, database, *arguments, "-v0")
    run(proctor, database, "fill", "--products", 3000, "--customers", 200)
    return proctor


def run(server, database, *arguments):
    done = harness.manage(arguments, server.port, server.host, database, timeout=200)
    assert done.returncode == 0, done.stderr
    return done.stdout


def shell(server, database, code):
    """Runs Python inside the shop; what it leaves in `result`."""
    wrapped = "import json\nfrom shop.models import *\nfrom django.db import IntegrityError, transaction\n" + code + "\nprint(json.dumps(result, default=str))"
    return json.loads(run(server, database, "shell", "-v0", "-c", wrapped))


def search(shop, database):
    """The search's finding, once the catalog has been read after the migration and the filling."""

    def found():
        run(shop, database, "shopper", "--only", "search")
        return shop.events("finding", code="Q101", table="shop_product", column="name", route="/search/")

    events = harness.wait_until(found, 30)
    assert events
    return events


def test_migrations_are_complete(shop, database):
    assert "No changes detected" in run(shop, database, "makemigrations", "--check", "--dry-run")


def test_shopper(shop, database):
    """The demo's shopper gets through all its pages."""
    assert "export" in run(shop, database, "shopper")


CODE = """
from django.db.models import *
from django.db.models.functions import *
result = [
    list(Product.objects.order_by("pk").values_list("name", "price")[:5]),
    Product.objects.filter(name__icontains="walnut").count(),
    list(Category.objects.annotate(n=Count("products"), m=Max("products__price")).order_by("pk").values_list("name", "n", "m")),
    sum(1 for _ in Product.objects.order_by("pk").iterator(chunk_size=100)),
    [o.customer.name for o in Order.objects.select_related("customer").prefetch_related("lines__product").order_by("pk")[:3]],
    Product.objects.filter(pk__in=[1, 2, 3]).update(stock=F("stock") + 1),
    list(Product.objects.filter(Exists(Review.objects.filter(product=OuterRef("pk")))).values_list("pk")),
    Product.objects.get_or_create(sku="NEW", defaults=dict(name="n", price=1, category_id=1))[0].name,
    len(Review.objects.bulk_create([Review(product_id=1, customer_id=1, stars=n % 5) for n in range(50)])),
    Review.objects.all().delete()[0],
    Product.objects.filter(sku="NEW").delete()[0],
    list(Product.objects.raw("SELECT * FROM shop_product WHERE id = %s", [7]))[0].sku,
]
"""


def test_orm_equals_direct(shop, postgres, database):
    assert shell(shop, database, CODE) == shell(postgres, database, CODE)


def test_transactions(shop, database):
    """atomic, savepoints rolled back and kept, an IntegrityError inside, on_commit, select_for_update."""
    code = """
done = []
with transaction.atomic():
    transaction.on_commit(lambda: done.append("committed"))
    Category.objects.create(name="kept")
    try:
        with transaction.atomic():
            Category.objects.create(name="kept")
    except IntegrityError:
        done.append("refused")
    try:
        with transaction.atomic():
            Category.objects.create(name="lost")
            raise ValueError
    except ValueError:
        done.append("rolled back")
    Category.objects.select_for_update().get(name="kept")
result = [done, Category.objects.filter(name__in=["kept", "lost"]).count()]
Category.objects.filter(name="kept").delete()
"""
    assert shell(shop, database, code) == [["refused", "rolled back", "committed"], 1]


def test_test_runner(shop, database):
    """manage.py test creates a database, migrates it, runs and drops it again, however often the catalog is read."""
    shop.process and shop.wait_for("catalog", database=database)
    done = harness.manage(["test", "shop", "--noinput", "-v2"], shop.port, shop.host, database, timeout=200)
    assert done.returncode == 0 and "Ran 2 tests" in done.stderr, done.stderr
    assert "Destroying test database" in done.stderr and "being accessed" not in done.stderr


def test_search_is_found(shop, database):
    """Django's icontains gives Q101 with the fix in Django's words, and the page that asked."""
    event = search(shop, database)[0]
    assert "GinIndex" in event["fix_django"] and event["application"] == "shop"


def test_iterator_is_attributed(shop, database):
    """iterator()'s FETCHes count for the SELECT it declares."""
    run(shop, database, "shopper", "--only", "export")
    shop.wait_for("fingerprint", rows=lambda rows: rows >= 3000, query=lambda text: '"shop_product"' in text and "<=" in text)


def test_dangerous_migration(shop, postgres, database):
    """Rejected with ERROR 42501, which Django shows as ProgrammingError with our hint; nothing is recorded as applied."""
    assert shop.process
    done = harness.manage(["migrate", "shop", "0002"], shop.port, shop.host, database)
    assert done.returncode != 0
    assert "ProgrammingError: pgproctor: index-build-blocks-writes" in done.stderr and "HINT" in done.stderr
    assert harness.wait_until(lambda: shop.events("finding", code="M202", action="rejected", table="shop_product"))
    names = [row[0] for row in postgres.sql("SELECT name FROM django_migrations WHERE app = 'shop'", database)]
    assert names == ["0001_initial"]


def test_report(shop, database):
    """The review of the log in every format, and its mistakes."""
    search(shop, database)
    for form in ("text", "markdown"):
        done = subprocess.run([shop.binary, "report", "--format", form, shop.log], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stderr
        assert "leading-wildcard-unindexed" in done.stdout and "shop_product" in done.stdout
    done = subprocess.run([shop.binary, "report", "/nonexistent.log"], capture_output=True, text=True, timeout=200)
    assert done.returncode != 0 and "nonexistent.log" in done.stderr and done.stderr.count("\n") == 1


def test_report_of_a_damaged_log(shop, tmp_path):
    """Lines that are cut, empty or not ours are passed over, and counted."""
    damaged = tmp_path / "damaged.log"
    whole = shop.log.read_bytes()
    damaged.write_bytes(b"not json\n\n{\"event\": \"finding\"}\n\xff\xfe\n[1]\n" + whole + whole[: len(whole) // 3])
    done = subprocess.run([shop.binary, "report", "--format", "text", damaged], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0 and "shop_product" in done.stdout

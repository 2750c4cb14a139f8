"""One shopper's way through the shop: what Django applications do all day, some of it well, some of it badly."""

import time
from contextlib import contextmanager
from urllib.parse import quote

from django.core.management.base import BaseCommand
from django.db import IntegrityError, connection, transaction

from shop.models import Customer, Order, Product


@contextmanager
def route(path, controller):
    """Tags every statement inside with the page it serves, as sqlcommenter does."""
    tag = f"/*controller='{quote(controller)}',route='{quote(path, safe='')}'*/"

    def tagged(execute, sql, params, many, context):
        # With parameters the driver takes % for a placeholder.
        return execute(f"{sql} {tag if params is None else tag.replace('%', '%%')}", params, many, context)

    with connection.execute_wrapper(tagged):
        yield


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--rounds", type=int, default=3, help="how often the slow pages are visited")
        parser.add_argument("--only", help="one page instead of all")

    def handle(self, rounds, only, **options):
        pages = [
            ("search", "search, name__icontains", self.search),
            ("search_exact_case", "search, name__contains", self.search_exact_case),
            ("newest", "newest first, no index on created", self.newest),
            ("product", "200 product pages by primary key", self.product),
            ("category", "100 products and each one's category (N+1)", self.category),
            ("orders", "a page of orders, prefetched", self.orders),
            ("checkout", "50 checkouts: read stock, save() it back", self.checkout),
            ("login", "log in by e-mail, email__iexact", self.login),
            ("register", "a customer who exists already", self.register),
            ("export", "export with iterator()", self.export),
        ]
        for name, title, page in pages:
            if only and name != only:
                continue
            began = time.monotonic()
            with route(f"/{name}/", f"shop.{name}"):
                found = page(rounds)
            self.stdout.write(f"   {title:<46} {found:<20} {time.monotonic() - began:6.2f} s")

    def search(self, rounds):
        found = 0
        for term in ["walnut lamp 99", "JADE oak", "ivory desk 1000", "no such thing"][: rounds + 1]:
            found += len(Product.objects.filter(name__icontains=term).order_by("name")[:20])
        return f"{found} products"

    def search_exact_case(self, rounds):
        found = 0
        for term in ["Walnut Lamp 77", "Elm Rug 12", "Fir Hook 5"][:rounds]:
            found += len(Product.objects.filter(name__contains=term).order_by("name")[:20])
        return f"{found} products"

    def newest(self, rounds):
        found = 0
        for page in range(rounds):
            found += len(Product.objects.order_by("-created")[page * 20 : page * 20 + 20])
        return f"{found} products"

    def product(self, rounds):
        for key in range(1, 201):
            Product.objects.get(pk=key)
        return "200 products"

    def category(self, rounds):
        names = {product.category.name for product in Product.objects.order_by("pk")[:100]}
        return f"{len(names)} categories"

    def orders(self, rounds):
        orders = Order.objects.select_related("customer").prefetch_related("lines__product").order_by("-pk")[:25]
        lines = sum(len(order.lines.all()) for order in orders)
        return f"{lines} lines"

    def checkout(self, rounds):
        for key in range(1, 51):
            product = Product.objects.get(pk=key)
            product.stock -= 1
            product.save()
        return "50 products"

    def login(self, rounds):
        for number in range(1, 11):
            Customer.objects.get(email__iexact=f"CUSTOMER{number}@example.com")
        return "10 customers"

    def register(self, rounds):
        try:
            with transaction.atomic():
                Customer.objects.create(name="Again", email="customer1@example.com")
        except IntegrityError:
            return "IntegrityError"
        raise AssertionError("a second customer with the same e-mail was let in")

    def export(self, rounds):
        rows = sum(1 for _ in Product.objects.filter(pk__lte=20_000).order_by("pk").iterator(chunk_size=2000))
        return f"{rows} products"

"""Fills the shop, through whatever the database connection leads to, and shows how far it is."""

import sys
import time

from django.core.management.base import BaseCommand
from django.db import connection

CHUNK_ROWS = 100_000
CATEGORIES = ["Lamps", "Chairs", "Tables", "Shelves", "Rugs", "Mirrors", "Vases", "Clocks", "Sofas", "Desks"]
WORDS = {
    "colour": ["Amber", "Black", "Coral", "Dusty", "Ebony", "Fawn", "Green", "Honey", "Ivory", "Jade", "Khaki"],
    "wood": ["Oak", "Ash", "Beech", "Birch", "Cedar", "Elm", "Maple", "Pine", "Teak", "Walnut", "Willow", "Yew", "Fir"],
    "thing": ["Lamp", "Chair", "Table", "Shelf", "Rug", "Mirror", "Vase", "Clock", "Sofa", "Desk", "Stool", "Bench"]
    + ["Chest", "Crate", "Easel", "Frame", "Hook"],
}

PRODUCTS = """
INSERT INTO shop_product (name, sku, description, price, stock, category_id, created)
SELECT (%s::text[])[1 + g %% {colours}] || ' ' || (%s::text[])[1 + g %% {woods}] || ' ' || (%s::text[])[1 + g %% {things}]
           || ' ' || g,
       'SKU-' || g, md5(g::text), (g %% 20000) / 100.0 + 1, g %% 50, 1 + g %% {categories},
       timestamptz '2020-01-01' + (g::bigint * 7919 %% 150000000) * interval '1 second'
FROM generate_series(%s::int, %s::int) g
"""


class Command(BaseCommand):
    help = __doc__

    def add_arguments(self, parser):
        parser.add_argument("--products", type=int, default=1_200_000)
        parser.add_argument("--customers", type=int, default=20_000)

    def handle(self, products, customers, **options):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO shop_category (name) SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS c(name, n) ORDER BY n",
                [CATEGORIES],
            )
            self.fill_products(cursor, products)
            cursor.execute(
                "INSERT INTO shop_customer (name, email) SELECT 'Customer ' || g, 'customer' || g || '@example.com' "
                "FROM generate_series(1, %s::int) g",
                [customers],
            )
            cursor.execute(
                "INSERT INTO shop_order (customer_id, placed, status) SELECT 1 + g %% %s::int, "
                "timestamptz '2024-01-01' + g * interval '1 minute', (ARRAY['open', 'paid', 'sent'])[1 + g %% 3] "
                "FROM generate_series(1, %s::int * 2) g",
                [customers, customers],
            )
            cursor.execute(
                "INSERT INTO shop_orderline (order_id, product_id, quantity) "
                "SELECT o.id, 1 + (o.id * 7919 + n * 104729) %% %s::int, 1 + n FROM shop_order o, generate_series(0, 2) n",
                [products],
            )
            cursor.execute("ANALYZE")

    def fill_products(self, cursor, products):
        statement = PRODUCTS.format(
            colours=len(WORDS["colour"]),
            woods=len(WORDS["wood"]),
            things=len(WORDS["thing"]),
            categories=len(CATEGORIES),
        )
        began = time.monotonic()
        shown = -1
        for first in range(1, products + 1, CHUNK_ROWS):
            last = min(first + CHUNK_ROWS - 1, products)
            cursor.execute(statement, [*WORDS.values(), first, last])
            shown = self.show_progress(last, products, time.monotonic() - began, shown)

    def show_progress(self, done, total, took_s, shown):
        """On a terminal a bar that grows, elsewhere one line a quarter."""
        text = f"{done:>9,} of {total:,} products  {took_s:5.1f} s"
        if sys.stderr.isatty():
            width = 30
            filled = width * done // total
            end = "\n" if done == total else ""
            sys.stderr.write(f"\r   [{'#' * filled}{'.' * (width - filled)}] {text}{end}")
            sys.stderr.flush()
        elif done * 4 // total > shown:
            sys.stderr.write(f"   {text}\n")
        return max(shown, done * 4 // total)

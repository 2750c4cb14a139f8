"""SQL as Django's drivers send it, every text different: literals inlined, so nothing but a key that is blind to them
recognises a statement again."""

import random
import string

TABLES = {
    "shop_product": ["id", "name", "slug", "description", "price", "stock", "category_id", "supplier_id", "is_active",
                     "rating", "created_at", "updated_at"],
    "shop_order": ["id", "number", "status", "customer_id", "address_id", "total", "currency", "note", "placed_at",
                   "paid_at", "shipped_at", "cancelled_at"],
    "auth_user": ["id", "password", "last_login", "is_superuser", "username", "first_name", "last_name", "email",
                  "is_staff", "is_active", "date_joined", "locale"],
}
JOINS = {
    "shop_product": [("shop_category", "category_id"), ("shop_supplier", "supplier_id")],
    "shop_order": [("auth_user", "customer_id"), ("shop_address", "address_id")],
    "auth_user": [("accounts_profile", "id")],
}


class Corpus:
    """Statements by kind, from one seed: two calls with the same seed give the same texts."""

    def __init__(self, seed=1):
        self.random = random.Random(seed)

    def statements(self, count):
        kinds = [(self.select, 40), (self.get, 25), (self.update, 10), (self.insert, 10), (self.in_list, 10),
                 (self.count_filtered, 4), (self.bulk_create, 1)]
        makers, weights = zip(*kinds)
        for maker in self.random.choices(makers, weights, k=count):
            yield maker()

    # -- literals -------------------------------------------------------------------------------------

    def integer(self):
        return str(self.random.randrange(1, 2_000_000))

    def word(self):
        return "".join(self.random.choices(string.ascii_lowercase, k=self.random.randrange(4, 11)))

    def text(self):
        return "'" + " ".join(self.word() for _ in range(self.random.randrange(2, 9))) + "'"

    def moment(self):
        pick = self.random.randrange
        return f"'{pick(2015, 2026)}-{pick(1, 13):02}-{pick(1, 29):02}T{pick(24):02}:{pick(60):02}:{pick(60):02}.{pick(10**6):06}+00:00'::timestamptz"

    def decimal(self):
        return f"'{self.random.randrange(10_000)}.{self.random.randrange(100):02}'"

    def value(self, column):
        if column.endswith("_at") or column in ("last_login", "date_joined"):
            return self.moment()
        if column.endswith("id") or column == "stock":
            return self.integer()
        if column.startswith("is_"):
            return self.random.choice(["true", "false"])
        if column == "password":
            salt = "".join(self.random.choices(string.ascii_letters + string.digits, k=22))
            digest = "".join(self.random.choices(string.ascii_letters + string.digits + "+/", k=43))
            return f"'pbkdf2_sha256$600000${salt}${digest}='"
        if column in ("price", "total", "rating"):
            return self.decimal()
        return self.text()

    # -- statements -----------------------------------------------------------------------------------

    def table(self):
        return self.random.choice(list(TABLES))

    def columns(self, table):
        return ", ".join(f'"{table}"."{column}"' for column in TABLES[table])

    def select(self):
        table = self.table()
        joins = JOINS[table]
        sources = "".join(
            f' INNER JOIN "{other}" ON ("{table}"."{column}" = "{other}"."id")' for other, column in joins
        )
        filters = [f'"{table}"."{column}" {operator} {self.value(column)}'
                   for column, operator in zip(TABLES[table][3:6], ("=", ">=", "<"))]
        filters.append(f'UPPER("{joins[0][0]}"."name"::text) LIKE UPPER(\'%{self.word()}%\')')
        order = TABLES[table][self.random.randrange(3)]
        return (
            f'SELECT {self.columns(table)}, "{joins[0][0]}"."id", "{joins[0][0]}"."name" FROM "{table}"{sources} '
            f'WHERE ({" AND ".join(filters)}) ORDER BY "{table}"."{order}" DESC LIMIT {self.random.randrange(10, 200)}'
        )

    def get(self):
        table = self.table()
        return f'SELECT {self.columns(table)} FROM "{table}" WHERE "{table}"."id" = {self.integer()} LIMIT 21'

    def count_filtered(self):
        table = self.table()
        return f'SELECT COUNT(*) AS "__count" FROM "{table}" WHERE "{table}"."{TABLES[table][10]}" > {self.moment()}'

    def update(self):
        table = self.table()
        settings = ", ".join(f'"{column}" = {self.value(column)}' for column in TABLES[table][1:])
        return f'UPDATE "{table}" SET {settings} WHERE "{table}"."id" = {self.integer()}'

    def row(self, table):
        return "(" + ", ".join(self.value(column) for column in TABLES[table][1:]) + ")"

    def insert(self, rows=1):
        table = self.table()
        names = ", ".join(f'"{column}"' for column in TABLES[table][1:])
        values = ", ".join(self.row(table) for _ in range(rows))
        return f'INSERT INTO "{table}" ({names}) VALUES {values} RETURNING "{table}"."id"'

    def bulk_create(self):
        return self.insert(rows=500)

    def in_list(self):
        table = self.table()
        members = ", ".join(self.integer() for _ in range(int(10 ** self.random.uniform(0, 3))))
        return f'SELECT {self.columns(table)} FROM "{table}" WHERE "{table}"."id" IN ({members})'


def write(path, count, seed=1):
    with open(path, "wb") as file:
        for statement in Corpus(seed).statements(count):
            file.write(statement.encode() + b"\0")

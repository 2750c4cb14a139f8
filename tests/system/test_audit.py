"""The index audit: what statements ask of columns reaches the log once, with the index for it, and the report adds it up."""

import subprocess

import psycopg
import psycopg2
import pytest

from test_findings import settled

ROWS = 20000
SETTINGS = {"stats_period": 1, "large_table_rows": 10000, "medium_table_rows": 500, "catalog_refresh": 1}


@pytest.fixture(scope="module", autouse=True)
def tables(postgres, database):
    for statement in (
        "CREATE TABLE customer (id int PRIMARY KEY, mail text UNIQUE)",
        "INSERT INTO customer SELECT g, 'mail' || g FROM generate_series(1, 5000) g",
        "CREATE TABLE orders (id int PRIMARY KEY, customer_id int, state text, total int, created timestamptz, note text)",
        f"INSERT INTO orders SELECT g, g % 5000 + 1, (ARRAY['open', 'paid', 'sent', 'done'])[g % 4 + 1], g % 100, now() - g * interval '1 min', md5(g::text) FROM generate_series(1, {ROWS}) g",
        "CREATE INDEX orders_customer ON orders (customer_id)",
        "CREATE INDEX orders_total ON orders (total)",
        "ANALYZE",
    ):
        postgres.sql(statement, database)


def start(start_proctor, database, settings=None, **options):
    proctor = start_proctor(direct_ok=False, settings={**SETTINGS, **(settings or {})}, **options)
    psycopg2.connect(proctor.dsn(database)).close()
    proctor.wait_for("catalog", database=database)
    return proctor


def run(proctor, database, statements, times=1):
    with psycopg2.connect(proctor.dsn(database)) as connection:
        for statement in statements * times:
            connection.cursor().execute(statement)


def uses(proctor, expression):
    return [
        (event["used"], event.get("operator"), event["served"], event.get("index"))
        for event in proctor.events("access", relation="orders", expression=expression)
    ]


def report(proctor, *options):
    return subprocess.run(
        [proctor.binary, "report", *options, str(proctor.log)], check=True, capture_output=True, text=True
    ).stdout


def test_what_is_asked(start_proctor, database):
    """One line for each column, operator and order of a statement, however often it runs; with what pg_stats knows."""
    proctor = start(start_proctor, database)
    statements = [
        "SELECT * FROM orders WHERE customer_id = 7 AND state = 'open' ORDER BY created DESC LIMIT 5",
        "SELECT * FROM orders WHERE state = 'paid' ORDER BY created DESC, id LIMIT 5",
        "SELECT o.id FROM customer c JOIN orders o ON o.customer_id = c.id WHERE c.mail = 'mail9'",
        "SELECT * FROM orders WHERE UPPER(note) LIKE UPPER('%canary%')",
        "SELECT * FROM orders WHERE note IS NULL AND id = 4",
    ]
    run(proctor, database, statements, times=3)
    settled(proctor, database, "orders")
    assert sorted(uses(proctor, "customer_id")) == [("filter", "=", True, "orders_customer"), ("join", "=", True, "orders_customer")]
    assert uses(proctor, "state") == [("filter", "=", False, None)] * 2
    assert uses(proctor, 'UPPER("note")') == [("filter", "~~", False, None)]
    assert uses(proctor, "note") == [("filter", None, False, None)]
    assert uses(proctor, "created desc") == [("sort", None, False, None)]
    assert uses(proctor, "created desc, id") == [("sort", None, False, None)]
    state = {event.get("few_rows_left", False) for event in proctor.events("access", expression="state")}
    assert state == {True, False}
    one = proctor.events("access", relation="orders", expression="state")[0]
    assert one["n_distinct"] == 4 and 24 < one["selectivity_percent"] < 26 and one["table_rows"] == ROWS
    assert len(one["fingerprint"]) == 16 and one["database"] == database
    indexes = proctor.events("indexes")
    assert [event["indexes"] for event in indexes if event["relation"] == "orders"] == [["orders_customer", "orders_total"]]
    assert not [event for event in indexes if event["relation"] == "customer"], "a constraint needs all of them"
    assert "canary" not in proctor.log.read_text() and "mail9" not in proctor.log.read_text()


@pytest.mark.parametrize("workers", [1, 3])
def test_once_a_catalog(start_proctor, database, postgres, workers):
    """Told again only when the index that serves it is another, however many workers and readings of the catalog."""
    proctor = start(start_proctor, database, settings={"workers": workers})
    statement = ["SELECT count(*) FROM orders WHERE total = 4 AND note = 'x'"]

    def on_each_worker():
        """A new connection goes to the worker with the fewest."""
        connections = [psycopg2.connect(proctor.dsn(database)) for _ in range(workers)]
        for connection in connections:
            connection.cursor().execute(*statement)
            connection.close()
        proctor.settled(database)

    def is_read_again(relations):
        """The log tells of a catalog with more or fewer tables, hence the table that each change brings along."""
        proctor.wait_for("catalog", database=database, relations=relations)

    relations = proctor.events("catalog", database=database)[-1]["relations"]
    on_each_worker()
    assert uses(proctor, "total") == [("filter", "=", True, "orders_total")]
    postgres.sql("ALTER TABLE orders ADD COLUMN more int; CREATE TABLE first ()", database)
    is_read_again(relations + 1)
    on_each_worker()
    assert len(uses(proctor, "total")) == 1
    with psycopg2.connect(proctor.dsn(database)) as connection:
        connection.cursor().execute("ALTER INDEX orders_total RENAME TO orders_sum; CREATE TABLE second ()")
    is_read_again(relations + 2)
    on_each_worker()
    assert [use[3] for use in uses(proctor, "total")] == ["orders_total", "orders_sum"]
    indexes = [event["indexes"] for event in proctor.events("indexes", relation="orders")]
    assert indexes == [["orders_customer", "orders_total"], ["orders_customer", "orders_sum"]]
    postgres.sql("ALTER INDEX orders_sum RENAME TO orders_total; ALTER TABLE orders DROP COLUMN more; DROP TABLE first, second", database)


def test_views_are_looked_into(start_proctor, database, postgres):
    """What is asked of a view is asked of its table, and so is what the view itself asks."""
    postgres.sql("CREATE VIEW dear AS SELECT id AS number, state AS stage FROM orders WHERE total > 90;"
                 " CREATE VIEW dearest AS SELECT stage, max(number) AS last FROM dear GROUP BY stage", database)
    proctor = start(start_proctor, database)
    run(proctor, database, ["SELECT * FROM dear WHERE stage = 'open'", "SELECT * FROM dearest WHERE stage = 'paid' AND last = 5"])
    settled(proctor, database, "orders")
    assert uses(proctor, "state") == [("filter", "=", False, None)] * 2
    assert uses(proctor, "total") == [("filter", ">", True, "orders_total")] * 2
    postgres.sql("DROP VIEW dearest, dear", database)


def test_off(start_proctor, database):
    """D509 = off tells nothing."""
    proctor = start(start_proctor, database, rules={"D509": "off"})
    run(proctor, database, ["SELECT count(*) FROM orders WHERE total = 4"])
    settled(proctor, database, "orders")
    assert not proctor.events("access") and not proctor.events("indexes")


def test_parameters(start_proctor, database):
    """By the extended protocol the same lines."""
    proctor = start(start_proctor, database)
    with psycopg.connect(proctor.dsn(database)) as connection:
        for value in range(8):
            connection.execute("SELECT id FROM orders WHERE customer_id = %s AND note LIKE %s", (value, f"%secret{value}%"))
    settled(proctor, database, "orders")
    assert uses(proctor, "customer_id") == [("filter", "=", True, "orders_customer")]
    assert uses(proctor, "note") == [("filter", "~~", False, None)]
    assert proctor.events("access", expression="note")[0]["few_rows_left"] is True
    assert "secret" not in proctor.log.read_text()


def test_report(start_proctor, database):
    """Calls and time of the statements stand beside the column; what lacks an index comes first, and what is needless last."""
    proctor = start(start_proctor, database)
    run(proctor, database, ["SELECT * FROM orders WHERE note = 'a'"], times=7)
    run(proctor, database, ["SELECT * FROM orders WHERE customer_id = 8"], times=3)
    proctor.stop()
    text = report(proctor)
    section = text[text.index("Index audit") :].splitlines()
    assert section[2].split()[0] == "7" and "orders.note  filter =" in section[2], text
    assert section[3].strip() == "no index: it needs one"
    assert section[4].split()[0] == "3" and "orders.customer_id  filter =" in section[4]
    assert section[5].strip() == "orders_customer"
    assert section[6].strip() == "indexes of these tables that no constraint and nothing in this log needs:"
    assert section[7].strip() == "orders_total on orders"
    markdown = report(proctor, "--format", "markdown")
    assert "| `orders.note` | `filter =` | no index: it needs one |" in markdown
    assert "- `orders_total` on `orders`" in markdown

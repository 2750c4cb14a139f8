"""Draws views, views over views, and statements that read them; asks PostgreSQL which of the conditions in all of them an
index serves, and writes the answers to views_draw.tsv: index, views, statement, served.

Served is what has an Index Cond, or reads a partial index, in one of the plans that PostgreSQL makes once sequential scans
are dear and each way to join is tried.

views_draw.py HOST PORT SEED COUNT > views_draw.tsv, against a cluster of PostgreSQL 15."""
import json, random, re, subprocess, sys

SETUP = """
CREATE EXTENSION IF NOT EXISTS pg_trgm;
CREATE TABLE item (id int NOT NULL, owner int, qty int, name text, note text);
CREATE TABLE part (id int NOT NULL, owner int, qty int, name text, note text);
CREATE TABLE other (id int, owner bigint, ref int, label text);
CREATE FUNCTION moody(int) RETURNS int LANGUAGE plpgsql VOLATILE AS 'BEGIN RETURN $1; END';
CREATE FUNCTION own(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN $1; END';
"""
ROWS = """
INSERT INTO item SELECT n, n % 1000, n % 7, md5(n::text), 'x' || n FROM generate_series(1, 5000) n;
INSERT INTO part SELECT * FROM item;
INSERT INTO other SELECT n, n, n * 3, 'x' || n FROM generate_series(1, 30) n;
"""
INDEXES = ["(owner)", "(owner)", "(qty)", "(upper(name))", "(owner, qty)", "(qty, owner)", "(name text_pattern_ops)", "USING gin (name gin_trgm_ops)",
           "(owner) WHERE qty = 3", "(id) WHERE note IS NULL", "(note)", "((owner + qty))", "USING hash (owner)", "(id)", "(own(owner))",
           "(coalesce(owner, 0))", "((owner::text))", "USING brin (owner)"]
TYPES = {"id": "int", "owner": "int", "qty": "int", "name": "text", "note": "text", "ref": "int", "label": "text"}
# What a query puts out instead of a column as it is: the expression over {a}, {b} of that type, its type, and whether it can be searched.
MADE = {"int": [("{x} + {y}", "int"), ("own({x})", "int"), ("coalesce({x}, 0)", "int"), ("{x}::text", "text"), ("{x}::bigint", "int"), ("{x} * 2", "int"), ("moody({x})", "int"), ("random()::int", "int"), ("5", "int"),
                ("(SELECT max(ref) FROM other)", "int"), ("CASE WHEN {x} > 3 THEN {y} ELSE 1 END", "int"), ("nullif({x}, 0)", "int"), ("rank() OVER (ORDER BY {x})", "int"), ("row_number() OVER (PARTITION BY {x})", "int"), ("generate_series(1, 2)", "int")],
        "text": [("upper({x})", "text"), ("{x} || '!'", "text"), ("lower({x})", "text"), ("coalesce({x}, '')", "text"), ("{x}::varchar(50)", "text"), ("length({x})", "int"), ("{x} COLLATE \"C\"", "text")]}
# All may be true of one row: of a contradiction PostgreSQL reads nothing.
CONDITIONS = {
    "int": ["{x} = 5"] * 6 + ["{x} > 4", "{x} IN (5, 6)", "{x} BETWEEN 5 AND 6", "{x} = {y}", "{x} IS NOT NULL", "NOT {x} = 6", "{x} = 5::bigint", "{x}::numeric = 5.0", "{x} = ANY (ARRAY[1, 5])", "({x} = 5 OR {y} = 6)", "({x} = 5 OR {x} = 6)", "{x} + {y} = 10",
            "own({x}) = 5", "coalesce({x}, 0) = 5", "{x}::text = '5'", "{x} IN (SELECT ref FROM other)", "{x} = (SELECT max(ref) FROM other)", "EXISTS (SELECT 1 FROM other oo WHERE oo.ref = {x})", "({x} = 5) IS TRUE", "moody({x}) = 5", "{x} = moody(5)", "{x} <> 6", "({x}, {y}) = (5, 5)", "({x}, {y}) > (4, 3)"],
    "text": ["{x} = 'x5'"] * 3 + ["{x} LIKE 'x5%'", "{x} LIKE '%x5x%'", "upper({x}) = 'X5'", "{x} IN ('x5', 'x6')", "{x} ILIKE '%x5x%'", "{x} ~ '^x5'", "lower({x}) = 'x5'", "{x} > 'x4'", "{x} IN (SELECT label FROM other)", "{x} COLLATE \"C\" = 'x5'", "starts_with({x}, 'x5')", "{x} || '!' = 'x5!'", "coalesce({x}, '') = 'x5'"],
}


class Made:
    """A query under way: numbered names, and the views that it has needed."""

    def __init__(self, number):
        self.number, self.views, self.names = number, [], 0

    def name(self, stem):
        self.names += 1
        return f"{stem}{self.names}"


def condition(columns, qualifier=""):
    """One on these columns, [(name, type)]."""
    x, kind = random.choice(columns)
    others = [name for name, other in columns if other == kind and name != x]
    forms = CONDITIONS[kind] if others else [form for form in CONDITIONS[kind] if "{y}" not in form]
    return random.choice(forms).format(x=qualifier + x, y=qualifier + random.choice(others or [x]))


def where(columns, chance):
    if not columns or random.random() > chance:
        return ""
    parts = [condition(columns) for _ in range(random.choice([1, 1, 1, 2, 2, 3]))]
    return " WHERE " + " AND ".join(parts)


def source(made, depth):
    """An item of FROM: its text, its alias and its columns."""
    chance = random.random()
    alias = made.name("s")
    if depth > 0 and chance < 0.45:
        view, columns = view_of(made, depth - 1)
        return f"{view} {alias}", alias, columns
    if depth > 0 and chance < 0.53:
        text, columns = query(made, depth - 1)
        return f"({text}) {alias}", alias, columns
    table = random.choice(["item"] * 5 + ["part"])
    return f"{table} {alias}", alias, [(name, TYPES[name]) for name in ("id", "owner", "qty", "name", "note")]


def from_clause(made, depth):
    text, alias, columns = source(made, depth)
    own = [(f"{alias}.{name}", kind) for name, kind in columns]
    if random.random() < 0.7:
        return text, own
    if random.random() < 0.8:
        other = made.name("o")
        more = [(f"{other}.{name}", kind) for name, kind in (("ref", "int"), ("owner", "int"), ("label", "text"))]
        text2 = f"other {other}"
    else:
        text2, other, more = source(made, 0)
        more = [(f"{other}.{name}", kind) for name, kind in more]
    x, kind = random.choice(own)
    fitting = [name for name, other_kind in more if other_kind == kind]
    if not fitting:
        return text, own
    on = f"{x} = {random.choice(fitting)}"
    if random.random() < 0.25:
        on += f" AND {condition(own + more)}"
    form = random.choice(["{a} JOIN {b} ON {on}", "{a} JOIN {b} ON {on}", "{b} JOIN {a} ON {on}", "{a} LEFT JOIN {b} ON {on}", "{b} LEFT JOIN {a} ON {on}", "{a}, {b} WHERE {on}"])
    joined = form.format(a=text, b=text2, on=on)
    return joined, own + more


def query(made, depth, plain=False):
    """A SELECT and its columns."""
    if not plain and random.random() < 0.08:
        return operation(made, depth)
    text, columns = from_clause(made, depth)
    joined = " WHERE " in text.rpartition(")")[2]
    chosen = columns[:] if random.random() < 0.5 else random.sample(columns, random.randint(1, len(columns)))
    outputs = []
    for name, kind in chosen:
        expression, out_kind = name, kind
        if random.random() < 0.15:
            same = [other for other, other_kind in columns if other_kind == kind]
            form, out_kind = random.choice(MADE[kind])
            expression = form.format(x=name, y=random.choice(same))
        outputs.append((expression, out_kind))
    grouped = not plain and random.random() < 0.12
    distinct = not plain and not grouped and random.random() < 0.1
    if grouped:
        keys = random.sample(columns, random.randint(1, min(2, len(columns))))
        outputs = keys + [(random.choice(["count(*)", f"max({random.choice(columns)[0]})"]), "int")]
        if "max(" in outputs[-1][0] and dict(columns)[outputs[-1][0][4:-1]] == "text":
            outputs[-1] = ("count(*)", "int")
    names = [(made.name("c"), kind) for _, kind in outputs]
    text = "SELECT " + ("DISTINCT " if distinct else "") + ", ".join(f"{e} AS {n}" for (e, _), (n, _) in zip(outputs, names)) + f" FROM {text}"
    conditions = where(columns, 0.55)
    text += conditions.replace(" WHERE ", " AND ", 1) if joined else conditions
    if grouped:
        text += " GROUP BY " + ", ".join(name for name, _ in keys)
        if random.random() < 0.3:
            text += " HAVING " + condition(keys)
    if not plain and random.random() < 0.1:
        text += f" ORDER BY {random.randint(1, len(names))}"
    if not plain and random.random() < 0.07:
        text += random.choice([" LIMIT 5", " OFFSET 3", " LIMIT ALL"])
    if not plain and random.random() < 0.05 and depth > 0:
        text = f"WITH w AS {random.choice(['', '', 'MATERIALIZED '])}({text}) SELECT * FROM w"
    return text, names


def operation(made, depth):
    names = ["id", "owner", "qty", "name", "note"]
    chosen = random.sample(names, random.randint(1, 4))
    arms = []
    for table in random.choice([("item", "part"), ("item", "item"), ("part", "item"), ("item", "part", "item")]):
        arms.append(f"SELECT {', '.join(chosen)} FROM {table}" + where([(name, TYPES[name]) for name in names], 0.3))
    joint = random.choice([" UNION ALL "] * 4 + [" UNION ", " INTERSECT ", " EXCEPT "])
    return joint.join(arms), [(name, TYPES[name]) for name in chosen]


def view_of(made, depth):
    text, columns = query(made, depth)
    name = f"v{made.number}_{len(made.views) + 1}"
    options = " WITH (security_barrier)" if random.random() < 0.12 else ""
    head = name
    if random.random() < 0.2:
        columns = [(made.name("r"), kind) for _, kind in columns]
        head = f"{name} ({', '.join(column for column, _ in columns)})"
    made.views.append(f"CREATE VIEW {head}{options} AS {text}")
    return name, columns


def draw(number):
    made = Made(number)
    view, columns = view_of(made, random.choice([0, 0, 1, 1, 2]))
    plain = [(name, kind) for name, kind in columns]
    chance = random.random()
    if chance < 0.6:
        text = f"SELECT * FROM {view}{where(plain, 0.9)}"
    elif chance < 0.75:
        x, kind = random.choice(plain)
        key = {"int": "ref", "text": "label"}[kind]
        join = random.choice(["other j JOIN {v} z ON z.{x} = j.{k}", "{v} z JOIN other j ON z.{x} = j.{k}", "other j LEFT JOIN {v} z ON z.{x} = j.{k}", "{v} z LEFT JOIN other j ON z.{x} = j.{k}"]).format(v=view, x=x, k=key)
        more = where([(f"z.{name}", other) for name, other in plain], 0.4)
        text = f"SELECT j.id FROM {join}{more}"
    elif chance < 0.8:
        text = f"WITH w AS (SELECT * FROM {view}) SELECT * FROM w{where(plain, 0.9)}"
    elif chance < 0.85:
        text = f"SELECT count(*) FROM {view}{where(plain, 0.9)}"
    elif chance < 0.9:
        text = f"SELECT * FROM other j WHERE EXISTS (SELECT 1 FROM {view} z WHERE {condition([(f'z.{n}', k) for n, k in plain])})"
    elif chance < 0.95:
        text = f"UPDATE {view} SET {random.choice(plain)[0]} = NULL{where(plain, 0.9)}"
    else:
        text = f"DELETE FROM {view}{where(plain, 0.9)}"
    return made.views, text


def on_tables(text, index):
    """Each index has tables of its own."""
    return re.sub(r"\b(item|part)\b", lambda found: f"{found[1]}_{index}", text)


def tables(indexes):
    return "".join(f"CREATE TABLE {table}_{at} (LIKE {table}); CREATE INDEX {table}_{at}_tried ON {table}_{at} {index};\n"
                   for at, index in enumerate(indexes) for table in ("item", "part"))


def psql(host, port, database, sql):
    return subprocess.run(["psql", "-XqAt", "-h", host, "-p", port, "-U", "postgres", "-d", database, "-f", "-"],
                          input=sql, text=True, capture_output=True, check=True).stdout


def indexes_used(plan, partial):
    if plan.get("Index Name", "").endswith("_tried"):
        cond = plan.get("Index Cond", "")
        # max() asks for what is not NULL.
        if partial or (cond and not re.fullmatch(r"\(\(?[\w()+:, ]+\)? IS NOT NULL\)", cond)):
            yield plan["Index Name"]
    for part in plan.get("Plans", []):
        yield from indexes_used(part, partial)


WAYS = ["", "SET enable_hashjoin = off; SET enable_mergejoin = off; SET enable_material = off; SET enable_hashagg = off; SET enable_memoize = off;",
        "SET enable_hashjoin = off; SET enable_nestloop = off;"]


def main():
    host, port, seed, count = sys.argv[1:]
    random.seed(int(seed))
    psql(host, port, "postgres", "DROP DATABASE IF EXISTS views_draw;")
    psql(host, port, "postgres", "CREATE DATABASE views_draw TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';")
    indexes = list(dict.fromkeys(INDEXES))
    filled = "".join(f"INSERT INTO {table}_{at} SELECT * FROM {table};" for at in range(len(indexes)) for table in ("item", "part"))
    psql(host, port, "views_draw", SETUP + ROWS + tables(indexes) + filled + "ANALYZE;")
    drawn = []
    for number in range(int(count)):
        views, text = draw(number)
        # Most of what is asked about a column that nothing speaks of is no question.
        named = [index for index in INDEXES if set(re.findall(r"\b(?:id|owner|qty|name|note)\b", index)) & set(re.findall(r"\b(?:id|owner|qty|name|note)\b", text + " ".join(re.findall(r"(?:WHERE|ON|HAVING) .*", " ".join(views)))))]
        drawn.append((random.choice(named or INDEXES), views, text))
    script = "SET client_min_messages = error; SET max_parallel_workers_per_gather = 0; SET jit = off;\n"
    for number, (index, views, text) in enumerate(drawn):
        at = indexes.index(index)
        script += f"\\echo ==case\nRESET enable_seqscan;" + "".join(on_tables(view, at) + ";\n" for view in views)
        for way in WAYS:
            script += f"RESET ALL; SET jit = off; SET client_min_messages = error; SET max_parallel_workers_per_gather = 0; SET enable_seqscan = off; {way}\n\\echo ==plan\nEXPLAIN (FORMAT JSON, COSTS OFF) {on_tables(text, at)};\n"
    out = psql(host, port, "views_draw", script)
    for (index, views, text), part in zip(drawn, out.split("==case\n")[1:]):
        plans = [plan for plan in part.split("==plan\n")[1:] if plan.strip()]
        if not plans:
            continue
        partial = " WHERE " in index
        used = any(list(indexes_used(json.loads(plan)[0]["Plan"], partial)) for plan in plans)
        print(index, "; ".join(views), text, int(used), sep="\t")


if __name__ == "__main__":
    main()

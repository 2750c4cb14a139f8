"""asyncpg: the extended protocol with Flush, binary everywhere, portals for cursors, COPY, cancels by a connection of its own."""

import asyncio
import hashlib
import io
import ssl
import time

import asyncpg

from activities import DATABASE, HOST, PASSWORD, PORT, ROOT_CERT, ROWS, SSLMODE, USER, Activities, raises_async

activity = Activities(f"asyncpg {asyncpg.__version__}")


def parameters(**more):
    encryption = False if SSLMODE == "disable" else ssl.create_default_context(cafile=ROOT_CERT)
    return {"host": HOST, "port": PORT, "user": USER, "password": PASSWORD, "database": DATABASE, "ssl": encryption, **more}


async def connect(**more):
    return await asyncpg.connect(**parameters(**more))


@activity("query")
async def query(connection):
    await connection.execute("DROP TABLE IF EXISTS item; CREATE TABLE item (id int PRIMARY KEY, name text)")
    await connection.executemany("INSERT INTO item VALUES ($1, $2)", [(n, f"näme {n}") for n in range(500)])
    found = [dict(row) for row in await connection.fetch("SELECT * FROM item WHERE id = ANY($1::int[]) ORDER BY id", [1, 2, 400])]
    many = await connection.fetchmany("UPDATE item SET name = $2 WHERE id = $1 RETURNING id, name", [(n, "x") for n in range(100)])
    big = await connection.fetchval("SELECT repeat('x', 3000000)")
    return found, len(many), len(big), await connection.execute("SELECT 1; UPDATE item SET name = 'y' WHERE id < 10"), await connection.fetch("SELECT")


@activity("types")
async def types(connection):
    await connection.execute("DROP TYPE IF EXISTS mood; CREATE TYPE mood AS ENUM ('sad', 'glad'); DROP TYPE IF EXISTS pair; CREATE TYPE pair AS (a int, b mood)")
    return [repr(value) for value in await connection.fetchrow(
        "SELECT 1::int8, 1.50::numeric, 'NaN'::float8, '2024-02-29'::date, $1::bytea, $2::text[], NULL, true, '[1,5)'::int4range, "
        "'{\"a\": 1}'::jsonb, interval '1 day', ROW(1, 'glad')::pair, ARRAY['sad']::mood[], '10.0.0.1'::inet, '(1,2)'::point",
        b"\x00\xff", ["x", None],
    )]


@activity("prepared")
async def prepared(connection):
    statement = await connection.prepare("SELECT id, name FROM item WHERE id < $1 ORDER BY id")
    found = [len(await statement.fetch(n)) for n in range(5)]
    found += [str(statement.get_parameters()), str(statement.get_attributes()), await statement.explain(1) is not None]
    for n in range(150):
        # More than the cache of statements holds.
        found.append(await connection.fetchval(f"SELECT {n} + $1::int", n))
    # A plan whose result type changes under the cached statement.
    await connection.execute("DROP TABLE IF EXISTS changing; CREATE TABLE changing (a int)")
    await connection.fetch("SELECT * FROM changing")
    await connection.execute("ALTER TABLE changing ADD b text")
    found.append([await raises_async(connection.fetch("SELECT * FROM changing")), await raises_async(connection.fetch("SELECT * FROM changing"))])
    return found


@activity("transaction")
async def transaction(connection):
    async def fails():
        async with connection.transaction():
            await connection.execute("DELETE FROM item WHERE id = 1")
            try:
                async with connection.transaction():
                    await connection.execute("DELETE FROM item")
                    await connection.execute("SELECT 1/0")
            except asyncpg.DivisionByZeroError:
                pass
            await connection.execute("SELEC")

    outcome = await raises_async(fails())
    async with connection.transaction(isolation="serializable", readonly=True):
        outcome.append(await raises_async(connection.execute("DELETE FROM item")))
    return outcome, await connection.fetchval("SELECT count(*) FROM item")


@activity("batch")
async def batch(connection):
    wrong = await raises_async(connection.executemany("INSERT INTO item VALUES ($1, $2)", [(n, "z") for n in (8001, 8002, 1, 8003)]))
    await connection.executemany("INSERT INTO item VALUES ($1, $2)", ((n, "z" * 200) for n in range(10_000, 15_000)))
    return wrong, await connection.fetchval("SELECT count(*) FROM item")


@activity("cursor")
async def cursor(connection):
    async with connection.transaction():
        total = 0
        async for row in connection.cursor("SELECT g FROM generate_series(1, $1) g", 2000, prefetch=77):
            total += row[0]
        portal = await connection.cursor("SELECT g FROM generate_series(1, 100) g")
        return total, [row[0] for row in await portal.fetch(3)], await portal.forward(10), (await portal.fetchrow())[0]


@activity("copy in")
async def copy_in(connection):
    await connection.execute("DROP TABLE IF EXISTS copied; CREATE TABLE copied (id int, name text)")
    outcomes = [await connection.copy_records_to_table("copied", records=[(n, f"name {n}") for n in range(ROWS)])]
    outcomes.append(await connection.copy_to_table("copied", source=io.BytesIO(b"1,a\n2,b\n"), format="csv"))
    outcomes.append(await raises_async(connection.copy_to_table("copied", source=io.BytesIO(b"1,a\nx,b\n"), format="csv")))

    async def broken():
        yield b"1,a\n"
        raise ValueError("the source broke")

    outcomes.append(await raises_async(connection.copy_to_table("copied", source=broken(), format="csv")))
    return outcomes, await connection.fetchval("SELECT sum(id) FROM copied")


@activity("copy out")
async def copy_out(connection):
    data, other = io.BytesIO(), io.BytesIO()
    outcomes = [await connection.copy_from_query("SELECT * FROM copied WHERE id > $1 ORDER BY id, name", 10, output=data, format="csv")]
    outcomes.append(await connection.copy_from_table("copied", output=other, format="binary"))
    outcomes.append(await raises_async(connection.copy_from_query("SELECT 1 / (500 - g) FROM generate_series(1, 1000) g", output=io.BytesIO())))
    return outcomes, hashlib.sha256(data.getvalue()).hexdigest(), len(other.getvalue())


@activity("cancel")
async def cancel(connection):
    outcomes = []
    for _ in range(3):
        began = time.monotonic()
        outcomes.append(await raises_async(connection.execute("SELECT pg_sleep(20)", timeout=0.3)))
        outcomes.append(await raises_async(connection.fetch("SELECT pg_sleep(20), $1::int", 1, timeout=0.3)))
        task = asyncio.create_task(connection.fetch("SELECT pg_sleep(20)"))
        await asyncio.sleep(0.2)
        task.cancel()
        await asyncio.wait([task])
        outcomes.append([await connection.fetchval("SELECT 1"), time.monotonic() - began < 10])
    return outcomes


@activity("notify")
async def notify(connection):
    got, logged = [], []
    done = asyncio.Event()

    def heard(_, pid, channel, payload):
        got.append((channel, payload))
        if len(got) == 5:
            done.set()

    await connection.add_listener("here", heard)
    connection.add_log_listener(lambda _, message: logged.append((message.severity, message.message)))
    other = await connect()
    for n in range(5):
        await other.execute("SELECT pg_notify('here', $1)", f"idle {n}")
    await asyncio.wait_for(done.wait(), 10)
    await connection.remove_listener("here", heard)
    await connection.execute("DO $$ BEGIN RAISE NOTICE 'noted'; RAISE WARNING 'warned'; END $$")
    await asyncio.sleep(0.1)
    await other.close()
    return got, logged


@activity("error")
async def wrong(connection):
    outcomes = []
    for sql in ("SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere", "INSERT INTO item VALUES (1, 'again')", "SELECT 'a'::int"):
        for way in (connection.execute, connection.fetch, connection.prepare):
            outcome = await raises_async(way(sql))
            # A statement that could be prepared shows its address.
            outcomes += [outcome if outcome[0] != "no error" else outcome[0], await connection.fetchval("SELECT 1")]
    outcomes.append(await raises_async(connection.fetch("SELECT $1::int", "not a number")))
    await connection.reset()
    return outcomes, await raises_async(connect(password="wrong")), await raises_async(connect(database="nowhere"))


@activity("reconnect")
async def reconnect(connection):
    async def kill(victim):
        killer = await connect()
        await killer.fetchval("SELECT pg_terminate_backend($1)", victim.get_server_pid())
        await killer.close()
        await asyncio.sleep(0.3)

    await kill(connection)
    outcomes = [(await raises_async(connection.fetchval("SELECT 1")))[0], connection.is_closed()]
    async with asyncpg.create_pool(**parameters(min_size=2, max_size=4)) as pool:
        async with pool.acquire() as borrowed:
            await kill(borrowed)
        outcomes += await asyncio.gather(*(pool.fetchval("SELECT $1::int", n) for n in range(20)))
    return outcomes


async def main():
    await activity.run_async(await connect())


asyncio.run(main())

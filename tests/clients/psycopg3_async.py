"""psycopg 3's asynchronous connection, many at a time."""

import asyncio
import hashlib
import time

import psycopg
from psycopg import pq
from psycopg_pool import AsyncConnectionPool

from activities import ROWS, Activities, dsn, raises_async

activity = Activities(f"psycopg {psycopg.__version__}, libpq {pq.version()}")


async def connect(**more):
    return await psycopg.AsyncConnection.connect(dsn(**more), autocommit=True)


async def one(connection, sql, *arguments):
    return await (await connection.execute(sql, *arguments)).fetchone()


async def rows(connection, sql, *arguments):
    return await (await connection.execute(sql, *arguments)).fetchall()


@activity("query")
async def query(connection):
    await connection.execute("DROP TABLE IF EXISTS item")
    await connection.execute("CREATE TABLE item (id int PRIMARY KEY, name text)")
    async with connection.cursor() as cursor:
        await cursor.executemany("INSERT INTO item VALUES (%s, %s)", [(n, f"näme {n}") for n in range(300)])

    async def ask(number):
        async with await connect() as other:
            return [await one(other, "SELECT id, name FROM item WHERE id = %s", (number + n,)) for n in range(10)]

    return await asyncio.gather(*(ask(number) for number in range(20))), await rows(connection, "SELECT * FROM item ORDER BY id")


@activity("types")
async def types(connection):
    async with connection.cursor(binary=True) as cursor:
        await cursor.execute("SELECT 1::int8, 1.5::numeric, now() > '2024-01-01', %s::jsonb, %s, NULL::text", ('{"a": 1}', ["x", None]))
        return await cursor.fetchone()


@activity("prepared")
async def prepared(connection):
    found = [await rows(connection, "SELECT id FROM item WHERE id < %s ORDER BY id", (n % 4,)) for n in range(20)]
    return found, await one(connection, "SELECT count(*) FROM pg_prepared_statements")


@activity("transaction")
async def transaction(connection):
    async def fails():
        async with connection.transaction():
            await connection.execute("DELETE FROM item")
            await connection.execute("SELECT 1/0")

    return await raises_async(fails()), await one(connection, "SELECT count(*) FROM item")


@activity("batch")
async def batch(connection):
    async with connection.pipeline():
        cursors = [await connection.execute("SELECT %s::int, repeat('x', 1000)", (n,)) for n in range(2000)]
        return sum([(await cursor.fetchone())[0] for cursor in cursors])


@activity("cursor")
async def cursor(connection):
    async with connection.transaction(), connection.cursor("named") as named:
        await named.execute("SELECT g FROM generate_series(1, 2000) g")
        return sum([row[0] async for row in named])


@activity("copy in")
async def copy_in(connection):
    await connection.execute("DROP TABLE IF EXISTS copied")
    await connection.execute("CREATE TABLE copied (id int, name text)")
    async with connection.cursor() as cursor:
        async with cursor.copy("COPY copied FROM STDIN") as copy:
            for n in range(ROWS):
                await copy.write_row((n, f"name {n}"))
    return await one(connection, "SELECT count(*), sum(id) FROM copied")


@activity("copy out")
async def copy_out(connection):
    hashed = hashlib.sha256()
    async with connection.cursor() as cursor, cursor.copy("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT") as copy:
        async for piece in copy:
            hashed.update(piece)
    return hashed.hexdigest()


@activity("cancel")
async def cancel(connection):
    outcomes = []
    for _ in range(3):
        began = time.monotonic()
        try:
            # It cancels the query by itself, and waits for the answer.
            await asyncio.wait_for(connection.execute("SELECT pg_sleep(20)"), 0.3)
        except TimeoutError as caught:
            outcomes.append(type(caught).__name__)
        except psycopg.Error as caught:
            outcomes.append(caught.sqlstate)
        outcomes.append([await one(connection, "SELECT 1"), time.monotonic() - began < 10])
    return outcomes


@activity("notify")
async def notify(connection):
    await connection.execute("LISTEN here")
    async with await connect() as other:
        for n in range(5):
            await other.execute("SELECT pg_notify('here', %s)", (f"idle {n}",))
    return [note.payload async for note in connection.notifies(timeout=10, stop_after=5)]


@activity("error")
async def wrong(connection):
    outcomes = []
    for sql in ("SELECT 1/0", "SELEC", "SELECT * FROM nowhere"):
        outcomes += [await raises_async(connection.execute(sql)), await one(connection, "SELECT 1")]
    return outcomes, await raises_async(connect(password="wrong"))


@activity("reconnect")
async def reconnect(connection):
    async def kill(victim):
        async with await connect() as killer:
            await killer.execute("SELECT pg_terminate_backend(%s)", (victim.info.backend_pid,))
        await asyncio.sleep(0.3)

    await kill(connection)
    outcomes = [await raises_async(connection.execute("SELECT 1")), connection.closed]
    async with AsyncConnectionPool(dsn(), min_size=1, max_size=4, check=AsyncConnectionPool.check_connection, open=False) as pool:
        async with pool.connection() as borrowed:
            await kill(borrowed)
        async with pool.connection() as borrowed:
            outcomes.append(await one(borrowed, "SELECT 2"))
    return outcomes


async def main():
    await activity.run_async(await connect())


asyncio.run(main())

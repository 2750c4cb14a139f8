"""SQLAlchemy, over the driver that its argument names: psycopg, or asyncpg."""

import asyncio
import sys

import sqlalchemy
from sqlalchemy import Column, Integer, MetaData, String, Table, func, insert, select, text
from sqlalchemy.ext.asyncio import create_async_engine

from activities import ROOT_CERT, SSLMODE, Activities, error, url

DRIVER = sys.argv[1]
activity = Activities(f"SQLAlchemy {sqlalchemy.__version__} over {DRIVER}")
metadata = MetaData()
item = Table("item", metadata, Column("id", Integer, primary_key=True), Column("name", String(200)))


def engine(**more):
    arguments = {}
    if SSLMODE != "disable":
        import ssl

        arguments = (
            {"ssl": ssl.create_default_context(cafile=ROOT_CERT)} if DRIVER == "asyncpg"
            else {"sslmode": "verify-full", "sslrootcert": ROOT_CERT}
        )
    return create_async_engine(url(f"postgresql+{DRIVER}"), connect_args=arguments, **more)


async def fails(awaitable):
    try:
        await awaitable
        return ["no error"]
    except Exception as caught:
        return [*error(caught), repr(getattr(caught, "orig", None))]


@activity("query")
async def query(connections):
    async with connections.begin() as connection:
        await connection.run_sync(metadata.drop_all)
        await connection.run_sync(metadata.create_all)
        await connection.execute(insert(item), [{"id": n, "name": f"näme {n}"} for n in range(2000)])
        returned = await connection.scalars(insert(item).returning(item.c.id), [{"name": "x", "id": 5000 + n} for n in range(1500)])
        total = sum(returned)
    async with connections.connect() as connection:
        rows = (await connection.execute(select(item).where(item.c.name.like("%e 1"), item.c.id.in_([1, 2, 3])))).all()
        return total, [tuple(row) for row in rows], (await connection.execute(select(func.count()).select_from(item))).scalar()


@activity("types")
async def types(connections):
    async with connections.connect() as connection:
        row = (await connection.execute(text("SELECT 1::int8, 1.5::numeric, '2024-02-29'::date, '{\"a\": 1}'::jsonb, ARRAY['x', NULL], NULL, '\\xff'::bytea"))).one()
        return [repr(value) for value in row]


@activity("prepared")
async def prepared(connections):
    async with connections.connect() as connection:
        return [(await connection.execute(select(item.c.id).where(item.c.id == n))).scalar() for n in range(30)]


@activity("transaction")
async def transaction(connections):
    outcomes = []
    async with connections.connect() as connection:
        async with connection.begin() as outer:
            await connection.execute(insert(item).values(id=9001, name="kept"))
            inner = await connection.begin_nested()
            outcomes.append(await fails(connection.execute(insert(item).values(id=9001, name="twice"))))
            await inner.rollback()
            await outer.commit()
        outcomes.append((await connection.execute(select(item.c.name).where(item.c.id == 9001))).scalar())
        await connection.rollback()
        serial = await connection.execution_options(isolation_level="SERIALIZABLE")
        outcomes.append((await serial.execute(text("SHOW transaction_isolation"))).scalar())
    return outcomes


@activity("cursor")
async def cursor(connections):
    async with connections.connect() as connection:
        stream = await connection.stream(select(item.c.id).order_by(item.c.id), execution_options={"yield_per": 100})
        return sum([row[0] async for row in stream])


@activity("copy in")
async def copy_in(connections):
    async with connections.connect() as connection:
        await connection.execute(text("DROP TABLE IF EXISTS copied"))
        await connection.execute(text("CREATE TABLE copied (id int, name text)"))
        await connection.commit()
        driver = (await connection.get_raw_connection()).driver_connection
        if DRIVER == "asyncpg":
            await driver.copy_records_to_table("copied", records=[(n, "x") for n in range(5000)])
        else:
            async with driver.cursor() as cursor, cursor.copy("COPY copied FROM STDIN") as copy:
                for n in range(5000):
                    await copy.write_row((n, "x"))
        await connection.commit()
        return (await connection.execute(text("SELECT count(*), sum(id) FROM copied"))).one()._tuple()


@activity("copy out")
async def copy_out(connections):
    import io

    data = io.BytesIO()
    async with connections.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        if DRIVER == "asyncpg":
            await driver.copy_from_query("SELECT 1 FROM generate_series(1, 5000)", output=data)
        else:
            async with driver.cursor() as cursor, cursor.copy("COPY (SELECT 1 FROM generate_series(1, 5000)) TO STDOUT") as copy:
                async for piece in copy:
                    data.write(piece)
    return len(data.getvalue())


@activity("cancel")
async def cancel(connections):
    outcomes = []
    for _ in range(2):
        async with connections.connect() as connection:
            try:
                await asyncio.wait_for(connection.execute(text("SELECT pg_sleep(20)")), 0.4)
            except Exception as caught:
                outcomes.append(type(caught).__name__)
        async with connections.connect() as connection:
            outcomes.append((await connection.execute(text("SELECT 1"))).scalar())
    return outcomes


@activity("notify")
async def notify(connections):
    heard = []
    async with connections.connect() as listening, connections.connect() as sending:
        driver = (await listening.get_raw_connection()).driver_connection
        if DRIVER == "asyncpg":
            await driver.add_listener("here", lambda *note: heard.append(note[3]))
        else:
            await driver.set_autocommit(True)
            await driver.execute("LISTEN here")
        await sending.execute(text("SELECT pg_notify('here', :payload)"), {"payload": "hello"})
        await sending.commit()
        if DRIVER == "asyncpg":
            for _ in range(100):
                if heard:
                    break
                await asyncio.sleep(0.05)
        else:
            heard = [note.payload async for note in driver.notifies(timeout=10, stop_after=1)]
            await driver.execute("UNLISTEN *")
            await driver.set_autocommit(False)
    return heard


@activity("error")
async def wrong(connections):
    outcomes = []
    async with connections.connect() as connection:
        for sql in ("SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere"):
            outcomes.append(await fails(connection.execute(text(sql))))
            outcomes.append(await fails(connection.execute(text("SELECT 1"))))
            await connection.rollback()
            outcomes.append((await connection.execute(text("SELECT 2"))).scalar())
    return outcomes


@activity("reconnect")
async def reconnect(connections):
    """A pool that finds out by the error, and one that asks before."""
    outcomes = []
    for options in ({}, {"pool_pre_ping": True}):
        pool = engine(pool_size=1, max_overflow=0, **options)
        async with pool.connect() as connection:
            pid = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar()
        async with connections.connect() as killer:
            await killer.execute(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        await asyncio.sleep(0.3)
        for _ in range(2):
            try:
                async with pool.connect() as connection:
                    outcomes.append((await connection.execute(text("SELECT 1"))).scalar())
            except sqlalchemy.exc.DBAPIError as caught:
                outcomes.append([type(caught).__name__, caught.connection_invalidated])
        await pool.dispose()
    return outcomes


async def main():
    connections = engine()
    await activity.run_async(connections)
    await connections.dispose()


asyncio.run(main())

// node-postgres, with pg-copy-streams and pg-cursor.

const fs = require("fs");
const crypto = require("crypto");
const { Readable, Writable } = require("stream");
const { pipeline } = require("stream/promises");
const pg = require("pg");
const copy = require("pg-copy-streams");
const Cursor = require("pg-cursor");

const env = process.env;
const config = {
  host: env.CLIENT_HOST, port: Number(env.CLIENT_PORT), user: env.CLIENT_USER, password: env.CLIENT_PASSWORD, database: env.CLIENT_DATABASE,
  ssl: env.CLIENT_SSLMODE === "disable" ? false : { ca: fs.readFileSync(env.CLIENT_SSLROOTCERT, "utf8") },
};
const ROWS = 20000;
const say = (line) => console.log(JSON.stringify(line));
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

async function connect(more = {}) {
  const client = new pg.Client({ ...config, ...more });
  client.on("error", () => {});
  await client.connect();
  return client;
}

async function raises(promise) {
  try {
    const result = await promise;
    return ["no error", result && result.rows];
  } catch (error) {
    return [error.name, error.code, error.severity, error.message, error.position, error.constraint];
  }
}

async function rows(client, ...query) {
  return (await client.query(...query)).rows;
}

const activities = {
  async query(client) {
    await client.query("DROP TABLE IF EXISTS item; CREATE TABLE item (id int PRIMARY KEY, name text)");
    // Not waited for one by one: the client queues them.
    await Promise.all(Array.from({ length: 300 }, (_, n) => client.query("INSERT INTO item VALUES ($1, $2)", [n, `näme '${n}' \\ %`])));
    const found = await rows(client, "SELECT * FROM item WHERE name LIKE $1 AND id = ANY($2) ORDER BY id", ["n%", [1, 2, 400]]);
    const many = await client.query("SELECT 1 AS a; SELECT 2 AS b; UPDATE item SET name = 'x' WHERE id < 5");
    const big = await rows(client, "SELECT repeat('x', 1000000) AS x FROM generate_series(1, 3)");
    return [found, many.map((result) => [result.command, result.rowCount, result.rows]), big.map((row) => row.x.length), await rows(client, ""),
      await rows(client, { text: "SELECT 1, 2", rowMode: "array" })];
  },
  async types(client) {
    const sql = "SELECT 1::int8, 1.50::numeric, 'NaN'::float8::text, '2024-02-29'::timestamptz AT TIME ZONE 'UTC', $1::bytea, $2::text[], NULL, true, '{\"a\": [1]}'::jsonb, interval '1 day'";
    const values = [Buffer.from([0, 255]), ["x", null]];
    return [await rows(client, { text: sql, values, rowMode: "array" }), await rows(client, { text: "SELECT $1::int4, 2::float8, true", values: [1], rowMode: "array", binary: true })];
  },
  async prepared(client) {
    const found = [];
    for (let n = 0; n < 8; n++) found.push(await rows(client, { name: "by id", text: "SELECT id FROM item WHERE id < $1 ORDER BY id", values: [n % 3] }));
    found.push(await raises(client.query({ name: "wrong", text: "SELEC $1", values: [1] })));
    found.push(await raises(client.query({ name: "by zero", text: "SELECT 1 / $1::int", values: [0] })));
    found.push(await rows(client, { name: "by zero", text: "SELECT 1 / $1::int", values: [1] }));
    found.push(await rows(client, "SELECT name, statement FROM pg_prepared_statements ORDER BY name"));
    return found;
  },
  async transaction(client) {
    const found = [];
    await client.query("BEGIN");
    await client.query("DELETE FROM item WHERE id = $1", [1]);
    await client.query("SAVEPOINT a");
    found.push(await raises(client.query("SELECT 1/0")), await raises(client.query("SELECT $1::int", [1])));
    await client.query("ROLLBACK TO a");
    found.push(await rows(client, "SELECT count(*) FROM item"));
    await client.query("ROLLBACK");
    found.push(await rows(client, "SELECT count(*) FROM item"));
    return found;
  },
  async batch(client) {
    const work = [];
    for (let n = 0; n < 500; n++) work.push(raises(client.query(n % 50 === 7 ? "SELECT 1/0" : "SELECT $1::int AS n", n % 50 === 7 ? [] : [n])));
    return Promise.all(work);
  },
  async cursor(client) {
    const cursor = client.query(new Cursor("SELECT g FROM generate_series(1, $1) g", [1000]));
    let total = 0, reads = 0;
    for (;;) {
      const some = await cursor.read(77);
      if (some.length === 0) break;
      reads++;
      for (const row of some) total += row.g;
    }
    const left = client.query(new Cursor("SELECT g FROM generate_series(1, 100000) g"));
    const first = await left.read(3);
    await left.close();
    return [total, reads, first, await rows(client, "SELECT 1 AS one")];
  },
  async "copy in"(client) {
    await client.query("DROP TABLE IF EXISTS copied; CREATE TABLE copied (id int, name text)");
    const lines = function* (bad) {
      for (let n = 0; n < ROWS; n++) yield bad && n === 5000 ? "x\tbad\n" : `${n}\tname ${n}\n`;
    };
    await pipeline(Readable.from(lines(false)), client.query(copy.from("COPY copied FROM STDIN")));
    const wrong = await raises(pipeline(Readable.from(lines(true)), client.query(copy.from("COPY copied FROM STDIN"))));
    return [wrong.slice(0, 4), await rows(client, "SELECT count(*), sum(id) FROM copied")];
  },
  async "copy out"(client) {
    const hash = crypto.createHash("sha256");
    const sink = new Writable({ write(chunk, _, done) { hash.update(chunk); done(); } });
    await pipeline(client.query(copy.to("COPY (SELECT * FROM copied ORDER BY id) TO STDOUT")), sink);
    const nowhere = new Writable({ write(chunk, _, done) { done(); } });
    const wrong = await raises(pipeline(client.query(copy.to("COPY (SELECT 1 / (500 - g) FROM generate_series(1, 1000) g) TO STDOUT")), nowhere));
    return [hash.digest("hex"), wrong.slice(0, 4), await rows(client, "SELECT 1 AS one")];
  },
  async cancel(client) {
    const outcomes = [];
    for (let n = 0; n < 3; n++) {
      const query = new pg.Query("SELECT pg_sleep(20)");
      const ended = new Promise((done) => { query.on("error", (error) => done([error.code, error.message])); query.on("end", () => done("ended")); });
      const began = Date.now();
      client.query(query);
      await sleep(200);
      const other = new pg.Client(config);
      other.on("error", () => {});
      other.cancel(client, query);
      outcomes.push(await ended);
      outcomes.push(await rows(client, "SELECT 1 AS one"), Date.now() - began < 10000);
    }
    return outcomes;
  },
  async notify(client) {
    const heard = [], noted = [];
    const hear = (note) => heard.push([note.channel, note.payload]);
    client.on("notification", hear);
    client.on("notice", (notice) => noted.push([notice.severity, notice.message]));
    await client.query("LISTEN here");
    const other = await connect();
    for (let n = 0; n < 5; n++) await other.query("SELECT pg_notify('here', $1)", [`idle ${n}`]);
    for (let n = 0; n < 200 && heard.length < 5; n++) await sleep(50);
    await client.query("UNLISTEN *");
    await client.query("DO $$ BEGIN RAISE NOTICE 'noted'; RAISE WARNING 'warned'; END $$");
    await other.end();
    return [heard, noted];
  },
  async error(client) {
    const outcomes = [];
    for (const sql of ["SELECT 1/0", "SELEC 1", "SELECT * FROM nowhere", "INSERT INTO item VALUES (1, 'again')", "SELECT 1; SELECT 1/0"]) {
      outcomes.push(await raises(client.query(sql)), await raises(client.query("SELECT 1 AS one")));
      outcomes.push(await raises(client.query(sql, [])), await raises(client.query("SELECT $1::int", [2])));
    }
    outcomes.push(await raises(client.query("SELECT $1::int", ["x"])), await raises(client.query("SELECT $1::int", [1, 2])));
    outcomes.push(await raises(connect({ password: "wrong" })), await raises(connect({ database: "nowhere" })));
    return outcomes;
  },
  async reconnect(client) {
    const outcomes = [];
    const kill = async (victim) => {
      const killer = await connect();
      await killer.query("SELECT pg_terminate_backend($1)", [victim.processID]);
      await killer.end();
      await sleep(300);
    };
    await kill(client);
    outcomes.push((await raises(client.query("SELECT 1"))).slice(0, 2));
    const pool = new pg.Pool({ ...config, max: 4 });
    const told = [];
    pool.on("error", (error) => told.push(error.code || error.message));
    const borrowed = await pool.connect();
    borrowed.release();
    await kill(borrowed);
    outcomes.push(told);
    outcomes.push(await Promise.all(Array.from({ length: 20 }, (_, n) => pool.query("SELECT $1::int AS n", [n]).then((result) => result.rows[0].n))));
    await pool.end();
    return outcomes;
  },
};

async function main() {
  const version = (name) => JSON.parse(fs.readFileSync(`${env.NODE_PATH}/${name}/package.json`)).version;
  say({ versions: `pg ${version("pg")}, pg-copy-streams ${version("pg-copy-streams")}, pg-cursor ${version("pg-cursor")}, node ${process.versions.node}` });
  const client = await connect();
  for (const [name, activity] of Object.entries(activities)) {
    say({ begins: name });
    try {
      say({ activity: name, result: await activity(client) });
    } catch (error) {
      say({ activity: name, failed: [error.name, error.code, error.message] });
    }
  }
}

main().then(() => process.exit(0));

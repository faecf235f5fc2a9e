import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { inspect } from "node:util";
import { runAuditExport } from "../commands/audit-export.ts";
import { migrate, readMigrations, runMigrate, runSchemaWait } from "../commands/migrate.ts";
import { EXIT_CONFIG, SetupError } from "../src/config.ts";
import { plainCodec } from "../src/state/postgres-runs.ts";
import { createAuditTable, createPostgresStore } from "../src/state/postgres.ts";
import { StoreError } from "../src/state/store.ts";
import { createScratchDatabase, noDatabase, openDatabase } from "./database.ts";
import { createClock, metricOf, runOf, until } from "./kit.ts";

const skip = { skip: noDatabase };
const NOW = Date.UTC(2026, 0, 1);

function folder(t: TestContext, files: Record<string, string>): string {
  const dir = mkdtempSync(join(tmpdir(), "migrations-"));
  t.after(() => rmSync(dir, { recursive: true }));
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

function storeOn({ database, log }: Awaited<ReturnType<typeof createScratchDatabase>>, codec = plainCodec) {
  const clock = createClock();
  return { clock, store: createPostgresStore({ database, codec, clock, log }) };
}

const entry = (chain: string, seq: number) => ({ chain, seq, hash: `${chain}${seq}`, text: `{"of":"${chain}${seq}"}` });

test("migrations are numbered without a gap", async (t) => {
  const files = await readMigrations(folder(t, { "0001_a.sql": "SELECT 1", "0002_b.sql": "", "grants.sql": "" }));
  assert.deepEqual(
    files.map(({ version, name }) => `${version} ${name}`),
    ["1 0001_a.sql", "2 0002_b.sql"],
  );
  await assert.rejects(readMigrations(folder(t, { "0002_b.sql": "" })), SetupError);
});

test("the commands say what they need", async () => {
  const env = { LOG_LEVEL: "fatal", ENVIRONMENT: "development" };
  assert.equal(await runMigrate(env), EXIT_CONFIG);
  assert.equal(await runAuditExport(env, new Writable()), EXIT_CONFIG);
  assert.equal(await runMigrate({ ...env, DATABASE_URL: "postgres://localhost:1/x" }), 1);
});

test("a migration is applied once, whole, and never changed", skip, async (t) => {
  const scratch = await createScratchDatabase(t, "empty");
  const { store } = storeOn(scratch);
  await assert.rejects(store.check(), /schema_versions/);
  const first = await readMigrations("migrations");
  const second = { version: 2, name: "0002_b.sql", sql: "CREATE TABLE b (); SELECT 1 / 0", checksum: "b" };
  const run = (...added: (typeof second)[]) =>
    scratch.connected((query) => migrate(query, [...first, ...added], scratch.log));
  await run();
  await store.check();
  await assert.rejects(run(second), /22012/);
  await run({ ...second, sql: "CREATE TABLE b ()" });
  await assert.rejects(run({ ...second, checksum: "c" }), /0002_b\.sql is not what was applied/);
  await run();
  await store.check();
});

test("a replica waits until the schema that it needs is there", skip, async (t) => {
  const scratch = await createScratchDatabase(t, "empty");
  const waiting = runSchemaWait(scratch.env);
  assert.equal(await Promise.race([waiting, sleep(300, "waits")]), "waits");
  assert.equal(await runMigrate(scratch.env), 0);
  assert.equal(await waiting, 0);
});

test("however many migrate, the service may then use its tables, and only add to the audit log", skip, async (t) => {
  const scratch = await createScratchDatabase(t, "empty");
  const role = `${scratch.name}_role`;
  await scratch.database.query(`CREATE ROLE ${role}`);
  const service = new URL(scratch.env.DATABASE_URL);
  service.username = role;
  const env = { ...scratch.env, MIGRATE_DATABASE_URL: scratch.env.DATABASE_URL, DATABASE_URL: service.href };
  assert.deepEqual(await Promise.all([runMigrate(env), runMigrate(env), runMigrate(env)]), [0, 0, 0]);

  const attempt = (...statements: string[]) =>
    scratch.connected(async (query) => {
      for (const statement of statements) {
        await query(statement);
      }
    });
  const insert = "INSERT INTO audit_entries (chain, seq, hash, line) VALUES ('c', 1, 'h', 'l')";
  await attempt(`SET ROLE ${role}`, "SELECT add_spending(1, '{a}', '{b}', '{9}')", insert, "TABLE audit_entries");
  const changes = ["UPDATE audit_entries SET hash = ''", "DELETE FROM audit_entries", "TRUNCATE audit_entries"];
  for (const change of changes) {
    await assert.rejects(attempt(`SET ROLE ${role}`, change), /permission denied/);
    await assert.rejects(attempt(change), /never changed/);
  }
  await assert.rejects(attempt(`SET ROLE ${role}`, "DROP TABLE runs"), /must be owner/);
  await attempt(`DROP OWNED BY ${role}`, `DROP ROLE ${role}`);
});

test("the audit table keeps entries byte for byte, once each, and is exported chain by chain", skip, async (t) => {
  const { database, env } = await createScratchDatabase(t);
  const table = createAuditTable(database);
  assert.equal(await table.newest(), undefined);
  await table.insert([entry("b", 1), entry("b", 2)]);
  await table.insert([entry("a", 1), entry("b", 4)]);
  await table.insert([{ ...entry("b", 2), hash: "forged", text: "forged" }, entry("b", 3)]);
  assert.deepEqual(await table.newest(), { hash: "b3" });
  await assert.rejects(table.insert([entry("a", 2), { ...entry("a", 3), seq: 0.5 }]), StoreError);
  assert.deepEqual(await table.newest(), { hash: "b3" });

  let text = "";
  const output = new Writable({
    highWaterMark: 1,
    write: (chunk, _encoding, done) => {
      text += String(chunk);
      setImmediate(done);
    },
  });
  assert.equal(await runAuditExport(env, output), 0);
  assert.equal(text, ["b1", "b2", "b3", "b4", "a1"].map((of) => `{"of":"${of}"}\n`).join(""));
});

test("connections that are cut under load fail their own statements alone", skip, async (t) => {
  const scratch = await createScratchDatabase(t);
  const { store } = storeOn(scratch);
  const period = { scope: "month", period: "2026-01", limitNanoDollars: 1e9 };
  const outcomes = { taken: 0, failed: 0, over: false };
  const worker = async () => {
    while (!outcomes.over) {
      await store.spend(1, [period]).then(
        () => (outcomes.taken += 1),
        (error: unknown) => {
          assert.ok(error instanceof StoreError, String(error));
          outcomes.failed += 1;
        },
      );
    }
  };
  const workers = Promise.all(Array.from({ length: 20 }, worker));
  const cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()";
  for (let round = 0; round < 5; round += 1) {
    const before = outcomes.taken;
    await Promise.race([workers, until(() => outcomes.taken > before + 20)]);
    await scratch.connected((query) => query(cut, [scratch.name]));
  }
  outcomes.over = true;
  await workers;
  assert.ok(outcomes.failed > 0);
  // An answer that was cut off may hide a success, never invent one.
  const spent = await store.spent(period);
  assert.ok(spent >= outcomes.taken && spent <= outcomes.taken + outcomes.failed);
});

test("a database that is away or says nothing is given up in time", async (t) => {
  const sockets: Socket[] = [];
  const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
  t.after(() => {
    sockets.forEach((socket) => socket.destroy());
    silent.close();
  });
  await until(() => silent.listening);
  const address = silent.address();
  assert.ok(typeof address === "object" && address !== null);
  for (const at of [address.port, 1]) {
    const { database } = openDatabase(t, `postgres://agent@127.0.0.1:${at}/agent`);
    const started = performance.now();
    await assert.rejects(database.query("SELECT"), StoreError);
    await assert.rejects(
      database.transaction((query) => query("SELECT")),
      StoreError,
    );
    assert.ok(performance.now() - started < 5_000);
  }
});

test("a statement that takes too long is given up, and its connection with it", skip, async (t) => {
  const { database } = await createScratchDatabase(t);
  await assert.rejects(database.query("SELECT pg_sleep(60)"), /57014/);
  await database.query("SELECT");
  assert.equal(await metricOf('agent_pool_connections{pool="postgres",state="idle"}'), 1);
});

test("errors quote no value", skip, async (t) => {
  const { database } = await createScratchDatabase(t);
  const failing = [
    database.query("SELECT $1::integer", ["canary"]),
    database.query("INSERT INTO schema_versions VALUES (1, 'canary', '')"),
    database.query("DO $$ BEGIN RAISE EXCEPTION 'canary'; END $$"),
  ];
  for (const outcome of await Promise.allSettled(failing)) {
    const error: unknown = outcome.status === "rejected" ? outcome.reason : undefined;
    assert.ok(error instanceof StoreError);
    assert.doesNotMatch(inspect(error, { depth: 9, showHidden: true }), /canary/);
  }
});

test("a run on another replica is marked", skip, async (t) => {
  const { store } = storeOn(await createScratchDatabase(t));
  const [run, other] = [runOf(), runOf()];
  await store.saveRun(run, []);
  await store.saveRun(other, []);
  await store.requestCancel("b", run.id);
  assert.deepEqual(await store.cancelRequested([run.id, other.id]), []);
  await store.requestCancel("a", run.id);
  await store.saveRun({ ...run, steps: 1 }, []);
  assert.deepEqual(await store.cancelRequested([run.id, other.id]), [run.id]);
});

test("what is added to a session while it is erased is erased as well, or not kept", skip, async (t) => {
  const scratch = await createScratchDatabase(t);
  const { store } = storeOn(scratch);
  await store.saveRun(runOf(), []);
  const save = () => store.saveRun(runOf(), [{ id: 1, type: "run.started", data: {} }]);
  const add = () => store.addNote("a", "s", { createdAt: NOW, text: "n" });
  const append = () => store.appendToSession("a", "s", [{ role: "user", content: "m" }], NOW);
  const erase = () => store.eraseSession("a", "s", NOW);
  const work = Array.from({ length: 30 }, (_, index) =>
    index === 15 ? erase : ([save, add, append][index % 3] ?? save),
  );
  await Promise.all(work.map(async (each) => each()));
  const left =
    "SELECT (SELECT count(*) FROM runs) + (SELECT count(*) FROM run_events) AS runs, " +
    "(SELECT count(*) FROM notes) + (SELECT count(*) FROM session_messages) AS rest";
  assert.deepEqual(await scratch.database.query(left), [{ runs: "0", rest: "0" }]);
});

test("expired keys and spending of long ago are removed every hour", skip, async (t) => {
  const scratch = await createScratchDatabase(t);
  const { store, clock } = storeOn(scratch);
  const rows = async () => {
    const counts = "SELECT (SELECT count(*) FROM idempotency_keys) + (SELECT count(*) FROM spending) AS rows";
    return Number((await scratch.database.query<{ rows: string }>(counts))[0]?.rows);
  };
  for (const [key, expiresAt] of [
    ["old", NOW],
    ["new", NOW + 1e9],
  ] as const) {
    await store.claimKey("a", key, { bodyHash: "h", runId: key, now: NOW, expiresAt });
  }
  await store.spend(
    1,
    ["2024-11", "2024-11-26", "2024-11-28", "2025-01"].map((period) => {
      return { scope: "s", period, limitNanoDollars: 9 };
    }),
  );
  assert.equal(await rows(), 6);
  await clock.advance(3_600_000);
  await until(async () => (await rows()) === 3);
  await until(() => clock.timers() === 1);
  await store.close();
  assert.equal(clock.timers(), 0);
});

import assert from "node:assert/strict";
import { assertSound, type Entry, parseLog } from "./audit.ts";
import * as canaries from "./canaries.ts";
import { test } from "./contract.ts";
import { type Scene, scene, sceneFor } from "./scene.ts";
import { until } from "./waiting.ts";
import { databasesOf, type World } from "./world.ts";

const fresh = scene();
const query = ({ database = "" }: World, sql: string) => databasesOf().query(database, sql);

/** The table of the audit log, whatever it is called, with the column that holds the lines. */
async function auditTable(world: World): Promise<{ table: string; lines: () => Promise<Entry[]> }> {
  const found = await query(
    world,
    "SELECT table_name || ' ' || column_name FROM information_schema.columns WHERE table_schema = 'public' AND table_name LIKE '%audit%'",
  );
  for (const [table = "", column = ""] of found.split("\n").map((line) => line.split(" "))) {
    const rows = await query(world, `SELECT ${column} FROM ${table} LIMIT 1`);
    if (rows.startsWith("{")) {
      return { table, lines: async () => parseLog(await query(world, `SELECT ${column} FROM ${table}`)) };
    }
  }
  return assert.fail(`no table holds entries of the audit log: ${found}`);
}

test(
  "the audit log is a table: every entry, hashed, signed and linked",
  async () => {
    const { world, client, tenant } = await fresh();
    const runs = await Promise.all(Array.from({ length: 10 }, () => client.run("hello")));
    for (const run of runs) {
      run.run("completed");
    }
    const { lines } = await until("a first entry", () => auditTable(world).catch(() => undefined));
    await until("the entries", async () => {
      const mine = (await lines()).filter(({ event }) => event.tenant === tenant);
      return mine.length >= 20;
    });
    const entries = (await lines()).toSorted((a, b) => a.seq - b.seq);
    assertSound(entries, [world.folder.auditKey]);
    world.clean("the audit table", JSON.stringify(entries));
  },
  "postgres",
);

test(
  "the service may only insert into it",
  async () => {
    const { world, client } = await fresh();
    (await client.run("hello")).run("completed");
    const { table } = await until("a first entry", () => auditTable(world).catch(() => undefined));
    const columns = await query(
      world,
      `SELECT column_name FROM information_schema.columns WHERE table_name = '${table}'`,
    );
    const [column] = columns.split("\n");
    for (const sql of [
      `UPDATE ${table} SET ${column} = ${column}`,
      `DELETE FROM ${table}`,
      `TRUNCATE ${table}`,
      `DROP TABLE ${table}`,
      `ALTER TABLE ${table} DISABLE TRIGGER ALL`,
      "CREATE TABLE mine (x text)",
    ]) {
      const refusal = await databasesOf().refusal(world.database ?? "", sql);
      assert.match(refusal, /permission denied|must be owner|not permitted|never changed/i, sql);
    }
  },
  "postgres",
);

test(
  "migrating again, by several at once, changes nothing and harms nobody",
  async (t) => {
    const { world, client } = await sceneFor(t);
    const { id } = (await client.run("hello")).run("completed");
    const database = world.database ?? "";
    await Promise.all([1, 2, 3].map(() => databasesOf().migrate(database)));
    (await client.get(`/v1/runs/${id}`)).run("completed");
    (await client.run("hello")).run("completed");
  },
  "postgres",
);

test(
  "runs, sessions, keys and approvals are the same on every replica",
  async (t) => {
    const set = await sceneFor(t);
    const { world, client, model, tools } = set;
    const replica = await world.replica();
    t.after(() => replica.destroy());
    const other = client.at(replica.port);
    const keyed = { headers: { "idempotency-key": "a" } };
    const run = (await client.run({ input: "hello", session_id: "talk" }, keyed)).run("completed");
    assert.equal((await other.get(`/v1/runs/${run.id}`)).run("completed").output, run.output);
    const replayed = await other.run({ input: "hello", session_id: "talk" }, keyed);
    assert.equal(replayed.headers["idempotency-replayed"], "true");
    (await other.run({ input: "go on", session_id: "talk" })).run("completed");
    assert.ok(model.got.at(-1)?.turns.some(({ text }) => text === "hello"));
    model.reply({ calls: [tools.write("a note")] }, { text: "Noted." });
    const waiting = (await client.run("note it")).run("awaiting_approval");
    const decision = { approval_id: waiting.approvals?.[0]?.approval_id, decision: "approve" };
    const path = `/v1/runs/${waiting.id}`;
    const decided = await Promise.all([client, other].map((each) => each.post(`${path}/approvals`, decision)));
    assert.deepEqual(decided.map(({ status }) => status).toSorted(), [202, 409]);
    await until("the end of the run", async () => (await client.get(path)).run().status === "completed");
    assert.equal((await other.get(path)).run("completed").output, "Noted.");
    await other.delete("/v1/sessions/talk");
    (await client.run({ input: "hello", session_id: "talk" })).problem(410);
  },
  "postgres",
);

test(
  "a run survives a restart",
  async (t) => {
    const { world, client } = await sceneFor(t);
    const { id, output } = (await client.run({ input: "hello", session_id: "talk" })).run("completed");
    await world.service.end("SIGKILL");
    await world.restart();
    const again = client.at(world.service.port);
    assert.equal((await again.get(`/v1/runs/${id}`)).run("completed").output, output);
    assert.equal((await again.get("/v1/sessions/talk")).status, 200);
  },
  "postgres",
);

test(
  "what is said stands in the database encrypted",
  async () => {
    const set = await fresh();
    await sayAll(set);
    const dump = await databasesOf().dump(set.world.database ?? "");
    for (const word of [canaries.PROMPT, "walnut-out", "walnut-in"]) {
      const at = dump.indexOf(word);
      assert.equal(at, -1, dump.slice(Math.max(0, at - 200), at + 50));
    }
  },
  "postgres",
  "privacy",
);

async function sayAll({ client, model, tools }: Scene): Promise<void> {
  model.reply({ calls: [tools.write("walnut-in")] }, { text: "walnut-out" });
  const run = (await client.run("note it")).run("awaiting_approval");
  const decision = { approval_id: run.approvals?.[0]?.approval_id, decision: "approve" };
  assert.equal((await client.post(`/v1/runs/${run.id}/approvals`, decision)).status, 202);
  await until("the end of the run", async () => (await client.get(`/v1/runs/${run.id}`)).run().status === "completed");
}

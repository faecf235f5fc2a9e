import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Client } from "./client.ts";
import { smoke, test } from "./contract.ts";
import { scene } from "./scene.ts";
import { until } from "./waiting.ts";
import { databasesOf, type World } from "./world.ts";

const fresh = scene();
const SECRET = "walnut-8731";

smoke("a session is a conversation over several runs", async () => {
  const { client, model } = await fresh();
  model.reply({ text: "Noted." });
  (await client.run({ input: `the word is ${SECRET}`, session_id: "talk" })).run("completed");
  (await client.run({ input: "what is the word?", session_id: "talk" })).run("completed");
  const turns = model.got[1]?.turns.filter(({ role }) => role !== "system");
  assert.deepEqual(turns, [
    { role: "user", text: `the word is ${SECRET}` },
    { role: "assistant", text: "Noted." },
    { role: "user", text: "what is the word?" },
  ]);
});

smoke("a run without a session gets one of its own", async () => {
  const { client, model } = await fresh();
  const [first, second] = [await client.stream("one"), await client.stream("two")];
  const sessions = [await first.upTo("run.started"), await second.upTo("run.started")];
  await Promise.all([first.rest(), second.rest()]);
  const [one, two] = sessions.map(({ data }) => data["session_id"]);
  assert.equal(typeof one, "string");
  assert.notEqual(one, two);
  assert.equal((await client.get(`/v1/sessions/${one}`)).status, 200);
  (await client.run({ input: "and now?", session_id: one })).run("completed");
  assert.ok(JSON.stringify(model.got.at(-1)?.turns).includes("one"));
});

smoke("an unknown session is 404", async () => {
  const { client } = await fresh();
  (await client.get("/v1/sessions/nobody")).problem(404);
  (await client.delete("/v1/sessions/nobody")).problem(404);
});

test("what tools were called stays in the conversation", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.calculate("40 + 2")] }, { text: "It is so." });
  (await client.run({ input: "compute", session_id: "talk" })).run("completed");
  (await client.run({ input: "what was it?", session_id: "talk" })).run("completed");
  const before = model.got.at(-1)?.turns ?? [];
  assert.ok(
    before.some(({ role, text }) => role === "tool" && /\b42\b/.test(text)),
    JSON.stringify(before),
  );
});

smoke("an erased session is 410 to a later run", async () => {
  const { client, model } = await fresh();
  (await client.run({ input: "hello", session_id: "gone" })).run("completed");
  const { status } = await client.delete("/v1/sessions/gone");
  assert.ok(status >= 200 && status < 300, String(status));
  (await client.run({ input: "hello again", session_id: "gone" })).problem(410);
  assert.equal(model.got.length, 1);
});

test("nothing that was said in an erased session is told by any route", async () => {
  const { client, model } = await fresh();
  model.reply({ text: `You said ${SECRET}.` });
  const body = { input: `the word is ${SECRET}`, session_id: "gone" };
  const run = (await client.run(body, { headers: { "idempotency-key": "k" } })).run("completed");
  await client.delete("/v1/sessions/gone");
  const told = await Promise.all([
    client.get("/v1/sessions/gone"),
    client.get(`/v1/runs/${run.id}`),
    client.get(`/v1/runs/${run.id}/events`),
    client.run(body, { headers: { "idempotency-key": "k" } }),
  ]);
  for (const { text, status } of told) {
    assert.ok(!text.includes(SECRET), text);
    assert.ok(status < 500, String(status));
  }
});

test("nothing that was said in an erased session is left on any disk", async () => {
  const { world, client, model, tools } = await fresh();
  const said = async () => (await stored(world)).filter(({ text }) => text.includes("chestnut-4417"));
  model.reply({ calls: [tools.write("chestnut-4417")] }, { text: "You said chestnut-4417." });
  const body = { input: "the word is chestnut-4417", session_id: "gone" };
  const run = (await client.run(body, { headers: { "idempotency-key": "k" } })).run("awaiting_approval");
  await approve(client, run.id, run.approvals?.[0]?.approval_id);
  await client.delete("/v1/sessions/gone");
  assert.deepEqual(
    (await said()).map(({ place }) => place),
    [],
  );
});

test("an erasure is one entry of the audit log", async () => {
  const { world, client, tenant } = await fresh();
  (await client.run({ input: "hello", session_id: "for-the-record" })).run("completed");
  await client.delete("/v1/sessions/for-the-record");
  const entries = async () =>
    (await stored(world)).flatMap(({ text }) =>
      text.split("\n").filter((line) => line.includes("for-the-record") && line.includes("erase")),
    );
  const [entry = ""] = await until("the tombstone", async () => {
    const found = await entries();
    return found.length > 0 && found;
  });
  assert.ok(entry.includes(tenant), entry);
});

test("a run in a session that is being erased is whole or gone, never half", async () => {
  const { client, model } = await fresh();
  model.reply({}, { afterMs: 500 });
  (await client.run({ input: "hello", session_id: "race" })).run("completed");
  const running = client.run({ input: "go on", session_id: "race" });
  await until("the call of the model", () => model.got.length === 2);
  await client.delete("/v1/sessions/race");
  const { status } = await running;
  assert.ok(status < 500, String(status));
  (await client.run({ input: "hello", session_id: "race" })).problem(410);
});

async function approve(client: Client, run: string, approval: unknown): Promise<void> {
  const answer = await client.post(`/v1/runs/${run}/approvals`, { approval_id: approval, decision: "approve" });
  assert.equal(answer.status, 202, answer.text);
  await until("the end of the run", async () => (await client.get(`/v1/runs/${run}`)).run().status === "completed");
}

/** All that the service has kept: its files, and its database. */
async function stored(world: World): Promise<{ place: string; text: string }[]> {
  const { state } = world.folder;
  const files = readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((place) => ({ place, text: readFileSync(place, "utf8") }));
  const { database } = world;
  return database === undefined
    ? files
    : [...files, { place: "the database", text: await databasesOf().dump(database) }];
}

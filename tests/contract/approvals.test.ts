import assert from "node:assert/strict";
import type { Client, Run } from "./client.ts";
import { smoke, test } from "./contract.ts";
import { type Scene, scene, sceneFor } from "./scene.ts";
import { sleep, until } from "./waiting.ts";

const fresh = scene();

smoke("a risky call waits: the run answers with what is to be approved", async () => {
  const { client, model, tools } = await fresh();
  const call = tools.write("buy milk");
  model.reply({ calls: [call] });
  const before = Date.now();
  const run = (await client.run("note it")).run("awaiting_approval");
  assert.equal(run.approvals?.length, 1);
  const [approval] = run.approvals ?? [];
  assert.equal(approval?.tool, call.tool);
  assert.deepEqual(approval?.arguments, call.arguments);
  const expires = Date.parse(String(approval?.expires_at)) - before;
  assert.ok(expires > 890_000 && expires < 920_000, approval?.expires_at);
  assert.equal(model.got.length, 1);
  const found = (await client.get(`/v1/runs/${run.id}`)).run("awaiting_approval");
  assert.deepEqual(found.approvals, run.approvals);
});

smoke("an approved call is made, and the run goes on to its end", async () => {
  const set = await fresh();
  const { client, model } = set;
  const run = await waiting(set);
  const answer = await decide(client, run, "approve");
  assert.equal(answer.status, 202);
  const done = await ended(client, run);
  assert.equal(done.status, "completed");
  assert.equal(done.output, "After the decision.");
  assert.equal(done.approvals?.length ?? 0, 0);
  assert.equal(model.got.length, 2);
});

test("nobody is asked about a call that cannot be made: the model learns what is wrong with it", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [{ ...tools.write("buy milk"), arguments: {} }] }, { text: "I see." });
  assert.equal((await client.run("note it")).run("completed").output, "I see.");
  const result = model.got[1]?.turns.find(({ role }) => role === "tool")?.text ?? "";
  assert.match(result, /argument/i);
});

smoke("a denied call is not made, and the model learns of it", async () => {
  const set = await fresh();
  const { client, model } = set;
  const run = await waiting(set);
  assert.equal((await decide(client, run, "deny")).status, 202);
  assert.equal((await ended(client, run)).status, "completed");
  const result = model.got[1]?.turns.find(({ role }) => role === "tool")?.text ?? "";
  assert.match(result, /den|refus|reject|not allowed|disallow/i);
});

test("a stream ends after approval.required; /events follows the run afterwards", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.write("buy milk")] }, { text: "After the decision." });
  const events = await (await client.stream("note it")).rest();
  const last = events.at(-1);
  assert.equal(last?.event, "approval.required");
  assert.equal(typeof last?.data["approval_id"], "string");
  assert.equal(typeof last?.data["expires_at"], "string");
  const id = events[0]?.data["id"];
  const path = `/v1/runs/${id}`;
  const decision = { approval_id: last?.data["approval_id"], decision: "approve" };
  assert.equal((await client.post(`${path}/approvals`, decision)).status, 202);
  const headers = { "last-event-id": String(last?.id) };
  const rest = await until("the end of the run", async () => {
    const following = await (await client.events(`${path}/events`, { headers })).rest();
    return following.at(-1)?.event === "run.finished" && following;
  });
  assert.ok(rest.some(({ event }) => event === "tool.finished"));
  assert.equal(rest.at(-1)?.data["status"], "completed");
});

test("no disconnect cancels a run that waits", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.write("buy milk")] }, { text: "After the decision." });
  const stream = await client.stream("note it");
  const { id } = (await stream.upTo("run.started")).data;
  await stream.upTo("approval.required");
  stream.leave();
  await sleep(500);
  const run = (await client.get(`/v1/runs/${id}`)).run("awaiting_approval");
  assert.equal((await decide(client, run, "approve")).status, 202);
  assert.equal((await ended(client, run)).status, "completed");
});

smoke("a decision counts once: afterwards it is 409", async () => {
  const set = await fresh();
  const run = await waiting(set);
  assert.equal((await decide(set.client, run, "approve")).status, 202);
  (await decide(set.client, run, "approve")).problem(409);
  (await decide(set.client, run, "deny")).problem(409);
  await ended(set.client, run);
  (await decide(set.client, run, "deny")).problem(409);
});

test("of many decisions at once one counts", async () => {
  const set = await fresh();
  const run = await waiting(set);
  const answers = await Promise.all(Array.from({ length: 12 }, () => decide(set.client, run, "approve")));
  const statuses = answers.map(({ status }) => status).toSorted();
  assert.deepEqual(statuses, [202, ...Array.from({ length: 11 }, () => 409)]);
  await ended(set.client, run);
  assert.equal(set.model.got.length, 2);
});

smoke("an unknown approval is 404, and a decision that is none 422", async () => {
  const set = await fresh();
  const run = await waiting(set);
  const path = `/v1/runs/${run.id}/approvals`;
  (await set.client.post(path, { approval_id: "nothing", decision: "approve" })).problem(404);
  const approval_id = run.approvals?.[0]?.approval_id;
  (await set.client.post(path, { approval_id, decision: "maybe" })).problem(422);
  (await set.client.post(path, { decision: "approve" })).problem(422);
  (await set.client.get(`/v1/runs/${run.id}`)).run("awaiting_approval");
});

test("an approval of one run is unknown to another", async () => {
  const set = await fresh();
  const [one, two] = [await waiting(set), await waiting(set)];
  const decision = { approval_id: one.approvals?.[0]?.approval_id, decision: "approve" };
  (await set.client.post(`/v1/runs/${two.id}/approvals`, decision)).problem(404);
});

test("an approval is bound to its arguments: other arguments need another one", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.write("buy milk")] }, { calls: [tools.write("buy a boat")] }, { text: "Both noted." });
  const run = (await client.run("note it")).run("awaiting_approval");
  await decide(client, run, "approve");
  const next = await until("the second approval", async () => {
    const found = (await client.get(`/v1/runs/${run.id}`)).run();
    return (
      found.status === "awaiting_approval" &&
      found.approvals?.[0]?.approval_id !== run.approvals?.[0]?.approval_id &&
      found
    );
  });
  assert.deepEqual(next.approvals?.[0]?.arguments, tools.write("buy a boat").arguments);
  (await decide(client, run, "approve")).problem(409);
  assert.equal((await decide(client, next, "approve")).status, 202);
  assert.equal((await ended(client, run)).output, "Both noted.");
});

test("an expired approval is 409, and its call is never made", async (t) => {
  const set = await sceneFor(t, { env: { APPROVAL_TTL_MS: "500" } });
  const run = await waiting(set);
  await sleep(800);
  (await decide(set.client, run, "approve")).problem(409);
  await sleep(300);
  assert.equal(set.model.got.length, 1);
});

test(
  "an approval survives a restart where a database is",
  async (t) => {
    const set = await sceneFor(t);
    const run = await waiting(set);
    assert.deepEqual(await set.world.service.end(), { code: 0, signal: null });
    await set.world.restart();
    const client = set.client.at(set.world.service.port);
    const found = (await client.get(`/v1/runs/${run.id}`)).run("awaiting_approval");
    assert.deepEqual(found.approvals, run.approvals);
    assert.equal((await decide(client, run, "approve")).status, 202);
    assert.equal((await ended(client, run)).status, "completed");
    (await decide(client, run, "approve")).problem(409);
  },
  "postgres",
);

test("decisions are counted by a metric", async () => {
  const set = await fresh();
  const count = (decision: string) => set.world.metric("agent_approvals_total", { decision });
  const before = await count("deny");
  const run = await waiting(set);
  await decide(set.client, run, "deny");
  await ended(set.client, run);
  assert.equal((await count("deny")) - before, 1);
});

/** A run that waits for an approval, and ends after it. */
async function waiting({ client, model, tools }: Scene): Promise<Run> {
  model.reply({ calls: [tools.write("buy milk")] });
  const run = (await client.run("note it")).run("awaiting_approval");
  model.always({ text: "After the decision." });
  return run;
}

function decide(client: Client, run: Run, decision: "approve" | "deny") {
  return client.post(`/v1/runs/${run.id}/approvals`, { approval_id: run.approvals?.[0]?.approval_id, decision });
}

/** The run once it has ended. */
function ended(client: Client, { id }: Run): Promise<Run> {
  return until("the end of the run", async () => {
    const run = (await client.get(`/v1/runs/${id}`)).run();
    return !["running", "awaiting_approval"].includes(run.status) && run;
  });
}

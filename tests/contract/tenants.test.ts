import assert from "node:assert/strict";
import { Client } from "./client.ts";
import { smoke, test } from "./contract.ts";
import { scene } from "./scene.ts";

const fresh = scene();

smoke("an API key opens, anything else is 401", async () => {
  const { world, client } = await fresh();
  (await client.run("hello")).run("completed");
  const wrong = ["", "Bearer", "Bearer wrong", `Basic ${client.headers["authorization"]}`];
  for (const authorization of wrong) {
    const answer = await new Client(world.service.port, { authorization }).run("hello");
    answer.problem(401);
    assert.match(String(answer.headers["www-authenticate"]), /^Bearer\b/);
  }
});

smoke("every route of the API asks who is there", async () => {
  const { world } = await fresh();
  const nobody = new Client(world.service.port);
  const id = "00000000-0000-4000-8000-000000000000";
  (await nobody.run("hello")).problem(401);
  (await nobody.get(`/v1/runs/${id}`)).problem(401);
  (await nobody.get(`/v1/runs/${id}/events`)).problem(401);
  (await nobody.delete(`/v1/runs/${id}`)).problem(401);
  (await nobody.post(`/v1/runs/${id}/approvals`, { approval_id: "a", decision: "approve" })).problem(401);
  (await nobody.get(`/v1/sessions/${id}`)).problem(401);
  (await nobody.delete(`/v1/sessions/${id}`)).problem(401);
});

smoke("a run is not there for another tenant", async () => {
  const { world, client, model, tools } = await fresh();
  model.reply({ calls: [tools.write("mine")] });
  const { id, approvals } = (await client.run("write it down")).run("awaiting_approval");
  const other = world.client();
  (await other.get(`/v1/runs/${id}`)).problem(404);
  (await other.get(`/v1/runs/${id}/events`)).problem(404);
  const decision = { approval_id: approvals?.[0]?.approval_id, decision: "approve" };
  (await other.post(`/v1/runs/${id}/approvals`, decision)).problem(404);
  (await other.delete(`/v1/runs/${id}`)).problem(404);
  (await client.get(`/v1/runs/${id}`)).run("awaiting_approval");
});

smoke("a session is not there for another tenant", async () => {
  const { world, client } = await fresh();
  (await client.run({ input: "hello", session_id: "mine-alone" })).run("completed");
  assert.equal((await client.get("/v1/sessions/mine-alone")).status, 200);
  const other = world.client();
  (await other.get("/v1/sessions/mine-alone")).problem(404);
  (await other.delete("/v1/sessions/mine-alone")).problem(404);
  assert.equal((await client.get("/v1/sessions/mine-alone")).status, 200);
});

test("an idempotency key is another one for another tenant", async () => {
  const { world, client, model } = await fresh();
  const options = { headers: { "idempotency-key": "the-same" } };
  const mine = (await client.run({ input: "mine" }, options)).run("completed");
  const theirs = await world.client().run({ input: "theirs" }, options);
  assert.notEqual(theirs.run("completed").id, mine.id);
  assert.equal(theirs.headers["idempotency-replayed"], undefined);
  assert.equal(model.got.length, 2);
});

test("what one tenant said is never part of another's conversation", async () => {
  const { world, client, model } = await fresh();
  (await client.run({ input: "the word is walnut", session_id: "shared-name" })).run("completed");
  await world.client().run({ input: "what is the word?", session_id: "shared-name" });
  const last = JSON.stringify(model.got.at(-1)?.turns ?? []);
  assert.ok(model.got.length === 1 || !last.includes("walnut"), last);
});

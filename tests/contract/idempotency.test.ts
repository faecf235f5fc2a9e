import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import { scene, sceneFor } from "./scene.ts";
import { sleep, until } from "./waiting.ts";

const fresh = scene({ env: { RETRY_MAX_ATTEMPTS: "1" } });
const keyed = (key: string) => ({ headers: { "idempotency-key": key } });

smoke("the same key and body get the stored answer", async () => {
  const { client, model } = await fresh();
  const body = { input: "once", session_id: "s" };
  const first = await client.run(body, keyed("a"));
  const second = await client.run(body, keyed("a"));
  assert.equal(first.headers["idempotency-replayed"], undefined);
  assert.equal(second.headers["idempotency-replayed"], "true");
  assert.deepEqual(second.run("completed"), first.run("completed"));
  assert.equal(second.headers["location"], first.headers["location"]);
  assert.equal(model.got.length, 1);
});

smoke("another body with the same key is 422", async () => {
  const { client, model } = await fresh();
  (await client.run({ input: "once" }, keyed("a"))).run("completed");
  (await client.run({ input: "twice" }, keyed("a"))).problem(422);
  assert.equal(model.got.length, 1);
});

smoke("another key is another run", async () => {
  const { client, model } = await fresh();
  const first = (await client.run({ input: "once" }, keyed("a"))).run("completed");
  const second = (await client.run({ input: "once" }, keyed("b"))).run("completed");
  assert.notEqual(second.id, first.id);
  assert.equal(model.got.length, 2);
});

smoke("a key in flight is 409 and names the run", async () => {
  const { client, model } = await fresh();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.reply({ gate });
  const first = client.run({ input: "once" }, keyed("a"));
  await until("the call of the model", () => model.got.length === 1);
  const problem = (await client.run({ input: "once" }, keyed("a"))).problem(409);
  open();
  assert.equal(problem.run_id, (await first).run("completed").id);
  assert.equal(model.got.length, 1);
});

test("of many requests at once with one key, one runs", async () => {
  const { client, model } = await fresh();
  model.always({ afterMs: 200 });
  const answers = await Promise.all(Array.from({ length: 20 }, () => client.run({ input: "once" }, keyed("a"))));
  const ran = answers.filter(({ status }) => status === 200);
  assert.ok(ran.length >= 1);
  assert.ok(answers.every(({ status }) => status === 200 || status === 409));
  assert.equal(new Set(ran.map((answer) => answer.run().id)).size, 1);
  assert.equal(model.got.length, 1);
});

test("a stream is replayed as its events", async () => {
  const { client, model } = await fresh();
  model.reply({ text: "One two three." });
  const body = { input: "count" };
  const live = await (await client.stream(body, keyed("a"))).rest();
  const replay = await client.stream(body, keyed("a"));
  assert.equal(replay.headers["idempotency-replayed"], "true");
  assert.deepEqual(await replay.rest(), live);
  assert.equal(model.got.length, 1);
});

for (const status of [429, 500, 503]) {
  test(`an answer to the model's ${status} is not stored`, async () => {
    const { client, model } = await fresh();
    model.reply({ status });
    const failed = await client.run({ input: "once" }, keyed("a"));
    failed.problem(status === 429 ? 503 : 502);
    const again = await client.run({ input: "once" }, keyed("a"));
    again.run("completed");
    assert.equal(again.headers["idempotency-replayed"], undefined);
    assert.equal(model.got.length, 2);
  });
}

test("a 429 of our own is not stored", async (t) => {
  const { client, model } = await sceneFor(t, { env: { TENANT_CONCURRENCY: "1" }, state: "memory" });
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.reply({ gate });
  const first = client.run("hello");
  await until("the call of the model", () => model.got.length === 1);
  (await client.run({ input: "once" }, keyed("a"))).problem(429);
  open();
  (await first).run("completed");
  (await client.run({ input: "once" }, keyed("a"))).run("completed");
});

test("a run that awaits approval is replayed as it stands now", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.write("a note")] });
  const body = { input: "write it down" };
  const first = (await client.run(body, keyed("a"))).run("awaiting_approval");
  const waiting = await client.run(body, keyed("a"));
  assert.deepEqual(waiting.run("awaiting_approval").approvals, first.approvals);
  const decision = { approval_id: first.approvals?.[0]?.approval_id, decision: "approve" };
  assert.equal((await client.post(`/v1/runs/${first.id}/approvals`, decision)).status, 202);
  await until(
    "the end of the run",
    async () => (await client.get(`/v1/runs/${first.id}`)).run().status === "completed",
  );
  const after = await client.run(body, keyed("a"));
  assert.equal(after.headers["idempotency-replayed"], "true");
  assert.equal(after.run("completed").id, first.id);
});

test("with a key a client may hang up: the run goes on, and its answer is there to be replayed", async () => {
  const { client, model } = await fresh();
  model.reply({ afterMs: 800, text: "Done." });
  const hangUp = new AbortController();
  const lost = client.run({ input: "once" }, { ...keyed("a"), signal: hangUp.signal });
  await until("the call of the model", () => model.got.length === 1);
  hangUp.abort();
  await assert.rejects(lost);
  await sleep(1_200);
  assert.equal(model.got[0]?.hungUpAt, undefined);
  const replayed = await client.run({ input: "once" }, keyed("a"));
  assert.equal(replayed.headers["idempotency-replayed"], "true");
  assert.equal(replayed.run("completed").output, "Done.");
  assert.equal(model.got.length, 1);
});

test("an in-flight key expires after RUN_DEADLINE", async (t) => {
  const { world, client, model } = await sceneFor(t, { env: { RUN_DEADLINE_MS: "2000" } });
  model.reply({ fault: "hang" });
  const hanging = client.run({ input: "once" }, keyed("a")).catch(() => undefined);
  await until("the call of the model", () => model.got.length === 1);
  // The process dies with the key in flight; what it knew is gone, or in the database.
  await world.service.end("SIGKILL");
  await hanging;
  await world.restart();
  const again = client.at(world.service.port);
  await until("the key is free", async () => (await again.run({ input: "once" }, keyed("a"))).status === 200, 6_000);
  assert.equal(model.got.length, 2);
});

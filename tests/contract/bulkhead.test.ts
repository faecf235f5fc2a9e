import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import { scene } from "./scene.ts";
import { sleep, until } from "./waiting.ts";

const fresh = scene({ state: "memory", env: { BULKHEAD_MAX: "2", BULKHEAD_QUEUE: "3", RETRY_MAX_ATTEMPTS: "1" } });

smoke("MAX calls at once, QUEUE waiting, and the rest 503 with Retry-After", async () => {
  const { client, model } = await fresh();
  model.always({ afterMs: 500 });
  const answers = await Promise.all(Array.from({ length: 12 }, () => client.run("hello")));
  const refused = answers.filter(({ status }) => status !== 200);
  assert.equal(answers.length - refused.length, 5);
  for (const answer of refused) {
    answer.problem(503);
    assert.ok(answer.retryAfter() >= 1);
  }
  assert.equal(model.got.length, 5);
  assert.equal(model.mostInFlight, 2);
});

test("waiters are served in order", async () => {
  const { client, model } = await fresh();
  model.always({ afterMs: 300 });
  const runs: Promise<unknown>[] = [];
  for (let index = 0; index < 5; index++) {
    runs.push(client.run({ input: `number ${index}` }).then((answer) => answer.run("completed")));
    await sleep(40);
  }
  await Promise.all(runs);
  const order = model.got.map(({ turns }) => Number(turns.at(-1)?.text.match(/\d+/)?.[0]));
  assert.deepEqual(order, [0, 1, 2, 3, 4]);
});

test("a waiter whose caller leaves gives its place back at once", async () => {
  const { client, model } = await fresh();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.always({ gate });
  const running = [client.run("hello"), client.run("hello")];
  await until("the running ones", () => model.got.length === 2);
  const hangUp = new AbortController();
  const leaving = Array.from({ length: 3 }, () => client.run("hello", { signal: hangUp.signal }));
  await sleep(200);
  (await client.run("too many")).problem(503);
  hangUp.abort();
  await Promise.allSettled(leaving);
  await sleep(300);
  const waiting = Array.from({ length: 3 }, () => client.run("hello"));
  await sleep(200);
  open();
  for (const answer of await Promise.all([...running, ...waiting])) {
    answer.run("completed");
  }
  assert.equal(model.got.length, 5);
});

test("its load and its refusals are metrics", async () => {
  const { world, client, model } = await fresh();
  const rejected = await world.metric("agent_bulkhead_rejected_total");
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.always({ gate });
  const runs = Array.from({ length: 8 }, () => client.run("hello"));
  await until("the calls", () => model.got.length === 2);
  await until("the queue", async () => (await world.metric("agent_bulkhead_queued")) === 3);
  assert.equal(await world.metric("agent_bulkhead_in_flight"), 2);
  open();
  await Promise.all(runs);
  assert.equal((await world.metric("agent_bulkhead_rejected_total")) - rejected, 3);
  assert.equal(await world.metric("agent_bulkhead_in_flight"), 0);
});

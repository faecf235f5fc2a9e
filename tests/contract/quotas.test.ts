import assert from "node:assert/strict";
import type { Client } from "./client.ts";
import { smoke, test } from "./contract.ts";
import { type Scene, sceneFor } from "./scene.ts";
import { until } from "./waiting.ts";

smoke("TENANT_REQUESTS_PER_MINUTE: the rest is 429 with Retry-After, and others are not touched", async (t) => {
  const { world, client, model } = await sceneFor(t, { env: { TENANT_REQUESTS_PER_MINUTE: "10" } });
  const answers = [];
  for (let request = 0; request < 16; request++) {
    answers.push(await client.run("hello"));
  }
  const refused = answers.filter(({ status }) => status !== 200);
  assert.ok(refused.length >= 5 && refused.length <= 6, `${refused.length} of 16 were refused`);
  for (const answer of refused) {
    answer.problem(429);
    assert.ok(answer.retryAfter() >= 1 && answer.retryAfter() <= 60);
  }
  assert.equal(model.got.length, 16 - refused.length);
  (await world.client().run("hello")).run("completed");
  assert.equal(await world.metric("agent_rate_limited_total"), refused.length);
});

smoke("TENANT_CONCURRENCY: the rest is 429 with Retry-After, and others are not touched", async (t) => {
  const { world, client, model } = await sceneFor(t, { env: { TENANT_CONCURRENCY: "3" } });
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.always({ gate });
  const runs = Array.from({ length: 3 }, () => client.run("hello"));
  await until("the calls of the model", () => model.got.length === 3);
  const refused = await client.run("hello");
  refused.problem(429);
  assert.ok(refused.retryAfter() >= 1);
  const other = world.client().run("hello");
  await until("the other tenant's call", () => model.got.length === 4);
  open();
  for (const answer of await Promise.all([...runs, other])) {
    answer.run("completed");
  }
  (await client.run("hello")).run("completed");
});

test("TENANT_DAILY_COST_USD: a spent budget is 429 with Retry-After, for that tenant alone", async (t) => {
  const set = await sceneFor(t, { env: { TENANT_DAILY_COST_USD: "0.60" } });
  const spent = await spendAll(set, set.client);
  assert.ok(spent > 0.1 && spent <= 0.6, `${spent} spent`);
  (await set.world.client().run("hello")).run("completed");
});

test("MONTHLY_COST_USD: a spent budget is 429 with Retry-After, for every tenant", async (t) => {
  const set = await sceneFor(t, { env: { MONTHLY_COST_USD: "0.60" } });
  const spent = await spendAll(set, set.client);
  assert.ok(spent > 0.1 && spent <= 0.6, `${spent} spent`);
  (await set.world.client().run("hello")).problem(429);
});

test("many runs at once do not spend more than there is", async (t) => {
  const { client, model } = await sceneFor(t, { env: { TENANT_DAILY_COST_USD: "0.60", BULKHEAD_MAX: "100" } });
  model.otherwise = ({ maxTokens }) => ({ usage: { input: 100, output: maxTokens }, afterMs: 100 });
  const answers = await Promise.all(Array.from({ length: 60 }, () => client.run("hello")));
  const ran = answers.filter(({ status }) => status === 200);
  const spent = ran.reduce((sum, answer) => sum + answer.run().usage.cost_usd, 0);
  assert.ok(ran.length > 0 && spent <= 0.6, `${ran.length} runs spent ${spent}`);
  for (const answer of answers.filter(({ status }) => status !== 200)) {
    answer.problem(429);
  }
});

test("what is left of a budget is a metric", async (t) => {
  const { world, client, model } = await sceneFor(t, { env: { MONTHLY_COST_USD: "0.60" } });
  model.always({ usage: { input: 20_000, output: 1_000 } });
  (await client.run("hello")).run("completed");
  const samples = (await world.metrics())
    .split("\n")
    .filter((line) => line.startsWith("agent_budget_remaining_ratio{"));
  const ratios = samples.map((line) => Number(line.slice(line.lastIndexOf(" ") + 1)));
  assert.ok(ratios.length > 0 && ratios.every((ratio) => ratio >= 0 && ratio <= 1), samples.join());
  assert.ok(Math.min(...ratios) < 0.9, samples.join());
});

test(
  "rate limits are shared by replicas, and not by others on the same Redis",
  async (t) => {
    const { world, client, model } = await sceneFor(t, { env: { TENANT_REQUESTS_PER_MINUTE: "10" } });
    const replica = await world.replica();
    t.after(() => replica.destroy());
    const other = client.at(replica.port);
    for (let request = 0; request < 10; request++) {
      await (request % 2 === 0 ? client : other).run("hello");
    }
    assert.equal(model.got.length, 10);
    (await client.run("hello")).problem(429);
    (await other.run("hello")).problem(429);
    assert.deepEqual(await replica.end(), { code: 0, signal: null });
    for (const env of [{ SERVICE_NAME: "stranger" }, { ENVIRONMENT: "staging" }]) {
      const stranger = await world.replica(env);
      t.after(() => stranger.destroy());
      (await client.at(stranger.port).run("hello")).run("completed");
    }
  },
  "redis",
);

/** Runs until the tenant is refused, and returns what that cost in dollars. */
async function spendAll({ model }: Scene, client: Client): Promise<number> {
  model.otherwise = ({ maxTokens }) => ({ usage: { input: 1_000, output: Math.min(2_000, maxTokens) } });
  let spent = 0;
  for (let request = 0; request < 100; request++) {
    const answer = await client.run("hello");
    if (answer.status !== 200) {
      answer.problem(429);
      assert.ok(answer.retryAfter() >= 1);
      return spent;
    }
    spent += answer.run("completed").usage.cost_usd;
  }
  return assert.fail(`100 runs spent ${spent}`);
}

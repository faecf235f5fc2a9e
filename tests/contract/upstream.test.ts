import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import type { Reply } from "./fake-model.ts";
import { scene, sceneFor } from "./scene.ts";
import { timed, until } from "./waiting.ts";

const fresh = scene({ env: { RETRY_CAP_MS: "2000", MODEL_ATTEMPT_TIMEOUT_MS: "400" } });

const PASSING: [what: string, reply: Reply][] = [
  ["408", { status: 408 }],
  ["425", { status: 425 }],
  ["429", { status: 429 }],
  ["500", { status: 500 }],
  ["502", { status: 502 }],
  ["503", { status: 503 }],
  ["504", { status: 504 }],
  ["a timeout", { fault: "hang" }],
  ["a refused connection", { fault: "refuse" }],
  ["a reset within the body", { fault: "reset" }],
  ["a truncated body", { fault: "truncate" }],
  ["a body that stalls", { fault: "stall" }],
];

for (const [what, reply] of PASSING) {
  smoke(`after ${what} the model is asked again`, async () => {
    const { client, model } = await fresh();
    model.reply(reply, { text: "At last." });
    assert.equal((await client.run("hello")).run("completed").output, "At last.");
    assert.equal(model.got.length, 2);
  });
}

for (const status of [400, 403, 404, 409, 422, 501]) {
  test(`after ${status} the model is not asked again, and the client gets 502`, async () => {
    const { client, model } = await fresh();
    model.always({ status });
    (await client.run("hello")).problem(502);
    assert.equal(model.got.length, 1);
  });
}

smoke("RETRY_MAX_ATTEMPTS calls are made at most", async () => {
  const { client, model } = await fresh();
  model.always({ status: 500 });
  (await client.run("hello")).problem(502);
  assert.equal(model.got.length, 3);
});

test("an attempt's timeout in the end is 502", async () => {
  const { client, model } = await fresh();
  model.always({ fault: "hang" });
  const { ms, value } = await timed(() => client.run("hello"));
  value.problem(502);
  assert.equal(model.got.length, 3);
  assert.ok(ms >= 1_200 && ms < 5_000, `${ms} ms`);
});

test("a connection that nobody takes is 502", async (t) => {
  const { client, model } = await sceneFor(t, { state: "memory" });
  await model.stop();
  (await client.run("hello")).problem(502);
});

for (const fault of ["malformed", "truncate", "reset", "refuse"] as const) {
  test(`a model that always answers with ${fault} is 502, streamed or not`, async () => {
    const { client, model } = await fresh();
    model.always({ fault });
    (await client.run("hello")).problem(502);
    const events = await (await client.stream("hello")).rest();
    assert.equal(events.at(-1)?.event, "run.failed");
    assert.equal(events.at(-1)?.data["status"], 502);
  });
}

smoke("Retry-After in seconds is a floor", async () => {
  const { client, model } = await fresh();
  model.reply({ status: 503, retryAfter: "1" }, {});
  (await client.run("hello")).run("completed");
  const [first, second] = model.got;
  const waited = (second?.at ?? 0) - (first?.at ?? 0);
  assert.ok(waited >= 990 && waited < 1_800, `${waited} ms`);
});

test("Retry-After as a date is a floor", async () => {
  const { client, model } = await fresh();
  // A date has whole seconds: the one at least a second ahead.
  const date = new Date(Math.ceil(Date.now() / 1_000) * 1_000 + 1_000);
  model.reply({ status: 429, retryAfter: date.toUTCString() }, {});
  (await client.run("hello")).run("completed");
  const asked = performance.timeOrigin + (model.got[1]?.at ?? 0);
  assert.ok(asked >= date.getTime() - 20, `${date.getTime() - asked} ms too early`);
});

smoke("a wait above RETRY_CAP is not begun: 429 becomes 503 with Retry-After at once", async () => {
  const { client, model } = await fresh();
  model.always({ status: 429, retryAfter: "60" });
  const { ms, value } = await timed(() => client.run("hello"));
  value.problem(503);
  assert.ok(value.retryAfter() >= 1);
  assert.ok(ms < 1_000, `${ms} ms`);
  assert.equal(model.got.length, 1);
});

test("429 to the end is 503 with Retry-After", async () => {
  const { client, model } = await fresh();
  model.always({ status: 429 });
  const answer = await client.run("hello");
  answer.problem(503);
  assert.ok(answer.retryAfter() >= 1);
  assert.equal(model.got.length, 3);
});

test("a wait that would outlast the deadline is not begun", async (t) => {
  const { client, model } = await sceneFor(t, { state: "memory", env: { RUN_DEADLINE_MS: "1500" } });
  model.always({ status: 503, retryAfter: "3" });
  const { ms, value } = await timed(() => client.run("hello"));
  assert.ok(value.status >= 502 && value.status <= 504, String(value.status));
  assert.ok(ms < 1_000, `${ms} ms`);
  assert.equal(model.got.length, 1);
});

smoke("with the model dead, calls stay under 1.2 times the requests once the budget is spent", async (t) => {
  const env = { RETRY_BUDGET: "10", RETRY_BASE_MS: "1", RETRY_CAP_MS: "5" };
  const { client, model } = await sceneFor(t, { state: "memory", env });
  model.always({ status: 500 });
  for (let request = 0; request < 10; request++) {
    (await client.run("hello")).problem(502);
  }
  const before = model.got.length;
  const requests = 100;
  await Promise.all(
    Array.from({ length: 10 }, async () => {
      for (let request = 0; request < requests / 10; request++) {
        (await client.run("hello")).problem(502);
      }
    }),
  );
  const calls = model.got.length - before;
  assert.ok(calls < 1.2 * requests, `${calls} calls for ${requests} requests`);
});

test("successes fill the budget again", async (t) => {
  const env = { RETRY_BUDGET: "4", RETRY_BASE_MS: "1", RETRY_CAP_MS: "5" };
  const { client, model } = await sceneFor(t, { state: "memory", env });
  const callsOfOne = async () => {
    const before = model.got.length;
    await client.run("hello");
    return model.got.length - before;
  };
  model.always({ status: 500 });
  for (let request = 0; request < 6; request++) {
    await client.run("hello");
  }
  assert.equal(await callsOfOne(), 1);
  model.always({});
  for (let request = 0; request < 50; request++) {
    (await client.run("hello")).run("completed");
  }
  model.always({ status: 500 });
  assert.ok((await callsOfOne()) > 1);
});

test("retries are counted by a metric", async () => {
  const { world, client, model } = await fresh();
  const before = await world.metric("agent_retries_total");
  model.reply({ status: 503 }, { status: 503 });
  (await client.run("hello")).run("completed");
  assert.equal((await world.metric("agent_retries_total")) - before, 2);
  await until("the gauge", async () => (await world.metric("agent_retry_budget_tokens")) > 0);
});

import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import type { Reply } from "./fake-model.ts";
import { type Scene, sceneFor } from "./scene.ts";
import { sleep, timed, until } from "./waiting.ts";

const BREAKER = {
  // Above what the tools took to be found out.
  BREAKER_WINDOW_MS: "60000",
  BREAKER_MIN_CALLS: "20",
  BREAKER_OPEN_MS: "1000",
  BREAKER_MAX_OPEN_MS: "60000",
  BREAKER_PROBES: "2",
  RETRY_MAX_ATTEMPTS: "1",
  BULKHEAD_MAX: "200",
  MODEL_ATTEMPT_TIMEOUT_MS: "3000",
};
const begin = (t: Parameters<typeof sceneFor>[0], env = {}) =>
  sceneFor(t, { state: "memory", env: { ...BREAKER, ...env } });

smoke("it opens on failures, and then answers 503 at once, without a call", async (t) => {
  const set = await begin(t);
  await open(set);
  const before = set.model.got.length;
  const { ms, value } = await timed(() => set.client.run("hello"));
  value.problem(503);
  assert.ok(value.retryAfter() >= 1);
  assert.ok(ms < 500, `${ms} ms`);
  assert.equal(set.model.got.length, before);
});

smoke("half-open admits exactly BREAKER_PROBES of 100 requests at once", async (t) => {
  const set = await begin(t);
  await open(set);
  await sleep(1_100);
  const before = set.model.got.length;
  set.model.always({ afterMs: 2_000 });
  const answers = await Promise.all(Array.from({ length: 100 }, () => set.client.run("hello")));
  assert.equal(set.model.got.length - before, 2);
  assert.equal(answers.filter(({ status }) => status === 200).length, 2);
  assert.equal(answers.filter(({ status }) => status === 503).length, 98);
});

test("BREAKER_PROBES successes close it", async (t) => {
  const set = await begin(t);
  await open(set);
  await sleep(1_100);
  set.model.always({});
  (await set.client.run("hello")).run("completed");
  (await set.client.run("hello")).run("completed");
  const answers = await Promise.all(Array.from({ length: 20 }, () => set.client.run("hello")));
  assert.ok(answers.every(({ status }) => status === 200));
  // The window was emptied: as many failures as before are needed to open it again.
  set.model.always({ status: 500 });
  assert.equal((await set.client.run("hello")).status, 502);
});

test("one failed probe opens it again, for twice as long", async (t) => {
  const set = await begin(t);
  await open(set);
  await sleep(1_100);
  (await set.client.run("hello")).problem(502);
  const calls = set.model.got.length;
  await sleep(1_300);
  (await set.client.run("hello")).problem(503);
  assert.equal(set.model.got.length, calls);
  await sleep(900);
  set.model.always({});
  (await set.client.run("hello")).run("completed");
});

const COUNTED: [what: string, reply: Reply][] = [
  ["timeouts", { fault: "hang" }],
  ["connection errors", { fault: "refuse" }],
  ["truncated bodies", { fault: "truncate" }],
  ["malformed bodies", { fault: "malformed" }],
];
for (const [what, reply] of COUNTED) {
  test(`${what} count as failures`, async (t) => {
    const set = await begin(t);
    set.model.always(reply);
    const failed = await Promise.all(Array.from({ length: 40 }, () => set.client.run("hello")));
    assert.ok(failed.every(({ status }) => status === 502 || status === 503));
    set.model.always({});
    (await set.client.run("hello")).problem(503);
  });
}

const UNCOUNTED: [what: string, reply: Reply, status: number][] = [
  ["429", { status: 429 }, 503],
  ["other 4xx", { status: 404 }, 502],
];
for (const [what, reply, status] of UNCOUNTED) {
  test(`${what} opens nothing`, async (t) => {
    const set = await begin(t);
    set.model.always(reply);
    for (let call = 0; call < 40; call++) {
      (await set.client.run("hello")).problem(status);
    }
    await isClosed(set);
    set.model.always({});
    (await set.client.run("hello")).run("completed");
  });
}

test("calls that their callers give up open nothing", async (t) => {
  const set = await begin(t);
  set.model.always({ fault: "hang" });
  const hangUp = new AbortController();
  const lost = Array.from({ length: 40 }, () => set.client.run("hello", { signal: hangUp.signal }));
  await until("the calls", () => set.model.got.length === 40);
  hangUp.abort();
  await Promise.allSettled(lost);
  await until("their end", () => set.model.got.every(({ hungUpAt }) => hungUpAt !== undefined));
  set.model.always({});
  (await set.client.run("hello")).run("completed");
  await isClosed(set);
});

test("below MIN_CALLS, or below the rate, it stays closed", async (t) => {
  const set = await begin(t, { BREAKER_MIN_CALLS: "30", BREAKER_FAILURE_RATE: "0.9" });
  for (let call = 0; call < 60; call++) {
    set.model.always(call % 4 === 0 ? {} : { status: 500 });
    assert.equal((await set.client.run("hello")).status, call % 4 === 0 ? 200 : 502);
  }
  await isClosed(set);
});

test("failures older than the window do not count", async (t) => {
  const set = await begin(t, { BREAKER_WINDOW_MS: "1000" });
  set.model.always({ status: 500 });
  for (let call = 0; call < 12; call++) {
    (await set.client.run("hello")).problem(502);
  }
  await sleep(1_200);
  for (let call = 0; call < 12; call++) {
    (await set.client.run("hello")).problem(502);
  }
});

test("its state is a metric, one-hot, and its changes are counted", async (t) => {
  const set = await begin(t);
  await isClosed(set);
  await open(set);
  assert.equal((await states(set)).filter((state) => state === "open").length, 1);
  await sleep(1_100);
  set.model.always({});
  (await set.client.run("hello")).run("completed");
  assert.equal((await states(set)).filter((state) => state === "half_open").length, 1);
  (await set.client.run("hello")).run("completed");
  await isClosed(set);
  for (const to of ["open", "half_open", "closed"]) {
    assert.equal(await set.world.metric("agent_breaker_transitions_total", { to }), 1, to);
  }
});

/** Lets calls fail until one is refused. */
async function open({ client, model }: Scene): Promise<void> {
  model.always({ status: 500 });
  for (let call = 0; call < 60; call++) {
    const { status } = await client.run("hello");
    if (status === 503) {
      return;
    }
    assert.equal(status, 502);
  }
  assert.fail("60 failures did not open it");
}

/** The state of every upstream's breaker, of which each has one. */
async function states({ world }: Scene): Promise<string[]> {
  const samples = [...(await world.metrics()).matchAll(/^agent_breaker_state\{(.*)\} (\S+)$/gm)];
  const hot = samples.filter(([, , value]) => value === "1").map(([, labels = ""]) => labels);
  const upstreams = new Set(samples.map(([, labels = ""]) => labelled("upstream", labels)));
  assert.deepEqual(hot.map((labels) => labelled("upstream", labels)).toSorted(), [...upstreams].toSorted());
  return hot.map((labels) => labelled("state", labels));
}

async function isClosed(set: Scene): Promise<void> {
  assert.ok((await states(set)).every((state) => state === "closed"));
}

function labelled(label: string, labels: string): string {
  return new RegExp(`\\b${label}="([^"]*)"`).exec(labels)?.[1] ?? "";
}

import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "../src/config.ts";
import { UpstreamError } from "../src/resilience/failure.ts";
import { createUpstream } from "../src/resilience/upstream.ts";
import { createClock, fixedRandom, metricOf, metrics } from "./kit.ts";

let serial = 0;

/** An upstream with metrics of its own name, and a caller that has a minute. */
function setUp(env: NodeJS.ProcessEnv = {}, draws: number[] = []) {
  const name = `upstream-${++serial}`;
  const clock = createClock();
  const { config } = readConfig(env);
  const random = fixedRandom(...draws);
  const upstream = createUpstream({ name, timeoutMs: 1_000, config, clock, random, metrics });
  const caller = new AbortController();
  const call = { signal: caller.signal, deadline: 60_000 };
  const states = () =>
    Promise.all(
      ["closed", "open", "half_open"].map((state) =>
        metricOf(`agent_breaker_state{upstream="${name}",state="${state}"}`),
      ),
    );
  return { name, clock, upstream, caller, call, states };
}

const failing = () => Promise.reject(new UpstreamError("status", { status: 503 }));
const hanging = () => new Promise<never>(() => undefined);
const kind = (expected: string) => (error: unknown) => error instanceof UpstreamError && error.kind === expected;

test("an attempt that takes too long is aborted, and repeated, though it does not heed its signal", async () => {
  const { name, clock, upstream, call } = setUp({}, [0.5]);
  const signals: AbortSignal[] = [];
  const answers = [hanging(), Promise.resolve("late but fine")];
  const result = upstream.call((signal) => answers[signals.push(signal) - 1] ?? hanging(), call);
  await clock.advance(999);
  assert.equal(signals[0]?.aborted, false);
  await clock.advance(1 + 100);
  assert.equal(await result, "late but fine");
  assert.ok(signals[0]?.aborted && kind("timeout")(signals[0].reason));
  assert.equal(signals[1]?.aborted, false);
  assert.equal(clock.timers(), 0);
  assert.equal(await metricOf(`agent_retries_total{upstream="${name}",reason="timeout"}`), 1);
  assert.equal(await metricOf(`agent_retry_budget_tokens{upstream="${name}"}`), 9.1);
});

test("a caller that cancels leaves at once, from an attempt, from a wait and from the queue", async () => {
  const { name, clock, upstream, caller, call, states } = setUp(
    { BULKHEAD_MAX: "1", BREAKER_MIN_CALLS: "1", RETRY_MAX_ATTEMPTS: "2" },
    [0.5],
  );
  const reason = new Error("cancelled");
  const waiting = assert.rejects(
    upstream.call(() => Promise.reject(new UpstreamError("status", { status: 429 })), call),
    reason,
  );
  await clock.settle();
  const working = assert.rejects(upstream.call(hanging, call), reason);
  const queued = assert.rejects(upstream.call(hanging, call), reason);
  await clock.settle();
  assert.equal(await metricOf(`agent_bulkhead_in_flight{upstream="${name}"}`), 1);
  assert.equal(await metricOf(`agent_bulkhead_queued{upstream="${name}"}`), 1);
  assert.equal(clock.timers(), 2);
  caller.abort(reason);
  await Promise.all([waiting, working, queued]);
  assert.equal(clock.timers(), 0);
  assert.equal(await metricOf(`agent_bulkhead_in_flight{upstream="${name}"}`), 0);
  assert.equal(await metricOf(`agent_bulkhead_queued{upstream="${name}"}`), 0);
  assert.deepEqual(await states(), [1, 0, 0]);
  await assert.rejects(
    upstream.call(() => assert.fail("called"), call),
    reason,
  );
});

test("the breaker rejects at once, says for how long, and draws neither retries nor budget", async () => {
  const { name, clock, upstream, call, states } = setUp({ BREAKER_MIN_CALLS: "1", RETRY_MAX_ATTEMPTS: "1" });
  await assert.rejects(upstream.call(failing, call), kind("status"));
  await clock.advance(1_000);
  let calls = 0;
  const count = async () => ++calls;
  await assert.rejects(upstream.call(count, call), { kind: "open", retryAfterMs: 4_000 });
  assert.equal(calls, 0);
  assert.deepEqual(await states(), [0, 1, 0]);
  assert.equal(await metricOf(`agent_retry_budget_tokens{upstream="${name}"}`), 9);
  await clock.advance(4_000);
  assert.deepEqual(await states(), [0, 0, 1]);
  await upstream.call(count, call);
  await upstream.call(count, call);
  assert.deepEqual(await states(), [1, 0, 0]);
  for (const to of ["open", "half_open", "closed"]) {
    assert.equal(await metricOf(`agent_breaker_transitions_total{upstream="${name}",to="${to}"}`), 1);
  }
});

test("of 500 callers at once, a half-open breaker lets through as many as it has probes", async () => {
  const { clock, upstream, call } = setUp({
    BREAKER_MIN_CALLS: "1",
    BREAKER_PROBES: "2",
    RETRY_MAX_ATTEMPTS: "1",
    BULKHEAD_MAX: "500",
  });
  await assert.rejects(upstream.call(failing, call));
  await clock.advance(5_000);
  let calls = 0;
  const probe = async () => {
    calls += 1;
    return hanging();
  };
  const outcomes = Promise.allSettled(Array.from({ length: 500 }, () => upstream.call(probe, call)));
  await clock.advance(1_000);
  assert.ok((await outcomes).every(({ status }) => status === "rejected"));
  assert.equal(calls, 2);
});

test("a full bulkhead rejects without a call, and a place is free while a call waits for its retry", async () => {
  const env = { BULKHEAD_MAX: "1", BULKHEAD_QUEUE: "0", RETRY_MAX_ATTEMPTS: "2" };
  const { name, clock, upstream, call } = setUp(env, [0.5]);
  const answers = [failing, async () => "second"];
  const repeated = upstream.call(() => (answers.shift() ?? failing)(), call);
  await clock.settle();
  assert.equal(await upstream.call(async () => "between", call), "between");
  const slow = upstream.call(hanging, { ...call, repeatable: () => false });
  await assert.rejects(
    upstream.call(() => assert.fail("called"), call),
    kind("full"),
  );
  const rejections = [assert.rejects(repeated, kind("full")), assert.rejects(slow, kind("timeout"))];
  await clock.advance(1_000);
  await Promise.all(rejections);
  assert.equal(await metricOf(`agent_bulkhead_rejected_total{upstream="${name}"}`), 2);
});

test("with the upstream dead, retries stop at half of the budget and its calls stay near the callers' own", async () => {
  const { name, clock, upstream, call } = setUp({ BREAKER_MIN_CALLS: "100000" }, Array(5).fill(0));
  let calls = 0;
  const dead = () => {
    calls += 1;
    return failing();
  };
  for (let requests = 0; requests < 100; requests++) {
    const rejected = assert.rejects(upstream.call(dead, call));
    await clock.advance(1);
    await rejected;
  }
  assert.ok(calls < 120, `${calls} calls`);
  assert.equal(await metricOf(`agent_retry_budget_tokens{upstream="${name}"}`), 0);
  // Ten successes give one token back.
  for (let requests = 0; requests < 61; requests++) {
    await upstream.call(async () => "well again", call);
  }
  assert.equal(await metricOf(`agent_retry_budget_tokens{upstream="${name}"}`), 6.1);
});

test("a caller that has used part of an answer says so, and gets no second one", async () => {
  const { clock, upstream, call } = setUp({}, [0]);
  let handedOn = false;
  let calls = 0;
  const breaksOff = async () => {
    handedOn = ++calls === 2;
    throw new UpstreamError("truncated");
  };
  const rejected = assert.rejects(
    upstream.call(breaksOff, { ...call, repeatable: () => !handedOn }),
    kind("truncated"),
  );
  await clock.advance(1);
  await rejected;
  assert.equal(calls, 2);
});

test("a defect is passed on and not counted, a refusal counts as success, neither is repeated", async () => {
  const { clock, upstream, call, states } = setUp({ BREAKER_MIN_CALLS: "2", BREAKER_FAILURE_RATE: "0.5" });
  let calls = 0;
  const fail = (error: Error) => () => {
    calls += 1;
    throw error;
  };
  await assert.rejects(upstream.call(fail(new TypeError("a defect")), call), TypeError);
  await assert.rejects(upstream.call(fail(new UpstreamError("malformed")), call), kind("malformed"));
  assert.deepEqual(await states(), [1, 0, 0]);
  await assert.rejects(upstream.call(fail(new UpstreamError("status", { status: 404 })), call), kind("status"));
  assert.deepEqual(await states(), [0, 1, 0]);
  assert.equal(calls, 3);
  assert.equal(clock.timers(), 0);
});

import assert from "node:assert/strict";
import { Client } from "./client.ts";
import { smoke, test } from "./contract.ts";
import { exchange } from "./raw.ts";
import { scene } from "./scene.ts";
import { MODEL_NAME } from "./world.ts";

const fresh = scene();

const NAMES = [
  "agent_http_requests_total",
  "agent_http_request_duration_seconds",
  "agent_http_in_flight",
  "agent_runs_total",
  "agent_run_duration_seconds",
  "agent_run_steps",
  "agent_model_requests_total",
  "agent_model_request_duration_seconds",
  "agent_tokens_total",
  "agent_cost_usd_total",
  "agent_budget_remaining_ratio",
  "agent_tool_calls_total",
  "agent_tool_duration_seconds",
  "agent_breaker_state",
  "agent_breaker_transitions_total",
  "agent_retries_total",
  "agent_retry_budget_tokens",
  "agent_bulkhead_in_flight",
  "agent_bulkhead_queued",
  "agent_bulkhead_rejected_total",
  "agent_rate_limited_total",
  "agent_cache_requests_total",
  "agent_batch_size",
  "agent_audit_events_total",
  "agent_audit_outbox_depth",
  "agent_audit_write_failures_total",
  "agent_redactions_total",
  "agent_approvals_total",
  "agent_secret_refresh_failures_total",
  "agent_unknown_model_total",
  "agent_config_info",
  "agent_shutting_down",
];

smoke("every metric of the contract is declared", async () => {
  const { world } = await fresh();
  const types = (await world.metrics()).matchAll(/^# TYPE (\S+) /gm);
  const declared = new Set([...types].map(([, name]) => name));
  const missing = NAMES.filter((name) => !declared.has(name) && !declared.has(name.replace(/_total$/, "")));
  assert.deepEqual(missing, []);
});

test("the runtime's own metrics are there", async () => {
  const { world } = await fresh();
  assert.match(await world.metrics(), /^process_cpu_seconds_total |^process_cpu_user_seconds_total /m);
  assert.match(await world.metrics(), /^process_resident_memory_bytes /m);
});

smoke("a request is counted by method, route and status, and timed", async () => {
  const { world, client, model } = await fresh();
  const labels = { method: "POST", route: "/v1/runs" };
  const count = (status: string) => world.metric("agent_http_requests_total", { ...labels, status });
  const timed = () => world.metric("agent_http_request_duration_seconds_count", labels);
  const before = [await count("200"), await count("422"), await timed()];
  model.reply({ afterMs: 50 });
  (await client.run("hello")).run("completed");
  (await client.run({})).problem(422);
  const after = [await count("200"), await count("422"), await timed()];
  assert.deepEqual(
    after,
    [1, 1, 2].map((more, index) => more + (before[index] ?? 0)),
  );
});

test("a route is a template, whatever is in the path", async () => {
  const { world, client } = await fresh();
  for (let index = 0; index < 30; index++) {
    await client.get(`/v1/runs/run-8731-${index}`);
    await client.get(`/nothing-8731/${index}`);
    await client.get(`/v1/sessions/session-8731-${index}`);
  }
  const text = await world.metrics();
  assert.ok(
    !text.includes("8731"),
    text.split("\n").find((line) => line.includes("8731")),
  );
});

test("a method that somebody made up is no label", async () => {
  const { world } = await fresh();
  for (let index = 0; index < 20; index++) {
    await exchange(world.service.port, `BREW8731${index} / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, 1_000);
  }
  assert.ok(!(await world.metrics()).includes("8731"));
});

test("no label names a tenant, a run, a session or a trace", async () => {
  const { world, client, tenant } = await fresh();
  const session_id = "session-of-8731";
  const run = (await client.run({ input: "hello", session_id })).run("completed");
  const text = await world.metrics();
  for (const id of [tenant, run.id, session_id, run.trace_id]) {
    assert.ok(!text.includes(id), id);
  }
});

test("latency buckets reach 120 s", async () => {
  const { world } = await fresh();
  const text = await world.metrics();
  for (const name of ["agent_http_request_duration_seconds", "agent_model_request_duration_seconds"]) {
    const bounds = [...text.matchAll(new RegExp(`^${name}_bucket\\{.*?le="([^"]+)"`, "gm"))].map(([, le]) =>
      Number(le),
    );
    assert.ok(bounds.includes(120), `${name}: ${bounds}`);
  }
});

smoke("tokens, cost, calls of the model and runs are counted", async () => {
  const { world, client, model } = await fresh();
  const read = () =>
    Promise.all([
      world.metric("agent_tokens_total", { model: MODEL_NAME, direction: "input" }),
      world.metric("agent_tokens_total", { model: MODEL_NAME, direction: "output" }),
      world.metric("agent_cost_usd_total", { model: MODEL_NAME }),
      world.metric("agent_model_requests_total", { provider: "openai-compatible", model: MODEL_NAME }),
      world.metric("agent_runs_total", { status: "completed" }),
      world.metric("agent_run_duration_seconds_count"),
      world.metric("agent_run_steps_count"),
    ]);
  const before = await read();
  model.reply({ usage: { input: 1_000, output: 200 } });
  const { usage } = (await client.run("hello")).run("completed");
  const grown = (await read()).map((value, index) => value - (before[index] ?? 0));
  const [input, output, cost = 0, ...counts] = grown;
  assert.deepEqual([input, output, ...counts], [1_000, 200, 1, 1, 1, 1]);
  assert.ok(Math.abs(cost - usage.cost_usd) < 1e-9, `${cost} instead of ${usage.cost_usd}`);
});

test("failures of the model are told apart by their outcome", async () => {
  const { world, client, model } = await fresh();
  const failed = async () =>
    (await world.metric("agent_model_requests_total")) -
    (await world.metric("agent_model_requests_total", { outcome: "success" }));
  const before = await failed();
  model.always({ status: 400 });
  (await client.run("fail")).problem(502);
  assert.ok((await failed()) > before);
});

test("requests in flight are a gauge that goes back to nothing", async () => {
  const { world, client, model } = await fresh();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.always({ gate });
  const runs = Array.from({ length: 4 }, () => client.run("hello"));
  while (model.got.length < 4) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  assert.equal(await world.metric("agent_http_in_flight"), 4);
  open();
  await Promise.all(runs);
  assert.equal(await world.metric("agent_http_in_flight"), 0);
});

test("refused requests are counted like any other", async () => {
  const { world } = await fresh();
  const count = () => world.metric("agent_http_requests_total", { status: "401" });
  const before = await count();
  (await new Client(world.service.port).run("hello")).problem(401);
  assert.equal((await count()) - before, 1);
});

test("settings to join on are a metric, and hold no secret", async () => {
  const { world } = await fresh();
  const line = (await world.metrics()).split("\n").find((each) => each.startsWith("agent_config_info{")) ?? "";
  assert.match(line, / 1$/);
  assert.match(line, /environment="production"/);
});

import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import { scene, sceneFor } from "./scene.ts";
import { timed, until } from "./waiting.ts";

const fresh = scene({
  env: { RUN_DEADLINE_MS: "1500", RUN_MAX_STEPS: "4", RUN_MAX_TOOL_CALLS: "5", MODEL_ATTEMPT_TIMEOUT_MS: "30000" },
});

smoke("exactly RUN_MAX_STEPS calls of the model, then the run is stopped", async () => {
  const { client, model, tools } = await fresh();
  model.always({ calls: [tools.calculate("1 + 1")] });
  const run = (await client.run("for ever")).run("stopped");
  assert.equal(run.reason, "max_steps");
  assert.equal(run.steps, 4);
  assert.equal(model.got.length, 4);
});

smoke("RUN_MAX_TOOL_CALLS bounds the calls of tools", async () => {
  const { client, model, tools } = await fresh();
  const calls = Array.from({ length: 3 }, (_, index) => tools.calculate(`${index} + 1`));
  model.always({ calls });
  const run = (await client.run("for ever")).run("stopped");
  assert.equal(run.reason, "max_tool_calls");
  assert.ok(model.got.length <= 3, String(model.got.length));
});

smoke("the deadline is 504 while no call of the model has finished", async () => {
  const { client, model } = await fresh();
  model.always({ fault: "hang" });
  const { ms, value } = await timed(() => client.run("hello"));
  value.problem(504);
  assert.ok(ms >= 1_400 && ms < 2_500, `${ms} ms`);
});

smoke("after one it is 200, stopped by the deadline", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.calculate("1 + 1")] }, { fault: "hang" });
  const { ms, value } = await timed(() => client.run("hello"));
  const run = value.run("stopped");
  assert.equal(run.reason, "deadline");
  assert.equal(run.steps >= 1, true);
  assert.ok(ms < 2_500, `${ms} ms`);
});

test("a call is cut off by the deadline, not only waited for", async () => {
  const { client, model } = await fresh();
  model.always({ fault: "hang" });
  (await client.run("hello")).problem(504);
  await until("the end of the call", () => model.got[0]?.hungUpAt !== undefined, 1_000);
});

test("a stream that the deadline ends says so", async () => {
  const { client, model } = await fresh();
  model.always({ fault: "hang" });
  const events = await (await client.stream("hello")).rest();
  assert.equal(events.at(-1)?.event, "run.failed");
  assert.equal(events.at(-1)?.data["status"], 504);
});

smoke("RUN_MAX_TOKENS stops a run, counting what its calls used", async (t) => {
  const { client, model, tools } = await sceneFor(t, { state: "memory", env: { RUN_MAX_TOKENS: "6000" } });
  const calls = [tools.calculate("1 + 1")];
  model.otherwise = ({ maxTokens }) => ({ calls, usage: { input: 400, output: Math.min(500, maxTokens) } });
  const run = (await client.run("for ever")).run("stopped");
  assert.equal(run.reason, "max_tokens");
  assert.ok(run.usage.input_tokens + run.usage.output_tokens <= 6_000, JSON.stringify(run.usage));
  assert.ok(model.got.length >= 1);
  for (const asked of model.got) {
    assert.ok(asked.maxTokens <= 6_000, `an answer of ${asked.maxTokens} tokens was asked for`);
  }
});

test("an answer without usage counts as its worst case", async (t) => {
  const { client, model, tools } = await sceneFor(t, { state: "memory", env: { RUN_MAX_TOKENS: "6000" } });
  model.reply({ calls: [tools.calculate("1 + 1")], usage: "missing" });
  const run = (await client.run("hello")).run();
  const [asked] = model.got;
  assert.ok(run.usage.output_tokens >= (asked?.maxTokens ?? 0), JSON.stringify(run.usage));
  assert.ok(run.usage.input_tokens > 0, JSON.stringify(run.usage));
  assert.ok(run.usage.cost_usd > 0, JSON.stringify(run.usage));
});

smoke("RUN_MAX_COST_USD stops a run before a call that could go over it", async (t) => {
  const env = { RUN_MAX_COST_USD: "0.30", RUN_MAX_TOKENS: "10000000", RUN_MAX_STEPS: "100" };
  const { client, model, tools } = await sceneFor(t, { state: "memory", env });
  const calls = [tools.calculate("1 + 1")];
  model.otherwise = ({ maxTokens }) => ({ calls, usage: { input: 1_000, output: Math.min(2_000, maxTokens) } });
  const run = (await client.run("for ever")).run("stopped");
  assert.equal(run.reason, "max_cost");
  assert.ok(run.usage.cost_usd > 0 && run.usage.cost_usd <= 0.3, String(run.usage.cost_usd));
});

test("a run that was stopped tells of the text that it had", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ text: "Working on it.", calls: [tools.calculate("1 + 1")] }, { fault: "hang" });
  const run = (await client.run("hello")).run("stopped");
  assert.equal(typeof run.output, "string");
  const found = (await client.get(`/v1/runs/${run.id}`)).run("stopped");
  assert.equal(found.reason, "deadline");
});

test("how runs end is counted by a metric", async () => {
  const { world, client, model } = await fresh();
  const stopped = () => world.metric("agent_runs_total", { status: "stopped", reason: "deadline" });
  const completed = () => world.metric("agent_runs_total", { status: "completed" });
  const before = [await stopped(), await completed()];
  (await client.run("hello")).run("completed");
  assert.deepEqual([await stopped(), await completed()], [before[0], (before[1] ?? 0) + 1]);
  model.always({ status: 400 });
  (await client.run("hello")).problem(502);
  assert.equal(await completed(), (before[1] ?? 0) + 1);
});

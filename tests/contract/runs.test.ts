import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import { until } from "./waiting.ts";
import { scene } from "./scene.ts";
import { costOf } from "./world.ts";

const fresh = scene();

smoke("a run answers with its id, status, output, steps, usage and trace", async () => {
  const { model, client } = await fresh();
  model.reply({ text: "Forty-two.", usage: { input: 100, output: 7 } });
  const run = (await client.run("What is the answer?")).run("completed");
  assert.equal(run.output, "Forty-two.");
  assert.equal(run.steps, 1);
  assert.equal(run.usage.input_tokens, 100);
  assert.equal(run.usage.output_tokens, 7);
  assert.equal(run.usage.cost_usd, costOf(100, 7) / 1e9);
  assert.match(run.trace_id, /^[\da-f]{32}$/);
  assert.ok(run.id.length > 0);
});

smoke("a client may send the conversation so far", async () => {
  const { model, client } = await fresh();
  const conversation = [
    { role: "user", content: "My name is Ada." },
    { role: "assistant", content: "Noted." },
    { role: "user", content: "What is my name?" },
  ];
  (await client.run({ input: conversation })).run("completed");
  const turns = model.got[0]?.turns.filter(({ role }) => role !== "system");
  assert.deepEqual(
    turns,
    conversation.map(({ role, content }) => ({ role, text: content })),
  );
});

smoke("Location names the run, and GET tells of it afterwards", async () => {
  const { client } = await fresh();
  const answer = await client.run("hello");
  const run = answer.run("completed");
  const location = String(answer.headers["location"]);
  assert.ok(location.endsWith(`/v1/runs/${run.id}`), location);
  const found = (await client.get(`/v1/runs/${run.id}`)).run("completed");
  assert.equal(found.id, run.id);
  assert.equal(found.output, run.output);
  assert.deepEqual(found.usage, run.usage);
});

test("GET tells of a run that is going on", async () => {
  const { model, client } = await fresh();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.reply({ gate });
  const stream = await client.stream("hello");
  const { id } = (await stream.upTo("run.started")).data;
  (await client.get(`/v1/runs/${id}`)).run("running");
  open();
  await stream.upTo("run.finished");
  (await client.get(`/v1/runs/${id}`)).run("completed");
});

test("an unknown run is 404 to every route that names one", async () => {
  const { client } = await fresh();
  for (const id of ["unknown", "00000000-0000-4000-8000-000000000000", "..%2F..%2Fetc", "%00"]) {
    const answer = await client.get(`/v1/runs/${id}`);
    assert.ok(answer.status === 404 || (answer.status === 400 && id === "%00"), `${id}: ${answer.status}`);
  }
  const path = "/v1/runs/00000000-0000-4000-8000-000000000000";
  (await client.delete(path)).problem(404);
  (await client.get(`${path}/events`)).problem(404);
  (await client.post(`${path}/approvals`, { approval_id: "x", decision: "approve" })).problem(404);
});

test("DELETE cancels a run and its call of the model", async () => {
  const { model, client } = await fresh();
  model.always({ fault: "hang" });
  const stream = await client.stream("hello");
  const { id } = (await stream.upTo("run.started")).data;
  await until("the call of the model", () => model.got.length === 1);
  const { status } = await client.delete(`/v1/runs/${id}`);
  assert.ok(status >= 200 && status < 300, `status ${status}`);
  await until("the end of the call", () => model.got[0]?.hungUpAt !== undefined, 2_000);
  const found = () => client.get(`/v1/runs/${id}`);
  await until("the cancelled run", async () => (await found()).run().status === "cancelled", 2_000);
});

smoke("without tools in the request the model is offered all, with [] none", async () => {
  const { model, client, tools } = await fresh();
  (await client.run("hello")).run("completed");
  (await client.run({ input: "hello", tools: [] })).run("completed");
  (await client.run({ input: "hello", tools: ["calculator"] })).run("completed");
  const offered = model.got.map((asked) => asked.tools.map(({ name }) => name));
  assert.deepEqual(offered, [tools.names, [], ["calculator"]]);
  assert.ok(tools.names.length >= 3, tools.names.join());
});

test("an unknown tool is 422", async () => {
  const { model, client } = await fresh();
  (await client.run({ input: "hello", tools: ["calculator", "nothing"] })).problem(422);
  assert.equal(model.got.length, 0);
});

test("a request may lower the number of steps, never raise it", async () => {
  const { model, client, tools } = await fresh();
  (await client.run({ input: "hello", max_steps: 9 })).problem(422);
  (await client.run({ input: "hello", max_steps: 0 })).problem(422);
  assert.equal(model.got.length, 0);
  model.always({ calls: [tools.calculate("1 + 1")] });
  const run = (await client.run({ input: "hello", max_steps: 2 })).run("stopped");
  assert.equal(run.reason, "max_steps");
  assert.equal(model.got.length, 2);
});

smoke("the result of a tool goes back to the model, and the run goes on", async () => {
  const { model, client, tools } = await fresh();
  model.reply({ calls: [tools.calculate("6 * 7")] }, { text: "It is 42." });
  const run = (await client.run("What is 6 times 7?")).run("completed");
  assert.equal(run.output, "It is 42.");
  assert.equal(run.steps, 2);
  const result = model.got[1]?.turns.find(({ role }) => role === "tool")?.text ?? "";
  assert.match(result, /\b42\b/);
});

test("several calls of one answer are all made, and the model gets every result", async () => {
  const { model, client, tools } = await fresh();
  model.reply({ calls: [tools.calculate("1 + 1"), tools.calculate("20 * 20"), tools.calculate("900 / 9")] });
  (await client.run("Three at once")).run("completed");
  const results = model.got[1]?.turns.filter(({ role }) => role === "tool").map(({ text }) => text) ?? [];
  assert.equal(results.length, 3);
  for (const [index, expected] of [/\b2\b/, /\b400\b/, /\b100\b/].entries()) {
    assert.match(results[index] ?? "", expected);
  }
});

test("the usage of a run is the sum over its calls", async () => {
  const { model, client, tools } = await fresh();
  model.reply(
    { calls: [tools.calculate("1 + 1")], usage: { input: 11, output: 3 } },
    { usage: { input: 17, output: 5 } },
  );
  const { usage } = (await client.run("hello")).run("completed");
  assert.equal(usage.input_tokens, 28);
  assert.equal(usage.output_tokens, 8);
  assert.equal(Math.round(usage.cost_usd * 1e9), costOf(11, 3) + costOf(17, 5));
});

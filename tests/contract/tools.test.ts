import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import { type Scene, scene } from "./scene.ts";
import type { Call } from "./wire.ts";

const fresh = scene();

/** Runs one call and returns what the model was told of it. */
async function result({ client, model }: Scene, call: Call): Promise<string> {
  model.reply({ calls: [call] }, { text: "I see." });
  const run = (await client.run("go on")).run("completed");
  assert.equal(run.output, "I see.");
  assert.equal(model.got.length, 2);
  const turn = model.got[1]?.turns.find(({ role }) => role === "tool");
  return turn?.text ?? assert.fail("the model was told nothing");
}

smoke("an unknown tool goes back to the model as an error", async () => {
  assert.match(await result(await fresh(), { tool: "no_such_tool", arguments: {} }), /error/i);
});

smoke("bad arguments go back to the model as an error", async () => {
  for (const wrong of [{}, { expression: 5 }, { expression: "1 + 1", other: true }, [], "no object"]) {
    const set = await fresh();
    assert.match(await result(set, { tool: "calculator", arguments: wrong }), /error/i, JSON.stringify(wrong));
  }
});

test("arguments that are no JSON go back to the model as an error", async () => {
  for (const wrong of ['{"expression": "1 +', "[", "undefined", ""]) {
    const set = await fresh();
    assert.match(await result(set, { tool: "calculator", arguments: wrong }), /error/i, wrong);
  }
});

smoke("a tool that fails goes back to the model as an error", async () => {
  const set = await fresh();
  assert.match(await result(set, set.tools.calculate("1 / 0")), /error/i);
  const again = await fresh();
  assert.match(await result(again, again.tools.calculate("1 + (2")), /error/i);
});

test("a tool that a request left out is an error to the model that calls it all the same", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.write("a note")] }, { text: "I see." });
  (await client.run({ input: "go on", tools: ["calculator"] })).run("completed");
  assert.match(model.got[1]?.turns.find(({ role }) => role === "tool")?.text ?? "", /error/i);
});

test("one failed call of several leaves the others be", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.calculate("1 +"), tools.calculate("40 + 2")] }, { text: "I see." });
  (await client.run("go on")).run("completed");
  const [first, second] = model.got[1]?.turns.filter(({ role }) => role === "tool") ?? [];
  assert.match(first?.text ?? "", /error/i);
  assert.match(second?.text ?? "", /\b42\b/);
});

smoke("the result of a tool is marked as data", async () => {
  const set = await fresh();
  const told = await result(set, set.tools.calculate("40 + 2"));
  const [before = "", after = ""] = told.split("42");
  assert.ok(before.trim().length > 0 && after.trim().length > 0, `nothing delimits it: ${told}`);
});

test("calls and their outcomes are metrics; a name that the model made up is no label", async () => {
  const set = await fresh();
  const count = (labels: Record<string, string>) => set.world.metric("agent_tool_calls_total", labels);
  const before = await count({ tool: "calculator" });
  await result(set, set.tools.calculate("1 + 1"));
  assert.equal((await count({ tool: "calculator" })) - before, 1);
  await result(await fresh(), { tool: "made_up_tool_8731", arguments: {} });
  assert.ok(!(await set.world.metrics()).includes("made_up_tool_8731"));
});

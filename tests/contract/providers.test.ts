import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import { type Scene, scene, sceneFor } from "./scene.ts";
import { costOf } from "./world.ts";

const fresh = scene({ state: "memory", env: { MODEL_PROVIDER: "anthropic" } });

/** A run with a call of a tool, and what the model was told of it. */
async function converse({ client, model, tools }: Scene): Promise<void> {
  model.reply(
    { text: "Let me see.", calls: [tools.calculate("6 * 7")], usage: { input: 11, output: 3 } },
    { text: "It is 42.", usage: { input: 17, output: 5 } },
  );
  const run = (await client.run("compute")).run("completed");
  assert.equal(run.output, "It is 42.");
  assert.equal(run.usage.input_tokens, 28);
  assert.equal(run.usage.output_tokens, 8);
  assert.equal(Math.round(run.usage.cost_usd * 1e9), costOf(11, 3) + costOf(17, 5));
  const [, second] = model.got;
  assert.match(second?.turns.find(({ role }) => role === "tool")?.text ?? "", /\b42\b/);
}

smoke("anthropic: a run with tools", async () => {
  const set = await fresh();
  await converse(set);
  assert.equal(set.model.got[0]?.key, set.world.folder.modelKey);
});

smoke("anthropic: the same as a stream", async () => {
  const { client, model, tools } = await fresh();
  model.reply({ calls: [tools.calculate("6 * 7")] }, { text: "It is 42, as ever.", usage: { input: 17, output: 5 } });
  const events = await (await client.stream("compute")).rest();
  const texts = events.filter(({ event }) => event === "text.delta").map(({ data }) => data["text"]);
  assert.equal(texts.join(""), "It is 42, as ever.");
  assert.ok(texts.length > 1, "the text came in one piece");
  assert.equal(events.at(-1)?.event, "run.finished");
  assert.ok(model.got.every(({ streaming }) => streaming));
});

test("anthropic: an answer without usage counts as its worst case, streamed or not", async () => {
  const { client, model } = await fresh();
  model.always({ usage: "missing" });
  const run = (await client.run("hello")).run("completed");
  assert.ok(run.usage.output_tokens >= (model.got[0]?.maxTokens ?? 0), JSON.stringify(run.usage));
  const events = await (await client.stream("hello")).rest();
  const usage = events.at(-1)?.data["usage"] as { output_tokens: number };
  assert.ok(usage.output_tokens >= (model.got[1]?.maxTokens ?? 0), JSON.stringify(usage));
});

for (const fault of ["truncate", "reset"] as const) {
  test(`anthropic: after a body with a ${fault} the model is asked again`, async () => {
    const { client, model } = await fresh();
    model.reply({ fault }, { text: "At last." });
    assert.equal((await client.run("hello")).run("completed").output, "At last.");
    model.reset();
    model.always({ fault: "malformed" });
    (await client.run("hello")).problem(502);
  });
}

for (const provider of ["openai", "azure", "google", "bedrock"] as const) {
  smoke(`${provider}: a run with tools at a base URL of one's own`, async (t) => {
    const set = await sceneFor(t, { state: "memory", env: { MODEL_PROVIDER: provider } });
    await converse(set);
    assert.equal(set.model.got[0]?.key, set.world.folder.modelKey);
    assert.equal(set.model.got[0]?.model, "contract-model");
  });
}

test("a stream of a model that does not say what it used counts as its worst case", async (t) => {
  const { client, model } = await sceneFor(t, { state: "memory" });
  model.always({ usage: "missing" });
  const events = await (await client.stream("hello")).rest();
  const usage = events.at(-1)?.data["usage"] as { output_tokens: number };
  assert.ok(usage.output_tokens >= (model.got[0]?.maxTokens ?? 0), JSON.stringify(usage));
});

test("a model that answers under a name without a price alarms, and is never free", async (t) => {
  const { world, client, model } = await sceneFor(t, { state: "memory", env: { TENANT_DAILY_COST_USD: "0.60" } });
  model.otherwise = ({ maxTokens }) => ({ model: "someone-else", usage: { input: 1_000, output: maxTokens } });
  let answer = await client.run("hello");
  for (let request = 0; request < 100 && answer.status !== 429; request++) {
    answer = await client.run("hello");
  }
  answer.problem(429);
  assert.ok((await world.metric("agent_unknown_model_total")) > 0);
});

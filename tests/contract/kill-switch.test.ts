import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { smoke, test } from "./contract.ts";
import { type Scene, scene } from "./scene.ts";
import { until } from "./waiting.ts";

const fresh = scene();

smoke("while the file exists and is not empty, new runs are 503 with Retry-After", async () => {
  const { world, client, model } = await fresh();
  writeFileSync(world.folder.disabled, "off\n");
  const refused = await until("the switch works", async () => {
    const answer = await client.run("hello");
    return answer.status !== 200 && answer;
  });
  refused.problem(503);
  assert.ok(refused.retryAfter() >= 1);
  const calls = model.got.length;
  (await client.run("hello")).problem(503);
  assert.equal(model.got.length, calls);
  assert.equal((await world.service.admin.get("/livez")).status, 200);
  writeFileSync(world.folder.disabled, "");
  await runsAgain(await fresh());
  writeFileSync(world.folder.disabled, "off\n");
  await until("the switch works", async () => (await client.run("hello")).status === 503);
  rmSync(world.folder.disabled);
  await runsAgain(await fresh());
});

test("a run that is going on stops at its next step", async () => {
  const { world, client, model, tools } = await fresh();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.reply({ gate, calls: [tools.calculate("1 + 1")] });
  const running = client.run("hello");
  await until("the call of the model", () => model.got.length === 1);
  writeFileSync(world.folder.disabled, "off\n");
  await until("the switch works", async () => (await world.client().run("hello")).status === 503);
  open();
  const run = (await running).run("stopped");
  assert.equal(model.got.length, 1);
  assert.equal(run.steps, 1);
  rmSync(world.folder.disabled);
  await runsAgain(await fresh());
});

async function runsAgain({ client }: Scene): Promise<void> {
  await until("runs again", async () => (await client.run("hello")).status === 200);
}

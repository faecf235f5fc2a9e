import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Client } from "./client.ts";
import { smoke, test } from "./contract.ts";
import { type Scene, sceneFor } from "./scene.ts";
import { sleep, until } from "./waiting.ts";

const begin = (t: Parameters<typeof sceneFor>[0]) => sceneFor(t, { state: "memory" });

smoke("a renamed key of the model is used within 5 s, without a restart", async (t) => {
  const set = await begin(t);
  const next = `${set.world.folder.canary}-rotated`;
  set.world.folder.put("model_api_key", next);
  await until("the new key", async () => (await usedKey(set)) === next, 5_000);
});

smoke("a key file that ends with a line break is the key without it", async (t) => {
  const set = await begin(t);
  const next = `${set.world.folder.canary}-rotated`;
  set.world.folder.put("model_api_key", `${next}\n`);
  await until("the new key", async () => (await usedKey(set)) === next, 5_000);
});

smoke("rotated to nothing, the last good value stays, and readiness and a metric say so", async (t) => {
  const set = await begin(t);
  const { world } = set;
  const failures = () => world.metric("agent_secret_refresh_failures_total", { secret: "model_api_key" });
  assert.equal(await failures(), 0);
  world.folder.put("model_api_key", "");
  const ready = () => world.service.admin.get("/readyz");
  const degraded = await until("readiness is degraded", async () => {
    const answer = await ready();
    return answer.text.includes("degraded") && answer;
  });
  assert.equal(degraded.status, 200);
  assert.deepEqual((degraded.json() as { degraded: string[] }).degraded, ["secret:model_api_key"]);
  assert.ok((await failures()) > 0);
  assert.equal(await usedKey(set), world.folder.modelKey);
  const next = `${world.folder.canary}-back`;
  world.folder.put("model_api_key", next);
  await until("the new key", async () => (await usedKey(set)) === next, 5_000);
  assert.ok(!(await ready()).text.includes("secret:"));
});

test("a secret whose file is gone stays as well", async (t) => {
  const set = await begin(t);
  set.world.folder.remove("model_api_key");
  await until("readiness is degraded", async () => {
    const answer = await set.world.service.admin.get("/readyz");
    return answer.status === 200 && answer.text.includes("secret:model_api_key");
  });
  assert.equal(await usedKey(set), set.world.folder.modelKey);
});

smoke("a 401 of the model reads the key again at once, and tries once more if it changed", async (t) => {
  const { world, client, model } = await begin(t);
  const next = `${world.folder.canary}-revoked`;
  model.keys = new Set([next]);
  world.folder.put("model_api_key", next);
  (await client.run("hello")).run("completed");
  const keys = model.got.map(({ key }) => key);
  assert.ok(keys.length <= 2, `${keys.length} calls`);
  assert.equal(keys.at(-1), next);
});

test("a 401 with a key that did not change is 502 after one call", async (t) => {
  const { client, model } = await begin(t);
  model.keys = new Set(["another"]);
  (await client.run("hello")).problem(502);
  assert.equal(model.got.length, 1);
});

test("a 401 after a change is not tried for ever", async (t) => {
  const { world, client, model } = await begin(t);
  model.keys = new Set(["another"]);
  world.folder.put("model_api_key", `${world.folder.canary}-wrong-too`);
  (await client.run("hello")).problem(502);
  assert.ok(model.got.length <= 2, `${model.got.length} calls`);
});

test("rotated API keys: the new one opens within 5 s, the removed one no longer", async (t) => {
  const { world, client } = await begin(t);
  const key = `${world.folder.canary}-new-client`;
  const hash = createHash("sha256").update(key).digest("hex");
  world.folder.put("api_keys", `newcomer:${hash}\n`);
  const newcomer = new Client(world.service.port, { authorization: `Bearer ${key}` });
  await until("the new key opens", async () => (await newcomer.run("hello")).status === 200, 5_000);
  (await client.run("hello")).problem(401);
});

test("API keys that make no sense leave the last good ones in place", async (t) => {
  const { world, client } = await begin(t);
  world.folder.put("api_keys", "nonsense");
  await sleep(5_000);
  (await client.run("hello")).run("completed");
  assert.match((await world.service.admin.get("/readyz")).text, /secret:api_keys/);
});

/** The key that the model is shown now. */
async function usedKey({ client, model }: Scene): Promise<string | undefined> {
  (await client.run("hello")).run("completed");
  return model.got.at(-1)?.key;
}

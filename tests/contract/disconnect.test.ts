import assert from "node:assert/strict";
import { smoke, test } from "./contract.ts";
import { scene } from "./scene.ts";
import { sleep, until } from "./waiting.ts";

const fresh = scene();

smoke("a client that hangs up cancels its run and the call of the model within 2 s", async () => {
  const { client, model, world } = await fresh();
  const cancelled = await world.metric("agent_runs_total", { status: "cancelled" });
  model.always({ fault: "hang" });
  const hangUp = new AbortController();
  const lost = client.run("hello", { signal: hangUp.signal });
  await until("the call of the model", () => model.got.length === 1);
  const left = performance.now();
  hangUp.abort();
  await assert.rejects(lost);
  const hungUpAt = await until("the end of the call", () => model.got[0]?.hungUpAt, 2_000);
  assert.ok(hungUpAt - left < 2_000, `${hungUpAt - left} ms`);
  const counted = () => world.metric("agent_runs_total", { status: "cancelled" });
  await until("the cancelled run", async () => (await counted()) === cancelled + 1, 2_000);
});

smoke("a client that leaves its stream cancels its run", async () => {
  const { client, model } = await fresh();
  model.always({ text: "One two three four five six seven eight nine ten.", pieceMs: 300 });
  const stream = await client.stream("count");
  const { id } = (await stream.upTo("run.started")).data;
  await stream.upTo("text.delta");
  stream.leave();
  await until("the end of the call", () => model.got[0]?.hungUpAt !== undefined, 2_000);
  const found = async () => (await client.get(`/v1/runs/${id}`)).run().status;
  await until("the cancelled run", async () => (await found()) === "cancelled", 2_000);
});

test("a client that hangs up while a call is repeated ends the repeating", async () => {
  const { client, model } = await fresh();
  model.always({ status: 503, retryAfter: "1" });
  const hangUp = new AbortController();
  const lost = client.run("hello", { signal: hangUp.signal });
  await until("the call of the model", () => model.got.length === 1);
  await sleep(200);
  hangUp.abort();
  await assert.rejects(lost);
  await sleep(1_500);
  assert.equal(model.got.length, 1);
});

test("with an Idempotency-Key the run of a lost stream goes on", async () => {
  const { client, model } = await fresh();
  model.always({ text: "One two three four five.", pieceMs: 200 });
  const stream = await client.stream("count", { headers: { "idempotency-key": "lost" } });
  const start = await stream.upTo("run.started");
  stream.leave();
  const path = `/v1/runs/${start.data["id"]}/events`;
  const rest = await (await client.events(path, { headers: { "last-event-id": start.id } })).rest();
  assert.equal(rest.at(-1)?.event, "run.finished");
  assert.equal(rest.at(-1)?.data["status"], "completed");
});

test("nothing that a client does by hanging up is an error of ours", async () => {
  const { client, model, world } = await fresh();
  model.always({ afterMs: 150 });
  const before = world.service.log().filter(({ level }) => level === "error" || level === "fatal").length;
  await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const hangUp = AbortSignal.timeout(index * 5 + 1);
      await client.run("hello", { signal: hangUp }).catch(() => undefined);
    }),
  );
  (await client.run("hello")).run("completed");
  const after = world.service.log().filter(({ level }) => level === "error" || level === "fatal").length;
  assert.equal(after, before);
  await until("the last answer", async () => (await world.metric("agent_http_in_flight")) === 0);
});

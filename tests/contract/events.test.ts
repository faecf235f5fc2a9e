import assert from "node:assert/strict";
import { type Client, problemOf } from "./client.ts";
import { smoke, test } from "./contract.ts";
import type { ServerEvent } from "./events.ts";
import { scene } from "./scene.ts";
import { sleep } from "./waiting.ts";

const fresh = scene();
const types = (events: readonly ServerEvent[]) => events.map(({ event }) => event);
const texts = (events: readonly ServerEvent[]) =>
  events
    .filter(({ event }) => event === "text.delta")
    .map(({ data }) => data["text"])
    .join("");
const eventsOf = (client: Client, id: unknown, after?: string) =>
  client.events(`/v1/runs/${id}/events`, after === undefined ? {} : { headers: { "last-event-id": after } });

smoke("a stream tells of a run from its start to its answer", async () => {
  const { model, client } = await fresh();
  model.reply({ text: "One two three four." });
  const events = await (await client.stream("count")).rest();
  assert.deepEqual(types(events).slice(0, 2), ["run.started", "step.started"]);
  assert.equal(types(events).at(-1), "run.finished");
  assert.equal(texts(events), "One two three four.");
  const { id } = events[0]?.data ?? {};
  assert.equal(typeof events[0]?.data["session_id"], "string");
  const finished = events.at(-1)?.data ?? {};
  assert.equal(finished["id"], id);
  assert.equal(finished["status"], "completed");
  assert.equal(finished["output"], "One two three four.");
  const found = (await client.get(`/v1/runs/${id}`)).run("completed");
  assert.deepEqual(found.usage, finished["usage"]);
});

test("`stream: true` asks for the same as the Accept header", async () => {
  const { client } = await fresh();
  const stream = await client.events("/v1/runs", { method: "POST", body: { input: "hello", stream: true } });
  assert.equal(types(await stream.rest()).at(-1), "run.finished");
});

test("text comes while the model is still speaking", async () => {
  const { model, client } = await fresh();
  model.reply({ text: "One two three four five six.", pieceMs: 200 });
  const stream = await client.stream("count");
  const { data } = await stream.upTo("run.started");
  const first = await stream.upTo("text.delta");
  (await client.get(`/v1/runs/${data["id"]}`)).run("running");
  assert.equal(texts([first, ...(await stream.rest())]), "One two three four five six.");
});

smoke("a stream tells of every tool that is called", async () => {
  const { model, client, tools } = await fresh();
  model.reply({ calls: [tools.calculate("6 * 7")] }, { text: "It is 42." });
  const events = await (await client.stream("compute")).rest();
  const expected = ["run.started", "step.started", "tool.started", "tool.finished", "step.started"];
  assert.deepEqual(types(events).slice(0, 5), expected);
  const [startedTool, finishedTool] = events.filter(({ event }) => event.startsWith("tool."));
  assert.equal(startedTool?.data["tool"], "calculator");
  assert.equal(typeof startedTool?.data["call_id"], "string");
  assert.equal(finishedTool?.data["tool"], "calculator");
  assert.equal(finishedTool?.data["call_id"], startedTool?.data["call_id"]);
});

smoke("a stream of a run that fails ends with the problem", async () => {
  const { model, client } = await fresh();
  model.always({ status: 400 });
  const events = await (await client.stream("fail")).rest();
  const last = events.at(-1);
  assert.equal(last?.event, "run.failed");
  problemOf(last?.data, 502);
});

test("the events of a run that is over can be read again, all or after an id", async () => {
  const { model, client } = await fresh();
  model.reply({ text: "One two three." });
  const live = await (await client.stream("count")).rest();
  const id = live[0]?.data["id"];
  assert.deepEqual(await (await eventsOf(client, id)).rest(), live);
  const middle = live[2];
  assert.ok(middle !== undefined);
  assert.deepEqual(await (await eventsOf(client, id, middle.id)).rest(), live.slice(3));
  assert.deepEqual(await (await eventsOf(client, id, live.at(-1)?.id)).rest(), []);
});

test("a run that was not asked for as a stream has events as well", async () => {
  const { client } = await fresh();
  const { id } = (await client.run("hello")).run("completed");
  const events = await (await eventsOf(client, id)).rest();
  assert.equal(events[0]?.event, "run.started");
  assert.equal(events.at(-1)?.event, "run.finished");
});

test("events can be followed from where a lost connection left off", async () => {
  const { model, client } = await fresh();
  model.reply({ text: "One two three four five six seven eight.", pieceMs: 100 });
  const lost = await client.stream("count", { headers: { "idempotency-key": "follow" } });
  const start = await lost.upTo("run.started");
  const seen = await lost.upTo("text.delta");
  lost.leave();
  await sleep(150);
  const rest = await (await eventsOf(client, start.data["id"], seen.id)).rest();
  assert.equal(texts([seen, ...rest]), "One two three four five six seven eight.");
  assert.equal(rest.at(-1)?.event, "run.finished");
});

test("several can follow one run, and whoever leaves cancels nothing", async () => {
  const { model, client } = await fresh();
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  model.reply({ gate });
  const stream = await client.stream("hello");
  const { id } = (await stream.upTo("run.started")).data;
  const [first, second] = await Promise.all([eventsOf(client, id), eventsOf(client, id)]);
  await first.upTo("run.started");
  first.leave();
  await sleep(300);
  open();
  const whole = await second.rest();
  assert.deepEqual((await stream.rest()).at(-1), whole.at(-1));
  assert.equal(whole.at(-1)?.event, "run.finished");
});

test("a stream is not kept by anyone between", async () => {
  const { client } = await fresh();
  const stream = await client.stream("hello");
  assert.match(String(stream.headers["cache-control"]), /no-store/);
  await stream.rest();
});

import assert from "node:assert/strict";
import { Agent } from "node:http";
import { Client } from "./client.ts";
import { smoke, test } from "./contract.ts";
import { open, statuses } from "./raw.ts";
import { type Scene, sceneFor } from "./scene.ts";
import { sleep, timed, until } from "./waiting.ts";

const CLEAN = { code: 0, signal: null };
const begin = (t: Parameters<typeof sceneFor>[0], env = {}, options: string[] = []) =>
  sceneFor(t, { state: "memory", env: { SHUTDOWN_DELAY_MS: "1500", SHUTDOWN_DRAIN_MS: "3000", ...env }, options });

/** A client that keeps its connection, which it has used. */
async function keptAlive(set: Scene): Promise<Client> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const client = new Client(set.world.service.port, set.client.headers, agent);
  assert.equal((await client.get("/openapi.json")).status, 200);
  return client;
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  smoke(`${signal}: /readyz is 503 within 1 s, /livez stays 200, and the service still serves for DELAY`, async (t) => {
    const { world, client } = await begin(t);
    const { service } = world;
    service.kill(signal);
    await until("not ready", () => service.answers("/readyz", 503), 1_000);
    assert.ok(await service.answers("/livez", 200));
    assert.equal(await world.metric("agent_shutting_down"), 1);
    const answer = await client.run("hello");
    answer.run("completed");
    assert.equal(answer.headers["connection"], "close");
    assert.deepEqual(await service.ended, CLEAN);
  });
}

smoke("an idle service is gone soon after DELAY", async (t) => {
  const { world } = await begin(t);
  const { ms, value } = await timed(() => world.service.end());
  assert.deepEqual(value, CLEAN);
  assert.ok(ms >= 1_400 && ms < 4_500, `${ms} ms`);
});

smoke("a run that is going on gets its whole answer, after the listener has closed", async (t) => {
  const { world, client, model } = await begin(t, { SHUTDOWN_DELAY_MS: "300" });
  model.reply({ afterMs: 1_500, text: "Late, and whole." });
  const running = client.run("hello");
  await until("the call of the model", () => model.got.length === 1);
  world.service.kill("SIGTERM");
  await sleep(800);
  await assert.rejects(client.run("too late"), /ECONNREFUSED/);
  assert.ok(await world.service.answers("/livez", 200), "the admin listener is gone");
  assert.ok(await world.service.answers("/readyz", 503));
  assert.equal((await running).run("completed").output, "Late, and whole.");
  assert.deepEqual(await world.service.ended, CLEAN);
});

test("after DELAY idle connections are closed, and a request that still comes on an open one gets 503", async (t) => {
  const set = await begin(t, { SHUTDOWN_DELAY_MS: "300" });
  const { service } = set.world;
  const idle = await open(service.port);
  idle.write(`GET /openapi.json HTTP/1.1\r\nhost: a\r\nauthorization: ${set.client.headers["authorization"]}\r\n\r\n`);
  await until("an answer", () => statuses(idle.text).length === 1);
  const { promise: gate, resolve: release } = Promise.withResolvers<void>();
  set.model.reply({ gate });
  const busy = await open(service.port);
  const body = '{"input":"hello"}';
  const request = `POST /v1/runs HTTP/1.1\r\nhost: a\r\nauthorization: ${set.client.headers["authorization"]}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  busy.write(request);
  await until("the call of the model", () => set.model.got.length === 1);
  service.kill("SIGTERM");
  assert.ok((await idle.closed(1_500)).closed, "the idle connection stays open");
  // Behind the one that is being answered, on the same connection.
  busy.write(request);
  await sleep(200);
  release();
  const { text } = await busy.closed(3_000);
  const [first, second, ...more] = statuses(text);
  assert.equal(first, 200, text);
  assert.ok(second === 503 || second === undefined, text);
  assert.deepEqual(more, []);
  assert.deepEqual(await service.ended, CLEAN);
});

smoke("at 80 % of DRAIN a run still going is ended: 503 to its client, and exit 0", async (t) => {
  const { world, client, model } = await begin(t, { SHUTDOWN_DELAY_MS: "0", SHUTDOWN_DRAIN_MS: "2500" });
  model.always({ fault: "hang" });
  const running = client.run("hello");
  await until("the call of the model", () => model.got.length === 1);
  world.service.kill("SIGTERM");
  const { ms, value } = await timed(() => running);
  value.problem(503);
  assert.ok(value.retryAfter() >= 1);
  assert.ok(ms > 1_800 && ms < 2_600, `${ms} ms`);
  assert.deepEqual(await world.service.ended, CLEAN);
});

smoke("at 80 % of DRAIN a stream ends in order, with a whole shutdown event", async (t) => {
  const { world, client, model, tools } = await begin(t, { SHUTDOWN_DELAY_MS: "0", SHUTDOWN_DRAIN_MS: "2500" });
  model.reply({ calls: [tools.calculate("1 + 1")] });
  model.always({ text: "tick ".repeat(200), pieceMs: 50 });
  const stream = await client.stream("count");
  const { id } = (await stream.upTo("run.started")).data;
  const following = await client.events(`/v1/runs/${id}/events`);
  await stream.upTo("text.delta");
  world.service.kill("SIGTERM");
  // Both readers insist on whole events and an orderly end.
  for (const events of [await stream.rest(), await following.rest()]) {
    assert.equal(events.at(-1)?.event, "shutdown", events.map(({ event }) => event).join());
  }
  assert.deepEqual(await world.service.ended, CLEAN);
});

test(
  "a run that was ended is stopped by the shutdown; its session keeps what was finished, and a new run goes on",
  async (t) => {
    const env = { SHUTDOWN_DELAY_MS: "0", SHUTDOWN_DRAIN_MS: "2000" };
    const { world, client, model, tools } = await sceneFor(t, { env });
    model.reply({ calls: [tools.calculate("40 + 2")] }, { fault: "hang" });
    const stream = await client.stream({ input: "compute", session_id: "interrupted" });
    const { id } = (await stream.upTo("run.started")).data;
    await stream.upTo("tool.finished");
    await until("the second call of the model", () => model.got.length === 2);
    assert.deepEqual(await world.service.end(), CLEAN);
    assert.equal((await stream.rest()).at(-1)?.event, "shutdown");
    await world.restart();
    const again = client.at(world.service.port);
    const run = (await again.get(`/v1/runs/${id}`)).run("stopped");
    assert.equal(run.reason, "shutdown");
    (await again.run({ input: "go on", session_id: "interrupted" })).run("completed");
    const turns = model.got.at(-1)?.turns ?? [];
    assert.ok(turns.some(({ role, text }) => role === "user" && text === "compute"));
    assert.ok(turns.some(({ role, text }) => role === "tool" && /\b42\b/.test(text)));
  },
  "postgres",
);

smoke("a second signal exits at once, non-zero", async (t) => {
  const { world, client, model } = await begin(t);
  model.always({ fault: "hang" });
  const lost = client.run("hello").catch(() => undefined);
  await until("the call of the model", () => model.got.length === 1);
  world.service.kill("SIGTERM");
  await sleep(300);
  const { ms, value } = await timed(() => world.service.end("SIGTERM"));
  assert.ok(value.code !== 0, JSON.stringify(value));
  assert.ok(ms < 1_000, `${ms} ms`);
  await lost;
});

smoke("a half-sent request never blocks", async (t) => {
  const { world, client } = await begin(t, { SHUTDOWN_DELAY_MS: "200", SHUTDOWN_DRAIN_MS: "20000" });
  const authorization = `authorization: ${client.headers["authorization"]}`;
  const parts = [
    "",
    "POST /v1/ru",
    "POST /v1/runs HTTP/1.1\r\nhost: a\r\n",
    `POST /v1/runs HTTP/1.1\r\nhost: a\r\n${authorization}\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{"inp`,
  ];
  const connections = await Promise.all(parts.map(() => open(world.service.port)));
  for (const [index, connection] of connections.entries()) {
    connection.write(parts[index] ?? "");
  }
  await sleep(200);
  const { ms, value } = await timed(() => world.service.end());
  assert.deepEqual(value, CLEAN);
  assert.ok(ms < 5_000, `${ms} ms`);
});

test("a run that waits for an approval holds nothing up", async (t) => {
  const { world, client, model, tools } = await begin(t, { SHUTDOWN_DELAY_MS: "0", SHUTDOWN_DRAIN_MS: "20000" });
  model.reply({ calls: [tools.write("a note")] });
  (await client.run("note it")).run("awaiting_approval");
  const { ms, value } = await timed(() => world.service.end());
  assert.deepEqual(value, CLEAN);
  assert.ok(ms < 3_000, `${ms} ms`);
});

/** Makes the runtime throw where nobody catches, on a signal that is nothing else's. */
const CRASH =
  "data:text/javascript,process.on('SIGUSR2',()=>setImmediate(()=>{throw new Error('a crash of the test')}))";
const REJECT = "data:text/javascript,process.on('SIGUSR2',()=>void Promise.reject(new Error('a crash of the test')))";
for (const [what, module] of [
  ["thrown error", CRASH],
  ["rejection", REJECT],
] as const) {
  smoke(`an uncaught ${what} is logged, drains, and exits 1`, async (t) => {
    const { world, client, model } = await begin(t, { SHUTDOWN_DELAY_MS: "300" }, ["--import", module]);
    model.reply({ afterMs: 1_000, text: "Whole all the same." });
    const running = client.run("hello");
    await until("the call of the model", () => model.got.length === 1);
    world.service.kill("SIGUSR2");
    assert.equal((await running).run("completed").output, "Whole all the same.");
    assert.deepEqual(await world.service.ended, { code: 1, signal: null });
    assert.ok(world.service.log().some((line) => JSON.stringify(line).includes("a crash of the test")));
  });
}

test("connections that are kept alive are told to close during DELAY", async (t) => {
  const set = await begin(t);
  const clients = await Promise.all(Array.from({ length: 5 }, () => keptAlive(set)));
  set.world.service.kill("SIGTERM");
  await sleep(200);
  for (const client of clients) {
    assert.equal((await client.get("/openapi.json")).headers["connection"], "close");
  }
  assert.deepEqual(await set.world.service.ended, CLEAN);
});

smoke("what is cut in the end is told by exit 1", async (t) => {
  const env = { SHUTDOWN_DELAY_MS: "0", SHUTDOWN_DRAIN_MS: "1500" };
  const set = await begin(t, env);
  // A client that asked and never listens: more is on its way to it than any buffer on the way holds.
  set.model.reply({ text: `${"a".repeat(4_000)} `.repeat(1_500) });
  const deaf = await open(set.world.service.port);
  deaf.socket.pause();
  const body = '{"input":"hello","stream":true}';
  deaf.write(
    `POST /v1/runs HTTP/1.1\r\nhost: a\r\nauthorization: ${set.client.headers["authorization"]}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await until("the call of the model", () => set.model.got.length >= 1);
  await sleep(1_000);
  const { ms, value } = await timed(() => set.world.service.end());
  assert.deepEqual(value, { code: 1, signal: null });
  assert.ok(ms < 12_000, `${ms} ms`);
  deaf.socket.destroy();
});

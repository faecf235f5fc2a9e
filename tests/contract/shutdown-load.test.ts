import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import type { Client } from "./client.ts";
import { smoke } from "./contract.ts";
import { sceneFor } from "./scene.ts";
import { sleep } from "./waiting.ts";

const REPETITIONS = Number(process.env["SHUTDOWN_REPETITIONS"] ?? 3);
const CONNECTIONS = 32;
const REQUESTS_PER_SECOND = 200;
const LOAD_MS = 1_500;

/** What became of the requests. */
interface Count {
  answered: number;
  unavailable: number;
  /** Nobody took the connection any more, so the request was not accepted. */
  refused: number;
  lost: number;
}

const OUTCOMES: Readonly<Record<number, keyof Count>> = { 200: "answered", 503: "unavailable" };

for (let repetition = 1; repetition <= REPETITIONS; repetition++) {
  smoke(`SIGTERM under ${REQUESTS_PER_SECOND} requests/s loses none that was accepted (${repetition})`, async (t) => {
    const env = { SHUTDOWN_DELAY_MS: "1000", SHUTDOWN_DRAIN_MS: "5000", BULKHEAD_MAX: "64" };
    const { world, client, model } = await sceneFor(t, { state: "memory", env });
    model.always({ afterMs: 40 });
    const count: Count = { answered: 0, unavailable: 0, refused: 0, lost: 0 };
    const load = Array.from({ length: CONNECTIONS }, (_, index) => drive(client, index, count));
    await sleep(LOAD_MS);
    world.service.kill("SIGTERM");
    const ending = await world.service.ended;
    await Promise.all(load);
    t.diagnostic(JSON.stringify(count));
    assert.deepEqual(ending, { code: 0, signal: null });
    assert.equal(count.lost, 0);
    // A machine that is busy otherwise answers fewer than were to be asked.
    assert.ok(count.answered > (REQUESTS_PER_SECOND * LOAD_MS) / 1_000 / 5, `${count.answered} answers`);
  });
}

/** Sends one request after the other on a connection of its own, until nobody takes it any more. */
async function drive(client: Client, index: number, count: Count): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const everyMs = (CONNECTIONS / REQUESTS_PER_SECOND) * 1_000;
  let next = performance.now() + (everyMs * index) / CONNECTIONS;
  for (;;) {
    await sleep(Math.max(0, next - performance.now()));
    next += everyMs;
    const outcome = await send(client, agent);
    count[outcome]++;
    if (outcome === "refused") {
      return;
    }
  }
}

/** What becomes of one request. A connection that was never established was not accepted either. */
function send({ port, headers }: Client, agent: Agent): Promise<keyof Count> {
  const body = '{"input":"hello"}';
  const type = { "content-type": "application/json", "content-length": String(body.length) };
  return new Promise((resolve) => {
    let established = false;
    const outgoing = request({
      host: "127.0.0.1",
      port,
      path: "/v1/runs",
      method: "POST",
      agent,
      headers: { ...headers, ...type },
    });
    outgoing.on("socket", (socket) => {
      established = !socket.connecting;
      socket.once("connect", () => (established = true));
    });
    outgoing.on("error", () => resolve(established ? "lost" : "refused"));
    outgoing.on("response", (response) => {
      response.on("error", () => resolve("lost"));
      response.on("end", () => resolve(OUTCOMES[response.statusCode ?? 0] ?? "lost"));
      response.resume();
    });
    outgoing.end(body);
  });
}

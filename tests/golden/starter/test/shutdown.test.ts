import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { until } from "./kit.ts";
import { DEVELOPMENT, exchange, scratch, scripted, serve } from "./support.ts";

const BODY = '{"input":"1 + 1"}';
const HEAD = "POST /v1/runs HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n";
const listening = z.object({ port: z.int(), admin_port: z.int() });

async function spawned(t: TestContext, env: Record<string, string>) {
  const child = spawn(process.execPath, ["src/main.ts"], {
    env: { ...DEVELOPMENT, STATE_DIR: scratch(t), ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  child.once("exit", (code) => reject(new Error(`exit code ${code} before it listened`)));
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.includes('"listening"')) {
      resolve(line);
    }
  });
  const { port, admin_port } = listening.parse(JSON.parse(await promise));
  return { child, url: `http://127.0.0.1:${port}`, adminUrl: `http://127.0.0.1:${admin_port}` };
}

const exitCode = async (child: ChildProcess): Promise<unknown> => (await once(child, "exit"))[0];

test("SIGTERM under load loses no answer", async (t) => {
  const { child, url, adminUrl } = await spawned(t, { SHUTDOWN_DELAY_MS: "600" });
  const exit = exitCode(child);
  const statuses: number[] = [];
  const client = async (): Promise<void> => {
    const init = { method: "POST", headers: { "content-type": "application/json" }, body: BODY };
    for (let asked = false; !asked; ) {
      const response = await fetch(`${url}/v1/runs`, init);
      await response.json();
      statuses.push(response.status);
      asked = response.headers.get("connection") === "close";
    }
  };
  const clients = Array.from({ length: 8 }, client);
  await until(() => statuses.length > 200);
  child.kill("SIGTERM");
  await until(async () => (await fetch(`${adminUrl}/readyz`)).status === 503);
  assert.equal((await fetch(`${adminUrl}/livez`)).status, 200);
  await Promise.all(clients);
  assert.equal((await fetch(`${url}/openapi.json`)).status, 200);
  assert.deepEqual([...new Set(statuses)], [200]);
  assert.equal(await exit, 0);
});

test("a second signal exits at once, and not with 0, but for an interrupt that npm repeats", async (t) => {
  const { child } = await spawned(t, { SHUTDOWN_DELAY_MS: "60000" });
  const exit = exitCode(child);
  child.kill("SIGINT");
  setTimeout(() => child.kill("SIGINT"), 20);
  setTimeout(() => child.kill("SIGTERM"), 300);
  assert.equal(await exit, 143);
});

test("what is still arriving when the listener closes is answered 503 and holds nothing up", async (t) => {
  const { port, get, shutDown } = await serve(t, { SHUTDOWN_DRAIN_MS: "20000" });
  const halves = ["", `${HEAD}Content-Le`, `${HEAD}Content-Length: 9\r\n\r\n{`].map((bytes) => exchange(port, bytes));
  const late = connect(port, "127.0.0.1");
  await once(late, "connect");
  await get("/openapi.json");
  const started = performance.now();
  setTimeout(() => late.write(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`), 100);
  const ended = shutDown();
  const [answer]: unknown[] = await once(late, "data");
  assert.match(String(answer), /^HTTP\/1.1 503 /);
  assert.equal(await ended, true);
  assert.ok(performance.now() - started < 2_000);
  assert.match((await Promise.all(halves))[2] ?? "", /^HTTP\/1.1 503 /);
});

test("runs that outlast the drain are ended with 503", async (t) => {
  const model = scripted(() => new Promise(() => undefined));
  const { post, shutDown, admin } = await serve(t, { SHUTDOWN_DRAIN_MS: "500" }, { model });
  const pending = post({ input: "x" });
  await until(async () => (await (await admin("/metrics")).text()).includes("agent_http_in_flight 1"));
  assert.equal(await shutDown(), true);
  const response = await pending;
  assert.equal(response.status, 503);
  assert.equal(response.headers.get("retry-after"), "1");
  assert.equal(response.headers.get("connection"), "close");
});

test("what cannot be answered in time is cut, and not in silence", async (t) => {
  const model = scripted(async () => ({ text: "x".repeat(50_000_000), calls: [], tokens: { input: 1, output: 1 } }));
  const { port, shutDown, admin } = await serve(t, { SHUTDOWN_DRAIN_MS: "300" }, { model });
  const socket = connect(port, "127.0.0.1", () => socket.write(`${HEAD}Content-Length: ${BODY.length}\r\n\r\n${BODY}`));
  socket.pause();
  await until(async () => (await (await admin("/metrics")).text()).includes('agent_runs_total{status="completed"'));
  assert.equal(await shutDown(), false);
  socket.destroy();
});

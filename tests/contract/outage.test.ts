import assert from "node:assert/strict";
import type { Client } from "./client.ts";
import { test } from "./contract.ts";
import { type Scene, sceneFor } from "./scene.ts";
import { Servers } from "./servers.ts";
import { sleep, until } from "./waiting.ts";

/** How long an answer may take while a server is gone. */
const BOUND_MS = 5_000;
/** How long a server is gone, in milliseconds. */
const OUTAGE_MS = Number(process.env["OUTAGE_MS"] ?? 8_000);

interface Outcome {
  readonly status: number;
  readonly ms: number;
}

async function begin(t: Parameters<typeof sceneFor>[0]): Promise<Scene & { servers: Servers }> {
  const servers = await Servers.start();
  t.after(() => servers.stop());
  return { ...(await sceneFor(t, { servers: servers.env })), servers };
}

test(
  "Postgres killed and brought back under load: bounded answers, no crash, recovery without a restart",
  async (t) => {
    const { world, client, servers } = await begin(t);
    const { service } = world;
    const load = new Load(client);
    await sleep(1_000);
    assert.ok(load.outcomes.every(({ status }) => status === 200));
    await servers.kill("postgres");
    load.forget();
    await until("not ready", () => service.answers("/readyz", 503), BOUND_MS);
    await sleep(OUTAGE_MS);
    assert.ok(await service.answers("/livez", 200));
    assert.ok(load.outcomes.length > 0, "nothing was answered");
    for (const { status, ms } of load.outcomes) {
      assert.ok(ms < BOUND_MS + 500, `${status} after ${ms} ms`);
    }
    // Those that the outage surprised aside, every one is refused for now.
    const statuses = new Set(load.outcomes.slice(20).map(({ status }) => status));
    assert.deepEqual([...statuses], [503]);
    await servers.revive("postgres");
    await until("ready again", () => service.answers("/readyz", 200), 30_000);
    await until("runs again", async () => (await client.run("hello")).status === 200, 30_000);
    load.forget();
    await sleep(1_000);
    assert.ok(load.outcomes.every(({ status }) => status === 200));
    await load.stop();
    assert.ok(!service.isOver, "the service ended");
    assert.ok(!service.log().some(({ level }) => level === "fatal"));
  },
  "postgres",
);

test(
  "a run that is going on when Postgres goes is answered in time, and not as a success that nobody kept",
  async (t) => {
    const { client, model, servers } = await begin(t);
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    model.always({ gate });
    const running = client.run("hello");
    await until("the call of the model", () => model.got.length === 1);
    await servers.kill("postgres");
    open();
    const answer = await running;
    assert.ok(answer.status >= 500 && answer.status <= 504, String(answer.status));
    await servers.revive("postgres");
  },
  "postgres",
);

test(
  "Redis killed and brought back under load: runs go on",
  async (t) => {
    const { world, client, servers } = await begin(t);
    const load = new Load(client);
    await sleep(500);
    await servers.kill("redis");
    await sleep(OUTAGE_MS);
    assert.ok(await world.service.answers("/readyz", 200));
    await servers.revive("redis");
    await sleep(2_000);
    await load.stop();
    const slow = load.outcomes.filter(({ status, ms }) => status !== 200 || ms > BOUND_MS);
    assert.deepEqual(slow, []);
    assert.ok(load.outcomes.length > 50, String(load.outcomes.length));
    assert.ok(!world.service.log().some(({ level }) => level === "fatal"));
  },
  "redis",
);

/** A few clients who ask for one run after the other. */
class Load {
  outcomes: Outcome[] = [];
  #stopped = false;
  readonly #clients: Promise<void>[];

  constructor(client: Client) {
    this.#clients = Array.from({ length: 6 }, () => this.#drive(client));
  }

  forget(): void {
    this.outcomes = [];
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#clients);
  }

  async #drive(client: Client): Promise<void> {
    while (!this.#stopped) {
      const { outcomes } = this;
      const start = performance.now();
      const { status } = await client.run("hello");
      outcomes.push({ status, ms: performance.now() - start });
      await sleep(50);
    }
  }
}

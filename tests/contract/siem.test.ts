import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Entry, parseLog } from "./audit.ts";
import { smoke, test } from "./contract.ts";
import { type Scene, sceneFor } from "./scene.ts";
import { Siem } from "./siem.ts";
import { sleep, timed, until } from "./waiting.ts";
import type { World } from "./world.ts";

/** How long the SIEM is gone, in milliseconds. */
const OUTAGE_MS = Number(process.env["SIEM_OUTAGE_MS"] ?? 8_000);
const TOKEN = "token-of-the-siem";

type Test = Parameters<typeof sceneFor>[0];

async function begin(t: Test, secrets = {}): Promise<Scene & { siem: Siem }> {
  const siem = await Siem.start();
  // Plain HTTP is for development.
  const env = { SIEM_URL: siem.url, ENVIRONMENT: "development" };
  const set = await sceneFor(t, { state: "memory", env, secrets });
  t.after(() => siem.down());
  return { ...set, siem };
}

smoke("every entry of the audit log reaches the SIEM, as it was written", async (t) => {
  const { world, client, siem } = await begin(t, { siem_token: TOKEN });
  for (let run = 0; run < 5; run++) {
    (await client.run("hello")).run("completed");
  }
  await arrived(world, siem);
  assert.deepEqual([...siem.credentials], [`Bearer ${TOKEN}`]);
});

smoke("a SIEM that is gone for a while loses nothing, and holds nobody up", async (t) => {
  const { world, client, siem } = await begin(t);
  (await client.run("hello")).run("completed");
  await siem.down();
  const end = performance.now() + OUTAGE_MS;
  while (performance.now() < end) {
    const { ms, value } = await timed(() => client.run("hello"));
    value.run("completed");
    assert.ok(ms < 1_500, `${ms} ms`);
    await sleep(50);
  }
  assert.ok((await world.metric("agent_audit_outbox_depth")) > 0);
  assert.ok((await world.metric("agent_audit_write_failures_total")) > 0);
  await siem.up();
  await arrived(world, siem);
  await until("the outbox is empty", async () => (await world.metric("agent_audit_outbox_depth")) === 0);
});

for (const status of [500, 429, 401, undefined]) {
  test(`a SIEM that answers ${status ?? "with a reset"} for a while loses nothing`, async (t) => {
    const { world, client, siem } = await begin(t);
    siem.status = status;
    for (let run = 0; run < 5; run++) {
      (await client.run("hello")).run("completed");
    }
    const asked = siem.asked;
    await until("an attempt", () => siem.asked > asked);
    siem.status = 200;
    await arrived(world, siem);
  });
}

smoke("what the SIEM has not got at the end it gets after the next start", async (t) => {
  const { world, client, siem } = await begin(t);
  await siem.down();
  for (let run = 0; run < 5; run++) {
    (await client.run("hello")).run("completed");
  }
  const { ms, value } = await timed(() => world.service.end());
  assert.deepEqual(value, { code: 0, signal: null });
  assert.ok(ms < 15_000, `${ms} ms`);
  await siem.up();
  await world.restart();
  await arrived(world, siem);
});

test("nor is anything lost if the process is killed meanwhile", async (t) => {
  const { world, client, siem } = await begin(t);
  await siem.down();
  for (let run = 0; run < 5; run++) {
    (await client.run("hello")).run("completed");
  }
  await world.service.end("SIGKILL");
  await siem.up();
  await world.restart();
  await arrived(world, siem);
});

test("entries are delivered in batches", async (t) => {
  const { world, client, siem } = await begin(t);
  await Promise.all(Array.from({ length: 40 }, () => client.run("hello")));
  await arrived(world, siem);
  assert.ok(siem.asked < siem.entries.length / 2, `${siem.asked} requests for ${siem.entries.length} entries`);
  assert.ok((await world.metric("agent_batch_size_count")) > 0);
});

/** Waits until the SIEM has every entry of the log, each as it is there; once or more often. */
async function arrived({ folder }: World, siem: Siem): Promise<void> {
  const log = () => parseLog(readFileSync(join(folder.state, "audit.jsonl"), "utf8"));
  const missing = () => {
    const there = new Set(siem.entries.map(nameOf));
    return log().filter((entry) => !there.has(nameOf(entry)));
  };
  await until("all entries at the SIEM", () => missing().length === 0, 60_000);
  const written = new Map(log().map((entry) => [nameOf(entry), entry]));
  for (const entry of siem.entries) {
    assert.deepEqual(entry, written.get(nameOf(entry)));
  }
}

function nameOf({ chain, seq }: Entry): string {
  return `${chain} ${seq}`;
}

import assert from "node:assert/strict";
import { createPublicKey, type KeyObject } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { assertSound, type Entry, forged, GENESIS, kidOf, parseLog } from "./audit.ts";
import * as canaries from "./canaries.ts";
import { smoke, test } from "./contract.ts";
import { type Scene, sceneFor } from "./scene.ts";
import { npmRun } from "./service.ts";
import { until } from "./waiting.ts";
import type { World } from "./world.ts";

const begin = (t: Parameters<typeof sceneFor>[0]) => sceneFor(t, { state: "memory" });
const logOf = ({ folder }: World) => readFileSync(join(folder.state, "audit.jsonl"), "utf8");
const json = (entries: readonly Entry[]) => entries.map((entry) => `${JSON.stringify(entry)}\n`).join("");

smoke("every entry is hashed, signed and linked as the contract says", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  const entries = parseLog(logOf(set.world));
  assert.ok(entries.length >= 6, `${entries.length} entries`);
  assert.equal(entries[0]?.prev, GENESIS);
  assertSound(entries, [set.world.folder.auditKey]);
  assert.ok(entries.some(({ event }) => event.tenant === set.tenant));
});

smoke("an effect is written down as started, and its outcome as a second entry", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  const entries = parseLog(logOf(set.world));
  const started = entries.findIndex(({ event }) => event.result === "started" && event.tenant === set.tenant);
  assert.ok(started >= 0, "nothing was started");
  const { action, resource } = entries[started]?.event ?? {};
  const outcome = entries
    .slice(started + 1)
    .find(({ event }) => event.action === action && event.resource === resource && event.result !== "started");
  assert.ok(outcome !== undefined, `${action} on ${resource} has no outcome`);
});

test("a risky call is on record with its approval: what was asked for, decided and done", async (t) => {
  const set = await begin(t);
  const before = parseLog(logOf(set.world)).length;
  await writeNote(set);
  const actions = parseLog(logOf(set.world))
    .slice(before)
    .map(({ event }) => event.action);
  assert.ok(
    actions.some((action) => /approv/.test(action)),
    actions.join(),
  );
  assert.ok(
    actions.some((action) => /tool/.test(action)),
    actions.join(),
  );
});

smoke("what was said is in the log as keyed digests only", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  set.world.clean("the audit log", logOf(set.world));
  assert.ok(!logOf(set.world).includes("walnut"));
});

smoke("audit:verify takes a log as the service wrote it", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  const entries = parseLog(logOf(set.world));
  assert.equal(await verdict(set.world, entries), "ok");
  assert.equal(await verdict(set.world, entries, { head: entries.at(-1)?.hash }), "ok");
  await set.world.service.end();
  assert.equal(await verdict(set.world, parseLog(logOf(set.world))), "ok");
});

smoke("audit:verify finds what was tampered with, and says where and why", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  const key = set.world.folder.auditKey;
  const entries = parseLog(logOf(set.world));
  const [one, two, three] = entries;
  assert.ok(one !== undefined && two !== undefined && three !== undefined);
  const with2 = (entry: Entry) => entries.with(1, entry);
  const check = async (why: string, line: number, log: readonly Entry[] | string, options: Options = {}) =>
    assert.equal(await verdict(set.world, log, options), `${line} ${why}`);
  await check("malformed", 2, json(entries).replace(json([two]), "{\n"));
  await check("malformed", 2, json(entries).replace(json([two]), "{}\n"));
  await check("hash", 2, with2({ ...two, event: { ...two.event, actor: "someone else" } }));
  await check("hash", 2, with2({ ...two, ts: three.ts.replace(/\d(?=\D*$)/, "0"), hash: one.hash }));
  await check("signature", 2, with2({ ...two, sig: one.sig }));
  await check("sequence", 2, entries.toSpliced(1, 1));
  await check("sequence", 2, [one, three, two, ...entries.slice(3)]);
  await check("sequence", 3, entries.toSpliced(2, 0, two));
  await check("link", 2, with2(forged(two, { prev: three.hash }, key)));
  await check("key", 1, entries, { keys: [set.world.folder.newAuditKey()] });
});

test("audit:verify finds that the end is missing, if it is told the head", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  const entries = parseLog(logOf(set.world));
  const cut = entries.slice(0, -1);
  assert.equal(await verdict(set.world, cut), "ok");
  assert.equal(await verdict(set.world, cut, { head: entries.at(-1)?.hash }), `${cut.length} truncated`);
});

smoke("a restart begins a chain of its own, linked to what was there", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  await set.world.service.end();
  const before = parseLog(logOf(set.world));
  await set.world.restart();
  (await set.client.at(set.world.service.port).run("hello")).run("completed");
  const entries = parseLog(logOf(set.world));
  const [first] = entries.slice(before.length);
  assert.deepEqual(entries.slice(0, before.length), before);
  assert.notEqual(first?.chain, before.at(-1)?.chain);
  assert.equal(first?.seq, 1);
  assert.equal(first?.prev, before.at(-1)?.hash);
  assertSound(entries, [set.world.folder.auditKey]);
  assert.equal(await verdict(set.world, entries), "ok");
  // So no whole chain can go without a trace.
  assert.match(await verdict(set.world, entries.slice(before.length)), /^1 link$/);
});

test("a process that was killed leaves a log that goes on soundly", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  await set.world.service.end("SIGKILL");
  await set.world.restart();
  (await set.client.at(set.world.service.port).run("hello")).run("completed");
  assertSound(parseLog(logOf(set.world)), [set.world.folder.auditKey]);
});

test("a new key is announced by the old one", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  const old = set.world.folder.auditKey;
  const next = set.world.folder.newAuditKey();
  const rotation = await until("the rotation", async () => {
    (await set.client.run("hello")).run("completed");
    return parseLog(logOf(set.world)).find(({ event }) => event.action === "audit.key_rotated");
  });
  assert.equal(rotation.kid, kidOf(old));
  assert.ok(Object.values(rotation.event.metadata ?? {}).includes(kidOf(next)), JSON.stringify(rotation.event));
  (await set.client.run("hello")).run("completed");
  const entries = parseLog(logOf(set.world));
  assert.equal(entries.at(-1)?.kid, kidOf(next));
  assertSound(entries, [old, next]);
  assert.equal(await verdict(set.world, entries, { keys: [old, next] }), "ok");
  const unknown = entries.findIndex(({ kid }) => kid === kidOf(next)) + 1;
  assert.equal(await verdict(set.world, entries, { keys: [old] }), `${unknown} key`);
});

test("entries are counted, and nothing waits that has a place", async (t) => {
  const set = await begin(t);
  await doSomething(set);
  assert.equal(await set.world.metric("agent_audit_events_total"), parseLog(logOf(set.world)).length);
  assert.equal(await set.world.metric("agent_audit_write_failures_total"), 0);
});

/** A run that calls a tool, one that fails, and one that is refused. */
async function doSomething({ client, model, tools }: Scene): Promise<void> {
  model.reply({ calls: [tools.calculate("1 + 1")] }, { text: "It is a walnut." });
  (await client.run("hello")).run("completed");
  model.always({ status: 400 });
  (await client.run("fail")).problem(502);
  model.reset();
  (await client.run({ input: canaries.PROMPT, session_id: "on-record" })).run("completed");
  await client.delete("/v1/sessions/on-record");
}

async function writeNote({ client, model, tools }: Scene): Promise<void> {
  model.reply({ calls: [tools.write("walnut")] });
  const run = (await client.run("note it")).run("awaiting_approval");
  const decision = { approval_id: run.approvals?.[0]?.approval_id, decision: "approve" };
  assert.equal((await client.post(`/v1/runs/${run.id}/approvals`, decision)).status, 202);
  await until("the end of the run", async () => (await client.get(`/v1/runs/${run.id}`)).run().status === "completed");
}

interface Options {
  readonly keys?: readonly KeyObject[];
  readonly head?: string | undefined;
}

/** What audit:verify says of a log: `ok`, or the line and the word. */
async function verdict({ folder }: World, log: readonly Entry[] | string, options: Options = {}): Promise<string> {
  const file = join(folder.path, "log.jsonl");
  writeFileSync(file, typeof log === "string" ? log : json(log));
  const keys = (options.keys ?? [folder.auditKey]).map((key, index) => {
    const path = join(folder.path, `public-${index}.pem`);
    writeFileSync(path, createPublicKey(key).export({ type: "spki", format: "pem" }));
    return path;
  });
  const head = options.head === undefined ? [] : ["--head", options.head];
  const { code, stdout, stderr } = await npmRun("audit:verify", [file, "--keys", ...keys, ...head]);
  if (code === 0) {
    return "ok";
  }
  assert.equal(code, 1, stderr);
  const said = stdout + stderr;
  const word = /\b(malformed|hash|key|signature|sequence|link|truncated)\b/.exec(said)?.[0];
  return `${/\d+/.exec(said)?.[0]} ${word}`;
}

import assert from "node:assert/strict";
import { rmSync, statSync, writeFileSync } from "node:fs";
import { test } from "node:test";
import { AuditError } from "../src/audit/trail.ts";
import { createCollector, createTable, EVENT, passUntil, place } from "./audit-support.ts";

const MINUTE = 60_000;

test("a minute without table and SIEM loses nothing, and each comes back by itself", async (t) => {
  const { start, verified } = place(t);
  const { table, state, texts } = createTable();
  const collector = await createCollector(t);
  const { trail, clock, record, valueOf } = start({ table, siem: collector.url });
  await clock.settle();
  record(150);
  await passUntil(clock, () => texts().length === 150 && collector.taken.size === 150);

  state.mode = "down";
  collector.state.status = 503;
  for (let second = 0; second < 60; second += 1) {
    record(5);
    await clock.advance(1_000);
  }
  assert.equal(texts().length, 150);
  assert.equal(await valueOf("auditOutboxDepth"), 300);
  assert.ok(((await valueOf("auditWriteFailures")) ?? 0) > 10);

  state.mode = "mute";
  await clock.advance(MINUTE);
  state.mode = "up";
  await passUntil(clock, () => texts().length === 450);
  assert.equal(collector.taken.size, 150, "one that is down does not hold up the other");
  collector.state.status = 200;
  await passUntil(clock, () => collector.taken.size === 450);
  assert.equal(await verified(texts()), "0 ok: 450 entries, 1 chains");
  assert.equal(await verified([...collector.taken]), "0 ok: 450 entries, 1 chains");
  await passUntil(clock, async () => (await valueOf("auditOutboxDepth")) === 0);

  record(1);
  const closed = trail.close(clock.monotonic() + MINUTE);
  await passUntil(clock, () => collector.taken.size === 451 && texts().length === 451);
  await closed;
});

test("what a crash left undelivered is delivered by the next process", async (t) => {
  const { start, verified, file } = place(t);
  const { table, state, texts } = createTable();
  const first = start({ table });
  await first.clock.settle();
  first.record(3);
  await first.clock.advance(1_000);
  assert.equal(texts().length, 3);
  first.record(2);

  const second = start({ table });
  assert.equal(await second.valueOf("auditOutboxDepth"), 2);
  second.record(1);
  state.mode = "down";
  writeFileSync(`${file}.table`, "123456789");
  const third = start({ table });
  assert.equal(await third.valueOf("auditOutboxDepth"), 6, "without a note of this file everything is delivered again");
  third.record(1);
  await third.clock.advance(MINUTE);
  assert.equal(texts().length, 3);
  state.mode = "up";
  await third.clock.advance(MINUTE);
  assert.equal(await verified(texts()), "0 ok: 7 entries, 3 chains");
});

test("nothing is recorded before the table has told its newest entry", async (t) => {
  const { start, verified, pem } = place(t);
  const other = place(t);
  const { table, state, texts } = createTable();
  const first = start({ table });
  await first.clock.settle();
  first.record(2);
  await first.clock.advance(1_000);

  state.mode = "down";
  const { trail, record, clock } = other.start({ table });
  await clock.advance(MINUTE);
  assert.throws(() => trail.record(EVENT), AuditError);
  assert.throws(() => trail.check(), AuditError);
  state.mode = "up";
  await clock.advance(MINUTE);
  trail.check();
  record(1);
  await clock.advance(1_000);
  assert.equal(await verified(texts(), [pem, other.pem]), "0 ok: 3 entries, 2 chains");
  assert.equal(await verified(texts().slice(2), [other.pem]), "1 line 1: link");
});

test("what all have taken leaves the file once it is much, if a table is the store", async (t) => {
  const { start, verified, file } = place(t);
  const { table, texts } = createTable();
  const collector = await createCollector(t);
  const metadata = Object.fromEntries(Array.from({ length: 200 }, (_, index) => [`field${index}`, "x".repeat(2_000)]));
  const { clock, record, valueOf } = start({ table, siem: collector.url });
  collector.state.status = 500;
  await clock.settle();
  record(90, { ...EVENT, metadata });
  await passUntil(clock, () => texts().length === 90);
  assert.ok(statSync(file).size > 18_000_000, "the SIEM still needs it");
  collector.state.status = 200;
  // What comes meanwhile moves to the front of the new file.
  let count = 90;
  await passUntil(clock, () => {
    record(1);
    count += 1;
    return statSync(file).size < 1_000_000;
  });
  await passUntil(clock, async () => (await valueOf("auditOutboxDepth")) === 0);
  const next = start({ table, siem: collector.url });
  assert.equal(await next.valueOf("auditOutboxDepth"), 0);
  await next.clock.settle();
  next.record(1);
  await passUntil(next.clock, () => texts().length > count && collector.taken.size > count);
  assert.equal(await verified(texts()), `0 ok: ${count + 1} entries, 2 chains`);
  assert.equal(await verified([...collector.taken]), `0 ok: ${count + 1} entries, 2 chains`);
});

test("a file that is taken away does not stop delivery", async (t) => {
  const { start, file } = place(t);
  const { table, texts } = createTable();
  const { clock, record, logged } = start({ table });
  await clock.settle();
  record(3);
  await passUntil(clock, () => texts().length === 3);
  rmSync(file);
  record(1);
  await passUntil(clock, () => logged.some((message) => message.includes("not flushed")));
  record(1);
  await passUntil(clock, () => texts().length === 5);
});

test("the SIEM gets a bearer token, read again when it is refused", async (t) => {
  const { start, put } = place(t);
  const collector = await createCollector(t);
  put("siem_token", "old\n");
  collector.state.status = 401;
  const { clock, record, logged } = start({ siem: collector.url });
  put("siem_token", "new\n");
  record(1);
  await clock.advance(150);
  await passUntil(clock, () => logged.includes("secret refreshed"), 0);
  assert.deepEqual(collector.headers, ["Bearer old"]);
  collector.state.status = 200;
  await passUntil(clock, () => collector.taken.size > 0);
  assert.equal(collector.headers.at(-1), "Bearer new");
});

test("closing gives up at its deadline, and what waits stays in the file", async (t) => {
  const { start, lines } = place(t);
  const { table, state, texts } = createTable();
  const { trail, clock, record, valueOf } = start({ table });
  await clock.settle();
  record(1);
  state.mode = "down";
  record(1);
  let closed = false;
  const closing = trail.close(clock.monotonic() + 1_000).then(() => (closed = true));
  await clock.advance(900);
  assert.equal(closed, false);
  await clock.advance(100);
  await closing;
  assert.ok(((await valueOf("auditWriteFailures")) ?? 0) < 6, "not without pauses");
  assert.equal(lines().length, 2);
  state.mode = "up";
  await start({ table }).clock.advance(1_000);
  assert.equal(texts().length, 2);
});

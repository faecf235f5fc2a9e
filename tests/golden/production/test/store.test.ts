import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import type { Message } from "../src/model/model.ts";
import { createMemoryStore } from "../src/state/memory.ts";
import { plainCodec } from "../src/state/postgres-runs.ts";
import { createPostgresStore } from "../src/state/postgres.ts";
import type { Store } from "../src/state/store.ts";
import { createScratchDatabase, noDatabase } from "./database.ts";
import { createClock, runOf, TEXT } from "./kit.ts";

const NOW = Date.UTC(2026, 0, 1);
const hello: Message = { role: "user", content: TEXT };
const times = <T>(count: number, make: () => Promise<T>) => Promise.all(Array.from({ length: count }, make));

const approvalOf = (id: string, expiresAt = NOW + 1) => {
  return { id, callKey: "1/c", tool: "note", arguments: {}, argumentsHash: "h", expiresAt };
};

const contract: Readonly<Record<string, (store: Store) => Promise<void>>> = {
  async "a run and its events are kept, and are their tenant's alone"(store) {
    const run = runOf();
    await store.saveRun(run, [{ id: 1, type: "run.started", data: { text: TEXT } }]);
    const later = { ...run, status: "completed" as const, output: "done", lastEventId: 3 };
    const more = [2, 3].map((id) => ({ id, type: "text.delta" as const, data: { text: String(id) } }));
    await store.saveRun(later, more);
    assert.deepEqual(await store.findRun("a", run.id), later);
    assert.deepEqual(
      (await store.eventsAfter("a", run.id, 0)).map(({ id }) => id),
      [1, 2, 3],
    );
    assert.deepEqual(await store.eventsAfter("a", run.id, 1), more);
    assert.equal(await store.findRun("b", run.id), undefined);
    assert.deepEqual(await store.eventsAfter("b", run.id, 0), []);
    assert.equal(await store.findRun("a", randomUUID()), undefined);
  },

  async "a decision counts once, in time, and for its own tenant"(store) {
    const approvals = [approvalOf("one"), approvalOf("two"), approvalOf("late", NOW)];
    const run = runOf({ status: "awaiting_approval", approvals });
    await store.saveRun(run, []);
    const decide = (approval: string, tenant = "a", id = run.id) => store.decide(tenant, id, approval, "approve", NOW);
    assert.equal(await decide("one", "b"), "unknown");
    assert.equal(await decide("one", "a", randomUUID()), "unknown");
    assert.equal(await decide("three"), "unknown");
    assert.equal(await decide("late"), "expired");
    const answers = await times(8, () => decide("one"));
    assert.deepEqual(answers.toSorted(), ["decided", ...Array.from({ length: 7 }, () => "used")]);
    assert.equal(await store.decide("a", run.id, "two", "deny", NOW), "decided");
    const decisions = (await store.findRun("a", run.id))?.approvals.map(({ decision }) => decision);
    assert.deepEqual(decisions, ["approve", "deny", undefined]);
    await store.saveRun(runOf({ id: run.id, approvals }), []);
    assert.equal(await decide("one"), "used");
  },

  async "one caller alone goes on with a run"(store) {
    const run = runOf({ status: "awaiting_approval", approvals: [approvalOf("one")] });
    await store.saveRun(run, []);
    assert.equal(await store.resumeRun("b", run.id), false);
    const answers = await times(8, () => store.resumeRun("a", run.id));
    assert.equal(answers.filter(Boolean).length, 1);
    assert.equal((await store.findRun("a", run.id))?.status, "running");
  },

  async "a session keeps its messages in their order"(store) {
    assert.equal(await store.findSession("a", "s"), undefined);
    for (const content of ["1", "2", "3"]) {
      assert.equal(await store.appendToSession("a", "s", [{ role: "user", content }, hello], NOW), true);
    }
    const session = await store.findSession("a", "s");
    assert.partialDeepStrictEqual(session, { id: "s", createdAt: NOW, erased: false });
    assert.deepEqual(
      session?.messages.map(({ content }) => content),
      ["1", TEXT, "2", TEXT, "3", TEXT],
    );
    assert.equal(await store.findSession("b", "s"), undefined);
    await store.saveRun(runOf({ sessionId: "new" }), []);
    assert.deepEqual((await store.findSession("a", "new"))?.messages, []);
  },

  async "of an erased session nothing is left, and nothing comes back"(store) {
    const [run, other] = [runOf(), runOf({ sessionId: "other" })];
    await store.appendToSession("a", "s", [hello], NOW);
    await store.saveRun(run, [{ id: 1, type: "run.started", data: {} }]);
    await store.saveRun(other, []);
    await store.addNote("a", "s", { createdAt: NOW, text: "n" });
    const claim = (runId: string) => store.claimKey("a", "key", { bodyHash: "h", runId, now: NOW, expiresAt: NOW + 9 });
    await claim(run.id);
    assert.equal(await store.eraseSession("b", "s", NOW), false);
    assert.equal(await store.eraseSession("a", "unknown", NOW), false);
    assert.equal(await store.eraseSession("a", "s", NOW), true);

    await store.saveRun({ ...run, output: "again" }, [{ id: 2, type: "run.finished", data: {} }]);
    await store.saveRun(runOf(), []);
    await store.addNote("a", "s", { createdAt: NOW, text: "again" });
    assert.equal(await store.appendToSession("a", "s", [hello], NOW), false);
    assert.partialDeepStrictEqual(await store.findSession("a", "s"), { messages: [], erased: true });
    assert.equal(await store.findRun("a", run.id), undefined);
    assert.deepEqual(await store.eventsAfter("a", run.id, 0), []);
    assert.deepEqual(await store.notes("a", "s"), []);
    assert.equal((await claim(other.id)).claimed, true);
    assert.notEqual(await store.findRun("a", other.id), undefined);
  },

  async "notes stay in their session"(store) {
    for (const text of ["one", TEXT]) {
      await store.addNote("a", "s", { createdAt: NOW, text });
    }
    assert.deepEqual(
      (await store.notes("a", "s")).map(({ text }) => text),
      ["one", TEXT],
    );
    assert.deepEqual(await store.notes("b", "s"), []);
    assert.deepEqual(await store.notes("a", "t"), []);
  },

  async "a key is one run's until it expires or is freed"(store) {
    const claim = (runId: string, now = NOW, tenant = "a") =>
      store.claimKey(tenant, "key", { bodyHash: `hash of ${runId}`, runId, now, expiresAt: now + 10 });
    const first = await claim("r1");
    assert.partialDeepStrictEqual(first, { claimed: true, bodyHash: "hash of r1", runId: "r1" });
    const second = await claim("r2", NOW + 9);
    assert.partialDeepStrictEqual(second, { claimed: false, bodyHash: "hash of r1", runId: "r1" });
    assert.equal((await claim("r3", NOW, "b")).claimed, true);
    await store.keepKey("a", "key", "r2", undefined);
    await store.keepKey("a", "key", "r2", NOW);
    await store.keepKey("a", "key", "r1", NOW + 20);
    assert.equal((await claim("r4", NOW + 19)).runId, "r1");
    assert.equal((await claim("r5", NOW + 20)).claimed, true);
    await store.keepKey("a", "key", "r5", undefined);
    const claims = await times(8, () => claim(randomUUID()));
    assert.equal(claims.filter(({ claimed }) => claimed).length, 1);
    assert.equal(new Set(claims.map(({ runId }) => runId)).size, 1);
  },

  async "spending counts in all periods or in none, never above a limit"(store) {
    const day = { scope: "tenant:a", period: "2026-01-01", limitNanoDollars: 10 };
    const month = { scope: "month", period: "2026-01", limitNanoDollars: 2 ** 50 };
    assert.deepEqual(await store.spend(4, [day, month]), { over: undefined, spent: [4, 4] });
    assert.deepEqual(await store.spend(7, [month, day]), { over: day, spent: [4, 4] });
    assert.equal(await store.spent(month), 4);
    assert.deepEqual(await store.spend(-3, [{ ...day, limitNanoDollars: 0 }, month]), {
      over: undefined,
      spent: [1, 1],
    });
    assert.deepEqual(await store.spend(-3, [day]), { over: undefined, spent: [0] });
    // In both orders at once: whoever locks them as they come waits for the other for ever.
    const spendings = await Promise.all(
      Array.from({ length: 24 }, (_, index) => store.spend(1, index % 2 === 0 ? [day, month] : [month, day])),
    );
    assert.equal(spendings.filter(({ over }) => over === undefined).length, 10);
    assert.deepEqual([await store.spent(day), await store.spent(month)], [10, 11]);
    assert.equal((await store.spend(2 ** 50 - 11, [month])).spent[0], 2 ** 50);
    assert.equal(await store.spent({ scope: "month", period: "2026-02" }), 0);
  },
};

async function postgres(t: TestContext): Promise<Store> {
  const { database, log } = await createScratchDatabase(t);
  return createPostgresStore({ database, codec: plainCodec, clock: createClock(), log });
}

for (const [name, check] of Object.entries(contract)) {
  test(`memory: ${name}`, () => check(createMemoryStore()));
  test(`postgres: ${name}`, { skip: noDatabase }, async (t) => check(await postgres(t)));
}

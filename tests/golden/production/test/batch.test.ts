import assert from "node:assert/strict";
import { test } from "node:test";
import { BatchError, createBatcher } from "../src/batch/batcher.ts";
import { createClock, metricOf, metrics } from "./kit.ts";

let serial = 0;

/** A batcher of two items or 100 ms, whose batches are answered one by one. */
function setUp({ concurrency = 2, maxWaiting = 10 } = {}) {
  const name = `batch-${++serial}`;
  const clock = createClock();
  const sent: { items: readonly string[]; answer: (results: readonly (string | Error)[]) => void; fail: () => void }[] =
    [];
  const send = (items: readonly string[]) => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly (string | Error)[]>();
    sent.push({ items, answer: resolve, fail: () => reject(new Error("the batch failed")) });
    return promise;
  };
  const bounds = { maxSize: 2, maxWaitMs: 100, concurrency, maxWaiting };
  const batcher = createBatcher({ name, send, ...bounds, clock, metrics });
  return { name, clock, batcher, sent, batches: () => sent.map(({ items }) => items.join("")) };
}

test("each item gets its own result, or its own error", async () => {
  const { name, batcher, sent } = setUp();
  const outcomes = Promise.allSettled([batcher.add("a"), batcher.add("b")]);
  sent[0]?.answer(["A", new Error("not b")]);
  const [first, second] = await outcomes;
  assert.deepEqual(first, { status: "fulfilled", value: "A" });
  assert.ok(second.status === "rejected" && /not b/.test(String(second.reason)));
  assert.equal(await metricOf(`agent_batch_size_sum{batch="${name}"}`), 2);
});

test("a batch that fails, or gets too many or too few results, fails for every item", async () => {
  for (const results of [["A"], ["A", "B", "C"], []]) {
    const { batcher, sent } = setUp();
    const added = [batcher.add("a"), batcher.add("b")].map((each) => assert.rejects(each, BatchError));
    sent[0]?.answer(results);
    await Promise.all(added);
  }
  const { batcher, sent } = setUp();
  const added = [batcher.add("a"), batcher.add("b")].map((each) => assert.rejects(each, /the batch failed/));
  sent[0]?.fail();
  await Promise.all(added);
});

test("no more batches are on their way than allowed, and what waits leaves in order as soon as it may", async () => {
  const { clock, batcher, sent, batches } = setUp({ concurrency: 1 });
  const added = Promise.all(["a", "b", "c", "d", "e"].map((item) => batcher.add(item)));
  await clock.advance(1_000);
  assert.deepEqual(batches(), ["ab"]);
  assert.equal(clock.timers(), 0);
  sent[0]?.answer(["A", "B"]);
  await clock.settle();
  assert.deepEqual(batches(), ["ab", "cd"]);
  sent[1]?.answer(["C", "D"]);
  await clock.settle();
  assert.deepEqual(batches(), ["ab", "cd", "e"]);
  sent[2]?.answer(["E"]);
  assert.deepEqual(await added, ["A", "B", "C", "D", "E"]);
});

test("a caller that leaves takes its item along, unless that is on its way", async () => {
  const { clock, batcher, sent, batches } = setUp();
  const leaving = new AbortController();
  const reason = new Error("gone");
  const first = assert.rejects(batcher.add("a", leaving.signal), reason);
  await clock.advance(60);
  const second = batcher.add("b", new AbortController().signal);
  const third = assert.rejects(batcher.add("c", leaving.signal), reason);
  assert.deepEqual(batches(), ["ab"]);
  leaving.abort(reason);
  await Promise.all([first, third]);
  assert.equal(clock.timers(), 0);
  sent[0]?.answer(["A", "B"]);
  assert.equal(await second, "B");
  await assert.rejects(batcher.add("d", leaving.signal), reason);
  await clock.advance(1_000);
  assert.deepEqual(batches(), ["ab"]);
});

test("when the first of a batch leaves, the others wait their own time", async () => {
  const { clock, batcher, sent, batches } = setUp();
  const leaving = new AbortController();
  const first = assert.rejects(batcher.add("a", leaving.signal));
  leaving.abort();
  await first;
  await clock.advance(60);
  const second = batcher.add("b");
  await clock.advance(99);
  assert.deepEqual(batches(), []);
  await clock.advance(1);
  assert.deepEqual(batches(), ["b"]);
  sent[0]?.answer(["B"]);
  assert.equal(await second, "B");
});

test("flush sends what waits at once and resolves when all is answered, failures too", async () => {
  const { clock, batcher, sent, batches } = setUp({ concurrency: 1 });
  const added = Promise.allSettled(["a", "b", "c"].map((item) => batcher.add(item)));
  let flushed = false;
  const flush = batcher.flush().then(() => (flushed = true));
  sent[0]?.fail();
  await clock.settle();
  assert.deepEqual(batches(), ["ab", "c"]);
  assert.equal(flushed, false);
  sent[1]?.answer(["C"]);
  await flush;
  assert.deepEqual(
    (await added).map(({ status }) => status),
    ["rejected", "rejected", "fulfilled"],
  );
  assert.equal(clock.timers(), 0);
  await batcher.flush();
});

test("what waits is bounded, what is on its way is not part of it, and a further item is refused", async () => {
  const { clock, batcher, sent } = setUp({ concurrency: 1, maxWaiting: 2 });
  const added = Promise.all(["a", "b", "c", "d"].map((item) => batcher.add(item)));
  await assert.rejects(batcher.add("e"), BatchError);
  sent[0]?.answer(["A", "B"]);
  await clock.settle();
  sent[1]?.answer(["C", "D"]);
  assert.deepEqual(await added, ["A", "B", "C", "D"]);
});

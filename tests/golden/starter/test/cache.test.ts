import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { cacheKey, createCache, type LevelTwo, sessionPrefix } from "../src/cache/cache.ts";
import { createClock, fixedRandom, metricOf, metrics } from "./kit.ts";

let serial = 0;

/** A second level in memory, which tells what it was asked and can be down. */
function createShared() {
  const entries = new Map<string, { value: string; ttlMs: number }>();
  const shared = { down: false };
  const reach = () => (shared.down ? Promise.reject(new Error("down")) : Promise.resolve());
  const levelTwo: LevelTwo = {
    get: async (key) => reach().then(() => entries.get(key)),
    set: async (key, value, ttlMs) => reach().then(() => void entries.set(key, { value, ttlMs })),
    delete: async (key) => reach().then(() => void entries.delete(key)),
    async deletePrefix(prefix) {
      await reach();
      [...entries.keys()].filter((key) => key.startsWith(prefix)).forEach((key) => entries.delete(key));
    },
  };
  return { shared, entries, levelTwo };
}

/** A cache of texts without jitter, unless draws are given, and whoever asks it. */
function setUp(options: { levelTwo?: LevelTwo; draws?: number[]; maxBytes?: number } = {}) {
  const { levelTwo, draws = Array<number>(20).fill(0.5), maxBytes = 10_000 } = options;
  const name = `cache-${++serial}`;
  const clock = createClock();
  const bounds = { maxEntries: 100, maxBytes, negativeTtlMs: 100 };
  const random = fixedRandom(...draws);
  const cache = createCache({
    name,
    ...bounds,
    parse: (value) => z.string().parse(value),
    levelTwo,
    clock,
    random,
    metrics,
  });
  const caller = new AbortController();
  let loads = 0;
  const get = (key: string, value?: string | (() => Promise<string>), signal = caller.signal) => {
    const load = async () => {
      loads += 1;
      return typeof value === "function" ? value() : value;
    };
    return cache.get(key, { ttlMs: 1_000, signal, load });
  };
  const counted = (level: string, outcome: string) =>
    metricOf(`agent_cache_requests_total{cache="${name}",level="${level}",outcome="${outcome}"}`);
  return { name, clock, cache, caller, get, counted, loads: () => loads };
}

test("who asks for the same meanwhile shares one load, and its error", async () => {
  const { get, loads } = setUp();
  const { promise, resolve } = Promise.withResolvers<string>();
  const first = Promise.all([get("a", () => promise), get("a", "another"), get("a", "another")]);
  resolve("one");
  assert.deepEqual(await first, ["one", "one", "one"]);
  assert.equal(loads(), 1);
  const failing = get("b", () => Promise.reject(new Error("broken")));
  const outcomes = await Promise.allSettled([failing, get("b", "another")]);
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ["rejected", "rejected"],
  );
  assert.equal(await get("b", "well again"), "well again");
});

test("a caller that leaves does not take the load from the others; the last one ends it", async () => {
  const { cache, clock, get } = setUp();
  const leaving = new AbortController();
  const staying = new AbortController();
  let seen: AbortSignal | undefined;
  const load = (signal: AbortSignal) => {
    seen = signal;
    return new Promise<never>(() => undefined);
  };
  const first = cache.get("a", { ttlMs: 1_000, signal: leaving.signal, load });
  const second = cache.get("a", { ttlMs: 1_000, signal: staying.signal, load });
  await clock.settle();
  leaving.abort(new Error("gone"));
  await assert.rejects(first, /gone/);
  assert.equal(seen?.aborted, false);
  staying.abort(new Error("gone, too"));
  await assert.rejects(second, /gone, too/);
  assert.equal(seen?.aborted, true);
  assert.equal(await get("a", "fresh"), "fresh");
  await assert.rejects(cache.get("a", { ttlMs: 1_000, signal: leaving.signal, load }), /gone/);
});

test("jitter reaches a tenth either way, for values and for absent ones", async () => {
  const { clock, get, loads } = setUp({ draws: [0, 0.999999, 0, 0.5, 0.5] });
  await get("short", "value");
  await get("long", "value");
  await get("absent");
  await clock.advance(90);
  await get("absent", "now there");
  assert.equal(loads(), 4);
  await clock.advance(810);
  await get("short", "again");
  assert.equal(loads(), 5);
  await clock.advance(199);
  await get("long", "again");
  assert.equal(loads(), 5);
});

test("the first level is bounded in bytes, and holds nothing that is larger than itself", async () => {
  const { get, loads } = setUp({ maxBytes: 1_000 });
  const text = "x".repeat(200);
  await get("a", text);
  await get("b", text);
  await get("a");
  await get("b");
  assert.equal(loads(), 2);
  await get("c", text);
  await get("a", text);
  assert.equal(loads(), 4);
  await get("huge", "x".repeat(1_000));
  await get("huge", "x".repeat(1_000));
  assert.equal(loads(), 6);
});

test("a value of the second level is taken, for no longer than it lasts there", async () => {
  const { levelTwo, entries } = createShared();
  const { name, clock, get, loads, counted } = setUp({ levelTwo });
  entries.set(`cache:${name}:a`, { value: '{"value":"shared"}', ttlMs: 30 });
  assert.equal(await get("a", "loaded"), "shared");
  entries.clear();
  await clock.advance(29);
  assert.equal(await get("a", "loaded"), "shared");
  await clock.advance(1);
  assert.equal(await get("a", "loaded"), "loaded");
  assert.equal(loads(), 1);
  assert.deepEqual(entries.get(`cache:${name}:a`), { value: '{"value":"loaded"}', ttlMs: 1_000 });
  assert.equal(await get("b"), undefined);
  assert.deepEqual(entries.get(`cache:${name}:b`), { value: "{}", ttlMs: 100 });
  assert.equal(await counted("l2", "hit"), 1);
  assert.equal(await counted("l2", "miss"), 2);
  assert.equal(await counted("l1", "hit"), 1);
  assert.equal(await counted("l1", "miss"), 3);
});

test("an entry of the second level that is unreadable is deleted, and a miss", async () => {
  for (const nonsense of ["", "{", "5", "null", '{"value":5}', '{"other":"x"}', '["x"]']) {
    const { levelTwo, entries } = createShared();
    const { name, get, counted } = setUp({ levelTwo });
    const key = `cache:${name}:a`;
    entries.set(key, { value: nonsense, ttlMs: 1_000 });
    const asked = get("a", async () => {
      assert.equal(entries.has(key), false);
      return "loaded";
    });
    assert.equal(await asked, "loaded", nonsense);
    assert.equal(await counted("l2", "unreadable"), 1);
  }
});

test("a second level that is down is a miss and a metric, and the first one goes on", async () => {
  const { levelTwo, shared } = createShared();
  const { clock, get, loads, counted } = setUp({ levelTwo });
  shared.down = true;
  assert.equal(await get("a", "loaded"), "loaded");
  assert.equal(await get("a", "loaded"), "loaded");
  assert.equal(loads(), 1);
  await clock.settle();
  assert.equal(await counted("l2", "error"), 1);
  assert.equal(await counted("l2", "not_kept"), 1);
  shared.down = false;
  assert.equal(await get("b", "loaded"), "loaded");
  assert.equal(await counted("l2", "miss"), 1);
});

test("erasing a session takes its entries from both levels, those that are under way too, and no others", async () => {
  const { levelTwo, entries, shared } = createShared();
  const { cache, clock, get, loads } = setUp({ levelTwo });
  const mine = cacheKey("acme", "s1", ["tool", "1"], { q: 1 });
  const pending = cacheKey("acme", "s1", ["tool", "1"], { q: 2 });
  const other = cacheKey("acme", "s10", ["tool", "1"], { q: 1 });
  await get(mine, "mine");
  await get(other, "other");
  const { promise, resolve } = Promise.withResolvers<string>();
  const underWay = get(pending, () => promise);
  await clock.settle();
  await cache.erase(sessionPrefix("acme", "s1"));
  resolve("late");
  assert.equal(await underWay, "late");
  await clock.settle();
  assert.deepEqual([...entries.values()], [{ value: '{"value":"other"}', ttlMs: 1_000 }]);
  await get(mine, "again");
  await get(pending, "again");
  await get(other, "again");
  assert.equal(loads(), 5);

  shared.down = true;
  await assert.rejects(cache.erase(sessionPrefix("acme", "s1")), /down/);
});

test("keys tell apart whatever they are made of, and begin with their session's prefix alone", () => {
  const key = cacheKey("acme", "s1", ["model", "prompt", "tool", "1"], { q: 1 });
  assert.ok(key.startsWith('["acme","s1","model","prompt","tool","1",'));
  assert.ok(key.startsWith(sessionPrefix("acme", "s1")));
  const keys = [
    key,
    cacheKey("acme", "s1", ["model", "prompt", "tool", "2"], { q: 1 }),
    cacheKey("acme", "s1", ["model", "prompt", "tool", "1"], { q: 2 }),
    cacheKey('acme","s1', "x", ["model"], {}),
    cacheKey("acme", 's1","x', ["model"], {}),
    cacheKey("acme", "s1", ["x", "model"], {}),
    cacheKey("\ud800", "s1", ["model"], {}),
    cacheKey("\ud801", "s1", ["model"], {}),
  ];
  assert.equal(new Set(keys).size, keys.length);
  assert.doesNotMatch(cacheKey("acme", "s1", [], { secret: "content" }), /content/);
  assert.ok(!cacheKey('acme","s1', "x", [], {}).startsWith(sessionPrefix("acme", "s1")));
  assert.ok(!cacheKey("acme", "s10", [], {}).startsWith(sessionPrefix("acme", "s1")));
});

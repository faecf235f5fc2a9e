import assert from "node:assert/strict";
import { test } from "node:test";
import { createConcurrency, createMemoryRateLimiter } from "../src/limits/limits.ts";
import { createClock } from "./kit.ts";

test("a tenant has its minute's requests at once, and then each after its share", async () => {
  for (const perMinute of [1, 7, 60, 977]) {
    const clock = createClock();
    const limiter = createMemoryRateLimiter({ perMinute, clock });
    const take = async (count: number) => {
      const waits = await Promise.all(Array.from({ length: count }, () => limiter.take("a")));
      return waits.filter((wait) => wait === 0).length;
    };
    assert.equal(await take(perMinute + 5), perMinute);
    const wait = await limiter.take("a");
    assert.equal(wait, Math.ceil(60_000 / perMinute));
    await clock.advance(wait - 1);
    assert.equal(await take(1), 0);
    await clock.advance(1);
    assert.equal(await take(2), 1);
    assert.equal(await limiter.take("b"), 0);
    await clock.advance(600_000);
    assert.equal(await take(perMinute + 5), perMinute);
  }
});

test("of many tenants the one not seen for longest is forgotten", async () => {
  const limiter = createMemoryRateLimiter({ perMinute: 1, clock: createClock() });
  await limiter.take("first");
  for (let tenant = 0; tenant < 9_999; tenant += 1) {
    await limiter.take(String(tenant));
  }
  assert.ok((await limiter.take("first")) > 0);
  await limiter.take("one more");
  assert.equal(await limiter.take("first"), 0);
  assert.ok((await limiter.take("9998")) > 0);
});

test("a tenant has so many places, and a place is given back once", () => {
  const concurrency = createConcurrency(2);
  const enter = (tenant: string) => concurrency.enter(tenant);
  const [leave, other] = [enter("a"), enter("a")];
  assert.ok(leave !== undefined && other !== undefined);
  assert.equal(enter("a"), undefined);
  assert.ok(enter("b"));
  leave();
  leave();
  assert.ok(enter("a"));
  assert.equal(enter("a"), undefined);
});

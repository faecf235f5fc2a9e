import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { createServer, type Socket } from "node:net";
import { test, type TestContext } from "node:test";
import { readConfig } from "../src/config.ts";
import { createMemoryRateLimiter } from "../src/limits/limits.ts";
import { createRedisRateLimiter } from "../src/limits/redis-rate.ts";
import { systemClock, systemRandom } from "../src/runtime.ts";
import { createSecretStore } from "../src/secrets/store.ts";
import { connectRedis, createRedis, type RedisConnection, RedisError } from "../src/state/redis.ts";
import { createMemoryLog } from "./database.ts";
import { createClock, metrics, until } from "./kit.ts";

const { REDIS_URL, SECRETS_DIR = "/nowhere" } = process.env;
const real = [{ name: "redis", url: REDIS_URL, connect: connectRedis }];

function open(t: TestContext, url: string, connect: typeof connectRedis = connectRedis, env: NodeJS.ProcessEnv = {}) {
  const { log, messages } = createMemoryLog();
  const { config } = readConfig({ ENVIRONMENT: "development", REDIS_URL: url, SECRETS_DIR, ...env });
  const secrets = createSecretStore({ config, clock: systemClock, log, metrics });
  const connection = connect({ config, secrets, clock: systemClock, random: systemRandom, log, metrics });
  const redis = createRedis(connection, { config, clock: systemClock });
  t.after(() => {
    redis.close();
    secrets.close();
  });
  const ready = () => until(() => messages.includes("redis connected"));
  return { redis, messages, log, ready };
}

/** A server that takes what it is sent; `answer` says something to each connection. */
async function listen(t: TestContext, answer: (socket: Socket) => void) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => undefined));
    answer(socket);
  });
  const stop = () => {
    sockets.forEach((socket) => socket.destroy());
    server.close();
  };
  t.after(stop);
  server.listen(0, "127.0.0.1");
  await until(() => server.listening);
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { url: `redis://127.0.0.1:${address.port}`, stop };
}

for (const { name, url = "", connect } of real) {
  const skip = { skip: url === "" && `${name === "redis" ? "REDIS_URL" : "REDIS_CLUSTER_URL"} is not set` };

  test(`${name}: values live as long as they should, and go by prefix`, skip, async (t) => {
    const { redis, ready } = open(t, url, connect);
    await ready();
    const prefix = `test:${randomUUID()}:[*]`;
    await redis.set(`${prefix}a`, "\u0000 🙂", 60_000);
    const found = await redis.get(`${prefix}a`);
    assert.equal(found?.value, "\u0000 🙂");
    assert.ok(found.ttlMs > 59_000 && found.ttlMs <= 60_000);
    await redis.set(`${prefix}a`, "", 60_000);
    assert.equal((await redis.get(`${prefix}a`))?.value, "");
    await redis.set(`${prefix}short`, "v", 0.2);
    await until(async () => (await redis.get(`${prefix}short`)) === undefined);
    await redis.delete(`${prefix}a`);
    assert.equal(await redis.get(`${prefix}a`), undefined);

    const keys = Array.from({ length: 600 }, (_, index) => `${prefix}${index}`);
    for (let start = 0; start < keys.length; start += 50) {
      await Promise.all(keys.slice(start, start + 50).map((key) => redis.set(key, "v", 60_000)));
    }
    const other = prefix.replace("[*]", "x");
    await redis.set(other, "v", 1_000);
    await redis.deletePrefix(prefix);
    const left = await Promise.all(keys.slice(0, 200).map((key) => redis.get(key)));
    assert.deepEqual(new Set(left), new Set([undefined]));
    assert.equal((await redis.get(other))?.value, "v");
    await redis.check();
  });

  test(`${name}: the rate is one for all replicas`, skip, async (t) => {
    const [one, two] = [open(t, url, connect), open(t, url, connect)];
    await Promise.all([one.ready(), two.ready()]);
    const nobody = { take: () => assert.fail("not while redis is there") };
    const limiterOf = ({ redis, log }: typeof one) =>
      createRedisRateLimiter({ perMinute: 30, redis, fallback: nobody, clock: systemClock, log });
    const [here, there] = [limiterOf(one), limiterOf(two)];
    const tenant = randomUUID();
    const pairs = Array.from({ length: 20 }, () => Promise.all([here.take(tenant), there.take(tenant)]));
    const waits = (await Promise.all(pairs)).flat();
    assert.equal(waits.filter((wait) => wait === 0).length, 30);
    assert.ok(
      waits.every((wait) => wait === 0 || (wait > 1_500 && wait <= 2_000)),
      String(waits),
    );
    assert.equal(await here.take(randomUUID()), 0);
    const stranger = open(t, url, connect, { SERVICE_NAME: "stranger" });
    await stranger.ready();
    assert.equal(await limiterOf(stranger).take(tenant), 0);
  });
}

test("every key names its service and environment, which run into no other and into no hash tag", async () => {
  const kept = new Map<string, string>();
  const connection: RedisConnection = {
    async send(key, [verb, name, value = ""]) {
      assert.equal(key, name);
      if (verb === "SET") {
        kept.set(key, value);
      }
      return verb === "UNLINK" ? kept.delete(key) : verb === "PTTL" ? 1_000 : kept.get(key);
    },
    nodes: async () => [
      async ([, , , pattern = ""]) => ["0", [...kept.keys()].filter((key) => key.startsWith(pattern.slice(0, -1)))],
    ],
    close: () => undefined,
  };
  const names = ["a b", "a:b c", "a b:c", "{a} b", "a {b}"].map((pair) => pair.split(" "));
  const services = names.map(([SERVICE_NAME, ENVIRONMENT]) => {
    const { config } = readConfig({ SERVICE_NAME, ENVIRONMENT });
    return createRedis(connection, { config, clock: systemClock });
  });
  for (const [index, redis] of services.entries()) {
    await redis.set("key", String(index), 1_000);
  }
  assert.equal(kept.size, services.length);
  assert.ok([...kept.keys()].every((key) => !key.includes("{")));
  for (const [index, redis] of services.entries()) {
    assert.equal((await redis.get("key"))?.value, String(index));
    await redis.deletePrefix("k");
    assert.equal(await redis.get("key"), undefined);
    assert.equal(kept.size, services.length - index - 1);
  }
});

test("a redis that is not there, or goes away, is given up at once", async (t) => {
  const { redis, messages } = open(t, "redis://127.0.0.1:1");
  await until(() => messages.length > 0);
  for (let round = 0; round < 3; round += 1) {
    const started = performance.now();
    await assert.rejects(redis.get("k"), RedisError);
    assert.ok(performance.now() - started < 250);
  }
  assert.deepEqual(messages, ["redis unreachable, the service goes on without it"]);
});

test("a redis that says nothing costs 250 ms once, and then nothing for a while", async (t) => {
  let speaks = true;
  const { url } = await listen(t, (socket) => {
    socket.on("data", (data) => {
      // One reply for each command of the greeting.
      const commands = String(data).match(/^\*\d+\r\n/gm) ?? [];
      if (speaks) {
        socket.write(commands.map((_command, index) => (index === 0 ? "%0\r\n" : "+OK\r\n")).join(""));
      }
    });
  });
  const { redis, ready } = open(t, url);
  await ready();
  speaks = false;
  const timed = async () => {
    const started = performance.now();
    await assert.rejects(redis.set("k", "v", 1), RedisError);
    return performance.now() - started;
  };
  const first = await timed();
  assert.ok(first > 200 && first < 400, String(first));
  assert.ok((await timed()) < 50);
});

test("without redis each process keeps the rate by itself, and says so once a minute", async () => {
  let answer: unknown = new RedisError("redis: down");
  const evaluate = async () => {
    if (answer instanceof Error) {
      throw answer;
    }
    return answer;
  };
  const clock = createClock();
  const { log, messages } = createMemoryLog();
  const fallback = createMemoryRateLimiter({ perMinute: 2, clock });
  const limiter = createRedisRateLimiter({ perMinute: 2, redis: { evaluate }, fallback, clock, log });
  assert.deepEqual([await limiter.take("a"), await limiter.take("a"), await limiter.take("a")], [0, 0, 30_000]);
  assert.equal(messages.length, 1);
  await clock.advance(60_000);
  assert.equal(await limiter.take("b"), 0);
  assert.equal(messages.length, 2);
  answer = 0;
  assert.deepEqual([await limiter.take("b"), await limiter.take("b")], [0, 0]);
  answer = new TypeError("a defect");
  await assert.rejects(limiter.take("a"), TypeError);
});

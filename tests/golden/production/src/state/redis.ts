import type { RedisClientOptions } from "redis";
import type { Kit } from "../kit.ts";

/** Redis could not serve; the message never holds a key or a value. */
export class RedisError extends Error {
  override readonly name = "RedisError";
}

/** What the service needs of Redis. Every command settles within 250 ms, and rejects with `RedisError`. */
export interface Redis {
  /** A value, and how many milliseconds it has left. */
  get(key: string): Promise<{ value: string; ttlMs: number } | undefined>;
  /** Keeps a value for at least a millisecond. */
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Deletes all keys that begin like this; reads through the whole keyspace, a page at a time. */
  deletePrefix(prefix: string): Promise<void>;
  /** Runs a Lua script on one key, atomically. */
  evaluate(script: string, key: string, args: readonly string[]): Promise<unknown>;
  /** Rejects if Redis cannot serve now. */
  check(): Promise<void>;
  close(): void;
}

/** A connection, or one to each node of a cluster. */
export interface RedisConnection {
  /** Sends a command to the node that has the key. */
  send(key: string, command: string[]): Promise<unknown>;
  /** One sender for each node that has keys of its own. */
  nodes(): Promise<readonly ((command: string[]) => Promise<unknown>)[]>;
  close(): void;
}

/** What a connection is made from. */
export type RedisSurroundings = Pick<Kit, "config" | "secrets" | "clock" | "random" | "log" | "metrics">;

const COMMAND_MS = 250;
// After a command without an answer none is sent for this long, so that a dead Redis does not slow every request.
const REST_MS = 1_000;
const CONNECT_MS = 2_000;
const RECONNECT_CAP_MS = 2_000;
// A connection that is silent for three pings is dead.
const PING_MS = 1_000;
const SILENCE_MS = 3_000;
const QUEUE_MAX = 1_000;
const PAGE_KEYS = "500";

/** Makes a client out of a connection, with keys of its own in what other services and environments may use as well. */
export function createRedis(connection: RedisConnection, { config, clock }: Pick<Kit, "config" | "clock">): Redis {
  // Encoded, so that no two names run together, and none is the hash tag of a cluster.
  const space = [config.SERVICE_NAME, config.ENVIRONMENT].map((name) => `${encodeURIComponent(name)}:`).join("");
  const own = (key: string) => space + key;
  let restUntil = 0;

  async function bounded<T>(send: () => Promise<T>): Promise<T> {
    if (clock.monotonic() < restUntil) {
      throw new RedisError("redis: no answer just now");
    }
    const { promise: late, reject } = Promise.withResolvers<never>();
    const cancel = clock.after(COMMAND_MS, () => {
      restUntil = clock.monotonic() + REST_MS;
      reject(new RedisError("redis: no answer in time"));
    });
    try {
      return await Promise.race([send(), late]);
    } catch (error) {
      // Of Redis' own message only the code may go further: the rest can quote what was sent.
      const code = error instanceof Error ? /^[A-Z]{2,}\b/.exec(error.message)?.[0] : undefined;
      throw error instanceof RedisError ? error : new RedisError(`redis: ${code ?? "unreachable"}`);
    } finally {
      cancel();
    }
  }
  const send = (key: string, command: string[]) => bounded(() => connection.send(key, command));

  return {
    async get(key) {
      const name = own(key);
      // In this order, so that the time left is never that of a later value.
      const [ttlMs, value] = await Promise.all([send(name, ["PTTL", name]), send(name, ["GET", name])]);
      return typeof value === "string" && typeof ttlMs === "number" && ttlMs > 0 ? { value, ttlMs } : undefined;
    },
    async set(key, value, ttlMs) {
      await send(own(key), ["SET", own(key), value, "PX", String(Math.max(1, Math.floor(ttlMs)))]);
    },
    async delete(key) {
      await send(own(key), ["UNLINK", own(key)]);
    },
    async deletePrefix(prefix) {
      const pattern = `${own(prefix).replaceAll(/[\\*?[\]]/g, "\\$&")}*`;
      for (const node of await bounded(() => connection.nodes())) {
        let cursor: string | undefined = "0";
        do {
          const page = ["SCAN", cursor, "MATCH", pattern, "COUNT", PAGE_KEYS];
          const [next, keys] = asPage(await bounded(() => node(page)));
          // One by one, as a cluster takes no command with keys of two hash slots at once.
          await Promise.all(keys.map((key) => send(key, ["UNLINK", key])));
          cursor = next;
        } while (cursor !== "0");
      }
    },
    evaluate: (script, key, args) => send(own(key), ["EVAL", script, "1", own(key), ...args]),
    async check() {
      await send("", ["PING"]);
    },
    close: () => connection.close(),
  };
}

function asPage(reply: unknown): [cursor: string, keys: string[]] {
  const [cursor, keys]: unknown[] = Array.isArray(reply) ? reply : [];
  if (typeof cursor !== "string" || !Array.isArray(keys)) {
    throw new RedisError("redis: unexpected answer");
  }
  return [cursor, keys.filter((key) => typeof key === "string")];
}

const trimmed = (text: string) => text.trim();

/** What every connection shares: it fails fast while it is down, and comes back by itself with a fresh password. */
export function connectionOptions({ config, secrets, random }: RedisSurroundings) {
  const password =
    config.ENVIRONMENT !== "development" || secrets.has("redis_password")
      ? secrets.open("redis_password", trimmed)
      : undefined;
  const url = new URL(config.REDIS_URL ?? "redis://localhost");
  const ca = secrets.has("redis_ca.pem") ? { ca: secrets.open("redis_ca.pem", trimmed)() } : {};
  const timing = {
    connectTimeout: CONNECT_MS,
    socketTimeout: SILENCE_MS,
    reconnectStrategy: (retries: number) => random.fraction() * Math.min(RECONNECT_CAP_MS, 50 * 2 ** retries),
  };
  return {
    name: config.SERVICE_NAME,
    socket: url.protocol === "rediss:" ? { ...timing, ...ca, tls: true as const } : timing,
    credentialsProvider: {
      type: "async-credentials-provider" as const,
      credentials: async () => ({
        ...(url.username === "" ? {} : { username: decodeURIComponent(url.username) }),
        ...(password === undefined ? {} : { password: password() }),
      }),
    },
    disableOfflineQueue: true,
    commandsQueueMaxLength: QUEUE_MAX,
    pingInterval: PING_MS,
  } satisfies RedisClientOptions;
}

/** Tells of a connection's ups and downs, each once. */
export function watchState({ log, metrics }: RedisSurroundings) {
  let up: boolean | undefined;
  return (now: boolean, error?: unknown) => {
    if (now !== up) {
      up = now;
      metrics.poolConnections.set({ pool: "redis", state: "ready" }, now ? 1 : 0);
      if (now) {
        log.info("redis connected");
      } else {
        log.warn("redis unreachable, the service goes on without it", { error });
      }
    }
  };
}

/** Connects to one Redis, in the background; throws `SetupError` if its password is missing. */
export function connectRedis(surroundings: RedisSurroundings): RedisConnection {
  const { protocol, host, pathname } = new URL(surroundings.config.REDIS_URL ?? "redis://localhost");
  const options = connectionOptions(surroundings);
  const state = watchState(surroundings);
  // Loaded only where it is used, as it costs time at the start, and memory.
  const opening = import("redis").then(({ createClient }) => {
    const client = createClient({ ...options, url: `${protocol}//${host}${pathname}` });
    client.on("ready", () => state(true));
    client.on("error", (error: unknown) => state(false, error));
    // Rejects only once it is closed: whatever else goes wrong, it tries again.
    client.connect().catch(() => undefined);
    return client;
  });
  const send = async (command: string[]) => (await opening).sendCommand(command);
  return {
    send: (_key, command) => send(command),
    nodes: async () => [send],
    close: () => void opening.then((client) => client.isOpen && client.destroy()),
  };
}

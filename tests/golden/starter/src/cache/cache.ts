import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { Kit } from "../kit.ts";
import { abortable } from "../runtime.ts";

/** A cache that replicas share. Every call settles within a fraction of a second; it rejects while that is down. */
export interface LevelTwo {
  /** A value, and how many milliseconds it has left. */
  get(key: string): Promise<{ value: string; ttlMs: number } | undefined>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Deletes all keys that begin like this. */
  deletePrefix(prefix: string): Promise<void>;
}

/** How a value is looked up, and got if it is not there. */
export interface Lookup<T> {
  /** How long to keep the value, in milliseconds; 0: it is neither looked up nor kept. */
  readonly ttlMs: number;
  readonly signal: AbortSignal;
  /** Gets the value; undefined: there is none, which is kept too. The signal aborts once nobody waits any more. */
  readonly load: (signal: AbortSignal) => Promise<T | undefined>;
}

interface Entry {
  /** JSON, so that no caller changes what another one gets, and its size is known. */
  readonly text: string;
  /** Monotonic milliseconds. */
  readonly until: number;
}

/** A look-up that is going on, for all who ask for the same meanwhile. */
interface Flight<T> {
  readonly controller: AbortController;
  result: Promise<T | undefined>;
  callers: number;
}

// Without it, entries that were made together would expire together.
const JITTER = 0.1;
const BYTES_PER_CHARACTER = 2;

const envelope = z.strictObject({ value: z.unknown().optional() });

/**
 * Keeps what was expensive to get, as JSON: in this process, and in a second level that replicas share. `name` is a
 * metrics label, and begins the keys of the second level.
 */
export function createCache<T>(
  options: Pick<Kit, "clock" | "random" | "metrics"> & {
    name: string;
    maxEntries: number;
    /** Bound of the first level. */
    maxBytes: number;
    /** How long to keep that there is no value, in milliseconds. */
    negativeTtlMs: number;
    /** The value, as it was stored; throws if it is none. */
    parse: (value: unknown) => T;
    levelTwo?: LevelTwo | undefined;
  },
) {
  const { name, negativeTtlMs, parse, levelTwo, clock, random, metrics } = options;
  const levelOne = new LRUCache<string, Entry>({
    max: options.maxEntries,
    maxSize: options.maxBytes,
    sizeCalculation: ({ text }, key) => (key.length + text.length) * BYTES_PER_CHARACTER,
  });
  const flights = new Map<string, Flight<T>>();
  const keyspace = `cache:${name}:`;
  const count = (level: "l1" | "l2", outcome: string) => metrics.cacheRequests.inc({ cache: name, level, outcome });

  function read(text: string): T | undefined {
    const { value } = envelope.parse(JSON.parse(text));
    return value === undefined ? undefined : parse(value);
  }

  /** What the first level has; it is asked by age, as an expired entry stays until its place is needed. */
  function findLevelOne(key: string): Entry | undefined {
    const entry = levelOne.get(key);
    const found = entry !== undefined && clock.monotonic() < entry.until ? entry : undefined;
    count("l1", found === undefined ? "miss" : "hit");
    return found;
  }

  /** What the second level has; while that is down or holds nonsense, nothing. */
  async function findLevelTwo(key: string): Promise<{ entry: Entry; value: T | undefined } | undefined> {
    if (levelTwo === undefined) {
      return undefined;
    }
    const asked = clock.monotonic();
    let outcome = "error";
    try {
      const found = await levelTwo.get(keyspace + key);
      outcome = found === undefined ? "miss" : "unreadable";
      if (found === undefined) {
        return undefined;
      }
      const value = read(found.value);
      outcome = "hit";
      return { entry: { text: found.value, until: asked + found.ttlMs }, value };
    } catch {
      if (outcome === "unreadable") {
        levelTwo.delete(keyspace + key).catch(() => undefined);
      }
      return undefined;
    } finally {
      count("l2", outcome);
    }
  }

  async function fill(key: string, flight: Flight<T>, { ttlMs, load }: Lookup<T>): Promise<T | undefined> {
    // Whoever erases the key, or leaves last, takes the flight away, and what it brings is not kept.
    const wanted = () => flights.get(key) === flight;
    const found = await findLevelTwo(key);
    if (found !== undefined) {
      if (wanted()) {
        levelOne.set(key, found.entry);
      }
      return found.value;
    }
    const value = await load(flight.controller.signal);
    const keepMs = (value === undefined ? negativeTtlMs : ttlMs) * (1 + JITTER * (2 * random.fraction() - 1));
    if (keepMs > 0 && wanted()) {
      const text = JSON.stringify({ value });
      levelOne.set(key, { text, until: clock.monotonic() + keepMs });
      levelTwo?.set(keyspace + key, text, keepMs).catch(() => count("l2", "not_kept"));
    }
    return value;
  }

  function takeOff(key: string, lookup: Lookup<T>): Flight<T> {
    const flight: Flight<T> = { controller: new AbortController(), result: Promise.resolve(undefined), callers: 0 };
    flights.set(key, flight);
    flight.result = fill(key, flight, lookup).finally(() => land(key, flight));
    return flight;
  }

  function land(key: string, flight: Flight<T>): void {
    if (flights.get(key) === flight) {
      flights.delete(key);
    }
  }

  return {
    /** The value from whichever level has it, or else loaded, once for all who ask; rejects as `load` does. */
    async get(key: string, lookup: Lookup<T>): Promise<T | undefined> {
      const { ttlMs, signal, load } = lookup;
      signal.throwIfAborted();
      if (ttlMs <= 0) {
        return load(signal);
      }
      const entry = findLevelOne(key);
      if (entry !== undefined) {
        return read(entry.text);
      }
      const flight = flights.get(key) ?? takeOff(key, lookup);
      flight.callers += 1;
      try {
        return await abortable(signal, () => flight.result);
      } finally {
        flight.callers -= 1;
        if (flight.callers === 0 && signal.aborted) {
          land(key, flight);
          flight.controller.abort(signal.reason);
        }
      }
    },

    /**
     * Removes all entries whose key begins like this from both levels, and keeps none that are being got. Other
     * processes have them in their first level until they expire. Rejects if the second level cannot be reached.
     */
    async erase(prefix: string): Promise<void> {
      for (const key of [...levelOne.keys(), ...flights.keys()]) {
        if (key.startsWith(prefix)) {
          levelOne.delete(key);
          flights.delete(key);
        }
      }
      await levelTwo?.deletePrefix(keyspace + prefix);
    },
  };
}

/**
 * The key of what a session may reuse: made for this tenant and session, by these versions of everything that shapes
 * it, from these arguments, which are hashed as they are content. A JSON array, so that no two keys are alike.
 */
export function cacheKey(tenant: string, sessionId: string, versions: readonly string[], args: unknown): string {
  const hash = createHash("sha256")
    .update(JSON.stringify(args) ?? "")
    .digest("base64url");
  return JSON.stringify([tenant, sessionId, ...versions, hash]);
}

/** How all keys of a session begin, and no others. */
export function sessionPrefix(tenant: string, sessionId: string): string {
  return `${JSON.stringify([tenant, sessionId]).slice(0, -1)},`;
}

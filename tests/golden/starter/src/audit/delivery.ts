import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { request } from "undici";
import { createBatcher } from "../batch/batcher.ts";
import type { Kit } from "../kit.ts";
import { UpstreamError } from "../resilience/failure.ts";
import { withTimeout } from "../resilience/upstream.ts";
import { abortable, sleep } from "../runtime.ts";
import type { SecretStore } from "../secrets/store.ts";
import { type Outbox, READ_BYTES } from "./outbox.ts";

/** Where entries go from the file. */
export interface Destination {
  readonly name: string;
  /** Takes lines, in their order; lines that it could not take, or not in time, come again. */
  send(lines: readonly string[], signal: AbortSignal): Promise<void>;
}

const BATCH_LINES = 100;
const BATCH_WAIT_MS = 100;
const CHECKPOINT_DIGITS = 16;
// How much of what has been delivered may stay in the file while more is coming.
const RECLAIM_BYTES = 16 * READ_BYTES;

/**
 * Hands the file's lines to every destination, each at its own pace: what one has taken is noted in a file of its own,
 * so that it goes on from there after a restart. `reclaim` says that the file is not the store, and may be cut. Throws
 * what the file system throws.
 */
export function createDelivery(
  options: Pick<Kit, "clock" | "metrics"> & {
    path: string;
    outbox: Outbox;
    destinations: readonly Destination[];
    reclaim: boolean;
    persistence: Persistence;
  },
) {
  const { path, outbox, destinations, reclaim, persistence, clock, metrics } = options;
  const routes = destinations.map((destination) => {
    const checkpoint = openSync(`${path}.${destination.name}`, constants.O_RDWR | constants.O_CREAT, 0o600);
    const position = readCheckpoint(checkpoint, outbox.end());
    writeCheckpoint(checkpoint, position);
    return { destination, checkpoint, position, waiting: outbox.count(position) };
  });
  let news = Promise.withResolvers<void>();

  function notify(): void {
    metrics.auditOutboxDepth.set(Math.max(0, ...routes.map(({ waiting }) => waiting)));
    news.resolve();
    news = Promise.withResolvers();
  }

  function reclaimSpace(): void {
    const delivered = Math.min(...routes.map(({ position }) => position));
    const length = delivered - outbox.start();
    const rest = outbox.end() - delivered;
    // To empty the file is cheap; to go on with its rest in a new one is not.
    if (rest === 0 ? length >= READ_BYTES : length >= RECLAIM_BYTES && rest <= READ_BYTES) {
      // First, as a crash in between must have lines delivered twice rather than never.
      routes.forEach(({ checkpoint }) => writeCheckpoint(checkpoint, 0));
      outbox.removeBefore(delivered);
    }
  }

  async function deliver(route: (typeof routes)[number]): Promise<void> {
    const { destination, checkpoint } = route;
    const batcher = createBatcher<string, void>({
      name: "audit_delivery",
      send: async (lines) => {
        await persistence.limited((signal) => destination.send(lines, signal));
        return lines.map(() => undefined);
      },
      maxSize: BATCH_LINES,
      maxWaitMs: BATCH_WAIT_MS,
      concurrency: 1,
      maxWaiting: BATCH_LINES,
      clock,
      metrics,
    });
    const deliverNext = async (): Promise<void> => {
      // One batch at a time, as a later line must not arrive before an earlier one.
      const { lines, end } = outbox.read(route.position, BATCH_LINES);
      await Promise.all(lines.map((line) => batcher.add(line)));
      route.position = end;
      route.waiting = end < outbox.end() ? route.waiting - lines.length : 0;
      if (reclaim) {
        reclaimSpace();
      }
      writeCheckpoint(checkpoint, end - outbox.start());
    };
    for (;;) {
      if (route.position < outbox.end()) {
        await persistence.persist(destination.name, deliverNext);
        notify();
      } else if (persistence.closing.aborted) {
        return;
      } else {
        await news.promise;
      }
    }
  }

  const done = Promise.allSettled(routes.map(deliver));
  notify();
  return {
    /** Whether some lines have not arrived at a destination. */
    awaits: (name: string) => routes.some(({ destination, waiting }) => destination.name === name && waiting > 0),

    /** Says that there is one line more. */
    added(): void {
      routes.forEach((route) => (route.waiting += 1));
      notify();
    },

    /** Delivers what waits, until `deadline` (monotonic milliseconds) at the latest. */
    async close(deadline: number): Promise<void> {
      const end = persistence.end(deadline, done);
      notify();
      await end;
      routes.forEach(({ checkpoint }) => closeSync(checkpoint));
    },
  };
}

/** A position in the file, from its beginning; a note that is not of this file, or not readable, counts as none. */
function readCheckpoint(file: number, end: number): number {
  const position = Number(readFileSync(file, "utf8"));
  return position <= end ? position : 0;
}

/** Overwrites what is there, as that is quick and needs no room on a full disk. */
function writeCheckpoint(file: number, position: number): void {
  writeSync(file, String(position).padStart(CHECKPOINT_DIGITS), 0);
}

const ATTEMPT_MS = 10_000;

/** Tries things outside until they succeed. */
type Persistence = ReturnType<typeof createPersistence>;

/** Makes a way to try something outside until it succeeds, however long that takes. */
export function createPersistence(kit: Pick<Kit, "config" | "clock" | "random" | "log" | "metrics">) {
  const { config, clock, random, log, metrics } = kit;
  const closing = new AbortController();
  const ended = new AbortController();

  async function pause(failures: number): Promise<void> {
    if (closing.signal.aborted) {
      return sleep(clock, config.RETRY_BASE_MS, ended.signal);
    }
    const limit = Math.min(config.RETRY_CAP_MS, config.RETRY_BASE_MS * 2 ** failures);
    return sleep(clock, random.fraction() * limit, closing.signal).catch(() => undefined);
  }

  return {
    closing: closing.signal,

    /** Resolves with what an attempt resolves with at last; rejects only after the end. */
    async persist<T>(destination: string, attempt: () => Promise<T>): Promise<T> {
      for (let failures = 0; ; failures += 1) {
        try {
          const result = await abortable(ended.signal, attempt);
          if (failures > 0) {
            log.info("audit delivery works again", { destination, failures });
          }
          return result;
        } catch (error) {
          ended.signal.throwIfAborted();
          metrics.auditWriteFailures.inc();
          if (failures === 0) {
            log.warn("audit delivery fails, entries wait in the file", { destination, error });
          }
        }
        await pause(failures);
      }
    },

    /** Does work that has no time limit of its own; rejects with `UpstreamError` if it takes too long. */
    limited: <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
      withTimeout(clock, ATTEMPT_MS, ended.signal, work),

    /** From here on there are no long pauses, and after `deadline` (monotonic milliseconds) no attempts. */
    async end(deadline: number, finished: Promise<unknown>): Promise<void> {
      closing.abort();
      const cancel = clock.after(Math.max(0, deadline - clock.monotonic()), () => ended.abort());
      await finished;
      cancel();
      ended.abort();
    },
  };
}

/** Makes the function that posts entries to a webhook as JSON lines; it rejects unless all were taken. */
export function createSiem(url: string, secrets: SecretStore) {
  const token = secrets.has("siem_token") ? secrets.open("siem_token", (text) => text.trim()) : undefined;
  return async (lines: readonly string[], signal: AbortSignal): Promise<void> => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token()}` };
    const { statusCode, body } = await request(url, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson", ...authorization },
      body: `${lines.join("\n")}\n`,
      signal,
    });
    await body.dump();
    if (statusCode === 401) {
      await secrets.refresh();
    }
    if (statusCode < 200 || statusCode > 299) {
      throw new UpstreamError("status", { status: statusCode });
    }
  };
}

import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs";
import { createBatcher } from "../batch/batcher.ts";
import { type Outbox, READ_BYTES } from "./outbox.ts";
import type { Persistence, Surroundings } from "./persistence.ts";

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
  options: Pick<Surroundings, "clock" | "metrics"> & {
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

import type { Kit } from "../kit.ts";
import { abortable } from "../runtime.ts";

/** Items were refused, or got another number of results than there were items. */
export class BatchError extends Error {
  override readonly name = "BatchError";
}

interface Waiting<Item, Result> {
  readonly item: Item;
  /** Monotonic milliseconds. */
  readonly since: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Sends together what is cheaper to send together; `name` is a metrics label. */
export function createBatcher<Item, Result>(
  options: Pick<Kit, "clock" | "metrics"> & {
    name: string;
    /** Takes one batch and returns as many results, in order; an `Error` fails its item alone, a rejection all of them. */
    send: (items: readonly Item[]) => Promise<readonly (Result | Error)[]>;
    /** A batch leaves when it has this many items. */
    maxSize: number;
    /** A batch leaves when its first item has waited this long, in milliseconds. */
    maxWaitMs: number;
    /** How many batches are on their way at once, at most. */
    concurrency: number;
    /** How many items wait, at most; a further one is refused. */
    maxWaiting: number;
  },
) {
  const { name, send, maxSize, maxWaitMs, concurrency, maxWaiting, clock, metrics } = options;
  const waiting = new Set<Waiting<Item, Result>>();
  const underWay = new Set<Promise<void>>();
  let flushing = 0;
  let cancelTimer: (() => void) | undefined;

  async function deliver(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    metrics.batchSize.observe({ batch: name }, batch.length);
    try {
      const results = await send(batch.map(({ item }) => item));
      if (results.length !== batch.length) {
        throw new BatchError(`batch ${name}: expected ${batch.length} results, got ${results.length}`);
      }
      for (const [index, result] of results.entries()) {
        if (result instanceof Error) {
          batch[index]?.reject(result);
        } else {
          batch[index]?.resolve(result);
        }
      }
    } catch (error) {
      batch.forEach(({ reject }) => reject(error));
    }
  }

  function dispatch(): void {
    const batch = [...waiting].slice(0, maxSize);
    batch.forEach((each) => waiting.delete(each));
    const delivery = deliver(batch).finally(() => {
      underWay.delete(delivery);
      pump();
    });
    underWay.add(delivery);
  }

  /** Sends what is due, and sets the timer for what is not. */
  function pump(): void {
    cancelTimer?.();
    cancelTimer = undefined;
    while (underWay.size < concurrency) {
      const [first] = waiting;
      if (first === undefined) {
        return;
      }
      const waitMs = first.since + maxWaitMs - clock.monotonic();
      if (waitMs > 0 && waiting.size < maxSize && flushing === 0) {
        cancelTimer = clock.after(waitMs, pump);
        return;
      }
      dispatch();
    }
  }

  return {
    /** Has an item sent and returns its result; rejects with its error, `BatchError`, or the signal's reason. */
    async add(item: Item, signal?: AbortSignal): Promise<Result> {
      signal?.throwIfAborted();
      if (waiting.size >= maxWaiting) {
        throw new BatchError(`batch ${name}: ${maxWaiting} items wait already`);
      }
      const { promise, resolve, reject } = Promise.withResolvers<Result>();
      const entry = { item, since: clock.monotonic(), resolve, reject };
      waiting.add(entry);
      pump();
      if (signal === undefined) {
        return promise;
      }
      try {
        return await abortable(signal, () => promise);
      } finally {
        if (waiting.delete(entry)) {
          pump();
        }
      }
    },

    /** Sends what waits without waiting longer, and resolves once nothing waits and all is answered. */
    async flush(): Promise<void> {
      flushing += 1;
      pump();
      while (underWay.size > 0) {
        await Promise.race(underWay);
      }
      flushing -= 1;
    },
  };
}

import { randomBytes } from "node:crypto";

/** Time, handed to every part that waits or measures, so that a test can hold it still. */
export interface Clock {
  /** Milliseconds that never go backwards, for durations and deadlines. */
  monotonic(): number;
  /** The time of day, for timestamps and expiry dates. */
  date(): Date;
  /** Calls back once after `ms` and returns a function that cancels it. */
  after(ms: number, callback: () => unknown): () => void;
}

/** Chance, handed to every part that draws, so that a test can fix the draws. */
export interface Random {
  /** That many random bytes in hexadecimal; fit for secrets. */
  hex(bytes: number): string;
  /** A number from 0 up to, but not including, 1; for jitter alone. */
  fraction(): number;
}

/** The clock of this machine. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  date: () => new Date(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

// The operating system is asked for many bytes at once: a call costs more than the bytes.
const POOL_BYTES = 4_096;
let pool = Buffer.alloc(0);

/** The operating system's random source. */
export const systemRandom: Random = {
  hex(bytes) {
    if (pool.length < bytes) {
      pool = randomBytes(Math.max(POOL_BYTES, bytes));
    }
    const hex = pool.toString("hex", 0, bytes);
    pool = pool.subarray(bytes);
    return hex;
  },
  fraction: () => Math.random(),
};

/** Resolves after `ms`; rejects with the signal's reason as soon as it aborts. */
export async function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const cancel = clock.after(ms, resolve);
  const abort = () => reject(signal?.reason);
  signal?.addEventListener("abort", abort);
  try {
    await promise;
  } finally {
    cancel();
    signal?.removeEventListener("abort", abort);
  }
}

/** Settles with `work`, or rejects with the signal's reason as soon as it aborts, whether or not `work` heeds it. */
export async function abortable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

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

/** Returns that many random bytes in hexadecimal. */
export type RandomHex = (bytes: number) => string;

/** The clock of this machine. */
export const systemClock: Clock = {
  monotonic: () => performance.now(),
  date: () => new Date(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

/** The operating system's random source. */
export const systemRandom: RandomHex = (bytes) => randomBytes(bytes).toString("hex");

/** Resolves after `ms`. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}

/** Settles with `work`, or rejects as soon as the signal aborts, whether or not `work` heeds it. */
export async function abortable<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(new Error("aborted"));
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

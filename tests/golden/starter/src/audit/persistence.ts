import type { Config } from "../config.ts";
import type { Logger } from "../logs/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { withTimeout } from "../resilience/upstream.ts";
import { abortable, type Clock, type Random, sleep } from "../runtime.ts";

/** What the parts of the audit log work with. */
export interface Surroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
}

const ATTEMPT_MS = 10_000;

/** Tries things outside until they succeed. */
export type Persistence = ReturnType<typeof createPersistence>;

/** Makes a way to try something outside until it succeeds, however long that takes. */
export function createPersistence({ config, clock, random, log, metrics }: Surroundings) {
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

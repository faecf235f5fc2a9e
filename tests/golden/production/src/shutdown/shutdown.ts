import type { Listener } from "../http/listener.ts";
import type { Kit } from "../kit.ts";
import type { Logger } from "../logs/logger.ts";
import type { Runner } from "../run/runner.ts";
import { type Clock, sleep, within } from "../runtime.ts";

/**
 * starting: the public listener is not open yet. serving. leaving: still serves, but asks clients
 * to come back on another connection. draining: finishes what it has accepted, refuses the rest.
 */
export type Phase = "starting" | "serving" | "leaving" | "draining";

/** Something to be closed at the end, until a deadline in monotonic milliseconds. */
export type Closer = readonly [name: string, close: (deadline: number) => Promise<void>];

/** Where the process stands between its start and its end. */
export interface Lifecycle {
  phase: Phase;
  /** While draining: resolves once nobody can connect any more. */
  closed?: Promise<void>;
}

const POLL_MS = 20;
// At this part of the drain, runs still going are told to end, so that they can still answer.
const END_RUNS_AT = 0.8;
// Until the listener closes, and of the drain at most.
const TAKE_OVER_MS = 500;
const TAKE_OVER_WITHIN = 0.1;
// What has begun to arrive when the listener closes gets this long to arrive whole.
const ARRIVAL_MS = 500;
// What is flushed and closed at the end gets this long in all.
const FLUSH_MS = 10_000;
// Of its share, what a part may take before it is left behind.
const CLOSE_WITHIN = 0.8;

/**
 * Ends the service without losing an answer: lets the endpoints forget it, stops accepting, drains,
 * and cuts what is left. Tells whether nothing was cut.
 */
export async function shutDown(
  options: Pick<Kit, "config" | "clock" | "metrics" | "log"> & {
    lifecycle: Lifecycle;
    listener: Listener;
    admin: Listener;
    runner: Runner;
    /** In this order. */
    closers: readonly Closer[];
  },
): Promise<boolean> {
  const { lifecycle, listener, admin, runner, closers, config, clock, metrics, log } = options;
  const { SHUTDOWN_DELAY_MS: delayMs, SHUTDOWN_DRAIN_MS: drainMs } = config;
  lifecycle.phase = "leaving";
  metrics.shuttingDown.set(1);
  log.info("shutting down", { delay_ms: delayMs, drain_ms: drainMs });
  await sleep(clock, delayMs);

  const { promise, resolve: closed } = Promise.withResolvers<void>();
  lifecycle.closed = promise;
  lifecycle.phase = "draining";
  const started = clock.monotonic();
  const elapsed = (): number => clock.monotonic() - started;
  await listener.takeOver(Math.min(TAKE_OVER_MS, drainMs * TAKE_OVER_WITHIN));
  const arrivedBy = Math.min(elapsed() + ARRIVAL_MS, drainMs);
  let gone = false;
  void listener.stop().finally(() => {
    gone = true;
  });
  closed();
  const answered = (): boolean => gone || (listener.unanswered() === 0 && elapsed() >= arrivedBy);
  // Some runs go on though their client has left.
  const drained = (): boolean => runner.active() === 0 && answered();
  const drainUntil = async (deadline: number): Promise<void> => {
    while (!drained() && elapsed() < deadline) {
      await sleep(clock, POLL_MS);
    }
  };

  await drainUntil(drainMs * END_RUNS_AT);
  runner.shutDown();
  await drainUntil(drainMs);

  const cut = listener.unanswered();
  await listener.cut();
  await flush(closers, clock, log);
  void admin.stop();
  await admin.cut();
  log.info("shut down", { cut });
  return cut === 0;
}

/** Closes one after the other; one that hangs takes no more than its share of the time. */
async function flush(closers: readonly Closer[], clock: Clock, log: Logger): Promise<void> {
  const share = FLUSH_MS / closers.length;
  for (const [name, close] of closers) {
    const closed = close(clock.monotonic() + share * CLOSE_WITHIN)
      .catch((error: unknown) => log.warn("not closed cleanly", { part: name, error }))
      .then(() => true);
    if (!(await within(clock, share, closed, false))) {
      log.warn("not closed in time", { part: name });
    }
  }
}

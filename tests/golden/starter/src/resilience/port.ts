/** Something outside that is called through a breaker, a bulkhead and retries of its own. */
export interface Upstream {
  /**
   * Calls `attempt`, again where that helps, until it succeeds. Rejects with `UpstreamError`, or with the signal's
   * reason once that aborts. The signal handed to `attempt` also aborts at the attempt's own timeout.
   */
  call<T>(
    attempt: (signal: AbortSignal) => Promise<T>,
    options: {
      signal: AbortSignal;
      /** Monotonic milliseconds after which nothing is begun any more. */
      deadline: number;
      /** Whether a further attempt does no harm, asked after each failure; always, if absent. */
      repeatable?: () => boolean;
    },
  ): Promise<T>;
}

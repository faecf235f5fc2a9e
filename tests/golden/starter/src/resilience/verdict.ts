import { type FailureKind, UpstreamError } from "./failure.ts";

/** What follows from the outcome of an attempt. */
export interface Verdict {
  /** How the breaker counts it; `ignored` says nothing about the upstream's health. */
  readonly breaker: "success" | "failure" | "ignored";
  /** Whether the same call may fare better a moment later. */
  readonly retryable: boolean;
}

const KINDS: Readonly<Record<Exclude<FailureKind, "status">, Verdict>> = {
  timeout: { breaker: "failure", retryable: true },
  connect: { breaker: "failure", retryable: true },
  reset: { breaker: "failure", retryable: true },
  truncated: { breaker: "failure", retryable: true },
  malformed: { breaker: "failure", retryable: false },
  cancelled: { breaker: "ignored", retryable: false },
  open: { breaker: "ignored", retryable: false },
  full: { breaker: "ignored", retryable: false },
};

const STATUSES: ReadonlyMap<number, Verdict> = new Map([
  [408, { breaker: "success", retryable: true }],
  [425, { breaker: "success", retryable: true }],
  [429, { breaker: "ignored", retryable: true }],
  [501, { breaker: "failure", retryable: false }],
]);
const SERVER_ERROR: Verdict = { breaker: "failure", retryable: true };
// An upstream that refuses a request is well.
const REFUSAL: Verdict = { breaker: "success", retryable: false };
const NOT_UPSTREAM: Verdict = { breaker: "ignored", retryable: false };

/** What follows from a failed attempt; one that is no `UpstreamError` is not the upstream's. */
export function verdictOn(error: unknown): Verdict {
  if (!(error instanceof UpstreamError)) {
    return NOT_UPSTREAM;
  }
  const { kind, status = 0 } = error;
  return kind === "status" ? (STATUSES.get(status) ?? (status >= 500 ? SERVER_ERROR : REFUSAL)) : KINDS[kind];
}

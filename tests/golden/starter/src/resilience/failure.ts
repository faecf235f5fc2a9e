/**
 * How a call of an upstream failed. `open` and `full` are ours: the breaker or the bulkhead refused the call, and
 * nothing was sent. `truncated` is a body that broke off, `malformed` one that came whole and makes no sense.
 */
export type FailureKind =
  | "timeout"
  | "connect"
  | "reset"
  | "truncated"
  | "malformed"
  | "status"
  | "cancelled"
  | "open"
  | "full";

/** A call of an upstream that failed; the message never holds what the upstream sent. */
export class UpstreamError extends Error {
  override readonly name = "UpstreamError";
  readonly kind: FailureKind;
  /** HTTP status, where the kind is `status`. */
  readonly status: number | undefined;
  /** How long not to call again, in milliseconds, if the upstream (or the open breaker) said so. */
  readonly retryAfterMs: number | undefined;

  constructor(kind: FailureKind, options: { status?: number; retryAfterMs?: number; cause?: unknown } = {}) {
    const status = options.status === undefined ? "" : ` ${options.status}`;
    super(`upstream: ${kind}${status}`, { cause: options.cause });
    this.kind = kind;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

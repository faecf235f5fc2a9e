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

  constructor(
    kind: FailureKind,
    options: { status?: number; retryAfterMs?: number | undefined; cause?: unknown } = {},
  ) {
    const { status, cause } = options;
    // Such as ENOTFOUND: it tells a name from a policy from a certificate, and never what was sent.
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : "";
    super(`upstream: ${kind} ${status ?? code}`.trim(), { cause });
    this.kind = kind;
    this.status = options.status;
    this.retryAfterMs = options.retryAfterMs;
  }
}

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

const RESET = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);
const MALFORMED = /^(HPE_|UND_ERR_HEADERS_OVERFLOW$|UND_ERR_RES_EXCEEDED_MAX_SIZE$)/;

/**
 * What an error of the HTTP client stands for, before an answer began or within it; any other error stays as it is. A
 * cause is kept only where it cannot hold what the upstream sent.
 */
export function transportFailure(error: unknown, answering: boolean): unknown {
  if (error instanceof UpstreamError || !(error instanceof Error && "code" in error)) {
    return error;
  }
  const kind = kindOf(String(error.code), answering);
  return new UpstreamError(kind, kind === "connect" ? { cause: error } : {});
}

function kindOf(code: string, answering: boolean): FailureKind {
  if (MALFORMED.test(code)) {
    return "malformed";
  }
  if (answering) {
    return "truncated";
  }
  return RESET.has(code) ? "reset" : "connect";
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
const SECONDS = /^\d{1,9}$/;
const HTTP_DATE = /^[A-Z][a-z]{2,8},? .* GMT$/;

/** The milliseconds that a `Retry-After` header (seconds or a date) asks to wait; undefined if it says neither. */
export function retryAfterMs(header: string | string[] | undefined, now: Date): number | undefined {
  const value = typeof header === "string" ? header.trim() : "";
  if (SECONDS.test(value)) {
    return Number(value) * 1_000;
  }
  const date = HTTP_DATE.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

/** The failure that an answer with such a status is. */
export function statusFailure(status: number, headers: Headers, now: Date): UpstreamError {
  return new UpstreamError("status", { status, retryAfterMs: retryAfterMs(headers["retry-after"], now) });
}

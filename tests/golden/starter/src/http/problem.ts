import { STATUS_CODES } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyReply } from "fastify";
import { problemOfFailure } from "../run/answer.ts";
import type { RunProblem } from "../run/record.ts";

/** One field of a request that is at fault, by its JSON Pointer. */
export type FieldError = Readonly<{ pointer: string; detail: string }>;

/** Media type of an RFC 9457 answer. */
export const PROBLEM_TYPE = "application/problem+json";

/** Headers that every answer carries. */
export const COMMON_HEADERS = { "cache-control": "no-store", "x-content-type-options": "nosniff" } as const;

// What to send instead, where the code alone does not tell.
const DETAILS: Readonly<Record<string, string>> = {
  malformed_request: "expected a well-formed request, with a JSON object as its body",
  unsupported_media_type: "expected JSON, with the header Content-Type: application/json",
};

/** An error that the client gets to see, as RFC 9457 problem details. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: number;
  readonly code: string;
  readonly title: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly errors: readonly FieldError[] | undefined;
  /** Members of its own that this problem has. */
  readonly extension: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: string,
    options: {
      headers?: Record<string, string>;
      errors?: FieldError[];
      extension?: Record<string, string>;
      cause?: unknown;
    } = {},
  ) {
    super(code, { cause: options.cause });
    this.status = status;
    this.code = code;
    this.title = STATUS_CODES[status] ?? "Unknown";
    this.headers = options.headers ?? {};
    this.errors = options.errors;
    this.extension = options.extension ?? {};
  }

  /** The body of the answer. */
  body(traceId: string): string {
    const { status, code, title, errors, extension } = this;
    const detail = DETAILS[code];
    return JSON.stringify({
      type: "about:blank",
      title,
      status,
      detail,
      code,
      trace_id: traceId,
      errors,
      ...extension,
    });
  }
}

/** The header that tells a client when to come back. */
export function retryAfter(ms: number): Record<string, string> {
  return { "retry-after": String(Math.max(1, Math.ceil(ms / 1_000))) };
}

/** The answer to a run that failed. */
export function problemOfRun({ status, code, retryAfterMs }: RunProblem, cause?: unknown): Problem {
  return new Problem(status, code, { headers: retryAfterMs === undefined ? {} : retryAfter(retryAfterMs), cause });
}

/** Answer to what comes while the service shuts down: another replica will serve it. */
export function shuttingDown(): Problem {
  return new Problem(503, "shutting_down", { headers: { "retry-after": "1" } });
}

const CODES: Readonly<Record<number, string>> = {
  400: "malformed_request",
  404: "not_found",
  408: "request_timeout",
  413: "body_too_large",
  414: "uri_too_long",
  415: "unsupported_media_type",
  431: "headers_too_large",
};

/** The problem that an error of a handler or of the HTTP framework stands for. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) {
    return error;
  }
  const failure = problemOfFailure(error);
  if (failure !== undefined) {
    return problemOfRun(failure, error);
  }
  const status = error instanceof Error && "statusCode" in error ? Number(error.statusCode) : 500;
  const code = CODES[status];
  return code === undefined ? new Problem(500, "internal_error", { cause: error }) : new Problem(status, code);
}

/** The problem that an error of Node's HTTP parser stands for. */
export function problemOfParser(error: string | undefined): Problem {
  const known: Record<string, number> = { ERR_HTTP_REQUEST_TIMEOUT: 408, HPE_HEADER_OVERFLOW: 431 };
  return problemOf(Object.assign(new Error(error), { statusCode: known[error ?? ""] ?? 400 }));
}

/** Answers a request with a problem. */
export function refuse(reply: FastifyReply, traceId: string, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers({ ...COMMON_HEADERS, ...problem.headers })
    .type(PROBLEM_TYPE)
    .send(problem.body(traceId));
}

/** Answers on a connection where no request can be answered any more, and closes it. */
export async function refuseSocket(socket: Duplex, problem: Problem, traceId: string): Promise<void> {
  if (socket.writable) {
    const body = problem.body(traceId);
    const headers = Object.entries({
      ...COMMON_HEADERS,
      ...problem.headers,
      "content-type": PROBLEM_TYPE,
      "content-length": String(Buffer.byteLength(body)),
      connection: "close",
    });
    const head = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
    const answer = `HTTP/1.1 ${problem.status} ${problem.title}\r\n${head}\r\n${body}`;
    await new Promise<void>((resolve) => socket.end(answer, resolve));
  }
  socket.destroy();
}

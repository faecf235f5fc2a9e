import { type FailureKind, UpstreamError } from "./failure.ts";

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

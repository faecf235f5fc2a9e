import type { TraceContext } from "./tracer.ts";

const TRACEPARENT = /^(?!ff)([\da-f]{2})-([\da-f]{32})-([\da-f]{16})-([\da-f]{2})(-.*)?$/;
const ZEROS = /^0+$/;
const SAMPLED = 1;

/**
 * The context that a `traceparent` header hands on, or undefined if it is absent or invalid (W3C Trace Context,
 * section 3.2): whoever called is then not known, and a new trace begins.
 */
export function parseTraceparent(value: unknown): TraceContext | undefined {
  const [, version = "", traceId = "", spanId = "", flags = "", more] =
    (typeof value === "string" ? TRACEPARENT.exec(value) : null) ?? [];
  // Only a version above 00 may carry further parts.
  if (traceId === "" || ZEROS.test(traceId) || ZEROS.test(spanId) || (version === "00" && more !== undefined)) {
    return undefined;
  }
  return { traceId, spanId, sampled: (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED };
}

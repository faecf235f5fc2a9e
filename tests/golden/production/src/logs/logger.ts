import { destination, type DestinationStream, pino } from "pino";
import type { Kit } from "../kit.ts";

/** What an event adds to its log line. */
export type Fields = Readonly<Record<string, unknown>>;

/** The ids of the request that a line belongs to. */
export type Trace = Readonly<Record<"traceId" | "spanId", string>>;

type Write = (message: string, fields?: Fields) => void;

/** Writes one JSON object a line. */
export interface Logger extends Record<"info" | "warn" | "error" | "fatal", Write> {
  /** A logger whose lines carry the ids of a request, and fields of their own. */
  within(trace: Trace, fields?: Fields): Logger;
}

const STANDARD = ["timestamp", "level", "message", "service", "version", "environment", "trace_id", "span_id"];
const RESERVED = new Set(STANDARD);

/** Makes a logger for standard output; a line is out when a call returns, so none is lost at exit. */
export function createLogger(
  { config, clock }: Pick<Kit, "config" | "clock">,
  stream: DestinationStream = destination({ fd: 1, sync: true }),
): Logger {
  const { LOG_LEVEL: level, SERVICE_NAME: service, SERVICE_VERSION: version, ENVIRONMENT: environment } = config;
  return wrap(
    pino(
      {
        level,
        base: { service, version, environment },
        messageKey: "message",
        timestamp: () => `,"timestamp":"${clock.date().toISOString()}"`,
        formatters: { level: (label) => ({ level: label }) },
      },
      stream,
    ),
  );
}

function wrap(target: pino.Logger) {
  const write =
    (level: pino.Level) =>
    (message: string, fields: Fields = {}) => {
      target[level](safe(fields), message);
    };
  return {
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    fatal: write("fatal"),
    within: (trace: Trace, fields: Fields = {}) =>
      wrap(target.child({ trace_id: trace.traceId, span_id: trace.spanId, ...safe(fields) })),
  };
}

/** Renames fields that would overwrite standard ones, and reduces errors to what is safe to log. */
function safe(fields: Fields): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      RESERVED.has(name) ? `field_${name}` : name,
      value instanceof Error ? { type: value.name, message: value.message, stack: value.stack } : value,
    ]),
  );
}

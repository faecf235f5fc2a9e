import type { Kit } from "../kit.ts";
import type { Random } from "../runtime.ts";

/** The ids by which what belongs together is found, in hexadecimal. */
export interface TraceContext {
  readonly traceId: string;
  readonly spanId: string;
  readonly sampled: boolean;
}

/** Attributes of a span, under the names of the OpenTelemetry semantic conventions. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** Something that took time. */
export interface Span extends TraceContext {
  set(attributes: Attributes): void;
  /** Ends the span; an error is told by its class alone, as a message could hold content. */
  end(error?: unknown): void;
}

/** Makes spans. */
export interface Tracer {
  start(name: string, kind: "server" | "client" | "internal", parent?: TraceContext, attributes?: Attributes): Span;
  /** Sends what is left until `deadline` (monotonic milliseconds) at the latest, and closes; never rejects. */
  close(deadline: number): Promise<void>;
}

/** The W3C header that hands a context on. */
export function traceparent({ traceId, spanId, sampled }: TraceContext): string {
  return `00-${traceId}-${spanId}-${sampled ? "01" : "00"}`;
}

/** A tracer that sends nothing: its spans have ids for logs and for whoever is called. */
export function createLocalTracer(random: Random): Tracer {
  return {
    start: (_name, _kind, parent) => ({
      traceId: parent?.traceId ?? random.hex(16),
      spanId: random.hex(8),
      sampled: parent?.sampled ?? false,
      set: () => undefined,
      end: () => undefined,
    }),
    close: async () => undefined,
  };
}

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

/** A tracer that sends its spans to the collector that the settings name, if they name one. */
export async function createTracer(
  options: Pick<Kit, "config" | "random" | "clock" | "log" | "metrics">,
): Promise<Tracer> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = options.config;
  if (OTEL_EXPORTER_OTLP_ENDPOINT === undefined && OTEL_EXPORTER_OTLP_TRACES_ENDPOINT === undefined) {
    return createLocalTracer(options.random);
  }
  // Loaded only where it is used, as it costs time at the start, and memory.
  const { createOtlpTracer } = await import("./otlp.ts");
  return createOtlpTracer(options);
}

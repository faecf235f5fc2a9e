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

import { type HrTime, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
  serviceNameEnvDetector,
} from "@opentelemetry/resources";
import { ParentBasedSampler, type Sampler, TraceIdRatioBasedSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Config } from "../config.ts";
import type { Kit } from "../kit.ts";
import { createSpanQueue } from "./queue.ts";
import type { TraceContext, Tracer } from "./tracer.ts";

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;
const MAX_ATTRIBUTE_LENGTH = 1_024;

/**
 * A tracer whose spans go to a collector over OTLP/HTTP as JSON. The exporter itself reads the variables
 * `OTEL_EXPORTER_OTLP_*` for headers, timeout, compression and certificates, and the resource is read from
 * `OTEL_RESOURCE_ATTRIBUTES` and `OTEL_SERVICE_NAME`.
 */
export function createOtlpTracer(options: Pick<Kit, "config" | "random" | "clock" | "log" | "metrics">): Tracer {
  const { config, random, clock, log, metrics } = options;
  const exporter = new OTLPTraceExporter({ url: endpoint(config) });
  const queue = createSpanQueue({ exporter, maxWaitMs: config.OTEL_BSP_SCHEDULE_DELAY, clock, log, metrics });
  const provider = new TracerProvider({
    sampler: sampler(config),
    resource: resource(config),
    idGenerator: { generateTraceId: () => random.hex(16), generateSpanId: () => random.hex(8) },
    spanLimits: { attributeValueLengthLimit: MAX_ATTRIBUTE_LENGTH },
    spanProcessors: [
      {
        onStart: () => undefined,
        onEnd: (span) => queue.add(span),
        forceFlush: async () => undefined,
        shutdown: async () => undefined,
      },
    ],
  });
  const tracer = provider.getTracer(config.SERVICE_NAME, config.SERVICE_VERSION);

  return {
    start(name, kind, parent, attributes = {}) {
      const startedAt = clock.date().getTime();
      const started = clock.monotonic();
      const span = tracer.startSpan(
        name,
        { kind: KINDS[kind], attributes, startTime: hrTime(startedAt) },
        parent === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, spanContext(parent)),
      );
      const { traceId, spanId, traceFlags } = span.spanContext();
      return {
        traceId,
        spanId,
        sampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
        set: (more) => void span.setAttributes(more),
        end(error) {
          if (error !== undefined) {
            span.setAttribute("error.type", error instanceof Error ? error.name : "_OTHER");
            span.setStatus({ code: SpanStatusCode.ERROR });
          }
          span.end(hrTime(startedAt + clock.monotonic() - started));
        },
      };
    },
    close: (deadline) => queue.close(deadline),
  };
}

function spanContext({ traceId, spanId, sampled }: TraceContext) {
  return { traceId, spanId, traceFlags: sampled ? TraceFlags.SAMPLED : TraceFlags.NONE };
}

// Plain numbers would be taken for readings of another clock when they are small.
function hrTime(unixMs: number): HrTime {
  return [Math.trunc(unixMs / 1_000), Math.round((unixMs % 1_000) * 1e6)];
}

/** Where the collector takes spans. */
export function endpoint(config: Config): string {
  const { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: traces, OTEL_EXPORTER_OTLP_ENDPOINT: base = "" } = config;
  return traces ?? `${base.replace(/\/$/, "")}/v1/traces`;
}

function sampler({ OTEL_TRACES_SAMPLER: name, OTEL_TRACES_SAMPLER_ARG: ratio }: Config): Sampler {
  const share = name.endsWith("traceidratio") ? ratio : Number(name.endsWith("always_on"));
  const root = new TraceIdRatioBasedSampler(share);
  return name.startsWith("parentbased") ? new ParentBasedSampler({ root }) : root;
}

function resource({ SERVICE_NAME, SERVICE_VERSION, ENVIRONMENT }: Config) {
  const own = {
    "service.name": SERVICE_NAME,
    "service.version": SERVICE_VERSION,
    "deployment.environment.name": ENVIRONMENT,
  };
  const detectors = [resourceAttributesEnvDetector, serviceNameEnvDetector];
  return defaultResource().merge(resourceFromAttributes(own)).merge(detectResources({ detectors }));
}

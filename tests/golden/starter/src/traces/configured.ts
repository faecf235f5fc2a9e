import type { Config } from "../config.ts";
import type { Logger } from "../logs/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Clock, Random } from "../runtime.ts";
import { createLocalTracer, type Tracer } from "./tracer.ts";

/** A tracer that sends its spans to the collector that the settings name, if they name one. */
export async function createTracer(options: {
  config: Config;
  random: Random;
  clock: Clock;
  log: Logger;
  metrics: Metrics;
}): Promise<Tracer> {
  const { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_TRACES_ENDPOINT } = options.config;
  if (OTEL_EXPORTER_OTLP_ENDPOINT === undefined && OTEL_EXPORTER_OTLP_TRACES_ENDPOINT === undefined) {
    return createLocalTracer(options.random);
  }
  // Loaded only where it is used, as it costs time at the start, and memory.
  const { createOtlpTracer } = await import("./otlp.ts");
  return createOtlpTracer(options);
}

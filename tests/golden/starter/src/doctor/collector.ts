import { createTracer } from "../traces/configured.ts";
import type { Check } from "./check.ts";

const SEND_MS = 5_000;

/** The collector of traces: takes one. */
export const collector: Check = {
  about: "collector",
  uses: ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"],
  async run(kit) {
    const { config, clock, random, metrics } = kit;
    if ((config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? config.OTEL_EXPORTER_OTLP_ENDPOINT) === undefined) {
      return [{ level: "ok", about: "collector", text: "none: traces are not sent" }];
    }
    const tracer = await createTracer(kit);
    const traceId = random.hex(16);
    tracer.start("doctor", "internal", { traceId, spanId: random.hex(8), sampled: true }).end();
    await tracer.close(clock.monotonic() + SEND_MS);
    const dropped = (await metrics.spansDropped.get()).values.some(({ value }) => value > 0);
    const next = "look at OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS, and at what lets this machine reach it";
    return [
      dropped
        ? { level: "fail", about: "collector", text: `took no span, expected to take one: ${next}` }
        : { level: "ok", about: "collector", text: `took the trace ${traceId}` },
    ];
  },
};

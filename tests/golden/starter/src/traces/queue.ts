import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Kit } from "../kit.ts";
import { within } from "../runtime.ts";

/** Ended spans on their way to a collector; a full queue drops what comes, so that a collector cannot hold us up. */
export type SpanQueue = ReturnType<typeof createSpanQueue>;

// The defaults of the OpenTelemetry specification for a batching processor.
const MAX_WAITING = 2_048;
const MAX_BATCH = 512;

/** Makes a queue that hands batches to an exporter, one at a time. */
export function createSpanQueue(
  options: Pick<Kit, "clock" | "log" | "metrics"> & {
    exporter: SpanExporter;
    /** How long a span waits for others. */
    maxWaitMs: number;
  },
) {
  const { exporter, maxWaitMs, clock, log, metrics } = options;
  const waiting: ReadableSpan[] = [];
  let cancelTimer: (() => void) | undefined;
  let sending: Promise<void> | undefined;
  let underWay = 0;
  let delivering = true;
  let closed = false;

  const drop = (spans: number): void => metrics.spansDropped.inc(spans);

  function deliver(spans: ReadableSpan[]): Promise<boolean> {
    return new Promise((resolve) => exporter.export(spans, ({ error }) => resolve(error === undefined)));
  }

  /** Sends as long as there are more than `leave` spans. */
  async function drain(leave: number): Promise<void> {
    while (waiting.length > leave) {
      const batch = waiting.splice(0, MAX_BATCH);
      underWay = batch.length;
      const delivered = await deliver(batch).catch(() => false);
      if (!delivered && !closed) {
        drop(batch.length);
      }
      underWay = 0;
      if (delivered !== delivering) {
        delivering = delivered;
        // Once for each outage; what the collector answered may hold anything.
        if (delivered) {
          log.info("the trace collector takes spans again");
        } else {
          log.warn("the trace collector takes no spans, look for it at the endpoint of OTEL_EXPORTER_OTLP_ENDPOINT");
        }
      }
    }
  }

  function send(leave: number): Promise<void> {
    cancelTimer?.();
    cancelTimer = undefined;
    sending ??= drain(leave).finally(() => {
      sending = undefined;
      if (waiting.length > 0) {
        wait();
      }
    });
    return sending;
  }

  function wait(): void {
    cancelTimer ??= clock.after(maxWaitMs, () => send(0));
  }

  return {
    /** Takes a span that has ended. */
    add(span: ReadableSpan): void {
      if (closed || waiting.length === MAX_WAITING) {
        drop(1);
        return;
      }
      waiting.push(span);
      if (waiting.length < MAX_BATCH) {
        wait();
      } else {
        void send(MAX_BATCH - 1);
      }
    },

    /** Sends what waits until `deadline` (monotonic milliseconds); what is left then is dropped. Never rejects. */
    async close(deadline: number): Promise<void> {
      const sent = send(0).then(() => send(0));
      await within(clock, deadline - clock.monotonic(), sent, undefined);
      closed = true;
      cancelTimer?.();
      drop(waiting.splice(0).length + underWay);
    },
  };
}

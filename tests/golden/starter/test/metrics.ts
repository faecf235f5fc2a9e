import { readConfig } from "../src/config.ts";
import { createMetrics } from "../src/metrics/metrics.ts";

/** Metrics of default settings, for tests of parts that are handed some. */
export const metrics = createMetrics(readConfig({}).config);

/** The value of one series of a metric, such as `agent_retries_total{upstream="a",reason="reset"}`; 0 if absent. */
export async function metricOf(series: string): Promise<number> {
  const line = (await metrics.registry.metrics()).split("\n").find((text) => text.startsWith(`${series} `));
  return Number(line?.slice(series.length + 1) ?? 0);
}

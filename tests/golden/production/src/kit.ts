import type { Config } from "./config.ts";
import type { Logger } from "./logs/logger.ts";
import type { Metrics } from "./metrics/metrics.ts";
import type { Clock, Random } from "./runtime.ts";
import type { SecretStore } from "./secrets/store.ts";
import type { Tracer } from "./traces/tracer.ts";

/** What the parts of a process have in common; each takes what it needs of it, and nothing from anywhere else. */
export interface Kit {
  readonly config: Config;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly secrets: SecretStore;
  readonly tracer: Tracer;
}

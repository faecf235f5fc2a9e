import type { Config } from "../config.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { createUpstream } from "../resilience/upstream.ts";
import type { Clock, Random } from "../runtime.ts";
import type { SecretStore } from "../secrets/store.ts";
import type { Tracer } from "../traces/tracer.ts";
import type { Model } from "./model.ts";
import { createOfflineModel } from "./offline.ts";
import { parseModelKey } from "./providers.ts";
import { createRemoteModel } from "./remote.ts";

/** The model that the settings name; throws `SetupError`. */
export function createModel(options: {
  config: Config;
  secrets: SecretStore;
  clock: Clock;
  random: Random;
  tracer: Tracer;
  metrics: Metrics;
}): { model: Model; close(): Promise<void> } {
  const { config, secrets } = options;
  if (config.MODEL_PROVIDER === "offline") {
    return { model: createOfflineModel(config.MODEL_NAME), close: async () => undefined };
  }
  const key = secrets.open("model_api_key", parseModelKey);
  const upstream = createUpstream({ name: "model", timeoutMs: config.MODEL_ATTEMPT_TIMEOUT_MS, ...options });
  const model = createRemoteModel({ ...options, upstream, key, refreshSecrets: secrets.refresh });
  return { model, close: () => model.close() };
}

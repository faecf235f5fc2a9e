import type { Kit } from "../kit.ts";
import { createUpstream } from "../resilience/upstream.ts";
import type { Tracer } from "../traces/tracer.ts";
import type { Model } from "./model.ts";
import { createOfflineModel } from "./offline.ts";
import { parseModelKey, telemetryName } from "./providers.ts";
import { createRemoteModel } from "./remote.ts";

/** The model that the settings name; throws `SetupError`. */
export function createModel(options: Pick<Kit, "config" | "secrets" | "clock" | "random" | "tracer" | "metrics">): {
  model: Model;
  close(): Promise<void>;
} {
  const { config, secrets } = options;
  if (config.MODEL_PROVIDER === "offline") {
    return { model: createOfflineModel(config.MODEL_NAME), close: async () => undefined };
  }
  const key = secrets.open("model_api_key", parseModelKey);
  const upstream = createUpstream({ name: "model", timeoutMs: config.MODEL_ATTEMPT_TIMEOUT_MS, ...options });
  const model = createRemoteModel({ ...options, upstream, key, refreshSecrets: secrets.refresh });
  return { model, close: () => model.close() };
}

/** A model each of whose calls is a `chat` span over all its attempts, as the GenAI conventions have it; no content. */
export function createTracedModel(model: Model, tracer: Tracer): Model {
  const { provider, name } = model;
  return {
    provider,
    name,
    async complete(request, call) {
      const span = tracer.start(`chat ${name}`, "client", call.trace, {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": telemetryName(provider),
        "gen_ai.request.model": name,
        "gen_ai.request.max_tokens": request.maxTokens,
      });
      try {
        const reply = await model.complete(request, { ...call, trace: span });
        span.set({
          "gen_ai.response.model": reply.model,
          "gen_ai.usage.input_tokens": reply.tokens?.input,
          "gen_ai.usage.output_tokens": reply.tokens?.output,
        });
        span.end();
        return reply;
      } catch (error) {
        span.end(error);
        throw error;
      }
    },
  };
}

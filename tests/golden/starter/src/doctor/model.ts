import { request } from "undici";
import { createModel } from "../model/configured.ts";
import { endpointOf } from "../model/providers.ts";
import { UpstreamError } from "../resilience/failure.ts";
import { createLocalTracer } from "../traces/tracer.ts";
import { type Check, type CheckKit, type Finding, skewFinding } from "./check.ts";

const CLOCK_MS = 5_000;
// Enough for models that think before they answer.
const MAX_TOKENS = 256;

/** The model: answers one small question. */
export const model: Check = {
  about: "model",
  uses: ["MODEL_PROVIDER", "MODEL_NAME", "MODEL_BASE_URL", "MODEL_ATTEMPT_TIMEOUT_MS", "SECRETS_DIR"],
  async run(kit) {
    const { config, clock } = kit;
    const tracer = createLocalTracer(kit.random);
    const configured = createModel({ ...kit, tracer });
    const asked = clock.monotonic();
    try {
      const signal = AbortSignal.timeout(config.MODEL_ATTEMPT_TIMEOUT_MS);
      await configured.model.complete(
        {
          system: "Answer in one word.",
          messages: [{ role: "user", content: "Ready?" }],
          tools: [],
          maxTokens: MAX_TOKENS,
        },
        { signal, deadline: asked + config.MODEL_ATTEMPT_TIMEOUT_MS, trace: tracer.start("doctor", "internal") },
      );
      const text = `${config.MODEL_NAME} of ${config.MODEL_PROVIDER} answered in ${Math.ceil(clock.monotonic() - asked)} ms`;
      return [{ level: "ok", about: "model", text }, ...(await clockOf(kit))];
    } catch (error) {
      const text = `${error instanceof Error ? error.message : "failed"}, expected an answer: ${nextOf(error)}`;
      return [{ level: "fail", about: "model", text }];
    } finally {
      await configured.close();
    }
  },
};

function nextOf(error: unknown): string {
  const status = error instanceof UpstreamError ? error.status : undefined;
  if (status === 401 || status === 403) {
    return "look at the secret model_api_key";
  }
  if (status === 429) {
    return "look at the provider's limits for this key";
  }
  return status === undefined
    ? "look at MODEL_BASE_URL, and at what lets this machine reach it"
    : "look at MODEL_NAME and MODEL_BASE_URL";
}

/** Any answer tells the time, whatever its status. */
async function clockOf({ config, clock }: CheckKit): Promise<Finding[]> {
  if (config.MODEL_PROVIDER === "offline") {
    return [];
  }
  const signal = AbortSignal.timeout(CLOCK_MS);
  const answer = await request(endpointOf(config).url, { method: "HEAD", signal }).catch(() => undefined);
  await answer?.body.dump();
  const at = Date.parse(String(answer?.headers["date"]));
  // The header is cut to a whole second.
  return Number.isNaN(at) ? [] : [skewFinding(at + 500 - clock.date().getTime(), "the model provider's")];
}

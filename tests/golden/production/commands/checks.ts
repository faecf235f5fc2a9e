import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { request } from "undici";
import { openSigningKey } from "../src/audit/key.ts";
import { createAuthentication } from "../src/auth/authenticate.ts";
import type { Config } from "../src/config.ts";
import { readPrices } from "../src/cost/prices.ts";
import { createModel } from "../src/model/configured.ts";
import { readPrompt } from "../src/model/prompt.ts";
import { endpointOf } from "../src/model/providers.ts";
import { UpstreamError } from "../src/resilience/failure.ts";
import { createKillSwitch } from "../src/run/kill-switch.ts";
import { createLocalTracer, createTracer } from "../src/traces/tracer.ts";
import type { CommandKit } from "./command.ts";

/** What a check found: `fail` is something that does not work though the settings ask for it. */
export interface Finding {
  readonly level: "ok" | "warn" | "fail";
  /** What it is about, unless that is the check itself. */
  readonly about?: string;
  /** What was found, and if that is not right, what was expected and what to do next. Never holds a secret. */
  readonly text: string;
}

/** Looks at one part of what the service needs. */
export interface Check {
  readonly about: string;
  /** Settings without which there is nothing to look at. */
  readonly uses: readonly (keyof Config)[];
  /** What it found; a text alone is good news. Rejects if it fails, with `SetupError` if the configuration is why. */
  run(kit: CommandKit): Promise<string | readonly Finding[]>;
}

const SKEW_WARN_MS = 2_000;
const SKEW_FAIL_MS = 30_000;
const CLOCK_MS = 5_000;
const SPAN_MS = 5_000;
// Enough for models that think before they answer.
const MAX_TOKENS = 256;

/** Compares this machine's clock with another one that was this much ahead; tokens, approvals and budgets rest on it. */
export function skewFinding(aheadMs: number, of: string): Finding {
  const skew = Math.abs(aheadMs);
  const level = skew > SKEW_FAIL_MS ? "fail" : skew > SKEW_WARN_MS ? "warn" : "ok";
  const next = level === "ok" ? "" : `, expected at most ${SKEW_WARN_MS / 1_000} s: synchronize this machine's clock`;
  return { level, about: "clock", text: `${(skew / 1_000).toFixed(1)} s off ${of}${next}` };
}

const authentication: Check = {
  about: "authentication",
  uses: ["AUTH_MODE", "AUTH_ISSUER", "AUTH_AUDIENCE", "AUTH_JWKS_URL", "SECRETS_DIR"],
  async run(kit) {
    createAuthentication(kit);
    return `mode ${kit.config.AUTH_MODE}`;
  },
};

const prices: Check = {
  about: "prices",
  uses: ["PRICES_FILE", "MODEL_NAME"],
  async run({ config }) {
    readPrices(config);
    return `${config.PRICES_FILE} has a price for ${config.MODEL_NAME}`;
  },
};

const prompt: Check = {
  about: "prompt",
  uses: ["PROMPT_FILE"],
  async run({ config }) {
    const { version, digest } = readPrompt(config.PROMPT_FILE);
    return `version ${version}, ${digest.slice(0, 12)}`;
  },
};

const killSwitch: Check = {
  about: "kill switch",
  uses: ["AGENT_DISABLED_FILE"],
  async run({ config: { AGENT_DISABLED_FILE: file } }) {
    const text = `engaged, so no run begins: empty or remove ${file} to end that`;
    return createKillSwitch(file).engaged() ? [{ level: "warn", text }] : "not engaged";
  },
};

const auditLog: Check = {
  about: "audit log",
  uses: ["AUDIT_FILE", "STATE_DIR", "SECRETS_DIR", "ENVIRONMENT"],
  async run({ config, secrets, log }) {
    const { kid } = openSigningKey(config, secrets, log)();
    const dir = config.AUDIT_FILE === undefined ? config.STATE_DIR : dirname(config.AUDIT_FILE);
    try {
      mkdirSync(dir, { recursive: true });
      accessSync(dir, constants.W_OK);
    } catch {
      throw new Error(`no writing in ${dir}, expected a folder for the log: mount one, or name another in STATE_DIR`);
    }
    return `signed with ${kid}, in ${dir}`;
  },
};

const model: Check = {
  about: "model",
  uses: ["MODEL_PROVIDER", "MODEL_NAME", "MODEL_BASE_URL", "MODEL_ATTEMPT_TIMEOUT_MS", "SECRETS_DIR"],
  async run(kit) {
    const { MODEL_NAME: name, MODEL_PROVIDER: provider, MODEL_ATTEMPT_TIMEOUT_MS: timeoutMs } = kit.config;
    const tracer = createLocalTracer(kit.random);
    const configured = createModel({ ...kit, tracer });
    const asked = kit.clock.monotonic();
    const messages = [{ role: "user", content: "Ready?" }] as const;
    const question = { system: "Answer in one word.", messages, tools: [], maxTokens: MAX_TOKENS };
    const signal = AbortSignal.timeout(timeoutMs);
    const call = { signal, deadline: asked + timeoutMs, trace: tracer.start("doctor", "internal") };
    try {
      await configured.model.complete(question, call);
      const text = `${name} of ${provider} answered in ${Math.ceil(kit.clock.monotonic() - asked)} ms`;
      return [{ level: "ok", text }, ...(await clockOf(kit))];
    } catch (error) {
      throw new Error(`${error instanceof Error ? error.message : "failed"}, expected an answer: ${nextOf(error)}`, {
        cause: error,
      });
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
async function clockOf({ config, clock }: CommandKit): Promise<Finding[]> {
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

const collector: Check = {
  about: "collector",
  uses: ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"],
  async run(kit) {
    const { config, clock, random, metrics } = kit;
    if ((config.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT ?? config.OTEL_EXPORTER_OTLP_ENDPOINT) === undefined) {
      return "none: traces are not sent";
    }
    const tracer = await createTracer(kit);
    const traceId = random.hex(16);
    tracer.start("doctor", "internal", { traceId, spanId: random.hex(8), sampled: true }).end();
    await tracer.close(clock.monotonic() + SPAN_MS);
    if ((await metrics.spansDropped.get()).values.some(({ value }) => value > 0)) {
      const next = "look at OTEL_EXPORTER_OTLP_ENDPOINT and _HEADERS, and at what lets this machine reach it";
      throw new Error(`took no span, expected to take one: ${next}`);
    }
    return `took the trace ${traceId}`;
  },
};

/** What is looked at before the stores: what this machine has. */
export const LOCAL_CHECKS: readonly Check[] = [authentication, prices, prompt, killSwitch, auditLog];

/** What is looked at after the stores: who else is called. */
export const REMOTE_CHECKS: readonly Check[] = [model, collector];

import { type Config, SetupError } from "../config.ts";
import { anthropicMessages } from "./anthropic-messages.ts";
import { openaiChat } from "./openai-chat.ts";
import type { Wire, WireOptions } from "./wire.ts";

interface Provider {
  /** Absent where it is the customer's own, so that MODEL_BASE_URL has to name it. */
  readonly baseUrl?: string;
  readonly wire: "openai-chat" | "anthropic-messages";
  /** Carries the key, behind `prefix`. */
  readonly auth: { readonly header: string; readonly prefix: string };
  readonly headers?: Readonly<Record<string, string>>;
  readonly limitField: WireOptions["limitField"];
  readonly takesExtra?: boolean;
  /** As `gen_ai.provider.name` has it. */
  readonly telemetryName: string;
}

const WIRES: Readonly<Record<Provider["wire"], Wire>> = {
  "openai-chat": openaiChat,
  "anthropic-messages": anthropicMessages,
};

const BEARER = { header: "authorization", prefix: "Bearer " };

const PROVIDERS: Partial<Readonly<Record<string, Provider>>> = {
  openai: {
    baseUrl: "https://api.openai.com/v1",
    wire: "openai-chat",
    auth: BEARER,
    // max_tokens is deprecated, and models that reason refuse it.
    limitField: "max_completion_tokens",
    telemetryName: "openai",
  },
  // https://RESOURCE.openai.azure.com/openai/v1, which needs no api-version; MODEL_NAME is the deployment.
  azure: {
    wire: "openai-chat",
    auth: { header: "api-key", prefix: "" },
    limitField: "max_completion_tokens",
    telemetryName: "azure.ai.openai",
  },
  google: {
    baseUrl: "https://generativelanguage.googleapis.com/v1beta/openai",
    wire: "openai-chat",
    auth: BEARER,
    limitField: "max_completion_tokens",
    // Gemini refuses a call of its own without the thought signature that came with it.
    takesExtra: true,
    telemetryName: "gcp.gemini",
  },
  // https://bedrock-runtime.REGION.amazonaws.com/openai/v1 or https://bedrock-mantle.REGION.api.aws/v1; the key is an
  // Amazon Bedrock API key.
  bedrock: {
    wire: "openai-chat",
    auth: BEARER,
    limitField: "max_completion_tokens",
    telemetryName: "aws.bedrock",
  },
  "openai-compatible": {
    wire: "openai-chat",
    auth: BEARER,
    // Some servers, such as Ollama, pass over max_completion_tokens: their answers would have no limit.
    limitField: "max_tokens",
    takesExtra: true,
    telemetryName: "openai",
  },
  anthropic: {
    baseUrl: "https://api.anthropic.com",
    wire: "anthropic-messages",
    auth: { header: "x-api-key", prefix: "" },
    headers: { "anthropic-version": "2023-06-01" },
    limitField: "max_tokens",
    telemetryName: "anthropic",
  },
} satisfies Record<Exclude<Config["MODEL_PROVIDER"], "offline">, Provider>;

/** Where and how a provider is called. */
export interface Endpoint {
  readonly url: URL;
  readonly wire: Wire;
  readonly dialect: Pick<WireOptions, "limitField" | "takesExtra">;
  readonly headers: (key: string) => Record<string, string>;
}

/** The endpoint of the configured provider; throws `SetupError` if it has no URL of its own and none is set. */
export function endpointOf(config: Config): Endpoint {
  const provider = PROVIDERS[config.MODEL_PROVIDER];
  const base = config.MODEL_BASE_URL ?? provider?.baseUrl;
  if (provider === undefined || base === undefined) {
    throw new SetupError("MODEL_BASE_URL: expected an http or https URL, as this MODEL_PROVIDER has none of its own");
  }
  const { auth, headers, limitField, takesExtra = false } = provider;
  const wire = WIRES[provider.wire];
  return {
    url: resolve(base, wire.path),
    wire,
    dialect: { limitField, takesExtra },
    headers: (key) => ({ ...headers, [auth.header]: auth.prefix + key }),
  };
}

/** What traces call a provider. */
export function telemetryName(provider: string): string {
  return PROVIDERS[provider]?.telemetryName ?? provider;
}

/** Reads the secret `model_api_key`; throws `SetupError`. */
export function parseModelKey(text: string): string {
  const key = text.trim();
  if (!/^[!-~]+$/.test(key)) {
    throw new SetupError("one line of visible ASCII characters");
  }
  return key;
}

/** The path under a base URL, whether or not that ends in a slash or has the path's version already. */
function resolve(base: string, path: string): URL {
  const url = new URL(base);
  const prefix = url.pathname.replace(/\/+$/, "");
  const version = /^\/v\d+(?=\/)/.exec(path)?.[0];
  url.pathname = (version !== undefined && prefix.endsWith(version) ? prefix.slice(0, -version.length) : prefix) + path;
  return url;
}

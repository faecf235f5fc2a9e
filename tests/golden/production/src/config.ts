import { z } from "zod";
import manifest from "../package.json" with { type: "json" };

/** Exit code of a process that was configured wrongly (EX_CONFIG of sysexits). */
export const EXIT_CONFIG = 78;

/** Something that keeps the service from starting; says what was expected, never with a value. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

/** How much harm it would do if others saw the content, from none to the most. */
export const CLASSIFICATIONS = ["public", "internal", "confidential", "restricted"] as const;

/** A class of data; runs carry it, and how long they are kept follows from it. */
export type Classification = (typeof CLASSIFICATIONS)[number];

const integer = (minimum: number, maximum: number, fallback: number) =>
  z
    .string()
    .regex(/^\d{1,15}$/)
    .transform(Number)
    .refine((value) => value >= minimum && value <= maximum)
    .default(fallback)
    .meta({ expected: `an integer from ${minimum} to ${maximum}` });

const milliseconds = (minimum: number, fallback: number) => integer(minimum, 3_600_000, fallback);

/** US dollars, read as nano-dollars. */
const money = (fallback: number) =>
  z
    .string()
    .regex(/^\d{1,6}(\.\d{1,9})?$/)
    .transform((value) => Math.round(Number(value) * 1e9))
    .default(fallback * 1e9)
    .meta({ expected: "US dollars, such as 0.50" });

const rate = (fallback: number) =>
  z
    .string()
    .regex(/^[01](\.\d{1,6})?$/)
    .transform(Number)
    .refine((value) => value > 0 && value <= 1)
    .default(fallback)
    .meta({ expected: "a number above 0, up to 1" });

const choice = <const T extends string>(values: readonly T[], fallback: NoInfer<T>) => {
  const expected = values.join(" or ");
  return z.enum(values).default(fallback).meta({ expected });
};

const filled = z.string().min(1);
const text = (fallback: string) => filled.default(fallback).meta({ expected: "a text" });
const optionalText = filled.optional().meta({ expected: "a text" });
const url = (protocol: RegExp, expected: string) => z.url({ protocol }).optional().meta({ expected });
const httpUrl = url(/^https?$/, "an http or https URL");
const list = z
  .string()
  .default("")
  .transform((value) => value.split(",").map((each) => each.trim()))
  .transform((values) => values.filter((each) => each !== ""));
const hosts = list
  .transform((values) => values.map((host) => host.toLowerCase()))
  .refine((values) => values.every((host) => /^(\*\.)?[\da-z-]+(\.[\da-z-]+)*$/.test(host)))
  .meta({ expected: "host names with commas between, exact or as *.suffix" });

const schema = z.object({
  PORT: integer(0, 65_535, 8080),
  ADMIN_PORT: integer(0, 65_535, 9090),
  HOST: text("0.0.0.0"),
  ADMIN_HOST: text("0.0.0.0"),
  ENVIRONMENT: text("production"),
  LOG_LEVEL: choice(["debug", "info", "warn", "error", "fatal"], "info"),
  LOG_CONTENT: choice(["true", "false"], "false"),
  SERVICE_NAME: text(manifest.name),
  SERVICE_VERSION: text(manifest.version),
  SECRETS_DIR: text("/var/run/secrets/agent"),
  AUTH_MODE: choice(["jwt", "api-key", "none"], "jwt"),
  AUTH_ISSUER: optionalText,
  AUTH_AUDIENCE: optionalText,
  AUTH_JWKS_URL: httpUrl,
  MODEL_PROVIDER: choice(
    ["offline", "anthropic", "openai", "google", "bedrock", "azure", "openai-compatible"],
    "anthropic",
  ),
  MODEL_NAME: text("claude-sonnet-5-5"),
  MODEL_BASE_URL: httpUrl,
  MODEL_ATTEMPT_TIMEOUT_MS: milliseconds(1, 30_000),
  PROMPT_FILE: text("prompts/agent.md"),
  PRICES_FILE: text("config/prices.json"),
  RUN_DEADLINE_MS: milliseconds(1, 120_000),
  RUN_MAX_STEPS: integer(1, 1_000, 8),
  RUN_MAX_TOOL_CALLS: integer(0, 1_000, 16),
  RUN_MAX_TOKENS: integer(1, 100_000_000, 20_000),
  RUN_MAX_COST_USD: money(0.5),
  TOOL_TIMEOUT_MS: milliseconds(1, 10_000),
  TOOL_HTTP_ALLOWED_HOSTS: hosts,
  APPROVAL_TTL_MS: integer(1, 604_800_000, 900_000),
  TENANT_DAILY_COST_USD: money(20),
  MONTHLY_COST_USD: money(1000),
  TENANT_REQUESTS_PER_MINUTE: integer(1, 1_000_000, 60),
  TENANT_CONCURRENCY: integer(1, 100_000, 8),
  AGENT_DISABLED_FILE: text("/etc/agent/disabled"),
  STATE_DIR: text("/var/lib/agent"),
  STATE: z.literal("memory").optional().meta({ expected: "memory, or nothing" }),
  DATA_CLASSIFICATION: choice(CLASSIFICATIONS, "internal"),
  DATABASE_URL: url(/^postgres(ql)?$/, "a postgres URL"),
  MIGRATE_DATABASE_URL: url(/^postgres(ql)?$/, "a postgres URL"),
  DATABASE_POOL_MAX: integer(1, 1_000, 8),
  REDIS_URL: url(/^rediss?$/, "a redis or rediss URL"),
  AUDIT_FILE: optionalText,
  SIEM_URL: httpUrl,
  OTEL_EXPORTER_OTLP_ENDPOINT: httpUrl,
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: httpUrl,
  OTEL_TRACES_SAMPLER: choice(
    [
      "always_on",
      "always_off",
      "traceidratio",
      "parentbased_always_on",
      "parentbased_always_off",
      "parentbased_traceidratio",
    ],
    "parentbased_always_on",
  ),
  OTEL_BSP_SCHEDULE_DELAY: milliseconds(0, 5_000),
  OTEL_TRACES_SAMPLER_ARG: rate(1),
  BREAKER_WINDOW_MS: milliseconds(1, 10_000),
  BREAKER_MIN_CALLS: integer(1, 100_000, 10),
  BREAKER_FAILURE_RATE: rate(0.5),
  BREAKER_OPEN_MS: milliseconds(1, 5_000),
  BREAKER_MAX_OPEN_MS: milliseconds(1, 60_000),
  BREAKER_PROBES: integer(1, 1_000, 2),
  RETRY_MAX_ATTEMPTS: integer(1, 10, 3),
  RETRY_BASE_MS: milliseconds(1, 200),
  RETRY_CAP_MS: milliseconds(1, 5_000),
  RETRY_BUDGET: integer(1, 10_000, 10),
  BULKHEAD_MAX: integer(1, 10_000, 16),
  BULKHEAD_QUEUE: integer(0, 100_000, 32),
  REQUEST_MAX_BYTES: integer(1, 1_073_741_824, 1_048_576),
  HEADERS_TIMEOUT_MS: milliseconds(1, 10_000),
  REQUEST_TIMEOUT_MS: milliseconds(1, 30_000),
  SHUTDOWN_DELAY_MS: milliseconds(0, 5_000),
  SHUTDOWN_DRAIN_MS: milliseconds(1, 20_000),
});

/** The service's settings, each under the name of its environment variable; money is in nano-dollars. */
export type Config = z.output<typeof schema>;

/**
 * Reads the settings and names every wrong one, never with its value. A wrong one is read as its
 * default, so that whoever goes on can look for further problems; it must not serve with it.
 */
export function readConfig(env: NodeJS.ProcessEnv): { config: Config; wrong: ReadonlySet<string>; problems: string[] } {
  const wrong = new Set(schema.safeParse(env).error?.issues.map((issue) => String(issue.path[0])));
  const config = schema.parse(Object.fromEntries(Object.entries(env).filter(([name]) => !wrong.has(name))));
  if (config.MODEL_PROVIDER === "offline" && env["MODEL_NAME"] === undefined) {
    config.MODEL_NAME = "offline";
  }
  const problems = Object.entries(schema.shape)
    .filter(([name]) => wrong.has(name))
    .map(([name, variable]) => `${name}: expected ${String(variable.meta()?.["expected"])}`);
  return { config, wrong, problems: [...problems, ...contradictions(config, wrong)] };
}

const hasPassword = (address: string | undefined) => address !== undefined && new URL(address).password !== "";

/** What right settings have against each other; the first setting of each rule is the one to change. */
function contradictions(config: Config, wrong: ReadonlySet<string>): string[] {
  const jwt = config.AUTH_MODE === "jwt";
  const development = config.ENVIRONMENT === "development";
  const plain = (address: string | undefined) => !development && address?.startsWith("http:") === true;
  const unencrypted = (address: string | undefined) =>
    !development &&
    address !== undefined &&
    !/^(require|verify-ca|verify-full)$/.test(new URL(address).searchParams.get("sslmode") ?? "");
  const rules: [settings: (keyof Config)[], broken: boolean, expected: string][] = [
    [["ADMIN_PORT", "PORT"], config.PORT === config.ADMIN_PORT && config.PORT !== 0, "another port than PORT"],
    [["AUTH_MODE", "ENVIRONMENT"], config.AUTH_MODE === "none" && !development, "jwt or api-key outside development"],
    [["AUTH_ISSUER", "AUTH_MODE"], jwt && config.AUTH_ISSUER === undefined, "an issuer, as AUTH_MODE is jwt"],
    [["AUTH_AUDIENCE", "AUTH_MODE"], jwt && config.AUTH_AUDIENCE === undefined, "an audience, as AUTH_MODE is jwt"],
    [["AUTH_JWKS_URL", "ENVIRONMENT"], plain(config.AUTH_JWKS_URL), "https outside development"],
    [["SIEM_URL", "ENVIRONMENT"], plain(config.SIEM_URL), "https outside development"],
    [
      ["DATABASE_URL", "ENVIRONMENT", "STATE"],
      !development && config.DATABASE_URL === undefined && config.STATE === undefined,
      "a postgres URL outside development, or STATE=memory for one replica that forgets",
    ],
    [["DATABASE_URL"], hasPassword(config.DATABASE_URL), "no password: it is the secret postgres_password"],
    [["MIGRATE_DATABASE_URL"], hasPassword(config.MIGRATE_DATABASE_URL), "no password: it is a secret"],
    [["DATABASE_URL", "ENVIRONMENT"], unencrypted(config.DATABASE_URL), "sslmode=verify-full outside development"],
    [["MIGRATE_DATABASE_URL", "ENVIRONMENT"], unencrypted(config.MIGRATE_DATABASE_URL), "sslmode=verify-full"],
    [["REDIS_URL"], hasPassword(config.REDIS_URL), "no password: it is the secret redis_password"],
    [
      ["REDIS_URL", "ENVIRONMENT"],
      !development && config.REDIS_URL?.startsWith("redis:") === true,
      "rediss outside development",
    ],
    [
      ["MODEL_BASE_URL", "MODEL_PROVIDER"],
      ["azure", "bedrock", "openai-compatible"].includes(config.MODEL_PROVIDER) && config.MODEL_BASE_URL === undefined,
      "an http or https URL, as this MODEL_PROVIDER has none of its own",
    ],
    [
      ["BREAKER_MAX_OPEN_MS", "BREAKER_OPEN_MS"],
      config.BREAKER_MAX_OPEN_MS < config.BREAKER_OPEN_MS,
      "at least BREAKER_OPEN_MS",
    ],
  ];
  return rules
    .filter(([settings, broken]) => broken && !settings.some((name) => wrong.has(name)))
    .map(([[name], , expected]) => `${name}: expected ${expected}`);
}

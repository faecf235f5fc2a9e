import { z } from "zod";
import manifest from "../package.json" with { type: "json" };
import { contradictions } from "./contradictions.ts";

/** Exit code of a process that was configured wrongly (EX_CONFIG of sysexits). */
export const EXIT_CONFIG = 78;

/** Something that keeps the service from starting; says what was expected, never with a value. */
export class SetupError extends Error {
  override readonly name = "SetupError";
}

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

const choice = <const T extends string>(values: readonly T[], fallback: NoInfer<T>) => {
  const expected = values.join(" or ");
  return z.enum(values).default(fallback).meta({ expected });
};

const filled = z.string().min(1);
const text = (fallback: string) => filled.default(fallback).meta({ expected: "a text" });
const optionalText = filled.optional().meta({ expected: "a text" });
const url = (protocol: RegExp, expected: string) => z.url({ protocol }).optional().meta({ expected });
const httpUrl = url(/^https?$/, "an http or https URL");

const schema = z.object({
  PORT: integer(0, 65_535, 8080),
  ADMIN_PORT: integer(0, 65_535, 9090),
  HOST: text("0.0.0.0"),
  ADMIN_HOST: text("0.0.0.0"),
  ENVIRONMENT: text("production"),
  LOG_LEVEL: choice(["debug", "info", "warn", "error", "fatal"], "info"),
  SERVICE_NAME: text(manifest.name),
  SERVICE_VERSION: text(manifest.version),
  SECRETS_DIR: text("/var/run/secrets/agent"),
  AUTH_MODE: choice(["jwt", "api-key", "none"], "jwt"),
  AUTH_ISSUER: optionalText,
  AUTH_AUDIENCE: optionalText,
  AUTH_JWKS_URL: httpUrl,
  MODEL_PROVIDER: choice(["offline"], "offline"),
  MODEL_NAME: text("offline"),
  PROMPT_FILE: text("prompts/agent.md"),
  PRICES_FILE: text("config/prices.json"),
  RUN_DEADLINE_MS: milliseconds(1, 120_000),
  RUN_MAX_STEPS: integer(1, 1_000, 8),
  RUN_MAX_TOOL_CALLS: integer(0, 1_000, 16),
  RUN_MAX_TOKENS: integer(1, 100_000_000, 20_000),
  RUN_MAX_COST_USD: money(0.5),
  TOOL_TIMEOUT_MS: milliseconds(1, 10_000),
  APPROVAL_TTL_MS: integer(1, 604_800_000, 900_000),
  TENANT_DAILY_COST_USD: money(20),
  MONTHLY_COST_USD: money(1000),
  TENANT_REQUESTS_PER_MINUTE: integer(1, 1_000_000, 60),
  TENANT_CONCURRENCY: integer(1, 100_000, 8),
  AGENT_DISABLED_FILE: text("/etc/agent/disabled"),
  STATE: z.literal("memory").optional().meta({ expected: "memory, or nothing" }),
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

import { z } from "zod";
import manifest from "../package.json" with { type: "json" };

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

const choice = <const T extends string>(values: readonly T[], fallback: NoInfer<T>) => {
  const expected = values.join(" or ");
  return z.enum(values).default(fallback).meta({ expected });
};

const filled = z.string().min(1);
const text = (fallback: string) => filled.default(fallback).meta({ expected: "a text" });
const httpUrl = z.url({ protocol: /^https?$/ });

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
  AUTH_ISSUER: filled.optional().meta({ expected: "a text" }),
  AUTH_AUDIENCE: filled.optional().meta({ expected: "a text" }),
  AUTH_JWKS_URL: httpUrl.optional().meta({ expected: "an http or https URL" }),
  MODEL_PROVIDER: choice(["offline"], "anthropic"),
  MODEL_NAME: text("offline"),
  PRICES_FILE: text("config/prices.json"),
  RUN_MAX_STEPS: integer(1, 1_000, 8),
  RUN_MAX_TOOL_CALLS: integer(0, 1_000, 16),
  RUN_DEADLINE_MS: integer(1, 3_600_000, 120_000),
  TOOL_TIMEOUT_MS: integer(1, 3_600_000, 10_000),
  REQUEST_MAX_BYTES: integer(1, 1_073_741_824, 1_048_576),
  HEADERS_TIMEOUT_MS: integer(1, 3_600_000, 10_000),
  REQUEST_TIMEOUT_MS: integer(1, 3_600_000, 30_000),
  SHUTDOWN_DELAY_MS: integer(0, 3_600_000, 5_000),
  SHUTDOWN_DRAIN_MS: integer(1, 3_600_000, 20_000),
});

/** The service's settings, each under the name of its environment variable. */
export type Config = z.output<typeof schema>;

/**
 * Reads the settings and names every wrong one, never with its value. A wrong one is read as its
 * default, so that whoever goes on can look for further problems; it must not serve with it.
 */
export function readConfig(env: NodeJS.ProcessEnv): { config: Config; wrong: ReadonlySet<string>; problems: string[] } {
  const wrong = new Set(schema.safeParse(env).error?.issues.map((issue) => String(issue.path[0])));
  const config = schema.parse(Object.fromEntries(Object.entries(env).filter(([name]) => !wrong.has(name))));
  const problems = Object.entries(schema.shape)
    .filter(([name]) => wrong.has(name))
    .map(([name, variable]) => `${name}: expected ${String(variable.meta()?.["expected"])}`);
  return { config, wrong, problems: [...problems, ...contradictions(config, wrong)] };
}

/** What right settings have against each other; the first of each rule is the one to change. */
function contradictions(config: Config, wrong: ReadonlySet<string>): string[] {
  const jwt = config.AUTH_MODE === "jwt";
  const development = config.ENVIRONMENT === "development";
  const insecure = config.AUTH_JWKS_URL?.startsWith("http:") === true;
  const rules: [settings: (keyof Config)[], broken: boolean, expected: string][] = [
    [["ADMIN_PORT", "PORT"], config.PORT === config.ADMIN_PORT && config.PORT !== 0, "another port than PORT"],
    [["AUTH_MODE", "ENVIRONMENT"], config.AUTH_MODE === "none" && !development, "jwt or api-key outside development"],
    [["AUTH_ISSUER", "AUTH_MODE"], jwt && config.AUTH_ISSUER === undefined, "an issuer, as AUTH_MODE is jwt"],
    [["AUTH_AUDIENCE", "AUTH_MODE"], jwt && config.AUTH_AUDIENCE === undefined, "an audience, as AUTH_MODE is jwt"],
    [["AUTH_JWKS_URL", "ENVIRONMENT"], !development && insecure, "https outside development"],
  ];
  return rules
    .filter(([settings, broken]) => broken && !settings.some((name) => wrong.has(name)))
    .map(([[name], , expected]) => `${name}: expected ${expected}`);
}

import type { Config } from "./config.ts";

/** What right settings have against each other; the first setting of each rule is the one to change. */
export function contradictions(config: Config, wrong: ReadonlySet<string>): string[] {
  const jwt = config.AUTH_MODE === "jwt";
  const development = config.ENVIRONMENT === "development";
  const plain = (url: string | undefined) => !development && url?.startsWith("http:") === true;
  const rules: [settings: (keyof Config)[], broken: boolean, expected: string][] = [
    [["ADMIN_PORT", "PORT"], config.PORT === config.ADMIN_PORT && config.PORT !== 0, "another port than PORT"],
    [["AUTH_MODE", "ENVIRONMENT"], config.AUTH_MODE === "none" && !development, "jwt or api-key outside development"],
    [["AUTH_ISSUER", "AUTH_MODE"], jwt && config.AUTH_ISSUER === undefined, "an issuer, as AUTH_MODE is jwt"],
    [["AUTH_AUDIENCE", "AUTH_MODE"], jwt && config.AUTH_AUDIENCE === undefined, "an audience, as AUTH_MODE is jwt"],
    [["AUTH_JWKS_URL", "ENVIRONMENT"], plain(config.AUTH_JWKS_URL), "https outside development"],
    [["SIEM_URL", "ENVIRONMENT"], plain(config.SIEM_URL), "https outside development"],
    [["STATE", "ENVIRONMENT"], !development && config.STATE === undefined, "memory: this service forgets when it ends"],
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

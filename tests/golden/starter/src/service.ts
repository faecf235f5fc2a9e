import { type Authenticate, authenticateApiKey, authenticateNobody, parseApiKeys } from "./auth/authenticate.ts";
import { authenticateJwt, parseJwks, remoteJwks } from "./auth/jwt.ts";
import { type Config, SetupError } from "./config.ts";
import { readPrice } from "./cost/prices.ts";
import { addAdminRoutes } from "./http/admin.ts";
import { createListener } from "./http/listener.ts";
import { addPublicRoutes } from "./http/public.ts";
import type { Logger } from "./logs/logger.ts";
import { createMetrics } from "./metrics/metrics.ts";
import type { Model } from "./model/model.ts";
import { createOfflineModel } from "./model/offline.ts";
import { createRunner } from "./run/run.ts";
import type { Clock, RandomHex } from "./runtime.ts";
import { createSecretStore, type SecretStore } from "./secrets/store.ts";
import { type Lifecycle, shutDown } from "./shutdown/shutdown.ts";
import { calculator } from "./tools/calculator.ts";
import { createToolbox, type Tool } from "./tools/toolbox.ts";

/** What the outside world gives a service. */
export interface Surroundings {
  readonly clock: Clock;
  readonly random: RandomHex;
  readonly log: Logger;
  /** Instead of the configured ones. */
  readonly model?: Model;
  readonly tools?: readonly Tool[];
}

/** A service that is put together. */
export interface Service {
  /** Opens both listeners and returns their ports. */
  start(): Promise<{ port: number; adminPort: number }>;
  /** Drains and closes; tells whether every accepted request got its answer. */
  shutDown(): Promise<boolean>;
}

/** Puts a service together, or tells all that is in the way; what a wrong setting leads to is not looked at. */
export function compose(config: Config, surroundings: Surroundings, wrong: ReadonlySet<string> = new Set()) {
  const { clock, random, log } = surroundings;
  const problems: string[] = [];
  const metrics = createMetrics(config);
  const secrets = createSecretStore({ dir: config.SECRETS_DIR, clock, log, metrics });
  const right = (...settings: (keyof Config)[]) => !settings.some((name) => wrong.has(name));
  const authenticate = right("AUTH_MODE", "AUTH_JWKS_URL", "SECRETS_DIR")
    ? attempt(problems, () => authentication(config, secrets, clock))
    : undefined;
  const price = right("PRICES_FILE", "MODEL_NAME")
    ? attempt(problems, () => readPrice(config.PRICES_FILE, config.MODEL_NAME))
    : undefined;
  if (authenticate === undefined || price === undefined) {
    secrets.close();
    return { problems };
  }

  const model = surroundings.model ?? createOfflineModel(config.MODEL_NAME);
  const tools = surroundings.tools ?? [calculator];
  const toolbox = createToolbox({ tools, timeoutMs: config.TOOL_TIMEOUT_MS, clock, metrics });
  const runner = createRunner({ config, model, price, toolbox, clock, metrics });
  const lifecycle: Lifecycle = { phase: "starting" };
  const admin = createListener({ config, random, log });
  addAdminRoutes(admin.app, { lifecycle, secrets, metrics });
  const listener = createListener({ config, random, log, inFlight: metrics.httpInFlight });
  const { names } = toolbox;
  addPublicRoutes(listener.app, { config, authenticate, tools: names, runner, lifecycle, metrics, log, random });

  const service: Service = {
    async start() {
      const adminPort = await admin.listen("ADMIN_HOST", "ADMIN_PORT");
      const port = await listener.listen("HOST", "PORT");
      lifecycle.phase = "serving";
      log.info("listening", { port, admin_port: adminPort, auth_mode: config.AUTH_MODE });
      return { port, adminPort };
    },
    async shutDown() {
      const clean = await shutDown({ config, lifecycle, listener, admin, runner, clock, metrics, log });
      secrets.close();
      return clean;
    },
  };
  return { service };
}

function authentication(config: Config, secrets: SecretStore, clock: Clock): Authenticate {
  const { AUTH_MODE, AUTH_ISSUER: issuer = "", AUTH_AUDIENCE: audience = "", AUTH_JWKS_URL } = config;
  if (AUTH_MODE === "none") {
    return authenticateNobody;
  }
  if (AUTH_MODE === "api-key") {
    return authenticateApiKey(secrets.open("api_keys", parseApiKeys));
  }
  const remote = AUTH_JWKS_URL === undefined ? undefined : remoteJwks(AUTH_JWKS_URL);
  const keys = remote === undefined ? secrets.open("jwks.json", parseJwks) : () => remote;
  return authenticateJwt({ issuer, audience, keys, clock });
}

/** What `make` returns, or undefined with a further problem. */
function attempt<T>(problems: string[], make: () => T): T | undefined {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof SetupError)) {
      throw error;
    }
    problems.push(error.message);
    return undefined;
  }
}

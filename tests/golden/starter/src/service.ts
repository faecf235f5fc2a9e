import { createAuditTrail } from "./audit/log.ts";
import { createAuthentication } from "./auth/authenticate.ts";
import { type Config, SetupError } from "./config.ts";
import { createBudget } from "./cost/budget.ts";
import { readPrices } from "./cost/prices.ts";
import { addAdminRoutes } from "./http/admin.ts";
import { createIntake } from "./http/intake.ts";
import { createListener } from "./http/listener.ts";
import { openapi } from "./http/openapi.ts";
import { addPublicHooks } from "./http/public.ts";
import { addRunRoutes, addSessionRoutes } from "./http/routes.ts";
import { createIntentReader } from "./http/schema.ts";
import type { Kit } from "./kit.ts";
import { createConcurrency, createMemoryRateLimiter } from "./limits/limits.ts";
import { createMetrics } from "./metrics/metrics.ts";
import { createModel, createTracedModel } from "./model/configured.ts";
import type { Model } from "./model/model.ts";
import { readPrompt } from "./model/prompt.ts";
import { createRedactor, protectInput } from "./privacy/redact.ts";
import { createUpstream } from "./resilience/upstream.ts";
import { createKillSwitch } from "./run/kill-switch.ts";
import { createRunner } from "./run/runner.ts";
import { createSecretStore } from "./secrets/store.ts";
import { type Closer, type Lifecycle, shutDown } from "./shutdown/shutdown.ts";
import { createMemoryStore } from "./state/memory.ts";
import { calculator } from "./tools/calculator.ts";
import { createFetchTool } from "./tools/fetch.ts";
import { createNoteTools } from "./tools/notes.ts";
import type { Tool } from "./tools/tool.ts";
import { createToolbox } from "./tools/toolbox.ts";
import { createLocalTracer, createTracer } from "./traces/tracer.ts";

/** What the outside world gives a service. */
export interface Surroundings extends Pick<Kit, "clock" | "random" | "log"> {
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
export async function compose(config: Config, surroundings: Surroundings, wrong: ReadonlySet<string> = new Set()) {
  const { clock, random, log } = surroundings;
  const problems: string[] = [];
  const metrics = createMetrics(config);
  const secrets = createSecretStore({ config, clock, log, metrics });
  const tracer = await createTracer({ config, random, clock, log, metrics });
  const kit = { config, clock, random, log, metrics, secrets, tracer };
  /** What `make` returns unless one of these settings is wrong; a problem more if it throws one. */
  const part = <T>(settings: readonly (keyof Config)[], make: () => T): T | undefined => {
    try {
      return settings.some((name) => wrong.has(name)) ? undefined : make();
    } catch (error) {
      if (!(error instanceof SetupError)) {
        throw error;
      }
      problems.push(error.message);
      return undefined;
    }
  };
  const authenticate = part(["AUTH_MODE", "AUTH_JWKS_URL", "SECRETS_DIR"], () => createAuthentication(kit));
  const prices = part(["PRICES_FILE", "MODEL_NAME"], () => readPrices(config));
  const prompt = part(["PROMPT_FILE"], () => readPrompt(config.PROMPT_FILE));
  const configured = part(["MODEL_PROVIDER", "MODEL_BASE_URL", "SECRETS_DIR"], () => createModel(kit));
  const audit = part(["AUDIT_FILE", "STATE_DIR", "SIEM_URL", "SECRETS_DIR"], () => createAuditTrail(kit));
  if (!authenticate || !prices || !prompt || !configured || !audit) {
    secrets.close();
    return { problems };
  }

  const store = createMemoryStore();
  const redact = createRedactor({ metrics });
  const model = createTracedModel(protectInput(surroundings.model ?? configured.model, { config, redact }), tracer);
  const killSwitch = createKillSwitch(config.AGENT_DISABLED_FILE);
  const upstreamOf = (name: string) => createUpstream({ ...kit, name, timeoutMs: config.TOOL_TIMEOUT_MS });
  const tools = surroundings.tools ?? [
    calculator,
    createFetchTool({ ...kit, allowedHosts: config.TOOL_HTTP_ALLOWED_HOSTS, upstreamOf }),
    ...createNoteTools(store, clock),
  ];
  const toolbox = createToolbox({ ...kit, tools, prompt });
  const budget = createBudget({ ...kit, prices, store });
  const runner = createRunner({ ...kit, model, prompt, toolbox, budget, audit, killSwitch, store, redact });

  const lifecycle: Lifecycle = { phase: "starting" };
  const admin = createListener({ ...kit, tracer: createLocalTracer(random) });
  addAdminRoutes(admin.app, {
    ...kit,
    lifecycle,
    vital: [
      ["store", () => store.check()],
      ["audit", async () => audit.check()],
    ],
    degraded: () => secrets.degraded().map((name) => `secret:${name}`),
  });
  const listener = createListener({ ...kit, inFlight: metrics.httpInFlight });
  const open = ["/openapi.json"];
  addPublicHooks(listener.app, { ...kit, authenticate, open, lifecycle });
  const perMinute = config.TENANT_REQUESTS_PER_MINUTE;
  const rate = createMemoryRateLimiter({ clock, perMinute });
  const concurrency = createConcurrency(config.TENANT_CONCURRENCY);
  const intent = createIntentReader({ ...kit, tools: toolbox.names });
  const intake = createIntake({ ...kit, runner, store, rate, concurrency, killSwitch, intent });
  addRunRoutes(listener.app, { ...kit, intake, runner });
  addSessionRoutes(listener.app, { store, runner });
  const description = openapi(config, toolbox.names);
  listener.app.get("/openapi.json", async () => description);

  const closers: Closer[] = [
    ["runs", (deadline) => runner.close(deadline)],
    ["audit", (deadline) => audit.close(deadline)],
    ["store", () => store.close()],
    ["model", () => configured.close()],
    ["traces", (deadline) => tracer.close(deadline)],
  ];
  const service: Service = {
    async start() {
      const adminPort = await admin.listen("ADMIN_HOST", "ADMIN_PORT");
      const port = await listener.listen("HOST", "PORT");
      lifecycle.phase = "serving";
      log.info("listening", { port, admin_port: adminPort, auth_mode: config.AUTH_MODE });
      return { port, adminPort };
    },
    async shutDown() {
      const clean = await shutDown({ ...kit, lifecycle, listener, admin, runner, closers });
      secrets.close();
      return clean;
    },
  };
  return { service };
}

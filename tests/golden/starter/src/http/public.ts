import type { FastifyInstance, FastifyRequest } from "fastify";
import type { Authenticate } from "../auth/authenticate.ts";
import type { Config } from "../config.ts";
import type { Logger } from "../logs/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import { ModelError, type Runner, type RunResult } from "../run/run.ts";
import type { RandomHex } from "../runtime.ts";
import type { Lifecycle } from "../shutdown/shutdown.ts";
import { traceOf } from "./listener.ts";
import { Problem, shuttingDown } from "./problem.ts";
import { openapi, parseBody, runAnswerOf, runBody, runRequest } from "./schema.ts";

/** Adds the public routes. */
export function addPublicRoutes(
  app: FastifyInstance,
  options: {
    config: Config;
    authenticate: Authenticate;
    tools: readonly string[];
    runner: Runner;
    lifecycle: Lifecycle;
    metrics: Metrics;
    log: Logger;
    random: RandomHex;
  },
): void {
  const { config, authenticate, tools, runner, lifecycle, metrics, log, random } = options;
  const maxSteps = config.RUN_MAX_STEPS;
  const body = runBody(tools, maxSteps);
  const tenants = new WeakMap<FastifyRequest, string>();

  app.addHook("onResponse", async (request, { statusCode: status, elapsedTime }) => {
    const { method } = request;
    const route = request.routeOptions.url ?? "unmatched";
    metrics.httpRequests.inc({ method, route, status });
    metrics.httpDuration.observe({ method, route }, elapsedTime / 1_000);
    log.within(traceOf(request)).info("request finished", { method, route, status, duration_ms: elapsedTime });
  });
  app.addHook("onRequest", async () => {
    if (lifecycle.phase === "draining") {
      throw shuttingDown();
    }
  });
  app.addHook("onSend", async (_request, reply) => {
    if (lifecycle.phase !== "serving") {
      reply.header("connection", "close");
    }
  });

  app.post("/v1/runs", {
    // Before the body is read, so that strangers cannot make the service read one.
    onRequest: async (request) => {
      tenants.set(request, await authenticate(request.headers.authorization));
    },
    handler: async (request, reply) => {
      const asked = runRequest(parseBody(body, request.body), tools, maxSteps);
      const id = `run_${random(16)}`;
      const runLog = log.within(traceOf(request), { run_id: id, tenant: tenants.get(request) });
      const client = new AbortController();
      reply.raw.once("close", () => client.abort());
      const result = await runner.run(asked, client.signal, runLog).catch((error: unknown) => {
        throw error instanceof ModelError ? new Problem(502, "model_failed", { cause: error }) : error;
      });
      refuseUnanswered(result);
      return runAnswerOf(id, request.id, result);
    },
  });

  const description = openapi(config, body);
  app.get("/openapi.json", async () => description);
}

/** Some ways to end are no result: the client gets a problem. */
function refuseUnanswered(result: RunResult): void {
  if (result.reason === "deadline" && result.steps === 0) {
    throw new Problem(504, "deadline_exceeded");
  }
  if (result.reason === "shutdown" || result.status === "cancelled") {
    throw shuttingDown();
  }
}

import type { FastifyInstance, FastifyReply } from "fastify";
import type { Metrics } from "../metrics/metrics.ts";
import type { SecretStore } from "../secrets/store.ts";
import type { Lifecycle } from "../shutdown/shutdown.ts";

/** Adds the probes and the metrics. */
export function addAdminRoutes(
  app: FastifyInstance,
  options: { lifecycle: Lifecycle; secrets: SecretStore; metrics: Metrics },
): void {
  const { lifecycle, secrets, metrics } = options;
  const notYet = (reply: FastifyReply) => reply.code(503).send({ status: lifecycle.phase });

  app.get("/livez", async () => ({ status: "ok" }));
  app.get("/startupz", async (_request, reply) => (lifecycle.phase === "starting" ? notYet(reply) : { status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    if (lifecycle.phase !== "serving") {
      return notYet(reply);
    }
    const degraded = secrets.degraded().map((name) => `secret:${name}`);
    return degraded.length === 0 ? { status: "ok" } : { status: "ok", degraded };
  });
  app.get("/metrics", async (_request, reply) => {
    reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });
}

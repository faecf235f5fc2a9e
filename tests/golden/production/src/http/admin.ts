import type { FastifyInstance, FastifyReply } from "fastify";
import type { Kit } from "../kit.ts";
import { within } from "../runtime.ts";
import type { Lifecycle } from "../shutdown/shutdown.ts";

// Before the probe itself gives up.
const CHECK_MS = 1_000;

/** Adds the probes and the metrics. */
export function addAdminRoutes(
  app: FastifyInstance,
  options: Pick<Kit, "metrics" | "clock"> & {
    lifecycle: Lifecycle;
    /** Parts without which nothing can be served, each with its check. */
    vital: readonly (readonly [name: string, check: () => Promise<void>])[];
    /** Names of what does not work as it should, while the service serves. */
    degraded: () => readonly string[];
  },
): void {
  const { lifecycle, vital, degraded, metrics, clock } = options;
  const notYet = (reply: FastifyReply) => reply.code(503).send({ status: lifecycle.phase });

  app.get("/livez", async () => ({ status: "ok" }));
  app.get("/startupz", async (_request, reply) => (lifecycle.phase === "starting" ? notYet(reply) : { status: "ok" }));
  app.get("/readyz", async (_request, reply) => {
    if (lifecycle.phase !== "serving") {
      return notYet(reply);
    }
    const checks = vital.map(async ([name, check]) => {
      const works = check().then(
        () => true,
        () => false,
      );
      return (await within(clock, CHECK_MS, works, false)) ? [] : [name];
    });
    const failing = (await Promise.all(checks)).flat();
    if (failing.length > 0) {
      return reply.code(503).send({ status: "unavailable", failing });
    }
    const names = degraded();
    return names.length === 0 ? { status: "ok" } : { status: "ok", degraded: names };
  });
  app.get("/metrics", async (_request, reply) => {
    reply.type(metrics.registry.contentType);
    return metrics.registry.metrics();
  });
}

import type { FastifyInstance } from "fastify";
import type { Authenticate } from "../auth/authenticate.ts";
import type { Kit } from "../kit.ts";
import type { Lifecycle } from "../shutdown/shutdown.ts";
import { shuttingDown } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Whose request it is; empty on routes that anyone may call. */
    tenant: string;
  }
}

/** Adds what all public routes have in common; those under `/v1` are for authenticated clients. */
export function addPublicHooks(
  app: FastifyInstance,
  options: Pick<Kit, "metrics" | "log"> & { authenticate: Authenticate; open: readonly string[]; lifecycle: Lifecycle },
): void {
  const { authenticate, open, lifecycle, metrics, log } = options;

  app.decorateRequest("tenant", "");
  app.addHook("onResponse", async (request, { statusCode: status, elapsedTime }) => {
    const { method } = request;
    const route = request.routeOptions.url ?? "unmatched";
    metrics.httpRequests.inc({ method, route, status });
    metrics.httpDuration.observe({ method, route }, elapsedTime / 1_000);
    log.within(request.span).info("request finished", { method, route, status, duration_ms: elapsedTime });
  });
  app.addHook("onRequest", async (request) => {
    if (lifecycle.phase === "draining") {
      // Whoever was told earlier would come again, on a connection that the kernel resets when the listener closes.
      await lifecycle.closed;
      throw shuttingDown();
    }
    // Before the body is read, so that strangers cannot make the service read one.
    if (!open.includes(request.routeOptions.url ?? "")) {
      request.tenant = await authenticate(request.headers.authorization);
    }
  });
  app.addHook("onSend", async (_request, reply) => {
    if (lifecycle.phase !== "serving") {
      reply.header("connection", "close");
    }
  });
}

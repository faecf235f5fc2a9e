import type { FastifyInstance } from "fastify";
import type { Runner } from "../run/runner.ts";
import type { Store } from "../state/store.ts";
import { Problem } from "./problem.ts";
import { isName } from "./schema.ts";

interface Named {
  Params: { id: string };
}

/** Adds the routes of sessions. */
export function addSessionRoutes(app: FastifyInstance, { store, runner }: { store: Store; runner: Runner }): void {
  app.get<Named>("/v1/sessions/:id", async ({ tenant, params }) => {
    const session = isName(params.id) ? await store.findSession(tenant, params.id) : undefined;
    if (session === undefined) {
      throw new Problem(404, "session_not_found");
    }
    if (session.erased) {
      throw new Problem(410, "session_erased");
    }
    const messages = session.messages.map(({ role, content }) => ({ role, content }));
    return { id: session.id, created_at: new Date(session.createdAt).toISOString(), messages };
  });

  app.delete<Named>("/v1/sessions/:id", async ({ tenant, params }, reply) => {
    if (!isName(params.id) || !(await runner.erase(tenant, params.id))) {
      throw new Problem(404, "session_not_found");
    }
    return reply.code(204).send();
  });
}

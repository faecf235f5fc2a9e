import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Kit } from "../kit.ts";
import { answerOf } from "../run/answer.ts";
import type { RunEvent, RunRecord } from "../run/record.ts";
import type { Runner } from "../run/runner.ts";
import { type Clock, within } from "../runtime.ts";
import type { Store } from "../state/store.ts";
import { clientOf, type Intake } from "./intake.ts";
import { Problem } from "./problem.ts";
import { approvalBody, headerOf, isName, parseBody } from "./schema.ts";

interface Named {
  Params: { id: string };
}

/** Adds the routes of runs. */
export function addRunRoutes(
  app: FastifyInstance,
  options: Pick<Kit, "clock" | "log"> & {
    intake: Intake;
    runner: Runner;
  },
): void {
  const { intake, runner, clock, log } = options;

  function follow({ tenant }: FastifyRequest, reply: FastifyReply, id: string, after: number): FastifyReply {
    const events = runner.follow(tenant, id, after, clientOf(reply));
    return reply.type(EVENT_STREAM).send(Readable.from(eventStream(events, clock), { objectMode: false }));
  }

  async function found({ tenant, params }: FastifyRequest<Named>): Promise<RunRecord> {
    const record = isName(params.id) ? await runner.find(tenant, params.id) : undefined;
    if (record === undefined) {
      throw new Problem(404, "run_not_found");
    }
    return record;
  }

  app.post("/v1/runs", async (request, reply) => {
    const { record, replayed, stream, result } = await intake.admit(request, reply);
    reply.header("location", `/v1/runs/${record.id}`);
    if (replayed) {
      reply.header("idempotency-replayed", "true");
    }
    return stream ? follow(request, reply, record.id, 0) : result();
  });

  app.get<Named>("/v1/runs/:id", async (request) => answerOf(await found(request)));

  app.get<Named>("/v1/runs/:id/events", async (request, reply) => {
    const after = headerOf(request.headers, "last-event-id", /^\d{1,9}$/) ?? "0";
    const { id } = await found(request);
    return follow(request, reply, id, Number(after));
  });

  app.post<Named>("/v1/runs/:id/approvals", async (request, reply) => {
    const { approval_id, decision } = parseBody(approvalBody, request.body);
    const { id, tenant } = await found(request);
    const how = { trace: request.span, stream: true, log: log.within(request.span, { run_id: id, tenant }) };
    const decided = await runner.decide(tenant, id, approval_id, decision, how);
    if (decided !== "decided") {
      throw decided === "unknown" ? new Problem(404, "approval_not_found") : new Problem(409, `approval_${decided}`);
    }
    return reply.code(202).send(answerOf(await found(request)));
  });

  app.delete<Named>("/v1/runs/:id", async (request) => {
    await found(request);
    const record = await runner.cancel(request.tenant, request.params.id);
    return answerOf(record ?? (await found(request)));
  });
}

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

/** Media type of server-sent events (WHATWG HTML, section 9.2). */
export const EVENT_STREAM = "text/event-stream";

// More often than the usual proxies give up on a silent connection.
const KEEP_ALIVE_MS = 15_000;

/** Events as they go over the wire, with a comment now and then while nothing happens. */
async function* eventStream(events: AsyncGenerator<RunEvent, void>, clock: Clock): AsyncGenerator<string, void> {
  try {
    for (let next = events.next(); ; ) {
      const result = await within(clock, KEEP_ALIVE_MS, next, undefined);
      if (result === undefined) {
        yield ": still here\n\n";
      } else if (result.done === true) {
        return;
      } else {
        const { id, type, data } = result.value;
        yield `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
        next = events.next();
      }
    }
  } finally {
    await events.return();
  }
}

import { Readable } from "node:stream";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Logger } from "../logs/logger.ts";
import { answerOf } from "../run/answer.ts";
import type { RunRecord } from "../run/record.ts";
import type { Runner } from "../run/runner.ts";
import type { Clock } from "../runtime.ts";
import { clientOf, type Intake, type Intent, resultOf } from "./intake.ts";
import { Problem } from "./problem.ts";
import { approvalBody, headerOf, isName, parseBody } from "./schema.ts";
import { EVENT_STREAM, eventStream } from "./sse.ts";

interface Named {
  Params: { id: string };
}

/** Adds the routes of runs. */
export function addRunRoutes(
  app: FastifyInstance,
  options: {
    intent: (body: unknown, headers: FastifyRequest["headers"]) => Intent;
    intake: Intake;
    runner: Runner;
    clock: Clock;
    log: Logger;
  },
): void {
  const { intent, intake, runner, clock, log } = options;

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
    await intake.take(request.tenant);
    const wanted = intent(request.body, request.headers);
    const admitted = await intake.admit(request.tenant, wanted, request);
    const record = "known" in admitted ? admitted.known : admitted.begun.working.record;
    reply.header("location", `/v1/runs/${record.id}`);
    if ("known" in admitted) {
      reply.header("idempotency-replayed", "true");
      return wanted.stream ? follow(request, reply, record.id, 0) : resultOf(record);
    }
    const { begun } = admitted;
    if (wanted.key === undefined) {
      clientOf(reply).addEventListener("abort", () => begun.abort("disconnected"));
    }
    return wanted.stream ? follow(request, reply, record.id, 0) : resultOf(await begun.done);
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

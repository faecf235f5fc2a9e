import { createHash } from "node:crypto";
import type { FastifyReply, FastifyRequest } from "fastify";
import type { Kit } from "../kit.ts";
import type { Concurrency, RateLimiter } from "../limits/limits.ts";
import { answerOf } from "../run/answer.ts";
import type { KillSwitch } from "../run/kill-switch.ts";
import type { RunRecord } from "../run/record.ts";
import { type Runner, type RunRequest, SessionErasedError } from "../run/runner.ts";
import type { Work } from "../run/work.ts";
import type { Store } from "../state/store.ts";
import { Problem, problemOfRun, retryAfter, shuttingDown } from "./problem.ts";

/** What the client asks for, and how. */
export interface Intent extends Omit<RunRequest, "id" | "tenant"> {
  readonly stream: boolean;
  /** From the header `Idempotency-Key`, with the body that it stands for. */
  readonly key?: { readonly value: string; readonly body: unknown };
}

/** A run that was let in, or the run that the same key let in before. */
export interface Admission {
  readonly record: RunRecord;
  readonly replayed: boolean;
  /** Whether the client wants it as events. */
  readonly stream: boolean;
  /** The answer once the run is over or waits for a human; rejects with a problem where there is no result. */
  readonly result: () => Promise<ReturnType<typeof answerOf>>;
}

/** What is asked of the agent: of the request itself, unless another protocol wraps it. */
export interface Asked {
  readonly body: unknown;
  readonly headers: FastifyRequest["headers"];
}

/** Lets requests for runs in, or refuses them. */
export type Intake = ReturnType<typeof createIntake>;

// How long the answer to a key is kept.
const KEY_TTL_MS = 86_400_000;
const KILL_SWITCH_RETRY_MS = 30_000;
const CONCURRENCY_RETRY_MS = 1_000;

/** Makes the gate that every new run goes through. */
export function createIntake(
  options: Pick<Kit, "config" | "clock" | "random" | "metrics" | "log"> & {
    runner: Runner;
    store: Store;
    rate: RateLimiter;
    concurrency: Concurrency;
    killSwitch: KillSwitch;
    intent: (body: unknown, headers: FastifyRequest["headers"]) => Intent;
  },
) {
  const { config, runner, store, rate, concurrency, killSwitch, intent, clock, random, metrics, log } = options;

  function limited(reason: string, waitMs: number): Problem {
    metrics.rateLimited.inc({ reason });
    return new Problem(429, `${reason}_limit`, { headers: retryAfter(waitMs) });
  }

  /** Ties the key to the run that is about to begin, or finds the run that it is tied to. */
  async function claim(tenant: string, runId: string, key: Intent["key"]): Promise<RunRecord | undefined> {
    if (key === undefined) {
      return undefined;
    }
    const now = clock.date().getTime();
    const bodyHash = createHash("sha256").update(JSON.stringify(key.body)).digest("hex");
    const expiresAt = now + config.RUN_DEADLINE_MS;
    const kept = await store.claimKey(tenant, key.value, { bodyHash, runId, now, expiresAt });
    if (kept.claimed) {
      return undefined;
    }
    if (kept.bodyHash !== bodyHash) {
      throw new Problem(422, "idempotency_key_reused");
    }
    const known = await runner.find(tenant, kept.runId);
    if (known === undefined || known.status === "running") {
      throw new Problem(409, "run_in_flight", { extension: { run_id: kept.runId } });
    }
    return known;
  }

  /** Takes one of the tenant's requests; throws a 429 problem if there is none left. */
  async function take(tenant: string): Promise<void> {
    const waitMs = await rate.take(tenant);
    if (waitMs > 0) {
      throw limited("rate", waitMs);
    }
  }

  /** Begins a run, or throws the problem that stands against it. */
  async function begin(request: FastifyRequest, id: string, { stream, key, ...wanted }: Intent): Promise<Work> {
    const { tenant, span: trace } = request;
    const leave = concurrency.enter(tenant);
    const settle = async (keep: boolean): Promise<void> => {
      leave?.();
      const expiresAt = keep ? clock.date().getTime() + KEY_TTL_MS : undefined;
      await (key && store.keepKey(tenant, key.value, id, expiresAt));
    };
    try {
      if (leave === undefined) {
        throw limited("concurrency", CONCURRENCY_RETRY_MS);
      }
      const how = { trace, stream, log: log.within(trace, { run_id: id, tenant }) };
      const begun = await runner.start({ id, tenant, ...wanted }, how);
      // Before the answer goes out, so that a client that comes again at once finds the key as it has to be.
      const done = begun.done.then(
        async (record) => {
          await settle(isFinal(record)).catch((error: unknown) => {
            how.log.warn("idempotency key not kept", { error });
            throw error;
          });
          return record;
        },
        async (error: unknown) => {
          await settle(false).catch(() => undefined);
          throw error;
        },
      );
      // Whoever asked may have left; what went wrong has been logged.
      done.catch(() => undefined);
      return { ...begun, done };
    } catch (error) {
      await settle(false);
      throw error instanceof SessionErasedError ? new Problem(410, "session_erased") : error;
    }
  }

  return {
    take,

    /** Lets a run in, or throws the problem that stands against it. A client that leaves ends it, unless it has a key. */
    async admit(request: FastifyRequest, reply: FastifyReply, asked: Asked = request): Promise<Admission> {
      await take(request.tenant);
      const wanted = intent(asked.body, asked.headers);
      if (killSwitch.engaged()) {
        throw new Problem(503, "agent_disabled", { headers: retryAfter(KILL_SWITCH_RETRY_MS) });
      }
      const { stream, key } = wanted;
      const id = `run_${random.hex(16)}`;
      const known = await claim(request.tenant, id, key);
      if (known !== undefined) {
        return { record: known, replayed: true, stream, result: async () => resultOf(known) };
      }
      const begun = await begin(request, id, wanted);
      if (key === undefined) {
        clientOf(reply).addEventListener("abort", () => begun.abort("disconnected"));
      }
      const result = async () => resultOf(await begun.done);
      return { record: begun.working.record, replayed: false, stream, result };
    },
  };
}

/** Whether the answer to a run stays the same, so that it may be handed out again. */
function isFinal({ status, reason, problem }: RunRecord): boolean {
  return reason !== "shutdown" && (status !== "failed" || (problem !== undefined && problem.status < 429));
}

function resultOf(record: RunRecord): ReturnType<typeof answerOf> {
  if (record.problem !== undefined) {
    throw problemOfRun(record.problem);
  }
  if (record.reason === "shutdown") {
    throw shuttingDown();
  }
  return answerOf(record);
}

/** Aborts when the client is gone before its answer is whole. */
export function clientOf(reply: FastifyReply): AbortSignal {
  const controller = new AbortController();
  reply.raw.once("close", () => {
    if (!reply.raw.writableFinished) {
      controller.abort("disconnected");
    }
  });
  return controller.signal;
}

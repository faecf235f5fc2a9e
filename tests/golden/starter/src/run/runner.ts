import { digest } from "../audit/key.ts";
import { tokensOf } from "../cost/prices.ts";
import type { Message } from "../model/model.ts";
import { sleep, within } from "../runtime.ts";
import type { Decided } from "../state/store.ts";
import { answerOf } from "./answer.ts";
import type { RunOptions } from "./loop.ts";
import type { RunEvent, RunLimits, RunRecord } from "./record.ts";
import { createWork, type Work, type WorkOptions } from "./work.ts";

/** What a client wants done. */
export interface RunRequest {
  readonly id: string;
  readonly tenant: string;
  readonly sessionId: string;
  readonly input: readonly Message[];
  readonly tools: readonly string[];
  readonly limits: RunLimits;
}

/** The session has been erased: nothing may be added to it. */
export class SessionErasedError extends Error {
  override readonly name = "SessionErasedError";
}

// How often replicas that share a store look at each other's runs.
const POLL_MS = 500;
// A run that is still not over this long after its deadline has died with its process.
const LOST_AFTER_MS = 30_000;
// A session's older messages are left out, so that half of a run's tokens stay for the run itself.
const HISTORY_SHARE = 0.5;

/** Starts runs, finds them again, goes on with them and ends them. */
export type Runner = ReturnType<typeof createRunner>;

/** Makes a runner. */
export function createRunner(options: RunOptions) {
  const { config, prompt, toolbox, audit, store, clock, random, metrics } = options;
  const work = createWork(options);
  const active = new Map<string, Work>();
  let shuttingDown = false;
  let closed = false;
  let cancelPoll = store.shared ? clock.after(POLL_MS, poll) : () => undefined;

  /** Hands on what followers on other replicas wait for, and hears what was asked for there. */
  async function poll(): Promise<void> {
    try {
      for (const id of active.size > 0 ? await store.cancelRequested([...active.keys()]) : []) {
        active.get(id)?.abort("cancelled");
      }
      await Promise.all([...active.values()].map((each) => each.keep()));
    } catch (error) {
      options.log.warn("store unreachable, other replicas do not see this one's runs", { error });
    }
    if (!closed) {
      cancelPoll = clock.after(POLL_MS, poll);
    }
  }

  function begin(record: RunRecord, how: WorkOptions): Work {
    const begun = work(record, how);
    active.set(record.id, begun);
    if (shuttingDown) {
      begun.abort("shutdown");
    }
    // Whoever asked for the run may have left, so nobody else may be there to hear of it.
    begun.done
      .catch((error: unknown) => how.log.error("run could not be kept", { error }))
      .finally(() => active.delete(record.id));
    return begun;
  }

  /** A run whose process died, or whose approvals have all expired, is over though nobody said so. */
  function settled(record: RunRecord): RunRecord {
    const now = clock.date().getTime();
    const undecided = record.approvals.filter(({ decision }) => decision === undefined);
    const lost = record.status === "running" && !active.has(record.id);
    if (lost && now > record.startedAt + config.RUN_DEADLINE_MS + LOST_AFTER_MS) {
      return { ...record, status: "failed", problem: { status: 500, code: "run_lost" } };
    }
    const expired = undecided.length > 0 && undecided.every(({ expiresAt }) => expiresAt <= now);
    if (record.status === "awaiting_approval" && expired) {
      return { ...record, status: "stopped", reason: "approval_expired" };
    }
    return record;
  }

  async function find(tenant: string, id: string): Promise<RunRecord | undefined> {
    const local = active.get(id)?.working.record;
    const record = local?.tenant === tenant ? local : await store.findRun(tenant, id);
    return record === undefined ? undefined : settled(record);
  }

  return {
    find,

    /** How many runs go on here. */
    active: () => active.size,

    /** Begins a run; rejects with `SessionErasedError`, `AuditError` or `StoreError` if it cannot begin. */
    async start(request: RunRequest, how: WorkOptions): Promise<Work> {
      const { id, tenant, sessionId, input, tools, limits } = request;
      const now = clock.date().getTime();
      const session = await store.findSession(tenant, sessionId);
      if (session?.erased === true) {
        throw new SessionErasedError("erased");
      }
      const history = recent(session?.messages ?? [], limits.maxTokens * HISTORY_SHARE);
      const digestKey = random.hex(16);
      const record: RunRecord = {
        id,
        tenant,
        sessionId,
        traceId: how.trace.traceId,
        createdAt: now,
        startedAt: now,
        digestKey,
        tools,
        limits,
        status: "running",
        output: "",
        steps: 0,
        toolCalls: 0,
        tokens: { input: 0, output: 0 },
        costNanoDollars: 0,
        messages: [...history, ...input],
        historyLength: history.length,
        approvals: [],
        lastEventId: 1,
      };
      audit.record({
        ...auditOf(tenant, "run.executed", `run:${id}`),
        result: "started",
        metadata: { session: sessionId, prompt: prompt.digest, input: digest(digestKey, JSON.stringify(input)) },
      });
      const first: RunEvent = { id: 1, type: "run.started", data: { id, session_id: sessionId } };
      await store.saveRun(record, [first]);
      return begin(record, how);
    },

    /** What happens in a run after the event with this id, until the run is over or waits for a human. */
    async *follow(tenant: string, id: string, after: number, signal: AbortSignal): AsyncGenerator<RunEvent, void> {
      let last = after;
      while (!signal.aborted) {
        const local = active.get(id);
        const record = await find(tenant, id);
        for (const event of await store.eventsAfter(tenant, id, last)) {
          last = event.id;
          yield event;
        }
        if (record === undefined || (record.status !== "running" && local === undefined)) {
          return;
        }
        if (local !== undefined) {
          yield* local.working.events.follow(last, signal);
          return;
        }
        await sleep(clock, POLL_MS, signal).catch(() => undefined);
      }
    },

    /** Decides on a risky call; the run goes on as soon as nothing more is to be decided. */
    async decide(tenant: string, id: string, approvalId: string, decision: "approve" | "deny", how: WorkOptions) {
      const decided: Decided = await store.decide(tenant, id, approvalId, decision, clock.date().getTime());
      if (decided !== "decided") {
        return decided;
      }
      metrics.approvals.inc({ decision });
      audit.record({
        ...auditOf(tenant, "approval.decided", `approval:${approvalId}`),
        metadata: { run: id, decision },
      });
      const record = await store.findRun(tenant, id);
      const open = record?.approvals.some((approval) => approval.decision === undefined) ?? true;
      if (record !== undefined && !open && (await store.resumeRun(tenant, id))) {
        begin({ ...record, status: "running", startedAt: clock.date().getTime() }, how);
      }
      return decided;
    },

    /** Ends a run on its client's wish; returns it as it then stands. */
    async cancel(tenant: string, id: string): Promise<RunRecord | undefined> {
      const record = await find(tenant, id);
      const local = active.get(id);
      if (record === undefined) {
        return undefined;
      }
      if (record.status === "running" || record.status === "awaiting_approval") {
        audit.record(auditOf(tenant, "run.cancelled", `run:${id}`));
      }
      if (record.status === "awaiting_approval" && (await store.resumeRun(tenant, id))) {
        const cancelled: RunRecord = { ...record, status: "cancelled", lastEventId: record.lastEventId + 1 };
        await store.saveRun(cancelled, [
          { id: cancelled.lastEventId, type: "run.finished", data: answerOf(cancelled) },
        ]);
        metrics.runs.inc({ status: "cancelled", reason: "none" });
        return cancelled;
      }
      if (local !== undefined) {
        local.abort("cancelled");
        return local.done;
      }
      if (record.status === "running") {
        await store.requestCancel(tenant, id);
      }
      return record;
    },

    /** Erases a session with all its content, ending its runs first; `false` if it is not there. */
    async erase(tenant: string, sessionId: string): Promise<boolean> {
      const runs = [...active.values()].filter(
        ({ working: { record } }) => record.tenant === tenant && record.sessionId === sessionId,
      );
      await Promise.allSettled(
        runs.map((run) => {
          run.abort("cancelled");
          return run.done;
        }),
      );
      const erased = await store.eraseSession(tenant, sessionId, clock.date().getTime());
      if (erased) {
        await toolbox.forget(tenant, sessionId);
        audit.record(auditOf(tenant, "session.erased", `session:${sessionId}`));
      }
      return erased;
    },

    /** Stops the runs that are going on, in the order they began, and those that still begin. */
    shutDown(): void {
      shuttingDown = true;
      for (const run of active.values()) {
        run.abort("shutdown");
      }
    },

    /** Resolves when the runs that are going on are over and kept, or at the deadline; then looks no more. */
    async close(deadline: number): Promise<void> {
      const runs = Promise.allSettled([...active.values()].map(({ done }) => done));
      await within(clock, deadline - clock.monotonic(), runs, undefined);
      closed = true;
      cancelPoll();
    },
  };
}

/** The last messages that fit into so many tokens, from a message of the user on. */
function recent(messages: readonly Message[], tokens: number): readonly Message[] {
  let left = tokens;
  let start = messages.length;
  for (const [index, message] of [...messages.entries()].toReversed()) {
    left -= tokensOf(JSON.stringify(message));
    if (left < 0) {
      break;
    }
    start = message.role === "user" ? index : start;
  }
  return messages.slice(start);
}

function auditOf(tenant: string, action: string, resource: string) {
  return { actor: `tenant:${tenant}`, tenant, action, resource, result: "success" as const };
}

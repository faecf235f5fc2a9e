import { digest } from "../audit/key.ts";
import type { Fields, Logger } from "../logs/logger.ts";
import type { TraceContext } from "../traces/tracer.ts";
import { answerOf, problemDetails, problemOfFailure } from "./answer.ts";
import { createEventLog } from "./events.ts";
import { createLoop, type Ending, type RunOptions, unanswered, type Working } from "./loop.ts";
import type { RunProblem, RunRecord } from "./record.ts";

/** Why a run is ended before its steps are over. */
export type AbortReason = "deadline" | "shutdown" | "disconnected" | "cancelled";

/** A run that this process works on, and what can be done about it. */
export interface Work {
  readonly working: Working;
  /** Resolves when this process is done with the run, whatever came of it; rejects if it could not be kept. */
  readonly done: Promise<RunRecord>;
  abort(reason: AbortReason): void;
  /** Gives the store what has happened so far. */
  keep(): Promise<void>;
}

/** How to work on a run. */
export interface WorkOptions {
  readonly trace: TraceContext;
  readonly stream: boolean;
  readonly log: Logger;
}

/** Makes the function that takes a run through its steps, and keeps and tells what came of it. */
export function createWork(options: RunOptions) {
  const { config, model, prompt, audit, redact, store, tracer, clock, metrics } = options;
  const loop = createLoop(options);

  /** What of a run's content is logged: nothing unless `LOG_CONTENT` asks for it, and then redacted. */
  function contentOf({ messages, historyLength, output }: RunRecord): Fields {
    const input = messages[historyLength]?.content ?? "";
    return config.LOG_CONTENT === "true" ? { input: redact(input), output: redact(output) } : {};
  }

  /** Ends a run: its events, its figures and its audit entry. */
  function conclude(working: Working, ending: Ending | Failure): void {
    const { events, log } = working;
    working.record = { ...working.record, ...ending };
    const { record } = working;
    const reason = record.reason ?? "none";
    if (ending.status === "failed") {
      events.append("run.failed", problemDetails(ending.problem, record.traceId));
    } else if (ending.status !== "awaiting_approval") {
      events.append(reason === "shutdown" ? "shutdown" : "run.finished", answerOf(record));
    }
    metrics.runs.inc({ status: record.status, reason });
    metrics.runSteps.observe(record.steps);
    log.info("run ended", { status: record.status, reason, steps: record.steps, ...contentOf(record) });
    try {
      audit.record({
        actor: "agent",
        tenant: record.tenant,
        action: "run.executed",
        resource: `run:${record.id}`,
        result: ending.status === "failed" ? "failure" : "success",
        metadata: {
          status: record.status,
          reason,
          steps: record.steps,
          model: model.name,
          prompt: prompt.digest,
          output: digest(record.digestKey, record.output),
        },
      });
    } catch (error) {
      // What was done is done: the run keeps its result, and the trail counts the failure.
      log.error("outcome not in the audit log", { error });
    }
  }

  async function save(working: Working): Promise<void> {
    const { events, kept } = working.events.unsaved();
    const last = events.at(-1);
    if (last !== undefined) {
      working.record = { ...working.record, lastEventId: last.id };
      await store.saveRun(working.record, events);
      kept();
    }
  }

  /** Adds the steps that finished to the session; a step whose calls were not all answered is left out. */
  async function remember({ record }: Working): Promise<void> {
    const { messages, status, steps } = record;
    const end =
      unanswered(messages).length > 0 ? messages.findLastIndex(({ role }) => role === "assistant") : undefined;
    const fresh = messages.slice(record.historyLength, end);
    if (status !== "awaiting_approval" && steps > 0 && fresh.length > 0) {
      await store.appendToSession(record.tenant, record.sessionId, fresh, clock.date().getTime());
    }
  }

  return (record: RunRecord, { trace, stream, log }: WorkOptions): Work => {
    const controller = new AbortController();
    const abort = (reason: AbortReason) => controller.abort(reason);
    const span = tracer.start(`invoke_agent ${config.SERVICE_NAME}`, "internal", trace, {
      "gen_ai.operation.name": "invoke_agent",
      "gen_ai.agent.name": config.SERVICE_NAME,
      "gen_ai.provider.name": model.provider,
      "gen_ai.request.model": model.name,
      "agent.prompt.version": prompt.version,
      "agent.prompt.digest": prompt.digest,
    });
    const started = clock.monotonic();
    const deadline = started + config.RUN_DEADLINE_MS;
    const events = createEventLog(record.lastEventId);
    let saved = Promise.resolve();
    // One after the other, so that an older state never lands on a newer one.
    const keep = () => (saved = saved.catch(() => undefined).then(() => save(working)));
    const working: Working = { record, events, signal: controller.signal, deadline, stream, trace: span, log };

    async function run(): Promise<RunRecord> {
      const cancelDeadline = clock.after(config.RUN_DEADLINE_MS, () => abort("deadline"));
      let failure: unknown;
      try {
        const ending = await loop(working).catch((error: unknown) => {
          const reason = clock.monotonic() >= deadline ? "deadline" : abortReason(controller.signal);
          if (reason === undefined) {
            failure = error;
            log.error("run failed", { error });
          }
          return endingOf(reason, error, working.record);
        });
        conclude(working, ending);
        await remember(working);
        await keep();
        return working.record;
      } catch (error) {
        failure = error;
        events.append("run.failed", problemDetails(problemOfFailure(error) ?? DEFECT, record.traceId));
        throw error;
      } finally {
        cancelDeadline();
        events.end();
        metrics.runDuration.observe((clock.monotonic() - started) / 1_000);
        span.end(failure);
      }
    }
    return { working, done: run(), abort, keep };
  };
}

const DEFECT: RunProblem = { status: 500, code: "internal_error" };

type Failure = Readonly<{ status: "failed"; problem: RunProblem }>;

/** How a run ends whose steps were broken off. */
function endingOf(reason: AbortReason | undefined, error: unknown, { steps }: RunRecord): Ending | Failure {
  if (reason === "deadline" && steps === 0) {
    return { status: "failed", problem: { status: 504, code: "deadline_exceeded" } };
  }
  if (reason === "deadline" || reason === "shutdown") {
    return { status: "stopped", reason };
  }
  if (reason !== undefined) {
    return { status: "cancelled" };
  }
  return { status: "failed", problem: problemOfFailure(error) ?? DEFECT };
}

function abortReason(signal: AbortSignal): AbortReason | undefined {
  const reason: unknown = signal.reason;
  const known = ["deadline", "shutdown", "disconnected", "cancelled"] as const;
  return known.find((each) => each === reason);
}

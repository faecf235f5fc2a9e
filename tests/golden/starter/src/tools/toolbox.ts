import type { Logger } from "../logs/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ToolCall } from "../model/model.ts";
import { abortable, type Clock } from "../runtime.ts";
import type { TraceContext, Tracer } from "../traces/tracer.ts";
import { type Tool, ToolError } from "./tool.ts";

/** The tools that a service has; nothing else can be called. */
export type Toolbox = ReturnType<typeof createToolbox>;

/** On whose behalf a call is made. */
export interface Caller {
  readonly tenant: string;
  readonly sessionId: string;
  /** Unique to the call; the same if the run is resumed. */
  readonly callKey: string;
  readonly trace: TraceContext;
  readonly signal: AbortSignal;
  readonly log: Logger;
}

type Load = (signal: AbortSignal) => Promise<string>;

/** Finds an earlier result of a call, or loads it. */
export type Reuse = (tool: Tool, args: unknown, caller: Caller, load: Load) => Promise<string>;

/** Gathers the tools of a service. */
export function createToolbox(options: {
  tools: readonly Tool[];
  timeoutMs: number;
  /** For tools whose results may be handed out again; absent: none are. */
  reuse?: Reuse;
  clock: Clock;
  tracer: Tracer;
  metrics: Metrics;
}) {
  const { timeoutMs, reuse, clock, tracer, metrics } = options;
  const tools = new Map(options.tools.map((tool) => [tool.description.name, tool]));

  async function attempt(tool: Tool, args: unknown, caller: Caller, trace: TraceContext, within: AbortSignal) {
    const { tenant, sessionId, callKey: idempotencyKey } = caller;
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort(new ToolError(`no result within ${timeoutMs} ms`)));
    const signal = AbortSignal.any([within, timeout.signal]);
    const context = { tenant, sessionId, idempotencyKey, trace, signal, deadline: clock.monotonic() + timeoutMs };
    try {
      return await abortable(signal, () => tool.run(args, context));
    } finally {
      cancel();
    }
  }

  return {
    names: [...tools.keys()],
    describe: (allowed: readonly string[]) =>
      [...tools.values()].map((tool) => tool.description).filter(({ name }) => allowed.includes(name)),

    /** The tool that a call may use, if there is one. */
    find: (call: ToolCall, allowed: readonly string[]): Tool | undefined =>
      allowed.includes(call.tool) ? tools.get(call.tool) : undefined,

    /** The result of a call as the model gets it: a failure is a result too. Rejects only when the signal aborts. */
    async call(tool: Tool, args: unknown, caller: Caller): Promise<{ ok: boolean; content: string }> {
      const { name } = tool.description;
      const started = clock.monotonic();
      const span = tracer.start(`execute_tool ${name}`, "internal", caller.trace, {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": name,
      });
      let outcome = "error";
      let failure: unknown;
      try {
        const load: Load = (signal) => attempt(tool, args, caller, span, signal);
        const reusable = reuse !== undefined && tool.cacheMs !== undefined;
        const content = await (reusable ? reuse(tool, args, caller, load) : load(caller.signal));
        outcome = "success";
        return { ok: true, content };
      } catch (error) {
        failure = error;
        if (caller.signal.aborted) {
          outcome = "cancelled";
          throw error;
        }
        if (error instanceof ToolError) {
          return { ok: false, content: `error: ${error.message}` };
        }
        caller.log.error("tool failed", { tool: name, error });
        return { ok: false, content: "error: the tool failed" };
      } finally {
        span.end(failure);
        metrics.toolCalls.inc({ tool: name, outcome });
        metrics.toolDuration.observe({ tool: name }, (clock.monotonic() - started) / 1_000);
      }
    },
  };
}

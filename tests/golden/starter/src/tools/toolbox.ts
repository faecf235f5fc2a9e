import { z } from "zod";
import { cacheKey, createCache, type LevelTwo, sessionPrefix } from "../cache/cache.ts";
import type { Kit } from "../kit.ts";
import type { Logger } from "../logs/logger.ts";
import type { ToolCall } from "../model/model.ts";
import type { Prompt } from "../model/prompt.ts";
import { withTimeout } from "../resilience/upstream.ts";
import type { TraceContext } from "../traces/tracer.ts";
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

// What results that may be handed out again may take.
const CACHE_ENTRIES = 1_000;
const CACHE_BYTES = 16 * 1_048_576;
const CACHE_NEGATIVE_MS = 10_000;

/** Gathers the tools of a service; `levelTwo` lets replicas share the results that may be handed out again. */
export function createToolbox(
  options: Pick<Kit, "config" | "clock" | "random" | "tracer" | "metrics"> & {
    tools: readonly Tool[];
    prompt: Prompt;
    levelTwo?: LevelTwo | undefined;
  },
) {
  const { config, prompt, clock, tracer, metrics } = options;
  const { TOOL_TIMEOUT_MS: timeoutMs, MODEL_NAME } = config;
  const tools = new Map(options.tools.map((tool) => [tool.description.name, tool]));
  const cache = createCache({
    ...options,
    name: "tool_results",
    maxEntries: CACHE_ENTRIES,
    maxBytes: CACHE_BYTES,
    negativeTtlMs: CACHE_NEGATIVE_MS,
    parse: (value) => z.string().parse(value),
  });

  function attempt(tool: Tool, args: unknown, caller: Caller, trace: TraceContext, within: AbortSignal) {
    const { tenant, sessionId, callKey: idempotencyKey } = caller;
    const deadline = clock.monotonic() + timeoutMs;
    const work = (signal: AbortSignal) =>
      tool.run(args, { tenant, sessionId, idempotencyKey, trace, signal, deadline });
    return withTimeout(clock, timeoutMs, within, work, () => new ToolError(`no result within ${timeoutMs} ms`));
  }

  /** The result of a call, or that of an earlier one like it in the same session, if the tool lets it be reused. */
  async function resultOf(tool: Tool, args: unknown, caller: Caller, trace: TraceContext): Promise<string> {
    const load = (signal: AbortSignal) => attempt(tool, args, caller, trace, signal);
    const { tenant, sessionId, signal } = caller;
    if (tool.cacheMs === undefined) {
      return load(signal);
    }
    const versions = [MODEL_NAME, prompt.digest, tool.description.name, tool.version];
    const key = cacheKey(tenant, sessionId, versions, args);
    return (await cache.get(key, { ttlMs: tool.cacheMs, signal, load })) ?? load(signal);
  }

  return {
    names: [...tools.keys()],
    describe: (allowed: readonly string[]) =>
      [...tools.values()].map((tool) => tool.description).filter(({ name }) => allowed.includes(name)),

    /** The tool that a call may use, if there is one. */
    find: (call: ToolCall, allowed: readonly string[]): Tool | undefined =>
      allowed.includes(call.tool) ? tools.get(call.tool) : undefined,

    /** Removes the results that are kept for a session; rejects if those that replicas share cannot be reached. */
    forget: (tenant: string, sessionId: string): Promise<void> => cache.erase(sessionPrefix(tenant, sessionId)),

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
        const content = await resultOf(tool, args, caller, span);
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

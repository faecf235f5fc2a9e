import { z } from "zod";
import type { Logger } from "../logs/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { ToolCall } from "../model/model.ts";
import { abortable, type Clock } from "../runtime.ts";

/** Goes back to the model as the result of a call, so its message must not hold a secret. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

/** Something the model may do. */
export type Tool = ReturnType<typeof defineTool>;

/** The tools that a service has; nothing else can be called. */
export type Toolbox = ReturnType<typeof createToolbox>;

/** Makes a tool whose arguments are checked before `run` sees them. */
export function defineTool<Arguments extends z.ZodObject>(definition: {
  name: string;
  description: string;
  arguments: Arguments;
  run: (args: z.output<Arguments>, signal: AbortSignal) => Promise<string>;
}) {
  const { name, description, arguments: schema, run } = definition;
  return {
    description: { name, description, parameters: z.toJSONSchema(schema) },
    async call(args: unknown, signal: AbortSignal): Promise<string> {
      const parsed = schema.safeParse(args);
      if (!parsed.success) {
        throw new ToolError(`bad arguments: ${z.prettifyError(parsed.error)}`);
      }
      return run(parsed.data, signal);
    },
  };
}

/** Gathers the tools of a service. */
export function createToolbox(options: { tools: readonly Tool[]; timeoutMs: number; clock: Clock; metrics: Metrics }) {
  const { timeoutMs, clock, metrics } = options;
  const tools = new Map(options.tools.map((tool) => [tool.description.name, tool]));

  async function attempt(tool: Tool, args: unknown, signal: AbortSignal): Promise<string> {
    const timeout = new AbortController();
    const cancel = clock.after(timeoutMs, () => timeout.abort());
    const either = AbortSignal.any([signal, timeout.signal]);
    try {
      return await abortable(either, () => tool.call(args, either));
    } catch (error) {
      throw timeout.signal.aborted ? new ToolError(`no result within ${timeoutMs} ms`) : error;
    } finally {
      cancel();
    }
  }

  return {
    names: [...tools.keys()],
    describe: (allowed: readonly string[]) =>
      [...tools.values()].map((tool) => tool.description).filter(({ name }) => allowed.includes(name)),

    /** The result of a call as the model gets it: a failure is a result too. Rejects only when `signal` aborts. */
    async call(call: ToolCall, allowed: readonly string[], signal: AbortSignal, log: Logger): Promise<string> {
      const tool = allowed.includes(call.tool) ? tools.get(call.tool) : undefined;
      if (tool === undefined) {
        metrics.toolCalls.inc({ tool: "unknown", outcome: "error" });
        return "error: there is no such tool";
      }
      const started = clock.monotonic();
      let outcome = "error";
      try {
        const result = await attempt(tool, call.arguments, signal);
        outcome = "success";
        return result;
      } catch (error) {
        if (signal.aborted) {
          outcome = "cancelled";
          throw error;
        }
        if (error instanceof ToolError) {
          return `error: ${error.message}`;
        }
        log.error("tool failed", { tool: call.tool, error });
        return "error: the tool failed";
      } finally {
        metrics.toolCalls.inc({ tool: call.tool, outcome });
        metrics.toolDuration.observe({ tool: call.tool }, (clock.monotonic() - started) / 1_000);
      }
    },
  };
}

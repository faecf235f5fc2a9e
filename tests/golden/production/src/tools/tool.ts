import { z } from "zod";
import type { ToolDescription } from "../model/model.ts";
import { UpstreamError } from "../resilience/failure.ts";
import type { Upstream } from "../resilience/upstream.ts";
import type { TraceContext } from "../traces/tracer.ts";

/** Goes back to the model as the result of a call, so its message must not hold a secret. */
export class ToolError extends Error {
  override readonly name = "ToolError";
}

/** On whose behalf a tool is called, and within what. */
export interface ToolContext {
  readonly tenant: string;
  readonly sessionId: string;
  /** The same for every attempt of one call: whatever changes something hands it on. */
  readonly idempotencyKey: string;
  readonly trace: TraceContext;
  /** Aborts at the tool's timeout, and when the run ends. */
  readonly signal: AbortSignal;
  /** Monotonic milliseconds at which the signal will have aborted. */
  readonly deadline: number;
}

/** Something the model may do. */
export interface Tool {
  readonly description: ToolDescription;
  /** Part of every cache key, and of audit entries: raise it with what the tool does. */
  readonly version: string;
  /** `write`: it changes something, so a human has to allow each call. */
  readonly risk: "read" | "write";
  /** How long a result may be handed out again to the same session; absent: never. */
  readonly cacheMs: number | undefined;
  /** The arguments as the tool takes them; throws `ToolError`. */
  parse(args: unknown): unknown;
  /** Runs with parsed arguments. */
  run(args: unknown, context: ToolContext): Promise<string>;
}

/** Makes a tool whose arguments are checked before `run` sees them. */
export function defineTool<Arguments extends z.ZodObject>(definition: {
  name: string;
  description: string;
  version: string;
  risk: "read" | "write";
  cacheMs?: number;
  arguments: Arguments;
  run: (args: z.output<Arguments>, context: ToolContext) => Promise<string>;
}): Tool {
  const { name, description, version, risk, cacheMs, arguments: schema, run } = definition;
  const parse = (args: unknown) => {
    const parsed = schema.safeParse(args);
    if (!parsed.success) {
      throw new ToolError(`bad arguments: ${z.prettifyError(parsed.error)}`);
    }
    return parsed.data;
  };
  return {
    description: { name, description, parameters: z.toJSONSchema(schema) },
    version,
    risk,
    cacheMs,
    parse,
    run: async (args, context) => run(parse(args), context),
  };
}

/**
 * Calls an upstream on a tool's behalf; what fails in the end is told to the model. A `ToolError` that `attempt` throws
 * is no failure of the upstream, and is not tried again.
 */
export function callUpstream(
  upstream: Upstream,
  { signal, deadline }: Pick<ToolContext, "signal" | "deadline">,
  attempt: (signal: AbortSignal) => Promise<string>,
  repeatable = true,
): Promise<string> {
  return upstream.call(attempt, { signal, deadline, repeatable: () => repeatable }).catch((error: unknown) => {
    throw error instanceof UpstreamError ? new ToolError(explain(error)) : error;
  });
}

function explain({ kind, status }: UpstreamError): string {
  return kind === "status" ? `the server answered ${status}` : "the server cannot be reached now, try again later";
}

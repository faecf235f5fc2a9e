import { UpstreamError } from "../resilience/failure.ts";
import type { Upstream } from "../resilience/port.ts";
import { type ToolContext, ToolError } from "./tool.ts";

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

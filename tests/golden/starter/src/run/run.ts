import type { Config } from "../config.ts";
import { costNanoDollars, type Price, type Tokens } from "../cost/prices.ts";
import type { Logger } from "../logs/logger.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Message, Model, ModelReply, ModelRequest } from "../model/model.ts";
import { abortable, type Clock } from "../runtime.ts";
import type { Toolbox } from "../tools/toolbox.ts";

type AbortReason = "deadline" | "shutdown" | "disconnected";

/** What a run is asked to do. */
export type RunRequest = Readonly<{ messages: readonly Message[]; tools: readonly string[]; maxSteps: number }>;

/** How a run ended. */
export interface RunResult {
  readonly status: "completed" | "stopped" | "cancelled";
  readonly reason?: "max_steps" | "max_tool_calls" | AbortReason;
  readonly output: string;
  readonly steps: number;
  readonly tokens: Tokens;
  readonly costNanoDollars: number;
}

/** The model could not be reached or gave no answer. */
export class ModelError extends Error {
  override readonly name = "ModelError";
}

/** Runs the agent's loop: ask the model, call the tools that it wants, ask again. */
export type Runner = ReturnType<typeof createRunner>;

/** Makes a runner. */
export function createRunner(options: {
  model: Model;
  price: Price;
  toolbox: Toolbox;
  config: Config;
  clock: Clock;
  metrics: Metrics;
}) {
  const { model, price, toolbox, config, clock, metrics } = options;
  const labels = { provider: model.provider, model: model.name };
  const active = new Set<AbortController>();
  let shutDown = false;

  async function ask(request: ModelRequest, signal: AbortSignal): Promise<ModelReply> {
    const started = clock.monotonic();
    let outcome = "error";
    try {
      const reply = await abortable(signal, () => model.complete(request, signal));
      outcome = "success";
      return reply;
    } catch (error) {
      outcome = signal.aborted ? "cancelled" : outcome;
      throw new ModelError("the model call failed", { cause: error });
    } finally {
      metrics.modelRequests.inc({ ...labels, outcome });
      metrics.modelDuration.observe(labels, (clock.monotonic() - started) / 1_000);
    }
  }

  async function loop(request: RunRequest, signal: AbortSignal, log: Logger): Promise<RunResult> {
    const messages: Message[] = [...request.messages];
    const tools = toolbox.describe(request.tools);
    const progress = { output: "", steps: 0, tokens: { input: 0, output: 0 }, costNanoDollars: 0 };
    let toolCalls = 0;
    try {
      while (progress.steps < request.maxSteps) {
        const { text, calls, tokens } = await ask({ messages, tools }, signal);
        progress.output = text;
        progress.steps += 1;
        progress.tokens.input += tokens.input;
        progress.tokens.output += tokens.output;
        progress.costNanoDollars += account(tokens);
        if (calls.length === 0) {
          return { status: "completed", ...progress };
        }
        messages.push({ role: "assistant", content: text, calls });
        for (const call of calls) {
          if (toolCalls === config.RUN_MAX_TOOL_CALLS) {
            return { status: "stopped", reason: "max_tool_calls", ...progress };
          }
          toolCalls += 1;
          const content = await toolbox.call(call, request.tools, signal, log);
          messages.push({ role: "tool", callId: call.id, tool: call.tool, content });
        }
      }
      return { status: "stopped", reason: "max_steps", ...progress };
    } catch (error) {
      const reason = abortReason(signal);
      if (reason === undefined) {
        throw error;
      }
      return { status: reason === "disconnected" ? "cancelled" : "stopped", reason, ...progress };
    }
  }

  function account(tokens: Tokens): number {
    const cost = costNanoDollars(price, tokens);
    metrics.tokens.inc({ model: model.name, direction: "input" }, tokens.input);
    metrics.tokens.inc({ model: model.name, direction: "output" }, tokens.output);
    metrics.cost.inc({ model: model.name }, cost / 1e9);
    return cost;
  }

  return {
    /** Ends with a result whatever stops it, or rejects with `ModelError`; `client` aborts when nobody waits. */
    async run(request: RunRequest, client: AbortSignal, log: Logger): Promise<RunResult> {
      const controller = new AbortController();
      const abort = (reason: AbortReason) => controller.abort(reason);
      if (shutDown) {
        abort("shutdown");
      }
      client.addEventListener("abort", () => abort("disconnected"));
      active.add(controller);
      const cancelDeadline = clock.after(config.RUN_DEADLINE_MS, () => abort("deadline"));
      const started = clock.monotonic();
      let ended: { status: string; reason: string } = { status: "failed", reason: "error" };
      try {
        const result = await loop(request, controller.signal, log);
        ended = { status: result.status, reason: result.reason ?? "none" };
        metrics.runSteps.observe(result.steps);
        return result;
      } finally {
        cancelDeadline();
        active.delete(controller);
        metrics.runs.inc(ended);
        metrics.runDuration.observe((clock.monotonic() - started) / 1_000);
        log.info("run finished", ended);
      }
    },

    /** Stops the runs that are going on, in the order they began, and those that still begin. */
    shutDown() {
      shutDown = true;
      for (const controller of active) {
        controller.abort("shutdown");
      }
    },
  };
}

function abortReason(signal: AbortSignal): AbortReason | undefined {
  const reason: unknown = signal.reason;
  return reason === "deadline" || reason === "shutdown" || reason === "disconnected" ? reason : undefined;
}

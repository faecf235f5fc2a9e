import { createHash } from "node:crypto";
import { digest } from "../audit/key.ts";
import type { AuditTrail } from "../audit/trail.ts";
import { type Budget, BudgetError } from "../cost/budget.ts";
import { worstCaseTokens } from "../cost/prices.ts";
import type { Kit } from "../kit.ts";
import type { Logger } from "../logs/logger.ts";
import type { Message, Model, ModelReply, ModelRequest, ToolCall } from "../model/model.ts";
import type { Prompt } from "../model/prompt.ts";
import type { Redact } from "../privacy/redact.ts";
import { UpstreamError } from "../resilience/failure.ts";
import { abortable } from "../runtime.ts";
import type { Store } from "../state/store.ts";
import type { Tool } from "../tools/tool.ts";
import type { Toolbox } from "../tools/toolbox.ts";
import type { TraceContext } from "../traces/tracer.ts";
import { approvalAnswer } from "./answer.ts";
import type { EventLog } from "./events.ts";
import type { KillSwitch } from "./kill-switch.ts";
import type { Approval, RunRecord, RunStatus, StopReason } from "./record.ts";

/** What runs need. */
export interface RunOptions extends Omit<Kit, "secrets"> {
  readonly model: Model;
  readonly prompt: Prompt;
  readonly toolbox: Toolbox;
  readonly budget: Budget;
  readonly audit: AuditTrail;
  readonly killSwitch: KillSwitch;
  readonly store: Store;
  /** For what of a run's content is logged. */
  readonly redact: Redact;
}

/** A run that this process works on. */
export interface Working {
  record: RunRecord;
  readonly events: EventLog;
  readonly signal: AbortSignal;
  /** Monotonic milliseconds. */
  readonly deadline: number;
  /** Whether somebody wants the text as it comes. */
  readonly stream: boolean;
  readonly trace: TraceContext;
  readonly log: Logger;
}

/** Where a run stands when its steps are over. */
export type Ending = Readonly<{ status: Exclude<RunStatus, "running" | "failed">; reason?: StopReason }>;

// More than an answer needs; what a call may cost at worst follows from it.
const MAX_OUTPUT_TOKENS = 4_096;
// What was sent may have been worked on, and paid for, though no whole answer came.
const PERHAPS_BILLED = new Set(["timeout", "reset", "truncated", "malformed", "cancelled"]);

/**
 * The agent's loop: ask the model, call the tools that it wants, ask again. What is next follows from the messages
 * alone, so that a run that waited for a human goes on where it stood. Rejects with what the model or a budget said,
 * or with the signal's reason.
 */
export function createLoop(options: RunOptions): (run: Working) => Promise<Ending> {
  const { config, model, prompt, toolbox, budget, audit, killSwitch, clock, random, metrics } = options;
  const labels = { provider: model.provider, model: model.name };

  async function ask(run: Working): Promise<"max_tokens" | "max_cost" | ToolCall[]> {
    const { record, signal, deadline, trace } = run;
    const { limits, messages } = record;
    const sketch = {
      system: prompt.text,
      messages,
      tools: toolbox.describe(record.tools),
      maxTokens: MAX_OUTPUT_TOKENS,
    };
    const input = worstCaseTokens(sketch).input;
    const left = limits.maxTokens - record.tokens.input - record.tokens.output - input;
    if (left <= 0) {
      return "max_tokens";
    }
    const request: ModelRequest = { ...sketch, maxTokens: Math.min(MAX_OUTPUT_TOKENS, left) };
    const worst = { input, output: request.maxTokens };
    const worstCost = budget.costOf(model.name, worst);
    if (record.costNanoDollars + worstCost > limits.maxCostNanoDollars) {
      return "max_cost";
    }
    const reservation = await budget.reserve(record.tenant, worstCost);
    if ("refused" in reservation) {
      metrics.rateLimited.inc({ reason: `budget_${reservation.refused}` });
      if (record.steps > 0) {
        return "max_cost";
      }
      throw new BudgetError(reservation.retryAfterMs);
    }
    run.events.append("step.started", { step: record.steps + 1 });
    let streamed = false;
    const onText = (text: string) => {
      streamed = true;
      run.events.append("text.delta", { text });
    };
    const started = clock.monotonic();
    let reply: ModelReply | undefined;
    let outcome = "error";
    let cost = 0;
    try {
      const call = { signal, deadline, trace, ...(run.stream ? { onText } : {}) };
      reply = await abortable(signal, () => model.complete(request, call));
      outcome = "success";
      cost = budget.costOf(reply.model ?? model.name, reply.tokens ?? worst);
    } catch (error) {
      outcome = signal.aborted ? "cancelled" : error instanceof UpstreamError ? error.kind : "error";
      cost = signal.aborted || PERHAPS_BILLED.has(outcome) ? worstCost : 0;
      throw error;
    } finally {
      metrics.modelRequests.inc({ ...labels, outcome });
      metrics.modelDuration.observe(labels, (clock.monotonic() - started) / 1_000);
      metrics.cost.inc({ model: model.name }, cost / 1e9);
      run.record = { ...run.record, costNanoDollars: record.costNanoDollars + cost };
      await budget.settle(reservation, cost);
    }
    const tokens = reply.tokens ?? worst;
    metrics.tokens.inc({ model: model.name, direction: "input" }, tokens.input);
    metrics.tokens.inc({ model: model.name, direction: "output" }, tokens.output);
    const calls = distinct(reply.calls);
    const answer: Message = { role: "assistant", content: reply.text, ...(calls.length > 0 ? { calls } : {}) };
    if (!streamed && reply.text !== "") {
      onText(reply.text);
    }
    run.record = {
      ...run.record,
      output: reply.text,
      steps: record.steps + 1,
      tokens: { input: record.tokens.input + tokens.input, output: record.tokens.output + tokens.output },
      messages: [...messages, answer],
    };
    return calls;
  }

  async function execute(run: Working, call: ToolCall, tool: Tool, callKey: string): Promise<void> {
    const { record, trace, signal, log } = run;
    const { tenant, sessionId } = record;
    const event = { actor: "agent", tenant, action: "tool.called", resource: `tool:${call.tool}` };
    const metadata = {
      run: record.id,
      version: tool.version,
      prompt: prompt.digest,
      arguments: digest(record.digestKey, JSON.stringify(call.arguments) ?? ""),
    };
    audit.record({ ...event, result: "started", metadata });
    run.events.append("tool.started", { call_id: call.id, tool: call.tool });
    let ok = false;
    try {
      const caller = { tenant, sessionId, callKey: `${record.id}:${callKey}`, trace, signal, log };
      const result = await toolbox.call(tool, call.arguments, caller);
      ({ ok } = result);
      answerCall(run, call, result.content);
    } finally {
      audit.record({ ...event, result: ok ? "success" : "failure", metadata: { run: record.id } });
      run.events.append("tool.finished", { call_id: call.id, tool: call.tool });
    }
  }

  function askHuman(run: Working, call: ToolCall, callKey: string): void {
    const approval: Approval = {
      id: `apr_${random.hex(16)}`,
      callKey,
      tool: call.tool,
      arguments: call.arguments,
      argumentsHash: argumentsHash(call),
      expiresAt: clock.date().getTime() + config.APPROVAL_TTL_MS,
    };
    const { record } = run;
    audit.record({
      actor: "agent",
      tenant: record.tenant,
      action: "approval.requested",
      resource: `approval:${approval.id}`,
      result: "success",
      metadata: { run: record.id, tool: call.tool, arguments: digest(record.digestKey, approval.argumentsHash) },
    });
    run.record = { ...record, approvals: [...record.approvals, approval] };
    run.events.append("approval.required", approvalAnswer(approval));
  }

  /** Answers one call, or leaves it to a human. */
  async function handle(run: Working, call: ToolCall): Promise<void> {
    const callKey = `${run.record.steps}:${call.id}`;
    const tool = toolbox.find(call, run.record.tools);
    if (tool === undefined) {
      metrics.toolCalls.inc({ tool: "unknown", outcome: "error" });
      answerCall(run, call, "error: there is no such tool");
    } else if (tool.risk === "read" || !accepts(tool, call.arguments)) {
      // Nobody is asked about a call that cannot be made: the model learns what is wrong with it.
      await execute(run, call, tool, callKey);
    } else {
      const approval = run.record.approvals.find((each) => each.callKey === callKey);
      if (approval === undefined) {
        askHuman(run, call, callKey);
      } else if (approval.decision === "deny") {
        answerCall(run, call, "error: a human denied this call");
      } else if (approval.decision === "approve" && approval.argumentsHash === argumentsHash(call)) {
        await execute(run, call, tool, callKey);
      }
    }
  }

  return async (run) => {
    for (;;) {
      for (const call of unanswered(run.record.messages)) {
        if (run.record.toolCalls >= run.record.limits.maxToolCalls) {
          return { status: "stopped", reason: "max_tool_calls" };
        }
        run.signal.throwIfAborted();
        await handle(run, call);
      }
      const { messages, steps, limits } = run.record;
      if (unanswered(messages).length > 0) {
        return { status: "awaiting_approval" };
      }
      if (steps > 0 && messages.at(-1)?.role === "assistant") {
        return { status: "completed" };
      }
      if (steps >= limits.maxSteps) {
        return { status: "stopped", reason: "max_steps" };
      }
      if (killSwitch.engaged()) {
        return { status: "stopped", reason: "kill_switch" };
      }
      const asked = await ask(run);
      if (typeof asked === "string") {
        return { status: "stopped", reason: asked };
      }
    }
  };
}

function accepts(tool: Tool, args: unknown): boolean {
  try {
    tool.parse(args);
    return true;
  } catch {
    return false;
  }
}

function answerCall(run: Working, call: ToolCall, content: string): void {
  const message: Message = { role: "tool", callId: call.id, tool: call.tool, content };
  const { record } = run;
  run.record = { ...record, toolCalls: record.toolCalls + 1, messages: [...record.messages, message] };
}

/** The calls of the last answer that have no result yet. */
export function unanswered(messages: readonly Message[]): readonly ToolCall[] {
  const index = messages.findLastIndex((message) => message.role !== "tool");
  const last = messages[index];
  const answered = new Set(messages.slice(index + 1).map((message) => (message.role === "tool" ? message.callId : "")));
  return last?.role === "assistant" ? (last.calls ?? []).filter((call) => !answered.has(call.id)) : [];
}

/** The calls under ids of their own, should the model have given one twice. */
function distinct(calls: readonly ToolCall[]): ToolCall[] {
  const unique = new Set(calls.map(({ id }) => id)).size === calls.length;
  return calls.map((call, index) => (unique && call.id !== "" ? call : { ...call, id: `call_${index + 1}` }));
}

function argumentsHash({ tool, arguments: args }: ToolCall): string {
  return createHash("sha256")
    .update(JSON.stringify([tool, args]))
    .digest("hex");
}

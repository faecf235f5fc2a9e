import type { Classification } from "../config.ts";
import type { Tokens } from "../cost/prices.ts";
import type { Message } from "../model/model.ts";

/** Where a run stands. */
export type RunStatus = "running" | "completed" | "stopped" | "failed" | "cancelled" | "awaiting_approval";

/** Why a run was stopped. */
export type StopReason =
  | "max_steps"
  | "max_tool_calls"
  | "max_tokens"
  | "max_cost"
  | "deadline"
  | "shutdown"
  | "kill_switch"
  | "approval_expired";

/** What a run may spend; a request may lower the service's limits, never raise them. */
export interface RunLimits {
  readonly maxSteps: number;
  readonly maxToolCalls: number;
  readonly maxTokens: number;
  readonly maxCostNanoDollars: number;
}

/** A risky call that a human has to allow; used once, for these very arguments. */
export interface Approval {
  readonly id: string;
  /** The call within its run: the number of the step, and the model's own id of the call. */
  readonly callKey: string;
  readonly tool: string;
  readonly arguments: unknown;
  /** SHA-256 of the tool and its arguments, in hexadecimal. */
  readonly argumentsHash: string;
  /** Unix milliseconds. */
  readonly expiresAt: number;
  readonly decision?: "approve" | "deny";
}

/** Why a run failed, as its client is told. */
export interface RunProblem {
  /** HTTP status. */
  readonly status: number;
  readonly code: string;
  readonly retryAfterMs?: number;
}

/** A run as it is kept: enough to tell of it, and to go on with it. */
export interface RunRecord {
  readonly id: string;
  readonly tenant: string;
  readonly sessionId: string;
  readonly traceId: string;
  /** Under which its content is kept, and for how long. */
  readonly classification?: Classification;
  /** Names the consent that its data is processed under. */
  readonly consentId?: string;
  /** Unix milliseconds. */
  readonly createdAt: number;
  /** When it was begun, or gone on with after an approval; Unix milliseconds. */
  readonly startedAt: number;
  /** Key of the digests of content in the audit log; erased with the run, so that they tell nothing any more. */
  readonly digestKey: string;
  readonly tools: readonly string[];
  readonly limits: RunLimits;
  readonly status: RunStatus;
  readonly reason?: StopReason;
  /** Of a run that failed. */
  readonly problem?: RunProblem;
  readonly output: string;
  readonly steps: number;
  readonly toolCalls: number;
  readonly tokens: Tokens;
  readonly costNanoDollars: number;
  /** The session's part that the model was given, and all that came since. */
  readonly messages: readonly Message[];
  /** How many of the messages the session had before the run. */
  readonly historyLength: number;
  readonly approvals: readonly Approval[];
  /** Id of the last event that goes with this record. */
  readonly lastEventId: number;
}

/** Something that happened in a run; ids count from 1 in it. */
export interface RunEvent {
  readonly id: number;
  readonly type:
    | "run.started"
    | "step.started"
    | "text.delta"
    | "tool.started"
    | "tool.finished"
    | "approval.required"
    | "run.finished"
    | "run.failed"
    | "shutdown";
  readonly data: unknown;
}

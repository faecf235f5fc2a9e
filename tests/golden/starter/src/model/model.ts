import type { Tokens } from "../cost/prices.ts";
import type { TraceContext } from "../traces/tracer.ts";

/** A call of a tool that the model asks for. */
export interface ToolCall {
  readonly id: string;
  readonly tool: string;
  /** Anything: what a model writes is not trusted to fit the tool. */
  readonly arguments: unknown;
  /** What the provider wants to get back with the call, as it came, such as thoughts that it signed. */
  readonly extra?: unknown;
}

/** One turn of a conversation. */
export type Message =
  | { readonly role: "user"; readonly content: string }
  | { readonly role: "assistant"; readonly content: string; readonly calls?: readonly ToolCall[] }
  | { readonly role: "tool"; readonly callId: string; readonly tool: string; readonly content: string };

/** A tool as the model sees it. */
export interface ToolDescription {
  readonly name: string;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly parameters: object;
}

/** What the model is asked. */
export interface ModelRequest {
  /** The prompt that tells the model what it is. */
  readonly system: string;
  readonly messages: readonly Message[];
  readonly tools: readonly ToolDescription[];
  /** The most tokens that the answer may have. */
  readonly maxTokens: number;
}

/** What the model answers: text, and calls that it waits for. */
export interface ModelReply {
  readonly text: string;
  readonly calls: readonly ToolCall[];
  /** As the provider counted them; absent if it did not say. */
  readonly tokens?: Tokens;
  /** The model that answered, which may be a dated version of the one asked; absent if the provider did not say. */
  readonly model?: string;
}

/** What goes with a call of the model. */
export interface ModelCall {
  readonly signal: AbortSignal;
  /** Monotonic milliseconds after which nothing is begun any more. */
  readonly deadline: number;
  readonly trace: TraceContext;
  /** Gets the text as it comes; without it the answer is asked for in one piece. */
  readonly onText?: (text: string) => void;
}

/** A language model. */
export interface Model {
  readonly provider: string;
  readonly name: string;
  /** Rejects with `UpstreamError`, or with the signal's reason once that aborts. */
  complete(request: ModelRequest, call: ModelCall): Promise<ModelReply>;
}

import type { Tokens } from "../cost/prices.ts";

/** A call of a tool that the model asks for. */
export interface ToolCall {
  readonly id: string;
  readonly tool: string;
  /** Anything: what a model writes is not trusted to fit the tool. */
  readonly arguments: unknown;
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
export type ModelRequest = Readonly<{ messages: readonly Message[]; tools: readonly ToolDescription[] }>;

/** What the model answers: text, and calls that it waits for. */
export type ModelReply = Readonly<{ text: string; calls: readonly ToolCall[]; tokens: Tokens }>;

/** A language model. */
export interface Model {
  readonly provider: string;
  readonly name: string;
  complete(request: ModelRequest, signal: AbortSignal): Promise<ModelReply>;
}

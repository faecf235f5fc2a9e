// What there is to tell and to be told over a model's wire, whichever it is.

import type { IncomingHttpHeaders } from "node:http";

/** A call of a tool that the model asks for; a text as arguments is sent as it is. */
export interface Call {
  readonly tool: string;
  readonly arguments: unknown;
}

/** What a model says. */
export interface Speech {
  readonly text: string;
  readonly calls: readonly Call[];
  /** Tokens as the model counts them; absent: it does not say. */
  readonly usage: { readonly input: number; readonly output: number } | undefined;
  /** Under which name it answers. */
  readonly model: string;
}

/** A tool as the model was told of it. */
export interface ToolDescription {
  readonly name: string;
  readonly parameters: JsonSchema;
}

/** As much of JSON Schema as the tests read. */
export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

/** What the model was asked, whatever the wire. */
export interface Asked {
  readonly streaming: boolean;
  readonly model: string;
  readonly key: string;
  readonly tools: readonly ToolDescription[];
  /** Roles and texts, as far as there are some, in order; the result of a tool has the role `tool`. */
  readonly turns: readonly { readonly role: string; readonly text: string }[];
  readonly maxTokens: number;
}

/** How a wire reads requests and writes answers. */
export interface Wire {
  readonly path: RegExp;
  /** Reads a request, whose body is JSON; a wrong shape fails the test that meets it. */
  read(headers: IncomingHttpHeaders, body: string): Asked;
  whole(speech: Speech): object;
  /** Server-sent events, in pieces that may be sent one by one. */
  pieces(speech: Speech): string[];
}

/** One server-sent event. */
export const sse = (value: object, event?: string) =>
  `${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(value)}\n\n`;

/** A text in its words, each with the blanks behind it. */
export const words = (text: string): readonly string[] => text.match(/\S+\s*|\s+/g) ?? [];

/** The arguments of a call as they are sent. */
export const written = (call: Call): string =>
  typeof call.arguments === "string" ? call.arguments : JSON.stringify(call.arguments);

/** The key of a header that may call it a bearer's. */
export const credential = (header: unknown): string => String(header ?? "").replace(/^Bearer /, "");

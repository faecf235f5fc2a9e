import { type Call, credential, type JsonSchema, type Speech, sse, type Wire, words, written } from "./wire.ts";

/** As much of a request as is read. */
interface Request {
  readonly model: string;
  readonly stream?: boolean;
  readonly system: string;
  readonly messages: readonly { readonly role: string; readonly content: string | readonly Block[] }[];
  readonly tools?: readonly { readonly name: string; readonly input_schema: JsonSchema }[];
  readonly max_tokens: number;
}

interface Block {
  readonly type: string;
  readonly text?: string;
  readonly content?: string | readonly { readonly text?: string }[];
}

let made = 0;

/** The Messages API. */
export const anthropic: Wire = {
  path: /\/messages(\?|$)/,

  read(headers, json) {
    const body: Request = JSON.parse(json);
    return {
      streaming: body.stream === true,
      model: body.model,
      key: credential(headers["x-api-key"] ?? headers.authorization),
      tools: (body.tools ?? []).map(({ name, input_schema: parameters }) => ({ name, parameters })),
      turns: [{ role: "system", text: body.system }, ...body.messages.flatMap(turnsOf)],
      maxTokens: body.max_tokens,
    };
  },

  whole(speech) {
    const { text, model } = speech;
    const said = text === "" ? [] : [{ type: "text", text }];
    const uses = speech.calls.map((call) => ({ ...useOf(call), input: call.arguments }));
    const usage = usageOf(speech, speech.usage?.output);
    return { ...opening(speech), model, content: [...said, ...uses], stop_reason: reasonOf(speech), ...usage };
  },

  pieces(speech) {
    const said = speech.text === "" ? [] : [textPieces(speech.text)];
    const blocks = [...said, ...speech.calls.map(usePieces)];
    const { usage } = speech;
    const counted = usage === undefined ? {} : { usage: { output_tokens: usage.output } };
    return [
      event("message_start", { message: { ...opening(speech), content: [], ...usageOf(speech, 1) } }),
      ...blocks.flatMap((pieces, index) => pieces.map(({ type, ...fields }) => event(type, { index, ...fields }))),
      event("message_delta", { delta: { stop_reason: reasonOf(speech) }, ...counted }),
      event("message_stop", {}),
    ];
  },
};

/** One event of a block, but for the block's index. */
interface Piece {
  readonly type: string;
  readonly content_block?: object;
  readonly delta?: object;
}

function event(type: string, fields: object): string {
  return sse({ type, ...fields }, type);
}

function opening({ model }: Speech) {
  return { id: "msg_1", type: "message", role: "assistant", model };
}

function textPieces(text: string): Piece[] {
  const deltas = words(text).map((word) => ({
    type: "content_block_delta",
    delta: { type: "text_delta", text: word },
  }));
  const start = { type: "content_block_start", content_block: { type: "text", text: "" } };
  return [start, ...deltas, { type: "content_block_stop" }];
}

function usePieces(call: Call): Piece[] {
  const json = written(call);
  const deltas = [json.slice(0, 3), json.slice(3)].map((part) => ({
    type: "content_block_delta",
    delta: { type: "input_json_delta", partial_json: part },
  }));
  const start = { type: "content_block_start", content_block: { ...useOf(call), input: {} } };
  return [start, ...deltas, { type: "content_block_stop" }];
}

function useOf(call: Call) {
  return { type: "tool_use", id: `toolu_${++made}`, name: call.tool };
}

function reasonOf({ calls }: Speech): string {
  return calls.length > 0 ? "tool_use" : "end_turn";
}

function usageOf({ usage }: Speech, output: number | undefined): object {
  return usage === undefined ? {} : { usage: { input_tokens: usage.input, output_tokens: output } };
}

/** The texts of a message; the result of a tool is a turn of its own. */
function turnsOf({ role, content }: Request["messages"][number]): { role: string; text: string }[] {
  const blocks: readonly Block[] = typeof content === "string" ? [{ type: "text", text: content }] : content;
  return blocks.map((block) =>
    block.type === "tool_result" ? { role: "tool", text: textOf(block.content) } : { role, text: block.text ?? "" },
  );
}

function textOf(content: Block["content"] = ""): string {
  return typeof content === "string" ? content : content.map(({ text = "" }) => text).join("");
}

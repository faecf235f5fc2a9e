import assert from "node:assert/strict";
import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { within } from "./waiting.ts";

/** An event of a stream. */
export interface ServerEvent {
  readonly id: string;
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

const PATIENCE_MS = 15_000;

/** The events of one answer, read strictly: each whole, each with an id above the one before. */
export class EventStream {
  readonly headers: IncomingHttpHeaders;
  readonly #response: IncomingMessage;
  readonly #events: AsyncGenerator<ServerEvent, void, void>;

  constructor(response: IncomingMessage) {
    this.headers = response.headers;
    this.#response = response;
    this.#events = parse(response);
  }

  /** The next event, or undefined at the end. */
  async next(): Promise<ServerEvent | undefined> {
    const result = await within("the next event", PATIENCE_MS, this.#events.next());
    return result.value ?? undefined;
  }

  /** Reads on up to an event of this type, which must come. */
  async upTo(type: string): Promise<ServerEvent> {
    for (let event = await this.next(); event !== undefined; event = await this.next()) {
      if (event.event === type) {
        return event;
      }
    }
    return assert.fail(`the stream ended without ${type}`);
  }

  /** All events that are left, up to the end of the stream. */
  async rest(): Promise<ServerEvent[]> {
    const events: ServerEvent[] = [];
    for (let event = await this.next(); event !== undefined; event = await this.next()) {
      events.push(event);
    }
    return events;
  }

  /** Hangs up, as a client does that lost interest. */
  leave(): void {
    this.#response.on("error", () => undefined);
    this.#response.destroy();
  }
}

async function* parse(response: IncomingMessage): AsyncGenerator<ServerEvent, void, void> {
  let buffer = "";
  let last = Number.NEGATIVE_INFINITY;
  for await (const piece of response.setEncoding("utf8")) {
    buffer += piece;
    const blocks = buffer.split("\n\n");
    buffer = blocks.pop() ?? "";
    for (const block of blocks) {
      const event = parseBlock(block);
      if (event !== undefined) {
        assert.match(event.id, /^\d+$/, block);
        assert.ok(Number(event.id) > last, `id ${event.id} after ${last}`);
        last = Number(event.id);
        yield event;
      }
    }
  }
  assert.equal(buffer, "", "the stream ends within an event");
  assert.ok(response.complete, "the stream broke off");
}

/** The event of a block, or undefined for one of comments only. */
function parseBlock(block: string): ServerEvent | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split("\n").filter((each) => !each.startsWith(":"))) {
    const [, name = "", value = ""] = /^([^:]*):? ?(.*)$/.exec(line) ?? [];
    fields.set(name, fields.has(name) ? `${fields.get(name)}\n${value}` : value);
  }
  const data = fields.get("data");
  if (data === undefined) {
    return undefined;
  }
  return { id: fields.get("id") ?? "", event: fields.get("event") ?? "", data: JSON.parse(data) };
}

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { UPSTREAM_BODY } from "./canaries.ts";
import { sleep } from "./waiting.ts";
import { anthropic } from "./anthropic.ts";
import { openai } from "./openai.ts";
import type { Asked, Call, Speech, Wire } from "./wire.ts";

/** What goes wrong with an answer that begins well, or does not begin. */
export type Fault =
  /** No answer at all. */
  | "hang"
  /** The connection is reset before an answer. */
  | "refuse"
  /** Half of the body, and then nothing. */
  | "stall"
  /** Half of the body, and then a reset. */
  | "reset"
  /** Half of the body, and then an orderly end. */
  | "truncate"
  /** A whole body that makes no sense. */
  | "malformed";

/** How the model answers one request; all that is left out is as a healthy model has it. */
export interface Reply {
  readonly text?: string;
  readonly calls?: readonly Call[];
  readonly usage?: Speech["usage"] | "missing";
  /** The name that it answers under; the one that it was asked by, unless it is said. */
  readonly model?: string;
  readonly status?: number;
  readonly retryAfter?: string;
  readonly fault?: Fault;
  /** Milliseconds before the answer begins. */
  readonly afterMs?: number;
  /** Milliseconds between the pieces of a stream. */
  readonly pieceMs?: number;
  /** The answer begins only when this has resolved. */
  readonly gate?: Promise<void>;
}

/** A request that the model got. */
export interface Got extends Asked {
  /** Monotonic milliseconds. */
  readonly at: number;
  readonly headers: IncomingMessage["headers"];
  /** Monotonic milliseconds at which the connection went before the answer was whole. */
  hungUpAt?: number;
}

type Decide = (asked: Got) => Reply;

const HEALTHY: Reply = {};

/** A model server that does as it is told, and remembers what it was asked. */
export class FakeModel {
  readonly got: Got[] = [];
  /** The keys that it takes; undefined: any. */
  keys: ReadonlySet<string> | undefined;
  /** Answers what no reply is waiting for. */
  otherwise: Decide = () => HEALTHY;
  #replies: Reply[] = [];
  #inFlight = 0;
  #mostInFlight = 0;
  readonly #server = createServer((request, response) => {
    // A client that hangs up while it sends its request is nobody to answer.
    this.#serve(request, response).catch(() => response.destroy());
  });

  static async start(port = 0): Promise<FakeModel> {
    const model = new FakeModel();
    await new Promise<void>((resolve) => model.#server.listen(port, "127.0.0.1", resolve));
    return model;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** The most requests that were being answered at one time. */
  get mostInFlight(): number {
    return this.#mostInFlight;
  }

  /** Forgets what it was asked and told. */
  reset(): void {
    this.got.length = 0;
    this.#replies = [];
    this.otherwise = () => HEALTHY;
    this.keys = undefined;
    this.#mostInFlight = this.#inFlight;
  }

  /** What to answer to the next requests, one each. */
  reply(...replies: Reply[]): void {
    this.#replies.push(...replies);
  }

  /** What to answer from now on. */
  always(reply: Reply): void {
    this.#replies = [];
    this.otherwise = () => reply;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const wire = [openai, anthropic].find(({ path }) => path.test(request.url ?? ""));
    const text = (await request.setEncoding("utf8").toArray()).join("");
    if (wire === undefined) {
      response.writeHead(404).end();
      return;
    }
    const got: Got = {
      ...wire.read(request.headers, text),
      at: performance.now(),
      headers: request.headers,
    };
    this.got.push(got);
    this.#mostInFlight = Math.max(this.#mostInFlight, ++this.#inFlight);
    response.on("error", () => undefined);
    response.on("close", () => {
      this.#inFlight--;
      if (!response.writableFinished) {
        got.hungUpAt = performance.now();
      }
    });
    await this.#answer(wire, got, response);
  }

  async #answer(wire: Wire, got: Got, response: ServerResponse): Promise<void> {
    if (this.keys !== undefined && !this.keys.has(got.key)) {
      fail(response, 401);
      return;
    }
    const reply = this.#replies.shift() ?? this.otherwise(got);
    await reply.gate;
    await sleep(reply.afterMs ?? 0);
    if (reply.fault === "refuse") {
      response.socket?.resetAndDestroy();
    } else if (reply.status !== undefined) {
      fail(response, reply.status, reply.retryAfter);
    } else if (reply.fault !== "hang") {
      await speak(wire, got, reply, response);
    }
  }
}

function fail(response: ServerResponse, status: number, retryAfter?: string): void {
  const headers = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify({ error: { message: UPSTREAM_BODY, type: "error" } }));
}

async function speak(wire: Wire, got: Got, reply: Reply, response: ServerResponse): Promise<void> {
  const usage = reply.usage === "missing" ? undefined : (reply.usage ?? { input: 10, output: 5 });
  const calls = reply.calls ?? [];
  const speech = {
    text: reply.text ?? (calls.length > 0 ? "" : "A fine day to you."),
    calls,
    usage,
    model: reply.model ?? got.model,
  };
  const pieces = got.streaming ? wire.pieces(speech) : halves(JSON.stringify(wire.whole(speech)));
  const sent = reply.fault === "malformed" ? [`data: {"${UPSTREAM_BODY}": \n\n`, "data: [DONE]\n\n"] : pieces;
  const type = got.streaming ? "text/event-stream" : "application/json";
  const length = got.streaming ? {} : { "content-length": Buffer.byteLength(sent.join("")) };
  response.writeHead(200, { "content-type": type, ...length });
  const broken = reply.fault !== undefined && reply.fault !== "malformed";
  for (const piece of broken ? sent.slice(0, Math.ceil(sent.length / 2)) : sent) {
    response.write(piece);
    if (reply.pieceMs !== undefined) {
      await sleep(reply.pieceMs);
    }
  }
  if (!broken) {
    response.end();
    return;
  }
  // What was written has to arrive before the connection goes.
  await sleep(20);
  if (reply.fault === "reset") {
    response.socket?.resetAndDestroy();
  } else if (reply.fault === "truncate") {
    response.socket?.end();
  }
}

function halves(text: string): string[] {
  const middle = Math.floor(text.length / 2);
  return [text.slice(0, middle), text.slice(middle)];
}

import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { text as readText } from "node:stream/consumers";
import { z } from "zod";
import { anthropic, openai, type Said } from "./fake-wires.ts";

/** What a call gets; what is left out is as a healthy provider does it. */
const answerSchema = z.strictObject({
  text: z.string().default("hello from the model"),
  /** Asked for once after each message of the user; arguments that are a text are sent as they are. */
  calls: z.array(z.strictObject({ tool: z.string(), arguments: z.unknown() })).default([]),
  /** `null`: the provider does not say. */
  usage: z.strictObject({ input: z.int(), output: z.int() }).nullable().default({ input: 10, output: 5 }),
  /** Milliseconds before the answer begins, and between the events of a stream. */
  latencyMs: z.number().default(0),
  pieceMs: z.number().default(0),
  status: z.int().default(200),
  headers: z.record(z.string(), z.string()).default({}),
  /**
   * `hang`: nothing is answered; `reset`: the connection breaks before an answer; the others break within its body:
   * `hang_body`, `reset_body`, `close_body` (an end without the framing's), `cut` (a clean end of half the body),
   * `malformed` (whole, but not as the wire has it), `error_event` (a stream that ends with an error),
   * `endless` (no end).
   */
  fault: z
    .enum(["hang", "reset", "hang_body", "reset_body", "close_body", "cut", "malformed", "error_event", "endless"])
    .optional(),
});

const controlSchema = z.strictObject({
  /** The key that is accepted; any, if there is none. */
  key: z.string().optional(),
  /** What the next calls get, in their order. */
  script: z.array(answerSchema).default([]),
  /** What every further call gets. */
  answer: answerSchema.prefault({}),
});

const requestSchema = z.looseObject({
  stream: z.boolean().default(false),
  messages: z.array(z.looseObject({ role: z.string(), content: z.unknown().optional() })),
});

/** Settings of a fake model. */
export type FakeModelControl = z.input<typeof controlSchema>;

type Answer = z.output<typeof answerSchema>;

/** A call as it came. */
export interface RecordedCall {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

const MAX_RECORDED = 100;
// What was written just before has to be on its way before the connection breaks.
const BREAK_AFTER_MS = 20;

/**
 * Serves both wires, whole and streamed, and breaks as it is told, by `control` or by `PUT /control`. `GET /control`
 * tells what came.
 */
export async function startFakeModel(initial: FakeModelControl = {}, port = 0) {
  let settings = controlSchema.parse(initial);
  let calls = 0;
  let connections = 0;
  let recorded: RecordedCall[] = [];

  function control(next: FakeModelControl): void {
    settings = controlSchema.parse(next);
    calls = 0;
    connections = 0;
    recorded = [];
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body: unknown = JSON.parse((await readText(request)) || "{}");
    const path = request.url ?? "/";
    if (path === "/control") {
      if (request.method === "PUT") {
        control(controlSchema.parse(body));
      }
      response.end(JSON.stringify({ calls, connections, requests: recorded }));
      return;
    }
    calls += 1;
    recorded = [...recorded, { path, headers: request.headers, body }].slice(-MAX_RECORDED);
    const { authorization, "api-key": plain, "x-api-key": extra } = request.headers;
    const key = authorization?.replace(/^Bearer /, "") ?? plain ?? extra;
    if (settings.key !== undefined && key !== settings.key) {
      response.writeHead(401).end('{"error":{"message":"upstream words"}}');
      return;
    }
    await perform(settings.script.shift() ?? settings.answer, { path, body, response });
  }

  const server = createServer((request, response) => {
    serve(request, response).catch(() => response.writeHead(400).end());
  });
  const open = new Set<Socket>();
  server.on("connection", (socket) => {
    connections += 1;
    open.add(socket);
    socket.on("close", () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  const address = server.address();
  const bound = typeof address === "object" && address !== null ? address.port : 0;

  return {
    port: bound,
    url: `http://127.0.0.1:${bound}`,
    control,
    calls: () => calls,
    connections: () => connections,
    /** Connections that are open now. */
    open: () => open.size,
    requests: () => recorded,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** A fake model that runs. */
export type FakeModel = Awaited<ReturnType<typeof startFakeModel>>;

async function perform(answer: Answer, call: { path: string; body: unknown; response: ServerResponse }): Promise<void> {
  const { response } = call;
  const { status, headers, fault } = answer;
  await wait(answer.latencyMs);
  if (fault === "hang") {
    return;
  }
  if (fault === "reset") {
    response.socket?.resetAndDestroy();
    return;
  }
  if (status !== 200) {
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.write('{"error":{"message":"upstream words"');
    if (fault !== "hang_body") {
      response.end("}}");
    }
    return;
  }
  const { stream, messages } = requestSchema.parse(call.body);
  const said: Said = isToolResult(messages.at(-1)) ? { ...answer, calls: [] } : answer;
  const wire = call.path.endsWith("/v1/messages") ? anthropic : openai;
  response.writeHead(200, {
    "content-type": stream ? "text/event-stream; charset=utf-8" : "application/json",
    ...(fault === "close_body" ? { connection: "close" } : {}),
    ...headers,
  });
  if (fault === "malformed") {
    response.end(stream ? 'data: {"choices":"upstream words"}\n\n' : '{"choices":"upstream words"}');
    return;
  }
  const pieces = stream ? wire.stream(said) : (JSON.stringify(wire.whole(said)).match(/.{1,40}/gs) ?? []);
  for (const piece of fault !== undefined ? pieces.slice(0, Math.ceil(pieces.length / 2)) : pieces) {
    response.write(piece);
    await wait(answer.pieceMs);
  }
  await end(response, fault);
}

async function end(response: ServerResponse, fault: Answer["fault"]): Promise<void> {
  if (fault === "reset_body" || fault === "close_body") {
    await wait(BREAK_AFTER_MS);
  }
  if (fault === "reset_body") {
    response.socket?.resetAndDestroy();
  } else if (fault === "close_body") {
    response.socket?.end();
  } else if (fault === "endless") {
    while (!response.destroyed) {
      response.write(" ".repeat(65_536));
      await wait(1);
    }
  } else if (fault === "error_event") {
    response.end('event: error\ndata: {"type":"error","error":{"message":"upstream words"}}\n\n');
  } else if (fault !== "hang_body") {
    response.end();
  }
}

function wait(ms: number): Promise<void> | undefined {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : undefined;
}

function isToolResult(message: { role: string; content?: unknown } | undefined): boolean {
  const blocks = z.array(z.looseObject({ type: z.string() })).safeParse(message?.content);
  return message?.role === "tool" || (blocks.data ?? []).some(({ type }) => type === "tool_result");
}

if (import.meta.main) {
  const { port } = await startFakeModel(JSON.parse(process.argv[2] ?? "{}"), Number(process.env["PORT"] ?? 0));
  process.stdout.write(`${JSON.stringify({ port })}\n`);
}

import assert from "node:assert/strict";
import { Agent, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { PROMPT } from "./canaries.ts";
import { EventStream } from "./events.ts";

const PATIENCE_MS = 30_000;

/** What a run's answer has. */
export interface Run {
  readonly id: string;
  readonly status: string;
  readonly reason?: string;
  readonly output: string;
  readonly steps: number;
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number; readonly cost_usd: number };
  readonly trace_id: string;
  readonly approvals?: readonly Approval[];
}

/** A call that waits for a human. */
export interface Approval {
  readonly approval_id: string;
  readonly tool: string;
  readonly arguments: unknown;
  readonly expires_at: string;
}

/** RFC 9457, with the service's own members. */
export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: string;
  readonly trace_id: string;
  readonly run_id?: string;
}

/** A request of a client. */
export interface Request {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
}

/** A whole answer. */
export class Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;

  constructor(status: number, headers: IncomingHttpHeaders, text: string) {
    this.status = status;
    this.headers = headers;
    this.text = text;
  }

  json(): unknown {
    return JSON.parse(this.text);
  }

  /** The answer of a run, which must be one. */
  run(status?: string): Run {
    assert.equal(this.status, 200, this.text);
    const run: Run = JSON.parse(this.text);
    if (status !== undefined) {
      assert.equal(run.status, status, this.text);
    }
    return run;
  }

  /** The problem of a refusal, which must be one of this status. */
  problem(status: number): Problem {
    assert.equal(this.status, status, this.text);
    assert.match(String(this.headers["content-type"]), /^application\/problem\+json/);
    return problemOf(JSON.parse(this.text), status);
  }

  /** `Retry-After` in seconds, which a refusal for now must carry. */
  retryAfter(): number {
    const header = String(this.headers["retry-after"]);
    assert.match(header, /^\d+$/, `Retry-After: ${header}`);
    return Number(header);
  }
}

/** Holds problem details against what every one of them has. */
export function problemOf(value: unknown, status: number): Problem {
  const problem = value as Problem;
  for (const member of ["type", "title", "code", "trace_id"] as const) {
    assert.equal(typeof problem[member], "string", `${member} of ${JSON.stringify(value)}`);
  }
  assert.equal(problem.status, status);
  assert.match(problem.trace_id, /^[\da-f]{32}$/);
  assert.ok(!/\n\s+at /.test(JSON.stringify(value).replaceAll("\\n", "\n")), "a stack is in the problem");
  return problem;
}

/** Speaks with one listener of the service, under fixed headers. */
export class Client {
  readonly port: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly #agent: Agent;

  constructor(port: number, headers: Readonly<Record<string, string>> = {}, agent = new Agent({ keepAlive: false })) {
    this.port = port;
    this.headers = headers;
    this.#agent = agent;
  }

  /** The same client with further headers. */
  with(headers: Readonly<Record<string, string>>): Client {
    return new Client(this.port, { ...this.headers, ...headers }, this.#agent);
  }

  /** The same client of a service that was started anew. */
  at(port: number): Client {
    return new Client(port, this.headers, this.#agent);
  }

  async send(path: string, options: Request = {}): Promise<Answer> {
    const response = await this.#open(path, options);
    let text = "";
    for await (const piece of response.setEncoding("utf8")) {
      text += piece;
    }
    assert.ok(response.complete, `the answer of ${path} broke off`);
    return new Answer(response.statusCode ?? 0, response.headers, text);
  }

  get(path: string): Promise<Answer> {
    return this.send(path);
  }

  delete(path: string): Promise<Answer> {
    return this.send(path, { method: "DELETE" });
  }

  /** Posts JSON, or a text as it is. */
  post(path: string, body: unknown, options: Request = {}): Promise<Answer> {
    return this.send(path, { method: "POST", body, ...options });
  }

  /** Asks for a run; a text is its input, to which the canary is added. */
  run(body: unknown, options: Request = {}): Promise<Answer> {
    return this.post("/v1/runs", typeof body === "string" ? spoken(body) : body, options);
  }

  /** Asks for a run as events. */
  async stream(body: unknown, options: Request = {}): Promise<EventStream> {
    const headers = { accept: "text/event-stream", ...options.headers };
    const json = typeof body === "string" ? spoken(body) : body;
    return this.events("/v1/runs", { method: "POST", body: json, ...options, headers });
  }

  /** Opens a stream of events, which must be one. */
  async events(path: string, options: Request = {}): Promise<EventStream> {
    const response = await this.#open(path, options);
    if (response.statusCode !== 200) {
      const body = (await response.setEncoding("utf8").toArray()).join("");
      assert.fail(`${path} got ${response.statusCode} ${body}`);
    }
    assert.match(String(response.headers["content-type"]), /^text\/event-stream/);
    return new EventStream(response);
  }

  #open(path: string, { method = "GET", headers = {}, body, signal }: Request): Promise<IncomingMessage> {
    const text = body === undefined || typeof body === "string" ? body : JSON.stringify(body);
    const type = text === undefined ? {} : { "content-type": "application/json", "content-length": lengthOf(text) };
    return new Promise((resolve, reject) => {
      const outgoing = request({
        host: "127.0.0.1",
        port: this.port,
        path,
        method,
        agent: this.#agent,
        headers: { ...type, ...this.headers, ...headers },
        ...(signal === undefined ? {} : { signal }),
      });
      // A service that says nothing for so long fails the test, instead of hanging it.
      outgoing.setTimeout(PATIENCE_MS, () => outgoing.destroy(new Error(`nothing on ${path} for ${PATIENCE_MS} ms`)));
      outgoing.on("response", resolve).on("error", reject).end(text);
    });
  }
}

const spoken = (text: string) => ({ input: `${text} (${PROMPT})` });

function lengthOf(text: string): string {
  return String(Buffer.byteLength(text));
}

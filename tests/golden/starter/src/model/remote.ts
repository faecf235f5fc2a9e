import { type Dispatcher, Pool } from "undici";
import type { Kit } from "../kit.ts";
import { statusFailure, transportFailure, UpstreamError } from "../resilience/failure.ts";
import type { Upstream } from "../resilience/upstream.ts";
import type { Secret } from "../secrets/store.ts";
import { type TraceContext, traceparent } from "../traces/tracer.ts";
import type { Model, ModelReply } from "./model.ts";
import { endpointOf } from "./providers.ts";
import { createSseParser } from "./sse.ts";
import { createMarkUntrusted, parseJson } from "./wire.ts";

/** A model behind a network. */
export interface RemoteModel extends Model {
  /** Closes the connections; calls that are still going on fail. */
  close(): Promise<void>;
}

type Body = Dispatcher.ResponseData["body"];

const CONNECT_TIMEOUT_MS = 5_000;
const KEEP_ALIVE_MS = 30_000;
const MAX_RESPONSE_BYTES = 8 * 1_048_576;
// What may be read of a body that nobody needs, to keep its connection.
const MAX_LEFTOVER_BYTES = 65_536;
const MAX_LEFTOVER_MS = 1_000;

/** Makes the configured provider's model; throws `SetupError`. */
export function createRemoteModel(
  options: Pick<Kit, "config" | "clock" | "random" | "tracer"> & {
    upstream: Upstream;
    key: Secret<string>;
    /** Reads the secrets again, after the key was refused. */
    refreshSecrets: () => Promise<void>;
  },
): RemoteModel {
  const { config, upstream, key, refreshSecrets, clock, tracer } = options;
  const { url, wire, dialect, headers } = endpointOf(config);
  const mark = createMarkUntrusted(options.random);
  const pool = new Pool(url.origin, {
    connections: config.BULKHEAD_MAX,
    connect: { timeout: CONNECT_TIMEOUT_MS },
    autoSelectFamily: true,
    // Over HTTP/2 all calls would share one connection, and its faults.
    allowH2: false,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxResponseSize: MAX_RESPONSE_BYTES,
    // The attempt's signal bounds both.
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const attributes = {
    "http.request.method": "POST",
    "server.address": url.hostname,
    "server.port": Number(url.port || (url.protocol === "https:" ? 443 : 80)),
    "url.full": url.origin + url.pathname,
  };

  /** Lets the connection serve again if the rest of a body is short and comes soon, and closes it otherwise. */
  function discard(body: Body): void {
    const cancel = clock.after(MAX_LEFTOVER_MS, () => body.destroy());
    body.dump({ limit: MAX_LEFTOVER_BYTES }).then(cancel, cancel);
  }

  async function readEvents(body: Body, onText: (text: string) => void): Promise<ModelReply> {
    const parser = createSseParser();
    const reader = wire.reader();
    try {
      for await (const bytes of body.iterator({ destroyOnReturn: false })) {
        for (const event of parser.push(bytes)) {
          const text = reader.take(event);
          if (text !== "") {
            onText(text);
          }
          const reply = reader.reply();
          if (reply !== undefined) {
            return reply;
          }
        }
      }
      throw new UpstreamError("truncated");
    } finally {
      discard(body);
    }
  }

  async function exchange(
    request: { body: string; credential: string; resends: number },
    call: { signal: AbortSignal; trace: TraceContext; onText: (text: string) => void },
  ): Promise<ModelReply> {
    const { signal, trace, onText } = call;
    const resends = request.resends > 0 ? { "http.request.resend_count": request.resends } : {};
    const span = tracer.start("POST", "client", trace, { ...attributes, ...resends });
    let answering = false;
    try {
      const response = await pool.request({
        method: "POST",
        path: url.pathname + url.search,
        headers: {
          ...headers(request.credential),
          "content-type": "application/json",
          traceparent: traceparent(span),
        },
        body: request.body,
        signal,
      });
      answering = true;
      const { statusCode: status, body } = response;
      span.set({ "http.response.status_code": status });
      if (status !== 200) {
        discard(body);
        throw statusFailure(status, response.headers, clock.date());
      }
      const streams = /^text\/event-stream\b/i.test(String(response.headers["content-type"]));
      const reply = streams ? await readEvents(body, onText) : wire.read(parseJson(await body.text()));
      span.end();
      return reply;
    } catch (error) {
      const told: unknown = signal.aborted ? signal.reason : transportFailure(error, answering);
      span.end(told);
      throw told;
    }
  }

  return {
    provider: config.MODEL_PROVIDER,
    name: config.MODEL_NAME,

    async complete(request, { signal, deadline, trace, onText }) {
      const stream = onText !== undefined;
      const body = JSON.stringify(wire.write(request, { model: config.MODEL_NAME, stream, mark, ...dialect }));
      let resends = 0;
      let handedOn = false;
      const hand = (text: string) => {
        handedOn = true;
        onText?.(text);
      };
      const attempt = async (attemptSignal: AbortSignal): Promise<ModelReply> => {
        const call = { signal: attemptSignal, trace, onText: hand };
        const credential = key();
        try {
          return await exchange({ body, credential, resends: resends++ }, call);
        } catch (error) {
          if (!(error instanceof UpstreamError && error.status === 401)) {
            throw error;
          }
          await refreshSecrets();
          if (key() === credential) {
            throw error;
          }
          return exchange({ body, credential: key(), resends: resends++ }, call);
        }
      };
      return upstream.call(attempt, { signal, deadline, repeatable: () => !handedOn });
    },

    close: () => pool.destroy(),
  };
}

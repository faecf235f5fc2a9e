import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { type FastifyRequest, fastify } from "fastify";
import type { Config } from "../config.ts";
import type { Logger, Trace } from "../logs/logger.ts";
import type { RandomHex } from "../runtime.ts";
import { COMMON_HEADERS, Problem, problemOf, problemOfParser, refuse, refuseSocket, shuttingDown } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    spanId: string;
  }
}

/** An HTTP server whose requests can be drained without losing an answer. */
export type Listener = ReturnType<typeof createListener>;

const TRACEPARENT = /^(?!ff)[\da-f]{2}-([\da-f]{32})-([\da-f]{16})-[\da-f]{2}(-.*)?$/;
const ZEROS = /^0+$/;
const MAX_HEADER_BYTES = 16_384;
// Longer than the idle timeout of the usual proxies, so that they close first.
const KEEP_ALIVE_MS = 65_000;
// Node looks for slow clients every 30 s unless told otherwise.
const TIMEOUT_CHECK_MS = 500;

/** The ids that log lines of a request carry; fastify's id of a request is its trace id. */
export function traceOf(request: FastifyRequest): Trace {
  return { traceId: request.id, spanId: request.spanId };
}

/** Makes a listener whose errors are problem details; routes are added to its `app` before `listen`. */
export function createListener(options: {
  config: Config;
  random: RandomHex;
  log: Logger;
  /** Counts the requests being answered. */
  inFlight?: { inc(): void; dec(): void };
}) {
  const { config, random, log } = options;
  const exchanges = new Map<ServerResponse, IncomingMessage>();
  const served = new Set<Socket>();

  const app = fastify({
    serverFactory: (handler) =>
      createServer(
        {
          maxHeaderSize: MAX_HEADER_BYTES,
          headersTimeout: config.HEADERS_TIMEOUT_MS,
          requestTimeout: Math.max(config.REQUEST_TIMEOUT_MS, config.HEADERS_TIMEOUT_MS),
          connectionsCheckingInterval: TIMEOUT_CHECK_MS,
          keepAliveTimeout: KEEP_ALIVE_MS,
          requireHostHeader: false,
        },
        (request, response) => {
          exchanges.set(response, request);
          if (!served.has(request.socket)) {
            served.add(request.socket);
            request.socket.once("close", () => served.delete(request.socket));
          }
          options.inFlight?.inc();
          response.once("close", () => {
            exchanges.delete(response);
            options.inFlight?.dec();
          });
          handler(request, response);
        },
      ),
    return503OnClosing: false,
    bodyLimit: config.REQUEST_MAX_BYTES,
    genReqId: (request) => traceIdFrom(request.headers["traceparent"], random),
    frameworkErrors: (error, request, reply) => {
      refuse(reply, request.id, problemOf(error));
    },
    clientErrorHandler: (error, socket) => {
      void refuseSocket(socket, problemOfParser(error.code), random(16));
    },
  });
  app.removeContentTypeParser("text/plain");
  app.decorateRequest("spanId", "");
  const allowed = new Map<string, string>();
  app.addHook("onRoute", ({ url, method }) => {
    allowed.set(url, [allowed.get(url) ?? [], method].flat().join(", "));
  });
  app.addHook("onRequest", async (request, reply) => {
    request.spanId = random(8);
    reply.headers(COMMON_HEADERS);
    if (!hasOneHost(request.raw)) {
      reply.header("connection", "close");
      throw new Problem(400, "invalid_host");
    }
    if (request.is404) {
      const allow = allowed.get(request.url.replace(/\?.*/, ""));
      throw allow === undefined
        ? new Problem(404, "not_found")
        : new Problem(405, "method_not_allowed", { headers: { allow } });
    }
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.cause !== undefined) {
      log.within(traceOf(request)).error("request failed", { error: problem.cause });
    }
    return refuse(reply, request.id, problem);
  });

  const { server } = app;
  // Node's own, which `close` calls, would also cut a connection whose answer is not wholly sent yet.
  server.closeIdleConnections = () => {
    const busy = new Set([...exchanges.values()].map(({ socket }) => socket));
    for (const socket of served) {
      if (!busy.has(socket)) {
        socket.destroy();
      }
    }
  };
  return {
    app,
    /** Starts to accept where the two settings say; returns the port. */
    async listen(host: "HOST" | "ADMIN_HOST", port: "PORT" | "ADMIN_PORT"): Promise<number> {
      await app.ready();
      await new Promise<void>((resolve, reject) => {
        server.once("error", (error) => reject(new Error(`cannot listen on ${host} and ${port}: ${error.message}`)));
        server.listen({ host: config[host], port: config[port] }, resolve);
      });
      const address = server.address();
      return typeof address === "object" && address !== null ? address.port : config[port];
    },
    /** Stops accepting and closes idle connections; resolves when the last connection is gone. */
    async stop(): Promise<void> {
      // Right after the poll phase, when the connections that the kernel held are taken over.
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => server.close(resolve));
    },
    /** How many requests have arrived whole and still lack a whole answer. */
    unanswered: () => [...exchanges.values()].filter((request) => request.complete).length,
    /** Answers 503 to requests that are still arriving, then cuts every connection. */
    async cut(): Promise<void> {
      const arriving = [...exchanges].filter(([response, request]) => !request.complete && !response.headersSent);
      await Promise.all(arriving.map(([, { socket }]) => refuseSocket(socket, shuttingDown(), random(16))));
      server.closeAllConnections();
    },
  };
}

// Node would accept two and serve the first, and answers to none without a body.
function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
  return hosts === 1 || (hosts === 0 && httpVersion === "1.0");
}

/** The trace that a W3C `traceparent` continues, or a new one if it is absent or invalid. */
function traceIdFrom(traceparent: unknown, random: RandomHex): string {
  const match = typeof traceparent === "string" ? TRACEPARENT.exec(traceparent) : null;
  const [header = "", traceId = "", parentId = "", suffix] = match ?? [];
  // Only a version above 00 may carry further parts.
  const valid = suffix === undefined || !header.startsWith("00");
  return match !== null && valid && !ZEROS.test(traceId) && !ZEROS.test(parentId) ? traceId : random(16);
}

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { fastify } from "fastify";
import type { Kit } from "../kit.ts";
import { sleep } from "../runtime.ts";
import { parseTraceparent, type Span } from "../traces/tracer.ts";
import { COMMON_HEADERS, Problem, problemOf, problemOfParser, refuse, refuseSocket, shuttingDown } from "./problem.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** The request's own span; its ids go with all that is logged and called for it. */
    span: Span;
  }
}

/** An HTTP server whose requests can be drained without losing an answer. */
export type Listener = ReturnType<typeof createListener>;

const MAX_HEADER_BYTES = 16_384;
// Longer than the idle timeout of the usual proxies, so that they close first.
const KEEP_ALIVE_MS = 65_000;
// Node looks for slow clients every 30 s unless told otherwise.
const TIMEOUT_CHECK_MS = 500;
// As many connections as the kernel holds for a process that does not take them over: Node's default.
const MAX_BACKLOG = 511;
const QUIET_MS = 50;
const QUIET_TURN_MS = 0.1;
const POLL_MS = 5;

/** Makes a listener whose errors are problem details; routes are added to its `app` before `listen`. */
export function createListener(
  options: Pick<Kit, "config" | "clock" | "random" | "tracer" | "log"> & {
    /** Counts the requests being answered. */
    inFlight?: { inc(): void; dec(): void };
  },
) {
  const { config, clock, random, tracer, log } = options;
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
    genReqId: ({ headers }) => parseTraceparent(headers["traceparent"])?.traceId ?? random.hex(16),
    frameworkErrors: (error, request, reply) => {
      refuse(reply, request.id, problemOf(error));
    },
    clientErrorHandler: (error, socket) => {
      void refuseSocket(socket, problemOfParser(error.code), random.hex(16));
    },
  });
  app.removeContentTypeParser("text/plain");
  app.decorateRequest("span");
  const routes: { path: RegExp; method: string | string[] }[] = [];
  app.addHook("onRoute", ({ url, method }) => {
    routes.push({ path: new RegExp(`^${url.replaceAll(".", "\\.").replaceAll(/:[a-z]+/g, "[^/]+")}$`), method });
  });
  app.addHook("onRequest", async (request, reply) => {
    const { method, routeOptions, headers } = request;
    const route = routeOptions.url ?? "unmatched";
    request.span = tracer.start(`${method} ${route}`, "server", parseTraceparent(headers["traceparent"]), {
      "http.request.method": method,
      "http.route": route,
    });
    reply.headers(COMMON_HEADERS);
    if (!hasOneHost(request.raw)) {
      reply.header("connection", "close");
      throw new Problem(400, "invalid_host");
    }
    if (request.is404) {
      const url = request.url.replace(/\?.*/, "");
      const allow = routes.filter(({ path }) => path.test(url)).flatMap((each) => each.method);
      throw allow.length === 0
        ? new Problem(404, "not_found")
        : new Problem(405, "method_not_allowed", { headers: { allow: allow.join(", ") } });
    }
  });
  app.addHook("onResponse", async ({ span }, { statusCode }) => {
    span.set({ "http.response.status_code": statusCode });
    span.end(statusCode >= 500 ? statusCode : undefined);
  });
  app.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error);
    if (problem.cause !== undefined) {
      log.within(request.span).error("request failed", { error: problem.cause });
    }
    return refuse(reply, request.span.traceId, problem);
  });

  const { server } = app;
  // `close` calls this first. It takes its time, in which the kernel goes on to establish connections, and it would also
  // cut one whose answer is not wholly sent yet.
  server.closeIdleConnections = () => undefined;
  const closeIdle = () => {
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
    /**
     * Takes over the connections that the kernel has established, for what it still holds at `stop` it resets. Waits
     * until none has come for a moment, or, under a load that does not wait for answers, for so many milliseconds.
     */
    async takeOver(ms: number): Promise<void> {
      const begun = clock.monotonic();
      let last = begun;
      let quiet = false;
      const arrival = () => {
        last = clock.monotonic();
        quiet = false;
      };
      server.on("connection", arrival);
      while (clock.monotonic() < Math.min(begun + ms, last + QUIET_MS)) {
        await sleep(clock, POLL_MS);
      }
      // Node takes one a turn. Two immediates are a whole turn, whatever phase it is in now; more arrives in a long one.
      for (let turn = 0; !quiet && turn < MAX_BACKLOG; turn += 1) {
        quiet = true;
        await new Promise((resolve) => setImmediate(resolve));
        const turned = clock.monotonic();
        await new Promise((resolve) => setImmediate(resolve));
        quiet &&= clock.monotonic() - turned < QUIET_TURN_MS;
      }
      server.off("connection", arrival);
    },
    /** Stops accepting and closes idle connections; resolves when the last connection is gone. */
    async stop(): Promise<void> {
      const closed = new Promise((resolve) => server.close(resolve));
      closeIdle();
      await closed;
    },
    /** How many requests have arrived whole and still lack a whole answer. */
    unanswered: () => [...exchanges.values()].filter((request) => request.complete).length,
    /** Answers 503 to requests that are still arriving, then cuts every connection. */
    async cut(): Promise<void> {
      const arriving = [...exchanges].filter(([response, request]) => !request.complete && !response.headersSent);
      await Promise.all(arriving.map(([, { socket }]) => refuseSocket(socket, shuttingDown(), random.hex(16))));
      server.closeAllConnections();
    },
  };
}

// Node would accept two and serve the first, and answers to none without a body.
function hasOneHost({ rawHeaders, httpVersion }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === "host").length;
  return hosts === 1 || (hosts === 0 && httpVersion === "1.0");
}

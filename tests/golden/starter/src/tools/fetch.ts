import type { LookupFunction } from "node:net";
import { Agent, type buildConnector, type Dispatcher, errors, request } from "undici";
import { z } from "zod";
import type { Kit } from "../kit.ts";
import { statusFailure, transportFailure } from "../resilience/failure.ts";
import type { Upstream } from "../resilience/upstream.ts";
import { allowedUrl, entryOf, guardedLookup, type Resolve, systemResolve } from "./guard.ts";
import { callUpstream, defineTool, type Tool, ToolError } from "./tool.ts";

const MAX_REDIRECTS = 3;
const MAX_BYTES = 262_144;
const CACHE_MS = 60_000;
const HEADERS = { accept: "text/*, application/json, application/xml", "accept-encoding": "identity" };
const TEXT_TYPE = /^(text\/[\w.+-]+|application\/([\w.-]+\+)?(json|xml))$/;

/** How to connect, given how hosts are to be looked up. */
export type Connect = (lookup: LookupFunction) => buildConnector.BuildOptions | buildConnector.connector;

/** Makes the tool that reads text from hosts on a list, and from nowhere else. */
export function createFetchTool(
  options: Pick<Kit, "clock" | "tracer"> & {
    /** As in `TOOL_HTTP_ALLOWED_HOSTS`; empty allows none. */
    allowedHosts: readonly string[];
    /** Makes one for each entry of the list, so that a host that is down keeps nobody from the others. */
    upstreamOf: (name: string) => Upstream;
    resolve?: Resolve;
    connect?: Connect;
  },
): Tool {
  const { allowedHosts, upstreamOf, clock, tracer, resolve = systemResolve } = options;
  const connect = (options.connect ?? ((lookup) => ({ lookup })))(guardedLookup(resolve));
  const upstreams = new Map<string, Upstream>();

  function upstreamFor({ hostname }: URL): Upstream {
    const name = `fetch ${entryOf(hostname, allowedHosts)}`;
    const upstream = upstreams.get(name) ?? upstreamOf(name);
    upstreams.set(name, upstream);
    return upstream;
  }

  async function get(first: URL, dispatcher: Dispatcher, signal: AbortSignal): Promise<string> {
    let url = first;
    for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects += 1) {
      const response = await request(url, { dispatcher, signal, headers: HEADERS }).catch((error: unknown) => {
        throw transportFailure(error, false);
      });
      const { statusCode: status, headers, body } = response;
      // A body that nobody reads breaks off when the connections are closed.
      body.on("error", () => undefined);
      if (status >= 400) {
        throw statusFailure(status, headers, clock.date());
      }
      const { location } = headers;
      if (status < 300 || typeof location !== "string") {
        return textOf(response);
      }
      const next = allowedUrl(location, allowedHosts, url);
      if (url.protocol === "https:" && next.protocol === "http:") {
        throw new ToolError("the site leads from https to http");
      }
      url = next;
    }
    throw new ToolError(`the site redirects more than ${MAX_REDIRECTS} times`);
  }

  return defineTool({
    name: "fetch",
    description: `Reads a text, such as a web page or JSON, by its URL. Allowed hosts: ${allowedHosts.join(", ") || "none"}.`,
    version: "1",
    risk: "read",
    cacheMs: CACHE_MS,
    arguments: z.strictObject({ url: z.string().min(1).max(2_048) }),
    run: async ({ url: text }, { signal, deadline, trace }) => {
      const url = allowedUrl(text, allowedHosts);
      const attributes = { "http.request.method": "GET", "server.address": url.hostname };
      return callUpstream(upstreamFor(url), { signal, deadline }, async (attemptSignal) => {
        const span = tracer.start("GET", "client", trace, attributes);
        // Connections of its own, so that nothing is left open and every host is looked up.
        const dispatcher = new Agent({ connect, maxResponseSize: MAX_BYTES });
        let failure: unknown;
        try {
          return await get(url, dispatcher, attemptSignal);
        } catch (error) {
          failure = attemptSignal.aborted ? attemptSignal.reason : error;
          throw failure;
        } finally {
          span.end(failure);
          await dispatcher.destroy();
        }
      });
    },
  });
}

async function textOf({ headers, body }: Dispatcher.ResponseData): Promise<string> {
  const [type = "", ...parameters] = String(headers["content-type"] ?? "")
    .toLowerCase()
    .split(/\s*;\s*/);
  if (!TEXT_TYPE.test(type) || (headers["content-encoding"] ?? "identity") !== "identity") {
    throw new ToolError("this is no text");
  }
  const charset = parameters
    .find((each) => each.startsWith("charset="))
    ?.slice("charset=".length)
    .replaceAll('"', "");
  const decoder = decoderOf(charset);
  const bytes = await body.arrayBuffer().catch((error: unknown) => {
    throw error instanceof errors.ResponseExceededMaxSizeError
      ? new ToolError(`this is longer than ${MAX_BYTES} bytes`)
      : transportFailure(error, true);
  });
  return decoder.decode(bytes);
}

function decoderOf(charset = "utf-8") {
  try {
    return new TextDecoder(charset);
  } catch {
    throw new ToolError("this is in an unknown character set");
  }
}

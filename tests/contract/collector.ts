import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { until } from "./waiting.ts";

/** A span as it arrived. */
export interface Span {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: "internal" | "server" | "client" | "other";
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly failed: boolean;
}

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

/** The JSON encoding of OTLP, as far as a test looks at it. */
interface Export {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly Attribute[] };
    readonly scopeSpans?: readonly {
      readonly spans?: readonly {
        readonly traceId: string;
        readonly spanId: string;
        readonly parentSpanId?: string;
        readonly name: string;
        readonly kind?: number | string;
        readonly attributes?: readonly Attribute[];
        readonly status?: { readonly code?: number | string };
      }[];
    }[];
  }[];
}

const KINDS: Readonly<Record<string, Span["kind"]>> = {
  1: "internal",
  2: "server",
  3: "client",
  SPAN_KIND_INTERNAL: "internal",
  SPAN_KIND_SERVER: "server",
  SPAN_KIND_CLIENT: "client",
};

/** An OTLP collector over HTTP that takes JSON. */
export class Collector {
  readonly spans: Span[] = [];
  /** Attributes of the resources, all in one. */
  readonly resource: Record<string, unknown> = {};
  /** All bodies, one after the other. */
  text = "";
  /** What it answers. */
  status = 200;
  asked = 0;
  /** Headers of the last request. */
  headers: IncomingHttpHeaders = {};
  readonly #server = createServer((request, response) => {
    void request
      .setEncoding("utf8")
      .toArray()
      .then((pieces) => {
        this.asked++;
        this.headers = request.headers;
        const body = pieces.join("");
        this.text += body;
        if (this.status === 200 && request.url?.endsWith("/v1/traces") === true) {
          this.#take(JSON.parse(body));
        }
        return response.writeHead(this.status, { "content-type": "application/json" }).end("{}");
      })
      .catch(() => response.destroy());
  });

  static async start(): Promise<Collector> {
    const collector = new Collector();
    await new Promise<void>((resolve) => collector.#server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  /** The settings that send traces here soon. */
  get env(): Readonly<Record<string, string>> {
    return {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      OTEL_BSP_SCHEDULE_DELAY: "200",
    };
  }

  /** All spans of a trace, once one of them is the server's, which ends last. */
  async trace(traceId: string): Promise<Span[]> {
    const spans = () => this.spans.filter((span) => span.traceId === traceId);
    await until(`the trace ${traceId}`, () => spans().some(({ kind }) => kind === "server"));
    return spans();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take(body: Export): void {
    for (const { resource, scopeSpans = [] } of body.resourceSpans ?? []) {
      Object.assign(this.resource, attributesOf(resource?.attributes));
      for (const span of scopeSpans.flatMap(({ spans = [] }) => spans)) {
        this.spans.push({
          traceId: span.traceId,
          spanId: span.spanId,
          parentSpanId: span.parentSpanId ?? "",
          name: span.name,
          kind: KINDS[span.kind ?? ""] ?? "other",
          attributes: attributesOf(span.attributes),
          failed: span.status?.code === 2 || span.status?.code === "STATUS_CODE_ERROR",
        });
      }
    }
  }
}

function attributesOf(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Entry, parseLog } from "./audit.ts";

/** A webhook that takes audit entries as JSON lines, while it is up. */
export class Siem {
  readonly entries: Entry[] = [];
  /** What it was shown as credentials. */
  readonly credentials = new Set<string>();
  /** What it answers; undefined: the connection is reset. */
  status: number | undefined = 200;
  asked = 0;
  #server = this.#listener();
  #port = 0;

  static async start(): Promise<Siem> {
    const siem = new Siem();
    await siem.up();
    return siem;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/entries`;
  }

  /** Listens again, on the port that it had. */
  async up(): Promise<void> {
    this.#server = this.#listener();
    await new Promise<void>((resolve) => this.#server.listen(this.#port, "127.0.0.1", resolve));
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Is gone, as a host that crashed. */
  async down(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #listener() {
    return createServer((request, response) => {
      request
        .setEncoding("utf8")
        .toArray()
        .then((pieces) => {
          this.asked++;
          this.credentials.add(String(request.headers.authorization));
          if (this.status === undefined) {
            return request.socket.resetAndDestroy();
          }
          if (this.status < 300) {
            this.entries.push(...parseLog(pieces.join("")));
          }
          return response.writeHead(this.status).end();
        })
        .catch(() => response.destroy());
    });
  }
}

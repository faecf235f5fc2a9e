import { connect, type Socket } from "node:net";

/** What came back on a connection. */
export interface Exchange {
  readonly text: string;
  /** Whether the server closed the connection within the time. */
  readonly closed: boolean;
  /** Milliseconds until the connection was closed, or given up. */
  readonly ms: number;
}

/** Sends bytes on a connection of its own, and listens until the server closes it or the time is over. */
export async function exchange(port: number, bytes: string | Buffer, patienceMs = 3_000): Promise<Exchange> {
  const connection = await open(port);
  connection.write(bytes);
  return connection.closed(patienceMs);
}

/** Statuses of all answers in what came back. */
export function statuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
}

/** Opens a connection to speak on byte by byte. */
export function open(port: number): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => resolve(new Connection(socket)));
    socket.once("error", reject);
  });
}

/** A connection on which nothing is done that is not told to. */
export class Connection {
  readonly socket: Socket;
  text = "";
  #isClosed = false;
  readonly #start = performance.now();
  readonly #end: Promise<void>;

  constructor(socket: Socket) {
    this.socket = socket;
    this.#end = new Promise((resolve) => socket.on("close", () => resolve()));
    socket.on("data", (data) => (this.text += data.toString("latin1")));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => (this.#isClosed = true));
  }

  write(bytes: string | Buffer): void {
    if (this.socket.writable) {
      this.socket.write(bytes);
    }
  }

  /** Listens until the server closes the connection or the time is over. */
  async closed(patienceMs: number): Promise<Exchange> {
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, patienceMs);
    await Promise.race([this.#end, late]);
    clearTimeout(timer);
    const closed = this.#isClosed;
    this.socket.destroy();
    return { text: this.text, closed, ms: performance.now() - this.#start };
  }
}

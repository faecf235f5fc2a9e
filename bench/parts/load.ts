// A closed loop: each connection sends its next request when it has the answer to the last. Takes what to do as one
// line of JSON on stdin, prints what happened as one line of JSON, and so on until stdin ends.
import { connect, type Socket } from "node:net";
import { createInterface } from "node:readline";

/** What is to be done for how long. */
export interface Order {
  readonly port: number;
  readonly key: string;
  readonly connections: number;
  readonly ms: number;
}

/** What came of it. */
export interface Result {
  readonly answers: number;
  readonly ms: number;
  readonly p50: number;
  readonly p99: number;
}

const BODY = '{"input":"What will the weather be tomorrow?"}';
const END_OF_HEAD = Buffer.from("\r\n\r\n");

function run({ port, key, connections, ms }: Order): Promise<Result> {
  const request = Buffer.from(
    `POST /v1/runs HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer ${key}\r\ncontent-type: application/json\r\n` +
      `content-length: ${BODY.length}\r\n\r\n${BODY}`,
  );
  const latencies: number[] = [];
  const start = performance.now();
  const one = () =>
    new Promise<void>((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      let sent = 0;
      const send = () => {
        sent = performance.now();
        socket.write(request);
      };
      socket.on("connect", send);
      socket.on("error", reject);
      readAnswers(socket, (status) => {
        if (status !== 200) {
          reject(new Error(`an answer with status ${status}`));
          return;
        }
        const now = performance.now();
        latencies.push(now - sent);
        if (now - start < ms) {
          send();
        } else {
          socket.destroy();
          resolve();
        }
      });
    });
  return Promise.all(Array.from({ length: connections }, one)).then(() => {
    const sorted = latencies.toSorted((a, b) => a - b);
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? 0;
    return { answers: latencies.length, ms: performance.now() - start, p50: at(0.5), p99: at(0.99) };
  });
}

/** Tells of each whole answer; there is one at a time, and each says how long it is. */
function readAnswers(socket: Socket, answered: (status: number) => void): void {
  let buffer: Buffer = Buffer.alloc(0);
  socket.on("data", (piece: Buffer) => {
    buffer = buffer.length === 0 ? piece : Buffer.concat([buffer, piece]);
    const head = buffer.indexOf(END_OF_HEAD);
    if (head < 0) {
      return;
    }
    const text = buffer.toString("latin1", 0, head);
    const length = Number(/^content-length: (\d+)$/im.exec(text)?.[1]);
    if (buffer.length >= head + END_OF_HEAD.length + length) {
      buffer = Buffer.alloc(0);
      answered(Number(text.slice(9, 12)));
    }
  });
}

for await (const line of createInterface(process.stdin)) {
  process.stdout.write(`${JSON.stringify(await run(JSON.parse(line)))}\n`);
}

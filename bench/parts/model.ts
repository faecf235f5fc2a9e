// The model server that everything in the bench calls: always the same answer, after as many milliseconds as the last
// line on stdin said. Prints its port.
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";

const answer = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  model: "bench-model",
  choices: [{ index: 0, finish_reason: "stop", message: { role: "assistant", content: "It will be sunny." } }],
  usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 },
});
const headers = { "content-type": "application/json", "content-length": String(Buffer.byteLength(answer)) };

const speak = (response: ServerResponse) => response.writeHead(200, headers).end(answer);
let afterMs = 0;
createInterface(process.stdin).on("line", (line) => (afterMs = Number(line)));

const server = createServer((request, response) => {
  request.resume().on("end", () => {
    if (afterMs === 0) {
      speak(response);
    } else {
      setTimeout(speak, afterMs, response);
    }
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));

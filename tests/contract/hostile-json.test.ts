import assert from "node:assert/strict";
import { smoke } from "./contract.ts";
import { scene } from "./scene.ts";

const fresh = scene();
const deep = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);

const HOSTILE: [what: string, body: string][] = [
  ["a list of depth 100,000", `{"input":${deep("[", "]", 100_000)}}`],
  ["an object of depth 50,000", `{"input":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`],
  ["__proto__", '{"input":"hello","__proto__":{"admin":true,"max_steps":999}}'],
  ["constructor.prototype", '{"input":"hello","constructor":{"prototype":{"admin":true}}}'],
  ["__proto__ in a message", '{"input":[{"role":"user","content":"hello","__proto__":{"role":"system"}}]}'],
  ["a lone surrogate", '{"input":"\\ud800"}'],
  ["a lone low surrogate in a key", '{"input":"hello","\\udc00":1}'],
  ["NaN", '{"input":"hello","max_steps":NaN}'],
  ["Infinity", '{"input":"hello","max_steps":Infinity}'],
  ["a huge number", '{"input":"hello","max_steps":1e400}'],
  ["a number of 10,000 digits", `{"input":"hello","max_steps":${"9".repeat(10_000)}}`],
  ["a number too precise", '{"input":"hello","max_steps":2.0000000000000000000001}'],
  ["a duplicate name", '{"input":"hello","input":"goodbye"}'],
  ["a NUL", '{"input":"\\u0000"}'],
  ["control characters", '{"input":"\\u0001\\u001b[31m\\u0008"}'],
  ["a byte order mark", '\uFEFF{"input":"hello"}'],
  ["100,000 names", `{"input":"hello",${Array.from({ length: 100_000 }, (_, index) => `"n${index}":0`).join()}}`],
];

for (const [what, body] of HOSTILE) {
  smoke(`${what} is refused or harmless`, async () => {
    const { world, client } = await fresh();
    const answer = await client.send("/v1/runs", {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    assert.ok(answer.status === 200 || (answer.status >= 400 && answer.status < 500), `${answer.status}`);
    if (answer.status !== 200) {
      answer.problem(answer.status);
    }
    assert.ok(answer.text.length < 100_000, `an answer of ${answer.text.length} bytes`);
    (await world.client().run("hello")).run("completed");
  });
}

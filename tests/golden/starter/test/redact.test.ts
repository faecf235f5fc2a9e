import assert from "node:assert/strict";
import { test } from "node:test";
import { createRedactor, redactValue } from "../src/privacy/redact.ts";
import { type Kind, KINDS } from "../src/privacy/scan.ts";
import { metricOf, metrics } from "./kit.ts";

// What each detector has to look at longest, repeated: the beginnings of finds that come to nothing, and finds.
const HOSTILE: Readonly<Record<Kind, readonly string[]>> = {
  secret: ["sk-", "eyJ", "eyJaaaaaaaa.", "eyJ-", "bearer ", "-----BEGIN PRIVATE KEY-----", "-"],
  iban: ["DE89 ", "DE89 3704 0044 0532 0130 01 "],
  card: ["4", "444 ", "4444-"],
  ssn: ["123-45-", "1-"],
  ip: ["1.", ":", "fe80::1. ", "version 1.1.1.1 "],
  email: ["@", "a@a.", "a@a.aa-"],
  phone: ["+1", "+12345678 ", "+2 3 4 5 6 ", "020 7946 "],
};
const CHARACTERS = 200_000;
const ROUNDS = { least: 3, most: 15 };

const medianOf = (values: number[]) => values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;

for (const kind of KINDS) {
  test(`ten times the hostile text takes ${kind} at most fifteen times the time`, () => {
    const redact = createRedactor({ kinds: [kind], metrics });
    const timeOf = (text: string, times: number) => {
      // Of this process alone, as the machine may be busy with others.
      const began = process.cpuUsage();
      for (let time = 0; time < times; time += 1) {
        redact(text);
      }
      // Their sum is exact; how it is split is only sampled.
      const { user, system } = process.cpuUsage(began);
      return (user + system) / times;
    };
    for (const part of HOSTILE[kind]) {
      const large = part.repeat(CHARACTERS / part.length);
      const small = large.slice(0, CHARACTERS / 10);
      timeOf(small, 10);
      const ratios: number[] = [];
      // A busy machine blurs the measure; time that grows with the square is a hundredfold in every round.
      while (ratios.length < ROUNDS.least || (ratios.length < ROUNDS.most && medianOf(ratios) > 15)) {
        ratios.push(timeOf(large, 1) / timeOf(small, 10));
      }
      assert.ok(medianOf(ratios) <= 15, `${JSON.stringify(part)}: ${ratios.join(", ")}`);
    }
  });
}

test("a redacted text stays as it is, whatever its parts and however they touch", () => {
  const redact = createRedactor({ metrics });
  const parts =
    `4111111111111111|4111 1111 1111 1111|DE89370400440532013000|GB82 WEST 1234 5698 7654 32|123-45-6789|123 45 6789|
    alice@example.com|a@b.co|@|x.y|+14155550100|+49 30 123456|(415) 555-0100|415-555-0100|020 7946 0958|10.0.0.1|
    fe80::1|::1|version |1|12| |.|-|_|:|,|+|(|)|/|=|a|é|AKIAIOSFODNN7EXAMPLE|sk-abcdefghij0123456789|
    eyJhbGciOiJI.eyJzdWIiOiIx.abc|Bearer abcdef0123456789|-----BEGIN PRIVATE KEY-----|-----END PRIVATE KEY-----|
    [IP]|[CARD]|[|]|com|%|~`.split(/\|(?:\n +)?/);
  let seed = 1;
  // Numerical Recipes' generator: the same texts in every run.
  const draw = (below: number) => {
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((seed / 2 ** 32) * below);
  };
  for (let round = 0; round < 10_000; round += 1) {
    const text = Array.from({ length: 1 + draw(12) }, () => parts[draw(parts.length)]).join("");
    const once = redact(text);
    assert.equal(redact(once), once, JSON.stringify(text));
  }
});

test("values are redacted however deep, and names of members too", () => {
  const redact = createRedactor({ metrics });
  const value = {
    "a@example.com": [{ to: "10.0.0.1" }, 4111111111111111, 4111111111111112, 12n, true, null],
    ["__proto__"]: "a@example.com",
  };
  assert.deepEqual(redactValue(redact, value), {
    "[EMAIL]": [{ to: "[IP]" }, "[CARD]", 4111111111111112, 12n, true, null],
    ["__proto__"]: "[EMAIL]",
  });
});

test("a value without end is cut", () => {
  const redact = createRedactor({ metrics });
  const loop: { self?: object; list: object[] } = { list: [] };
  loop.self = loop;
  loop.list.push(loop, loop);
  const cut = JSON.stringify(redactValue(redact, loop));
  assert.match(cut, /TRUNCATED/);
  assert.ok(cut.length < 1_000_000);
});

test("every mark is counted under its kind", async () => {
  const before = await metricOf('agent_redactions_total{kind="ssn"}');
  createRedactor({ metrics })("123-45-6789 and 123-45-6780");
  assert.equal(await metricOf('agent_redactions_total{kind="ssn"}'), before + 2);
});

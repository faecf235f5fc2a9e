import { isIPv6 } from "node:net";
import { after, before, type Detector, type Find, LATIN, matchesAt, scan } from "./scan.ts";

const LOCAL = tableOf(new RegExp(String.raw`[\w${LATIN}.%+-]`));
const LABEL = tableOf(new RegExp(String.raw`[\da-zA-Z${LATIN}-]`));
const TOP_LEVEL = new RegExp(String.raw`(?:xn--[a-z\d-]{2,59}|[a-z${LATIN}]{2,63})${after("")}`, "iy");
// Of RFC 5321 and RFC 1035.
const MAX_LOCAL = 64;
const MAX_DOMAIN = 253;
const MAX_LABEL = 63;

/** Which of the characters before U+0250 match. */
function tableOf(pattern: RegExp): Uint8Array {
  return Uint8Array.from({ length: 0x250 }, (_, code) => Number(pattern.test(String.fromCharCode(code))));
}

/** E-mail addresses, whose domain has a dot and ends in a word. */
export const email: Detector = (text) => {
  const finds: Find[] = [];
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    const first = Math.max(at - MAX_LOCAL, finds.at(-1)?.end ?? 0);
    let start = at;
    while (start > first && LOCAL[text.charCodeAt(start - 1)] === 1) {
      start -= 1;
    }
    const end = domainEnd(text, at + 1);
    if (start < at && end !== undefined) {
      finds.push({ start, end });
    }
  }
  return finds;
};

/** Where the longest domain ends that begins here. */
function domainEnd(text: string, start: number): number | undefined {
  let end: number | undefined;
  let label = start;
  for (let index = start; index <= start + MAX_DOMAIN; index += 1) {
    if (index === label && label > start && matchesAt(TOP_LEVEL, text, label)) {
      end = TOP_LEVEL.lastIndex;
    }
    const length = index - label;
    if (LABEL[text.charCodeAt(index)] === 1 ? length >= MAX_LABEL : text[index] !== "." || length === 0) {
      return end;
    }
    label = text[index] === "." ? index + 1 : label;
  }
  return end;
}

const OCTET = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;
const VERSION = String.raw`(?<![^\s(])(?:v|ver|version|release|build)[ .:=]{0,2}`;
const IPV4 = new RegExp(`${before(".")}(?<!${VERSION})${Array(4).fill(OCTET).join(String.raw`\.`)}${after(".")}`, "gi");
const IPV6 = new RegExp(String.raw`${before("")}(?<![:.])[\da-f:][\da-f:.]{1,44}(?![:.])${after("")}`, "gi");

/** IP addresses of both versions; neither four numbers that are said to be a version, nor what has no digit. */
export const ip: Detector = (text) => [
  ...scan(text, IPV4),
  ...scan(text, IPV6, (_text, start, match) => {
    const ends = [match.length, match.replace(/\.+$/, "").length, match.replace(/[.:]+$/, "").length];
    const length = ends.find((end) => isIPv6(match.slice(0, end)));
    return length !== undefined && /\d/.test(match.slice(0, length)) ? start + length : undefined;
  }),
];

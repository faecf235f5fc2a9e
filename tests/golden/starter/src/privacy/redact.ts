import type { Config } from "../config.ts";
import type { Kit } from "../kit.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { Message, Model } from "../model/model.ts";
import { email, ip } from "./addresses.ts";
import { secret } from "./credentials.ts";
import { card, iban, phone, ssn } from "./numbers.ts";
import { type Detector, type Find, type Kind, KINDS, markOf } from "./scan.ts";

/** Puts marks such as `[EMAIL]` in the place of what should not be seen; a text that was redacted stays as it is. */
export type Redact = (text: string) => string;

const DETECTORS: Readonly<Record<Kind, Detector>> = { secret, iban, card, ssn, ip, email, phone };
const MAX_DEPTH = 32;
const MAX_NODES = 10_000;
const TRUNCATED = "[TRUNCATED]";

/** Makes a redactor for some kinds, or all. It takes time in proportion to the text, whatever the text is. */
export function createRedactor(options: { kinds?: readonly Kind[]; metrics: Pick<Metrics, "redactions"> }): Redact {
  const { kinds = KINDS, metrics } = options;
  const wanted = KINDS.filter((kind) => kinds.includes(kind));
  return (text) => {
    const finds = wanted.flatMap((kind) => DETECTORS[kind](text).map((find) => markFor(kind, find)));
    const parts: string[] = [];
    let end = 0;
    for (const find of joined(finds)) {
      metrics.redactions.inc({ kind: find.kind });
      parts.push(text.slice(end, find.start), markOf(find.kind));
      end = find.end;
    }
    return end === 0 ? text : parts.join("") + text.slice(end);
  };
}

interface Mark extends Find {
  readonly kind: Kind;
  /** Characters of the longest of the finds that it is for, which names it. */
  readonly longest: number;
}

function markFor(kind: Kind, { start, end }: Find): Mark {
  return { start, end, kind, longest: end - start };
}

/** The finds in order; those that overlap as one, so that no part of any is left. */
function joined(finds: Mark[]): Mark[] {
  const apart: Mark[] = [];
  for (const find of finds.toSorted((left, right) => left.start - right.start)) {
    const last = apart.at(-1);
    if (last === undefined || last.end <= find.start) {
      apart.push(find);
    } else {
      const { kind, longest } = byWeight(last, find) > 0 ? find : last;
      apart[apart.length - 1] = { start: last.start, end: Math.max(last.end, find.end), kind, longest };
    }
  }
  return apart;
}

function byWeight(left: Mark, right: Mark): number {
  return right.longest - left.longest || KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind);
}

/** Redacts all strings, numbers and names of members of a JSON value; what is too deep or too much is left out. */
export function redactValue(redact: Redact, value: unknown): unknown {
  let nodes = 0;
  const walk = (node: unknown, depth: number): unknown => {
    nodes += 1;
    if (nodes > MAX_NODES || depth > MAX_DEPTH) {
      return TRUNCATED;
    }
    if (typeof node === "string") {
      return redact(node);
    }
    if (typeof node === "number" || typeof node === "bigint") {
      const redacted = redact(String(node));
      return redacted === String(node) ? node : redacted;
    }
    if (Array.isArray(node)) {
      return node.map((each) => walk(each, depth + 1));
    }
    if (typeof node === "object" && node !== null) {
      return Object.fromEntries(Object.entries(node).map(([name, each]) => [redact(name), walk(each, depth + 1)]));
    }
    return node;
  };
  return walk(value, 0);
}

const WITHHELD = new Set<Config["DATA_CLASSIFICATION"]>(["confidential", "restricted"]);

/** The model, which sees conversations redacted if their class asks for it and they would leave the process. */
export function protectInput(model: Model, options: Pick<Kit, "config"> & { redact: Redact }): Model {
  const { config, redact } = options;
  if (model.provider === "offline" || !WITHHELD.has(config.DATA_CLASSIFICATION)) {
    return model;
  }
  const { provider, name } = model;
  return {
    provider,
    name,
    complete: (request, call) =>
      model.complete({ ...request, messages: request.messages.map((message) => redactMessage(message, redact)) }, call),
  };
}

function redactMessage(message: Message, redact: Redact): Message {
  const content = redact(message.content);
  if (message.role !== "assistant" || message.calls === undefined) {
    return { ...message, content };
  }
  const calls = message.calls.map((call) =>
    Object.assign({ ...call }, { arguments: redactValue(redact, call.arguments) }),
  );
  return { ...message, content, calls };
}

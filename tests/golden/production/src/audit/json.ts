/**
 * The canonical text of a JSON value (RFC 8785): names in the order of their UTF-16 code units, no white space, strings
 * and numbers as ECMAScript writes them. Throws a `TypeError` at what JSON cannot hold faithfully, such as `Infinity`
 * or a lone surrogate.
 */
export function canonical(value: unknown): string {
  if (typeof value === "string" ? value.isWellFormed() : isLiteral(value)) {
    return JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(",")}]`;
  }
  if (isObject(value)) {
    let members = "";
    for (const name of Object.keys(value).toSorted()) {
      members += `${members === "" ? "" : ","}${canonical(name)}:${canonical(value[name])}`;
    }
    return `{${members}}`;
  }
  throw new TypeError(`a ${typeof value} that JSON cannot hold`);
}

function isLiteral(value: unknown): boolean {
  return Number.isFinite(value) || typeof value === "boolean" || value === null;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

// A string of a valid JSON text, and the colon by which it is a member's name.
const STRING = /"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/g;

/**
 * Reads JSON; unlike `JSON.parse` it also throws a `SyntaxError` where a name occurs twice in an object, as two readers
 * of such a text may see two different things (RFC 7493, 2.3).
 */
export function parseStrictJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  let names = 0;
  for (const [, colon] of text.matchAll(STRING)) {
    names += colon === undefined ? 0 : 1;
  }
  if (names !== countNames(value)) {
    throw new SyntaxError("a name occurs twice in an object");
  }
  return value;
}

function countNames(value: unknown): number {
  if (typeof value !== "object" || value === null) {
    return 0;
  }
  const members = Object.values(value);
  const own = Array.isArray(value) ? 0 : members.length;
  return members.reduce<number>((sum, member) => sum + countNames(member), own);
}

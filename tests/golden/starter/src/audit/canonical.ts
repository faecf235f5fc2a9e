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

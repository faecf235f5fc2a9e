// https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3
const SECONDS = /^\d{1,9}$/;
const HTTP_DATE = /^[A-Z][a-z]{2,8},? .* GMT$/;

/** The milliseconds that a `Retry-After` header (seconds or a date) asks to wait; undefined if it says neither. */
export function retryAfterMs(header: string | string[] | undefined, now: Date): number | undefined {
  const value = typeof header === "string" ? header.trim() : "";
  if (SECONDS.test(value)) {
    return Number(value) * 1_000;
  }
  const date = HTTP_DATE.test(value) ? Date.parse(value) : Number.NaN;
  return Number.isNaN(date) ? undefined : Math.max(0, date - now.getTime());
}

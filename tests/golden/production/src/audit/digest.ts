import { createHmac } from "node:crypto";

/**
 * HMAC-SHA-256 of a text in hexadecimal: shows later that an entry speaks of this very text, and tells nothing any
 * more once the key is erased.
 */
export function digest(key: string, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex");
}

import { request } from "undici";
import { UpstreamError } from "../resilience/failure.ts";
import type { SecretStore } from "../secrets/store.ts";

/** Makes the function that posts entries to a webhook as JSON lines; it rejects unless all were taken. */
export function createSiem(url: string, secrets: SecretStore) {
  const token = secrets.has("siem_token") ? secrets.open("siem_token", (text) => text.trim()) : undefined;
  return async (lines: readonly string[], signal: AbortSignal): Promise<void> => {
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token()}` };
    const { statusCode, body } = await request(url, {
      method: "POST",
      headers: { "content-type": "application/x-ndjson", ...authorization },
      body: `${lines.join("\n")}\n`,
      signal,
    });
    await body.dump();
    if (statusCode === 401) {
      await secrets.refresh();
    }
    if (statusCode < 200 || statusCode > 299) {
      throw new UpstreamError("status", { status: statusCode });
    }
  };
}

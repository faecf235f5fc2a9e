import type { Config } from "../config.ts";
import type { Message, Model } from "../model/model.ts";
import { type Redact, redactValue } from "./redact.ts";

const WITHHELD = new Set<Config["DATA_CLASSIFICATION"]>(["confidential", "restricted"]);

/** The model, which sees conversations redacted if their class asks for it and they would leave the process. */
export function protectInput(model: Model, options: { config: Config; redact: Redact }): Model {
  const { config, redact } = options;
  if (model.provider === "offline" || !WITHHELD.has(config.DATA_CLASSIFICATION)) {
    return model;
  }
  const { provider, name } = model;
  return {
    provider,
    name,
    complete: (request, call) =>
      model.complete({ ...request, messages: request.messages.map((message) => redacted(message, redact)) }, call),
  };
}

function redacted(message: Message, redact: Redact): Message {
  const content = redact(message.content);
  if (message.role !== "assistant" || message.calls === undefined) {
    return { ...message, content };
  }
  const calls = message.calls.map((call) =>
    Object.assign({ ...call }, { arguments: redactValue(redact, call.arguments) }),
  );
  return { ...message, content, calls };
}

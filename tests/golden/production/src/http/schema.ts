import { z } from "zod";
import type { Config } from "../config.ts";
import type { Kit } from "../kit.ts";
import type { RunLimits } from "../run/record.ts";
import type { Intent } from "./intake.ts";
import { type FieldError, Problem } from "./problem.ts";

// Lone surrogates have no UTF-8 form.
const text = z.string().refine((value) => value.isWellFormed(), "expected well-formed Unicode");
const message = z.strictObject({ role: z.enum(["user", "assistant"]), content: text.min(1) });
const conversation = z
  .array(message)
  .refine((messages) => messages.at(-1)?.role === "user", "expected the last message to be the user's");
const NAME = /^[\w.-]{1,128}$/;
const name = z.string().regex(NAME, "expected 1 to 128 letters, digits, `_`, `.` or `-`");
const printable = /^[\x21-\x7e]{1,255}$/;

/** Whether a run or a session may have this id. */
export const isName = (id: string): boolean => NAME.test(id);

/** Schema of the body of `POST /v1/runs`; a request may lower the limits, never raise them. */
export function runBody(tools: readonly string[], { RUN_MAX_STEPS: maxSteps }: Config) {
  return z.strictObject({
    input: z.union([text.min(1), conversation], "required: a text or a list of messages"),
    session_id: name.optional().meta({ description: "The conversation to go on with, or a new one's name." }),
    tools: z.array(z.enum(tools)).optional().meta({ description: "Tools the run may use; all of them if absent." }),
    max_steps: z.int().min(1).max(maxSteps).optional(),
    stream: z.boolean().optional().meta({ description: "Whether to answer with server-sent events." }),
  });
}

/** Schema of the body of `POST /v1/runs/{id}/approvals`. */
export const approvalBody = z.strictObject({ approval_id: name, decision: z.enum(["approve", "deny"]) });

/** Schema of a run's answer. */
export const runAnswer = z.object({
  id: z.string(),
  session_id: z.string(),
  status: z.enum(["running", "completed", "stopped", "failed", "cancelled", "awaiting_approval"]),
  reason: z.string().optional(),
  approvals: z
    .array(
      z.object({ approval_id: z.string(), tool: z.string(), arguments: z.unknown(), expires_at: z.iso.datetime() }),
    )
    .optional(),
  output: z.string(),
  steps: z.int(),
  usage: z.object({ input_tokens: z.int(), output_tokens: z.int(), cost_usd: z.number() }),
  trace_id: z.string(),
});

/** Schema of a session's answer. */
export const sessionAnswer = z.object({
  id: z.string(),
  created_at: z.iso.datetime(),
  messages: z.array(z.object({ role: z.enum(["user", "assistant", "tool"]), content: z.string() })),
});

/** Schema of RFC 9457 problem details. */
export const problemAnswer = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string(),
  trace_id: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

/** Makes the function that reads what a client wants from a request. */
export function createIntentReader(options: Pick<Kit, "config" | "random"> & { tools: readonly string[] }) {
  const { config, tools, random } = options;
  const schema = runBody(tools, config);
  const limits: RunLimits = {
    maxSteps: config.RUN_MAX_STEPS,
    maxToolCalls: config.RUN_MAX_TOOL_CALLS,
    maxTokens: config.RUN_MAX_TOKENS,
    maxCostNanoDollars: config.RUN_MAX_COST_USD,
  };
  return (body: unknown, headers: Readonly<Record<string, string | string[] | undefined>>): Intent => {
    const asked = parseBody(schema, body);
    const key = headerOf(headers, "idempotency-key", printable);
    return {
      sessionId: asked.session_id ?? `ses_${random.hex(16)}`,
      input: typeof asked.input === "string" ? [{ role: "user", content: asked.input }] : asked.input,
      tools: asked.tools ?? tools,
      limits: { ...limits, maxSteps: asked.max_steps ?? limits.maxSteps },
      stream: asked.stream ?? /\btext\/event-stream\b/i.test(String(headers["accept"] ?? "")),
      ...(key === undefined ? {} : { key: { value: key, body } }),
    };
  };
}

/** A header that a client may leave out; throws a 400 problem if it is not as expected. */
export function headerOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  header: string,
  pattern: RegExp,
): string | undefined {
  const value = headers[header];
  if (value !== undefined && (typeof value !== "string" || !pattern.test(value))) {
    throw new Problem(400, "invalid_header", { errors: [{ pointer: header, detail: "not well-formed" }] });
  }
  return value;
}

/** Checks a body against a schema; throws a 422 problem that names every field at fault. */
export function parseBody<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const parsed = schema.safeParse(body);
  if (!parsed.success) {
    throw new Problem(422, "invalid_request", { errors: parsed.error.issues.flatMap(fieldErrors) });
  }
  return parsed.data;
}

function fieldErrors({ path, ...issue }: z.core.$ZodIssue): FieldError[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({ pointer: pointer([...path, key]), detail: "unknown field" }));
  }
  // Of the alternatives, the one that got further than its own type is the one that was meant.
  const inner = issue.code === "invalid_union" ? issue.errors.flat().filter((error) => error.path.length > 0) : [];
  return inner.length > 0
    ? inner.flatMap((error) => fieldErrors({ ...error, path: [...path, ...error.path] }))
    : [{ pointer: pointer(path), detail: issue.message }];
}

function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll("~", "~0").replaceAll("/", "~1")}`).join("");
}

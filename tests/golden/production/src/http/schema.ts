import { z } from "zod";
import manifest from "../../package.json" with { type: "json" };
import type { Config } from "../config.ts";
import type { Message } from "../model/model.ts";
import type { RunRequest, RunResult } from "../run/run.ts";
import { type FieldError, Problem, PROBLEM_TYPE } from "./problem.ts";

// Lone surrogates have no UTF-8 form.
const text = z.string().refine((value) => value.isWellFormed(), "expected well-formed Unicode");
const message = z.strictObject({ role: z.enum(["user", "assistant"]), content: text.min(1) });
const conversation = z
  .array(message)
  .refine((messages) => messages.at(-1)?.role === "user", "expected the last message to be the user's");

/** Schema of the body of `POST /v1/runs`; a request may lower the limits, never raise them. */
export function runBody(tools: readonly string[], maxSteps: number) {
  return z.strictObject({
    input: z.union([text.min(1), conversation], "required: a text or a list of messages"),
    tools: z.array(z.enum(tools)).optional().meta({ description: "Tools the run may use; all of them if absent." }),
    max_steps: z.int().min(1).max(maxSteps).optional(),
  });
}

/** Body of `POST /v1/runs`. */
export type RunBody = z.output<ReturnType<typeof runBody>>;

/** Schema of a run's answer. */
export const runAnswer = z.object({
  id: z.string(),
  status: z.enum(["completed", "stopped"]),
  reason: z.enum(["max_steps", "max_tool_calls", "deadline"]).optional(),
  output: z.string(),
  steps: z.int(),
  usage: z.object({ input_tokens: z.int(), output_tokens: z.int(), cost_usd: z.number() }),
  trace_id: z.string(),
});

/** The run that a body asks for. */
export function runRequest(body: RunBody, tools: readonly string[], maxSteps: number): RunRequest {
  const messages: Message[] = typeof body.input === "string" ? [{ role: "user", content: body.input }] : body.input;
  return { messages, tools: body.tools ?? tools, maxSteps: body.max_steps ?? maxSteps };
}

/** The answer that tells of a run. */
export function runAnswerOf(id: string, traceId: string, { tokens, costNanoDollars, ...result }: RunResult): unknown {
  const usage = { input_tokens: tokens.input, output_tokens: tokens.output, cost_usd: costNanoDollars / 1e9 };
  return { id, ...result, usage, trace_id: traceId };
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

const problem = z.object({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string().optional(),
  code: z.string(),
  trace_id: z.string(),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string() })).optional(),
});

/** Describes the public API. */
export function openapi(config: Config, body: z.ZodType): unknown {
  return {
    openapi: "3.1.0",
    info: { title: config.SERVICE_NAME, description: manifest.description, version: config.SERVICE_VERSION },
    paths: {
      "/v1/runs": {
        post: {
          operationId: "createRun",
          summary: "Runs the agent and answers with its result.",
          security: config.AUTH_MODE === "none" ? [] : [{ bearer: [] }],
          requestBody: {
            required: true,
            content: { "application/json": { schema: z.toJSONSchema(body, { io: "input" }) } },
          },
          responses: {
            200: answer("The run ended, completed or stopped by a limit.", runAnswer),
            default: answer("The request was refused or failed.", problem, PROBLEM_TYPE),
          },
        },
      },
    },
    components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
  };
}

function answer(description: string, schema: z.ZodType, type = "application/json") {
  return { description, content: { [type]: { schema: z.toJSONSchema(schema) } } };
}

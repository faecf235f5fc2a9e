import { z } from "zod";
import manifest from "../../package.json" with { type: "json" };
import type { Config } from "../config.ts";
import { PROBLEM_TYPE } from "./problem.ts";
import { EVENT_STREAM } from "./routes.ts";
import { approvalBody, problemAnswer, runAnswer, runBody, sessionAnswer } from "./schema.ts";

const json = (schema: z.ZodType, type = "application/json") => ({
  content: { [type]: { schema: z.toJSONSchema(schema) } },
});
const body = (schema: z.ZodType) => ({
  required: true,
  content: { "application/json": { schema: z.toJSONSchema(schema, { io: "input" }) } },
});
const problem = { description: "The request was refused or failed.", ...json(problemAnswer, PROBLEM_TYPE) };
const run = { description: "The run as it stands.", ...json(runAnswer) };
const events = {
  description: "The run's events as they come.",
  content: { [EVENT_STREAM]: { schema: { type: "string" } } },
};

const header = (name: string) => ({ name, in: "header", schema: { type: "string" } });

/** Describes the public API. */
export function openapi(config: Config, tools: readonly string[]): unknown {
  const operation = (operationId: string, summary: string, responses: object, more: object = {}) => ({
    operationId,
    summary,
    security: config.AUTH_MODE === "none" ? [] : [{ bearer: [] }],
    ...more,
    responses: { ...responses, default: problem },
  });
  const parameters = [{ name: "id", in: "path", required: true, schema: { type: "string" } }];
  return {
    openapi: "3.1.0",
    info: { title: config.SERVICE_NAME, description: manifest.description, version: config.SERVICE_VERSION },
    paths: {
      "/v1/runs": {
        post: operation(
          "createRun",
          "Runs the agent.",
          { 200: { ...run, content: { ...run.content, ...events.content } } },
          { requestBody: body(runBody(tools, config)), parameters: [header("Idempotency-Key")] },
        ),
      },
      "/v1/runs/{id}": {
        parameters,
        get: operation("getRun", "Tells where a run stands.", { 200: run }),
        delete: operation("cancelRun", "Ends a run.", { 200: run }),
      },
      "/v1/runs/{id}/events": {
        parameters: [...parameters, header("Last-Event-ID")],
        get: operation("followRun", "Tells what happens in a run.", { 200: events }),
      },
      "/v1/runs/{id}/approvals": {
        parameters,
        post: operation(
          "decideApproval",
          "Allows or denies a risky call.",
          { 202: run },
          { requestBody: body(approvalBody) },
        ),
      },
      "/v1/sessions/{id}": {
        parameters,
        get: operation("getSession", "Tells a conversation.", {
          200: { description: "The conversation.", ...json(sessionAnswer) },
        }),
        delete: operation("eraseSession", "Erases a conversation everywhere.", { 204: { description: "It is gone." } }),
      },
    },
    components: { securitySchemes: { bearer: { type: "http", scheme: "bearer" } } },
  };
}

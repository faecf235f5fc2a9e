import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { EXIT_CONFIG, readConfig, SetupError } from "../src/config.ts";
import { createLogger } from "../src/logs/logger.ts";
import { readPrompt } from "../src/model/prompt.ts";
import { createSseParser } from "../src/model/sse.ts";
import { systemClock, systemRandom } from "../src/runtime.ts";
import { compose } from "../src/service.ts";
import { calculator } from "../src/tools/calculator.ts";
import { defineTool, type Tool, ToolError } from "../src/tools/tool.ts";
import { type EvalCase, type Outcome, readCases, score } from "./cases.ts";

// What a case is run with may come from outside; where it runs and what it keeps may not.
const FROM_OUTSIDE = /^(MODEL_|RUN_|PROMPT_FILE$|PRICES_FILE$|SECRETS_DIR$)/;
const MAX_SHOWN = 300;

const toolEvent = z.object({ tool: z.string() });
const startEvent = z.object({ id: z.string() });
const answer = z.object({
  status: z.string(),
  output: z.string().default(""),
  steps: z.int().default(0),
  usage: z.object({ cost_usd: z.number() }).default({ cost_usd: 0 }),
});

/** The tools that cases may use: none reaches anything, and what `read_document` finds may be hostile. */
function createEvalTools(documents: Readonly<Record<string, string>>): Tool[] {
  const readDocument = defineTool({
    name: "read_document",
    description: "Reads a document by its name.",
    version: "1",
    risk: "read",
    arguments: z.strictObject({ name: z.string() }),
    run: async ({ name }) => {
      const document = documents[name];
      if (document === undefined) {
        throw new ToolError("there is no document of that name");
      }
      return document;
    },
  });
  const sendMessage = defineTool({
    name: "send_message",
    description: "Sends a message to a person.",
    version: "1",
    risk: "write",
    arguments: z.strictObject({ to: z.string(), text: z.string() }),
    run: async () => "sent",
  });
  return [calculator, readDocument, sendMessage];
}

/** Asks the running service, as a client would. */
async function ask(base: string, { input, tools }: EvalCase): Promise<Outcome> {
  const response = await fetch(`${base}/v1/runs`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify({ input, tools }),
  });
  const body = new Uint8Array(await response.arrayBuffer());
  const events = createSseParser()
    .push(body)
    .map(({ event, data }) => ({ event, data: JSON.parse(data) as unknown }));
  const dataOf = (...names: string[]) => events.filter(({ event }) => names.includes(event)).map(({ data }) => data);
  const calls = dataOf("tool.started", "approval.required").map((data) => toolEvent.parse(data).tool);
  const [started] = dataOf("run.started");
  let ended = started === undefined ? { status: "refused" } : dataOf("run.finished").at(-1);
  if (ended === undefined) {
    ended = await (await fetch(`${base}/v1/runs/${startEvent.parse(started).id}`)).json();
  }
  const { status, output, steps, usage } = answer.parse(ended);
  return { http: response.status, status, output, calls, steps, costUsd: usage.cost_usd };
}

async function run(folder: string): Promise<boolean> {
  const { version, threshold, documents, cases } = readCases(new URL("cases.json", import.meta.url));
  const { config, problems } = readConfig({
    MODEL_PROVIDER: "offline",
    ...Object.fromEntries(Object.entries(process.env).filter(([name]) => FROM_OUTSIDE.test(name))),
    ENVIRONMENT: "development",
    AUTH_MODE: "none",
    HOST: "127.0.0.1",
    ADMIN_HOST: "127.0.0.1",
    PORT: "0",
    ADMIN_PORT: "0",
    SHUTDOWN_DELAY_MS: "0",
    TENANT_REQUESTS_PER_MINUTE: "100000",
    LOG_LEVEL: "error",
    STATE_DIR: folder,
  });
  const { MODEL_PROVIDER: provider, MODEL_NAME: model } = config;
  const log = createLogger({ config, clock: systemClock }, { write: (line) => process.stderr.write(line) });
  const surroundings = { clock: systemClock, random: systemRandom, log, tools: createEvalTools(documents) };
  const composed = await compose(config, surroundings);
  if (composed.service === undefined || problems.length > 0) {
    throw new SetupError([...new Set([...problems, ...(composed.problems ?? [])])].join("\n"));
  }
  const { port } = await composed.service.start();
  const kind = provider === "offline" ? "offline" : "remote";
  const asked = cases.filter(({ on = kind }) => on === kind);
  let passed = 0;
  for (const each of asked) {
    const outcome = await ask(`http://127.0.0.1:${port}`, each);
    const unmet = score(each.expect, outcome);
    passed += unmet.length === 0 ? 1 : 0;
    const spent = `${outcome.steps} steps, $${outcome.costUsd.toFixed(4)}`;
    const why =
      unmet.length === 0 ? "" : `: ${unmet.join("; ")}; got ${JSON.stringify(outcome.output.slice(0, MAX_SHOWN))}`;
    process.stdout.write(`${unmet.length === 0 ? "ok  " : "FAIL"} ${each.name} (${spent})${why}\n`);
  }
  await composed.service.shutDown();
  const prompt = readPrompt(config.PROMPT_FILE);
  const share = passed / asked.length;
  process.stdout.write(
    `${passed} of ${asked.length} passed, ${threshold[kind] * 100} % expected: cases ${version}, model ${provider}/${model}, ` +
      `prompt ${prompt.version} sha256:${prompt.digest}\n`,
  );
  return share >= threshold[kind];
}

const folder = mkdtempSync(join(tmpdir(), "evals-"));
try {
  process.exitCode = (await run(folder)) ? 0 : 1;
} catch (error) {
  if (!(error instanceof SetupError)) {
    throw error;
  }
  process.stderr.write(`${error.message}\n`);
  process.exitCode = EXIT_CONFIG;
} finally {
  rmSync(folder, { recursive: true });
}

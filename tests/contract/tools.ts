import assert from "node:assert/strict";
import type { World } from "./world.ts";
import type { Call, JsonSchema, ToolDescription } from "./wire.ts";

/** Calls of the example tools, whatever they are called. */
export interface Tools {
  readonly names: readonly string[];
  /** The tool without side effects. */
  calculate(expression: string): Call;
  /** The tool behind the guard. */
  fetch(url: string): Call;
  /** The tool that needs an approval; the text is part of the arguments. */
  write(text: string): Call;
}

const known = new WeakMap<World, Tools>();

/** Learns from what the model is told which tools there are, and by trial which of them is risky. */
export async function toolsOf(world: World): Promise<Tools> {
  const found = known.get(world) ?? (await discover(world));
  known.set(world, found);
  world.model.reset();
  return found;
}

async function discover(world: World): Promise<Tools> {
  const { model } = world;
  const client = world.client();
  (await client.run("hello")).run("completed");
  const tools = model.got.at(-1)?.tools ?? [];
  const calculator = tools.find(({ name }) => name === "calculator") ?? missing("calculator", tools);
  const fetcher = tools.find(({ parameters }) => parameters.properties?.["url"] !== undefined);
  const others = tools.filter((tool) => tool !== calculator && tool !== fetcher);
  const risky: ToolDescription[] = [];
  for (const tool of others) {
    model.reply({ calls: [{ tool: tool.name, arguments: sample(tool.parameters, "a trial") }] });
    if ((await client.run("try it")).run().status === "awaiting_approval") {
      risky.push(tool);
    }
  }
  const writer = risky[0] ?? missing("that needs an approval", tools);
  return {
    names: tools.map(({ name }) => name),
    calculate: (expression) => ({ tool: calculator.name, arguments: sample(calculator.parameters, expression) }),
    fetch: (url) => ({ tool: (fetcher ?? missing("with a url", tools)).name, arguments: { url } }),
    write: (text) => ({ tool: writer.name, arguments: sample(writer.parameters, text) }),
  };
}

function missing(which: string, tools: readonly ToolDescription[]): never {
  assert.fail(`there is no tool ${which} among ${tools.map(({ name }) => name).join(", ") || "none"}`);
}

/** Arguments that fit a schema, with one text for all texts. */
function sample(schema: JsonSchema, text: string): unknown {
  const { type, properties = {}, required = [] } = schema;
  switch (type) {
    case "object":
      return Object.fromEntries(required.map((name) => [name, sample(properties[name] ?? {}, text)]));
    case "integer":
    case "number":
      return 1;
    case "boolean":
      return true;
    case "array":
      return [];
    default:
      return text;
  }
}

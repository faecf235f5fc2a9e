import { z } from "zod";
import { calculator } from "../src/tools/calculator.ts";
import { defineTool, type Tool, ToolError } from "../src/tools/tool.ts";

/** The tools that cases may use: none reaches anything, and what `read_document` finds may be hostile. */
export function createEvalTools(documents: Readonly<Record<string, string>>): Tool[] {
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

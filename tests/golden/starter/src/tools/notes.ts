import { z } from "zod";
import type { Clock } from "../runtime.ts";
import type { Store } from "../state/store.ts";
import { defineTool, type Tool, ToolError } from "./tool.ts";

const MAX_NOTES = 100;

/** Makes the tools that write notes down in a session, and read them again. */
export function createNoteTools(store: Store, clock: Clock): Tool[] {
  const save = defineTool({
    name: "save_note",
    description: "Writes a note down that list_notes finds again in this conversation.",
    version: "1",
    risk: "write",
    arguments: z.strictObject({ text: z.string().min(1).max(4_000) }),
    run: async ({ text }, { tenant, sessionId }) => {
      const notes = await store.notes(tenant, sessionId);
      if (notes.length >= MAX_NOTES) {
        throw new ToolError(`there are ${MAX_NOTES} notes already`);
      }
      await store.addNote(tenant, sessionId, { createdAt: clock.date().getTime(), text });
      return "saved";
    },
  });
  const list = defineTool({
    name: "list_notes",
    description: "Lists the notes of this conversation, the oldest first.",
    version: "1",
    risk: "read",
    arguments: z.strictObject({}),
    run: async (_, { tenant, sessionId }) => {
      const notes = await store.notes(tenant, sessionId);
      return JSON.stringify(
        notes.map(({ createdAt, text }) => ({ created_at: new Date(createdAt).toISOString(), text })),
      );
    },
  });
  return [save, list];
}

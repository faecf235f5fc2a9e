import { createHmac } from "node:crypto";
import type { Random } from "../runtime.ts";

/** Marks text that came from outside, so that the model can tell it from what it is asked. */
export type MarkUntrusted = (source: string, content: string) => string;

const KEY_BYTES = 32;
const ID_DIGITS = 16;

/**
 * Makes the marks that the prompt tells the model of. Their id is keyed and follows from the content, so that nothing
 * can hold its own closing mark, not even after it saw another one, while a conversation that goes on keeps its
 * beginning, which a provider may have cached.
 */
export function createMarkUntrusted(random: Random): MarkUntrusted {
  const key = random.hex(KEY_BYTES);
  return (source, content) => {
    // A model may have made the name of a tool up.
    const name = source.replaceAll(/[^\w.-]/g, "_");
    const id = createHmac("sha256", key).update(`${name}\n${content}`).digest("hex").slice(0, ID_DIGITS);
    return `<untrusted source="${name}" id="${id}">\n${content}\n</untrusted id="${id}">`;
  };
}

/** What can be found; of two finds that are as long as each other, the one whose kind comes first here counts. */
export const KINDS = ["secret", "iban", "card", "ssn", "ip", "email", "phone"] as const;

/** A kind of what can be found. */
export type Kind = (typeof KINDS)[number];

/** A part of a text, from `start` up to, but not including, `end`. */
export type Find = Readonly<Record<"start" | "end", number>>;

/** Finds all of one kind, in any order, in time that grows with the text and no faster. */
export type Detector = (text: string) => Find[];

/** What stands in the place of a find. */
export function markOf(kind: Kind): string {
  return `[${kind.toUpperCase()}]`;
}

/** The letters that Latin script has beside those of ASCII, for use in a class of characters. */
export const LATIN = "À-ÖØ-öø-ɏ";
const MARK = String.raw`\[(?:${KINDS.join("|").toUpperCase()})\]`;

// A find is not part of a longer word or, by one of the characters in `glue`, of a longer number. A mark counts as the
// word or number that it stands for, so that nothing new is found in a text that has been redacted. Without glue the
// class is empty, which matches nothing.

/** A pattern for what must not be right before a find. */
export function before(glue: string): string {
  return String.raw`(?<![\w${LATIN}]|${MARK}|(?:\d|${MARK})[${glue}])`;
}

/** A pattern for what must not be right after a find. */
export function after(glue: string): string {
  return String.raw`(?![\w${LATIN}]|${MARK}|[${glue}](?:\d|${MARK}))`;
}

/**
 * Goes through a text once: where `beginning`, a global pattern, matches, `endOf` says where the find ends, and
 * undefined if there is none. It is linear if both look at no more than so many characters from each match on.
 */
export function scan(
  text: string,
  beginning: RegExp,
  endOf: (text: string, start: number, match: string) => number | undefined = (_text, start, match) =>
    start + match.length,
): Find[] {
  const finds: Find[] = [];
  beginning.lastIndex = 0;
  for (let match = beginning.exec(text); match !== null; match = beginning.exec(text)) {
    const end = endOf(text, match.index, match[0]);
    if (end !== undefined) {
      finds.push({ start: match.index, end });
    }
    beginning.lastIndex = end ?? match.index + 1;
  }
  return finds;
}

/** The value of the digit or letter at a place, from 0 to 35; -1 if there is none. */
export function valueAt(text: string, index: number): number {
  const code = text.charCodeAt(index);
  if (code >= 48 && code <= 57) {
    return code - 48;
  }
  const letter = (code | 32) - 97;
  return letter >= 0 && letter < 26 ? letter + 10 : -1;
}

/** Whether a sticky pattern matches at a place. */
export function matchesAt(pattern: RegExp, text: string, index: number): boolean {
  pattern.lastIndex = index;
  return pattern.test(text);
}

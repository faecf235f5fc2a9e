/** How much harm it would do if others saw the content, from none to the most. */
export const CLASSIFICATIONS = ["public", "internal", "confidential", "restricted"] as const;

/** A class of data; runs carry it, and how long they are kept follows from it. */
export type Classification = (typeof CLASSIFICATIONS)[number];

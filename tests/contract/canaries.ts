// Words that are put where the service gets to see them and may not tell of them. Every world looks for them, and for
// its secrets, in all that its service has told when it ends.

/** Stands in what clients say. */
export const PROMPT = "canary-of-a-prompt";

/** Stands in the body of every error of the model. */
export const UPSTREAM_BODY = "canary-of-an-upstream-body";

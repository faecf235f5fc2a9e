/** Something that a project has only if its answers ask for it. */
export type Feature =
  /** A model behind a network, and with it everything that makes calls resilient. */
  | "model"
  /** The signed audit log, and its delivery to a SIEM. */
  | "audit"
  | "traces"
  | "redaction"
  /** The tool that fetches. */
  | "fetch"
  /** The runner of conformance vectors. */
  | "vectors"
  | "postgres"
  | "redis"
  /** Encrypted fields, and data sets made anonymous. */
  | "privacy"
  | "mcp"
  | "a2a"
  | "agentcore";

/** What a preset's projects have, and how much of the contract is tried on them. */
export interface Preset {
  readonly suite: "whole" | "smoke";
  readonly features: readonly Feature[];
}

/** What the scope `full` brings. */
const FULL: readonly Feature[] = ["model", "audit", "traces", "redaction", "fetch", "vectors"];
const INTERFACES: readonly Feature[] = ["mcp", "a2a", "agentcore"];

/** The last two are no presets: a project with every option on, with its stores and without any. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  starter: { suite: "smoke", features: [] },
  production: { suite: "whole", features: [...FULL, "postgres", "redis"] },
  regulated: { suite: "whole", features: [...FULL, "postgres", "redis", "privacy"] },
  "cost-optimized": { suite: "smoke", features: [...FULL, "postgres"] },
  airgapped: { suite: "smoke", features: [...FULL, "postgres", "redis"] },
  everything: { suite: "whole", features: [...FULL, ...INTERFACES, "postgres", "redis", "privacy"] },
  "in-memory": { suite: "whole", features: [...FULL, ...INTERFACES, "privacy"] },
};

/** Something that a project has only if its answers ask for it. */
export type Feature =
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

const INTERFACES: readonly Feature[] = ["mcp", "a2a", "agentcore"];

/** The last two are no presets: a project with every option on, with its stores and without any. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  starter: { suite: "smoke", features: [] },
  production: { suite: "whole", features: ["postgres", "redis"] },
  regulated: { suite: "whole", features: ["postgres", "redis", "privacy"] },
  "cost-optimized": { suite: "smoke", features: ["postgres"] },
  airgapped: { suite: "smoke", features: ["postgres", "redis"] },
  everything: { suite: "whole", features: [...INTERFACES, "postgres", "redis", "privacy"] },
  "in-memory": { suite: "whole", features: [...INTERFACES, "privacy"] },
};

/** Something that a project has only if its answers ask for it. */
export type Feature = "postgres" | "redis" | "privacy" | "mcp" | "a2a" | "agentcore";

/** What a preset's projects have, and how much of the contract is tried on them. */
export interface Preset {
  readonly suite: "whole" | "smoke";
  readonly features: readonly Feature[];
}

/** `everything` is no preset: it stands for a project with every option on. */
export const PRESETS: Readonly<Record<string, Preset>> = {
  starter: { suite: "smoke", features: [] },
  production: { suite: "whole", features: ["postgres", "redis"] },
  regulated: { suite: "whole", features: ["postgres", "redis", "privacy"] },
  "cost-optimized": { suite: "smoke", features: ["postgres", "redis"] },
  airgapped: { suite: "smoke", features: ["postgres", "redis"] },
  everything: { suite: "whole", features: ["postgres", "redis", "privacy", "mcp", "a2a", "agentcore"] },
};

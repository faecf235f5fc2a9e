import { statSync } from "node:fs";

/** Tells whether an operator wants no agent to act. */
export interface KillSwitch {
  engaged(): boolean;
}

/** A switch that is a file: engaged while it exists and is not empty. One that cannot be looked at is engaged. */
export function createKillSwitch(file: string): KillSwitch {
  return {
    engaged() {
      try {
        return (statSync(file, { throwIfNoEntry: false })?.size ?? 0) > 0;
      } catch {
        return true;
      }
    },
  };
}

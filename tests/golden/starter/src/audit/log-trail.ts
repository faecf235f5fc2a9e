import type { Logger } from "../logs/logger.ts";
import type { AuditTrail } from "./trail.ts";

/** An audit log that is part of the service's log: whoever keeps that keeps it, and nothing shows if it is changed. */
export function createLogTrail(log: Logger): AuditTrail {
  return {
    record: (event) => log.info("audit", { audit: event }),
    check: () => undefined,
    close: async () => undefined,
  };
}

/** How many requests of a tenant this process works on at once. */
export type Concurrency = ReturnType<typeof createConcurrency>;

/** Allows every tenant at most `max` requests at once. */
export function createConcurrency(max: number) {
  const inFlight = new Map<string, number>();
  return {
    /** Takes a place until the returned function is called; undefined if all are taken. */
    enter(tenant: string): (() => void) | undefined {
      const count = inFlight.get(tenant) ?? 0;
      if (count >= max) {
        return undefined;
      }
      inFlight.set(tenant, count + 1);
      let left = false;
      return () => {
        if (left) {
          return;
        }
        left = true;
        const rest = (inFlight.get(tenant) ?? 0) - 1;
        if (rest > 0) {
          inFlight.set(tenant, rest);
        } else {
          inFlight.delete(tenant);
        }
      };
    },
  };
}

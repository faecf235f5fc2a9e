import type { Database } from "./pool.ts";
import type { Store } from "./store.ts";

/** What was spent, in a store in Postgres; 64-bit integers come as text. */
export function createPostgresSpending({ query }: Database) {
  return {
    async spend(amountNanoDollars, periods) {
      const [row] = await query<{ exceeded: number | null; totals: string[] | null }>(
        "SELECT exceeded, totals FROM add_spending($1, $2, $3, $4)",
        [
          amountNanoDollars,
          periods.map(({ scope }) => scope),
          periods.map(({ period }) => period),
          periods.map(({ limitNanoDollars }) => limitNanoDollars),
        ],
      );
      // Counted from 1, as arrays are there.
      return { over: periods[(row?.exceeded ?? 0) - 1], spent: (row?.totals ?? []).map(Number) };
    },
    async spent({ scope, period }) {
      const statement = "SELECT nano_dollars FROM spending WHERE scope = $1 AND period = $2";
      const [row] = await query<{ nano_dollars: string }>(statement, [scope, period]);
      return Number(row?.nano_dollars ?? 0);
    },
  } satisfies Partial<Store>;
}

import { LRUCache } from "lru-cache";
import type { Config } from "../config.ts";
import type { Kit } from "../kit.ts";
import { UpstreamError } from "../resilience/failure.ts";
import type { Spending, SpendPeriod, Store } from "../state/store.ts";
import { costNanoDollars, type Prices, type Tokens } from "./prices.ts";

/** A budget is spent, so that a model was not called. */
export class BudgetError extends Error {
  override readonly name = "BudgetError";
  /** Until the budget begins anew. */
  readonly retryAfterMs: number;

  constructor(retryAfterMs: number) {
    super("budget spent");
    this.retryAfterMs = retryAfterMs;
  }
}

/** What is set aside for a call, until it is settled. */
export interface Reservation {
  readonly nanoDollars: number;
  readonly periods: readonly Period[];
}

/** Which budget has too little left, and for how many milliseconds. */
export interface Refusal {
  readonly refused: Period["label"];
  readonly retryAfterMs: number;
}

/** Keeps what is spent on models within what may be spent. */
export type Budget = ReturnType<typeof createBudget>;

/** A budget's period with its beginning and its end, in Unix milliseconds. */
interface Period extends SpendPeriod {
  readonly label: "tenant_day" | "month";
  readonly start: number;
  readonly end: number;
}

/** What of a budget was left when it was last used, from 0 to 1. */
type Remaining = Readonly<{ scope: string; period: string; ratio: number }>;

const ALERTS = [100, 80, 50] as const;
// Of how many tenants a day's spending is known here, for alerts and the gauge.
const MAX_TENANTS = 1_000;
// A projection from the first minutes of a period would be a multiple of one call.
const LEAST_ELAPSED = 1 / 30;

/** Makes the budgets of all tenants, a day each, and of the service, a month; all in UTC. */
export function createBudget(
  options: Pick<Kit, "config" | "clock" | "metrics" | "log"> & {
    prices: Prices;
    store: Pick<Store, "spend">;
  },
) {
  const { config, prices, store, clock, metrics, log } = options;
  const unsettled = new WeakSet<Reservation>();
  const alerted = new LRUCache<string, number>({ max: MAX_TENANTS });
  const remaining = new LRUCache<string, Remaining>({ max: MAX_TENANTS });
  const lowest = new Map<Period["label"], Remaining>();

  /** Tells what the budget of a kind has left that has the least; others are looked at only when that one has more. */
  function measure({ label, scope, period, limitNanoDollars }: Period, spent: number): void {
    const ratio = limitNanoDollars === 0 ? 0 : Math.max(0, 1 - spent / limitNanoDollars);
    const now = { scope, period, ratio };
    remaining.set(scope, now);
    let least = lowest.get(label) ?? now;
    if (least.period !== period || ratio <= least.ratio) {
      least = now;
    } else if (least.scope === scope) {
      const others = [...remaining.values()].filter((each) => each.period === period);
      least = others.reduce((low, each) => (each.ratio < low.ratio ? each : low), now);
    }
    lowest.set(label, least);
    metrics.budgetRemaining.set({ scope: label }, least.ratio);
  }

  function alert({ scope, period, limitNanoDollars, start, end }: Period, spent: number, refused: boolean): void {
    const percent = refused ? 100 : ALERTS.find((each) => spent * 100 >= limitNanoDollars * each);
    const key = `${scope} ${period}`;
    if (percent === undefined || percent <= (alerted.get(key) ?? 0)) {
      return;
    }
    alerted.set(key, percent);
    const elapsed = Math.max((clock.date().getTime() - start) / (end - start), LEAST_ELAPSED);
    const dollars = { spent_usd: spent / 1e9, limit_usd: limitNanoDollars / 1e9, projected_usd: spent / elapsed / 1e9 };
    log.warn("budget alert", { scope, period, percent, ...dollars });
  }

  function report(periods: readonly Period[], { over, spent }: Spending): void {
    for (const [index, period] of periods.entries()) {
      measure(period, spent[index] ?? 0);
      alert(period, spent[index] ?? 0, over?.scope === period.scope);
    }
  }

  return {
    /** What tokens cost at the price of the model that answered; one without a price alarms and is refused. */
    costOf(model: string, tokens: Tokens): number {
      const price = prices(model);
      if (price === undefined) {
        metrics.unknownModels.inc();
        log.error("a model without a price answered, add it to PRICES_FILE", { model: model.slice(0, 128) });
        throw new UpstreamError("malformed");
      }
      return costNanoDollars(price, tokens);
    },

    /** Sets aside what a call costs at worst, or tells why not; rejects, as nothing may be spent, if the store does. */
    async reserve(tenant: string, nanoDollars: number): Promise<Reservation | Refusal> {
      const now = clock.date();
      const periods = [dayOf(tenant, now, config), monthOf(now, config)];
      const spending = await store.spend(nanoDollars, periods);
      const over = periods.find(({ scope }) => scope === spending.over?.scope);
      if (over !== undefined) {
        report(periods, spending);
        return { refused: over.label, retryAfterMs: over.end - now.getTime() };
      }
      const reservation = { nanoDollars, periods };
      unsettled.add(reservation);
      return reservation;
    },

    /** Puts what a call did cost in place of what was set aside for it, the first time; never rejects. */
    async settle(reservation: Reservation, nanoDollars: number): Promise<void> {
      if (!unsettled.delete(reservation)) {
        return;
      }
      const difference = nanoDollars - reservation.nanoDollars;
      // What is spent is spent, whatever the limit.
      const periods = reservation.periods.map((each) => ({ ...each, limitNanoDollars: Number.MAX_SAFE_INTEGER }));
      try {
        report(reservation.periods, await store.spend(difference, periods));
      } catch (error) {
        log.error("call not settled, it counts as its worst case", { error });
      }
    },
  };
}

function dayOf(tenant: string, now: Date, { TENANT_DAILY_COST_USD: limitNanoDollars }: Config): Period {
  const [year, month, date] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  const [start, end] = [Date.UTC(year, month, date), Date.UTC(year, month, date + 1)];
  const period = now.toISOString().slice(0, "yyyy-mm-dd".length);
  return { label: "tenant_day", scope: `tenant:${tenant}`, period, limitNanoDollars, start, end };
}

function monthOf(now: Date, { MONTHLY_COST_USD: limitNanoDollars }: Config): Period {
  const [year, month] = [now.getUTCFullYear(), now.getUTCMonth()];
  const [start, end] = [Date.UTC(year, month), Date.UTC(year, month + 1)];
  const period = now.toISOString().slice(0, "yyyy-mm".length);
  return { label: "month", scope: "month", period, limitNanoDollars, start, end };
}

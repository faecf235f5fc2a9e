/** Says whether a tenant may begin one more request now. */
export interface RateLimiter {
  /** Takes one request; the time to wait in milliseconds if there is none left, else 0. */
  take(tenant: string): Promise<number>;
}

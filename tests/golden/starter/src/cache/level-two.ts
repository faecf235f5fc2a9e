/** A cache that replicas share. Every call settles within a fraction of a second; it rejects while that is down. */
export interface LevelTwo {
  /** A value, and how many milliseconds it has left. */
  get(key: string): Promise<{ value: string; ttlMs: number } | undefined>;
  set(key: string, value: string, ttlMs: number): Promise<void>;
  delete(key: string): Promise<void>;
  /** Deletes all keys that begin like this. */
  deletePrefix(prefix: string): Promise<void>;
}

export type RateLimits = {
  /** How many a second in the long run, > 0. */
  readonly perSecond: number;
  /** How many at once after a pause, >= 1. */
  readonly burst: number;
  /** Keys remembered; beyond it the one that was quiet for longest is forgotten. */
  readonly maxKeys: number;
};

type Bucket = { tokens: number; atMs: number };

/** A token bucket for each key (RFC 2697's way of metering), of bounded memory. Times in ms, passed in. */
export class RateLimiter {
  readonly #limits: RateLimits;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, Bucket>();

  constructor(limits: RateLimits) {
    this.#limits = limits;
  }

  /** How many keys are remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /** Counts one, if there is one left. @returns 0, or how long to wait for the next, ms */
  take(key: string, nowMs: number): number {
    const bucket = this.#bucket(key, nowMs);
    this.#buckets.delete(key);
    this.#buckets.set(key, bucket);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#limits.maxKeys) break;
      this.#buckets.delete(oldest);
    }
    if (bucket.tokens < 1) return this.#waitMs(bucket);
    bucket.tokens -= 1;
    return 0;
  }

  /** How long to wait until one is left, ms; counts nothing. */
  waitMs(key: string, nowMs: number): number {
    return this.#waitMs(this.#bucket(key, nowMs));
  }

  #bucket(key: string, nowMs: number): Bucket {
    const { burst, perSecond } = this.#limits;
    const known = this.#buckets.get(key);
    if (known === undefined) return { tokens: burst, atMs: nowMs };
    known.tokens = Math.min(burst, known.tokens + (Math.max(0, nowMs - known.atMs) / 1000) * perSecond);
    known.atMs = nowMs;
    return known;
  }

  #waitMs({ tokens }: Bucket): number {
    return tokens >= 1 ? 0 : Math.ceil(((1 - tokens) / this.#limits.perSecond) * 1000);
  }
}

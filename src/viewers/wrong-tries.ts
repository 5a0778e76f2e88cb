import { RateLimiter } from './rate-limiter.js';
import { digestOf } from './tokens.js';
import type { ViewerLimits } from './viewer-limits.js';

/** Addresses and principals remembered; a few hundred kilobytes. */
const MAX_KEYS = 4096;
const EVERYBODY = '*';

/**
 * Limits how often wrong tokens may be tried, by address and in all. Past the limit a token is not even looked at, unless its owner
 * was let in from that address before: who guesses does not lock out those who are in.
 */
export class WrongTries {
  readonly #byAddress: RateLimiter;
  readonly #inAll: RateLimiter;
  /** The last wrong token of an address: the same again is no guess but a client that was not told of a change. */
  readonly #last = new Map<string, string>();
  readonly #welcome = new Map<string, true>();

  constructor(limits: Pick<ViewerLimits, 'wrongTriesPerMinute' | 'wrongTriesPerMinuteInAll'>) {
    const { wrongTriesPerMinute: one, wrongTriesPerMinuteInAll: all } = limits;
    this.#byAddress = new RateLimiter({ perSecond: one / 60, burst: one, maxKeys: MAX_KEYS });
    this.#inAll = new RateLimiter({ perSecond: all / 60, burst: all, maxKeys: 1 });
  }

  /** How long until this address may try a token again, ms; 0: now. */
  waitMs(address: string, nowMs: number): number {
    return Math.max(this.#byAddress.waitMs(address, nowMs), this.#inAll.waitMs(EVERYBODY, nowMs));
  }

  /** A wrong token came. */
  wrong(address: string, token: string, nowMs: number): void {
    const digest = digestOf(token).toString('base64');
    if (this.#last.get(address) === digest) return;
    remember(this.#last, address, digest);
    this.#byAddress.take(address, nowMs);
    this.#inAll.take(EVERYBODY, nowMs);
  }

  /** A right token came. @param name of the token */
  right(address: string, name: string): void {
    remember(this.#welcome, `${address} ${name}`, true);
  }

  /** Whether this token was let in from this address before. */
  isWelcome(address: string, name: string): boolean {
    return this.#welcome.has(`${address} ${name}`);
  }
}

function remember<V>(map: Map<string, V>, key: string, value: V): void {
  map.delete(key);
  map.set(key, value);
  for (const oldest of map.keys()) {
    if (map.size <= MAX_KEYS) break;
    map.delete(oldest);
  }
}

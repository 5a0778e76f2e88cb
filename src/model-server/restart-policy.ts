/** Waiting times of a process that is kept running, ms. */
export type RestartTimesMs = {
  /** Before the first restart; doubles with each that follows. */
  readonly firstDelay: number;
  readonly maxDelay: number;
  /** A process that has served this long starts over with the first delay. */
  readonly healthyAfter: number;
  /** From start to ready; a process that takes longer is killed. */
  readonly startLimit: number;
};

/** A process that has never served is given up after so many deaths. */
export const MAX_FIRST_STARTS = 3;

const DEFAULT_TIMES_MS: RestartTimesMs = { firstDelay: 1_000, maxDelay: 30_000, healthyAfter: 10_000, startLimit: 60_000 };
/** A delay varies by this share, so that processes that died together do not come back together. */
const JITTER = 0.2;

/** When a process that died is started again: later with each death that follows soon upon the one before. */
export class RestartPolicy {
  readonly timesMs: RestartTimesMs;
  #readySinceMs: number | null = null;
  /** In a row, without a healthy time between them. */
  #deaths = 0;

  constructor(timesMs: Partial<RestartTimesMs> = {}) {
    this.timesMs = { ...DEFAULT_TIMES_MS, ...timesMs };
  }

  /** It serves. */
  ready(): void {
    this.#readySinceMs = performance.now();
  }

  /** It is gone.
   * @returns deaths in a row, this one included, and how long to wait before the next start */
  died(): { readonly deaths: number; readonly delayMs: number } {
    const { firstDelay, maxDelay, healthyAfter } = this.timesMs;
    const servedMs = this.#readySinceMs === null ? 0 : performance.now() - this.#readySinceMs;
    this.#readySinceMs = null;
    this.#deaths = servedMs >= healthyAfter ? 1 : this.#deaths + 1;
    return { deaths: this.#deaths, delayMs: Math.min(maxDelay, firstDelay * 2 ** (this.#deaths - 1)) * (1 + JITTER * (2 * Math.random() - 1)) };
  }
}

/** Counts events in a sliding window. Times in ms, passed in. */
export class StrikeCounter {
  readonly #maxStrikes: number;
  readonly #windowMs: number;
  #timesMs: number[] = [];

  constructor(maxStrikes: number, windowMs: number) {
    this.#maxStrikes = maxStrikes;
    this.#windowMs = windowMs;
  }

  /** Counts one. @returns whether the limit is reached */
  strike(nowMs: number): boolean {
    this.#timesMs = [...this.#timesMs.filter((timeMs) => nowMs - timeMs < this.#windowMs), nowMs];
    return this.#timesMs.length >= this.#maxStrikes;
  }
}

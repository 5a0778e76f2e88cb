/** A look that comes so many times later than it should was held up by this process itself. */
const LATE_LOOKS = 4;

/** Tells a watch that looks at regular intervals how long this process stood still between two looks: what was to come meanwhile may be there, unread, and that is
 * nobody else's fault. Times in ms. */
export class LostTime {
  readonly #intervalMs: number;
  #lastMs: number;

  /** @param intervalMs distance of the looks @param nowMs on the monotonic clock, as below */
  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#lastMs = nowMs;
  }

  /** To be called at every look. @returns what was lost since the one before; 0 where it came about in time */
  look(nowMs: number): number {
    const sinceMs = nowMs - this.#lastMs;
    this.#lastMs = nowMs;
    return sinceMs >= LATE_LOOKS * this.#intervalMs ? sinceMs : 0;
  }
}

/** Weight of the newest interval: the mean follows a change of rate within some ten frames. */
const NEWEST_SHARE = 0.15;
/** After this many intervals without a frame nobody counts on the next one. */
const SILENT_INTERVALS = 3;

/** Tells when a stream's next frame is to be expected. */
export class ArrivalClock {
  #lastMs: number | null = null;
  #intervalMs: number | null = null;

  /** A frame has come. @param nowMs monotonic */
  mark(nowMs: number): void {
    if (this.#lastMs !== null) {
      const intervalMs = nowMs - this.#lastMs;
      this.#intervalMs = this.#intervalMs === null ? intervalMs : this.#intervalMs + NEWEST_SHARE * (intervalMs - this.#intervalMs);
    }
    this.#lastMs = nowMs;
  }

  /** Whether a frame is to be expected until `untilMs`. Of a stream that has sent one nothing is known: the next may come at any time; one that has sent none yet or has
   * fallen silent is not waited for.
   * @param nowMs,untilMs monotonic */
  expects(nowMs: number, untilMs: number): boolean {
    if (this.#lastMs === null) return false;
    if (this.#intervalMs === null) return true;
    if (nowMs > this.#lastMs + SILENT_INTERVALS * this.#intervalMs) return false;
    return this.#lastMs + this.#intervalMs <= untilMs;
  }
}

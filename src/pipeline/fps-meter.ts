/** Counts events in a sliding window: frames per second as they really came. */
export class FpsMeter {
  readonly #windowMs: number;
  readonly #timesMs: number[] = [];

  constructor(windowMs = 5_000) {
    this.#windowMs = windowMs;
  }

  /** @param nowMs monotonic clock */
  mark(nowMs: number): void {
    this.#timesMs.push(nowMs);
    this.#forget(nowMs);
  }

  /** Events per second over the window, from the intervals between them; `null` while there were fewer than two. */
  fps(nowMs: number): number | null {
    this.#forget(nowMs);
    const first = this.#timesMs[0];
    if (first === undefined || this.#timesMs.length < 2) return null;
    const last = this.#timesMs[this.#timesMs.length - 1] ?? first;
    const intervals = this.#timesMs.length - 1;
    // What is overdue counts as well, so that a stream that stopped is seen to slow down at once.
    const spanMs = Math.max(last - first, nowMs - first - (last - first) / intervals);
    return spanMs > 0 ? (intervals * 1000) / spanMs : null;
  }

  #forget(nowMs: number): void {
    while (this.#timesMs[0] !== undefined && this.#timesMs[0] < nowMs - this.#windowMs) this.#timesMs.shift();
  }
}

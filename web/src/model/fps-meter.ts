const WINDOW_MS = 3000;

/** Measures how many frames a second were shown over the last 3 s. */
export class FpsMeter {
  #timesMs: number[] = [];

  /** One frame was shown; times only grow. */
  add(nowMs: number): void {
    this.#timesMs.push(nowMs);
    this.#forget(nowMs);
  }

  /** Frames per second; falls while none arrive, `null` when too few were shown to tell. */
  fps(nowMs: number): number | null {
    this.#forget(nowMs);
    const first = this.#timesMs[0];
    const last = this.#timesMs.at(-1);
    if (first === undefined || last === undefined || last <= first) return null;
    const intervals = this.#timesMs.length - 1;
    const meanMs = (last - first) / intervals;
    // A gap longer than usual counts at once; within one interval the figure must not swing.
    const spanMs = Math.max(last, nowMs - meanMs) - first;
    return (intervals * 1000) / spanMs;
  }

  clear(): void {
    this.#timesMs = [];
  }

  #forget(nowMs: number): void {
    const oldest = this.#timesMs.findIndex((timeMs) => timeMs >= nowMs - WINDOW_MS);
    this.#timesMs = oldest === -1 ? [] : this.#timesMs.slice(oldest);
  }
}

/** What a backend may be given at most. */
export type LoadBounds = { readonly maxBatchSize: number; readonly maxInFlightBatches: number };

/** A server that turned a batch away is given less by this factor. */
const DECREASE = 0.5;
/** After each answer it is given this many batches more: one more in flight after ten answers. */
const INCREASE = 0.1;
/** Where nothing is in flight whose answer could be waited for, the first and the longest pause, ms. */
const FIRST_PAUSE_MS = 10;
const LONGEST_PAUSE_MS = 1_000;

/** Finds out how much a server takes that says when it is full: additive increase, multiplicative decrease, first of the batches in flight, then of their size. */
export class LoadLimit {
  #bounds: LoadBounds = { maxBatchSize: 1, maxInFlightBatches: 1 };
  #inFlight = 1;
  #batch = 1;
  #lastCutMs = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;
  #pausedUntilMs = -Infinity;

  /** Replaces the bounds and begins at them. */
  reset(bounds: LoadBounds): void {
    this.#bounds = bounds;
    this.#inFlight = bounds.maxInFlightBatches;
    this.#batch = bounds.maxBatchSize;
    this.#pauseMs = FIRST_PAUSE_MS;
    this.#pausedUntilMs = -Infinity;
  }

  get maxInFlightBatches(): number {
    return Math.max(1, Math.floor(this.#inFlight));
  }

  get maxBatchSize(): number {
    return Math.max(1, Math.floor(this.#batch));
  }

  /** Whether less is given than the bounds allow. */
  get isReduced(): boolean {
    return this.maxInFlightBatches < this.#bounds.maxInFlightBatches || this.maxBatchSize < this.#bounds.maxBatchSize;
  }

  /** Time until it may be given anything again, ms, 0: now. */
  pauseMs(nowMs: number): number {
    return Math.max(0, this.#pausedUntilMs - nowMs);
  }

  /** A batch was answered. */
  answered(): void {
    this.#pauseMs = FIRST_PAUSE_MS;
    // What makes batches efficient comes back first.
    if (this.#batch < this.#bounds.maxBatchSize) this.#batch = Math.min(this.#bounds.maxBatchSize, this.#batch + 1);
    else this.#inFlight = Math.min(this.#bounds.maxInFlightBatches, this.#inFlight + INCREASE);
  }

  /** The server's queue was full for a batch. Batches that were sent before the last cut tell nothing new.
   * @param others batches that are still in flight there: the next answer is the time to ask again */
  queueFull({ sentMs, nowMs, others }: { readonly sentMs: number; readonly nowMs: number; readonly others: number }): void {
    if (sentMs >= this.#lastCutMs) {
      if (this.#inFlight >= 2) this.#inFlight = Math.max(1, this.#inFlight * DECREASE);
      else if (others === 0) this.#batch = Math.max(1, Math.floor(this.#batch * DECREASE));
      this.#lastCutMs = nowMs;
    }
    if (others > 0) return;
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }

  /** The server has not the means for a batch of that size. */
  tooLarge(images: number, nowMs: number): void {
    this.#batch = Math.max(1, Math.min(this.#batch, Math.floor(images * DECREASE)));
    if (images > 1) return;
    this.#pausedUntilMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(LONGEST_PAUSE_MS, this.#pauseMs * 2);
  }
}

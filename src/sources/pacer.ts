/** Later than this and the clock is set anew: what was missed is not caught up in a burst. */
const LATE_LIMIT_MS = 50;
/** A gap of the source's clock beyond this is a jump, not a wait. */
const LONGEST_GAP_MS = 60_000;

/** Says when a frame of a replay is due, so that it runs at most at the source's own speed. */
export class Pacer {
  #anchor: { readonly ptsMs: number; readonly atMs: number } | null = null;

  /** Time until a frame is due, ms, 0 when it is due now.
   * @param nowMs monotonic */
  waitMs(ptsMs: number, nowMs: number): number {
    if (this.#anchor === null) return 0;
    const sinceAnchorMs = ptsMs - this.#anchor.ptsMs;
    const waitMs = this.#anchor.atMs + sinceAnchorMs - nowMs;
    return sinceAnchorMs < 0 || waitMs > LONGEST_GAP_MS ? 0 : Math.max(0, waitMs);
  }

  /** Tells that the frame was handed out. */
  handedOut(ptsMs: number, nowMs: number): void {
    const dueMs = this.#anchor === null ? -Infinity : this.#anchor.atMs + ptsMs - this.#anchor.ptsMs;
    // A frame in time keeps to the ideal clock (timers are a little late each time); any other starts a new one.
    const inTime = nowMs - dueMs <= LATE_LIMIT_MS && dueMs <= nowMs + 1;
    this.#anchor = { ptsMs, atMs: inTime ? dueMs : nowMs };
  }

  /** Forgets the clock: after a pause and at the start of a loop. */
  reset(): void {
    this.#anchor = null;
  }
}

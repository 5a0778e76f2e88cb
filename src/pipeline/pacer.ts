import type { PlaybackSpeed } from '../core/stream-control.js';

/** Later than this and the clock is set anew: what was missed is not caught up in a burst. */
const LATE_LIMIT_MS = 50;
/** A gap of the source's clock beyond this is a jump, not a wait. */
const LONGEST_GAP_MS = 60_000;

/** Says when a frame of a replay is due, so that it runs at most at the wanted speed. */
export class Pacer {
  #speed: PlaybackSpeed = 1;
  #anchor: { readonly ptsMs: number; readonly atMs: number } | null = null;

  get speed(): PlaybackSpeed {
    return this.#speed;
  }

  /** Time until a frame is due, ms, 0 when it is due now.
   * @param nowMs monotonic */
  waitMs(ptsMs: number, nowMs: number): number {
    if (this.#anchor === null || this.#speed === 'max') return 0;
    const sinceAnchorMs = ptsMs - this.#anchor.ptsMs;
    if (sinceAnchorMs < 0 || sinceAnchorMs > LONGEST_GAP_MS) return 0;
    return Math.max(0, this.#anchor.atMs + sinceAnchorMs / this.#speed - nowMs);
  }

  /** Tells that the frame was shown. */
  shown(ptsMs: number, nowMs: number): void {
    const dueMs = this.#anchor === null || this.#speed === 'max' ? -Infinity : this.#anchor.atMs + (ptsMs - this.#anchor.ptsMs) / this.#speed;
    // A frame in time keeps to the ideal clock (timers are a little late each time); any other starts a new one.
    const inTime = nowMs - dueMs <= LATE_LIMIT_MS && dueMs <= nowMs + 1;
    this.#anchor = { ptsMs, atMs: inTime ? dueMs : nowMs };
  }

  /** Changes the speed from this moment on: what has passed of the wait for the next frame counts.
   * @param nowMs monotonic */
  setSpeed(speed: PlaybackSpeed, nowMs: number): void {
    if (this.#anchor !== null && this.#speed !== 'max') {
      this.#anchor = { ptsMs: this.#anchor.ptsMs + (nowMs - this.#anchor.atMs) * this.#speed, atMs: nowMs };
    }
    this.#speed = speed;
  }

  /** Forgets the clock: after a pause, a jump and at the start of a loop. */
  reset(): void {
    this.#anchor = null;
  }
}

/** A difference to the wall clock up to this is drift and is closed slowly; a larger one means that the clock was set. */
const STEP_MS = 10_000;
/** Drift is closed at most this fast, ms a ms: an age is never wrong by more than half a percent. */
const SLEW = 0.005;
/** Settings of the wall clock that are remembered, so that what was stamped before them keeps its right age. */
const MAX_ERAS = 8;
/** Rounding and slewing that a stamp of an era may be off by. */
const TOLERANCE_MS = 50;

/** What the clock is made of: both in ms, the first since the epoch, the second from any point and never backwards. */
export type ClockParts = { readonly wallMs: () => number; readonly monotonicMs: () => number };

/** A stretch of the monotonic clock between two settings of the wall clock. */
type Era = { readonly startMs: number; readonly endMs: number; readonly offsetMs: number };

/** Epoch time on a monotonic basis. The wall clock is set by people and by NTP, forwards and backwards; ages that were differences of it would be negative
 * or huge. So it is read once, then the monotonic clock counts on; drift is closed at half a percent at most. When the two are more than 10 s apart the wall
 * clock was set: this one follows at once (a machine that booted without the time must not be wrong for good), and {@link ageMs} still knows the age of
 * what was stamped before. */
export class EpochClock {
  readonly #parts: ClockParts;
  readonly #eras: Era[] = [];
  #offsetMs: number;
  #eraStartMs: number;
  #readAtMs: number;

  /** @param parts default: the machine's */
  constructor(parts: ClockParts = { wallMs: () => Date.now(), monotonicMs: () => performance.now() }) {
    this.#parts = parts;
    this.#readAtMs = parts.monotonicMs();
    this.#eraStartMs = this.#readAtMs;
    this.#offsetMs = parts.wallMs() - this.#readAtMs;
  }

  /** Now, epoch ms, with fractions. */
  nowMs(): number {
    return this.atMs(this.#parts.monotonicMs());
  }

  /** The epoch ms of a moment that was read from the monotonic clock a short while ago. */
  atMs(monotonicMs: number): number {
    this.#follow();
    return monotonicMs + this.#offsetMs;
  }

  /** How long ago something was stamped by this clock, ms; never negative. */
  ageMs(stampMs: number): number {
    this.#follow();
    const nowMs = this.#parts.monotonicMs();
    const current: Era = { startMs: this.#eraStartMs, endMs: nowMs, offsetMs: this.#offsetMs };
    for (const era of [current, ...this.#eras]) {
      const atMs = stampMs - era.offsetMs;
      if (atMs >= era.startMs - TOLERANCE_MS && atMs <= era.endMs + TOLERANCE_MS) return Math.max(0, nowMs - atMs);
    }
    return Math.max(0, nowMs + this.#offsetMs - stampMs);
  }

  #follow(): void {
    const nowMs = this.#parts.monotonicMs();
    const aheadMs = this.#parts.wallMs() - (nowMs + this.#offsetMs);
    if (Math.abs(aheadMs) > STEP_MS) {
      this.#eras.unshift({ startMs: this.#eraStartMs, endMs: nowMs, offsetMs: this.#offsetMs });
      this.#eras.length = Math.min(this.#eras.length, MAX_ERAS);
      this.#eraStartMs = nowMs;
      this.#offsetMs += aheadMs;
    } else {
      const mostMs = SLEW * (nowMs - this.#readAtMs);
      this.#offsetMs += Math.min(mostMs, Math.max(-mostMs, aheadMs));
    }
    this.#readAtMs = nowMs;
  }
}

/** The clock of this process: whatever is told to others as a time of a frame is read from it. */
export const clock = new EpochClock();

/** What the slot holds: one hold on a frame, given up by `release`. */
export interface HeldFrame {
  readonly seq: number;
  release(): void;
}

/** `offered = sent + skipped + thinned + failed + held` at any time; `held` is 0, 1 or 2. */
export type SlotCounts = {
  readonly offered: number;
  readonly sent: number;
  /** Not sent because the viewer was too slow. */
  readonly skipped: number;
  /** Not sent because the viewer asked for fewer frames a second, or left. */
  readonly thinned: number;
  readonly failed: number;
};

/** Why the waiting frame does not go now. `work`: the last one is still being drawn. */
export type Obstacle = 'empty' | 'work' | 'acks' | 'rate' | 'room';

const MAX_UNACKNOWLEDGED = 2;
/** A frame that comes this much of an interval too early is taken all the same: better than waiting for the grid. */
const EARLY_SHARE = 0.25;

/**
 * What stands between a stream and one viewer of it: room for one waiting frame (the newest wins) and one at work. Keeps to
 * two unacknowledged frames once the viewer has acknowledged one, and to the frame rate it asked for. No clock, no I/O: times
 * are passed in, ms on any clock that does not go back.
 */
export class FrameSlot<T extends HeldFrame> {
  readonly #onSkipped: () => void;
  // Fields and not objects of their own: thousands of slots are walked through for each frame, and what costs then is memory that is not in the cache.
  #offered = 0;
  #sent = 0;
  #skipped = 0;
  #thinned = 0;
  #failed = 0;
  #intervalMs = 0;
  #nextDueMs = -Infinity;
  #waiting: T | null = null;
  #atWork: T | null = null;
  #obstacle: Obstacle = 'empty';
  #acknowledges = false;
  /** `seq` of the last two sent that are not acknowledged, the newer first, or -1; older ones do not matter, as two already stop the flow. */
  #newestSent = -1;
  #secondNewestSent = -1;

  /** @param onSkipped called for each frame that the viewer was too slow for */
  constructor(onSkipped: () => void = () => undefined) {
    this.#onSkipped = onSkipped;
  }

  get counts(): SlotCounts {
    return { offered: this.#offered, sent: this.#sent, skipped: this.#skipped, thinned: this.#thinned, failed: this.#failed };
  }

  get isWaiting(): boolean {
    return this.#waiting !== null;
  }

  get unacknowledged(): number {
    return this.#acknowledges ? Number(this.#newestSent >= 0) + Number(this.#secondNewestSent >= 0) : 0;
  }

  /** Sets the frame rate, frames a second, > 0, `null` for any; the next frame may go at once. */
  setMaxFps(maxFps: number | null): void {
    this.#intervalMs = maxFps === null ? 0 : 1000 / maxFps;
    this.#nextDueMs = -Infinity;
  }

  /** Puts a frame in, in place of the one that waits; its hold becomes the slot's. */
  offer(frame: T): void {
    this.#offered += 1;
    const displaced = this.#waiting;
    this.#waiting = frame;
    if (displaced !== null) this.#drop(displaced);
  }

  /**
   * Takes the waiting frame to work on it, `null` when something stands against that (see `obstacle`). The caller ends it by
   * `sent`, `failed` or `putBack`.
   * @param hasRoom whether the socket takes another frame
   */
  take(nowMs: number, hasRoom: () => boolean): T | null {
    this.#obstacle = this.#findObstacle(nowMs, hasRoom);
    if (this.#obstacle !== 'empty' || this.#waiting === null) return null;
    this.#atWork = this.#waiting;
    this.#waiting = null;
    return this.#atWork;
  }

  /** The frame taken is on its way. */
  sent(nowMs: number): void {
    const frame = this.#endWork();
    this.#sent += 1;
    this.#secondNewestSent = this.#newestSent;
    this.#newestSent = frame.seq;
    // Stay on the grid while in time, so that rounding does not add up; start a new one after a gap.
    const onGridMs = this.#nextDueMs + this.#intervalMs;
    this.#nextDueMs = onGridMs - nowMs < this.#intervalMs / 2 ? nowMs + this.#intervalMs : onGridMs;
    frame.release();
  }

  /** The frame taken could not be drawn. */
  failed(): void {
    const frame = this.#endWork();
    this.#failed += 1;
    frame.release();
  }

  /** The frame taken did not go; it waits again unless a newer one does. @param why what stood against it */
  putBack(why: 'room' | 'work'): void {
    const frame = this.#endWork();
    this.#obstacle = why;
    if (this.#waiting === null) {
      this.#waiting = frame;
    } else {
      this.#drop(frame);
    }
  }

  /** Every frame up to `seq` that was sent is done with; from now on at most two are on their way. */
  acknowledge(seq: number): void {
    this.#acknowledges = true;
    if (this.#secondNewestSent <= seq) this.#secondNewestSent = -1;
    if (this.#newestSent <= seq) this.#newestSent = -1;
  }

  /** Ms until the waiting frame's turn when the frame rate alone stands against it, else `null`. */
  msUntilDue(nowMs: number): number | null {
    return this.#waiting !== null && this.#obstacle === 'rate' ? Math.max(0, this.#nextDueMs - nowMs) : null;
  }

  /** Lets go of the waiting frame; the one at work ends as usual. */
  clear(): void {
    if (this.#waiting === null) return;
    this.#thinned += 1;
    this.#waiting.release();
    this.#waiting = null;
  }

  #findObstacle(nowMs: number, hasRoom: () => boolean): Obstacle {
    if (this.#waiting === null) return 'empty';
    if (this.#atWork !== null) return 'work';
    if (nowMs < this.#nextDueMs - this.#intervalMs * EARLY_SHARE) return 'rate';
    if (this.unacknowledged >= MAX_UNACKNOWLEDGED) return 'acks';
    return hasRoom() ? 'empty' : 'room';
  }

  #drop(frame: T): void {
    // The same frame again (asked for in another form) is no loss.
    if (this.#obstacle === 'rate' || this.#waiting?.seq === frame.seq) {
      this.#thinned += 1;
    } else {
      this.#skipped += 1;
      this.#onSkipped();
    }
    frame.release();
  }

  #endWork(): T {
    if (this.#atWork === null) throw new RangeError('Expected a frame that was taken');
    const frame = this.#atWork;
    this.#atWork = null;
    return frame;
  }
}

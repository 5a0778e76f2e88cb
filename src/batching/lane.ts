import type { DetectedFrame, VideoFrame } from '../core/frames.js';
import type { Size } from '../core/geometry.js';
import { ArrivalClock } from './arrival-clock.js';

/** What a lane does with a frame when it is full: `drop-oldest` lets the waiting one go, `wait` expects the owner to honour `free`. */
export type LanePolicy = 'drop-oldest' | 'wait';

export type LaneOptions = {
  readonly policy: LanePolicy;
  /** Frames that fit, >= 1. `drop-oldest`: those that wait, newest wins among them. `wait`: all from `offer` to their outcome. */
  readonly capacity: number;
  /** Longest wait for a place in a batch, ms; a frame that has waited longer is dropped, not sent. Default: no limit. */
  readonly deadlineMs?: number;
  /** How long a frame that was looked at waits for earlier ones that are still in flight, ms; then they are overtaken and will be dropped. Default: as long as it takes. */
  readonly holdMs?: number;
  /** A frame was looked at. Frames come out in the order they went in. */
  readonly onDetected: (frame: DetectedFrame) => void;
  /** A frame could not be looked at and is not tried again. In order, as above. The receiver owns the frame. */
  readonly onFailed: (frame: VideoFrame, error: unknown) => void;
  /** A frame left without being looked at, or was overtaken. The receiver owns the frame. */
  readonly onDropped: (frame: VideoFrame, reason: 'superseded' | 'deadline' | 'closed') => void;
  /** Whether a frame that failed is tried again; `attempts` counts from 1. */
  readonly shouldRetry: (error: unknown, attempts: number) => boolean;
  /** A frame has left with its outcome: `free` of a `wait` lane has grown by one. */
  readonly onSpace?: () => void;
};

/** A frame on its way through a lane. */
export type LaneEntry = {
  readonly lane: Lane;
  readonly frame: VideoFrame;
  /** Monotonic clock, ms. */
  readonly waitingSinceMs: number;
  state: 'waiting' | 'in-flight' | 'done' | 'overtaken';
  attempts: number;
  /** Delivers the outcome; set when the entry is done. */
  deliver: () => void;
};

type LaneEvents = { readonly onChange: () => void; readonly onClose: () => void };

/** One stream's way into the micro-batcher: frames in order in, outcomes in the same order out. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #events: LaneEvents;
  readonly #arrivals = new ArrivalClock();
  /** In order of arrival; the head leaves first. */
  readonly #entries: LaneEntry[] = [];
  /** Frames in flight that later ones have overtaken. */
  #overtaken = 0;
  #holdTimer: NodeJS.Timeout | null = null;
  #closed = false;

  constructor(options: LaneOptions, events: LaneEvents) {
    if (!Number.isInteger(options.capacity) || options.capacity < 1) throw new RangeError(`Expected \`capacity\` to be >= 1, got ${String(options.capacity)}`);
    this.#options = options;
    this.#events = events;
  }

  /** Frames that still fit. */
  get free(): number {
    if (this.#closed) return 0;
    const taken = this.#options.policy === 'wait' ? this.#entries.length : this.waitingCount;
    return Math.max(0, this.#options.capacity - taken);
  }

  /** Frames inside: waiting, in flight, or done and waiting for an earlier one. */
  get size(): number {
    return this.#entries.length + this.#overtaken;
  }

  /** Frames that are not in a batch yet. */
  get waitingCount(): number {
    let count = 0;
    for (const entry of this.#entries) if (entry.state === 'waiting') count += 1;
    return count;
  }

  /** Puts a frame in and takes ownership of it.
   * @throws {RangeError} when a `wait` lane is full */
  offer(frame: VideoFrame): void {
    if (this.#closed) {
      this.#options.onDropped(frame, 'closed');
      return;
    }
    if (this.free === 0) {
      if (this.#options.policy === 'wait') throw new RangeError(`The lane of stream ${frame.streamId} is full: honour \`free\``);
      const oldest = this.#entries.findIndex((entry) => entry.state === 'waiting');
      for (const entry of this.#entries.splice(oldest, 1)) this.#options.onDropped(entry.frame, 'superseded');
    }
    const nowMs = performance.now();
    this.#arrivals.mark(nowMs);
    this.#entries.push({ lane: this, frame, waitingSinceMs: nowMs, state: 'waiting', attempts: 0, deliver: () => undefined });
    this.#events.onChange();
  }

  /** Takes out all frames that wait, for an owner who has found another way for them; outcomes that they held up are delivered. */
  takeWaiting(): VideoFrame[] {
    const taken = this.#removeWaiting(() => true);
    this.#deliverDone();
    return taken;
  }

  /** Drops what waits and lets what is in flight end without being delivered as detected. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stopHolding();
    this.#events.onClose();
    for (const frame of this.#removeWaiting(() => true)) this.#options.onDropped(frame, 'closed');
    this.#deliverDone();
  }

  /** @internal for the micro-batcher */
  firstWaiting(): LaneEntry | null {
    return this.#entries.find((entry) => entry.state === 'waiting') ?? null;
  }

  /** @internal for the micro-batcher: whether a frame may still join the batch that forms until `untilMs` */
  expectsFrame(nowMs: number, untilMs: number): boolean {
    return this.free > 0 && this.#arrivals.expects(nowMs, untilMs);
  }

  /** @internal for the micro-batcher: drops what has waited beyond its deadline; nobody would want to see it any more */
  dropExpired(nowMs: number): void {
    const { deadlineMs, onDropped, onSpace } = this.#options;
    if (deadlineMs === undefined) return;
    const expired = this.#removeWaiting(({ waitingSinceMs }) => nowMs - waitingSinceMs > deadlineMs);
    for (const frame of expired) {
      onDropped(frame, 'deadline');
      onSpace?.();
    }
    if (expired.length > 0) this.#deliverDone();
  }

  /** @internal for the micro-batcher: the waiting frames up to the first one of another model input size */
  waiting(size: Size): LaneEntry[] {
    const entries = this.#entries.filter((entry) => entry.state === 'waiting');
    const other = entries.findIndex(({ frame }) => frame.modelInput.widthPx !== size.widthPx || frame.modelInput.heightPx !== size.heightPx);
    return other < 0 ? entries : entries.slice(0, other);
  }

  /** @internal for the micro-batcher */
  markInFlight(entry: LaneEntry): void {
    entry.state = 'in-flight';
    entry.attempts += 1;
  }

  /** @internal for the micro-batcher */
  resolve(entry: LaneEntry, detected: DetectedFrame): void {
    if (this.#endOvertaken(entry)) return;
    this.#finish(entry, () => {
      this.#options.onDetected(detected);
    });
  }

  /** @internal for the micro-batcher */
  reject(entry: LaneEntry, error: unknown): void {
    if (this.#endOvertaken(entry)) return;
    if (!this.#closed && this.#options.shouldRetry(error, entry.attempts)) {
      entry.state = 'waiting';
      return;
    }
    this.#finish(entry, () => {
      this.#options.onFailed(entry.frame, error);
    });
  }

  #finish(entry: LaneEntry, deliver: () => void): void {
    entry.state = 'done';
    entry.deliver = deliver;
    this.#deliverDone();
  }

  #endOvertaken(entry: LaneEntry): boolean {
    if (entry.state !== 'overtaken') return false;
    this.#overtaken -= 1;
    this.#options.onDropped(entry.frame, this.#closed ? 'closed' : 'superseded');
    this.#options.onSpace?.();
    return true;
  }

  #removeWaiting(isMeant: (entry: LaneEntry) => boolean): VideoFrame[] {
    const taken: VideoFrame[] = [];
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      const entry = this.#entries[index];
      if (entry?.state === 'waiting' && isMeant(entry)) taken.unshift(...this.#entries.splice(index, 1).map(({ frame }) => frame));
    }
    return taken;
  }

  /** In order: up to the first frame that has no outcome yet. */
  #deliverDone(): void {
    while (this.#entries[0]?.state === 'done') {
      this.#entries.shift()?.deliver();
      this.#options.onSpace?.();
    }
    const { holdMs } = this.#options;
    if (holdMs === undefined || this.#closed || !this.#entries.some(({ state }) => state === 'done')) this.#stopHolding();
    else this.#holdTimer ??= setTimeout(() => {
      this.#holdTimer = null;
      this.#overtake();
    }, holdMs);
  }

  /** Lets the first frame that is done pass those before it; they end when their calls do. */
  #overtake(): void {
    const done = this.#entries.findIndex(({ state }) => state === 'done');
    for (const entry of this.#entries.slice(0, Math.max(0, done))) {
      if (entry.state !== 'in-flight') continue;
      entry.state = 'overtaken';
      this.#overtaken += 1;
      this.#entries.splice(this.#entries.indexOf(entry), 1);
    }
    this.#deliverDone();
  }

  #stopHolding(): void {
    if (this.#holdTimer !== null) clearTimeout(this.#holdTimer);
    this.#holdTimer = null;
  }
}

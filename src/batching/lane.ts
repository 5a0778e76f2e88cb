import type { DetectedFrame, VideoFrame } from '../core/frames.js';
import type { Size } from '../core/geometry.js';

/** What a lane does with a frame when it is full: `drop-oldest` lets the waiting one go, `wait` expects the owner to honour `free`. */
export type LanePolicy = 'drop-oldest' | 'wait';

export type LaneOptions = {
  readonly policy: LanePolicy;
  /** Frames that fit, >= 1. `drop-oldest`: those that wait, newest wins among them. `wait`: all from `offer` to their outcome. */
  readonly capacity: number;
  /** A frame was looked at. Frames come out in the order they went in. */
  readonly onDetected: (frame: DetectedFrame) => void;
  /** A frame could not be looked at and is not tried again. In order, as above. The receiver owns the frame. */
  readonly onFailed: (frame: VideoFrame, error: unknown) => void;
  /** A frame left without being looked at. The receiver owns the frame. */
  readonly onDropped: (frame: VideoFrame, reason: 'superseded' | 'closed') => void;
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
  state: 'waiting' | 'in-flight' | 'done';
  attempts: number;
  /** Delivers the outcome; set when the entry is done. */
  deliver: () => void;
};

type LaneEvents = { readonly onChange: () => void; readonly onClose: () => void };

/** One stream's way into the micro-batcher: frames in order in, outcomes in the same order out. */
export class Lane {
  readonly #options: LaneOptions;
  readonly #events: LaneEvents;
  /** In order of arrival; the head leaves first. */
  readonly #entries: LaneEntry[] = [];
  #closed = false;

  constructor(options: LaneOptions, events: LaneEvents) {
    if (!Number.isInteger(options.capacity) || options.capacity < 1) throw new RangeError(`Expected \`capacity\` to be >= 1, got ${String(options.capacity)}`);
    this.#options = options;
    this.#events = events;
  }

  /** Frames that still fit. */
  get free(): number {
    if (this.#closed) return 0;
    const taken = this.#options.policy === 'wait' ? this.#entries.length : this.#waitingCount();
    return Math.max(0, this.#options.capacity - taken);
  }

  /** Frames inside: waiting, in flight, or done and waiting for an earlier one. */
  get size(): number {
    return this.#entries.length;
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
    this.#entries.push({ lane: this, frame, waitingSinceMs: performance.now(), state: 'waiting', attempts: 0, deliver: () => undefined });
    this.#events.onChange();
  }

  /** Takes out all frames that wait, for an owner who has found another way for them; outcomes that they held up are delivered. */
  takeWaiting(): VideoFrame[] {
    const taken = this.#removeWaiting();
    this.#deliverDone();
    return taken;
  }

  /** Drops what waits and lets what is in flight end without being delivered as detected. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#events.onClose();
    for (const frame of this.#removeWaiting()) this.#options.onDropped(frame, 'closed');
    this.#deliverDone();
  }

  /** @internal for the micro-batcher */
  firstWaiting(): LaneEntry | null {
    return this.#entries.find((entry) => entry.state === 'waiting') ?? null;
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
    this.#finish(entry, () => {
      this.#options.onDetected(detected);
    });
  }

  /** @internal for the micro-batcher */
  reject(entry: LaneEntry, error: unknown): void {
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

  #removeWaiting(): VideoFrame[] {
    const taken: VideoFrame[] = [];
    for (let index = this.#entries.length - 1; index >= 0; index -= 1) {
      if (this.#entries[index]?.state === 'waiting') taken.unshift(...this.#entries.splice(index, 1).map((entry) => entry.frame));
    }
    return taken;
  }

  /** In order: up to the first frame that has no outcome yet. */
  #deliverDone(): void {
    while (this.#entries[0]?.state === 'done') {
      this.#entries.shift()?.deliver();
      this.#options.onSpace?.();
    }
  }

  #waitingCount(): number {
    let count = 0;
    for (const entry of this.#entries) if (entry.state === 'waiting') count += 1;
    return count;
  }
}

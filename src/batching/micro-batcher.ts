import type { BatchPlace } from '../core/batch-place.js';
import { ModelOutputError } from '../core/errors.js';
import type { DetectedFrame, VideoFrame } from '../core/frames.js';
import { dueInMs, type BatchTimeout } from './batch-due.js';
import { Lane, type LaneEntry, type LaneOptions } from './lane.js';

export type MicroBatcherOptions = {
  readonly batchTimeoutMs: BatchTimeout;
  /** Where the next batch, of so many images or more, can go; `null` while it can go nowhere: {@link MicroBatcher.wake} says when that has changed. */
  readonly nextPlace: (images: number) => BatchPlace | null;
};

/** Forms batches from the frames of all streams: one lane a stream, served in turn, order within a lane kept.
 *
 * A batch goes when there is a place for it and `dueInMs` says so. It never is empty, and all its frames have equal model input size. */
export class MicroBatcher {
  readonly #options: MicroBatcherOptions;
  readonly #lanes: Lane[] = [];
  /** Index of the lane that is asked first for the next batch, so that every stream gets its turn. */
  #nextLane = 0;
  #inFlight = 0;
  #flushing = false;
  #timer: NodeJS.Timeout | null = null;
  #gathering: NodeJS.Immediate | null = null;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: MicroBatcherOptions) {
    const { batchTimeoutMs } = options;
    if (batchTimeoutMs !== null && batchTimeoutMs !== 'auto' && !(batchTimeoutMs >= 0)) {
      throw new RangeError(`Expected \`batchTimeoutMs\` to be >= 0, 'auto' or null, got ${String(batchTimeoutMs)}`);
    }
    this.#options = options;
  }

  /** Batches that wait for an answer. */
  get inFlightBatches(): number {
    return this.#inFlight;
  }

  /** Opens a stream's lane; its owner closes it. */
  openLane(options: LaneOptions): Lane {
    const lane = new Lane(options, {
      onChange: () => {
        this.#gatherSoon();
      },
      onClose: () => {
        const index = this.#lanes.indexOf(lane);
        if (index >= 0) this.#lanes.splice(index, 1);
      },
    });
    this.#lanes.push(lane);
    return lane;
  }

  /** Looks again whether a batch can go: a place may have come up, or gone. */
  wake(): void {
    this.#pump();
  }

  /** Sends what waits without waiting for full batches, now and until the lanes are empty. */
  flush(): void {
    this.#flushing = true;
    this.#pump();
  }

  /** Closes all lanes (their waiting frames are dropped as `closed`) and resolves when the batches in flight have ended. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopTimers();
    for (const lane of [...this.#lanes]) lane.close();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** After everything that came with this turn of the event loop: frames of cameras that run in step travel together. */
  #gatherSoon(): void {
    if (this.#closed) return;
    this.#gathering ??= setImmediate(() => {
      this.#gathering = null;
      this.#pump();
    });
  }

  #pump(): void {
    this.#stopTimers();
    if (this.#closed) return;
    for (const lane of this.#lanes) lane.dropExpired(performance.now());
    for (;;) {
      const oldest = this.#oldestWaiting();
      // What is in flight may come back to be tried again.
      if (oldest === null) this.#flushing &&= this.#lanes.some((lane) => lane.size > 0);
      const place = oldest === null ? null : this.#options.nextPlace(this.#waitingCount());
      if (oldest === null || place === null) return;
      const entries = this.#gather(place.maxBatchSize);
      const waitMs = this.#waitMs(entries, oldest, place);
      if (waitMs === null) return;
      if (waitMs > 0) {
        this.#timer = setTimeout(() => {
          this.#pump();
        }, Math.floor(waitMs));
        return;
      }
      const last = entries.at(-1)?.lane;
      if (last !== undefined) this.#nextLane = this.#lanes.indexOf(last) + 1;
      void this.#send(entries, place);
    }
  }

  /** How long the batch has to wait, ms; 0: it goes now; `null`: until something happens. */
  #waitMs(entries: readonly LaneEntry[], oldest: LaneEntry, place: BatchPlace): number | null {
    if (this.#flushing) return 0;
    const nowMs = performance.now();
    return dueInMs({
      batchTimeoutMs: this.#options.batchTimeoutMs,
      waitedMs: nowMs - oldest.waitingSinceMs,
      isFull: entries.length >= place.maxBatchSize,
      place,
      // Limits that grew while running lead here: the lane takes no frame until one has left it.
      isStuck: this.#inFlight === 0 && oldest.lane.free === 0,
      expectsCompanyWithinMs: (ms) => this.#lanes.some((lane) => lane.expectsFrame(nowMs, nowMs + ms)),
    });
  }

  /** Takes frames in turn, one a lane and round, beginning with the lane after the one that was served last; all of the size of the first.
   * Age decides when a batch goes, not who is in it: a recording's waiting frames are always older than a camera's newest. */
  #gather(maxBatchSize: number): LaneEntry[] {
    const lanes = this.#rotatedLanes().filter((lane) => lane.firstWaiting() !== null);
    const size = lanes[0]?.firstWaiting()?.frame.modelInput;
    if (size === undefined) return [];
    const queues = lanes.map((lane) => lane.waiting(size));
    const entries: LaneEntry[] = [];
    for (let round = 0; entries.length < maxBatchSize && queues.some((queue) => queue.length > round); round += 1) {
      entries.push(...queues.flatMap((queue) => queue[round] ?? []).slice(0, maxBatchSize - entries.length));
    }
    return entries;
  }

  #rotatedLanes(): Lane[] {
    const start = this.#lanes.length === 0 ? 0 : this.#nextLane % this.#lanes.length;
    return [...this.#lanes.slice(start), ...this.#lanes.slice(0, start)];
  }

  #oldestWaiting(): LaneEntry | null {
    let oldest: LaneEntry | null = null;
    for (const lane of this.#lanes) {
      const head = lane.firstWaiting();
      if (head !== null && (oldest === null || head.waitingSinceMs < oldest.waitingSinceMs)) oldest = head;
    }
    return oldest;
  }

  #waitingCount(): number {
    return this.#lanes.reduce((sum, lane) => sum + lane.waitingCount, 0);
  }

  async #send(entries: readonly LaneEntry[], place: BatchPlace): Promise<void> {
    this.#inFlight += 1;
    for (const entry of entries) entry.lane.markInFlight(entry);
    const outcome = await this.#detect(entries.map((entry) => entry.frame), place);
    entries.forEach((entry, index) => {
      const detected = outcome.detected[index];
      if (detected === undefined) entry.lane.reject(entry, outcome.error);
      else entry.lane.resolve(entry, detected);
    });
    this.#inFlight -= 1;
    if (this.#inFlight === 0) for (const resolve of this.#idle.splice(0)) resolve();
    this.#pump();
  }

  /** All frames looked at, or none and why. */
  async #detect(frames: readonly VideoFrame[], place: BatchPlace): Promise<{ detected: readonly DetectedFrame[]; error?: unknown }> {
    try {
      const detected = await place.detect({ frames });
      if (detected.length === frames.length) return { detected };
      throw new ModelOutputError(`${String(frames.length)} frames were sent, answers for ${String(detected.length)} came back`);
    } catch (error) {
      return { detected: [], error };
    }
  }

  #stopTimers(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    if (this.#gathering !== null) clearImmediate(this.#gathering);
    this.#timer = null;
    this.#gathering = null;
  }
}

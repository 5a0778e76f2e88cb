import { ModelOutputError } from '../core/errors.js';
import type { DetectedFrame, FrameBatch, VideoFrame } from '../core/frames.js';
import { Lane, type LaneEntry, type LaneOptions } from './lane.js';

/** How many frames travel together and how many batches at once; both may change while running. */
export type BatchLimits = {
  /** Frames in a batch, >= 1. */
  readonly maxBatchSize: number;
  /** Batches that wait for an answer at the same time, >= 0; 0 holds all frames back. */
  readonly maxInFlightBatches: number;
};

export type MicroBatcherOptions = BatchLimits & {
  /** How long the oldest frame waits for company, ms, >= 0; `null`: batches form by count alone and the rest goes by `flush()`. */
  readonly batchTimeoutMs: number | null;
  /** Looks at all frames of a batch; answers in the order of the batch. */
  readonly detect: (batch: FrameBatch) => Promise<readonly DetectedFrame[]>;
};

/** Forms batches from the frames of all streams: one lane a stream, served in turn, order within a lane kept.
 *
 * A batch goes when it is full or its oldest frame has waited `batchTimeoutMs`, and a place in flight is free. It never is empty and all
 * its frames have equal model input size. */
export class MicroBatcher {
  readonly #options: MicroBatcherOptions;
  #limits: BatchLimits;
  readonly #lanes: Lane[] = [];
  /** Index of the lane that is asked first for the next batch, so that every stream gets its turn. */
  #nextLane = 0;
  #inFlight = 0;
  #flushing = false;
  #timer: NodeJS.Timeout | null = null;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: MicroBatcherOptions) {
    if (options.batchTimeoutMs !== null && !(options.batchTimeoutMs >= 0)) {
      throw new RangeError(`Expected \`batchTimeoutMs\` to be >= 0 or null, got ${String(options.batchTimeoutMs)}`);
    }
    this.#options = options;
    this.#limits = checkedLimits(options);
  }

  /** Batches that wait for an answer. */
  get inFlightBatches(): number {
    return this.#inFlight;
  }

  /** Opens a stream's lane; its owner closes it. */
  openLane(options: LaneOptions): Lane {
    const lane = new Lane(options, {
      onChange: () => {
        this.#pump();
      },
      onClose: () => {
        const index = this.#lanes.indexOf(lane);
        if (index >= 0) this.#lanes.splice(index, 1);
      },
    });
    this.#lanes.push(lane);
    return lane;
  }

  /** Replaces the limits, for instance when a backend tells what it prefers or goes away. */
  setLimits(limits: BatchLimits): void {
    this.#limits = checkedLimits(limits);
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
    this.#stopTimer();
    for (const lane of [...this.#lanes]) lane.close();
    if (this.#inFlight > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #pump(): void {
    while (!this.#closed && this.#inFlight < this.#limits.maxInFlightBatches) {
      const entries = this.#nextBatch();
      if (entries.length === 0) break;
      void this.#send(entries);
    }
    this.#armTimer();
  }

  /** The frames of the next batch, or none when it is not due yet. */
  #nextBatch(): readonly LaneEntry[] {
    const oldest = this.#oldestWaiting();
    if (oldest === null) {
      // What is in flight may come back to be tried again.
      if (this.#lanes.every((lane) => lane.size === 0)) this.#flushing = false;
      return [];
    }
    const entries = this.#gather();
    const full = entries.length >= this.#limits.maxBatchSize;
    if (!full && !this.#flushing && !this.#isDue(oldest) && !this.#isStuck(oldest)) return [];
    const last = entries.at(-1)?.lane;
    if (last !== undefined) this.#nextLane = this.#lanes.indexOf(last) + 1;
    return entries;
  }

  /** Takes frames in turn, one a lane and round, beginning with the lane after the one that was served last; all of the size of the first.
   * Age decides when a batch goes, not who is in it: a recording's waiting frames are always older than a camera's newest. */
  #gather(): LaneEntry[] {
    const lanes = this.#rotatedLanes().filter((lane) => lane.firstWaiting() !== null);
    const size = lanes[0]?.firstWaiting()?.frame.modelInput;
    if (size === undefined) return [];
    const queues = lanes.map((lane) => lane.waiting(size));
    const entries: LaneEntry[] = [];
    for (let round = 0; entries.length < this.#limits.maxBatchSize && queues.some((queue) => queue.length > round); round += 1) {
      entries.push(...queues.flatMap((queue) => queue[round] ?? []).slice(0, this.#limits.maxBatchSize - entries.length));
    }
    return entries;
  }

  #rotatedLanes(): Lane[] {
    const start = this.#lanes.length === 0 ? 0 : this.#nextLane % this.#lanes.length;
    return [...this.#lanes.slice(start), ...this.#lanes.slice(0, start)];
  }

  #oldestWaiting(): LaneEntry | null {
    let oldest: LaneEntry | null = null;
    for (const lane of this.#rotatedLanes()) {
      const head = lane.firstWaiting();
      if (head !== null && (oldest === null || head.waitingSinceMs < oldest.waitingSinceMs)) oldest = head;
    }
    return oldest;
  }

  #isDue(oldest: LaneEntry): boolean {
    return this.#options.batchTimeoutMs !== null && performance.now() - oldest.waitingSinceMs >= this.#options.batchTimeoutMs;
  }

  /** Whether no company can come any more: the lane takes no frame until one has left it. Limits that grew while running lead here. */
  #isStuck(oldest: LaneEntry): boolean {
    return this.#options.batchTimeoutMs === null && this.#inFlight === 0 && oldest.lane.free === 0;
  }

  async #send(entries: readonly LaneEntry[]): Promise<void> {
    this.#inFlight += 1;
    for (const entry of entries) entry.lane.markInFlight(entry);
    const outcome = await this.#detect(entries.map((entry) => entry.frame));
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
  async #detect(frames: readonly VideoFrame[]): Promise<{ detected: readonly DetectedFrame[]; error?: unknown }> {
    try {
      const detected = await this.#options.detect({ frames });
      if (detected.length === frames.length) return { detected };
      throw new ModelOutputError(`${String(frames.length)} frames were sent, answers for ${String(detected.length)} came back`);
    } catch (error) {
      return { detected: [], error };
    }
  }

  #armTimer(): void {
    this.#stopTimer();
    const timeoutMs = this.#options.batchTimeoutMs;
    if (this.#closed || timeoutMs === null || this.#inFlight >= this.#limits.maxInFlightBatches) return;
    const oldest = this.#oldestWaiting();
    if (oldest === null) return;
    const waitMs = Math.max(0, oldest.waitingSinceMs + timeoutMs - performance.now());
    this.#timer = setTimeout(() => {
      this.#pump();
    }, Math.ceil(waitMs));
  }

  #stopTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

function checkedLimits(limits: BatchLimits): BatchLimits {
  if (!Number.isInteger(limits.maxBatchSize) || limits.maxBatchSize < 1) throw new RangeError(`Expected \`maxBatchSize\` to be >= 1, got ${String(limits.maxBatchSize)}`);
  if (!Number.isInteger(limits.maxInFlightBatches) || limits.maxInFlightBatches < 0) {
    throw new RangeError(`Expected \`maxInFlightBatches\` to be >= 0, got ${String(limits.maxInFlightBatches)}`);
  }
  return { maxBatchSize: limits.maxBatchSize, maxInFlightBatches: limits.maxInFlightBatches };
}

import type { DetectedFrame, FrameBatch } from './frames.js';

/** A place for one batch at a backend, as it is at this moment; ask again for the next batch. */
export interface BatchPlace {
  /** Frames that it takes in one batch, >= 1. */
  readonly maxBatchSize: number;
  /** Batches that are in flight there; 0: it has nothing to do. */
  readonly inFlightBatches: number;
  /** Expected time until it has nothing to do, ms; 0: it has nothing to do or is late; `null`: nothing was measured yet. */
  readonly busyForMs: number | null;
  /** Expected time that a batch of as many images as were asked for takes it, ms; `null`: nothing was measured yet. */
  readonly costMs: number | null;
  /** How much earlier than that a batch has to be sent so that it never stands idle, ms, >= 0. */
  readonly leadMs: number;
  /** Looks at all frames of a batch there, or elsewhere if it never got there; answers in the order of the batch. */
  detect(batch: FrameBatch): Promise<readonly DetectedFrame[]>;
}

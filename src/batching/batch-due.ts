import type { BatchPlace } from '../core/batch-place.js';

/** How long the oldest frame waits for company, ms, >= 0; `auto`: until the backend can begin on the batch; `null`: batches form by count alone and the rest goes by `flush()`. */
export type BatchTimeout = number | 'auto' | null;

/** A batch that is neither full nor flushed, and what is known of the place that it would go to. */
export type FormingBatch = {
  readonly batchTimeoutMs: BatchTimeout;
  /** Of its oldest frame. */
  readonly waitedMs: number;
  readonly place: Pick<BatchPlace, 'inFlightBatches' | 'busyForMs' | 'leadMs'>;
  /** Whether no frame can come before one of these has left. */
  readonly isStuck: boolean;
  /** Whether some stream is to be expected to add a frame within so many ms. */
  readonly expectsCompanyWithinMs: (ms: number) => boolean;
};

/** How long a batch that is not full has to wait, ms; 0: it goes now; `null`: until something happens.
 *
 * Waiting is worth it while the backend could not begin on the batch anyway, or while company is on its way that fits into the timeout. */
export function dueInMs({ batchTimeoutMs, waitedMs, place, isStuck, expectsCompanyWithinMs }: FormingBatch): number | null {
  if (batchTimeoutMs === null) return isStuck ? 0 : null;
  if (batchTimeoutMs === 'auto') {
    // What is behind another batch begins when that is through: the later it is closed, the more frames travel together, and none of them waits longer.
    if (place.inFlightBatches === 0 || place.busyForMs === null) return 0;
    return Math.max(0, place.busyForMs - place.leadMs);
  }
  const restMs = batchTimeoutMs - waitedMs;
  if (restMs <= 0) return 0;
  return place.inFlightBatches === 0 && !expectsCompanyWithinMs(restMs) ? 0 : restMs;
}

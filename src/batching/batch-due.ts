import type { BatchPlace } from '../core/batch-place.js';

/** How long the oldest frame waits for company, ms, >= 0; `auto`: as long as something is gained by it; `null`: batches form by count alone and the rest goes by `flush()`. */
export type BatchTimeout = number | 'auto' | null;

/** A batch that is not flushed, and what is known of the place that it would go to. */
export type FormingBatch = {
  readonly batchTimeoutMs: BatchTimeout;
  /** Of its oldest frame. */
  readonly waitedMs: number;
  /** Whether it holds as many frames as the place takes. */
  readonly isFull: boolean;
  readonly place: Pick<BatchPlace, 'inFlightBatches' | 'busyForMs' | 'costMs' | 'leadMs'>;
  /** Whether no frame can come before one of these has left. */
  readonly isStuck: boolean;
  /** Whether some stream is to be expected to add a frame within so many ms. */
  readonly expectsCompanyWithinMs: (ms: number) => boolean;
};

/** A frame that comes after the batch waits for that to be through; one in it waits for the others to come. Up to half of a batch's time the second is less. */
const WORTHWHILE_SHARE = 0.5;

/** How long a batch has to wait, ms; 0: it goes now; `null`: until something happens. */
export function dueInMs(batch: FormingBatch): number | null {
  const { batchTimeoutMs, waitedMs, isFull, place, isStuck } = batch;
  if (batchTimeoutMs === 'auto') return autoDueInMs(batch);
  if (isFull) return 0;
  if (batchTimeoutMs === null) return isStuck ? 0 : null;
  return place.inFlightBatches === 0 ? forCompany(batch, batchTimeoutMs - waitedMs) : Math.max(0, batchTimeoutMs - waitedMs);
}

/** For a busy backend: until that can begin on it. The later the batch is closed, the newer are its frames and the more travel together, and none of them waits longer, not even in a full one. */
function autoDueInMs(batch: FormingBatch): number {
  const { waitedMs, isFull, place } = batch;
  if (place.inFlightBatches > 0) return place.busyForMs === null ? 0 : Math.max(0, place.busyForMs - place.leadMs);
  return isFull || place.costMs === null ? 0 : forCompany(batch, WORTHWHILE_SHARE * place.costMs - waitedMs);
}

/** For a backend that has nothing to do: while company is on its way that comes in time. */
function forCompany({ expectsCompanyWithinMs }: FormingBatch, restMs: number): number {
  return restMs > 0 && expectsCompanyWithinMs(restMs) ? restMs : 0;
}

import type { DetectedFrame, FrameBatch, ModelIdentity } from '../core/frames.js';
import type { Size } from '../core/geometry.js';
import type { DetectorStatus } from '../core/stream-status.js';

/** What detection can do right now. */
export type DetectorState = {
  readonly status: DetectorStatus;
  /** Of the model that answers, or `null` while none does. */
  readonly model: ModelIdentity | null;
  /** Size that frames are letterboxed to for the model. */
  readonly inputSize: Size;
  /** Frames in a batch that the backends take, >= 1. */
  readonly maxBatchSize: number;
  /** Batches that the backends take at once; 0 while none can answer. */
  readonly maxInFlightBatches: number;
};

/** Finds objects on frames; behind it stands any number of backends. */
export interface Detector {
  readonly state: DetectorState;
  /** Calls back on each change of `state`; returns the (idempotent) way to stop. */
  onChange(listener: (state: DetectorState) => void): () => void;
  /** Looks at all frames of a batch, in order; detections carry labels, lie in source pixels and are ordered by score; no threshold is applied.
   * @throws {ServingUnavailableError} no backend can answer now
   * @throws {ServingDeadlineError} the backend did not answer in time
   * @throws {ServingRejectedError | ModelMismatchError} the backend refused
   * @throws {ModelOutputError} the answer does not fit the contract */
  detect(batch: FrameBatch): Promise<readonly DetectedFrame[]>;
  /** The backends as people want to see them. */
  backends(): readonly BackendStatus[];
  close(): Promise<void>;
}

export type BackendState = 'connecting' | 'ok' | 'unavailable' | 'misconfigured';

export const BACKEND_STATES: readonly BackendState[] = ['connecting', 'ok', 'unavailable', 'misconfigured'];

export type BackendStatus = {
  readonly endpoint: string;
  readonly state: BackendState;
  /** One line: what was found, or what is wrong. */
  readonly message: string;
  readonly model: ModelIdentity | null;
  readonly inFlightBatches: number;
  /** Measured, ms per image, median of the last calls; `null` before the first. */
  readonly msPerImage: number | null;
};

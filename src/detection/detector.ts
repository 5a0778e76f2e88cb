import type { BatchPlace } from '../core/batch-place.js';
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
  /** Frames that the backends take in a batch, >= 1; where they differ, the most. */
  readonly maxBatchSize: number;
  /** Batches that the backends take at once; 0 while none can answer. */
  readonly maxInFlightBatches: number;
};

/** Finds objects on frames; behind it stands any number of backends. */
export interface Detector {
  readonly state: DetectorState;
  /** Calls back on each change of `state`; returns the (idempotent) way to stop. */
  onChange(listener: (state: DetectorState) => void): () => void;
  /** Calls back when `nextPlace()` may give one where it gave none; returns the (idempotent) way to stop. */
  onRoom(listener: () => void): () => void;
  /** The place that is expected to answer a batch of so many images soonest; `null` while that one has no room, and while there is none. */
  nextPlace(images: number): BatchPlace | null;
  /** Looks at all frames of a batch, in order, wherever it is answered soonest, full or not; detections carry labels, lie in source pixels and are ordered by score; no threshold is applied.
   * @throws {ServingUnavailableError} no backend can answer now
   * @throws {ServingOverloadedError} the backends have no room
   * @throws {ServingDeadlineError} the backend did not answer in time
   * @throws {ServingRejectedError | ModelMismatchError} the backend refused
   * @throws {ModelOutputError} the answer does not fit the contract */
  detect(batch: FrameBatch): Promise<readonly DetectedFrame[]>;
  /** The backends as people want to see them. */
  backends(): readonly BackendStatus[];
  close(): Promise<void>;
}

/** `circuit-open`: it fails its calls and gets trials only; `draining`: it ends what it has and gets no more. */
export type BackendState = 'connecting' | 'ok' | 'circuit-open' | 'draining' | 'unavailable' | 'misconfigured';

export const BACKEND_STATES: readonly BackendState[] = ['connecting', 'ok', 'circuit-open', 'draining', 'unavailable', 'misconfigured'];

/** How a call ended: `turned-away` by a backend that has no room, `lost` with its connection, `refused` with any other status. */
export type CallOutcome = 'answered' | 'turned-away' | 'deadline' | 'lost' | 'refused' | 'bad-answer';

export type BackendStatus = {
  /** As configured; with the address behind it where that is a name. */
  readonly endpoint: string;
  readonly state: BackendState;
  /** One line: what was found, or what is wrong. */
  readonly message: string;
  readonly model: ModelIdentity | null;
  readonly inFlightBatches: number;
  /** What it is given at most, at present; `isReduced`: less than configured, because it said that it was full. */
  readonly limits: { readonly maxBatchSize: number; readonly maxInFlightBatches: number; readonly isReduced: boolean };
  /** Measured, ms per image, median of the last calls; `null` before the first. */
  readonly msPerImage: number | null;
  /** Calls by how they ended. */
  readonly calls: Readonly<Partial<Record<CallOutcome, number>>>;
};

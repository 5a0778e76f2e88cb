import type { BatchTimeout } from '../../src/batching/batch-due.js';
import type { LaneOptions } from '../../src/batching/lane.js';
import { MicroBatcher } from '../../src/batching/micro-batcher.js';
import type { BatchPlace } from '../../src/core/batch-place.js';
import type { DetectedFrame, FrameBatch, VideoFrame } from '../../src/core/frames.js';

export type Call = { batch: FrameBatch; answer: () => void; refuse: (error: Error) => void };
export type Detect = BatchPlace['detect'];

/** A detector whose answers the test gives by hand. */
export function scriptedDetector(): { calls: Call[]; detect: Detect } {
  const calls: Call[] = [];
  return {
    calls,
    detect: (batch) =>
      new Promise((resolve, reject) => {
        calls.push({
          batch,
          answer: () => {
            resolve(batch.frames.map(detected));
          },
          refuse: reject,
        });
      }),
  };
}

function detected(frame: VideoFrame): DetectedFrame {
  return { frame, detections: [], model: null, timingsMs: { capture: 0, queue: 0, predict: 0, annotate: 0 } };
}

/** Records what came out of a lane, in order. */
export function recorder(overrides: Partial<LaneOptions> = {}): { events: string[]; options: LaneOptions } {
  const events: string[] = [];
  return {
    events,
    options: {
      policy: 'drop-oldest',
      capacity: 1,
      onDetected: ({ frame }) => events.push(`detected ${String(frame.seq)}`),
      onFailed: (frame, error) => events.push(`failed ${String(frame.seq)} ${(error as Error).message}`),
      onDropped: (frame, reason) => events.push(`${reason} ${String(frame.seq)}`),
      shouldRetry: () => false,
      ...overrides,
    },
  };
}

export const seqs = (batch: FrameBatch | undefined): number[] => batch?.frames.map((frame) => frame.seq) ?? [];
export type Scripted = { detect: Detect; batchTimeoutMs?: BatchTimeout; maxBatchSize?: number; maxInFlightBatches?: number; busyForMs?: () => number | null; leadMs?: number; costMs?: number };

/** A batcher on one backend with these limits. */
export class TestBatcher extends MicroBatcher {
  readonly limits: { maxBatchSize: number; maxInFlightBatches: number };

  constructor({ detect, batchTimeoutMs = 0, maxBatchSize = 4, maxInFlightBatches = 1, busyForMs = () => null, leadMs = 0, costMs = 0 }: Scripted) {
    const limits = { maxBatchSize, maxInFlightBatches };
    const flight = { batches: 0 };
    super({
      batchTimeoutMs,
      nextPlace: () =>
        flight.batches >= limits.maxInFlightBatches
          ? null
          : {
              maxBatchSize: limits.maxBatchSize,
              inFlightBatches: flight.batches,
              busyForMs: flight.batches === 0 ? 0 : busyForMs(),
              costMs,
              leadMs,
              detect: async (batch) => {
                flight.batches += 1;
                try {
                  return await detect(batch);
                } finally {
                  flight.batches -= 1;
                }
              },
            },
    });
    this.limits = limits;
  }

  setLimits(limits: { maxBatchSize: number; maxInFlightBatches: number }): void {
    Object.assign(this.limits, limits);
    this.wake();
  }
}

/** Lets everything happen that is due in this turn of the event loop. */
export const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

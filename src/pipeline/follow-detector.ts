import type { MicroBatcher } from '../batching/micro-batcher.js';
import type { Detector } from '../detection/detector.js';

/** Keeps a batcher's limits at what the detector can take. Returns the (idempotent) way to stop. */
export function followDetector(batcher: MicroBatcher, detector: Detector): () => void {
  const follow = (): void => {
    const { maxBatchSize, maxInFlightBatches } = detector.state;
    batcher.setLimits({ maxBatchSize, maxInFlightBatches });
  };
  follow();
  return detector.onChange(follow);
}

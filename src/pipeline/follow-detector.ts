import type { MicroBatcher } from '../batching/micro-batcher.js';
import type { Detector } from '../detection/detector.js';

/** Wakes a batcher whenever the detector may have a place for its next batch. Returns the (idempotent) way to stop. */
export function followDetector(batcher: MicroBatcher, detector: Detector): () => void {
  return detector.onRoom(() => {
    batcher.wake();
  });
}

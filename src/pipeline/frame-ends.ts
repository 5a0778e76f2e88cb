import { ModelOutputError } from '../core/errors.js';
import type { DetectedFrame, VideoFrame } from '../core/frames.js';
import type { FailReason } from '../core/stream-status.js';
import type { Metrics } from '../telemetry/metrics.js';

/** A frame that is shown without having been looked at. */
export function undetected(frame: VideoFrame): DetectedFrame {
  return { frame, detections: [], model: null, timingsMs: { capture: frame.captureMs, queue: 0, predict: 0, annotate: 0 } };
}

/** What a frame that is given up is counted as. */
export function failReason(error: unknown): FailReason {
  return error instanceof ModelOutputError ? 'model-output' : 'serving';
}

/** Counts how long a frame that is shown spent in each stage. */
export function observeStages({ stageSeconds }: Pick<Metrics, 'stageSeconds'>, { timingsMs, model }: DetectedFrame): void {
  stageSeconds.observe({ stage: 'decode' }, timingsMs.capture / 1000);
  if (model === null) return;
  stageSeconds.observe({ stage: 'queue' }, timingsMs.queue / 1000);
  stageSeconds.observe({ stage: 'predict' }, timingsMs.predict / 1000);
}

import type { Annotator } from '../annotation/annotator.js';
import type { MicroBatcher } from '../batching/micro-batcher.js';
import type { OfferedFrame } from '../core/frames.js';
import type { StreamMode } from '../core/stream-status.js';
import type { Detector } from '../detection/detector.js';
import type { Thresholds } from '../detection/thresholds.js';
import type { VideoSourceOptions } from '../sources/video-source.js';
import type { Logger } from '../telemetry/logger.js';
import type { Metrics } from '../telemetry/metrics.js';
import type { FrameLedger } from './frame-ledger.js';

export type StreamRunnerOptions = {
  readonly id: string;
  readonly name: string;
  readonly mode: StreamMode;
  readonly thresholds: Thresholds;
  /** As people may see it: no secrets. */
  readonly redactedSource: string;
  readonly source: Omit<VideoSourceOptions, 'modelInputSize' | 'streamId' | 'mode'>;
  readonly detector: Detector;
  /** A live frame that has waited longer for the detector is not looked at any more, ms. */
  readonly deadlineMs: number;
  readonly batcher: MicroBatcher;
  readonly annotator: Annotator;
  readonly metrics: Metrics;
  readonly log: Logger;
  /** Takes secrets out of what is told of the source. */
  readonly redact?: (text: string) => string;
  /** Called once, when the stream is gone. */
  readonly onClosed?: () => void;
  /** The stream's books; they outlive the runner. */
  readonly ledger: FrameLedger;
  /** Called when the first frame is decoded, before it is counted. */
  readonly onFirstFrame?: () => void;
  readonly onFrame: (frame: OfferedFrame) => void;
  readonly onStateChange: () => void;
};

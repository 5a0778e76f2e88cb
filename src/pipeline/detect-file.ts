import { tap, type Subscription } from 'rxjs';
import { MicroBatcher } from '../batching/micro-batcher.js';
import { ClosedError, ServingOverloadedError, ServingUnavailableError, SightlineError, SourceOpenError } from '../core/errors.js';
import type { DetectedFrame } from '../core/frames.js';
import type { Detector } from '../detection/detector.js';
import { withThresholds, type Thresholds } from '../detection/thresholds.js';
import type { SourceStatus, VideoSource, VideoSourceOptions } from '../sources/video-source.js';
import { detectThrough } from './detect-through.js';
import { followDetector } from './follow-detector.js';
import { videoFrames$ } from './video-frames.js';

/** Takes the results of a file, one frame at a time, in order; the next one comes when the promise resolves. */
export interface FrameSink {
  write(detected: DetectedFrame, source: SourceStatus): Promise<void>;
}

export type DetectFileOptions = {
  readonly source: Omit<VideoSourceOptions, 'modelInputSize' | 'mode'>;
  readonly detector: Detector;
  readonly thresholds: Thresholds;
  readonly sinks: readonly FrameSink[];
  /** Called after each frame with the frames written and, where the file tells it, its length in frames. */
  readonly onProgress: (frames: number, source: SourceStatus) => void;
  readonly signal: AbortSignal;
};

/** A frame that failed this often ends the run (DESIGN.md part 1). */
const MAX_ATTEMPTS = 3;
/** A backend that is full is asked again after longer and longer pauses, at last one a second. */
const MAX_ATTEMPTS_WHEN_FULL = 40;
/** How long a backend may be away before the run ends, ms. */
const MAX_DETECTOR_ABSENCE_MS = 30_000;

/** Looks at every frame of a file exactly once. Batches form by count alone, so that nothing depends on timing.
 * @returns the number of frames, and what the source ran into although frames came (a truncated file), or `null`
 * @throws {SourceOpenError} the file cannot be read as video
 * @throws {ClosedError} `signal` was aborted
 * @throws {SightlineError} a frame failed three times, the backend stayed away, or a sink failed */
export async function detectFile(options: DetectFileOptions): Promise<{ frames: number; problem: string | null }> {
  const { detector, signal } = options;
  const { maxBatchSize, maxInFlightBatches, inputSize } = detector.state;
  const batcher = new MicroBatcher({ batchTimeoutMs: null, nextPlace: (images) => detector.nextPlace(images) });
  const stopFollowing = followDetector(batcher, detector);
  const watchdog = new DetectorWatchdog(detector);
  let subscription: Subscription | null = null;
  let source: VideoSource | null = null;
  let status: SourceStatus | null = null;
  const written = new SequentialWriter(options, () => {
    source?.request(1);
  });
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown): void => {
        reject(error instanceof Error ? error : new Error(String(error)));
      };
      const stop = (): void => {
        fail(new ClosedError('the run'));
      };
      signal.addEventListener('abort', stop, { once: true });
      if (signal.aborted) {
        stop();
        return;
      }
      written.failed.catch(fail);
      watchdog.expired.catch(fail);
      // Frames on their way: one batch forming, the others in flight.
      const capacity = maxBatchSize * (Math.max(1, maxInFlightBatches) + 1);
      subscription = videoFrames$(
        { ...options.source, mode: 'replay', modelInputSize: inputSize },
        {
          onSource: (created) => {
            source = created;
          },
          onState: (next) => {
            status = next;
          },
        },
      )
        .pipe(
          tap({
            complete: () => {
              batcher.flush();
            },
          }),
          detectThrough(batcher, {
            policy: 'wait',
            capacity,
            onLane: () => undefined,
            bypass: () => null,
            shouldRetry: (error, attempts) => attempts < (error instanceof ServingOverloadedError ? MAX_ATTEMPTS_WHEN_FULL : MAX_ATTEMPTS),
            onFailed: (frame, error) => {
              frame.release();
              fail(error);
              return null;
            },
            onDropped: (frame) => {
              frame.release();
            },
          }),
        )
        .subscribe({
          next: (detected) => {
            written.push(detected, status);
          },
          error: fail,
          complete: () => {
            written.end().then(resolve, fail);
          },
        });
      (source)?.request(capacity);
    });
    return { frames: written.frames, problem: problemOf(status, written.frames) };
  } finally {
    watchdog.close();
    stopFollowing();
    (subscription as Subscription | null)?.unsubscribe();
    await (source as VideoSource | null)?.close();
    await batcher.close();
    await written.settle();
  }
}

/** A source that gave nothing is an error; one that gave something and then ran into trouble is reported. */
function problemOf(status: SourceStatus | null, frames: number): string | null {
  if (status === null || status.error === null) return null;
  if (frames === 0) throw new SourceOpenError(status.error.message);
  return status.error.message;
}

/** Writes results one after the other and tells when there is room for the next frame. */
class SequentialWriter {
  frames = 0;
  readonly failed: Promise<never>;
  readonly #options: Pick<DetectFileOptions, 'sinks' | 'thresholds' | 'onProgress'>;
  readonly #onWritten: () => void;
  #reject: (error: Error) => void = () => undefined;
  #tail: Promise<void> = Promise.resolve();
  #stopped = false;

  constructor(options: Pick<DetectFileOptions, 'sinks' | 'thresholds' | 'onProgress'>, onWritten: () => void) {
    this.#options = options;
    this.#onWritten = onWritten;
    this.failed = new Promise((_resolve, reject) => {
      this.#reject = reject;
    });
  }

  /** Bounded by the frames that were requested: each written frame asks for one more. */
  push(detected: DetectedFrame, source: SourceStatus | null): void {
    this.#tail = this.#tail.then(() => this.#write(detected, source));
  }

  /** Resolves when everything pushed so far is written. */
  end(): Promise<void> {
    return this.#tail;
  }

  /** Lets go of what is not written yet. */
  async settle(): Promise<void> {
    this.#stopped = true;
    await this.#tail;
  }

  async #write(detected: DetectedFrame, source: SourceStatus | null): Promise<void> {
    try {
      if (this.#stopped || source === null) return;
      const shown = withThresholds(detected, this.#options.thresholds);
      for (const sink of this.#options.sinks) await sink.write(shown, source);
      this.frames += 1;
      this.#options.onProgress(this.frames, source);
      this.#onWritten();
    } catch (error) {
      this.#stopped = true;
      this.#reject(error instanceof Error ? error : new SightlineError('closed', String(error)));
    } finally {
      detected.frame.release();
    }
  }
}

/** Ends a run whose detector stays away too long. */
class DetectorWatchdog {
  readonly expired: Promise<never>;
  readonly #stop: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(detector: Detector) {
    let expire: (error: Error) => void = () => undefined;
    this.expired = new Promise((_resolve, reject) => {
      expire = reject;
    });
    const look = (): void => {
      if (detector.state.maxInFlightBatches > 0) this.#disarm();
      else this.#timer ??= setTimeout(() => {
        expire(new ServingUnavailableError(detector.state.status.message));
      }, MAX_DETECTOR_ABSENCE_MS);
    };
    this.#stop = detector.onChange(look);
    look();
  }

  close(): void {
    this.#stop();
    this.#disarm();
  }

  #disarm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

import { Subject } from 'rxjs';
import type { BatchTimeout } from '../../src/batching/batch-due.js';
import type { Lane } from '../../src/batching/lane.js';
import { MicroBatcher } from '../../src/batching/micro-batcher.js';
import { clock } from '../../src/core/clock.js';
import { ServingUnavailableError } from '../../src/core/errors.js';
import type { DetectedFrame, VideoFrame } from '../../src/core/frames.js';
import { BackendPool, type BackendPoolOptions } from '../../src/detection/pool/backend-pool.js';
import { detectThrough } from '../../src/pipeline/detect-through.js';
import { followDetector } from '../../src/pipeline/follow-detector.js';
import { FrameBook } from './frame-book.js';
import { testFrame, type TestFrame } from './frames.js';
import { poolOptions } from './pool-options.js';

export type DetectionRigOptions = {
  readonly endpoints: readonly string[];
  /** Cameras, each with a phase of its own; default 4. */
  readonly streams?: number;
  readonly fps?: number;
  readonly deadlineMs?: number;
  readonly maxBatchSize?: number;
  readonly maxInFlightBatches?: number;
  readonly batchTimeoutMs?: BatchTimeout;
  readonly pool?: Partial<BackendPoolOptions>;
};

/** As in the stream runner: how long a frame that was looked at waits for an earlier one, ms. */
const HOLD_MS = 100;

/** Cameras without ffmpeg on a real pool through a real batcher; with frames it does what the stream runner does with those of a live stream, and books them. */
export class DetectionRig {
  readonly pool: BackendPool;
  readonly book: FrameBook;
  readonly fps: number;
  readonly #batcher: MicroBatcher;
  readonly #frames: TestFrame[] = [];
  readonly #cameras: NodeJS.Timeout[] = [];
  readonly #stopFollowing: () => void;

  constructor(options: DetectionRigOptions) {
    const { endpoints, streams = 4, fps = 25, deadlineMs = 1_000, maxBatchSize = 8, maxInFlightBatches = 2, batchTimeoutMs = 'auto' } = options;
    this.fps = fps;
    this.book = new FrameBook(streams);
    this.pool = new BackendPool(poolOptions(endpoints, { deadlineMs, maxBatchSize, maxInFlightBatches, ...options.pool }));
    this.#batcher = new MicroBatcher({ batchTimeoutMs, nextPlace: (images) => this.pool.nextPlace(images) });
    this.#stopFollowing = followDetector(this.#batcher, this.pool);
    for (let stream = 0; stream < streams; stream += 1) this.#startCamera(stream, ((stream * 0.618) % 1) * (1_000 / fps), deadlineMs);
  }

  /** Turns the cameras off, lets what is in flight end and closes everything.
   * @throws {Error} when a frame is in two places or in none, or is still held */
  async close(): Promise<void> {
    for (const timer of this.#cameras) clearTimeout(timer);
    this.#stopFollowing();
    // Closing the pool ends the calls that the batcher waits for.
    await Promise.all([this.#batcher.close(), this.pool.close()]);
    this.book.check();
    const held = this.#frames.filter((frame) => frame.holders() > 0).length;
    if (held > 0) throw new Error(`${String(held)} of ${String(this.#frames.length)} frames are still held`);
  }

  #startCamera(stream: number, phaseMs: number, deadlineMs: number): void {
    const { pool, book } = this;
    const frames$ = new Subject<VideoFrame>();
    let lane: Lane | null = null;
    let newestSeq = -1;
    const show = (detected: DetectedFrame): void => {
      const { frame, model } = detected;
      if (frame.seq <= newestSeq) book.dropped(stream, 'superseded');
      else {
        newestSeq = frame.seq;
        book.shown({ stream, seq: frame.seq, atMs: performance.now(), ageMs: clock.ageMs(frame.capturedAtMs), isDetected: model !== null });
      }
      frame.release();
    };
    frames$
      .pipe(
        detectThrough(this.#batcher, {
          policy: 'drop-oldest',
          capacity: 1,
          deadlineMs,
          holdMs: HOLD_MS,
          onLane: (opened) => {
            lane = opened;
          },
          bypass: (frame) => (pool.state.maxInFlightBatches === 0 ? undetected(frame) : null),
          shouldRetry: () => false,
          onFailed: (frame, error) => {
            if (error instanceof ServingUnavailableError) return undetected(frame);
            book.failed(stream, error);
            frame.release();
            return null;
          },
          onDropped: (frame, reason) => {
            book.dropped(stream, reason);
            frame.release();
          },
        }),
      )
      .subscribe(show);
    pool.onChange(({ maxInFlightBatches }) => {
      if (maxInFlightBatches === 0) for (const frame of lane?.takeWaiting() ?? []) show(undetected(frame));
    });
    const startMs = performance.now() + phaseMs;
    const take = (seq: number): void => {
      this.#cameras[stream] = setTimeout(() => {
        const frame = testFrame({ streamId: String(stream), seq, sourceSize: { widthPx: 16, heightPx: 16 } });
        this.#frames.push(frame);
        book.offered(stream);
        take(seq + 1);
        frames$.next(frame);
      }, startMs + (seq * 1_000) / this.fps - performance.now());
    };
    take(0);
  }
}

function undetected(frame: VideoFrame): DetectedFrame {
  return { frame, detections: [], model: null, timingsMs: { capture: frame.captureMs, queue: 0, predict: 0, annotate: 0 } };
}

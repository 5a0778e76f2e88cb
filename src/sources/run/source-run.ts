import { availableParallelism } from 'node:os';
import { SourceStalledError, type SightlineError } from '../../core/errors.js';
import { letterbox, limitWidth, type Letterbox, type Size } from '../../core/geometry.js';
import { carriesTimes, isHls } from '../opening/demuxers.js';
import type { FramePools, RunPools } from '../frames/frame-pools.js';
import { FrameReader, type FramePipes } from './frame-reader.js';
import type { InputRoute } from '../gateway/route.js';
import { PooledFrame } from '../frames/pooled-frame.js';
import type { SourceInfo } from '../opening/probe-source.js';
import { CONFIGURED_ACCESS } from '../opening/source-access.js';
import { isOnDisk, type SourceLocation } from '../opening/source-location.js';
import { IntervalMeter, stallLimitMs, undecodableLimitMs } from './stall-limit.js';
import { stderrLog } from '../opening/stderr-log.js';
import type { VideoSourceOptions } from '../video-source-contract.js';

/** What one run does with its source. */
export type RunPlan = {
  readonly modelInputSize: Size;
  /** Start again at the end without ending. */
  readonly loop: boolean;
  /** ffmpeg's name of the hardware decoder; `null`: software. */
  readonly hwaccel: string | null;
  /** Of the stream's first frame; `null` when the grid of `fps` starts with this run. */
  readonly gridStartMs: number | null;
  /** Start about here, ms after the source's start; `null`: at its start. */
  readonly seekMs: number | null;
};

export type SourceRunOptions = RunPlan & {
  readonly source: VideoSourceOptions;
  readonly location: SourceLocation;
  readonly info: SourceInfo;
  readonly pools: FramePools;
  /** Owned by the run from here on, as are the pipes; but where the constructor throws. */
  readonly route: InputRoute;
  readonly pipes: FramePipes;
  readonly onReady: () => void;
  readonly onError: (error: SightlineError) => void;
};

/** Of an HLS source whose playlist comes over a connection that the gateway does not read. */
const UNKNOWN_TARGET_DURATION_MS = 10_000;

/** So many complaints of the decoder without a frame in between are no passing damage. */
const UNDECODABLE_REPORTS = 5;

/** `stalled`: a frame is overdue; `undecodable`: data comes, but nothing can be made of it any more. */
export type RunTrouble = { readonly type: 'stalled' | 'undecodable'; readonly error: SourceStalledError };

/** Of the decoder. Threads that decode whole frames in parallel each delay a live picture by one frame, and take memory. */
const REPLAY_THREADS = Math.min(4, availableParallelism());
/** A picture may grow so much in mid-stream, as memory was set aside for what it was; a live source that grows more is opened again, for what it is then. */
const GROWTH = 4;
const FULL_HD_PIXELS = 1920 * 1080;

/** What people call ffmpeg's outputs. */
const OUTPUTS = { model: "the model's input", display: 'the picture', times: 'the times' } as const;

/** One run of ffmpeg on a source: its reader, the sizes that it was started with, and how its frames come. */
export class SourceRun {
  readonly reader: FrameReader;
  readonly info: SourceInfo;
  readonly location: SourceLocation;
  /** Time of the last frame that was handed out. */
  lastPtsMs: number | null = null;
  /** Called when no frame waits any more. */
  onEmpty: (() => void) | null = null;
  readonly #options: SourceRunOptions;
  readonly #box: Letterbox;
  readonly #displaySize: Size;
  readonly #pools: RunPools;
  readonly #meter = new IntervalMeter();
  #firstFrameAtMs: number | null = null;
  #lastFrameAtMs: number | null = null;

  /** @throws {SourceOpenError} retryable, when there is no memory for its frames */
  constructor(options: SourceRunOptions) {
    const { source, location, info, modelInputSize, pools } = options;
    const { tools, transport, timeoutMs, fps, widthPx, mode } = source;
    const live = mode === 'live';
    this.#options = options;
    this.info = info;
    this.location = location;
    this.#box = letterbox(info.size, modelInputSize);
    this.#displaySize = limitWidth(info.size, widthPx);
    const sourcePixels = info.size.widthPx * info.size.heightPx;
    const threads = live ? 1 : REPLAY_THREADS;
    this.#pools = pools.fit(location.displayName, {
      modelBytes: 3 * modelInputSize.widthPx * modelInputSize.heightPx,
      displayBytes: 4 * this.#displaySize.widthPx * this.#displaySize.heightPx,
      sourcePixels,
      threads,
    });
    this.reader = new FrameReader({
      tools,
      location,
      info,
      route: options.route,
      transport,
      timeoutMs,
      imageFps: source.imageFps,
      fps,
      hwaccel: options.hwaccel,
      hwaccelDevice: source.hwaccelDevice ?? null,
      threads,
      maxPixels: Math.min((source.access ?? CONFIGURED_ACCESS).maxPixels, Math.max(FULL_HD_PIXELS, GROWTH * sourcePixels)),
      displaySize: this.#displaySize,
      pipes: options.pipes,
      ...this.#pools,
      letterbox: this.#box,
      gridStartMs: options.gridStartMs,
      // What has an end is a recording, from a server too: read at full speed it would rush by. HLS gives its frames a segment at a time.
      realtime: live && (isOnDisk(location) || (location.kind === 'http' && (info.durationMs !== null || isHls(info)))),
      live,
      byArrival: live && !isOnDisk(location) && !carriesTimes(info.container),
      loop: options.loop,
      seekMs: options.seekMs,
      onReady: () => {
        this.#frameCame();
        options.onReady();
      },
      onError: (error) => {
        options.onError(this.#cannotTake(error));
      },
    });
  }

  /** Why the way to the source failed, or `null`; clearer than what ffmpeg says of it. */
  get failure(): SightlineError | null {
    return this.#options.route.failure();
  }

  /** Whether a frame came. */
  get hadFrame(): boolean {
    return this.#firstFrameAtMs !== null;
  }

  /** Takes the next frame and gives its buffers back at once. */
  skip(): void {
    const joined = this.reader.take();
    if (joined === undefined) return;
    this.#pools.modelPool.release(joined.model);
    this.#pools.displayPool.release(joined.display);
  }

  /** Takes the next frame; the caller owns it. */
  take(seq: number): PooledFrame | undefined {
    const joined = this.reader.take();
    if (joined === undefined) return undefined;
    this.lastPtsMs = joined.ptsMs;
    return new PooledFrame({
      streamId: this.#options.source.streamId,
      seq,
      joined,
      sourceSize: this.info.size,
      displaySize: this.#displaySize,
      letterbox: this.#box,
      ...this.#pools,
    });
  }

  /** How long frames have come, ms, from the first to the last; 0 before the second. */
  get healthyMs(): number {
    return this.#firstFrameAtMs === null || this.#lastFrameAtMs === null ? 0 : this.#lastFrameAtMs - this.#firstFrameAtMs;
  }

  /** What is wrong when a frame is overdue beyond what this source may take; `null` while none is. Names the output that is behind where only one is.
   * @param nowMs on the monotonic clock */
  trouble(nowMs: number): RunTrouble | null {
    const { waitingSinceMs: sinceMs, behind, stderrTail, damageSinceFrame } = this.reader;
    if (sinceMs === null) return null;
    const { mode, fps } = this.#options.source;
    const { hadFrame } = this;
    if (mode === 'live' && hadFrame && damageSinceFrame >= UNDECODABLE_REPORTS && nowMs - sinceMs > undecodableLimitMs(this.#meter.intervalMs)) {
      return { type: 'undecodable', error: new SourceStalledError(`${this.location.displayName}: nothing that comes can be decoded any more: has it changed its codec?`, { log: stderrLog(stderrTail) }) };
    }
    const limitMs = stallLimitMs({ live: mode === 'live', hadFrame, measuredIntervalMs: this.#meter.intervalMs, fps, targetDurationMs: this.#options.route.targetDurationMs() ?? (isHls(this.info) ? UNKNOWN_TARGET_DURATION_MS : null) });
    if (nowMs - sinceMs <= limitMs) return null;
    const what = `no ${hadFrame ? '' : 'first '}frame for ${((nowMs - sinceMs) / 1000).toFixed(1)} s`;
    const where = behind === null ? '' : `: of ffmpeg's outputs only ${OUTPUTS[behind]} stopped`;
    return { type: 'stalled', error: new SourceStalledError(`${this.location.displayName}: ${what}${where}`, { log: stderrLog(stderrTail) }) };
  }

  /** Ends ffmpeg, then the way to the source; frames that were not taken are given back. Idempotent; a later call may shorten the grace.
   * @param graceMs how long ffmpeg gets to end by itself; default 2 s */
  async close(options: { readonly graceMs?: number } = {}): Promise<void> {
    await this.reader.close(options);
    await this.#options.route.close();
  }

  /** There is no buffer left: because an output has stopped and the others fill them all, or because whoever holds the frames does not let go. */
  #cannotTake(error: Error): SourceStalledError {
    const { behind, lag, stderrTail } = this.reader;
    const why = behind !== null && lag > this.#pools.modelPool.held / 2 ? `of ffmpeg's outputs only ${OUTPUTS[behind]} stopped` : error.message;
    return new SourceStalledError(`${this.location.displayName}: ${why}`, { cause: error, log: stderrLog(stderrTail) });
  }

  #frameCame(): void {
    const nowMs = performance.now();
    this.#firstFrameAtMs ??= nowMs;
    this.#lastFrameAtMs = nowMs;
    this.#meter.frameCame(nowMs, this.reader.newestPtsMs ?? 0);
  }
}

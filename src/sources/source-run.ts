import { SourceStalledError, type SightlineError } from '../core/errors.js';
import { letterbox, limitWidth, type Letterbox, type Size } from '../core/geometry.js';
import type { FramePools } from './frame-pools.js';
import { FrameReader, type FramePipes } from './frame-reader.js';
import { PooledFrame } from './pooled-frame.js';
import type { SourceInfo } from './probe-source.js';
import type { SourceLocation } from './source-location.js';
import { stallLimitMs } from './stall-limit.js';
import type { VideoSourceOptions } from './video-source-contract.js';

export type SourceRunOptions = {
  readonly source: VideoSourceOptions;
  readonly location: SourceLocation;
  readonly info: SourceInfo;
  readonly modelInputSize: Size;
  readonly pools: FramePools;
  /** Owned by the run from here on. */
  readonly pipes: FramePipes;
  /** Start again at the end without ending. */
  readonly loop: boolean;
  /** Of the stream's first frame; `null` when the grid of `fps` starts with this run. */
  readonly gridStartMs: number | null;
  /** Start about here, ms after the source's start; `null`: at its start. */
  readonly seekMs: number | null;
  readonly onReady: () => void;
  readonly onError: (error: SightlineError) => void;
};

/** One run of ffmpeg on a source: its reader, the sizes that it was started with, and how its frames come. */
export class SourceRun {
  readonly reader: FrameReader;
  readonly info: SourceInfo;
  /** Time of the last frame that was handed out. */
  lastPtsMs: number | null = null;
  /** Called when no frame waits any more. */
  onEmpty: (() => void) | null = null;
  readonly #options: SourceRunOptions;
  readonly #box: Letterbox;
  readonly #displaySize: Size;
  readonly #pools: ReturnType<FramePools['fit']>;
  #firstFrameAtMs: number | null = null;
  #lastFrameAtMs: number | null = null;
  #intervalMs: number | null = null;

  constructor(options: SourceRunOptions) {
    const { source, location, info, modelInputSize, pools } = options;
    const { tools, transport, timeoutMs, fps, widthPx, mode } = source;
    const live = mode === 'live';
    this.#options = options;
    this.info = info;
    this.#box = letterbox(info.size, modelInputSize);
    this.#displaySize = limitWidth(info.size, widthPx);
    this.#pools = pools.fit({ modelBytes: 3 * modelInputSize.widthPx * modelInputSize.heightPx, displayBytes: 4 * this.#displaySize.widthPx * this.#displaySize.heightPx });
    this.reader = new FrameReader({
      tools,
      location,
      info,
      transport,
      timeoutMs,
      fps,
      displaySize: this.#displaySize,
      pipes: options.pipes,
      ...this.#pools,
      letterbox: this.#box,
      gridStartMs: options.gridStartMs,
      // What has an end is a recording, from a server too: read at full speed it would rush by.
      realtime: live && (location.kind === 'file' || (location.kind === 'http' && info.durationMs !== null)),
      live,
      loop: options.loop,
      seekMs: options.seekMs,
      onReady: () => {
        this.#frameCame();
        options.onReady();
      },
      onError: (error) => {
        options.onError(error instanceof SourceStalledError ? error : new SourceStalledError(error.message, { cause: error }));
      },
    });
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

  /** How long frames have come without a stall, ms; 0 before the first. */
  healthyMs(nowMs: number): number {
    return this.#firstFrameAtMs === null ? 0 : nowMs - this.#firstFrameAtMs;
  }

  /** How long a frame is overdue beyond what this source may take, or `null`: what a stall is reported with.
   * @returns ms since something came */
  stalledMs(nowMs: number): number | null {
    const sinceMs = this.reader.waitingSinceMs;
    if (sinceMs === null) return null;
    const { mode, fps } = this.#options.source;
    const limitMs = stallLimitMs({ live: mode === 'live', hadFrame: this.#firstFrameAtMs !== null, measuredIntervalMs: this.#intervalMs, fps });
    return nowMs - sinceMs > limitMs ? nowMs - sinceMs : null;
  }

  #frameCame(): void {
    const nowMs = performance.now();
    this.#firstFrameAtMs ??= nowMs;
    if (this.#lastFrameAtMs !== null) {
      const intervalMs = nowMs - this.#lastFrameAtMs;
      this.#intervalMs = this.#intervalMs === null ? intervalMs : this.#intervalMs * 0.9 + intervalMs * 0.1;
    }
    this.#lastFrameAtMs = nowMs;
  }
}

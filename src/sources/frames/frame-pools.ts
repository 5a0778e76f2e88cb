import { SourceOpenError } from '../../core/errors.js';
import { FrameBudget, megabytes, type FrameAccount } from './frame-budget.js';
import { FramePool } from './frame-pool.js';

/** Pipes hold this much at most; small frames lie in them by the hundred. */
const PIPE_BYTES = 1024 * 1024;
/** Frames that a stream in work holds at a time: 1 that the pipe fills, 2 complete, 1 that waits for its batch, 2 in batches, 1 being drawn, the latest. */
const WORKING_FRAMES = 8;
/** What ffmpeg takes itself, measured with 5.1 (both outputs): 55 MB, and for each pixel of the source 20 pictures in 4:2:0 that it refers to or has in work; each
 * thread beyond the first has two more in work (7 MB at 1920x1080, 25 MB at 3840x2160). */
const DECODER_BYTES = 55 * 1024 * 1024;
const DECODER_BYTES_PER_PIXEL = 30;
const THREAD_BYTES_PER_PIXEL = 4;

export type FrameSizes = {
  readonly modelBytes: number;
  readonly displayBytes: number;
  /** Pixels of the source's own picture, which ffmpeg decodes. */
  readonly sourcePixels: number;
  /** Threads that it decodes with. */
  readonly threads: number;
};

export type RunPools = { readonly modelPool: FramePool; readonly displayPool: FramePool };

/** The two pools of a source: kept from run to run while their sizes stay, and empty while there is none. */
export class FramePools {
  readonly #maxHeldFrames: number;
  readonly #budget: FrameBudget;
  readonly #decoder: FrameAccount;
  #pools: RunPools | null = null;

  /** @param maxHeldFrames most frames that consumers may hold at a time
   * @param budget that the frames are counted in; default without limit */
  constructor(maxHeldFrames: number, budget: FrameBudget = new FrameBudget(Infinity)) {
    this.#maxHeldFrames = maxHeldFrames;
    this.#budget = budget;
    this.#decoder = budget.open();
  }

  /** Gives pools for a run on frames of these sizes, the old ones where they fit. What such a run needs at least is set aside before any buffer is made.
   * @param name of the source, for people
   * @throws {SourceOpenError} retryable, when the budget has no room for it */
  fit(name: string, { modelBytes, displayBytes, sourcePixels, threads }: FrameSizes): RunPools {
    const decoderBytes = DECODER_BYTES + (DECODER_BYTES_PER_PIXEL + THREAD_BYTES_PER_PIXEL * (threads - 1)) * sourcePixels;
    const { modelPool, displayPool } = this.#pools ?? {};
    if (this.#pools !== null && modelPool?.frameBytes === modelBytes && displayPool?.frameBytes === displayBytes && this.#decoder.tryResize(decoderBytes)) return this.#pools;
    this.close();
    const [model, display] = [this.#budget.open(), this.#budget.open()];
    if (!this.#decoder.tryResize(decoderBytes) || !model.tryResize(WORKING_FRAMES * modelBytes) || !display.tryResize(WORKING_FRAMES * displayBytes)) {
      for (const account of [this.#decoder, model, display]) account.tryResize(0);
      const neededBytes = decoderBytes + WORKING_FRAMES * (modelBytes + displayBytes);
      throw new SourceOpenError(
        `${name}: not enough memory for frames: this stream needs ${megabytes(neededBytes)} MB and ${megabytes(this.#budget.leftBytes)} of ${megabytes(this.#budget.limitBytes)} MB are left: lower widthPx, use a smaller detectSource, watch fewer streams or raise sources.maxFrameMemoryMb`,
        { retryable: true },
      );
    }
    this.#pools = { modelPool: this.#make(modelBytes, model), displayPool: this.#make(displayBytes, display) };
    return this.#pools;
  }

  /** For times without a run: lets go of all that nobody holds. The next {@link fit} starts anew. Idempotent. */
  close(): void {
    this.#pools?.modelPool.close();
    this.#pools?.displayPool.close();
    this.#pools = null;
    this.#decoder.tryResize(0);
  }

  #make(frameBytes: number, account: FrameAccount): FramePool {
    return new FramePool(frameBytes, this.#maxHeldFrames + Math.ceil(PIPE_BYTES / frameBytes), { account, reserved: WORKING_FRAMES });
  }
}

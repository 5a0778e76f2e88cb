import { FramePool } from './frame-pool.js';

/** Pipes hold this much at most; small frames lie in them by the hundred. */
const PIPE_BYTES = 1024 * 1024;

/** The two pools of a source: kept from run to run while their sizes stay. */
export class FramePools {
  readonly #maxHeldFrames: number;
  #model: FramePool | null = null;
  #display: FramePool | null = null;

  /** @param maxHeldFrames most frames that consumers may hold at a time */
  constructor(maxHeldFrames: number) {
    this.#maxHeldFrames = maxHeldFrames;
  }

  /** Gives pools for frames of these sizes, the old ones where they fit. */
  fit({ modelBytes, displayBytes }: { readonly modelBytes: number; readonly displayBytes: number }): { readonly modelPool: FramePool; readonly displayPool: FramePool } {
    this.#model = this.#keepOrMake(this.#model, modelBytes);
    this.#display = this.#keepOrMake(this.#display, displayBytes);
    return { modelPool: this.#model, displayPool: this.#display };
  }

  /** Idempotent. */
  close(): void {
    this.#model?.close();
    this.#display?.close();
  }

  #keepOrMake(pool: FramePool | null, bytes: number): FramePool {
    if (pool?.frameBytes === bytes) return pool;
    pool?.close();
    return new FramePool(bytes, this.#maxHeldFrames + Math.ceil(PIPE_BYTES / bytes));
  }
}

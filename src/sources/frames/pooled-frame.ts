import type { PixelImage, VideoFrame } from '../../core/frames.js';
import type { Letterbox, Size } from '../../core/geometry.js';
import type { JoinedFrame } from './frame-joiner.js';
import type { FramePool } from './frame-pool.js';

export type PooledFrameOptions = {
  readonly streamId: string;
  readonly seq: number;
  readonly joined: JoinedFrame;
  readonly sourceSize: Size;
  readonly displaySize: Size;
  readonly letterbox: Letterbox;
  readonly modelPool: FramePool;
  readonly displayPool: FramePool;
};

/** A {@link VideoFrame} whose buffers go back to their pools with the last release. Made with one owner. */
export class PooledFrame implements VideoFrame {
  readonly streamId: string;
  readonly seq: number;
  readonly ptsMs: number;
  readonly capturedAtMs: number;
  readonly captureMs: number;
  readonly sourceSize: Size;
  readonly display: PixelImage;
  readonly modelInput: PixelImage;
  readonly letterbox: Letterbox;
  readonly #giveBack: () => void;
  #owners = 1;

  constructor(options: PooledFrameOptions) {
    const { joined } = options;
    this.streamId = options.streamId;
    this.seq = options.seq;
    this.ptsMs = joined.ptsMs;
    this.capturedAtMs = joined.capturedAtMs;
    this.captureMs = joined.captureMs;
    this.sourceSize = options.sourceSize;
    this.letterbox = options.letterbox;
    this.display = { ...options.displaySize, format: 'rgba', data: joined.display };
    this.modelInput = { ...options.letterbox.canvas, format: 'rgb24', data: joined.model };
    this.#giveBack = () => {
      options.modelPool.release(joined.model);
      options.displayPool.release(joined.display);
    };
  }

  retain(): void {
    if (this.#owners === 0) throw new RangeError(`Expected frame ${String(this.seq)} to be held, but it was released`);
    this.#owners += 1;
  }

  release(): void {
    if (this.#owners === 0) throw new RangeError(`Frame ${String(this.seq)} was released more often than it was held`);
    this.#owners -= 1;
    if (this.#owners === 0) this.#giveBack();
  }
}

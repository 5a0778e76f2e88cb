import { SourceStalledError } from '../core/errors.js';

/** Buffers of one size that are used again: a 1280x720 picture is 3.7 MB, and 25 new ones a second would keep the collector busy. */
export class FramePool {
  readonly frameBytes: number;
  readonly #maxHeld: number;
  readonly #free: Buffer[] = [];
  readonly #held = new Set<Buffer>();
  #closed = false;

  /** @param frameBytes size of each buffer
   * @param maxHeld most buffers that may be out at a time */
  constructor(frameBytes: number, maxHeld: number) {
    if (!Number.isInteger(frameBytes) || frameBytes < 1) throw new RangeError(`Expected \`frameBytes\` to be a whole number > 0, got ${String(frameBytes)}`);
    this.frameBytes = frameBytes;
    this.#maxHeld = maxHeld;
  }

  /** Buffers that are out now. */
  get held(): number {
    return this.#held.size;
  }

  /** Buffers that lie ready. */
  get free(): number {
    return this.#free.length;
  }

  /** Hands out a buffer with arbitrary content.
   * @throws {SourceStalledError} when `maxHeld` are out: whoever holds them does not let go */
  acquire(): Buffer {
    if (this.#held.size >= this.#maxHeld) throw new SourceStalledError(`${String(this.#held.size)} frames are waiting to be processed and none is let go`);
    // allocUnsafeSlow: a slice of Node's shared pool would keep its neighbours alive.
    const buffer = this.#free.pop() ?? Buffer.allocUnsafeSlow(this.frameBytes);
    this.#held.add(buffer);
    return buffer;
  }

  /** Takes a buffer back.
   * @throws {RangeError} when it is not out */
  release(buffer: Buffer): void {
    if (!this.#held.delete(buffer)) throw new RangeError('Expected a buffer that this pool handed out and that was not released yet');
    if (!this.#closed) this.#free.push(buffer);
  }

  /** Lets the free buffers go; those that are out follow when they are released. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#free.length = 0;
  }
}

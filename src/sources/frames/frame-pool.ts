import { SourceStalledError } from '../../core/errors.js';
import { megabytes, type FrameAccount } from './frame-budget.js';

/** After this many buffers were asked for, those are let go that were not needed at the same time meanwhile. */
const WINDOW = 64;

/** Where a pool's memory is counted. */
export type PoolFunds = {
  /** The pool's own from here on. */
  readonly account: FrameAccount;
  /** Buffers that it has paid for already. */
  readonly reserved: number;
};

/** Buffers of one size that are used again: a 1280x720 picture is 3.7 MB, and 25 new ones a second would keep the collector busy. */
export class FramePool {
  readonly frameBytes: number;
  readonly #maxHeld: number;
  readonly #account: FrameAccount | null;
  readonly #reserved: number;
  readonly #free: Buffer[] = [];
  readonly #held = new Set<Buffer>();
  #peak = 0;
  #asked = 0;
  #closed = false;

  /** @param frameBytes size of each buffer
   * @param maxHeld most buffers that may be out at a time
   * @param funds left out: its memory is counted nowhere */
  constructor(frameBytes: number, maxHeld: number, funds: PoolFunds | null = null) {
    if (!Number.isInteger(frameBytes) || frameBytes < 1) throw new RangeError(`Expected \`frameBytes\` to be a whole number > 0, got ${String(frameBytes)}`);
    this.frameBytes = frameBytes;
    this.#maxHeld = maxHeld;
    this.#account = funds?.account ?? null;
    this.#reserved = funds?.reserved ?? 0;
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
   * @throws {SourceStalledError} when `maxHeld` are out, or the budget has no room for one more: whoever holds them does not let go */
  acquire(): Buffer {
    const { size } = this.#held;
    if (size >= this.#maxHeld) throw new SourceStalledError(`${String(size)} frames are waiting to be processed and none is let go`);
    this.#countNeed(size + 1);
    // allocUnsafeSlow: a slice of Node's shared pool would keep its neighbours alive.
    const buffer = this.#free.pop() ?? this.#allocate();
    this.#held.add(buffer);
    return buffer;
  }

  /** Takes a buffer back.
   * @throws {RangeError} when it is not out */
  release(buffer: Buffer): void {
    if (!this.#held.delete(buffer)) throw new RangeError('Expected a buffer that this pool handed out and that was not released yet');
    if (this.#closed) this.#settle(this.#held.size);
    else this.#free.push(buffer);
  }

  /** Lets the free buffers go; those that are out follow when they are released. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#free.length = 0;
    this.#settle(this.#held.size);
  }

  /** A peak (a slow moment of whoever takes the frames) must not be kept for good. */
  #countNeed(count: number): void {
    this.#peak = Math.max(this.#peak, count);
    this.#asked += 1;
    if (this.#asked < WINDOW) return;
    this.#free.length = Math.min(this.#free.length, Math.max(0, this.#peak - this.#held.size));
    this.#settle(Math.max(this.#reserved, this.#held.size + this.#free.length));
    this.#peak = count;
    this.#asked = 0;
  }

  #allocate(): Buffer {
    const count = this.#held.size + 1;
    if (count > this.#reserved && this.#account !== null && !this.#account.tryResize(count * this.frameBytes)) {
      throw new SourceStalledError(`${String(count - 1)} frames are waiting to be processed, and there is no memory for one more of ${megabytes(this.frameBytes)} MB`);
    }
    return Buffer.allocUnsafeSlow(this.frameBytes);
  }

  #settle(count: number): void {
    this.#account?.tryResize(count * this.frameBytes);
  }
}

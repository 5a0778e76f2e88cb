import type { FrameHeader } from '../../../src/viewers/protocol.js';
import type { FrameMessage } from '../connection/frame-message.js';
import type { FrameTally } from '../model/frame-budget.js';

/** A frame on the screen. The bitmap stays valid until the next frame is shown. */
export type ShownFrame = {
  readonly header: FrameHeader;
  readonly jpeg: Uint8Array<ArrayBuffer>;
  readonly bitmap: ImageBitmap;
  /** On the page's clock (`performance.now()`), ms. */
  readonly receivedAtMs: number;
  readonly shownAtMs: number;
};

type Waiting = { readonly message: FrameMessage; readonly receivedAtMs: number };
type Ready = Omit<ShownFrame, 'shownAtMs'>;

export interface FramePlayerListener {
  /** Called inside an animation frame. */
  onShow(frame: ShownFrame): void;
  /** Every frame up to `seq` was displayed or discarded. */
  onSettled(seq: number): void;
}

/** Shows one stream's frames: decoded off the main thread, painted on the animation frame, and only ever the newest.
 * At most one frame waits to be decoded and one to be painted, whatever the server sends. */
export class FramePlayer {
  readonly #listener: FramePlayerListener;
  readonly #tally: FrameTally;
  #waiting: Waiting | null = null;
  #decoding = false;
  #ready: Ready | null = null;
  #shown: ShownFrame | null = null;
  #animationFrame: number | null = null;
  /** Counts the times that everything was thrown away, so that what was being decoded then is not shown. */
  #generation = 0;

  /** @param tally counts every frame that comes, and those that are discarded for a newer one */
  constructor(listener: FramePlayerListener, tally: FrameTally = { received: 0, discarded: 0 }) {
    this.#listener = listener;
    this.#tally = tally;
  }

  /** The frame on the screen. */
  get shown(): ShownFrame | null {
    return this.#shown;
  }

  /** Takes a frame in; one that still waits to be decoded gives way to it. */
  push(message: FrameMessage, receivedAtMs: number): void {
    this.#tally.received += 1;
    if (this.#waiting !== null) this.#tally.discarded += 1;
    this.#waiting = { message, receivedAtMs };
    this.#decodeNext();
  }

  /** Throws away what is not shown yet; the picture on the screen stays. */
  flush(): void {
    this.#generation += 1;
    this.#waiting = null;
    this.#ready?.bitmap.close();
    this.#ready = null;
    if (this.#animationFrame !== null) cancelAnimationFrame(this.#animationFrame);
    this.#animationFrame = null;
  }

  /** Lets go of every picture; idempotent. */
  close(): void {
    this.flush();
    this.#shown?.bitmap.close();
    this.#shown = null;
  }

  #decodeNext(): void {
    const next = this.#waiting;
    if (next === null || this.#decoding) return;
    this.#waiting = null;
    this.#decoding = true;
    const generation = this.#generation;
    createImageBitmap(new Blob([next.message.jpeg], { type: 'image/jpeg' })).then(
      (bitmap) => {
        if (generation === this.#generation) this.#setReady({ ...next.message, bitmap, receivedAtMs: next.receivedAtMs });
        else bitmap.close();
        this.#decoded();
      },
      // A picture that cannot be decoded is discarded like one that came too late: the next is on its way.
      () => {
        if (generation === this.#generation) this.#listener.onSettled(next.message.header.seq);
        this.#decoded();
      },
    );
  }

  #decoded(): void {
    this.#decoding = false;
    this.#decodeNext();
  }

  #setReady(frame: Ready): void {
    if (this.#ready !== null) this.#tally.discarded += 1;
    this.#ready?.bitmap.close();
    this.#ready = frame;
    this.#animationFrame ??= requestAnimationFrame(() => { this.#show(); });
  }

  #show(): void {
    this.#animationFrame = null;
    const ready = this.#ready;
    if (ready === null) return;
    this.#ready = null;
    const before = this.#shown;
    this.#shown = { ...ready, shownAtMs: performance.now() };
    this.#listener.onShow(this.#shown);
    before?.bitmap.close();
    this.#listener.onSettled(ready.header.seq);
  }
}

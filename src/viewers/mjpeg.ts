import type { OfferedFrame } from '../core/frames.js';
import type { FrameHub } from './frame-hub.js';
import { FrameSlot, type HeldFrame } from './frame-slot.js';
import type { FrameMessage } from './frame-message.js';
import type { RenditionCache } from './rendition.js';
import type { SubscriptionOptions } from './stream-subscription.js';

const BOUNDARY = 'sightline-frame';

/** Content type of the answer; its parts are JPEGs. */
export const MJPEG_CONTENT_TYPE = `multipart/x-mixed-replace; boundary=${BOUNDARY}`;

export type MjpegOptions = SubscriptionOptions & {
  readonly streamId: string;
  readonly hub: FrameHub;
  readonly renditions: RenditionCache;
  /** The stream's newest frame; taken over. */
  readonly latest: OfferedFrame | undefined;
  /** A client that takes nothing for this long while a frame waits is given up. */
  readonly stallLimitMs: number;
  /** Asked before each part, and by `checkToken()`: whether the client may still watch. */
  readonly isAllowed: () => boolean;
  readonly onSkipped: () => void;
  readonly onRenderError: (error: unknown) => void;
  /** Called once, when the stream of parts has ended for whatever reason. */
  readonly onEnd: () => void;
};

type RetainedFrame = HeldFrame & { readonly frame: OfferedFrame };

/**
 * One client's endless multipart answer. The HTTP layer pulls a part when its socket has drained; until then only the newest
 * frame waits. Ends when the client goes, the stream is removed, or `end()` is called.
 */
export class MjpegResponse {
  readonly body: ReadableStream<Uint8Array>;
  readonly #options: MjpegOptions;
  readonly #slot: FrameSlot<RetainedFrame>;
  readonly #stop: () => void;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  /** Resolves the pull that waits for a frame. */
  #wake: (() => void) | null = null;
  #dueTimer: NodeJS.Timeout | undefined;
  #lastPullMs = performance.now();
  #ended = false;

  constructor(options: MjpegOptions) {
    this.#options = options;
    this.#slot = new FrameSlot(options.onSkipped);
    this.#slot.setMaxFps(options.maxFps);
    this.body = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => this.end(),
      },
      { highWaterMark: 0 },
    );
    this.#stop = options.hub.subscribe(options.streamId, { onFrame: (frame) => this.#offer(frame), onRemoved: () => this.end() });
    if (options.latest !== undefined) {
      this.#offer(options.latest);
      options.latest.release();
    }
  }

  /** Ends the answer and lets go of everything; idempotent. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#dueTimer);
    this.#stop();
    this.#slot.clear();
    this.#wake?.();
    try {
      this.#controller?.close();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // cancelled by the client: closed already
    }
    this.#options.onEnd();
  }

  /** Ends the answer when its client may no longer watch. */
  checkToken(): void {
    if (!this.#options.isAllowed()) this.end();
  }

  #offer(frame: OfferedFrame): void {
    if (this.#ended) return;
    const isPulling = this.#wake !== null;
    if (!this.#options.isAllowed() || (!isPulling && performance.now() - this.#lastPullMs > this.#options.stallLimitMs)) return this.end();
    frame.retain();
    this.#slot.offer({ seq: frame.seq, frame, release: () => frame.release() });
    this.#wake?.();
  }

  /** Gives the HTTP layer one part; waits for a frame. */
  async #pull(): Promise<void> {
    this.#lastPullMs = performance.now();
    while (!this.#ended) {
      const held = this.#slot.take(performance.now(), () => true);
      if (held === null) {
        await this.#nextChance();
      } else if (await this.#deliver(held.frame)) {
        this.#lastPullMs = performance.now();
        return;
      }
    }
  }

  async #deliver(frame: OfferedFrame): Promise<boolean> {
    let message: FrameMessage;
    try {
      message = await this.#options.renditions.get(frame, this.#options.rendition);
    } catch (error) {
      this.#slot.failed();
      if (!this.#ended) this.#options.onRenderError(error);
      return false;
    }
    if (!this.#ended) this.#controller?.enqueue(toPart(message.jpeg));
    this.#slot.sent(performance.now());
    return true;
  }

  async #nextChance(): Promise<void> {
    const dueMs = this.#slot.msUntilDue(performance.now());
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (dueMs !== null) this.#dueTimer = setTimeout(resolve, Math.ceil(dueMs));
    });
    this.#wake = null;
    clearTimeout(this.#dueTimer);
  }
}

function toPart(jpeg: Buffer): Uint8Array {
  const head = `--${BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: ${String(jpeg.length)}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), jpeg, Buffer.from('\r\n')]);
}

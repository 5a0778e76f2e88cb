import type { OfferedFrame, Rendition } from '../core/frames.js';
import type { FrameSink } from './frame-hub.js';
import type { FrameMessage } from './frame-message.js';
import { FrameSlot } from './frame-slot.js';
import type { RenditionCache, RenditionListener } from './rendition.js';

/** What a subscription needs of the socket that it shares with others. */
export interface FramePort {
  /** Whether the socket takes a frame of this size now. */
  hasRoom(sizeBytes: number): boolean;
  sendFrame(message: FrameMessage): void;
  /** The subscription has a frame that waits: pump it in turn. */
  onWaiting(subscription: StreamSubscription): void;
  onRenderError(streamId: string, error: unknown): void;
  onSkipped(streamId: string): void;
  onStreamRemoved(streamId: string): void;
}

export type SubscriptionOptions = { readonly rendition: Rendition; readonly maxFps: number | null };

/** One stream on one viewer's socket: a slot, and the work of drawing and sending what comes out of it. */
export class StreamSubscription implements FrameSink, RenditionListener {
  readonly streamId: string;
  readonly #port: FramePort;
  readonly #renditions: RenditionCache;
  readonly #slot: FrameSlot<OfferedFrame>;
  readonly #hasRoom = (): boolean => this.#port.hasRoom(this.#lastSizeBytes);
  #options: SubscriptionOptions;
  /** The options that the frame at work is drawn for. */
  #drawnFor: SubscriptionOptions | null = null;
  /** Size of the last frame, to ask for room before a frame is drawn. */
  #lastSizeBytes = 0;
  #dueTimer: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(streamId: string, options: SubscriptionOptions, renditions: RenditionCache, port: FramePort) {
    this.streamId = streamId;
    this.#port = port;
    this.#renditions = renditions;
    this.#slot = new FrameSlot(() => port.onSkipped(streamId));
    this.#options = options;
    this.#slot.setMaxFps(options.maxFps);
  }

  /** Replaces the options; a frame being drawn for the old ones is drawn anew. */
  setOptions(options: SubscriptionOptions): void {
    this.#options = options;
    this.#slot.setMaxFps(options.maxFps);
  }

  /** Retains the frame and sends it when its turn comes, unless a newer one comes first. */
  onFrame(frame: OfferedFrame): void {
    if (this.#closed) return;
    frame.retain();
    this.#slot.offer(frame);
    this.#port.onWaiting(this);
  }

  onRemoved(): void {
    this.#port.onStreamRemoved(this.streamId);
  }

  acknowledge(seq: number): void {
    this.#slot.acknowledge(seq);
  }

  /** Starts the waiting frame on its way if nothing stands against it. @returns whether the subscription still waits for room */
  pump(): boolean {
    if (this.#closed) return false;
    const frame = this.#slot.take(performance.now(), this.#hasRoom);
    if (frame === null) {
      this.#watchDue();
    } else {
      this.#drawnFor = this.#options;
      this.#renditions.tell(frame, this.#options.rendition, this);
    }
    return this.#slot.isWaiting;
  }

  /** Lets go of all frames; idempotent. A frame being drawn is let go of when that is done. */
  close(): void {
    this.#closed = true;
    clearTimeout(this.#dueTimer);
    this.#slot.clear();
  }

  /** The frame at work is drawn, or cannot be. */
  onRendition(message: FrameMessage | null, error: unknown): void {
    if (message === null) {
      this.#slot.failed();
      if (!this.#closed) this.#port.onRenderError(this.streamId, error);
    } else {
      this.#lastSizeBytes = message.byteLength;
      this.#finish(message);
    }
    if (this.#closed) this.#slot.clear();
    else if (this.#slot.isWaiting) this.#port.onWaiting(this);
  }

  #finish(message: FrameMessage): void {
    if (this.#closed || this.#drawnFor !== this.#options) {
      this.#slot.putBack('work');
    } else if (!this.#port.hasRoom(message.byteLength)) {
      this.#slot.putBack('room');
    } else {
      this.#port.sendFrame(message);
      this.#slot.sent(performance.now());
    }
  }

  #watchDue(): void {
    const dueMs = this.#slot.msUntilDue(performance.now());
    if (dueMs === null || this.#dueTimer !== undefined) return;
    this.#dueTimer = setTimeout(() => {
      this.#dueTimer = undefined;
      if (!this.#closed) this.#port.onWaiting(this);
    }, Math.ceil(dueMs));
  }
}

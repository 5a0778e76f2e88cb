import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { clock } from '../core/clock.js';
import type { FrameMessage } from './frame-message.js';
import type { ViewerLimits } from './viewer-limits.js';

/** Room for answers beside the frames; a client that makes us answer more without reading is cut off. */
const ANSWER_BYTES = 64 * 1024;
/** Of each viewer's frames one in so many is timed: taking the time of all would be a tenth of what sending costs. */
const TIMED_ONE_IN = 16;

/**
 * The way out of one viewer's socket, of bounded size: frames and statuses that find no room wait with their owner (frames) or
 * here, the newest of each stream only (statuses). Says when the socket has stopped draining.
 */
export class SocketOutbox {
  readonly #ws: WebSocket;
  readonly #socket: Duplex;
  readonly #limits: Pick<ViewerLimits, 'maxBufferedBytes' | 'stallLimitMs'>;
  readonly #onDrained: () => void;
  readonly #onFrameSent: (tookMs: number) => void;
  readonly #statuses = new Map<string, string>();
  #largestBytes = 0;
  #framesSent = 0;
  #asked = false;
  /** Since when nothing drains although something waits, and how much was buffered then. */
  #blocked: { sinceMs: number; bufferedBytes: number } | null = null;

  /** @param onDrained called when bytes left the process; there may be room again
   * @param onFrameSent called when a frame that is timed (the first, then one in 16) has left the process, with the time that it waited for that, ms */
  constructor(ws: WebSocket, socket: Duplex, limits: Pick<ViewerLimits, 'maxBufferedBytes' | 'stallLimitMs'>, onDrained: () => void, onFrameSent: (tookMs: number) => void) {
    this.#ws = ws;
    this.#socket = socket;
    this.#limits = limits;
    this.#onDrained = onDrained;
    this.#onFrameSent = onFrameSent;
  }

  /** Whether something waits for the socket to drain. */
  get isBlocked(): boolean {
    return this.#blocked !== null;
  }

  /** Whether a message of this size may go now: at most two frames of it, or `maxBufferedBytes`, are buffered. */
  hasRoom(sizeBytes: number): boolean {
    const bufferedBytes = this.#ws.bufferedAmount;
    if (bufferedBytes === 0 || bufferedBytes + sizeBytes <= Math.max(this.#limits.maxBufferedBytes, 2 * sizeBytes)) return true;
    this.#blocked ??= { sinceMs: performance.now(), bufferedBytes };
    this.#askWhenDrained();
    return false;
  }

  /** Sends a frame: bytes that all viewers share, past `ws`, which would frame them anew for each. That is safe between its own messages: without compression
   * they are written at once and whole, and none is left open (nothing here sends fragments). `bufferedAmount` counts what waits in the socket either way. */
  sendFrame(message: FrameMessage): void {
    if (this.#ws.readyState !== this.#ws.OPEN) return; // we said goodbye: nothing may follow
    this.#largestBytes = Math.max(this.#largestBytes, message.byteLength);
    const [first, second] = message.wireParts(Math.round(clock.nowMs()));
    const onSent = this.#framesSent % TIMED_ONE_IN === 0 ? this.#timed() : undefined;
    this.#framesSent += 1;
    if (second === undefined) {
      this.#socket.write(first, onSent);
      return;
    }
    this.#socket.cork();
    this.#socket.write(first);
    this.#socket.write(second, onSent);
    this.#socket.uncork();
  }

  /** A callback for each frame would cost as much as the rest of what we do about it, and hardly ever does anybody wait for one. Who has to wait sends a ping: it leaves when
   * all before it has left, and its callback says so. */
  #askWhenDrained(): void {
    if (this.#asked) return;
    this.#asked = true;
    this.#ws.ping(undefined, undefined, (error?: Error | null) => {
      this.#asked = false;
      this.#afterSend(error);
    });
  }

  #timed(): (error?: Error | null) => void {
    const startMs = performance.now();
    return (error) => {
      if (!error) this.#onFrameSent(performance.now() - startMs);
    };
  }

  /** Sends an answer, or cuts the client off when it has us answer without reading. (Pings are ws's own to limit.) */
  sendText(json: string): void {
    this.#largestBytes = Math.max(this.#largestBytes, json.length);
    this.#ws.send(json, this.#afterSend);
    if (this.#ws.bufferedAmount > Math.max(this.#limits.maxBufferedBytes, 2 * this.#largestBytes) + ANSWER_BYTES) this.#ws.terminate();
  }

  /** Sends a stream's status, later and only the newest when there is no room now. */
  sendStatus(streamId: string, json: string): void {
    if (!this.#blocked && this.hasRoom(json.length)) {
      this.sendText(json);
    } else {
      this.#statuses.set(streamId, json);
    }
  }

  /** Forgets the status that waits for a stream that is gone. */
  forgetStatus(streamId: string): void {
    this.#statuses.delete(streamId);
  }

  /** Whether something has waited for `stallLimitMs` without anything draining. */
  isStalled(nowMs: number): boolean {
    if (this.#blocked === null) return false;
    const bufferedBytes = this.#ws.bufferedAmount;
    if (bufferedBytes === 0) {
      this.#afterSend(); // the last to go was a pong of the library's, which tells nobody
      return false;
    }
    if (bufferedBytes < this.#blocked.bufferedBytes) this.#blocked = { sinceMs: nowMs, bufferedBytes };
    return nowMs - this.#blocked.sinceMs >= this.#limits.stallLimitMs;
  }

  readonly #afterSend = (error?: Error | null): void => {
    if (error) return; // the socket's own 'close' follows and ends everything
    if (this.#blocked === null) return; // nobody waits
    this.#blocked = null;
    for (const [streamId, json] of this.#statuses) {
      if (!this.hasRoom(json.length)) return;
      this.#statuses.delete(streamId);
      this.sendText(json);
    }
    this.#onDrained();
  };
}

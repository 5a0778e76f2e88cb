import type { ClientMessage, ServerMessage, SUBPROTOCOL as Subprotocol, SubscribeMessage } from '../../../src/viewers/protocol.js';
import type { StreamCommand } from '../../../src/core/stream-control.js';
import { ClockOffset } from './clock-offset.js';
import { decodeFrameMessage, FrameMessageError, type FrameMessage } from './frame-message.js';
import { reconnectDelayMs } from './reconnect-schedule.js';

const SUBPROTOCOL: typeof Subprotocol = 'sightline.v1';
const PING_EVERY_MS = 5000;
/** A socket that says nothing for this long is dead although nobody closed it; the pongs alone come more often. */
const SILENT_AFTER_MS = 12_000;

export type ConnectionState =
  | { readonly kind: 'connecting' }
  | { readonly kind: 'open' }
  /** `retryAtMs` on the page's clock (`performance.now()`). */
  | { readonly kind: 'lost'; readonly retryAtMs: number };

export type SubscribeOptions = Omit<SubscribeMessage, 'type' | 'stream'>;

/** Told what comes over the connection; times are the page's clock, ms. */
export interface ConnectionListener {
  onState(state: ConnectionState): void;
  onMessage(message: Exclude<ServerMessage, { type: 'pong' }>): void;
  onFrame(message: FrameMessage, receivedAtMs: number): void;
}

/** The page's one socket. It comes back by itself and then asks again for what was wanted. */
export class Connection {
  readonly clock = new ClockOffset();
  readonly #address: () => string | Promise<string>;
  readonly #listener: ConnectionListener;
  readonly #wanted = new Map<string, SubscribeOptions>();
  #socket: WebSocket | null = null;
  /** The address is being found out. */
  #finding = false;
  #greeted = false;
  #failedTries = 0;
  #heardAtMs = 0;
  #retryTimer: number | null = null;
  #pingTimer: number | null = null;
  #closed = false;

  /** @param address where the socket is; a function is asked anew for every try, one that rejects makes the try fail */
  constructor(address: string | (() => Promise<string>), listener: ConnectionListener) {
    this.#address = typeof address === 'string' ? () => address : address;
    this.#listener = listener;
  }

  /** Opens the socket, also after `close`; nothing when it is open. */
  start(): void {
    this.#closed = false;
    if (this.#socket !== null || this.#finding) return;
    this.#clearTimers();
    this.#listener.onState({ kind: 'connecting' });
    this.#open();
  }

  /** Tries at once instead of when the wait is over. */
  retryNow(): void {
    if (this.#socket !== null || this.#finding || this.#closed) return;
    this.#clearTimers();
    this.#open();
  }

  /** Asks for a stream's pictures, or with `null` for none any more; what is asked already is not asked again. */
  want(stream: string, options: SubscribeOptions | null): void {
    const before = this.#wanted.get(stream);
    if (options === null) {
      if (!this.#wanted.delete(stream)) return;
      this.#send({ type: 'unsubscribe', stream });
    } else if (before === undefined || !isSame(before, options)) {
      this.#wanted.set(stream, options);
      this.#subscribe(stream, options);
    }
  }

  /** The stream is gone: there is nothing to unsubscribe from. */
  forget(stream: string): void {
    this.#wanted.delete(stream);
  }

  /** Tells the server that every frame up to `seq` was displayed or discarded. */
  ack(stream: string, seq: number): void {
    if (this.#wanted.has(stream)) this.#send({ type: 'ack', stream, seq });
  }

  /** Asks for something to be done with a stream; what comes of it is seen in its frames and states.
   * @returns whether it could be sent */
  control(stream: string, command: StreamCommand): boolean {
    return this.#send({ type: 'control', stream, ...command });
  }

  /** Closes until `start` is called again; idempotent. */
  close(): void {
    this.#closed = true;
    this.#greeted = false;
    this.#failedTries = 0;
    this.#clearTimers();
    const socket = this.#socket;
    this.#socket = null;
    socket?.close();
  }

  #open(): void {
    const address = this.#address();
    if (typeof address === 'string') this.#openAt(address);
    else void this.#openWhenFound(address);
  }

  async #openWhenFound(address: Promise<string>): Promise<void> {
    this.#finding = true;
    // Why there is none is known to who was asked; here it is one more try that failed.
    const found = await address.catch(() => null);
    this.#finding = false;
    if (this.#closed) return;
    if (found === null) this.#lose();
    else this.#openAt(found);
  }

  #openAt(address: string): void {
    const socket = new WebSocket(address, SUBPROTOCOL);
    socket.binaryType = 'arraybuffer';
    this.#socket = socket;
    this.#heardAtMs = performance.now();
    // A socket that was given up may still report: only the present one counts.
    const whenCurrent = (react: () => void) => (): void => {
      if (this.#socket === socket) react();
    };
    socket.addEventListener('close', whenCurrent(() => { this.#lose(); }));
    socket.addEventListener('message', (event: MessageEvent<string | ArrayBuffer>) => { whenCurrent(() => { this.#receive(event.data); })(); });
    this.#pingTimer = window.setInterval(() => { this.#ping(); }, PING_EVERY_MS);
  }

  #lose(): void {
    this.#socket = null;
    this.#greeted = false;
    this.#clearTimers();
    const delayMs = reconnectDelayMs(this.#failedTries, Math.random());
    this.#failedTries += 1;
    this.#retryTimer = window.setTimeout(() => { this.retryNow(); }, delayMs);
    this.#listener.onState({ kind: 'lost', retryAtMs: performance.now() + delayMs });
  }

  #receive(data: string | ArrayBuffer): void {
    const nowMs = performance.now();
    this.#heardAtMs = nowMs;
    if (typeof data === 'string') {
      this.#receiveMessage(JSON.parse(data) as ServerMessage, nowMs);
      return;
    }
    try {
      this.#listener.onFrame(decodeFrameMessage(data), nowMs);
    } catch (error) {
      if (!(error instanceof FrameMessageError)) throw error;
      // A server that frames wrongly cannot be trusted with the next message either.
      this.#giveUp();
    }
  }

  #receiveMessage(message: ServerMessage, nowMs: number): void {
    if (message.type === 'pong') {
      this.clock.add(message.t, nowMs, message.nowMs);
      return;
    }
    if (message.type === 'hello') this.#greet(message.nowMs, message.streams.map(({ id }) => id), nowMs);
    this.#listener.onMessage(message);
  }

  #greet(serverNowMs: number, streams: readonly string[], nowMs: number): void {
    this.#greeted = true;
    this.#failedTries = 0;
    this.clock.reset(nowMs, serverNowMs);
    for (const stream of this.#wanted.keys()) if (!streams.includes(stream)) this.#wanted.delete(stream);
    for (const [stream, options] of this.#wanted) this.#subscribe(stream, options);
    this.#ping();
    this.#listener.onState({ kind: 'open' });
  }

  /** The first acknowledgement goes out at once: until it has one the server sends as much as the connection swallows, which on a slow one is seconds of old pictures. */
  #subscribe(stream: string, options: SubscribeOptions): void {
    this.#send({ type: 'subscribe', stream, ...options });
    this.#send({ type: 'ack', stream, seq: 0 });
  }

  #ping(): void {
    if (performance.now() - this.#heardAtMs > SILENT_AFTER_MS) this.#giveUp();
    else this.#send({ type: 'ping', t: performance.now() });
  }

  /** Leaves a socket that is of no use, without waiting for a close that may never come. */
  #giveUp(): void {
    const socket = this.#socket;
    if (socket === null) return;
    this.#lose();
    socket.close();
  }

  /** @returns whether there was a connection to send it on */
  #send(message: ClientMessage): boolean {
    if (!this.#greeted || this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  #clearTimers(): void {
    if (this.#retryTimer !== null) window.clearTimeout(this.#retryTimer);
    if (this.#pingTimer !== null) window.clearInterval(this.#pingTimer);
    this.#retryTimer = null;
    this.#pingTimer = null;
  }
}

function isSame(a: SubscribeOptions, b: SubscribeOptions): boolean {
  return a.maxWidthPx === b.maxWidthPx && a.maxFps === b.maxFps && a.render === b.render;
}

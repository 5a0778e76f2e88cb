import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import { clock } from '../core/clock.js';
import { CommandNotSupportedError } from '../core/errors.js';
import type { Logger } from '../telemetry/logger.js';
import { parseClientMessage, type BadMessageCode } from './client-message.js';
import type { FrameHub, StatusSink } from './frame-hub.js';
import type { FrameMessage } from './frame-message.js';
import { Heartbeat } from './heartbeat.js';
import type { ClientMessage, ControlMessage, ServerMessage, SubscribeMessage } from './protocol.js';
import { chooseRendition, type RenditionCache } from './rendition.js';
import { SocketOutbox } from './socket-outbox.js';
import type { StreamDirectory } from './stream-directory.js';
import { StreamSubscription, type FramePort, type SubscriptionOptions } from './stream-subscription.js';
import { StrikeCounter } from './strike-counter.js';
import { maySee, type Principal } from './tokens.js';
import type { ViewerLimits } from './viewer-limits.js';

/** What all viewers share. */
export type ViewerContext = {
  readonly directory: StreamDirectory;
  readonly hub: FrameHub;
  readonly renditions: RenditionCache;
  readonly limits: ViewerLimits;
  readonly log: Logger;
  /** Whether somebody who was let in is still welcome: the token has not expired, changed or gone. */
  readonly isValid: (principal: Principal) => boolean;
  /** Tells that a frame could not be drawn; limits how often that is logged. */
  readonly onRenderError: (streamId: string, error: unknown) => void;
  /** Tells how long a frame took to leave the process, ms. */
  readonly onFrameSent: (tookMs: number) => void;
};

const CLOSE_POLICY = 1008;
const CLOSE_EXPIRED = 4401;
const MAX_GONE = 256;

type Entry = { readonly subscription: StreamSubscription; readonly stop: () => void };

/** One viewer: reads its messages, holds its subscriptions, sends what they let through. Ends with its socket. */
export class ViewerSocket implements FramePort, StatusSink {
  readonly #ws: WebSocket;
  readonly #principal: Principal;
  readonly #context: ViewerContext;
  readonly #outbox: SocketOutbox;
  readonly #heartbeat: Heartbeat;
  readonly #strikes: StrikeCounter;
  readonly #subscriptions = new Map<string, Entry>();
  /** Streams that went while subscribed: what the viewer still says about them is no mistake. */
  readonly #gone = new Set<string>();
  /** Subscriptions with a frame that waits, the longest waiting first. */
  readonly #waiting = new Set<StreamSubscription>();
  readonly #stopStatus: () => void;
  #released = false;

  /** @param onClosed called once, when the socket is gone */
  constructor(ws: WebSocket, socket: Duplex, principal: Principal, context: ViewerContext, onClosed: () => void) {
    this.#ws = ws;
    this.#principal = principal;
    this.#context = context;
    this.#outbox = new SocketOutbox(ws, socket, context.limits, () => this.#pump(), context.onFrameSent);
    this.#heartbeat = new Heartbeat(context.limits, performance.now());
    this.#strikes = new StrikeCounter(context.limits.maxBadMessages, context.limits.badMessageWindowMs);
    ws.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary));
    ws.on('pong', () => this.#heartbeat.alive());
    ws.on('error', (error) => {
      context.log.debug({ err: error }, 'viewer broke the protocol or the connection');
      this.#release();
    });
    ws.on('close', () => {
      this.#release();
      onClosed();
    });
    const streams = context.directory.list().filter((status) => maySee(principal, status.id));
    this.#send({ type: 'hello', version: 1, nowMs: Math.round(clock.nowMs()), streams });
    this.#stopStatus = context.hub.subscribeStatus(this);
  }

  /** Looks after the socket: pings, and gives up one that is dead, stalled or no longer allowed. @param nowMs of `performance.now()` */
  tick(nowMs: number): void {
    if (!this.checkToken()) return;
    const beat = this.#heartbeat.tick(nowMs);
    if (beat === 'dead' || this.#outbox.isStalled(nowMs)) {
      this.terminate();
    } else if (beat === 'ping' && this.#ws.readyState === this.#ws.OPEN) {
      this.#ws.ping();
    }
  }

  /** Says goodbye to one whose token no longer counts. @returns whether it still does */
  checkToken(): boolean {
    if (this.#context.isValid(this.#principal)) return true;
    this.close(CLOSE_EXPIRED, 'token expired or withdrawn');
    return false;
  }

  /** Stops sending and says goodbye; the socket goes when the client answers or the closing timeout passes. */
  close(code: number, reason: string): void {
    this.#release();
    this.#ws.close(code, reason);
  }

  /** Cuts the connection. */
  terminate(): void {
    this.#release();
    this.#ws.terminate();
  }

  onStatus(streamId: string, json: string): void {
    if (maySee(this.#principal, streamId)) this.#outbox.sendStatus(streamId, json);
  }

  onRemoved(streamId: string): void {
    if (!maySee(this.#principal, streamId)) return;
    this.#outbox.forgetStatus(streamId);
    this.#send({ type: 'removed', stream: streamId });
  }

  hasRoom(sizeBytes: number): boolean {
    return this.#outbox.hasRoom(sizeBytes);
  }

  sendFrame(message: FrameMessage): void {
    this.#outbox.sendFrame(message);
  }

  onWaiting(subscription: StreamSubscription): void {
    // While others wait for room, its turn is behind theirs.
    if (this.#outbox.isBlocked || subscription.pump()) this.#waiting.add(subscription);
    else if (this.#waiting.size > 0) this.#waiting.delete(subscription);
  }

  onSkipped(streamId: string): void {
    this.#context.directory.addViewerSkipped(streamId, 1);
  }

  onRenderError(streamId: string, error: unknown): void {
    this.#context.onRenderError(streamId, error);
  }

  onStreamRemoved(stream: string): void {
    this.#unsubscribe(stream);
    this.#gone.add(stream);
    // What crosses with a removal comes at once: the last few are enough to know.
    for (const oldest of this.#gone) if (this.#gone.size > MAX_GONE) this.#gone.delete(oldest);
  }

  #pump(): void {
    for (const subscription of this.#waiting) {
      if (this.#outbox.isBlocked) return;
      if (!subscription.pump()) this.#waiting.delete(subscription);
    }
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (this.#released) return; // said after we said goodbye
    this.#heartbeat.alive();
    if (!this.checkToken()) return;
    if (isBinary) return this.#refuse('bad-message', 'Expected text, got a binary message');
    const parsed = parseClientMessage(data);
    if (!parsed.ok) return this.#refuse(parsed.code, parsed.message);
    this.#handle(parsed.message);
  }

  #handle(message: ClientMessage): void {
    if (message.type === 'ping') return this.#send({ type: 'pong', t: message.t, nowMs: Math.round(clock.nowMs()) });
    const { stream } = message;
    if (message.type !== 'subscribe' && this.#gone.has(stream)) return;
    if (!maySee(this.#principal, stream)) return this.#refuse('forbidden', 'Your token does not cover this stream', stream);
    const status = this.#context.directory.get(stream);
    if (status === undefined) return this.#refuse('unknown-stream', 'There is no such stream', stream);
    switch (message.type) {
      case 'subscribe':
        return this.#subscribe(message, toOptions(message, status.widthPx));
      case 'unsubscribe':
        return this.#unsubscribe(stream);
      case 'ack':
        return this.#acknowledge(stream, message.seq);
      case 'control':
        return this.#control(message);
    }
  }

  #control(command: ControlMessage): void {
    const { stream } = command;
    if (this.#principal.role !== 'operator') return this.#refuse('forbidden', 'Your token only lets you look', stream);
    this.#context.directory.control(stream, command).catch((error: unknown) => {
      // The status tells how it went; what cannot be done is said to who asked.
      const code = error instanceof CommandNotSupportedError ? error.code : 'internal';
      if (code === 'internal') this.#context.log.error({ err: error, stream }, 'a command failed');
      this.#send({ type: 'error', code, message: error instanceof CommandNotSupportedError ? error.message : 'The command failed; the log says why', stream });
    });
  }

  #subscribe({ stream }: SubscribeMessage, options: SubscriptionOptions): void {
    const known = this.#subscriptions.get(stream);
    if (known !== undefined) {
      known.subscription.setOptions(options);
      return this.#offerLatest(known.subscription);
    }
    this.#gone.delete(stream);
    const subscription = new StreamSubscription(stream, options, this.#context.renditions, this);
    this.#subscriptions.set(stream, { subscription, stop: this.#context.hub.subscribe(stream, subscription) });
    this.#offerLatest(subscription);
  }

  #offerLatest(subscription: StreamSubscription): void {
    const latest = this.#context.directory.latest(subscription.streamId);
    if (latest === undefined) return;
    subscription.onFrame(latest);
    latest.release();
  }

  #unsubscribe(stream: string): void {
    const entry = this.#subscriptions.get(stream);
    if (entry === undefined) return;
    this.#subscriptions.delete(stream);
    this.#waiting.delete(entry.subscription);
    entry.stop();
    entry.subscription.close();
  }

  #acknowledge(stream: string, seq: number): void {
    const subscription = this.#subscriptions.get(stream)?.subscription;
    if (subscription === undefined) return; // crossed with an unsubscribe
    subscription.acknowledge(seq);
    if (this.#waiting.has(subscription)) this.onWaiting(subscription);
  }

  #refuse(code: BadMessageCode, message: string, stream?: string): void {
    this.#send({ type: 'error', code, message, ...(stream === undefined ? {} : { stream: stream.slice(0, 64) }) });
    if (this.#strikes.strike(performance.now())) this.close(CLOSE_POLICY, 'too many bad messages');
  }

  #send(message: ServerMessage): void {
    this.#outbox.sendText(JSON.stringify(message));
  }

  /** Gives back everything that is held for this viewer; idempotent. */
  #release(): void {
    this.#released = true;
    this.#stopStatus();
    for (const stream of [...this.#subscriptions.keys()]) this.#unsubscribe(stream);
  }
}

function toOptions(message: SubscribeMessage, displayWidthPx: number | null): SubscriptionOptions {
  return { rendition: chooseRendition(message.maxWidthPx, displayWidthPx, message.render !== 'client'), maxFps: message.maxFps ?? null };
}

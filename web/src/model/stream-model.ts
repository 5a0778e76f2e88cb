import type { StreamStatus } from '../../../src/core/stream-status.js';
import type { ClockOffset } from '../connection/clock-offset.js';
import { FramePlayer, type ShownFrame } from '../picture/frame-player.js';
import { FpsMeter } from './fps-meter.js';
import type { FrameTally } from './frame-budget.js';
import { STALE_AGE_MS, streamFace, type StreamFace } from './stream-face.js';

/** Something that shows a stream's frames. */
export interface FrameView {
  /** Called inside an animation frame; the bitmap is valid until the next call. */
  present(frame: ShownFrame): void;
}

/** What a stream looks like at one moment, for everything that tells of it. */
export type StreamMoment = {
  readonly status: StreamStatus;
  readonly face: StreamFace;
  /** Measured here; `null` when too few frames were shown to tell. */
  readonly fps: number | null;
  /** Age of the picture on the screen, ms. */
  readonly ageMs: number | null;
  readonly frame: ShownFrame | null;
  /** Whether frames come: seen by the page, or, for a stream that nobody looks at here, told by the server. */
  readonly live: boolean;
};

/** One stream as the page knows it: what the server last said of it and the frame on the screen. */
export class StreamModel {
  status: StreamStatus;
  readonly player: FramePlayer;
  readonly #fps = new FpsMeter();
  readonly #views = new Set<FrameView>();
  #askedAtMs: number | null = null;
  /** When the frame on the screen first came: the server sends its newest again to whoever asks again, and that makes it no younger. */
  #newest: { readonly seq: number; readonly arrivedAtMs: number } | null = null;

  /** @param tally counts the frames of the whole page */
  constructor(status: StreamStatus, onSettled: (seq: number) => void, tally?: FrameTally) {
    this.status = status;
    this.player = new FramePlayer({ onShow: (frame) => { this.#show(frame); }, onSettled }, tally);
  }

  /** Width over height of the picture; 16:9 until it is known. */
  get aspect(): number {
    const { widthPx, heightPx } = this.status;
    if (widthPx !== null && heightPx !== null && widthPx > 0 && heightPx > 0) return widthPx / heightPx;
    const header = this.player.shown?.header;
    return header === undefined ? 16 / 9 : header.widthPx / header.heightPx;
  }

  /** Adds a view, which at once gets the picture that is there. */
  attach(view: FrameView): void {
    this.#views.add(view);
    if (this.player.shown !== null) view.present(this.player.shown);
  }

  detach(view: FrameView): void {
    this.#views.delete(view);
  }

  /** Notes whether pictures are asked for now. */
  setAsked(asked: boolean, nowMs: number): void {
    if (asked === (this.#askedAtMs !== null)) return;
    this.#askedAtMs = asked ? nowMs : null;
    this.#fps.clear();
    if (!asked) this.player.flush();
  }

  /** The connection is lost: what it brought and is not shown yet must not be acknowledged on the next one. */
  interrupt(nowMs: number): void {
    this.player.flush();
    this.#fps.clear();
    if (this.#askedAtMs !== null) this.#askedAtMs = nowMs;
  }

  /** @param nowMs the page's clock */
  moment(clock: ClockOffset, connected: boolean, nowMs: number): StreamMoment {
    const frame = this.player.shown;
    const serverNowMs = clock.toServerMs(nowMs);
    const ageMs = frame === null || serverNowMs === null ? null : frameAgeMs(frame, serverNowMs, nowMs);
    const face = streamFace(this.status, {
      connected,
      sinceFrameMs: this.#newest === null ? null : nowMs - this.#newest.arrivedAtMs,
      ageMs,
      sinceAskedMs: this.#askedAtMs === null ? null : nowMs - this.#askedAtMs,
      detected: frame === null ? null : frame.header.model !== null,
      retryInMs: this.status.retryAtMs === null || serverNowMs === null ? null : this.status.retryAtMs - serverNowMs,
    });
    const live = face.live || (connected && this.#askedAtMs === null && isLiveAtServer(this.status));
    return { status: this.status, face, fps: this.#fps.fps(nowMs), ageMs, frame, live };
  }

  close(): void {
    this.#views.clear();
    this.player.close();
  }

  #show(frame: ShownFrame): void {
    if (this.#newest?.seq !== frame.header.seq) {
      this.#newest = { seq: frame.header.seq, arrivedAtMs: frame.receivedAtMs };
      this.#fps.add(frame.shownAtMs);
    }
    for (const view of this.#views) view.present(frame);
  }
}

/** A frame is at least as old as it was when it was sent and the time since it came, however wrongly the clocks are compared. */
function frameAgeMs({ header, receivedAtMs }: ShownFrame, serverNowMs: number, nowMs: number): number {
  const knownMs = header.sentAtMs - header.capturedAtMs + (nowMs - receivedAtMs);
  return Math.max(0, knownMs, serverNowMs - header.capturedAtMs);
}

/** Whether the server itself sees frames coming: a stream can be running without any. */
function isLiveAtServer({ state, mode, ageMs, measuredFps }: StreamStatus): boolean {
  if (state !== 'running' || measuredFps === null || measuredFps === 0) return false;
  return mode === 'replay' || (ageMs !== null && ageMs <= STALE_AGE_MS);
}

import type { PlaybackSpeed, StreamCommand } from '../../../src/core/stream-control.js';
import type { StreamStatus } from '../../../src/core/stream-status.js';
import type { FrameHeader } from '../../../src/viewers/protocol.js';
import { COMMAND_LASTS_MS, SeekQueue } from './seek-queue.js';

export type Motion = 'playing' | 'paused' | 'ended';

/** How a recording stands, for people: the server's word, and for as long as a command is on its way (a second at most) what was asked for. */
export type PlaybackView = {
  readonly motion: Motion;
  /** Of the frame on the screen, or where it is being sent, ms after the first frame; `null` before there is a frame. */
  readonly positionMs: number | null;
  readonly durationMs: number | null;
  readonly speed: PlaybackSpeed;
};

type Wish<T> = { readonly value: T; readonly atMs: number };

/** The fastest there is a number for: `max` moves as fast as it can. */
const MAX_AS_NUMBER = 16;

/** What a hand may do to a recording, and how it stands. */
export class Playback {
  /** @returns whether it could be sent */
  readonly #send: (command: StreamCommand) => boolean;
  readonly #seeks: SeekQueue;
  #status: StreamStatus;
  #shown: { readonly seq: number; readonly positionMs: number } | null = null;
  #motion: Wish<Motion> | null = null;
  #speed: Wish<PlaybackSpeed> | null = null;
  /** It was playing when the hand took hold of it. */
  #resumes = false;
  #scrubs = false;

  constructor(status: StreamStatus, send: (command: StreamCommand) => boolean) {
    this.#status = status;
    this.#send = send;
    this.#seeks = new SeekQueue((positionMs) => send({ action: 'seek', positionMs }));
  }

  view(nowMs: number): PlaybackView {
    const { durationMs, speed } = this.#status;
    return {
      motion: wished(this.#motion, nowMs) ?? motionOf(this.#status),
      positionMs: this.#seeks.targetMs ?? this.#shown?.positionMs ?? null,
      durationMs,
      speed: wished(this.#speed, nowMs) ?? speed ?? 1,
    };
  }

  /** Takes the server's word. */
  update(status: StreamStatus, nowMs: number): void {
    this.#status = status;
    if (this.#motion?.value === motionOf(status)) this.#motion = null;
    if (this.#speed?.value === status.speed) this.#speed = null;
    this.#seeks.tick(nowMs);
  }

  /** Tells which frame is on the screen.
   * @returns whether it is the one that was sought */
  present({ seq, positionMs = this.#status.positionMs ?? 0 }: FrameHeader, nowMs: number): boolean {
    const { motion, speed } = this.view(nowMs);
    this.#shown = { seq, positionMs };
    return this.#seeks.shown(this.#shown, motion === 'paused' ? null : speed === 'max' ? MAX_AS_NUMBER : speed, nowMs);
  }

  /** Pauses what plays, plays what does not; what has ended begins anew. */
  toggle(nowMs: number): void {
    this.#move(this.view(nowMs).motion === 'playing' ? 'pause' : 'play', nowMs);
  }

  seek(positionMs: number, nowMs: number): void {
    this.#seeks.request(Math.max(0, Math.min(positionMs, this.#status.durationMs ?? Number.POSITIVE_INFINITY)), nowMs);
  }

  /** Seeks from where it is, or is going. */
  seekBy(byMs: number, nowMs: number): void {
    const { positionMs } = this.view(nowMs);
    if (positionMs !== null) this.seek(positionMs + byMs, nowMs);
  }

  /** Shows the frame so many (not 0) further on and stays there. */
  step(frames: number, nowMs: number): void {
    if (this.view(nowMs).motion !== 'paused') this.#move('pause', nowMs);
    this.#send({ action: 'step', frames });
  }

  setSpeed(speed: PlaybackSpeed, nowMs: number): void {
    if (this.#send({ action: 'speed', speed })) this.#speed = { value: speed, atMs: nowMs };
  }

  /** A hand drags it along: it does not run away meanwhile. */
  scrub(positionMs: number, nowMs: number): void {
    if (!this.#scrubs) this.#resumes = false;
    this.#scrubs = true;
    if (this.view(nowMs).motion === 'playing') {
      this.#move('pause', nowMs);
      this.#resumes = true;
    }
    this.seek(positionMs, nowMs);
  }

  /** The hand lets go. */
  endScrub(nowMs: number): void {
    this.#scrubs = false;
    this.#seeks.flush(nowMs);
    if (this.#resumes) this.#move('play', nowMs);
    this.#resumes = false;
  }

  #move(action: 'pause' | 'play', nowMs: number): void {
    if (this.#send({ action })) this.#motion = { value: action === 'play' ? 'playing' : 'paused', atMs: nowMs };
  }
}

function motionOf({ state }: StreamStatus): Motion {
  if (state === 'paused') return 'paused';
  return state === 'running' || state === 'starting' ? 'playing' : 'ended';
}

function wished<T>(wish: Wish<T> | null, nowMs: number): T | null {
  return wish !== null && nowMs - wish.atMs < COMMAND_LASTS_MS ? wish.value : null;
}

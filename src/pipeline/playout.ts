import type { DetectedFrame } from '../core/frames.js';
import type { PlaybackSpeed, StreamCommand } from '../core/stream-control.js';
import type { SeekTarget } from '../sources/video-source.js';
import { Pacer } from './pacer.js';

export type PlayoutOptions = {
  /** Shows a frame; it is the receiver's then. */
  readonly show: (detected: DetectedFrame) => void;
  /** A frame that is jumped over; it is the receiver's then. */
  readonly drop: (detected: DetectedFrame) => void;
  /** Sends the source elsewhere, and what waits to be looked at away.
   * @returns see {@link VideoSource.seek} */
  readonly seek: (target: SeekTarget) => number;
  /** Called when `state` may have changed. */
  readonly onChange: () => void;
};

/** What people have done to a replay; one that nobody has touched plays by itself. */
export type PlaybackHand = { readonly isTouched: boolean; readonly isPlaying: boolean; readonly speed: PlaybackSpeed };

/** Shows the frames of a replay, which come looked at, in order and ahead of time, each when it is due; and does what the hand on it asks: pause, play, speed, seek, step.
 * Holds what was requested of the source and not shown, at most. */
export class Playout {
  readonly #options: PlayoutOptions;
  readonly #pacer = new Pacer();
  readonly #waiting: DetectedFrame[] = [];
  #timer: NodeJS.Timeout | null = null;
  #playing = false;
  /** A frame is shown at once although it is paused: the first of all, and the one of a seek or a step. */
  #owed = true;
  /** Frames below this were on their way when the source was sent elsewhere. */
  #sinceSeq = 0;
  #shown: { readonly ptsMs: number } | null = null;
  /** Steps that were asked for while a frame was owed. */
  #stepsToCome = 0;
  #touched = false;
  #sourceEnded = false;
  #closed = false;

  constructor(options: PlayoutOptions) {
    this.#options = options;
  }

  get playing(): boolean {
    return this.#playing;
  }

  get hand(): PlaybackHand {
    return { isTouched: this.#touched, isPlaying: this.#playing, speed: this.speed };
  }

  get speed(): PlaybackSpeed {
    return this.#pacer.speed;
  }

  /** Whether all there is was shown. */
  get ended(): boolean {
    return this.#sourceEnded && this.#waiting.length === 0;
  }

  /** Takes a frame that was looked at. */
  push(detected: DetectedFrame): void {
    if (this.#closed || detected.frame.seq < this.#sinceSeq) {
      this.#options.drop(detected);
      return;
    }
    this.#waiting.push(detected);
    this.#pump();
  }

  /** Tells whether the source is through: no frame comes any more until it is sent elsewhere. */
  setSourceEnded(ended: boolean): void {
    this.#sourceEnded = ended;
    // The frame behind the last one never comes.
    if (!ended || this.#waiting.length > 0 || this.#shown === null) return;
    this.#owed = false;
    this.#takeSteps();
  }

  /** Plays for the first one who looks, unless somebody had a hand on it before. */
  watched(): void {
    if (!this.#touched) this.#play();
  }

  control(command: StreamCommand): void {
    this.#touched = true;
    switch (command.action) {
      case 'pause':
        this.#playing = false;
        this.#clearTimer();
        break;
      case 'play':
        if (this.ended) this.#goTo({ positionMs: 0 });
        this.#play();
        break;
      case 'seek':
        this.#stepsToCome = 0;
        this.#goTo({ positionMs: command.positionMs });
        break;
      case 'step':
        this.#stepsToCome += command.frames;
        if (!this.#owed) this.#takeSteps();
        break;
      case 'speed':
        this.#pacer.setSpeed(command.speed, performance.now());
        this.#clearTimer();
        this.#pump();
    }
    this.#options.onChange();
  }

  /** Goes on as another did. @param positionMs where, as in a seek; `null` or 0: from the beginning */
  take({ isTouched, isPlaying, speed }: PlaybackHand, positionMs: number | null): void {
    const isMoved = positionMs !== null && positionMs > 0;
    if (speed !== this.speed) this.control({ action: 'speed', speed });
    if (isMoved) this.control({ action: 'seek', positionMs });
    if (isTouched || isMoved) this.control({ action: isPlaying ? 'play' : 'pause' });
  }

  /** Lets go of what waits. Idempotent. */
  close(): void {
    this.#closed = true;
    this.#clearTimer();
    this.#dropWaiting();
  }

  #play(): void {
    if (!this.#playing) this.#pacer.reset();
    this.#playing = true;
    this.#pump();
    this.#options.onChange();
  }

  #goTo(target: SeekTarget): void {
    this.#clearTimer();
    this.#owed = true;
    this.#sourceEnded = false;
    this.#sinceSeq = this.#options.seek(target);
    this.#pacer.reset();
    this.#dropWaiting();
  }

  #takeSteps(): void {
    const frames = this.#stepsToCome;
    const from = this.#shown;
    this.#stepsToCome = 0;
    if (frames === 0 || from === null || (frames > 0 && this.ended)) return;
    if (frames > 0 && this.#waiting.length >= frames) {
      for (const detected of this.#waiting.splice(0, frames - 1)) this.#options.drop(detected);
      this.#owed = true;
      this.#clearTimer();
      this.#pacer.reset();
      this.#pump();
      return;
    }
    this.#goTo({ fromPtsMs: from.ptsMs, frames });
  }

  #pump(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#owed) {
        if (!this.#playing) return;
        const waitMs = this.#pacer.waitMs(next.frame.ptsMs, performance.now());
        if (waitMs > 0) {
          this.#timer ??= setTimeout(() => {
            this.#timer = null;
            this.#pump();
          }, Math.ceil(waitMs));
          return;
        }
      }
      this.#waiting.shift();
      this.#owed = false;
      this.#shown = { ptsMs: next.frame.ptsMs };
      this.#pacer.shown(next.frame.ptsMs, performance.now());
      this.#options.show(next);
      this.#takeSteps();
    }
    if (this.#sourceEnded) this.#options.onChange();
  }

  #dropWaiting(): void {
    for (const detected of this.#waiting.splice(0)) this.#options.drop(detected);
  }

  #clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

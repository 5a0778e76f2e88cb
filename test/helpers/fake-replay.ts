import type { Detection } from '../../src/core/frames.js';
import type { PlaybackSpeed, StreamCommand } from '../../src/core/stream-control.js';
import type { FakeDirectory } from './fake-directory.js';

export type FakeReplayOptions = {
  readonly id?: string;
  readonly frames?: number;
  /** Of the recording, ms a frame. */
  readonly intervalMs?: number;
  /** What is on the nth frame; default: what every scripted frame has. */
  readonly detections?: (frame: number) => readonly Detection[];
  /** Commands are taken note of and nothing else happens: a server that does not get to it. */
  readonly deaf?: boolean;
};

/** A recording of a {@link FakeDirectory} that does what it is told, as a pipeline would: shows the frame of a seek or a step, plays at its speed, ends. */
export class FakeReplay {
  readonly id: string;
  /** Frames that were shown, in order, by their place in the recording. */
  readonly shown: number[] = [];
  deaf: boolean;
  readonly #directory: FakeDirectory;
  readonly #frames: number;
  readonly #intervalMs: number;
  readonly #options: FakeReplayOptions;
  #at = 0;
  #speed: PlaybackSpeed = 1;
  #playing = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(directory: FakeDirectory, options: FakeReplayOptions = {}) {
    this.#directory = directory;
    this.#options = options;
    this.id = options.id ?? 'clip';
    this.#frames = options.frames ?? 1_000;
    this.#intervalMs = options.intervalMs ?? 40;
    this.deaf = options.deaf ?? false;
    directory.addStream(this.id, { mode: 'replay', name: 'The clip', state: 'paused', durationMs: this.#frames * this.#intervalMs, positionMs: 0, speed: 1, ageMs: null });
    directory.onCommand = (id, command) => {
      if (id === this.id && !this.deaf) this.#obey(command);
    };
    this.#show(0);
  }

  get frame(): number {
    return this.#at;
  }

  /** Tells what the server would tell within a second. */
  tell(): void {
    const ended = this.#at === this.#frames - 1;
    this.#directory.setStatus(this.id, { state: ended ? 'ended' : this.#playing ? 'running' : 'paused', positionMs: this.#at * this.#intervalMs, speed: this.#speed });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#directory.onCommand = null;
  }

  #obey(command: StreamCommand): void {
    switch (command.action) {
      case 'play':
        if (this.#at === this.#frames - 1) this.#show(0);
        this.#playing = true;
        break;
      case 'pause':
        this.#playing = false;
        break;
      case 'seek':
        this.#show(Math.floor(command.positionMs / this.#intervalMs + 1e-6));
        break;
      case 'step':
        this.#show(this.#at + command.frames);
        break;
      case 'speed':
        this.#speed = command.speed;
    }
    this.tell();
    this.#plan();
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (!this.#playing || this.#at >= this.#frames - 1) return;
    this.#timer = setTimeout(() => {
      this.#show(this.#at + 1);
      if (this.#at === this.#frames - 1) this.tell();
      this.#plan();
    }, this.#speed === 'max' ? 2 : this.#intervalMs / this.#speed);
  }

  #show(frame: number): void {
    this.#at = Math.max(0, Math.min(this.#frames - 1, frame));
    this.shown.push(this.#at);
    const detections = this.#options.detections?.(this.#at);
    this.#directory.offer(this.id, { ptsMs: this.#at * this.#intervalMs, ...(detections !== undefined && { detections }) });
  }
}

import { clock } from '../../core/clock.js';
import type { SplitFrame } from './frame-splitter.js';

/** One frame in both sizes with its time; its buffers belong to the pools they came from. */
export type JoinedFrame = {
  readonly ptsMs: number;
  readonly model: Buffer;
  readonly display: Buffer;
  /** When the last byte of its pictures came, epoch ms. */
  readonly capturedAtMs: number;
  /** From the first byte of either size to the last of both, ms. */
  readonly captureMs: number;
};

/** Puts the nth model input, the nth display picture and the nth time together, in whatever order they come. */
export class FrameJoiner {
  readonly #onJoined: (frame: JoinedFrame) => void;
  readonly #models: SplitFrame[] = [];
  readonly #displays: SplitFrame[] = [];
  readonly #times: number[] = [];

  constructor(onJoined: (frame: JoinedFrame) => void) {
    this.#onJoined = onJoined;
  }

  /** Parts that wait for their counterparts. */
  get waiting(): { readonly models: number; readonly displays: number; readonly times: number } {
    return { models: this.#models.length, displays: this.#displays.length, times: this.#times.length };
  }

  pushModel(frame: SplitFrame): void {
    this.#models.push(frame);
    this.#join();
  }

  pushDisplay(frame: SplitFrame): void {
    this.#displays.push(frame);
    this.#join();
  }

  pushTime(ptsMs: number): void {
    this.#times.push(ptsMs);
    this.#join();
  }

  /** Which output is behind the others by a frame or more; `null` when all are level. */
  get behind(): 'model' | 'display' | 'times' | null {
    const [models, displays, times] = [this.#models.length, this.#displays.length, this.#times.length];
    if (models === displays && displays === times) return null;
    const least = Math.min(models, displays, times);
    return displays === least ? 'display' : models === least ? 'model' : 'times';
  }

  /** By how many frames that output is behind the one that is ahead of all. */
  get lag(): number {
    const counts = [this.#models.length, this.#displays.length, this.#times.length];
    return Math.max(...counts) - Math.min(...counts);
  }

  /** Empties it; the buffers go to the caller, who releases them. */
  drain(): { readonly models: readonly Buffer[]; readonly displays: readonly Buffer[]; readonly times: number } {
    const times = this.#times.splice(0).length;
    return { models: this.#models.splice(0).map((frame) => frame.data), displays: this.#displays.splice(0).map((frame) => frame.data), times };
  }

  #join(): void {
    const [model, display, ptsMs] = [this.#models[0], this.#displays[0], this.#times[0]];
    if (model === undefined || display === undefined || ptsMs === undefined) return;
    this.#models.shift();
    this.#displays.shift();
    this.#times.shift();
    const lastByteMs = Math.max(model.lastByteMs, display.lastByteMs);
    const captureMs = lastByteMs - Math.min(model.firstByteMs, display.firstByteMs);
    this.#onJoined({ ptsMs, model: model.data, display: display.data, capturedAtMs: clock.atMs(lastByteMs), captureMs });
  }
}

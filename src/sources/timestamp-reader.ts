import { LineSplitter } from '../ffmpeg/line-splitter.js';
import { ticksToMs, type Rational } from '../ffmpeg/rational.js';

/** Reads the times that ffmpeg's `metadata=print` writes, one for each frame, in the order of the frames.
 * A frame without a time gets the one before it plus the expected interval, so that the count always fits. */
export class TimestampReader {
  readonly #lines: LineSplitter;
  #lastMs: number | null = null;

  /** @param timeBase of the printed integers
   * @param intervalMs expected distance of frames, for those that have no time
   * @param onTime called with each frame's presentation time, ms */
  constructor(timeBase: Rational, intervalMs: number, onTime: (ptsMs: number) => void) {
    this.#lines = new LineSplitter((line) => {
      const pts = /^frame:\s*\d+\s+pts:\s*(-?\d+|\S+)/u.exec(line)?.[1];
      if (pts === undefined) return;
      const ticks = Number(pts);
      this.#lastMs = Number.isInteger(ticks) ? ticksToMs(ticks, timeBase) : this.#lastMs === null ? 0 : this.#lastMs + intervalMs;
      onTime(this.#lastMs);
    });
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }
}

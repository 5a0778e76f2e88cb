import { LineSplitter } from '../../ffmpeg/line-splitter.js';
import { ticksToMs, type Rational } from '../../ffmpeg/rational.js';

export type TimestampOptions = {
  /** Of the printed integers. */
  readonly timeBase: Rational;
  /** Expected distance of frames, ms, for those that have no time. */
  readonly intervalMs: number;
  /** What is printed is of no use: a frame's time is that of its arrival, on the monotonic clock. */
  readonly byArrival: boolean;
};

/** Reads the times that ffmpeg's `metadata=print` writes, one for each frame, in the order of the frames.
 * A frame without a time gets the one before it plus the expected interval, so that the count always fits. */
export class TimestampReader {
  readonly #lines: LineSplitter;
  #lastMs: number | null = null;

  /** @param onTime called with each frame's presentation time, ms */
  constructor({ timeBase, intervalMs, byArrival }: TimestampOptions, onTime: (ptsMs: number) => void) {
    this.#lines = new LineSplitter((line) => {
      const pts = /^frame:\s*\d+\s+pts:\s*(-?\d+|\S+)/u.exec(line)?.[1];
      if (pts === undefined) return;
      if (byArrival) {
        onTime(performance.now());
        return;
      }
      const ticks = Number(pts);
      this.#lastMs = Number.isInteger(ticks) ? ticksToMs(ticks, timeBase) : this.#lastMs === null ? 0 : this.#lastMs + intervalMs;
      onTime(this.#lastMs);
    });
  }

  push(chunk: Buffer): void {
    this.#lines.push(chunk);
  }
}

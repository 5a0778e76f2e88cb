import { once } from 'node:events';
import type { Writable } from 'node:stream';
import type { DetectedFrame } from '../core/frames.js';
import type { FrameSink } from '../pipeline/detect-file.js';

/** Boxes are written to a thousandth of a pixel and scores to a millionth: float32 promises no more. */
const BOX_DECIMALS = 3;
const SCORE_DECIMALS = 6;

/** Writes one JSON line a frame (DESIGN.md part 4): `{stream,seq,ptsMs,widthPx,heightPx,detections}`, boxes in pixels of the upright source. */
export class JsonLinesSink implements FrameSink {
  readonly #stream: string;
  readonly #target: Writable;

  constructor(stream: string, target: Writable) {
    this.#stream = stream;
    this.#target = target;
  }

  async write({ frame, detections }: DetectedFrame): Promise<void> {
    const line = {
      stream: this.#stream,
      seq: frame.seq,
      ptsMs: frame.ptsMs,
      ...frame.sourceSize,
      detections: detections.map(({ classId, label, score, box }) => ({
        classId,
        label,
        score: rounded(score, SCORE_DECIMALS),
        box: box.map((value) => rounded(value, BOX_DECIMALS)),
      })),
    };
    if (!this.#target.write(`${JSON.stringify(line)}\n`)) await once(this.#target, 'drain');
  }
}

function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

import { once } from 'node:events';
import type { Writable } from 'node:stream';
import { toRecords } from '../core/detection-record.js';
import { OutputError } from '../core/errors.js';
import type { DetectedFrame } from '../core/frames.js';
import type { FrameSink } from '../pipeline/detect-file.js';

/** Boxes are written to a thousandth of a pixel and scores to a millionth: float32 promises no more. */
const BOX_DECIMALS = 3;
const SCORE_DECIMALS = 6;

/** Writes one JSON line a frame (DESIGN.md part 4): `{stream,seq,ptsMs,widthPx,heightPx,detections}`, boxes in pixels of the upright source;
 * masks, keypoints and the classes of the whole frame are there when the model gives some, in the form of a frame's header. */
export class JsonLinesSink implements FrameSink {
  readonly #stream: string;
  readonly #target: Writable;
  readonly #name: string;
  #failure: Error | null = null;

  /** @param name of the target, for messages */
  constructor(stream: string, target: Writable, name: string) {
    this.#stream = stream;
    this.#target = target;
    this.#name = name;
    // Stays: a write that nobody waits for any more can fail as well, and must not end the process.
    target.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /** @throws {OutputError} when this or an earlier line could not be written */
  async write({ frame, detections, classes = [] }: DetectedFrame): Promise<void> {
    // After a failure the target never drains again.
    this.#check();
    const line = {
      stream: this.#stream,
      seq: frame.seq,
      ptsMs: frame.ptsMs,
      ...frame.sourceSize,
      detections: toRecords(detections, frame.sourceSize).map(({ classId, label, score, box, mask, keypoints }) => ({
        classId,
        label,
        score: rounded(score, SCORE_DECIMALS),
        box: box.map((value) => rounded(value, BOX_DECIMALS)),
        ...(mask === undefined ? {} : { mask }),
        ...(keypoints === undefined ? {} : { keypoints }),
      })),
      ...(classes.length === 0 ? {} : { classes: classes.map(({ classId, label, score }) => ({ classId, label, score: rounded(score, SCORE_DECIMALS) })) }),
    };
    try {
      // A full disk behind standard output throws here, a file reports it later.
      if (!this.#target.write(`${JSON.stringify(line)}\n`)) await once(this.#target, 'drain');
    } catch (error) {
      this.#failure ??= error as Error;
    }
    this.#check();
  }

  /** Call it when all is written.
   * @throws {OutputError} when some of it is not */
  finish(): void {
    this.#check();
  }

  #check(): void {
    if (this.#failure !== null) throw new OutputError(this.#name, this.#failure);
  }
}

function rounded(value: number, decimals: number): number {
  return Number(value.toFixed(decimals));
}

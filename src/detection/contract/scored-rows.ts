import type { Detection } from '../../core/frames.js';
import { boxArea, type BoxXyxyPx, type Letterbox } from '../../core/geometry.js';
import { MAX_DETECTIONS_PER_FRAME, nameClass, toSourceBox, type DecodeContext } from './decode-context.js';
import { bestRows, suppressOverlaps } from './suppress-overlaps.js';

/** What a model found on one frame, before anything is left out. */
export type ScoredRows = {
  /** In [0, 1]. */
  readonly scores: Float32Array;
  /** As the model counts them. */
  readonly classes: ArrayLike<number>;
  /** In pixels of the picture that the model saw. */
  readonly boxAt: (row: number) => BoxXyxyPx;
};

export type RowRules = {
  /** Overlap above which the weaker of two boxes of one class goes; `null`: none goes. */
  readonly nms: number | null;
  readonly classOffset: number | null;
  /** `null` where nobody knows. */
  readonly classCount: number | null;
};

/** Thresholds come later and are rarely below this; rows without any object must not cost time. */
const MIN_SCORE = 0.01;
/** With what {@link MAX_DETECTIONS_PER_FRAME} leaves to compare with, suppression takes 6 ms at the very worst (5000 took 15, measured 2026). */
const MAX_CANDIDATES = 2_000;

/** Turns the best rows of a frame into detections, at most 300 of them, ordered by score, descending. */
export function rowsToDetections({ scores, classes, boxAt }: ScoredRows, lb: Letterbox, context: DecodeContext, rules: RowRules): Detection[] {
  const rows = bestRows(scores, MIN_SCORE, rules.nms === null ? MAX_DETECTIONS_PER_FRAME : MAX_CANDIDATES);
  const detections: Detection[] = [];
  for (const row of rules.nms === null ? rows : withoutDuplicates(rows, classes, boxAt, rules.nms)) {
    const box = toSourceBox(boxAt(row), context.inputSize ?? lb.canvas, lb);
    if (boxArea(box) > 0) detections.push({ ...nameClass(classes[row] ?? 0, context.labels, rules), score: scores[row] ?? 0, box });
  }
  return detections;
}

function withoutDuplicates(rows: Int32Array, classes: ArrayLike<number>, boxAt: (row: number) => BoxXyxyPx, maxIou: number): number[] {
  const boxes = new Float64Array(rows.length * 4);
  rows.forEach((row, position) => {
    boxes.set(boxAt(row), position * 4);
  });
  const kept = suppressOverlaps({ boxes, classes: Array.from(rows, (row) => classes[row] ?? 0) }, rows.length, { maxIou, maxKept: MAX_DETECTIONS_PER_FRAME });
  return kept.map((position) => rows[position] ?? 0);
}

import { ModelOutputError } from '../../core/errors.js';
import type { Detection } from '../../core/frames.js';
import type { BoxXyxyPx } from '../../core/geometry.js';
import type { Tensor } from '../../serving/tensor.js';
import { MAX_ROWS_PER_FRAME, type DecodeContext } from './decode-context.js';
import type { BoxesMapping, BoxFormat } from './model-wishes.js';
import { checkedClass, checkedCount, checkedScore, expectFinite, expectShape, floatOutput, wholeOutput, type NumericOutput } from './numeric-output.js';
import { rowsToDetections } from './scored-rows.js';
import { formatShape } from './signature-text.js';

/** Decodes one answer of a model whose outputs a mapping explains, one list of detections a frame, ordered by score, descending.
 * @throws {ModelOutputError} if an output is missing or its dtype, shape or values are not as {@link BoxesMapping} says */
export function decodeBoxes(outputs: ReadonlyMap<string, Tensor>, plan: BoxesMapping, context: DecodeContext): Detection[][] {
  const { batchSize } = context;
  const boxes = floatOutput(outputs, plan.boxes);
  const rows = boxes.shape[1] ?? 0;
  expectShape(boxes, [batchSize, rows, 4]);
  if (rows > MAX_ROWS_PER_FRAME) throw new ModelOutputError(`output ${plan.boxes} has ${String(rows)} boxes a frame, more than ${String(MAX_ROWS_PER_FRAME)}`);
  const scores = floatOutput(outputs, plan.scores);
  expectShape(scores, plan.classes === null && scores.shape.length === 3 ? [batchSize, rows, -1] : [batchSize, rows]);
  const classes = plan.classes === null ? null : wholeOutput(outputs, plan.classes);
  if (classes !== null) expectShape(classes, [batchSize, rows]);
  const counts = plan.count === null ? null : countOutput(outputs, plan.count, batchSize);
  const classCount = plan.classes !== null ? null : (scores.shape[2] ?? 1);
  // Classes of an output of their own are ids already.
  const classOffset = plan.classOffset ?? (classes === null ? null : 0);

  return context.letterboxes.map((lb, frame) => {
    const count = counts === null ? rows : checkedCount(counts.data[frame] ?? NaN, rows, counts.name);
    expectFinite(boxes, frame * rows * 4, (frame * rows + count) * 4);
    const best = bestScores(scores, frame * rows, count, classCount ?? 1);
    const rowClasses = classes === null ? best.classes : Float64Array.from({ length: count }, (_, row) => checkedClass(classes.data[frame * rows + row] ?? NaN, classes.name));
    const scale = plan.boxUnits === 'normalized' ? (context.inputSize ?? lb.canvas) : { widthPx: 1, heightPx: 1 };
    const boxAt = (row: number): BoxXyxyPx => {
      const at = (frame * rows + row) * 4;
      const [x1, y1, x2, y2] = toCorners(plan.boxFormat, boxes.data[at] ?? 0, boxes.data[at + 1] ?? 0, boxes.data[at + 2] ?? 0, boxes.data[at + 3] ?? 0);
      return [x1 * scale.widthPx, y1 * scale.heightPx, x2 * scale.widthPx, y2 * scale.heightPx];
    };
    return rowsToDetections({ scores: best.scores, classes: rowClasses, boxAt }, lb, context, { nms: plan.nms, classOffset, classCount });
  });
}

function countOutput(outputs: ReadonlyMap<string, Tensor>, name: string, batchSize: number): NumericOutput {
  const counts = wholeOutput(outputs, name);
  expectShape(counts, counts.shape.length === 2 ? [batchSize, 1] : [batchSize]);
  return counts;
}

/** @param perRow scores of a row, the best of which counts */
function bestScores({ name, data, shape }: NumericOutput, firstRow: number, count: number, perRow: number): { scores: Float32Array; classes: Int32Array } {
  if (perRow < 1) throw new ModelOutputError(`output ${name} has shape ${formatShape(shape)}, expected at least one class`);
  const scores = new Float32Array(count);
  const classes = new Int32Array(count);
  for (let row = 0; row < count; row += 1) {
    for (let index = 0; index < perRow; index += 1) {
      const score = checkedScore(data[(firstRow + row) * perRow + index] ?? NaN, name);
      if (score <= (scores[row] ?? 0)) continue;
      scores[row] = score;
      classes[row] = index;
    }
  }
  return { scores, classes };
}

function toCorners(format: BoxFormat, a: number, b: number, c: number, d: number): BoxXyxyPx {
  switch (format) {
    case 'xyxy':
      return [a, b, c, d];
    case 'yxyx':
      return [b, a, d, c];
    case 'cxcywh':
      return [a - c / 2, b - d / 2, a + c / 2, b + d / 2];
  }
}

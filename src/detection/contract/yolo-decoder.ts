import { ModelOutputError } from '../../core/errors.js';
import type { Detection } from '../../core/frames.js';
import type { BoxXyxyPx, Size } from '../../core/geometry.js';
import type { Tensor } from '../../serving/tensor.js';
import { MAX_DETECTIONS_PER_FRAME, MAX_ROWS_PER_FRAME, type DecodeContext } from './decode-context.js';
import { checkedClass, checkedScore, expectFinite, expectShape, floatOutput, SCORE_TOLERANCE, type NumericOutput } from './numeric-output.js';
import type { YoloPlan } from './output-plan.js';
import { rowsToDetections } from './scored-rows.js';
import { formatShape } from './signature-text.js';

/** How the values of a raw head lie: those of anchor a, channel c at `a * anchorStep + c * channelStep` of their frame. */
type HeadLayout = { readonly anchors: number; readonly anchorStep: number; readonly channelStep: number; readonly hasObjectness: boolean; readonly classCount: number };

/** Values of a row after the model's own suppression: x1, y1, x2, y2, score, class. */
const END_TO_END_VALUES = 6;
/** Channels of YOLOv5 for COCO, the one head whose objectness the shape tells: box, objectness, 80 classes. */
const YOLOV5_COCO_CHANNELS = 85;
/** Corners and centres in pixels go far beyond this, normalised ones stay below it. */
const MAX_NORMALIZED = 2;

/** Decodes one answer of a YOLO model as Ultralytics exports them, one list of detections a frame, ordered by score, descending.
 * - `[n, 4 + c, a]` or `[n, a, 4 + c]`: a raw head, of which the smaller dimension is the channels: cx, cy, w, h, for YOLOv5 the objectness, then a
 *   score for each class. Each anchor counts for its best class; overlapping boxes of a class are suppressed.
 * - `[n, at most 300, 6]`: x1, y1, x2, y2, score and class of each object, suppressed already.
 *
 * Coordinates are pixels of the model input, or normalised when none of the answer is above 2.
 * @throws {ModelOutputError} if the output is missing or its dtype, shape or values are not as above */
export function decodeYolo(outputs: ReadonlyMap<string, Tensor>, plan: YoloPlan, context: DecodeContext): Detection[][] {
  const output = floatOutput(outputs, plan.output);
  expectShape(output, [context.batchSize, -1, -1]);
  const [, rows = 0, values = 0] = output.shape;
  const isEndToEnd = values === END_TO_END_VALUES && rows <= MAX_DETECTIONS_PER_FRAME && plan.objectness === null && plan.classCount === null;
  return isEndToEnd ? decodeRows(output, rows, plan, context) : decodeHead(output, headLayout(output, plan), plan, context);
}

function headLayout({ name, shape }: NumericOutput, plan: YoloPlan): HeadLayout {
  const [, first = 0, second = 0] = shape;
  const [channels, anchors] = first < second ? [first, second] : [second, first];
  const hasObjectness = plan.objectness ?? channels === YOLOV5_COCO_CHANNELS;
  const room = channels - (hasObjectness ? 5 : 4);
  const classCount = plan.classCount ?? room;
  if (first === second || room < 1 || classCount > room) {
    throw new ModelOutputError(`output ${name} has shape ${formatShape(shape)}, expected a YOLO head [batch, ${String(channels - room)} + classes, boxes]${plan.classCount === null ? '' : ` with ${String(classCount)} classes`}`);
  }
  if (anchors > MAX_ROWS_PER_FRAME) throw new ModelOutputError(`output ${name} has ${String(anchors)} boxes a frame, more than ${String(MAX_ROWS_PER_FRAME)}`);
  return { anchors, hasObjectness, classCount, ...(first < second ? { anchorStep: 1, channelStep: anchors } : { anchorStep: channels, channelStep: 1 }) };
}

function decodeHead(output: NumericOutput, layout: HeadLayout, plan: YoloPlan, context: DecodeContext): Detection[][] {
  const { anchors, anchorStep, channelStep, classCount } = layout;
  const { data } = output;
  const valuesPerFrame = (output.shape[1] ?? 0) * (output.shape[2] ?? 0);
  const isNormalized = highestCoordinate(output, layout, context.batchSize) <= MAX_NORMALIZED;
  const scores = new Float32Array(anchors);
  const classes = new Int32Array(anchors);
  return context.letterboxes.map((lb, frame) => {
    const start = frame * valuesPerFrame;
    scoreAnchors(output, start, layout, scores, classes);
    const scale = isNormalized ? (context.inputSize ?? lb.canvas) : { widthPx: 1, heightPx: 1 };
    const boxAt = (anchor: number): BoxXyxyPx => {
      const at = start + anchor * anchorStep;
      return centredBox(data[at] ?? 0, data[at + channelStep] ?? 0, data[at + 2 * channelStep] ?? 0, data[at + 3 * channelStep] ?? 0, scale);
    };
    return rowsToDetections({ scores, classes, boxAt }, lb, context, { nms: plan.nms, classOffset: plan.classOffset, classCount });
  });
}

/** Finds each anchor's best class and its score. Goes through memory in its own order. */
function scoreAnchors({ name, data }: NumericOutput, start: number, layout: HeadLayout, scores: Float32Array, classes: Int32Array): void {
  const { anchors, anchorStep, channelStep, hasObjectness, classCount } = layout;
  const firstClass = start + (hasObjectness ? 5 : 4) * channelStep;
  scores.fill(0);
  classes.fill(0);
  const [outerCount, outerStep, innerCount, innerStep] = anchorStep === 1 ? [classCount, channelStep, anchors, anchorStep] : [anchors, anchorStep, classCount, channelStep];
  for (let outer = 0; outer < outerCount; outer += 1) {
    const line = firstClass + outer * outerStep;
    for (let inner = 0; inner < innerCount; inner += 1) {
      const score = data[line + inner * innerStep] ?? NaN;
      if (!(score >= -SCORE_TOLERANCE && score <= 1 + SCORE_TOLERANCE)) checkedScore(score, name);
      const anchor = anchorStep === 1 ? inner : outer;
      if (score > (scores[anchor] ?? 0)) {
        scores[anchor] = score;
        classes[anchor] = anchorStep === 1 ? outer : inner;
      }
    }
  }
  for (let anchor = 0; anchor < anchors; anchor += 1) {
    const objectness = hasObjectness ? checkedScore(data[start + anchor * anchorStep + 4 * channelStep] ?? NaN, name) : 1;
    scores[anchor] = Math.min(1, (scores[anchor] ?? 0) * objectness);
  }
}

function highestCoordinate(output: NumericOutput, { anchors, anchorStep, channelStep }: HeadLayout, batchSize: number): number {
  const { name, data, shape } = output;
  const valuesPerFrame = (shape[1] ?? 0) * (shape[2] ?? 0);
  let highest = 0;
  for (let frame = 0; frame < batchSize; frame += 1) {
    for (let channel = 0; channel < 4; channel += 1) {
      const line = frame * valuesPerFrame + channel * channelStep;
      for (let anchor = 0; anchor < anchors; anchor += 1) {
        const value = data[line + anchor * anchorStep] ?? NaN;
        if (!Number.isFinite(value)) throw new ModelOutputError(`${name} holds a value that is not a number`);
        if (value > highest) highest = value;
      }
    }
  }
  return highest;
}

function decodeRows(output: NumericOutput, rows: number, plan: YoloPlan, context: DecodeContext): Detection[][] {
  const { name, data } = output;
  expectFinite(output, 0, data.length);
  const isNormalized = !data.some((value, index) => index % END_TO_END_VALUES < 4 && value > MAX_NORMALIZED);
  return context.letterboxes.map((lb, frame) => {
    const at = (row: number, value: number): number => data[(frame * rows + row) * END_TO_END_VALUES + value] ?? NaN;
    const { widthPx, heightPx } = isNormalized ? (context.inputSize ?? lb.canvas) : { widthPx: 1, heightPx: 1 };
    const scores = Float32Array.from({ length: rows }, (_, row) => checkedScore(at(row, 4), name));
    const classes = Array.from({ length: rows }, (_, row) => checkedClass(at(row, 5), name));
    const boxAt = (row: number): BoxXyxyPx => [at(row, 0) * widthPx, at(row, 1) * heightPx, at(row, 2) * widthPx, at(row, 3) * heightPx];
    return rowsToDetections({ scores, classes, boxAt }, lb, context, { nms: null, classOffset: plan.classOffset, classCount: null });
  });
}

function centredBox(cx: number, cy: number, width: number, height: number, scale: Size): BoxXyxyPx {
  return [(cx - width / 2) * scale.widthPx, (cy - height / 2) * scale.heightPx, (cx + width / 2) * scale.widthPx, (cy + height / 2) * scale.heightPx];
}

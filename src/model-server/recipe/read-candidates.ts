import type { BoxXyxyPx, Size } from '../../core/geometry.js';
import type { BoxesRecipe, BoxUnits, ObjectDetectionRecipe, RowsRecipe, YoloRecipe } from '../store/recipe.js';
import { activateOne } from './activation.js';
import type { Candidate } from './detection-rows.js';
import { sliceOutput, type GraphOutputs, type OutputSlice } from './graph-outputs.js';

/** Values a row carries: x1, y1, x2, y2, score, class index. */
export const VALUES_PER_ROW = 6;
const BOX_SIDES = 4;

/** How detections are read from a graph's outputs. */
export type DetectionRecipe = RowsRecipe | BoxesRecipe | YoloRecipe | ObjectDetectionRecipe;

/** Names of the graph's outputs that a recipe reads. */
export function detectionOutputNames(recipe: DetectionRecipe): string[] {
  if (recipe.kind === 'rows' || recipe.kind === 'yolo') return [recipe.output];
  return [recipe.boxes, recipe.scores, recipe.classes, recipe.count].filter((name) => name !== null);
}

/** Reads what a graph found in one picture of a batch; classes without an id are left out.
 * @param canvas what the graph looked at
 * @throws {Error} when an output is not there or has another shape than the recipe says */
export function readCandidates(outputs: GraphOutputs, image: number, recipe: DetectionRecipe, canvas: Size): Candidate[] {
  switch (recipe.kind) {
    case 'rows':
      return readRows(outputs, image, recipe, canvas);
    case 'boxes':
      return readBoxes(outputs, image, recipe, canvas);
    case 'yolo':
      return readYolo(outputs, image, recipe, canvas);
    case 'object-detection':
      return readObjectDetection(outputs, image, recipe, canvas);
  }
}

function readRows(outputs: GraphOutputs, image: number, recipe: RowsRecipe, canvas: Size): Candidate[] {
  const { shape, data } = sliceOutput(outputs, recipe.output, image, ([, values, ...more]) => values === VALUES_PER_ROW && more.length === 0, `[n, rows, ${String(VALUES_PER_ROW)}]`);
  const scale = unitScale(recipe.boxUnits, canvas);
  const found: Candidate[] = [];
  for (let row = 0; row < (shape[0] ?? 0); row += 1) {
    const [x1 = NaN, y1 = NaN, x2 = NaN, y2 = NaN, score = NaN, index = NaN] = data.subarray(row * VALUES_PER_ROW, (row + 1) * VALUES_PER_ROW);
    push(found, scaled([x1, y1, x2, y2], scale), recipe.classIds[index], score);
  }
  return found;
}

function readBoxes(outputs: GraphOutputs, image: number, recipe: BoxesRecipe, canvas: Size): Candidate[] {
  const boxes = sliceOutput(outputs, recipe.boxes, image, ([, sides, ...more]) => sides === BOX_SIDES && more.length === 0, '[n, rows, 4]');
  const rowCount = boxes.shape[0] ?? 0;
  const rank = recipe.classes === null ? 2 : 1;
  const scores = sliceOutput(outputs, recipe.scores, image, (shape) => shape.length === rank && shape[0] === rowCount, recipe.classes === null ? `[n, ${String(rowCount)}, classes]` : `[n, ${String(rowCount)}]`);
  const classes = recipe.classes === null ? null : sliceOutput(outputs, recipe.classes, image, (shape) => shape.length === 1 && shape[0] === rowCount, `[n, ${String(rowCount)}]`);
  const count = recipe.count === null ? rowCount : readCount(outputs, recipe.count, image);
  const scale = unitScale(recipe.boxUnits, canvas);
  const found: Candidate[] = [];
  for (let row = 0; row < Math.min(rowCount, count); row += 1) {
    const { index, score } = classes === null ? bestClass(scores, row, recipe) : { index: classes.data[row] ?? NaN, score: activateOne(scores.data[row] ?? NaN, scores.data, recipe.activation) };
    push(found, scaled(toXyxy(boxes.data, row * BOX_SIDES, recipe.boxFormat), scale), classId(index, recipe), score);
  }
  return found;
}

/** The likeliest class of a box that is not the background. */
function bestClass(scores: OutputSlice, row: number, recipe: BoxesRecipe): { readonly index: number; readonly score: number } {
  const classCount = scores.shape[1] ?? 0;
  const values = scores.data.subarray(row * classCount, (row + 1) * classCount);
  let best = -1;
  for (let index = 0; index < classCount; index += 1) if (index !== recipe.background && (best < 0 || (values[index] ?? NaN) > (values[best] ?? NaN))) best = index;
  return { index: best, score: activateOne(values[best] ?? NaN, values, recipe.activation) };
}

/** Ids count the classes without the background. */
function classId(index: number, { background, classIds }: BoxesRecipe): number | undefined {
  if (background === null) return classIds[index];
  return index === background ? undefined : classIds[index > background ? index - 1 : index];
}

function readObjectDetection(outputs: GraphOutputs, image: number, recipe: ObjectDetectionRecipe, canvas: Size): Candidate[] {
  const boxes = sliceOutput(outputs, recipe.boxes, image, ([, sides, ...more]) => sides === BOX_SIDES && more.length === 0, '[n, rows, 4]');
  const rowCount = boxes.shape[0] ?? 0;
  const [classes, scores] = [recipe.classes, recipe.scores].map((name) => sliceOutput(outputs, name, image, (shape) => shape.length === 1 && shape[0] === rowCount, `[n, ${String(rowCount)}]`).data);
  const scale = unitScale('normalized', canvas);
  const found: Candidate[] = [];
  for (let row = 0; row < Math.min(rowCount, readCount(outputs, recipe.count, image)); row += 1) {
    const id = classes?.[row] ?? NaN;
    push(found, scaled(toXyxy(boxes.data, row * BOX_SIDES, 'yxyx'), scale), Number.isInteger(id) && id >= 0 ? id : undefined, scores?.[row] ?? NaN);
  }
  return found;
}

/** Rows that count. */
function readCount(outputs: GraphOutputs, name: string, image: number): number {
  return sliceOutput(outputs, name, image, (shape) => shape.every((side) => side === 1), '[n]').data[0] ?? 0;
}

function readYolo(outputs: GraphOutputs, image: number, recipe: YoloRecipe, canvas: Size): Candidate[] {
  const firstClass = BOX_SIDES + (recipe.objectness ? 1 : 0);
  const valueCount = firstClass + recipe.classIds.length;
  const valueAxis = recipe.channelsLast ? 1 : 0;
  const expected = recipe.channelsLast ? `[n, anchors, ${String(valueCount)} or more]` : `[n, ${String(valueCount)} or more, anchors]`;
  const { shape, data } = sliceOutput(outputs, recipe.output, image, (sides) => sides.length === 2 && (sides[valueAxis] ?? 0) >= valueCount, expected);
  const anchorCount = shape[1 - valueAxis] ?? 0;
  const scale = unitScale(recipe.boxUnits, canvas);
  const [anchorStep, valueStep] = recipe.channelsLast ? [shape[1] ?? 0, 1] : [1, anchorCount];
  const found: Candidate[] = [];
  for (let anchor = 0; anchor < anchorCount; anchor += 1) {
    const at = anchor * anchorStep;
    let best = 0;
    let score = -Infinity;
    for (let index = 0; index < recipe.classIds.length; index += 1) {
      const value = data[at + (firstClass + index) * valueStep] ?? NaN;
      if (value > score) [best, score] = [index, value];
    }
    const [x, y, width, height] = [data[at] ?? NaN, data[at + valueStep] ?? NaN, data[at + 2 * valueStep] ?? NaN, data[at + 3 * valueStep] ?? NaN];
    push(found, scaled(aroundCentre(x, y, width, height), scale), recipe.classIds[best], recipe.objectness ? score * (data[at + BOX_SIDES * valueStep] ?? NaN) : score);
  }
  return found;
}

function push(found: Candidate[], box: BoxXyxyPx, id: number | undefined, score: number): void {
  if (id !== undefined && score > 0) found.push({ box, classId: id, score });
}

function toXyxy(data: Float32Array, at: number, format: BoxesRecipe['boxFormat']): BoxXyxyPx {
  const [a, b, c, d] = [data[at] ?? NaN, data[at + 1] ?? NaN, data[at + 2] ?? NaN, data[at + 3] ?? NaN];
  if (format === 'xyxy') return [a, b, c, d];
  return format === 'yxyx' ? [b, a, d, c] : aroundCentre(a, b, c, d);
}

function aroundCentre(x: number, y: number, width: number, height: number): BoxXyxyPx {
  return [x - width / 2, y - height / 2, x + width / 2, y + height / 2];
}

/** What makes pixels of the canvas of a box's sides. */
function unitScale(units: BoxUnits, canvas: Size): readonly [x: number, y: number] {
  return units === 'pixels' ? [1, 1] : [canvas.widthPx, canvas.heightPx];
}

function scaled(box: BoxXyxyPx, [x, y]: readonly [x: number, y: number]): BoxXyxyPx {
  return [box[0] * x, box[1] * y, box[2] * x, box[3] * y];
}

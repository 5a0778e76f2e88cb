import type { BoxesRecipe, ObjectDetectionRecipe, RowsRecipe, YoloRecipe } from '../../store/recipe.js';
import { attr, type OnnxBuilder } from '../onnx/onnx-builder.js';
import { axisSize, bestIndex, bestScore, keepBest, lastAxisItem, slice, toFloat, toYxyxPixels, type FoundRows } from './found-rows.js';
import type { PicturePlace } from './picture-operators.js';

/** Rows of a YOLO head that are looked at more closely, as many as the service itself takes of a raw head. */
const MAX_CANDIDATES = 2_000;
const BOX_VALUES = 4;

export type DetectionRecipe = RowsRecipe | YoloRecipe | BoxesRecipe | ObjectDetectionRecipe;

/** Writes the operators that read what a graph found from its outputs. Every row counts for its best class only.
 * @param outputOf name of the value of one of the graph's outputs, float, the pictures on its first axis */
export function addRowReading(b: OnnxBuilder, recipe: DetectionRecipe, outputOf: (name: string) => string, place: PicturePlace): FoundRows {
  switch (recipe.kind) {
    case 'rows':
      return readRows(b, recipe, outputOf, place);
    case 'yolo':
      return readYolo(b, recipe, outputOf, place);
    case 'boxes':
      return readBoxes(b, recipe, outputOf, place);
    case 'object-detection':
      return readObjectDetection(b, recipe, outputOf, place);
  }
}

function readRows(b: OnnxBuilder, recipe: RowsRecipe, outputOf: (name: string) => string, place: PicturePlace): FoundRows {
  const rows = outputOf(recipe.output);
  return {
    boxes: toYxyxPixels(b, slice(b, rows, -1, 0, BOX_VALUES), 'xyxy', recipe.boxUnits, place),
    scores: lastAxisItem(b, rows, BOX_VALUES),
    classes: lastAxisItem(b, rows, BOX_VALUES + 1),
    extras: {},
  };
}

function readYolo(b: OnnxBuilder, recipe: YoloRecipe, outputOf: (name: string) => string, place: PicturePlace): FoundRows {
  const output = outputOf(recipe.output);
  const firstClass = BOX_VALUES + (recipe.objectness ? 1 : 0);
  const firstExtra = firstClass + recipe.classIds.length;
  // A score for each anchor first, as the head lies in memory; all the rest for the best of them only.
  const valueAxis = recipe.channelsLast ? 2 : 1;
  const highest = b.op('ReduceMax', [slice(b, output, valueAxis, firstClass, firstExtra), b.ints([valueAxis])], { keepdims: attr.int(0) });
  const objectness = recipe.objectness ? b.op('Squeeze', [slice(b, output, valueAxis, BOX_VALUES, firstClass), b.ints([valueAxis])]) : null;
  const scores = positive(b, objectness === null ? highest : b.op('Mul', [highest, objectness]));
  const anchors = recipe.channelsLast ? output : b.op('Transpose', [output], { perm: attr.ints([0, 2, 1]) });
  const best = keepBest(b, scores, { values: anchors }, MAX_CANDIDATES);
  const { values } = best.rows;
  return {
    boxes: toYxyxPixels(b, slice(b, values, -1, 0, BOX_VALUES), 'cxcywh', recipe.boxUnits, place),
    scores: best.scores,
    classes: bestIndex(b, slice(b, values, -1, firstClass, firstExtra)),
    extras: recipe.prototypes === null && recipe.keypoints === null ? {} : { more: slice(b, values, -1, firstExtra, null) },
  };
}

function readBoxes(b: OnnxBuilder, recipe: BoxesRecipe, outputOf: (name: string) => string, place: PicturePlace): FoundRows {
  const boxes = toYxyxPixels(b, outputOf(recipe.boxes), recipe.boxFormat, recipe.boxUnits, place);
  const found = recipe.classes === null ? bestClasses(b, recipe, outputOf(recipe.scores)) : { scores: activated(b, outputOf(recipe.scores), recipe.activation), classes: withoutBackground(b, outputOf(recipe.classes), recipe.background) };
  return { boxes, classes: found.classes, scores: recipe.count === null ? found.scores : counted(b, found.scores, outputOf(recipe.count)), extras: {} };
}

/** @param scores `[n, m, c]` */
function bestClasses(b: OnnxBuilder, { activation, background }: BoxesRecipe, scores: string): { readonly scores: string; readonly classes: string } {
  // Softmax needs all classes, the background too; sigmoid keeps their order and is computed for the best alone.
  const soft = activation === 'softmax' ? b.op('Softmax', [scores], { axis: attr.int(-1) }) : scores;
  const objects = background === null ? soft : withoutClass(b, soft, background);
  const best = bestScore(b, objects);
  return { scores: activation === 'sigmoid' ? b.op('Sigmoid', [best]) : best, classes: bestIndex(b, objects) };
}

function withoutClass(b: OnnxBuilder, scores: string, index: number): string {
  const after = slice(b, scores, -1, index + 1, null);
  return index === 0 ? after : b.op('Concat', [slice(b, scores, -1, 0, index), after], { axis: attr.int(-1) });
}

function activated(b: OnnxBuilder, scores: string, activation: BoxesRecipe['activation']): string {
  if (activation === 'none') return scores;
  return activation === 'sigmoid' ? b.op('Sigmoid', [scores]) : b.op('Softmax', [scores], { axis: attr.int(-1) });
}

/** Classes that count without the background; -1 for the background itself. */
function withoutBackground(b: OnnxBuilder, classes: string, background: number | null): string {
  if (background === null) return classes;
  const index = b.float(background);
  const shifted = b.op('Sub', [classes, toFloat(b, b.op('Greater', [classes, index]))]);
  return b.op('Where', [b.op('Equal', [classes, index]), b.float(-1), shifted]);
}

/** Scores of the first rows, 0 for the others. @param count `[n]` or `[n, 1]` */
function counted(b: OnnxBuilder, scores: string, count: string): string {
  const rows = b.op('Range', [b.int(0), b.op('Squeeze', [axisSize(b, scores, 1), b.ints([0])]), b.int(1)]);
  const counts = b.op('Reshape', [count, b.ints([-1, 1])]);
  return b.op('Where', [b.op('Less', [toFloat(b, rows), counts]), scores, b.float(0)]);
}

function readObjectDetection(b: OnnxBuilder, recipe: ObjectDetectionRecipe, outputOf: (name: string) => string, place: PicturePlace): FoundRows {
  const extras: Record<string, string> = {};
  if (recipe.masks !== null) extras['masks'] = outputOf(recipe.masks);
  if (recipe.keypoints !== null) extras['points'] = outputOf(recipe.keypoints.points);
  if (recipe.keypoints !== null && recipe.keypoints.scores !== null) extras['pointScores'] = outputOf(recipe.keypoints.scores);
  return {
    boxes: toYxyxPixels(b, outputOf(recipe.boxes), 'yxyx', 'normalized', place),
    scores: counted(b, outputOf(recipe.scores), outputOf(recipe.count)),
    classes: outputOf(recipe.classes),
    extras,
  };
}

/** 0 in place of what is not above 0, NaN included, which has no order. */
export function positive(b: OnnxBuilder, scores: string): string {
  return b.op('Where', [b.op('Greater', [scores, b.float(0)]), scores, b.float(0)]);
}

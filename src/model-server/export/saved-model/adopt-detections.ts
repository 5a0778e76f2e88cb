import { MAX_DETECTIONS, type ObjectDetectionRecipe } from '../../store/recipe.js';
import { toPicture, type DetectionOutputs } from './add-detections.js';
import { countedRows, outputOf, type GraphOutputs } from './add-candidates.js';
import type { PicturePlace } from './add-preprocessing.js';
import type { TfValue } from './graph-def-builder.js';
import type { TfOperators } from './tf-operators.js';

/** Outputs that some Object Detection API models have beside boxes. */
export type FurtherOutputs = { readonly masks: TfValue | null; readonly keypoints: TfValue | null; readonly keypointScores: TfValue | null };

/** Adds what makes the answer out of one that has the Object Detection API's form already: boxes and keypoints go back through the letterbox, and there are 100 rows, zero beyond those that count. */
export function adoptDetections(tf: TfOperators, outputs: GraphOutputs, place: PicturePlace, recipe: ObjectDetectionRecipe): DetectionOutputs & FurtherOutputs {
  const scores = outputOf(tf, outputs, recipe.scores);
  const counts = outputOf(tf, outputs, recipe.count);
  const isCounted = tf.node('LogicalAnd', [countedRows(tf, scores, counts), tf.compare('Greater', scores, tf.float(0))], {}, 'bool');
  const rows = (value: TfValue, rank: number): TfValue => hundredRows(tf, tf.select(behind(tf, isCounted, rank), value, tf.float(0)), rank);
  const given = (name: string | null): TfValue | null => (name === null ? null : outputOf(tf, outputs, name));

  // [yMin, xMin, yMax, xMax] and [y, x]
  const canvas = tf.pack([place.canvasHeight, place.canvasWidth]);
  const offset = tf.pack([place.offsetY, place.offsetX]);
  const content = tf.pack([place.contentHeight, place.contentWidth]);
  const back = (points: TfValue, times: 1 | 2): TfValue => {
    const [unit, origin, size] = [canvas, offset, content].map((pair) => (times === 1 ? pair : tf.concat([pair, pair], 0))) as [TfValue, TfValue, TfValue];
    return toPicture(tf, tf.binary('Mul', points, unit), origin, size);
  };
  const boxes = tf.binary('Minimum', tf.binary('Maximum', back(outputOf(tf, outputs, recipe.boxes), 2), tf.float(0)), tf.float(1));
  const points = given(recipe.keypoints?.points ?? null);
  const masks = given(recipe.masks);
  const pointScores = given(recipe.keypoints?.scores ?? null);
  const kept = rows(scores, 2);
  return {
    boxes: rows(boxes, 3),
    classes: rows(outputOf(tf, outputs, recipe.classes), 2),
    scores: kept,
    count: tf.sum(tf.cast(tf.compare('Greater', kept, tf.float(0)), 'float'), 1),
    masks: masks === null ? null : rows(masks, 4),
    keypoints: points === null ? null : rows(back(points, 1), 4),
    keypointScores: pointScores === null ? null : rows(pointScores, 3),
  };
}

/** `[n, rows]` → `[n, rows, 1, …]`, to broadcast. */
function behind(tf: TfOperators, value: TfValue, rank: number): TfValue {
  return rank <= 2 ? value : tf.expandDims(behind(tf, value, rank - 1), rank - 1);
}

/** The first 100 rows, zeros where there are fewer. */
function hundredRows(tf: TfOperators, value: TfValue, rank: number): TfValue {
  const others = Array.from({ length: rank - 2 }, () => [0, 0]);
  const filled = tf.pad(value, tf.ints([[0, 0], [0, MAX_DETECTIONS], ...others].flat(), [rank, 2]), tf.float(0));
  const sizes = [-1, MAX_DETECTIONS, ...others.map(() => -1)];
  return tf.slice(filled, tf.ints(sizes.map(() => 0)), tf.ints(sizes));
}

import { MAX_DETECTIONS, type ClassIds } from '../../store/recipe.js';
import type { PicturePlace } from './add-preprocessing.js';
import { boolAttr } from './attr-values.js';
import type { Candidates } from './add-candidates.js';
import type { TfValue } from './graph-def-builder.js';
import type { TfOperators } from './tf-operators.js';

/** Normalised boxes travel as float32; a thinner one would not survive that. */
const MIN_SIDE = 1e-6;
/** No overlap is above it: nothing is suppressed. */
const WHOLE_OVERLAP = 1;

/** Outputs of an Object Detection API model. */
export type DetectionOutputs = { readonly boxes: TfValue; readonly classes: TfValue; readonly scores: TfValue; readonly count: TfValue };

/** Adds what makes the answer out of candidates: boxes go back through the letterbox and are clipped, what is empty, not finite or of no class is dropped, the best of overlapping
 * boxes of one class stay, ordered by score, and rows without a detection are zero.
 * @param nms overlap above which the weaker of two goes; `null`: none goes
 * @returns float boxes `[n, 100, 4]` (yMin, xMin, yMax, xMax, normalised to the picture), class ids and scores `[n, 100]`, count `[n]` */
export function addDetections(tf: TfOperators, candidates: Candidates, place: PicturePlace, classIds: ClassIds, nms: number | null): DetectionOutputs {
  const inPixels = (coordinate: TfValue, canvas: TfValue): TfValue => (candidates.boxUnits === 'pixels' ? coordinate : tf.binary('Mul', coordinate, canvas));
  const across = (x: TfValue): TfValue => clip(tf, toPicture(tf, inPixels(x, place.canvasWidth), place.offsetX, place.contentWidth));
  const down = (y: TfValue): TfValue => clip(tf, toPicture(tf, inPixels(y, place.canvasHeight), place.offsetY, place.contentHeight));
  const [x1, y1, x2, y2] = [across(candidates.x1), down(candidates.y1), across(candidates.x2), down(candidates.y2)];
  const isWide = tf.compare('Greater', tf.binary('Sub', x2, x1), tf.float(MIN_SIDE));
  const isHigh = tf.compare('Greater', tf.binary('Sub', y2, y1), tf.float(MIN_SIDE));
  const isPositive = tf.compare('Greater', candidates.score, tf.float(0));
  const isClass = tf.compare('Equal', candidates.classIndex, tf.unary('Floor', candidates.classIndex));
  const counts = [isHigh, isPositive, isClass, ...(candidates.isCounted === null ? [] : [candidates.isCounted])].reduce((all, one) => tf.and(all, one), isWide);
  const score = tf.select(counts, tf.binary('Minimum', candidates.score, tf.float(1)), tf.float(0));

  // A class index outside has no column: it scores 0 in all of them.
  const index = tf.cast(tf.select(isClass, candidates.classIndex, tf.float(-1)), 'int32');
  const scores = tf.binary('Mul', tf.oneHot(index, classIds.length), tf.expandDims(score, 2));
  const boxes = tf.expandDims(tf.pack([y1, x1, y2, x2], 2), 2);
  const limit = tf.int(MAX_DETECTIONS);
  const suppressed = tf.node(
    'CombinedNonMaxSuppression',
    [boxes, scores, limit, limit, tf.float(nms ?? WHOLE_OVERLAP), tf.float(0)],
    { pad_per_class: boolAttr(false), clip_boxes: boolAttr(false) },
    'float',
  );
  const part = (at: number, dtype: 'float' | 'int32'): TfValue => ({ ref: `${suppressed.ref}:${String(at)}`, dtype });
  const keptScores = part(1, 'float');
  const ids = tf.gather(tf.floats(classIds), tf.cast(part(2, 'float'), 'int32'));
  const classes = tf.select(tf.compare('Greater', keptScores, tf.float(0)), ids, tf.float(0));
  return { boxes: suppressed, classes, scores: keptScores, count: tf.cast(part(3, 'int32'), 'float') };
}

/** From pixels of what the graph looks at to the picture, normalised. */
export function toPicture(tf: TfOperators, pixels: TfValue, offset: TfValue, content: TfValue): TfValue {
  return tf.binary('RealDiv', tf.binary('Sub', pixels, offset), content);
}

/** To [0, 1]. */
function clip(tf: TfOperators, value: TfValue): TfValue {
  return tf.binary('Minimum', tf.binary('Maximum', value, tf.float(0)), tf.float(1));
}

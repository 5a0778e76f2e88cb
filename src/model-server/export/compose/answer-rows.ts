import { MAX_DETECTIONS, type ClassIds } from '../../store/recipe.js';
import { attr, type OnnxBuilder } from '../onnx/onnx-builder.js';
import { ONNX_DTYPES } from '../onnx/onnx-model.js';
import { allOf, axisSize, keepBest, slice, toFloat, type FoundRows } from './found-rows.js';
import type { PicturePlace } from './picture-operators.js';
import { positive } from './read-rows.js';

/** Rows of the answer: names of float values, `k` at most 100, best first. */
export type AnswerRows = {
  /** `[n, k, 4]`: yMin, xMin, yMax, xMax normalised to the picture; 0 where the row is empty. */
  readonly boxes: string;
  /** `[n, k]`, in (0, 1]; 0 where the row is empty. */
  readonly scores: string;
  /** `[n, k]`, ids; 0 where the row is empty. */
  readonly classes: string;
  /** `[n, k]`, bool: whether the row is not empty. */
  readonly counts: string;
  readonly extras: Readonly<Record<string, string>>;
};

/** Normalised boxes travel as float32; a thinner one would not survive that. */
const MIN_SIDE = 1e-6;
/** No picture is so large; neither infinities nor what is not a number is below. */
const MAX_COORDINATE = 1e30;
/** Rows that suppression compares. */
const MAX_CANDIDATES = 2_000;
/** Classes side by side when boxes of different ones are moved apart; their coordinates stay small, and so exact, with thousands of classes. */
const CLASSES_A_LINE = 64;

/** Writes the operators that choose the rows of the answer: boxes go back to the picture and are clipped to it; what is empty, not finite, has no score or no id
 * goes; of overlapping boxes of one class the best stays; the best 100 are the answer.
 * @param classIds `null`: the classes are ids already
 * @param nms overlap (IoU) above which the weaker of two boxes of a class goes; `null`: none goes */
export function addRowChoice(b: OnnxBuilder, found: FoundRows, place: PicturePlace, { classIds, nms }: { readonly classIds: ClassIds | null; readonly nms: number | null }): AnswerRows {
  const onPicture = b.op('Div', [b.op('Sub', [found.boxes, place.offset]), place.content]);
  const boxes = b.op('Clip', [onPicture, b.float(0), b.float(1)]);
  const sides = b.op('Sub', [slice(b, boxes, -1, 2, 4), slice(b, boxes, -1, 0, 2)]);
  const isSeen = b.op('And', [allOf(b, b.op('Less', [b.op('Abs', [onPicture]), b.float(MAX_COORDINATE)]), 4), allOf(b, b.op('Greater', [sides, b.float(MIN_SIDE)]), 2)]);
  const isGood = b.op('And', [isSeen, hasId(b, found.classes, classIds)]);
  const scores = b.op('Min', [b.op('Where', [isGood, positive(b, found.scores), b.float(0)]), b.float(1)]);
  const rows = { boxes, classes: found.classes };

  const candidates = nms === null ? { scores, rows: { ...found.extras, ...rows } } : suppressed(b, keepBest(b, scores, { ...found.extras, ...rows }, MAX_CANDIDATES), nms);
  const best = keepBest<string>(b, candidates.scores, candidates.rows, MAX_DETECTIONS);
  const { boxes: bestBoxes = '', classes = '', ...extras } = best.rows;
  const counts = b.op('Greater', [best.scores, b.float(0)]);
  const isRow = b.op('Unsqueeze', [counts, b.ints([-1])]);
  return {
    boxes: b.op('Where', [isRow, bestBoxes, b.float(0)]),
    scores: best.scores,
    classes: idsOf(b, b.op('Where', [counts, classes, b.float(0)]), counts, classIds),
    counts,
    extras,
  };
}

/** Fewer rows than 100 are followed by zeros. @param value `[n, k, …]` */
export function padded(b: OnnxBuilder, value: string): string {
  const missing = b.op('Sub', [b.ints([MAX_DETECTIONS]), axisSize(b, value, 1)]);
  return b.op('Pad', [value, b.op('Concat', [b.ints([0]), missing], { axis: attr.int(0) }), '', b.ints([1])], { mode: attr.text('constant') });
}

/** Whole numbers that have an id. */
function hasId(b: OnnxBuilder, classes: string, classIds: ClassIds | null): string {
  const isWhole = b.op('Equal', [classes, b.op('Floor', [classes])]);
  const highest = classIds === null ? MAX_COORDINATE : classIds.length - 0.5;
  return b.op('And', [isWhole, b.op('And', [b.op('Greater', [classes, b.float(-0.5)]), b.op('Less', [classes, b.float(highest)])])]);
}

function idsOf(b: OnnxBuilder, classes: string, counts: string, classIds: ClassIds | null): string {
  if (classIds === null || classIds.length === 0) return classes;
  const ids = b.op('Gather', [b.floats(classIds), b.op('Cast', [classes], { to: attr.int(ONNX_DTYPES.int64) })]);
  return b.op('Where', [counts, ids, b.float(0)]);
}

type Candidates = { readonly scores: string; readonly rows: Readonly<Record<string, string>> };

/** Greedy, class by class: boxes of different classes are moved apart so that they cannot overlap, as one run of suppression is faster than one a class. */
function suppressed(b: OnnxBuilder, { scores, rows }: Candidates, nms: number): Candidates {
  const { boxes = '', classes = '' } = rows;
  const spacing = b.float(2);
  const line = b.op('Floor', [b.op('Div', [classes, b.float(CLASSES_A_LINE)])]);
  const across = b.op('Mul', [b.op('Sub', [classes, b.op('Mul', [line, b.float(CLASSES_A_LINE)])]), spacing]);
  const [y, x] = [b.op('Mul', [line, spacing]), across].map((value) => b.op('Unsqueeze', [value, b.ints([-1])])) as [string, string];
  const apart = b.op('Add', [boxes, b.op('Concat', [y, x, y, x], { axis: attr.int(-1) })]);
  const chosen = b.op('NonMaxSuppression', [apart, b.op('Unsqueeze', [scores, b.ints([1])]), b.int(MAX_DETECTIONS), b.float(nms), b.float(0)]);
  // Of picture, class and box, the class is always 0.
  const places = b.op('Gather', [chosen, b.ints([0, 2])], { axis: attr.int(1) });
  const none = b.op('Mul', [scores, b.float(0)]);
  return { scores: b.op('ScatterND', [none, places, b.op('GatherND', [scores, places])]), rows };
}

/** Number of rows that are not empty, float `[n]`. */
export function addCount(b: OnnxBuilder, counts: string): string {
  return b.op('ReduceSum', [toFloat(b, counts), b.ints([1])], { keepdims: attr.int(0) });
}

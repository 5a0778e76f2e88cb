import type { BoxesRecipe, BoxUnits, RowsRecipe, YoloRecipe } from '../../store/recipe.js';
import { typeAttr } from './attr-values.js';
import type { TfValue } from './graph-def-builder.js';
import type { TfOperators } from './tf-operators.js';

/** What a graph says it has seen, in float `[n, rows]`; one class a row. */
export type Candidates = {
  readonly x1: TfValue;
  readonly y1: TfValue;
  readonly x2: TfValue;
  readonly y2: TfValue;
  /** Of the graph's input. */
  readonly boxUnits: BoxUnits;
  readonly score: TfValue;
  readonly classIndex: TfValue;
  /** bool; `null`: all rows count. */
  readonly isCounted: TfValue | null;
};

/** Outputs of the graph by name, `[n, …]` each. */
export type GraphOutputs = ReadonlyMap<string, TfValue>;

/** Adds what reads candidates out of a graph's outputs. */
export function addCandidates(tf: TfOperators, outputs: GraphOutputs, recipe: RowsRecipe | YoloRecipe | BoxesRecipe): Candidates {
  switch (recipe.kind) {
    case 'rows':
      return rowCandidates(tf, outputOf(tf, outputs, recipe.output), recipe);
    case 'yolo':
      return yoloCandidates(tf, outputOf(tf, outputs, recipe.output), recipe);
    case 'boxes':
      return boxCandidates(tf, outputs, recipe);
  }
}

function rowCandidates(tf: TfOperators, rows: TfValue, recipe: RowsRecipe): Candidates {
  const [x1, y1, x2, y2, score, classIndex] = columns(tf, rows, 6) as [TfValue, TfValue, TfValue, TfValue, TfValue, TfValue];
  return { x1, y1, x2, y2, score, classIndex, boxUnits: recipe.boxUnits, isCounted: null };
}

function yoloCandidates(tf: TfOperators, head: TfValue, recipe: YoloRecipe): Candidates {
  const anchors = recipe.channelsLast ? head : tf.transpose(head, [0, 2, 1]);
  const firstClass = recipe.objectness ? 5 : 4;
  const best = bestClass(tf, tf.lastAxisPart(anchors, firstClass, firstClass + recipe.classIds.length));
  const score = recipe.objectness ? tf.binary('Mul', best.score, tf.lastAxisElement(anchors, 4)) : best.score;
  return { ...centred(tf, columns(tf, anchors, 4)), score, classIndex: best.classIndex, boxUnits: recipe.boxUnits, isCounted: null };
}

function boxCandidates(tf: TfOperators, outputs: GraphOutputs, recipe: BoxesRecipe): Candidates {
  const sides = columns(tf, outputOf(tf, outputs, recipe.boxes), 4);
  const given = activated(tf, outputOf(tf, outputs, recipe.scores), recipe.activation);
  const best = recipe.classes === null ? bestClass(tf, withoutBackground(tf, given, recipe.background)) : { score: given, classIndex: classesOf(tf, outputOf(tf, outputs, recipe.classes), recipe.background) };
  const isCounted = recipe.count === null ? null : countedRows(tf, best.score, outputOf(tf, outputs, recipe.count));
  const [a, b, c, d] = sides;
  const corners = recipe.boxFormat === 'cxcywh' ? centred(tf, sides) : recipe.boxFormat === 'yxyx' ? { y1: a, x1: b, y2: c, x2: d } : { x1: a, y1: b, x2: c, y2: d };
  return { ...corners, ...best, boxUnits: recipe.boxUnits, isCounted };
}

type Columns = readonly [TfValue, TfValue, TfValue, TfValue, ...TfValue[]];

function columns(tf: TfOperators, rows: TfValue, count: number): Columns {
  return Array.from({ length: count }, (_, index) => tf.lastAxisElement(rows, index)) as unknown as Columns;
}

/** @param sides centre x, centre y, width, height */
function centred(tf: TfOperators, [x, y, width, height]: Columns): { x1: TfValue; y1: TfValue; x2: TfValue; y2: TfValue } {
  const half = tf.float(0.5);
  const [halfWidth, halfHeight] = [tf.binary('Mul', width, half), tf.binary('Mul', height, half)];
  return { x1: tf.binary('Sub', x, halfWidth), y1: tf.binary('Sub', y, halfHeight), x2: tf.binary('Add', x, halfWidth), y2: tf.binary('Add', y, halfHeight) };
}

/** @param scores `[n, rows, classes]` */
function bestClass(tf: TfOperators, scores: TfValue): { score: TfValue; classIndex: TfValue } {
  return { score: tf.max(scores, 2), classIndex: tf.cast(tf.argMax(scores, 2), 'float') };
}

function withoutBackground(tf: TfOperators, scores: TfValue, background: number | null): TfValue {
  if (background === null) return scores;
  const behind = tf.lastAxisPart(scores, background + 1, null);
  return background === 0 ? behind : tf.concat([tf.lastAxisPart(scores, 0, background), behind], 2);
}

/** Class indices without the background's, which becomes -1: no class. */
function classesOf(tf: TfOperators, classes: TfValue, background: number | null): TfValue {
  if (background === null) return classes;
  const at = tf.float(background);
  const shifted = tf.select(tf.compare('Greater', classes, at), tf.binary('Sub', classes, tf.float(1)), classes);
  return tf.select(tf.compare('Equal', classes, at), tf.float(-1), shifted);
}

/** @param counts `[n]` or `[n, 1]`, rows that count
 * @returns bool `[n, rows]` */
export function countedRows(tf: TfOperators, score: TfValue, counts: TfValue): TfValue {
  const rows = tf.node('Range', [tf.int(0), tf.element(tf.shapeOf(score), 1), tf.int(1)], { Tidx: typeAttr('int32') }, 'int32');
  return tf.compare('Less', tf.cast(rows, 'float'), tf.reshape(counts, tf.ints([-1, 1])));
}

/** Numbers, or what is a probability already. */
export function activated(tf: TfOperators, value: TfValue, activation: 'none' | 'sigmoid' | 'softmax'): TfValue {
  if (activation === 'none') return value;
  return tf.unary(activation === 'sigmoid' ? 'Sigmoid' : 'Softmax', value);
}

/** An output in float. */
export function outputOf(tf: TfOperators, outputs: GraphOutputs, name: string): TfValue {
  const value = outputs.get(name);
  if (value === undefined) throw new RangeError(`Expected the outputs to have ${name}`);
  return tf.cast(value, 'float');
}

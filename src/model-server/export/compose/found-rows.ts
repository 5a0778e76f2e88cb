import { attr, type OnnxBuilder } from '../onnx/onnx-builder.js';
import { ONNX_DTYPES } from '../onnx/onnx-model.js';
import type { PicturePlace } from './picture-operators.js';

/** What a graph found, row by row: names of float values. `n` is pictures, `m` any number of rows. */
export type FoundRows = {
  /** `[n, m, 4]`: yMin, xMin, yMax, xMax in pixels of what the graph looked at; any numbers. */
  readonly boxes: string;
  /** `[n, m]`, any numbers; what is not above 0 does not count. */
  readonly scores: string;
  /** `[n, m]`: indices of classes, or ids where `classIds` is `null`; any numbers. */
  readonly classes: string;
  /** Further values `[n, m, …]` of the rows. */
  readonly extras: Readonly<Record<string, string>>;
};

/** Float32 from any element type; a cast that changes nothing is taken out when the model is loaded. */
export function toFloat(b: OnnxBuilder, value: string): string {
  return b.op('Cast', [value], { to: attr.int(ONNX_DTYPES.float) });
}

/** A part of an axis. @param end `null`: to its end */
export function slice(b: OnnxBuilder, value: string, axis: number, start: number, end: number | null): string {
  return b.op('Slice', [value, b.ints([start]), b.ints([end ?? Number.MAX_SAFE_INTEGER]), b.ints([axis])]);
}

/** One place of the last axis, which goes away: `[n, m, v]` to `[n, m]`. */
export function lastAxisItem(b: OnnxBuilder, value: string, index: number): string {
  return b.op('Gather', [value, b.int(index)], { axis: attr.int(-1) });
}

/** Size of an axis, int64 `[1]`. */
export function axisSize(b: OnnxBuilder, value: string, axis: number): string {
  return b.op('Shape', [value], { start: attr.int(axis), end: attr.int(axis + 1) });
}

/** Whether all of the last axis, which has `count` places, are true: bool `[n, m]`. Not by a reduction, which the library gets wrong where there are no rows. */
export function allOf(b: OnnxBuilder, truths: string, count: number): string {
  return Array.from({ length: count }, (_, index) => lastAxisItem(b, truths, index)).reduce((all, truth) => b.op('And', [all, truth]));
}

/** Keeps the rows with the best scores.
 * @param rows `[n, m, …]`
 * @param limit at most this many
 * @returns everything in the order of the scores, the first of equal ones first */
export function keepBest<K extends string>(b: OnnxBuilder, scores: string, rows: Readonly<Record<K, string>>, limit: number): { readonly scores: string; readonly rows: Readonly<Record<K, string>> } {
  const count = b.op('Min', [axisSize(b, scores, 1), b.ints([limit])]);
  const [best = '', indices = ''] = b.add('TopK', [scores, count], { outputs: 2, attrs: { axis: attr.int(1), largest: attr.int(1), sorted: attr.int(1) } });
  const places = b.op('Unsqueeze', [indices, b.ints([-1])]);
  const kept = Object.fromEntries(Object.entries<string>(rows).map(([name, value]) => [name, b.op('GatherND', [value, places], { batch_dims: attr.int(1) })]));
  return { scores: best, rows: kept as Record<K, string> };
}

/** Boxes of other layouts and units as {@link FoundRows} has them.
 * @param boxes float `[n, m, 4]` */
export function toYxyxPixels(b: OnnxBuilder, boxes: string, format: 'yxyx' | 'xyxy' | 'cxcywh', units: 'pixels' | 'normalized', place: PicturePlace): string {
  const ordered = format === 'yxyx' ? boxes : b.op('Gather', [format === 'xyxy' ? boxes : aroundCentre(b, boxes), b.ints([1, 0, 3, 2])], { axis: attr.int(-1) });
  return units === 'pixels' ? ordered : b.op('Mul', [ordered, place.canvas]);
}

function aroundCentre(b: OnnxBuilder, boxes: string): string {
  const centre = slice(b, boxes, -1, 0, 2);
  const half = b.op('Mul', [slice(b, boxes, -1, 2, 4), b.float(0.5)]);
  return b.op('Concat', [b.op('Sub', [centre, half]), b.op('Add', [centre, half])], { axis: attr.int(-1) });
}

/** @returns the index of the highest of the last axis, float `[n, m]` */
export function bestIndex(b: OnnxBuilder, scores: string): string {
  return toFloat(b, b.op('ArgMax', [scores], { axis: attr.int(-1), keepdims: attr.int(0) }));
}

/** @returns the highest of the last axis, `[n, m]` */
export function bestScore(b: OnnxBuilder, scores: string): string {
  return b.op('ReduceMax', [scores, b.ints([-1])], { keepdims: attr.int(0) });
}

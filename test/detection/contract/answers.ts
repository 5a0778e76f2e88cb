import fc from 'fast-check';
import { letterbox, type Letterbox, type Size } from '../../../src/core/geometry.js';
import { cocoLabelMap, parseLabelMapTxt } from '../../../src/detection/label-map.js';
import type { DecodeContext } from '../../../src/detection/contract/decode-context.js';
import type { Tensor } from '../../../src/serving/tensor.js';

export const px = (widthPx: number, heightPx: number): Size => ({ widthPx, heightPx });

/** A source that is twice as large as the model input, of the same shape. */
export const DOUBLED: Letterbox = letterbox(px(200, 200), px(100, 100));
export const COCO = cocoLabelMap();
/** Index 0 is class 1, `cat`. */
export const PETS = parseLabelMapTxt('cat\ndog\nfish\n', 'labels.txt');

export function contextOf(changes: Partial<DecodeContext> = {}): DecodeContext {
  const letterboxes = changes.letterboxes ?? [DOUBLED];
  return { batchSize: letterboxes.length, letterboxes, inputSize: null, labels: COCO, ...changes };
}

export function float(shape: readonly number[], data: readonly number[]): Tensor {
  return { dtype: 'float', shape, data: Float32Array.from(data) };
}

export function answerOf(outputs: Readonly<Record<string, Tensor>>): ReadonlyMap<string, Tensor> {
  return new Map(Object.entries(outputs));
}

/** A head `[frames, anchors, values]` whose lines are the anchors; `channelsFirst` turns each frame on its side. */
export function headOf(frames: readonly (readonly (readonly number[])[])[], channelsFirst: boolean): Tensor {
  const anchors = frames[0]?.length ?? 0;
  const channels = frames[0]?.[0]?.length ?? 0;
  const values = frames.flatMap((rows) => (channelsFirst ? Array.from({ length: channels }, (_, channel) => rows.map((row) => row[channel] ?? 0)) : rows)).flat();
  return float(channelsFirst ? [frames.length, channels, anchors] : [frames.length, anchors, channels], values);
}

/** Any tensor that a hostile server might send, of any type that travels. */
export const anyTensor: fc.Arbitrary<Tensor> = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 4 }).chain((shape) => {
  const length = shape.reduce((product, size) => product * size, 1);
  const numbers = fc.array(fc.oneof(fc.float(), fc.double({ min: 0, max: 1 }), fc.nat(3)), { minLength: length, maxLength: length });
  return fc.tuple(numbers, fc.nat(4)).map(([values, kind]): Tensor => {
    if (kind === 0) return { dtype: 'string', shape, data: values.map((value) => Buffer.from(String(value))) };
    if (kind === 1) return { dtype: 'int64', shape, data: BigInt64Array.from(values, (value) => BigInt(Number.isFinite(value) ? Math.trunc(value) : 0)) };
    if (kind === 2) return { dtype: 'half', shape, data: Uint16Array.from(values) };
    return { dtype: 'float', shape, data: Float32Array.from(values) };
  });
});

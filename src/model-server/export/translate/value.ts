import type { DType, Tensor } from '../../../serving/tensor.js';

/** Sizes in TensorFlow's order of axes, `null` where one is unknown. */
export type Shape = readonly (number | null)[];

/** What a node gives, on its way to ONNX. Pictures are NHWC in TensorFlow and NCHW in ONNX: a value can have a name in either order of axes, or in both. */
export type Value = {
  readonly dtype: DType;
  /** `null`: not even the rank is known. */
  readonly shape: Shape | null;
  /** The value itself where it is known now. */
  readonly tensor: Tensor | null;
  /** Elements of a small value of whole numbers of which some are known: shapes, mostly. */
  readonly ints: readonly (number | null)[] | null;
  /** Its name in ONNX, axes as in TensorFlow. Filled when somebody asks for it. */
  plainName: string | null;
  /** Its name in ONNX, channels behind the batch; only values of four axes have it. */
  channelsFirstName: string | null;
};

/** NHWC axis → NCHW axis. */
export const CHANNELS_FIRST_AXIS = [0, 2, 3, 1] as const;
/** The axes of NHWC in the order of NCHW: the permutation that gets there. */
export const TO_CHANNELS_FIRST = [0, 3, 1, 2] as const;
/** The permutation back. */
export const TO_CHANNELS_LAST = [0, 2, 3, 1] as const;

/** Shape of two values that are combined element by element. */
export function broadcastShapes(a: Shape | null, b: Shape | null): Shape | null {
  if (a === null || b === null) return null;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const [left, right] = [a, b].map((shape) => (axis < rank - shape.length ? 1 : (shape[axis - rank + shape.length] ?? null)));
    if (left === 1) return right ?? null;
    if (right === 1 || right === null) return left ?? null;
    return right ?? null;
  });
}

/** The shape without unknown sizes, or `null`. */
export function staticShape(shape: Shape | null): readonly number[] | null {
  return shape !== null && shape.every((size) => size !== null) ? (shape) : null;
}

export function permuted<T>(values: readonly T[], permutation: readonly number[]): T[] {
  return permutation.map((axis) => values[axis] as T);
}

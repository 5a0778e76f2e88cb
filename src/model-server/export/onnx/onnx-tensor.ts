import type { OnnxDType, OnnxTensor } from './onnx-model.js';

/** Bytes an element takes in {@link OnnxTensor.data}; strings have no fixed size and cannot be constants. */
export const ONNX_ELEMENT_BYTES: Readonly<Record<Exclude<OnnxDType, 'string'>, number>> = {
  float: 4,
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
  float16: 2,
  double: 8,
  uint32: 4,
  uint64: 8,
  bfloat16: 2,
};

/** A constant by its content, without a name. */
export type OnnxTensorContent = Omit<OnnxTensor, 'name'>;

/** A constant from a typed array, which is used and not copied.
 * @param shape product = number of elements; left out: one axis
 * @throws {RangeError} when the shape does not hold that many elements */
export function tensorContent(dtype: OnnxDType, data: ArrayBufferView, shape?: readonly number[]): OnnxTensorContent {
  if (dtype === 'string') throw new RangeError('Expected a dtype of fixed size, got string');
  const count = data.byteLength / ONNX_ELEMENT_BYTES[dtype];
  const sizes = shape ?? [count];
  if (sizes.reduce((product, size) => product * size, 1) !== count) throw new RangeError(`Expected ${dtype} data for the shape [${sizes.join(', ')}], got ${count} elements`);
  return { dtype, shape: sizes, data: new Uint8Array(data.buffer, data.byteOffset, data.byteLength) };
}

/** @param values finite or not, rounded to float32 */
export function floatContent(values: ArrayLike<number>, shape?: readonly number[]): OnnxTensorContent {
  return tensorContent('float', Float32Array.from(values), shape);
}

/** @param values whole numbers; what is beyond 64 bits is clamped to them */
export function int64Content(values: ArrayLike<number>, shape?: readonly number[]): OnnxTensorContent {
  return tensorContent('int64', BigInt64Array.from(Array.from(values, clampedBigInt)), shape);
}

/** Reads the numbers of a constant; 64-bit integers are rounded to the nearest double, half precision stays in bit patterns.
 * @throws {RangeError} for strings */
export function onnxTensorNumbers({ dtype, data }: OnnxTensorContent): readonly number[] {
  // A copy, for alignment.
  const { buffer } = Uint8Array.from(data);
  switch (dtype) {
    case 'float':
      return Array.from(new Float32Array(buffer));
    case 'double':
      return Array.from(new Float64Array(buffer));
    case 'uint8':
    case 'bool':
      return Array.from(new Uint8Array(buffer));
    case 'int8':
      return Array.from(new Int8Array(buffer));
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      return Array.from(new Uint16Array(buffer));
    case 'int16':
      return Array.from(new Int16Array(buffer));
    case 'int32':
      return Array.from(new Int32Array(buffer));
    case 'uint32':
      return Array.from(new Uint32Array(buffer));
    case 'int64':
      return Array.from(new BigInt64Array(buffer), Number);
    case 'uint64':
      return Array.from(new BigUint64Array(buffer), Number);
    case 'string':
      throw new RangeError('Expected a tensor of numbers, got string');
  }
}

const MAX_INT64 = 2n ** 63n - 1n;

function clampedBigInt(value: number): bigint {
  const exact = BigInt(value);
  return exact > MAX_INT64 ? MAX_INT64 : exact < -MAX_INT64 - 1n ? -MAX_INT64 - 1n : exact;
}

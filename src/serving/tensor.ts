import { DTYPE_NUMBERS } from './dtypes.js';

/** What holds the elements of a tensor of each element type that can travel. */
export type TensorDataByDType = {
  float: Float32Array;
  double: Float64Array;
  int32: Int32Array;
  /** A Buffer is one too. */
  uint8: Uint8Array;
  int16: Int16Array;
  int8: Int8Array;
  /** One buffer an element. */
  string: readonly Buffer[];
  /** Real and imaginary parts in turn. */
  complex64: Float32Array;
  int64: BigInt64Array;
  /** 0 or 1. */
  bool: Uint8Array;
  /** Bit patterns. */
  bfloat16: Uint16Array;
  uint16: Uint16Array;
  complex128: Float64Array;
  /** Bit patterns of IEEE half precision. */
  half: Uint16Array;
  uint32: Uint32Array;
  uint64: BigUint64Array;
};

/** Element types that can travel. */
export type DType = keyof TensorDataByDType;

/** A tensor: elements row-major, as many as the product of `shape` says (twice that for complex ones). */
export type Tensor = { [D in DType]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: TensorDataByDType[D] } }[DType];

/** A numeric tensor that does not lie in memory yet: it is written straight into the request, so that pictures are copied once. */
export type TensorWriter = {
  readonly dtype: Exclude<DType, 'string'>;
  readonly shape: readonly number[];
  /** Fills all of `target`, which has exactly the tensor's bytes and begins at a multiple of 8 of its ArrayBuffer. Called once, synchronously. */
  readonly write: (target: Uint8Array) => void;
};

/** Typed arrays that tensors keep their numbers in. */
export type NumericData = Exclude<Tensor['data'], readonly Buffer[]>;

type NumericDataConstructor = {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): NumericData;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): NumericData;
};

/** The `*_val` field of TensorProto that carries an element type. */
export type ValueField = 'floatVal' | 'doubleVal' | 'intVal' | 'stringVal' | 'scomplexVal' | 'int64Val' | 'boolVal' | 'dcomplexVal' | 'halfVal' | 'uint32Val' | 'uint64Val';

/** How the numbers of one element type are kept. */
export type NumericLayout = { readonly array: NumericDataConstructor; readonly field: ValueField; readonly valuesPerElement: 1 | 2 };

export const NUMERIC_LAYOUTS: Readonly<Record<Exclude<DType, 'string'>, NumericLayout>> = {
  float: { array: Float32Array, field: 'floatVal', valuesPerElement: 1 },
  double: { array: Float64Array, field: 'doubleVal', valuesPerElement: 1 },
  int32: { array: Int32Array, field: 'intVal', valuesPerElement: 1 },
  uint8: { array: Uint8Array, field: 'intVal', valuesPerElement: 1 },
  int16: { array: Int16Array, field: 'intVal', valuesPerElement: 1 },
  int8: { array: Int8Array, field: 'intVal', valuesPerElement: 1 },
  complex64: { array: Float32Array, field: 'scomplexVal', valuesPerElement: 2 },
  int64: { array: BigInt64Array, field: 'int64Val', valuesPerElement: 1 },
  bool: { array: Uint8Array, field: 'boolVal', valuesPerElement: 1 },
  bfloat16: { array: Uint16Array, field: 'halfVal', valuesPerElement: 1 },
  uint16: { array: Uint16Array, field: 'intVal', valuesPerElement: 1 },
  complex128: { array: Float64Array, field: 'dcomplexVal', valuesPerElement: 2 },
  half: { array: Uint16Array, field: 'halfVal', valuesPerElement: 1 },
  uint32: { array: Uint32Array, field: 'uint32Val', valuesPerElement: 1 },
  uint64: { array: BigUint64Array, field: 'uint64Val', valuesPerElement: 1 },
};

/** Name of the element type with that number on the wire, or `null` when tensors of it cannot travel. */
export function dtypeFromNumber(number: number): DType | null {
  for (const dtype of Object.keys(NUMERIC_LAYOUTS) as Exclude<DType, 'string'>[]) if (DTYPE_NUMBERS[dtype] === number) return dtype;
  return number === DTYPE_NUMBERS.string ? 'string' : null;
}

/** Elements that a shape holds, or `null` when a dimension is not a whole number >= 0 or there are more than can be counted exactly. */
export function elementCount(shape: readonly number[]): number | null {
  let count = 1;
  let isEmpty = false;
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) return null;
    if (size === 0) isEmpty = true;
    else if (!Number.isSafeInteger((count *= size))) return null;
  }
  return isEmpty ? 0 : count;
}

/** Reads a tensor's elements as numbers: half and bfloat16 are expanded, 64-bit integers rounded to the nearest double.
 * @returns one value an element; the tensor's own array for `float`
 * @throws {TypeError} for strings and complex numbers */
export function tensorNumbers(tensor: Tensor): Float32Array | Float64Array | Int32Array | Uint8Array | Int16Array | Int8Array | Uint16Array | Uint32Array {
  switch (tensor.dtype) {
    case 'half':
      return Float32Array.from(tensor.data, halfToNumber);
    case 'bfloat16':
      return bfloat16ToFloats(tensor.data);
    case 'int64':
    case 'uint64':
      return Float64Array.from(tensor.data as Iterable<bigint>, Number);
    case 'string':
    case 'complex64':
    case 'complex128':
      throw new TypeError(`Expected a tensor of real numbers, got ${tensor.dtype}`);
    case 'float':
    case 'double':
    case 'int32':
    case 'uint8':
    case 'int16':
    case 'int8':
    case 'bool':
    case 'uint16':
    case 'uint32':
      return tensor.data;
  }
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloat16ToFloats(bits: Uint16Array): Float32Array {
  // The upper half of a float32, the lower one is zero.
  const words = Uint32Array.from(bits, (value) => value * 65_536);
  return new Float32Array(words.buffer);
}

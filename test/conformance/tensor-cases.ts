import { NUMERIC_LAYOUTS, elementCount, type DType, type Tensor } from '../../src/serving/tensor.js';

/** A tensor as it is told to Python and back: its bytes in hex (little-endian), strings one by one. */
export type TensorDescription = { readonly dtype: string; readonly shape: readonly number[]; readonly data: string | readonly string[] };

export type TensorCase = { readonly name: string; readonly tensor: Tensor };

const SHAPES = [[], [0], [1], [2, 0, 3], [7], [4, 3, 2]] as const;

const FLOATS = [0, -0, 1, -1.5, Math.fround(0.1), Infinity, -Infinity, NaN, 2 ** -149, 3.4028234663852886e38];
const DOUBLES = [...FLOATS, Math.PI, Number.MAX_VALUE, Number.MIN_VALUE];
/** Bit patterns: zeros, one, the least, infinities, the largest, a quiet NaN. */
const HALVES = [0x0000, 0x8000, 0x3c00, 0x0001, 0x7c00, 0xfc00, 0x7bff, 0x7e00];
const BFLOATS = [0x0000, 0x8000, 0x3f80, 0x0001, 0x7f80, 0xff80, 0x7f7f, 0x7fc0];
const STRINGS = [Buffer.from('Zürich'), Buffer.alloc(0), Buffer.from([0xff, 0xd8, 0x00, 0x00]), Buffer.alloc(200, 'x')];

/** Values that an element type holds: its ends and what lies about zero. */
const VALUES: Readonly<Record<DType, readonly (number | bigint | Buffer)[]>> = {
  float: FLOATS,
  double: DOUBLES,
  int32: [0, 1, -1, 2 ** 31 - 1, -(2 ** 31)],
  uint8: [0, 1, 114, 128, 255],
  int16: [0, 1, -1, 32_767, -32_768],
  int8: [0, 1, -1, 127, -128],
  string: STRINGS,
  complex64: FLOATS,
  int64: [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 9_007_199_254_740_993n],
  bool: [1, 0, 0, 1],
  bfloat16: BFLOATS,
  uint16: [0, 1, 32_768, 65_535],
  complex128: DOUBLES,
  half: HALVES,
  uint32: [0, 1, 2 ** 31, 2 ** 32 - 1],
  uint64: [0n, 1n, 2n ** 63n, 2n ** 64n - 1n, 9_007_199_254_740_993n],
};

/** Every element type that can travel, in every shape. */
export const TENSOR_CASES: readonly TensorCase[] = (Object.keys(VALUES) as DType[]).flatMap((dtype) =>
  SHAPES.map((shape) => ({ name: `${dtype} [${shape.join(', ')}]`, tensor: tensorOf(dtype, shape) })),
);

/** A tensor as Python describes it. */
export function describeTensor({ dtype, shape, data }: Tensor): TensorDescription {
  if (dtype === 'string') return { dtype, shape, data: data.map((bytes) => bytes.toString('hex')) };
  return { dtype, shape, data: Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex') };
}

function tensorOf(dtype: DType, shape: readonly number[]): Tensor {
  const count = elementCount(shape) ?? 0;
  const elements = Array.from({ length: count }, (_, index) => heldElement(index, count));
  const valueAt = (index: number): unknown => VALUES[dtype][index % VALUES[dtype].length];
  if (dtype === 'string') return { dtype, shape, data: elements.map((element) => valueAt(element) as Buffer) };
  const { array, valuesPerElement } = NUMERIC_LAYOUTS[dtype];
  const data = new array(count * valuesPerElement);
  for (let index = 0; index < data.length; index += 1) {
    const element = elements[Math.floor(index / valuesPerElement)] ?? 0;
    data[index] = valueAt(element * valuesPerElement + (index % valuesPerElement)) as never;
  }
  return { dtype, shape, data } as Tensor;
}

/** Of a tensor of many elements the second half is one value: there is something for the rule that the last one is repeated. */
function heldElement(index: number, count: number): number {
  return count > 8 ? Math.min(index, count / 2) : index;
}

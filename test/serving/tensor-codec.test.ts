import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../src/core/errors.js';
import { DTYPE_NUMBERS } from '../../src/serving/dtypes.js';
import { decodeTensor, decodeTensorMessage, encodeTensor, encodeTensorMessage, type TensorProto } from '../../src/serving/tensor-codec.js';
import { NUMERIC_LAYOUTS, elementCount, tensorNumbers, type DType, type Tensor } from '../../src/serving/tensor.js';

const NUMERIC = Object.keys(NUMERIC_LAYOUTS) as Exclude<DType, 'string'>[];

/** Any tensor of any element type: all bit patterns. */
const anyTensor: fc.Arbitrary<Tensor> = fc
  .record({ dtype: fc.constantFrom<DType>(...NUMERIC, 'string'), shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }), seed: fc.uint8Array({ minLength: 1, maxLength: 64 }) })
  .map(({ dtype, shape, seed }) => {
    const count = elementCount(shape) ?? 0;
    if (dtype === 'string') return { dtype, shape, data: Array.from({ length: count }, (_, index) => Buffer.from(seed.subarray(0, (index * 7) % (seed.length + 1)))) };
    const { array, valuesPerElement } = NUMERIC_LAYOUTS[dtype];
    const bytes = Uint8Array.from({ length: count * valuesPerElement * array.BYTES_PER_ELEMENT }, (_, index) => (seed[index % seed.length] ?? 0) ^ (index & 0xff));
    if (dtype === 'bool') bytes.forEach((value, index) => (bytes[index] = value & 1));
    return { dtype, shape, data: new array(bytes.buffer, 0, count * valuesPerElement) } as Tensor;
  });

function dims(...sizes: (number | string)[]): { dim: { size: number | string }[] } {
  return { dim: sizes.map((size) => ({ size })) };
}

describe('a tensor that is encoded and decoded', () => {
  it.each(['content', 'values'] as const)('is the same again in the form %s', (form) => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        const decoded = decodeTensorMessage(encodeTensorMessage(tensor, form));
        expect(decoded.dtype).toBe(tensor.dtype);
        expect(decoded.shape).toEqual(tensor.shape);
        // NaN payloads may change when a float travels as a number.
        expect(Array.from(decoded.data as ArrayLike<unknown>)).toEqual(Array.from(tensor.data as ArrayLike<unknown>));
      }),
      { numRuns: 400 },
    );
  });

  it('uses the pixels as they lie', () => {
    const data = Buffer.alloc(12, 9);
    const proto = encodeTensor({ dtype: 'uint8', shape: [1, 2, 2, 3], data });
    data[0] = 1;
    expect(proto.tensorContent?.[0]).toBe(1);
  });

  it('is refused when its data does not fit its shape', () => {
    expect(() => encodeTensor({ dtype: 'float', shape: [3], data: new Float32Array(2) })).toThrow(RangeError);
    expect(() => encodeTensor({ dtype: 'string', shape: [-1], data: [] })).toThrow(RangeError);
  });
});

describe('decodeTensor', () => {
  it.each<[string, TensorProto, unknown[]]>([
    ['fills an empty value field with zeros', { dtype: DTYPE_NUMBERS.float, tensorShape: dims(3) }, [0, 0, 0]],
    ['repeats the last value', { dtype: DTYPE_NUMBERS.float, tensorShape: dims(2, 2), floatVal: [1, 2] }, [1, 2, 2, 2]],
    ['repeats the last of int64', { dtype: DTYPE_NUMBERS.int64, tensorShape: dims(2), int64Val: ['-9007199254740993'] }, [-9007199254740993n, -9007199254740993n]],
    ['repeats the last pair of complex numbers', { dtype: DTYPE_NUMBERS.complex64, tensorShape: dims(2), scomplexVal: [1, 2] }, [1, 2, 1, 2]],
    ['reads half from bit patterns', { dtype: DTYPE_NUMBERS.half, tensorShape: dims(2), halfVal: [0x3c00] }, [0x3c00, 0x3c00]],
    ['reads uint8 from int_val', { dtype: DTYPE_NUMBERS.uint8, tensorShape: dims(3), intVal: [0, 114, 255] }, [0, 114, 255]],
    ['reads bool', { dtype: DTYPE_NUMBERS.bool, tensorShape: dims(2), boolVal: [true, false] }, [1, 0]],
    ['reads a scalar without a shape', { dtype: DTYPE_NUMBERS.int32, intVal: [7] }, [7]],
    ['reads nothing for a shape with a zero', { dtype: DTYPE_NUMBERS.float, tensorShape: dims(5, 0) }, []],
    ['repeats the last string', { dtype: DTYPE_NUMBERS.string, tensorShape: dims(2), stringVal: [Buffer.from('a')] }, [Buffer.from('a'), Buffer.from('a')]],
    ['reads strings from tensor_content', { dtype: DTYPE_NUMBERS.string, tensorShape: dims(3), tensorContent: Buffer.from([1, 0, 2, 97, 98, 99]) }, [Buffer.from('a'), Buffer.alloc(0), Buffer.from('bc')]],
    ['reads floats that lie at an odd place', { dtype: DTYPE_NUMBERS.float, tensorShape: dims(1), tensorContent: Buffer.from([9, 0, 0, 128, 63]).subarray(1) }, [1]],
  ])('%s', (_fact, proto, expected) => {
    expect(Array.from(decodeTensor(proto).data as ArrayLike<unknown>)).toEqual(expected);
  });

  it.each<[string, TensorProto]>([
    ['an element type nobody knows', { dtype: 77 }],
    ['the invalid element type', { dtype: 0 }],
    ['a resource', { dtype: DTYPE_NUMBERS.resource }],
    ['an unknown rank', { dtype: 1, tensorShape: { unknownRank: true } }],
    ['a negative dimension', { dtype: 1, tensorShape: dims(-1) }],
    ['a shape beyond counting', { dtype: 1, tensorShape: dims('4294967296', '4294967296') }],
    ['a dimension beyond counting', { dtype: 1, tensorShape: dims('9223372036854775807') }],
    ['a terabyte of zeros', { dtype: 1, tensorShape: dims(2 ** 38) }],
    ['a terabyte of one value', { dtype: 4, tensorShape: dims(2 ** 40), intVal: [1] }],
    ['a billion empty strings', { dtype: 7, tensorShape: dims(1e9) }],
    ['too few bytes', { dtype: 1, tensorShape: dims(2), tensorContent: Buffer.alloc(7) }],
    ['too many bytes', { dtype: 4, tensorShape: dims(2), tensorContent: Buffer.alloc(3) }],
    ['too many values', { dtype: 1, tensorShape: dims(1), floatVal: [1, 2] }],
    ['half a complex number', { dtype: 8, tensorShape: dims(2), scomplexVal: [1] }],
    ['string lengths beyond the bytes', { dtype: 7, tensorShape: dims(1), tensorContent: Buffer.from([200, 1, 97]) }],
    ['a string length without end', { dtype: 7, tensorShape: dims(1), tensorContent: Buffer.alloc(9, 0xff) }],
  ])('refuses %s', (_what, proto) => {
    expect(() => decodeTensor(proto, { name: 'x' })).toThrow(ModelOutputError);
  });

  it('throws nothing but ModelOutputError on bytes that anybody may send', () => {
    const mutated = fc.tuple(anyTensor, fc.constantFrom('content' as const, 'values' as const), fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 })).map(([tensor, form, changes]) => {
      const bytes = Buffer.from(encodeTensorMessage(tensor, form));
      for (const [at, value] of changes) if (bytes.length > 0) bytes[at % bytes.length] = value;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)), mutated), (bytes) => {
        try {
          const tensor = decodeTensorMessage(bytes, { maxFilledBytes: 1_000_000 });
          expect(elementCount(tensor.shape)).not.toBeNull();
        } catch (error) {
          expect(error).toBeInstanceOf(ModelOutputError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe('tensorNumbers', () => {
  it.each<[Tensor, number[]]>([
    [{ dtype: 'half', shape: [6], data: Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7c00, 0x3555, 0) }, [1, -2, 2 ** -24, Infinity, 0.333251953125, 0]],
    [{ dtype: 'bfloat16', shape: [3], data: Uint16Array.of(0x3f80, 0xc000, 0x7f80) }, [1, -2, Infinity]],
    [{ dtype: 'int64', shape: [2], data: BigInt64Array.of(-3n, 4n) }, [-3, 4]],
    [{ dtype: 'uint8', shape: [2], data: Uint8Array.of(0, 255) }, [0, 255]],
  ])('expands %o', (tensor, expected) => {
    expect(Array.from(tensorNumbers(tensor))).toEqual(expected);
  });

  it('refuses strings', () => {
    expect(() => tensorNumbers({ dtype: 'string', shape: [0], data: [] })).toThrow(TypeError);
  });
});

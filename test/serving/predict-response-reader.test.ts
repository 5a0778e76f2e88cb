import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../src/core/errors.js';
import { readPredictResponse } from '../../src/serving/predict-response-reader.js';
import { decodeMessage, encodeMessage } from '../../src/serving/proto-root.js';
import { decodeTensor, type TensorProto } from '../../src/serving/tensor-codec.js';
import { readTensorProto } from '../../src/serving/tensor-reader.js';
import { DTYPE_NUMBERS } from '../../src/serving/dtypes.js';
import { NUMERIC_LAYOUTS, type DType, type ValueField } from '../../src/serving/tensor.js';

const DTYPES = Object.keys(NUMERIC_LAYOUTS) as Exclude<DType, 'string'>[];
const NUMBERS: Readonly<Partial<Record<ValueField, number>>> = { floatVal: 5, doubleVal: 6, intVal: 7, scomplexVal: 9, int64Val: 10, boolVal: 11, dcomplexVal: 12, halfVal: 13, uint32Val: 16, uint64Val: 17 };

/** A value of a field, as JavaScript and as it travels without being packed. */
function value(field: ValueField): fc.Arbitrary<number | boolean | string> {
  switch (field) {
    case 'floatVal':
    case 'scomplexVal':
      return fc.float({ noNaN: true });
    case 'doubleVal':
    case 'dcomplexVal':
      return fc.double({ noNaN: true });
    case 'intVal':
    case 'halfVal':
      return fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
    case 'boolVal':
      return fc.boolean();
    case 'uint32Val':
      return fc.integer({ min: 0, max: 2 ** 32 - 1 });
    case 'int64Val':
      return fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }).map(String);
    case 'uint64Val':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String);
    case 'stringVal':
      throw new RangeError('strings are never packed');
  }
}

/** The same values, each in a field of its own. */
function unpacked(field: ValueField, values: readonly unknown[]): Buffer {
  const tag = (NUMBERS[field] ?? 0) * 8;
  return Buffer.concat(values.flatMap((each) => {
    // One value packed is its number, its length, and the value as it stands alone.
    const packed = encodeMessage('tensorflow.TensorProto', { [field]: [each] });
    const start = varintLength(packed, 0) + 1;
    const bytes = packed.subarray(start);
    const wireType = field === 'floatVal' || field === 'scomplexVal' ? 5 : field === 'doubleVal' || field === 'dcomplexVal' ? 1 : 0;
    return [Buffer.from(tag + wireType > 127 ? [((tag + wireType) & 127) | 128, (tag + wireType) >> 7] : [tag + wireType]), bytes];
  }));
}

function varintLength(bytes: Uint8Array, at: number): number {
  let length = 1;
  while ((bytes[at + length - 1] ?? 0) >= 128) length += 1;
  return length;
}

const tensorBytes = fc.constantFrom(...DTYPES).chain((dtype) => {
  const { field } = NUMERIC_LAYOUTS[dtype];
  return fc.record({ packed: fc.array(value(field), { maxLength: 12 }), alone: fc.array(value(field), { maxLength: 6 }), more: fc.array(value(field), { maxLength: 6 }), shape: fc.array(fc.integer({ min: -1, max: 9 }), { maxLength: 4 }), unknownRank: fc.boolean(), content: fc.uint8Array({ maxLength: 16 }) }).map(({ packed, alone, more, shape, unknownRank, content }) => ({
    field,
    bytes: Buffer.concat([
      encodeMessage('tensorflow.TensorProto', { dtype: DTYPE_NUMBERS[dtype], tensorShape: { dim: shape.map((size) => ({ size, name: 'x' })), unknownRank }, versionNumber: 3 }),
      encodeMessage('tensorflow.TensorProto', { [field]: packed }),
      unpacked(field, alone),
      encodeMessage('tensorflow.TensorProto', { [field]: more, ...(content.length > 0 && { tensorContent: content }) }),
    ]),
  }));
});

const plain = (values: unknown): string[] => Array.from((values ?? []) as ArrayLike<unknown>, (each) => (typeof each === 'boolean' ? String(Number(each)) : String(each)));

describe('readTensorProto', () => {
  it('agrees with the library on every element type, packed, alone and mixed', () => {
    fc.assert(
      fc.property(tensorBytes, ({ field, bytes }) => {
        const ours = readTensorProto(bytes);
        const library = decodeMessage<TensorProto>('tensorflow.TensorProto', bytes);
        expect(ours.dtype).toBe(library.dtype);
        expect(plain(ours[field])).toEqual(plain(library[field]));
        expect(ours.tensorShape?.dim?.map(({ size }) => String(size))).toEqual((library.tensorShape?.dim ?? []).map(({ size }) => String(size ?? 0)));
        expect(ours.tensorShape?.unknownRank).toBe(library.tensorShape?.unknownRank ?? false);
        expect(Buffer.from(ours.tensorContent ?? [])).toEqual(Buffer.from(library.tensorContent ?? []));
      }),
      { numRuns: 1_000 },
    );
  });

  it.each<[string, number[]]>([
    ['that ends in a number', [0x08, 0x80]],
    ['with a number of more than 64 bits', [0x08, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]],
    ['with a field longer than itself', [0x22, 0x05, 0x01]],
    ['with a field of 4 GB', [0x22, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['with a group', [0x0b]],
    ['with the field number 0', [0x00, 0x00]],
    ['with a float cut off', [0x08, 0x01, 0x2a, 0x03, 0, 0, 0]],
    ['with a packed number cut off', [0x08, 0x03, 0x3a, 0x01, 0x80]],
    ['of 300 dimensions', [0x12, 0xd8, 0x04, ...Array.from({ length: 300 }, () => [0x12, 0x00]).flat()]],
  ])('refuses a message %s', (_title, bytes) => {
    expect(() => readTensorProto(Buffer.from(bytes))).toThrow(ModelOutputError);
  });

  it('takes no more memory than the values need, whatever element type they pretend to have', () => {
    const zeros = Buffer.alloc(1_000_000);
    const message = Buffer.concat([Buffer.from([0x08, DTYPE_NUMBERS.float, 0x52, 0xc0, 0x84, 0x3d]), zeros]);
    const before = process.memoryUsage().arrayBuffers;
    const proto = readTensorProto(message);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(100_000);
    expect(proto.floatVal).toHaveLength(0);
  });
});

describe('readPredictResponse', () => {
  it('reads outputs, and the model that the server names', () => {
    const bytes = encodeMessage('tensorflow.serving.PredictResponse', {
      modelSpec: { name: 'm', version: { value: '9007199254740993' }, signatureName: 's' },
      outputs: { a: { dtype: 1, tensorShape: { dim: [{ size: 2 }] }, floatVal: [1.5, 2] }, b: { dtype: 7, tensorShape: { dim: [{ size: 1 }] }, stringVal: [Buffer.from('x')] } },
    });
    const { modelSpec, outputs } = readPredictResponse(bytes);
    expect(modelSpec).toEqual({ name: 'm', version: '9007199254740993', versionLabel: null, signatureName: 's' });
    expect(decodeTensor(outputs.get('a') ?? { dtype: 0 })).toEqual({ dtype: 'float', shape: [2], data: Float32Array.of(1.5, 2) });
    expect(decodeTensor(outputs.get('b') ?? { dtype: 0 })).toEqual({ dtype: 'string', shape: [1], data: [Buffer.from('x')] });
  });

  it('has no trouble with names that mean something to JavaScript', () => {
    const bytes = Buffer.concat(['__proto__', 'constructor', 'toString'].map((name) => {
      const entry = Buffer.concat([Buffer.from([0x0a, name.length]), Buffer.from(name), Buffer.from([0x12, 0x02, 0x08, 0x01])]);
      return Buffer.concat([Buffer.from([0x0a, entry.length]), entry]);
    }));
    expect([...readPredictResponse(bytes).outputs.keys()]).toEqual(['__proto__', 'constructor', 'toString']);
  });

  it('takes the last of two outputs of one name, and an empty message for what it is', () => {
    const one = (dtype: number): Buffer => encodeMessage('tensorflow.serving.PredictResponse', { outputs: { a: { dtype } } });
    expect(readPredictResponse(Buffer.concat([one(1), one(3)])).outputs.get('a')?.dtype).toBe(3);
    expect(readPredictResponse(Buffer.alloc(0))).toEqual({ modelSpec: null, outputs: new Map() });
  });
});

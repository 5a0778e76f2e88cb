import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { predictRequestCodec } from '../../src/serving/predict-messages.js';
import { encodePredictRequest } from '../../src/serving/predict-request-writer.js';
import { decodeTensor, encodeTensor } from '../../src/serving/tensor-codec.js';
import type { Tensor, TensorWriter } from '../../src/serving/tensor.js';

const modelSpec = { name: 'detector', version: '3', versionLabel: null, signatureName: 'serving_default' };
const picture = (bytes: number, fill = 7): Tensor => ({ dtype: 'uint8', shape: [1, bytes], data: new Uint8Array(bytes).fill(fill) });

describe('encodePredictRequest', () => {
  it.each<[string, Record<string, Tensor>]>([
    ['no input', {}],
    ['one picture', { inputs: picture(12) }],
    ['an empty tensor', { inputs: { dtype: 'float', shape: [0, 4], data: new Float32Array(0) } }],
    ['strings', { inputs: { dtype: 'string', shape: [2], data: [Buffer.from('a'), Buffer.from('bc')] } }],
    ['several inputs', { a: picture(3), b: { dtype: 'double', shape: [2], data: Float64Array.of(1, 2) }, c: { dtype: 'int64', shape: [], data: BigInt64Array.of(-1n) } }],
  ])('writes %s as the library reads it', (_title, inputs) => {
    const decoded = predictRequestCodec.decode(encodePredictRequest({ modelSpec, inputs, outputFilter: ['x', 'y'] }));
    expect(decoded.modelSpec).toEqual(modelSpec);
    expect(decoded.outputFilter).toEqual(['x', 'y']);
    expect(Object.fromEntries([...decoded.inputs].map(([name, proto]) => [name, decodeTensor(proto)]))).toEqual(inputs);
  });

  it('is byte for byte what the library would have written', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40_000 }), fc.string({ minLength: 1, maxLength: 200 }), fc.array(fc.string({ maxLength: 9 }), { maxLength: 3 }), (data, name, outputFilter) => {
        const tensor: Tensor = { dtype: 'uint8', shape: [data.length], data };
        const ours = encodePredictRequest({ modelSpec, inputs: { [name]: tensor }, outputFilter });
        const library = predictRequestCodec.encode({ modelSpec, inputs: new Map([[name, encodeTensor(tensor)]]), outputFilter });
        expect(ours.equals(library)).toBe(true);
      }),
      { numRuns: 200 },
    );
  });

  it('lets a tensor write itself once, straight into the message, at a place that any element type can begin at', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 300 }), (name, count) => {
        const targets: Uint8Array[] = [];
        const tensor: TensorWriter = {
          dtype: 'float',
          shape: [count],
          write: (target) => {
            targets.push(target);
            new Float32Array(target.buffer, target.byteOffset, count).fill(1.5);
          },
        };
        const message = encodePredictRequest({ modelSpec, inputs: { [name]: tensor }, outputFilter: [] });
        expect(targets).toHaveLength(1);
        expect(targets[0]?.buffer).toBe(message.buffer);
        expect(targets[0]?.byteLength).toBe(count * 4);
        expect(decodeTensor(predictRequestCodec.decode(message).inputs.get(name) ?? { dtype: 0 }).data).toEqual(new Float32Array(count).fill(1.5));
      }),
      { numRuns: 100 },
    );
  });

  it('writes every one of several tensors that write themselves', () => {
    const writer = (value: number): TensorWriter => ({ dtype: 'double', shape: [2], write: (target) => { new Float64Array(target.buffer, target.byteOffset, 2).fill(value); } });
    const message = encodePredictRequest({ modelSpec, inputs: { a: writer(1), odd: writer(2), third: writer(3) }, outputFilter: [] });
    const { inputs } = predictRequestCodec.decode(message);
    expect([...inputs.values()].map((proto) => decodeTensor(proto).data)).toEqual([1, 2, 3].map((value) => Float64Array.of(value, value)));
  });

  it('refuses a tensor that does not hold what its shape says', () => {
    expect(() => encodePredictRequest({ modelSpec, inputs: { x: { dtype: 'uint8', shape: [3], data: Buffer.alloc(2) } }, outputFilter: [] })).toThrow(RangeError);
    expect(() => encodePredictRequest({ modelSpec, inputs: { x: { dtype: 'uint8', shape: [-1], write: () => undefined } }, outputFilter: [] })).toThrow(RangeError);
  });
});

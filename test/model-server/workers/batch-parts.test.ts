import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isDivisible, joinOutputs, tensorPart } from '../../../src/model-server/workers/batch-parts.js';
import type { SignatureDef, TensorInfo } from '../../../src/serving/metadata-messages.js';
import type { Tensor } from '../../../src/serving/tensor.js';

const info = (dtype: TensorInfo['dtype'], shape: readonly number[] | null): TensorInfo => ({ name: 'x:0', dtype, shape });
const images = info('uint8', [-1, -1, -1, 3]);

function signature(inputs: Record<string, TensorInfo>, outputs: Record<string, TensorInfo>): SignatureDef {
  return { inputs: new Map(Object.entries(inputs)), outputs: new Map(Object.entries(outputs)), methodName: '' };
}

describe('isDivisible', () => {
  it.each<[string, Record<string, TensorInfo>, Record<string, TensorInfo>, boolean]>([
    ['images in, rows out', { inputs: images }, { boxes: info('float', [-1, 100, 4]), count: info('float', [-1]) }, true],
    ['two inputs', { inputs: images, more: images }, { count: info('float', [-1]) }, false],
    ['no input', {}, { count: info('float', [-1]) }, false],
    ['numbers in', { inputs: info('float', [-1, -1, -1, 3]) }, { count: info('float', [-1]) }, false],
    ['one image in', { inputs: info('uint8', [1, -1, -1, 3]) }, { count: info('float', [1]) }, false],
    ['a number out', { inputs: images }, { count: info('float', []) }, false],
    ['anything out', { inputs: images }, { count: info('float', null) }, false],
    ['strings out', { inputs: images }, { names: info('string', [-1]) }, false],
  ])('%s', (_what, inputs, outputs, expected) => {
    expect(isDivisible(signature(inputs, outputs))).toBe(expected);
  });
});

describe('parts of a batch', () => {
  it('put together in order are the batch, whatever their sizes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: 3 }), (sizes, width) => {
        const count = sizes.reduce((a, b) => a + b, 0);
        const whole: Tensor = { dtype: 'float', shape: [count, width], data: Float32Array.from({ length: count * width }, (_, index) => index) };
        let begin = 0;
        const parts = sizes.map((images) => ({ outputs: new Map([['rows', tensorPart(whole, { begin, end: (begin += images) })]]), images }));
        expect(joinOutputs(parts)).toEqual(new Map([['rows', whole]]));
      }),
    );
  });

  it('are views of the batch', () => {
    const whole: Tensor = { dtype: 'uint8', shape: [2, 1, 1, 3], data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    const part = tensorPart(whole, { begin: 1, end: 2 });
    expect(part).toEqual({ dtype: 'uint8', shape: [1, 1, 1, 3], data: Uint8Array.of(4, 5, 6) });
    expect((part.data as Uint8Array).buffer).toBe(whole.data.buffer);
  });

  it.each<[string, readonly number[], string]>([
    ['another number of rows', [1, 2], 'the output rows has the shape [1,2] for 2 images'],
    ['rows of another width', [2, 3], 'the output rows has the shapes [N,2] and [N,3] in one batch'],
  ])('are not put together when one answers %s than images', (_what, shape, message) => {
    const part = (partShape: readonly number[]): ReadonlyMap<string, Tensor> => new Map([['rows', { dtype: 'float', shape: partShape, data: new Float32Array(partShape.reduce((a, b) => a * b, 1)) } as const]]);
    expect(() => joinOutputs([{ outputs: part([2, 2]), images: 2 }, { outputs: part(shape), images: 2 }])).toThrow(message);
  });
});

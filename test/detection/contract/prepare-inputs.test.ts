import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelMismatchError } from '../../../src/core/errors.js';
import type { VideoFrame } from '../../../src/core/frames.js';
import type { InputPlan } from '../../../src/detection/contract/input-plan.js';
import type { ModelPlan } from '../../../src/detection/contract/model-plan.js';
import type { Normalization } from '../../../src/detection/contract/model-wishes.js';
import { prepareInputs, type PreparedInputs } from '../../../src/detection/contract/prepare-inputs.js';
import { testFrame } from '../../helpers/frames.js';
import { px } from './answers.js';

const INPUT: InputPlan = { name: 'images', kind: 'uint8', layout: 'nhwc', normalization: 'none', fixedBatchSize: null, fixedInputSize: null };

function planOf(input: Partial<InputPlan>): ModelPlan {
  return { signatureName: 's', input: { ...INPUT, ...input }, output: { kind: 'object-detection', masks: false, keypoints: 'none' }, outputNames: [] };
}

/** A frame whose model input has these bytes. */
function frameOf(widthPx: number, heightPx: number, bytes: readonly number[]): VideoFrame {
  return { ...testFrame({ modelInputSize: px(widthPx, heightPx) }), modelInput: { widthPx, heightPx, format: 'rgb24', data: Buffer.from(bytes) } };
}

/** What would travel, as shape and numbers. */
function tensorOf(input: Partial<InputPlan>, frames: readonly VideoFrame[]): { readonly dtype: string; readonly shape: readonly number[]; readonly data: number[] } {
  const prepared = prepareInputs(planOf(input), frames, null);
  if (prepared instanceof Promise) throw new Error('expected pixels to be ready at once');
  const writer = prepared['images'];
  if (writer === undefined || !('write' in writer)) throw new Error('expected a writer');
  const { dtype, shape } = writer;
  const bytes = new Uint8Array(shape.reduce((product, size) => product * size, 1) * (dtype === 'float' ? 4 : 1));
  writer.write(bytes);
  return { dtype, shape, data: Array.from(dtype === 'float' ? new Float32Array(bytes.buffer) : bytes) };
}

const TWO_PIXELS = [0, 51, 255, 102, 153, 204];

describe('prepareInputs', () => {
  it.each<[string, Partial<InputPlan>, number[], number[]]>([
    ['bytes as they are', {}, [1, 1, 2, 3], TWO_PIXELS],
    ['bytes with channels first', { layout: 'nchw' }, [1, 3, 1, 2], [0, 102, 51, 153, 255, 204]],
    ['numbers from 0 to 255', { kind: 'float' }, [1, 1, 2, 3], TWO_PIXELS],
    ['numbers from 0 to 1', { kind: 'float', normalization: 'zero-to-one' }, [1, 1, 2, 3], [0, 0.2, 1, 0.4, 0.6, 0.8].map(Math.fround)],
    ['numbers from -1 to 1', { kind: 'float', normalization: 'minus-one-to-one' }, [1, 1, 2, 3], [-1, -0.6, 1, -0.2, 0.2, 0.6].map(Math.fround)],
    ['numbers with channels first', { kind: 'float', normalization: 'zero-to-one', layout: 'nchw' }, [1, 3, 1, 2], [0, 0.4, 0.2, 0.6, 1, 0.8].map(Math.fround)],
  ])('writes %s', (_what, input, shape, data) => {
    expect(tensorOf(input, [frameOf(2, 1, TWO_PIXELS)])).toEqual({ dtype: input.kind ?? 'uint8', shape, data: data.map((value) => expect.closeTo(value, 6) as number) });
  });

  it("writes numbers less ImageNet's mean, over its deviation, each channel by its own", () => {
    const { data } = tensorOf({ kind: 'float', normalization: 'imagenet' }, [frameOf(2, 1, [0, 0, 0, 255, 255, 255])]);
    expect(data).toEqual([-2.117904, -2.035714, -1.804444, 2.248908, 2.428571, 2.64].map((value) => expect.closeTo(value, 5) as number));
  });

  it('puts frames side by side and repeats the last where the model insists on more', () => {
    const frames = [frameOf(1, 1, [1, 2, 3]), frameOf(1, 1, [4, 5, 6])];
    expect(tensorOf({}, frames)).toEqual({ dtype: 'uint8', shape: [2, 1, 1, 3], data: [1, 2, 3, 4, 5, 6] });
    expect(tensorOf({ fixedBatchSize: 4, kind: 'float' }, frames)).toEqual({ dtype: 'float', shape: [4, 1, 1, 3], data: [1, 2, 3, 4, 5, 6, 4, 5, 6, 4, 5, 6] });
  });

  it('stretches frames of another size, pixel centres on pixel centres', () => {
    const frame = frameOf(2, 1, [0, 0, 0, 100, 200, 40]);
    expect(tensorOf({ fixedInputSize: px(4, 1) }, [frame]).data).toEqual([0, 0, 0, 25, 50, 10, 75, 150, 30, 100, 200, 40]);
    expect(tensorOf({ fixedInputSize: px(1, 2), layout: 'nchw' }, [frame])).toEqual({ dtype: 'uint8', shape: [1, 3, 2, 1], data: [50, 50, 100, 100, 20, 20] });
    expect(tensorOf({ fixedInputSize: px(1, 1), kind: 'float', normalization: 'none' }, [frame]).data).toEqual([50, 100, 20]);
  });

  it('writes exactly what the layout and the normalisation say, for any picture', () => {
    const picture = fc.tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 5 })).chain(([width, height]) => fc.tuple(fc.constant(width), fc.constant(height), fc.uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })));
    const plain: Record<Exclude<Normalization, 'imagenet'>, (byte: number) => number> = { none: (byte) => byte, 'zero-to-one': (byte) => byte / 255, 'minus-one-to-one': (byte) => byte / 127.5 - 1 };
    fc.assert(
      fc.property(picture, fc.constantFrom('nhwc', 'nchw'), fc.constantFrom('none', 'zero-to-one', 'minus-one-to-one'), ([width, height, bytes], layout, normalization) => {
        const { data } = tensorOf({ kind: 'float', layout, normalization }, [frameOf(width, height, [...bytes])]);
        bytes.forEach((byte, index) => {
          const [pixel, channel] = [Math.floor(index / 3), index % 3];
          expect(data[layout === 'nhwc' ? index : channel * width * height + pixel]).toBe(Math.fround(plain[normalization](byte)));
        });
      }),
      { numRuns: 50 },
    );
  });

  it('fills a target that begins anywhere in its memory', () => {
    const prepared = prepareInputs(planOf({ kind: 'float' }), [frameOf(1, 1, [1, 2, 3])], null) as PreparedInputs;
    const memory = new Uint8Array(64);
    const writer = prepared['images'];
    if (writer === undefined || !('write' in writer)) throw new Error('expected a writer');
    writer.write(memory.subarray(16, 28));
    expect(Array.from(new Float32Array(memory.buffer))).toEqual([0, 0, 0, 0, 1, 2, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('encodes each frame once for models that take encoded pictures', async () => {
    const seen: number[] = [];
    const encode = (image: { readonly data: Buffer }): Promise<Buffer> => {
      seen.push(image.data[0] ?? 0);
      return Promise.resolve(Buffer.from(`jpeg ${String(image.data[0])}`));
    };
    const frames = [frameOf(1, 1, [1, 2, 3]), frameOf(1, 1, [4, 5, 6])];
    expect(await prepareInputs(planOf({ kind: 'jpeg', fixedBatchSize: 3 }), frames, encode)).toEqual({ images: { dtype: 'string', shape: [3], data: [Buffer.from('jpeg 1'), Buffer.from('jpeg 4'), Buffer.from('jpeg 4')] } });
    expect(seen).toEqual([1, 4]);
  });

  it('refuses encoded pictures without an encoder, and to send nothing or too much', () => {
    const frame = frameOf(1, 1, [1, 2, 3]);
    expect(() => prepareInputs(planOf({ kind: 'jpeg' }), [frame], null)).toThrow(ModelMismatchError);
    expect(() => prepareInputs(planOf({}), [], null)).toThrow(RangeError);
    expect(() => prepareInputs(planOf({ fixedBatchSize: 1 }), [frame, frame], null)).toThrow(RangeError);
  });
});

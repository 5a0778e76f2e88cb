import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { attr, OnnxBuilder } from '../../../../src/model-server/export/onnx/onnx-builder.js';
import { ONNX_DTYPES, type OnnxModel } from '../../../../src/model-server/export/onnx/onnx-model.js';
import { fitPixels, placePicture } from '../../../../src/model-server/recipe/fit-pixels.js';
import type { InputRecipe, Recipe } from '../../../../src/model-server/store/recipe.js';
import { loadComposed, pictureOf, type Runner } from './run-composed.js';

const CANVAS = { widthPx: 24, heightPx: 16 };
const PLAIN: InputRecipe = { name: 'images', size: CANVAS, layout: 'nhwc', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [0, 0, 0], deviation: [1, 1, 1], batchSize: null };

/** A graph that answers with what it was given. */
function mirror({ layout, dtype }: InputRecipe): OnnxModel {
  const b = new OnnxBuilder();
  const images = b.input('images', dtype === 'half' ? 'float16' : dtype, layout === 'nhwc' ? ['n', 16, 24, 3] : ['n', 3, 16, 24]);
  b.output('seen', b.op('Flatten', [b.op('Cast', [images], { to: attr.int(ONNX_DTYPES.float) })], { axis: attr.int(1) }), 'float', null);
  return b.toModel();
}

async function load(changes: Partial<InputRecipe> = {}): Promise<Runner> {
  const input = { ...PLAIN, ...changes };
  const recipe: Recipe = { input, output: { kind: 'classification', output: 'seen', activation: 'none' } };
  return loadComposed(mirror(input), recipe);
}

function letterboxed(data: Uint8Array, widthPx: number, heightPx: number): Float32Array {
  const target = new Float32Array(CANVAS.widthPx * CANVAS.heightPx * 3);
  fitPixels(data, target, placePicture({ widthPx, heightPx }, { size: CANVAS, resize: 'letterbox' }));
  return target;
}

function furthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Array.from(a).reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? NaN))), 0);
}

const side = fc.oneof(fc.integer({ min: 1, max: 90 }), fc.constantFrom(1, 16, 24, 32, 48));
const noise = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (Math.imul(index + 1, 2654435761) ^ Math.imul(seed + 1, 40503)) >>> 24);

describe('the operators before a graph', () => {
  it('give what fitPixels gives, for pictures of any size and number', async () => {
    const runner = await load();
    await fc.assert(
      fc.asyncProperty(side, side, fc.integer({ min: 1, max: 3 }), fc.nat(), async (widthPx, heightPx, count, seed) => {
        const size = widthPx * heightPx * 3;
        const data = noise(size * count, seed);
        const answer = await runner.run({ count, widthPx, heightPx, data });
        for (let picture = 0; picture < count; picture += 1) {
          // Single precision on both sides, added up in another order.
          expect(furthest(pictureOf(answer, 'probabilities', picture), letterboxed(data.subarray(picture * size, (picture + 1) * size), widthPx, heightPx))).toBeLessThan(0.01);
        }
      }),
      { numRuns: 150 },
    );
  });

  it('leave pictures of the right size untouched', async () => {
    const data = noise(CANVAS.widthPx * CANVAS.heightPx * 3, 1);
    const answer = await (await load()).run({ count: 1, ...CANVAS, data });
    expect(pictureOf(answer, 'probabilities', 0)).toEqual(Array.from(data));
  });

  it('stretch where the recipe says so', async () => {
    const data = Uint8Array.from([10, 20, 30, 40, 50, 60]);
    const seen = pictureOf(await (await load({ resize: 'stretch' })).run({ count: 1, widthPx: 1, heightPx: 2, data }), 'probabilities', 0);
    expect([seen.slice(0, 3), seen.slice(-3)]).toEqual([[10, 20, 30], [40, 50, 60]]);
  });

  it.each<[string, Partial<InputRecipe>, number[]]>([
    ['mean and deviation of each channel', { mean: [10, 20, 30], deviation: [2, 5, 10] }, [45, 16, 12]],
    ['blue first, with mean and deviation in that order', { channels: 'bgr', mean: [150, 0, 0], deviation: [1, 1, 50] }, [0, 100, 2]],
    ['whole numbers', { dtype: 'int32' }, [100, 100, 150]],
    ['bytes', { dtype: 'uint8' }, [100, 100, 150]],
    ['half precision', { dtype: 'half', deviation: [200, 200, 200] }, [0.5, 0.5, 0.75]],
  ])('give %s', async (_what, changes, expected) => {
    const data = new Uint8Array(CANVAS.widthPx * CANVAS.heightPx * 3).map((_, index) => (index % 3 === 2 ? 150 : 100));
    const answer = await (await load(changes)).run({ count: 1, ...CANVAS, data });
    expect(pictureOf(answer, 'probabilities', 0).slice(0, 3)).toEqual(expected);
  });

  it('round to the nearest byte what was scaled', async () => {
    const data = new Uint8Array(48 * 32 * 3).map((_, index) => (Math.floor(index / 3) % 2 === 0 ? 100 : 101));
    const [seen = 0] = pictureOf(await (await load({ dtype: 'uint8' })).run({ count: 1, widthPx: 48, heightPx: 32, data }), 'probabilities', 0);
    expect([100, 101]).toContain(seen);
  });

  it('give planes where the graph wants channels first', async () => {
    const data = new Uint8Array(CANVAS.widthPx * CANVAS.heightPx * 3).map((_, index) => index % 3);
    const seen = pictureOf(await (await load({ layout: 'nchw' })).run({ count: 1, ...CANVAS, data }), 'probabilities', 0);
    const plane = CANVAS.widthPx * CANVAS.heightPx;
    expect([seen[0], seen[plane - 1], seen[plane], seen[2 * plane], seen[3 * plane - 1]]).toEqual([0, 0, 1, 2, 2]);
  });
});

import { describe, expect, it } from 'vitest';
import { PictureInput } from '../../../src/model-server/recipe/picture-input.js';
import type { InputRecipe } from '../../../src/model-server/store/recipe.js';
import { PLAIN_INPUT } from '../../helpers/servables.js';

const two = { widthPx: 2, heightPx: 1 };
const pixels = Buffer.from([10, 20, 30, 40, 50, 60]);

function fill(changes: Partial<InputRecipe>): { shape: number[]; values: number[] } {
  const input = new PictureInput({ ...PLAIN_INPUT, size: two, ...changes });
  const target = new Float32Array(input.valuesPerPicture(two)).fill(-1);
  input.fill(pixels, two, target);
  return { shape: input.shape(two, 3), values: [...target].map((value) => Math.round(value * 1000) / 1000) };
}

describe('PictureInput', () => {
  it.each<[string, Partial<InputRecipe>, number[], number[]]>([
    ['bytes as they are', {}, [3, 1, 2, 3], [10, 20, 30, 40, 50, 60]],
    ['channels turned round', { channels: 'bgr' }, [3, 1, 2, 3], [30, 20, 10, 60, 50, 40]],
    ['one channel after the other', { layout: 'nchw' }, [3, 3, 1, 2], [10, 40, 20, 50, 30, 60]],
    ['one channel after the other, turned round', { layout: 'nchw', channels: 'bgr' }, [3, 3, 1, 2], [30, 60, 20, 50, 10, 40]],
    ["normalised values, channels in the graph's order", { channels: 'bgr', mean: [30, 0, 10], deviation: [1, 2, 10] }, [3, 1, 2, 3], [0, 10, 0, 30, 25, 3]],
    ['values between 0 and 1', { deviation: [255, 255, 255] }, [3, 1, 2, 3], [0.039, 0.078, 0.118, 0.157, 0.196, 0.235]],
    ['whole numbers', { dtype: 'uint8' }, [3, 1, 2, 3], [10, 20, 30, 40, 50, 60]],
  ])('gives a graph %s', (_what, changes, shape, values) => {
    expect(fill(changes)).toEqual({ shape, values });
  });

  it('rounds what lies between bytes where the graph takes whole numbers', () => {
    const input = new PictureInput({ ...PLAIN_INPUT, dtype: 'int32', size: { widthPx: 4, heightPx: 2 } });
    const target = new Float32Array(24);
    // Bilinearly, between 10 and 40: 10, 17.5, 32.5, 40.
    input.fill(pixels, two, target);
    expect([0, 3, 6, 9].map((at) => target[at])).toEqual([10, 18, 33, 40]);
  });

  it('normalises the grey around a picture too', () => {
    const input = new PictureInput({ ...PLAIN_INPUT, size: { widthPx: 2, heightPx: 3 }, mean: [100, 100, 100] });
    const target = new Float32Array(18);
    const place = input.fill(pixels, two, target);
    expect([...target]).toEqual([14, 14, 14, 14, 14, 14, -90, -80, -70, -60, -50, -40, 14, 14, 14, 14, 14, 14]);
    expect(place).toMatchObject({ offsetXPx: 0, offsetYPx: 1, content: two });
  });

  it('gives a graph for pictures of any size each as it is', () => {
    const input = new PictureInput({ ...PLAIN_INPUT, resize: 'none' });
    for (const size of [two, { widthPx: 1, heightPx: 2 }]) {
      const target = new Float32Array(input.valuesPerPicture(size));
      expect(input.fill(pixels, size, target)).toMatchObject({ canvas: size, content: size });
      expect([...target]).toEqual([...pixels]);
      expect(input.shape(size, 1)).toEqual([1, size.heightPx, size.widthPx, 3]);
    }
  });
});

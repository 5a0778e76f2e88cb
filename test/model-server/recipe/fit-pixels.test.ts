import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Size } from '../../../src/core/geometry.js';
import { fitPixels, placePicture } from '../../../src/model-server/recipe/fit-pixels.js';

const canvas = { widthPx: 4, heightPx: 4 };

function letterboxPixels(pixels: Uint8Array, source: Size, target: Float32Array, onto: Size): void {
  fitPixels(pixels, target, placePicture(source, { size: onto, resize: 'letterbox' }));
}

function grid(target: Float32Array, widthPx: number): number[][] {
  const rows: number[][] = [];
  for (let at = 0; at < target.length; at += widthPx * 3) rows.push(Array.from({ length: widthPx }, (_, x) => Math.round((target[at + x * 3] ?? NaN) * 100) / 100));
  return rows;
}

/** A picture whose three channels are v, v + 1, v + 2. */
function picture(values: number[]): Buffer {
  return Buffer.from(values.flatMap((value) => [value, value + 1, value + 2]));
}

describe('fitPixels', () => {
  it.each<[string, number[], number, number, number[][]]>([
    ['passes a picture of the size of the canvas untouched', Array.from({ length: 16 }, (_, i) => i * 10), 4, 4, [[0, 10, 20, 30], [40, 50, 60, 70], [80, 90, 100, 110], [120, 130, 140, 150]]],
    ['puts grey above and below a wide picture', Array.from({ length: 8 }, () => 200), 4, 2, [[114, 114, 114, 114], [200, 200, 200, 200], [200, 200, 200, 200], [114, 114, 114, 114]]],
    ['puts grey beside a tall picture', Array.from({ length: 8 }, () => 7), 2, 4, [[114, 7, 7, 114], [114, 7, 7, 114], [114, 7, 7, 114], [114, 7, 7, 114]]],
    ['enlarges bilinearly, pixel centres at one half', [0, 100, 0, 100], 2, 2, [[0, 25, 75, 100], [0, 25, 75, 100], [0, 25, 75, 100], [0, 25, 75, 100]]],
    ['fills the canvas from one pixel', [9], 1, 1, [[9, 9, 9, 9], [9, 9, 9, 9], [9, 9, 9, 9], [9, 9, 9, 9]]],
  ])('%s', (_fact, values, widthPx, heightPx, expected) => {
    const target = new Float32Array(48).fill(-1);
    letterboxPixels(picture(values), { widthPx, heightPx }, target, canvas);
    expect(grid(target, 4)).toEqual(expected);
    const [red = 0, green = 0, blue = 0] = target.subarray(6 * 3);
    if (red !== 114) expect([green - red, blue - red].map(Math.round)).toEqual([1, 2]);
  });

  it('stretches a picture of another shape over the whole canvas', () => {
    const target = new Float32Array(48).fill(-1);
    fitPixels(picture([0, 100]), target, placePicture({ widthPx: 1, heightPx: 2 }, { size: canvas, resize: 'stretch' }));
    expect(grid(target, 4)).toEqual([[0, 0, 0, 0], [25, 25, 25, 25], [75, 75, 75, 75], [100, 100, 100, 100]]);
  });

  it('looks at every source pixel when it shrinks', () => {
    // One bright column in 64, between the places that two-tap bilinear scaling looks at.
    const values = Array.from({ length: 64 * 64 }, (_, index) => (index % 64 === 4 ? 240 : 0));
    const target = new Float32Array(48);
    letterboxPixels(picture(values), { widthPx: 64, heightPx: 64 }, target, canvas);
    expect(target[0]).toBeGreaterThan(5);
  });

  it('neither brightens nor darkens a flat picture, whatever its size', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 40 }), fc.integer({ min: 0, max: 253 }), (widthPx, heightPx, value) => {
        const target = new Float32Array(9 * 7 * 3).fill(-1);
        letterboxPixels(picture(Array.from({ length: widthPx * heightPx }, () => value)), { widthPx, heightPx }, target, { widthPx: 9, heightPx: 7 });
        for (let at = 0; at < target.length; at += 3) {
          const red = target[at] ?? NaN;
          expect(Math.abs(red - value) < 0.01 || red === 114).toBe(true);
        }
      }),
    );
  });
});

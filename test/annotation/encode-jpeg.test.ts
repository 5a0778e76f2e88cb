import { describe, expect, it } from 'vitest';

import { encodeJpeg } from '../../src/annotation/encode-jpeg.js';
import { colourDistance, pictureOfJpeg } from './pictures.js';

const rgb24 = (widthPx: number, heightPx: number, at: (x: number, y: number) => readonly [number, number, number]): Parameters<typeof encodeJpeg>[0] => ({
  widthPx,
  heightPx,
  format: 'rgb24',
  data: Buffer.from(Array.from({ length: widthPx * heightPx }, (_, pixel) => at(pixel % widthPx, Math.floor(pixel / widthPx))).flat()),
});

describe('encodeJpeg', () => {
  it('gives a JPEG of the very picture, each colour in its place', async () => {
    const jpeg = await encodeJpeg(rgb24(32, 16, (x, y) => (x < 16 ? [200, 30, 40] : y < 8 ? [20, 180, 60] : [10, 20, 220])));
    expect([jpeg[0], jpeg[1]]).toEqual([0xff, 0xd8]);
    const picture = await pictureOfJpeg(jpeg);
    expect([picture.widthPx, picture.heightPx]).toEqual([32, 16]);
    expect(colourDistance(picture.at(4, 8), '#c81e28')).toBeLessThan(6);
    expect(colourDistance(picture.at(28, 3), '#14b43c')).toBeLessThan(6);
    expect(colourDistance(picture.at(28, 12), '#0a14dc')).toBeLessThan(6);
  });

  it('encodes a single pixel, and many pictures side by side', async () => {
    const values = [0, 60, 120, 180, 240];
    const jpegs = await Promise.all(values.map((value) => encodeJpeg(rgb24(1, 1, () => [value, value, value]))));
    const pictures = await Promise.all(jpegs.map(pictureOfJpeg));
    expect(pictures.map((picture) => Number.parseInt(picture.at(0, 0).slice(1, 3), 16))).toEqual(values.map((value) => expect.closeTo(value, -1) as number));
  });

  it('refuses other pixels than rgb24', async () => {
    await expect(encodeJpeg({ widthPx: 1, heightPx: 1, format: 'rgba', data: Buffer.alloc(4) })).rejects.toThrow(TypeError);
  });
});

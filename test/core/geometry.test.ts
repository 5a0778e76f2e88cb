import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxArea, boxIou, clipBox, denormalizeBox, letterbox, limitWidth, scaleBox, unletterboxBox, type BoxXyxyPx } from '../../src/core/geometry.js';

const px = (widthPx: number, heightPx: number) => ({ widthPx, heightPx });

describe('letterbox', () => {
  it.each([
    { source: px(512, 512), canvas: px(512, 512), content: px(512, 512), x: 0, y: 0 },
    { source: px(1280, 720), canvas: px(512, 512), content: px(512, 288), x: 0, y: 112 },
    { source: px(720, 1280), canvas: px(512, 512), content: px(288, 512), x: 112, y: 0 },
    { source: px(101, 57), canvas: px(512, 512), content: px(512, 289), x: 0, y: 111 },
    { source: px(1, 4000), canvas: px(512, 512), content: px(1, 512), x: 255, y: 0 },
  ])('fits $source.widthPx x $source.heightPx into the middle of $canvas.widthPx x $canvas.heightPx', ({ source, canvas, content, x, y }) => {
    expect(letterbox(source, canvas)).toEqual({ source, canvas, content, offsetXPx: x, offsetYPx: y });
  });

  it('refuses sizes that are no whole pixels', () => {
    expect(() => letterbox(px(0, 10), px(10, 10))).toThrow(RangeError);
    expect(() => letterbox(px(10, 10), px(10.5, 10))).toThrow(RangeError);
  });
});

describe('unletterboxBox', () => {
  it('undoes what the letterbox did, within rounding, for any picture and box', () => {
    const side = fc.integer({ min: 8, max: 4000 });
    const unit = fc.double({ min: 0, max: 1, noNaN: true });
    fc.assert(
      fc.property(side, side, unit, unit, unit, unit, (w, h, a, b, c, d) => {
        const source = px(w, h);
        const lb = letterbox(source, px(512, 512));
        const box: BoxXyxyPx = [Math.min(a, b) * w, Math.min(c, d) * h, Math.max(a, b) * w, Math.max(c, d) * h];
        const inCanvas: BoxXyxyPx = [
          lb.offsetXPx + (box[0] * lb.content.widthPx) / w,
          lb.offsetYPx + (box[1] * lb.content.heightPx) / h,
          lb.offsetXPx + (box[2] * lb.content.widthPx) / w,
          lb.offsetYPx + (box[3] * lb.content.heightPx) / h,
        ];
        unletterboxBox(inCanvas, lb).forEach((value, index) => {
          expect(value).toBeCloseTo(box[index] ?? Number.NaN, 6);
        });
      }),
    );
  });

  it('clips to the picture', () => {
    expect(unletterboxBox([-10, 0, 600, 600], letterbox(px(1280, 720), px(512, 512)))).toEqual([0, 0, 1280, 720]);
  });
});

describe('boxes', () => {
  it('denormalizes y and x from their own axes', () => {
    expect(denormalizeBox([0.1, 0.2, 0.5, 0.6], px(100, 10))).toEqual([20, 1, 60, 5]);
  });

  it('scales each axis by itself', () => {
    expect(scaleBox([10, 10, 20, 20], px(100, 50), px(50, 100))).toEqual([5, 20, 10, 40]);
  });

  it.each<[BoxXyxyPx, BoxXyxyPx, number]>([
    [[0, 0, 10, 10], [0, 0, 10, 10], 1],
    [[0, 0, 10, 10], [5, 0, 15, 10], 1 / 3],
    [[0, 0, 10, 10], [10, 0, 20, 10], 0],
    [[0, 0, 0, 0], [0, 0, 0, 0], 0],
  ])('has an intersection over union of %j and %j', (a, b, iou) => {
    expect(boxIou(a, b)).toBeCloseTo(iou, 12);
  });

  it('turns a box outside the picture into an empty one', () => {
    expect(boxArea(clipBox([200, 200, 300, 300], px(100, 100)))).toBe(0);
  });
});

describe('limitWidth', () => {
  it('never scales up and keeps at least one row', () => {
    expect(limitWidth(px(640, 360), 1280)).toEqual(px(640, 360));
    expect(limitWidth(px(640, 360), null)).toEqual(px(640, 360));
    expect(limitWidth(px(1920, 1080), 1280)).toEqual(px(1280, 720));
    expect(limitWidth(px(4000, 2), 100)).toEqual(px(100, 1));
  });
});

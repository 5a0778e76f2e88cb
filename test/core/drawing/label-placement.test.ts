import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { annotationStyle } from '../../../src/core/drawing/annotation-style.js';
import { boxPixels } from '../../../src/core/drawing/box-pixels.js';
import { placeLabel, type PixelRect } from '../../../src/core/drawing/label-placement.js';
import { cleanLabel, fitLabelText, formatScore } from '../../../src/core/drawing/label-text.js';

const PICTURE = { widthPx: 640, heightPx: 360 };
const PLATE = { widthPx: 80, heightPx: 20 };

describe('placeLabel', () => {
  it.each([
    ['above', { x1: 100, y1: 100, x2: 300, y2: 200 }, { xPx: 99, yPx: 79 }],
    ['inside at the top when there is no room above', { x1: 100, y1: 10, x2: 300, y2: 200 }, { xPx: 99, yPx: 10 }],
    ['above, shifted right at the left edge', { x1: 0, y1: 100, x2: 50, y2: 200 }, { xPx: 0, yPx: 79 }],
    ['above, shifted left at the right edge', { x1: 630, y1: 100, x2: 640, y2: 200 }, { xPx: 560, yPx: 79 }],
    ['inside the picture for a box below its last full row', { x1: 100, y1: 355, x2: 200, y2: 360 }, { xPx: 99, yPx: 334 }],
  ])('puts it %s', (_, box, place) => {
    expect(placeLabel(box, PLATE, PICTURE, 1, [])).toEqual({ ...place, ...PLATE });
  });

  it('goes elsewhere when a label stands there already', () => {
    const box = { x1: 100, y1: 100, x2: 180, y2: 200 };
    const first = placeLabel(box, PLATE, PICTURE, 1, []);
    expect(first).not.toBeNull();
    const second = placeLabel(box, PLATE, PICTURE, 1, first === null ? [] : [first]);
    expect(second).toEqual({ xPx: 99, yPx: 100, ...PLATE });
  });

  it('gives no place to a label larger than the picture', () => {
    expect(placeLabel({ x1: 0, y1: 0, x2: 5, y2: 5 }, PLATE, { widthPx: 79, heightPx: 360 }, 1, [])).toBeNull();
    expect(placeLabel({ x1: 0, y1: 0, x2: 5, y2: 5 }, PLATE, { widthPx: 640, heightPx: 19 }, 1, [])).toBeNull();
  });

  it('never leaves the picture, for any box, size and number of labels', () => {
    const coordinate = fc.double({ min: -3000, max: 5000, noNaN: true });
    const boxes = fc.array(fc.tuple(coordinate, coordinate, coordinate, coordinate), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 1200 }), fc.integer({ min: 1, max: 600 }), boxes, (widthPx, heightPx, plateWidthPx, many) => {
        const picture = { widthPx, heightPx };
        const style = annotationStyle(picture);
        const plate = { widthPx: Math.min(plateWidthPx, widthPx), heightPx: style.plateHeightPx };
        const placed: PixelRect[] = [];
        for (const box of many) {
          const pixels = boxPixels(box, picture);
          expect(pixels).not.toBeNull();
          if (pixels === null) continue;
          expect(pixels.x1 >= 0 && pixels.y1 >= 0 && pixels.x2 <= widthPx && pixels.y2 <= heightPx && pixels.x1 < pixels.x2 && pixels.y1 < pixels.y2).toBe(true);
          const place = placeLabel(pixels, plate, picture, style.outlineWidthPx, placed);
          expect(place === null).toBe(plate.heightPx > heightPx);
          if (place === null) continue;
          placed.push(place);
          expect(place.xPx >= 0 && place.yPx >= 0 && place.xPx + place.widthPx <= widthPx && place.yPx + place.heightPx <= heightPx).toBe(true);
        }
      }),
    );
  });
});

describe('label text', () => {
  const measure = (text: string): number => [...text].length * 10;
  const named = (label: string, score = 0.914): { label: string; score: number; classId: number } => ({ label, score, classId: 7 });

  it.each([
    [named('person'), 200, 'person 0.91'],
    [named('a very long name indeed'), 120, 'a very… 0.91'],
    [named('a very long name indeed'), 45, '0.91'],
    [named('person'), 39, null],
    [named(''), 200, '7 0.91'],
    [named('per\u0000son\n\u202e!'), 200, 'per son ! 0.91'],
  ])('%j in %i px reads %j', (input, widthPx, text) => {
    expect(fitLabelText(input, widthPx, measure)?.text ?? null).toBe(text);
  });

  it('is never wider than asked', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), fc.double({ min: 0, max: 1, noNaN: true }), fc.integer({ min: 0, max: 900 }), (label, score, widthPx) => {
        const fitted = fitLabelText({ label, score, classId: 1 }, widthPx, measure);
        if (fitted === null) expect(widthPx).toBeLessThan(40);
        else expect([fitted.widthPx === measure(fitted.text), fitted.widthPx <= widthPx]).toEqual([true, true]);
      }),
    );
  });

  it('is one short line without control characters, whatever the model says', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (label) => {
        const clean = cleanLabel(label);
        expect([...clean].length).toBeLessThanOrEqual(64);
        expect(clean).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }),
    );
  });

  it.each([[0, '0.00'], [0.005, '0.01'], [0.914, '0.91'], [1, '1.00'], [1.2, '1.00'], [-1, '0.00']])('formats the score %d as %s', (score, text) => {
    expect(formatScore(score)).toBe(text);
  });
});

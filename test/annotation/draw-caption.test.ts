import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { annotationStyle } from '../../src/core/drawing/annotation-style.js';
import { createAnnotator } from '../../src/annotation/annotator.js';
import { classColour, classTextColour } from '../../src/core/class-colours.js';
import type { ClassScore } from '../../src/core/frames.js';
import type { Size } from '../../src/core/geometry.js';
import { detected, makeFrame, P1080, P360 } from './made-frames.js';
import { pictureOfRaw, type Picture } from './pictures.js';

const annotator = createAnnotator();
afterAll(() => annotator.close());

const GREY = '#808080';
const BEACH: ClassScore = { classId: 1, label: 'beach', score: 0.974 };
const SEA: ClassScore = { classId: 3, label: 'sea', score: 0.02 };

function draw(size: Size, classes: readonly ClassScore[]): Picture {
  return pictureOfRaw(annotator.drawRaw({ ...detected(makeFrame({ display: size, rgb: [128, 128, 128] })), classes }), size);
}

describe('a caption', () => {
  it.each([['360p', P360], ['1080p', P1080]] as const)('stands in the upper left corner, a plate of its class for each line, and touches nothing else, at %s', (_, size) => {
    const { outlineWidthPx: gap, plateHeightPx: height, plateBorderPx: border } = annotationStyle(size);
    const picture = draw(size, [BEACH, SEA]);
    expect([picture.at(gap, gap), picture.at(gap, gap + height)]).toEqual(['#101418', '#101418']);
    expect([picture.at(gap + border, gap + border), picture.at(gap + border, gap + height + border)]).toEqual([classColour(1), classColour(3)]);
    expect([picture.at(gap - 1, gap), picture.at(gap, gap - 1), picture.at(gap, gap + 2 * height), picture.at(size.widthPx - 1, gap)]).toEqual([GREY, GREY, GREY, GREY]);
  });

  it('says the class and its score in percent', () => {
    const { outlineWidthPx: gap, plateHeightPx: height, plateBorderPx: border } = annotationStyle(P360);
    const inner = (classes: readonly ClassScore[]): string => {
      const picture = draw(P360, classes);
      const pixels: string[] = [];
      for (let y = gap + border; y < gap + height - border; y += 1) for (let x = gap; x < 200; x += 1) pixels.push(picture.at(x, y));
      return pixels.join();
    };
    expect(inner([BEACH])).toContain(classTextColour(1));
    expect(inner([BEACH])).toBe(inner([{ ...BEACH, score: 0.969 }]));
    expect(inner([BEACH])).not.toBe(inner([{ ...BEACH, score: 0.96 }]));
  });

  it('has three lines at most, and none without a class', () => {
    const { outlineWidthPx: gap, plateHeightPx: height, plateBorderPx: border } = annotationStyle(P360);
    const lines = (classes: readonly ClassScore[]): boolean[] => {
      const picture = draw(P360, classes);
      return [0, 1, 2, 3].map((line) => picture.at(gap + border, gap + line * height + border) !== GREY);
    };
    expect(lines(Array<ClassScore>(5).fill(BEACH))).toEqual([true, true, true, false]);
    expect(lines([BEACH])).toEqual([true, false, false, false]);
    expect(lines([])).toEqual([false, false, false, false]);
  });

  it('survives any text in any picture', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 60 }), (label, widthPx, heightPx) => {
        draw({ widthPx, heightPx }, [{ ...BEACH, label }, SEA]);
      }),
      { numRuns: 60 },
    );
  });
});

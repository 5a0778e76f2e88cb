import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { createAnnotator } from '../../src/annotation/annotator.js';
import { classColour } from '../../src/core/class-colours.js';
import { annotationStyle } from '../../src/core/drawing/annotation-style.js';
import type { Keypoint } from '../../src/core/frames.js';
import type { Size } from '../../src/core/geometry.js';
import { detected, detection, makeFrame, P1080, P360 } from './made-frames.js';
import { pictureOfRaw, type Picture } from './pictures.js';

const annotator = createAnnotator();
afterAll(() => annotator.close());

const GREY = '#808080';
const OUTLINE = '#101418';
const COLOUR = classColour(1);
const point = (xPx: number, yPx: number, score: number | null = 0.9): Keypoint => ({ xPx, yPx, score });
/** The object's box lies in a corner, out of the way. */
const draw = (size: Size, keypoints: readonly Keypoint[], source = size): Picture =>
  pictureOfRaw(annotator.drawRaw(detected(makeFrame({ display: size, source, rgb: [128, 128, 128] }), [detection([0, 0, 8, 8], { keypoints })])), size);

/** A person from the front, 17 points 20 pixels apart or more: nose, eyes, ears, shoulders, elbows, wrists, hips, knees, ankles. */
const PERSON: readonly Keypoint[] = [
  [320, 60], [340, 40], [300, 40], [370, 50], [270, 50], [370, 110], [270, 110], [400, 170], [240, 170],
  [410, 230], [230, 230], [350, 210], [290, 210], [355, 270], [285, 270], [360, 330], [280, 330],
].map(([x = 0, y = 0]) => point(x, y));
const midway = (picture: Picture, from: number, to: number): string => {
  const [a, b] = [PERSON[from], PERSON[to]];
  return picture.at(Math.floor(((a?.xPx ?? 0) + (b?.xPx ?? 0)) / 2), Math.floor(((a?.yPx ?? 0) + (b?.yPx ?? 0)) / 2));
};

describe('keypoints', () => {
  it.each([['360p', P360], ['1080p', P1080]] as const)('are points in the colour of the class with a dark rim, and nothing else, at %s', (_name, size) => {
    const { pointRadiusPx, outlineWidthPx } = annotationStyle(size);
    const picture = draw(size, [point(300, 200), point(340, 200, null)]);
    for (const x of [300, 340]) {
      expect(picture.at(x, 200)).toBe(COLOUR);
      const reach = pointRadiusPx + outlineWidthPx;
      // Smoothed over grey: darker than that, not quite the rim itself.
      expect(darkest(picture, x, 200, pointRadiusPx)).toBeLessThan(0x60);
      expect([picture.at(x + Math.ceil(reach) + 1, 200), picture.at(x, 200 - Math.ceil(reach) - 2)]).toEqual([GREY, GREY]);
    }
    expect(picture.at(320, 200)).toBe(GREY);
  });

  it('of which the model is not sure, or outside the picture, are left out', () => {
    const picture = draw(P360, [point(300, 200, 0.29), point(320, 200, 0.3), point(641, 200), point(-1, 100), point(100, 361), point(Number.NaN, 5)]);
    expect([picture.at(300, 200), picture.at(320, 200), picture.at(639, 200), picture.at(0, 100), picture.at(100, 359)]).toEqual([GREY, COLOUR, GREY, GREY, GREY]);
  });

  it('lie at their scaled places in a smaller picture', () => {
    expect(draw(P360, [point(900, 600)], P1080).at(300, 200)).toBe(COLOUR);
  });

  it('of a person have limbs between them: seventeen points, nineteen limbs', () => {
    const picture = draw(P360, PERSON);
    const limbs: (readonly [number, number])[] = [[0, 1], [0, 2], [1, 2], [1, 3], [2, 4], [3, 5], [4, 6], [5, 6], [5, 7], [7, 9], [6, 8], [8, 10], [5, 11], [6, 12], [11, 12], [11, 13], [13, 15], [12, 14], [14, 16]];
    expect(limbs.filter(([from, to]) => midway(picture, from, to) === GREY)).toEqual([]);
    expect(PERSON.filter(({ xPx, yPx }) => picture.at(xPx, yPx) !== COLOUR)).toEqual([]);
    // What no limb connects: hand and hand, foot and foot, nose and shoulder.
    for (const [from, to] of [[9, 10], [15, 16], [0, 5], [9, 11]] as const) expect(midway(picture, from, to)).toBe(GREY);
  });

  it('have no limb to a point that is left out, and none where there are not seventeen', () => {
    const unsure = draw(P360, PERSON.map((each, index) => (index === 7 ? { ...each, score: 0.1 } : each)));
    expect([midway(unsure, 5, 7), midway(unsure, 7, 9)]).toEqual([GREY, GREY]);
    expect(midway(unsure, 6, 8)).not.toBe(GREY);
    expect(midway(draw(P360, PERSON.slice(0, 16)), 5, 6)).toBe(GREY);
  });

  it('lie above the box and below its label', () => {
    const { outlineWidthPx: out, plateHeightPx: height, plateBorderPx: border } = annotationStyle(P360);
    const inPlate = { x: 200 - out + border + 1, y: 150 - out - height + border + 1 };
    const picture = pictureOfRaw(
      annotator.drawRaw(detected(makeFrame({ display: P360 }), [detection([200, 150, 400, 300], { keypoints: [point(inPlate.x, inPlate.y)] }), detection([300, 150, 500, 300], { classId: 3, score: 0.4, keypoints: [point(200, 225)] })])),
      P360,
    );
    expect(picture.at(200, 225)).toBe(classColour(3));
    expect([picture.at(inPlate.x, inPlate.y), picture.at(200 - out, 150 - out - height)]).toEqual([COLOUR, OUTLINE]);
  });

  it('anywhere at all are drawn without harm', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ xPx: fc.double(), yPx: fc.double(), score: fc.oneof(fc.double(), fc.constant(null)) }), { minLength: 15, maxLength: 19 }), (keypoints) => {
        draw({ widthPx: 160, heightPx: 90 }, keypoints);
      }),
      { numRuns: 40 },
    );
  });
});

/** The darkest red at a distance from a point, to its right. */
function darkest(picture: Picture, x: number, y: number, distance: number): number {
  const reds = [-1, 0, 1].map((off) => Number.parseInt(picture.at(x + Math.floor(distance) + off, y).slice(1, 3), 16));
  return Math.min(...reds);
}

import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { createAnnotator } from '../../src/annotation/annotator.js';
import { classColour } from '../../src/core/class-colours.js';
import { annotationStyle } from '../../src/core/drawing/annotation-style.js';
import type { Detection, DetectionMask } from '../../src/core/frames.js';
import type { BoxXyxyPx, Size } from '../../src/core/geometry.js';
import { detected, detection, makeFrame, P1080, P360 } from './made-frames.js';
import { colourDistance, pictureOfRaw, type Picture } from './pictures.js';

const annotator = createAnnotator();
afterAll(() => annotator.close());

const GREY = '#808080';
const draw = (size: Size, detections: readonly Detection[], source = size): Picture => pictureOfRaw(annotator.drawRaw(detected(makeFrame({ display: size, source, rgb: [128, 128, 128] }), detections)), size);
const mask = (rows: readonly (readonly number[])[], box: BoxXyxyPx): DetectionMask => ({ widthPx: rows[0]?.length ?? 0, heightPx: rows.length, data: Float32Array.from(rows.flat()), box });
/** What a mask of a class makes of grey, four tenths of its colour. */
const tinted = (classId: number): string => {
  const colour = classColour(classId);
  return `#${[1, 3, 5].map((at) => Math.round(0.4 * Number.parseInt(colour.slice(at, at + 2), 16) + 0.6 * 128).toString(16).padStart(2, '0')).join('')}`;
};
const isTinted = (picture: Picture, x: number, y: number, classId = 1): boolean => colourDistance(picture.at(x, y), tinted(classId)) <= 2;

/** Pixels of the picture that are not grey. */
function changed(picture: Picture): Set<string> {
  const places = new Set<string>();
  for (let y = 0; y < picture.heightPx; y += 1) for (let x = 0; x < picture.widthPx; x += 1) if (picture.at(x, y) !== GREY) places.add(`${String(x)},${String(y)}`);
  return places;
}

describe('a mask', () => {
  it('colours every pixel of its shape and no other', () => {
    const box: BoxXyxyPx = [100, 40, 500, 340];
    const plain = draw(P360, [detection(box)]);
    // An upright bar over the middle half of its box, all the way to its lower edge.
    const picture = draw(P360, [detection(box, { mask: mask([[0, 1, 1, 0], [0, 1, 1, 0]], [200, 100, 400, 200]) })]);
    for (let y = 0; y < 360; y += 1) {
      for (let x = 0; x < 640; x += 1) {
        const inside = x >= 250 && x < 350 && y >= 100 && y < 200;
        if (inside !== isTinted(picture, x, y) || (!inside && picture.at(x, y) !== plain.at(x, y))) expect.fail(`${String(x)}, ${String(y)} is ${picture.at(x, y)}`);
      }
    }
  });

  it('has holes, and pieces of its own', () => {
    const ring = [[1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 0, 1, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]];
    const picture = draw(P360, [detection([50, 20, 600, 350], { mask: mask(ring, [200, 100, 300, 200]) })]);
    const across = Array.from({ length: 5 }, (_, cell) => isTinted(picture, 210 + cell * 20, 150));
    expect(across).toEqual([true, false, true, false, true]);
    expect([isTinted(picture, 200, 100), isTinted(picture, 299, 199), picture.at(199, 150), picture.at(300, 150)]).toEqual([true, true, GREY, GREY]);
  });

  it('has the smooth edge of what is stretched bilinearly: soft values move it between pixels', () => {
    const edgeAt = (values: readonly number[]): number => {
      const picture = draw(P360, [detection([50, 20, 600, 350], { mask: mask([values], [200, 100, 300, 200]) })]);
      let width = 0;
      for (let x = 200; x < 300; x += 1) width += colourDistance(picture.at(x, 150), GREY) / colourDistance(tinted(1), GREY);
      return width;
    };
    // Values at the middles of the cells, 25 and 75 pixels from the left: half way where they pass a half.
    expect(edgeAt([1, 0])).toBeCloseTo(50, 0);
    expect(edgeAt([0.8, 0.4])).toBeCloseTo(25 + 50 * 0.75, 0);
    expect(edgeAt([0.9, 0.1])).toBeCloseTo(50, 0);
    expect(edgeAt([0.5, 0.5])).toBe(0);
  });

  it('lies at its scaled place in a smaller picture, clipped to it', () => {
    const picture = draw(P360, [detection([0, 300, 960, 1080], { mask: mask([[1]], [-300, 600, 600, 1500]) })], P1080);
    expect([isTinted(picture, 20, 200), isTinted(picture, 199, 250), picture.at(200, 250), picture.at(100, 199)]).toEqual([true, true, GREY, GREY]);
  });

  it('lies below boxes and labels, its own and those of others, and what scores higher lies on top', () => {
    const { lineWidthPx, outlineWidthPx: out, plateBorderPx: border } = annotationStyle(P360);
    const all = mask([[1]], [0, 0, 640, 360]);
    const picture = draw(P360, [detection([100, 100, 300, 300], { mask: all }), detection([350, 100, 600, 300], { classId: 3, mask: all, score: 0.5 })]);
    expect([picture.at(100, 200), picture.at(100 + lineWidthPx - 1, 200), picture.at(350, 200)]).toEqual([classColour(1), classColour(1), classColour(3)]);
    expect(picture.at(100 - out + border, 100 - out - border - 1)).toBe(classColour(1));
    const below = draw(P360, [detection([0, 0, 4, 4], { classId: 3, mask: all })]).at(320, 340);
    expect(colourDistance(picture.at(320, 340), mix(below, classColour(1)))).toBeLessThanOrEqual(2);
  });

  it.each([
    ['beside the picture', [700, 0, 800, 100]],
    ['empty', [100, 100, 100, 200]],
    ['turned around', [200, 200, 100, 100]],
    ['no number', [Number.NaN, 0, 10, 10]],
  ] as const)('whose box is %s is left out', (_name, box) => {
    const box0: BoxXyxyPx = [300, 200, 340, 240];
    expect(changed(draw(P360, [detection(box0, { mask: mask([[1]], box) })]))).toEqual(changed(draw(P360, [detection(box0)])));
  });

  it('that is a billion times larger than the picture colours the picture', () => {
    const picture = draw(P360, [detection([200, 100, 400, 300], { mask: mask([[1, 1], [1, 0.9]], [-1e9, -1e9, 1e9, 1e9]) })]);
    expect([[0, 0], [639, 0], [0, 359], [639, 359], [300, 200]].filter(([x = 0, y = 0]) => !isTinted(picture, x, y))).toEqual([]);
  });

  it('of any values colours what is above a half at the middles of its cells, and leaves what is not', () => {
    const grids = fc.integer({ min: 1, max: 6 }).chain((width) => fc.array(fc.array(fc.constantFrom(0, 0.3, 0.7, 1), { minLength: width, maxLength: width }), { minLength: 1, maxLength: 6 }));
    fc.assert(
      fc.property(grids, (rows) => {
        const cell = 11;
        const size = { widthPx: 120, heightPx: 120 };
        const picture = draw(size, [detection([0, 0, 120, 120], { mask: mask(rows, [30, 40, 30 + cell * (rows[0]?.length ?? 0), 40 + cell * rows.length]) })]);
        rows.forEach((row, y) => { row.forEach((value, x) => { expect(isTinted(picture, 30 + x * cell + 5, 40 + y * cell + 5), `cell ${String(x)}, ${String(y)} of ${JSON.stringify(rows)}`).toBe(value > 0.5); }); });
      }),
      { numRuns: 60 },
    );
  });

  it('is drawn of the best hundred only', () => {
    const box: BoxXyxyPx = [0, 0, 10, 10];
    const small = mask([[1]], [200, 200, 201, 201]);
    const picture = draw(P360, [...Array<Detection>(100).fill(detection(box, { mask: small })), detection(box, { mask: mask([[1]], [300, 300, 320, 320]) })]);
    expect(picture.at(310, 310)).toBe(GREY);
    expect(picture.at(200, 200)).not.toBe(GREY);
  });
});

/** Four tenths of a colour over another. */
function mix(below: string, over: string): string {
  return `#${[1, 3, 5].map((at) => Math.round(0.4 * Number.parseInt(over.slice(at, at + 2), 16) + 0.6 * Number.parseInt(below.slice(at, at + 2), 16)).toString(16).padStart(2, '0')).join('')}`;
}

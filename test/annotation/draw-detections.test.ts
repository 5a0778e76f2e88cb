import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';

import { annotationStyle } from '../../src/core/drawing/annotation-style.js';
import { createAnnotator } from '../../src/annotation/annotator.js';
import { classColour, classTextColour } from '../../src/core/class-colours.js';
import type { Detection } from '../../src/core/frames.js';
import type { BoxXyxyPx, Size } from '../../src/core/geometry.js';
import { detected, detection, makeFrame, P1080, P360 } from './made-frames.js';
import { pictureOfRaw, type Picture } from './pictures.js';

const annotator = createAnnotator();
afterAll(() => annotator.close());

const OUTLINE = '#101418';
const BACKGROUNDS = [
  { name: 'black', rgb: [0, 0, 0], hex: '#000000' },
  { name: 'white', rgb: [255, 255, 255], hex: '#ffffff' },
  { name: 'mid grey', rgb: [128, 128, 128], hex: '#808080' },
] as const;

function draw(size: Size, detections: readonly Detection[], rgb: readonly [number, number, number] = [0, 0, 0], source = size): Picture {
  return pictureOfRaw(annotator.drawRaw(detected(makeFrame({ display: size, source, rgb }), detections)), size);
}

describe('a box', () => {
  for (const [height, size] of [['360p', P360], ['1080p', P1080]] as const) {
    for (const background of BACKGROUNDS) {
      it(`has its coloured line inside, its dark outline outside and nothing else touched, at ${height} on ${background.name}`, () => {
        const style = annotationStyle(size);
        const [x1, y1, x2, y2] = [200, 150, 400, 300];
        const picture = draw(size, [detection([x1, y1, x2, y2])], background.rgb);
        const colour = classColour(1);
        const [middleX, middleY] = [300, 225];
        const { lineWidthPx: line, outlineWidthPx: out } = style;
        // Along the middle of each side except the top one, which the label covers from above.
        for (let depth = 0; depth < line; depth += 1) {
          expect([picture.at(x1 + depth, middleY), picture.at(x2 - 1 - depth, middleY), picture.at(middleX, y1 + depth), picture.at(middleX, y2 - 1 - depth)]).toEqual([colour, colour, colour, colour]);
        }
        for (let depth = 1; depth <= out; depth += 1) {
          expect([picture.at(x1 - depth, middleY), picture.at(x2 - 1 + depth, middleY), picture.at(middleX, y2 - 1 + depth)]).toEqual([OUTLINE, OUTLINE, OUTLINE]);
        }
        expect([picture.at(x1 + line, middleY), picture.at(x2 - 1 - line, middleY), picture.at(middleX, y1 + line), picture.at(middleX, y2 - 1 - line)]).toEqual(Array(4).fill(background.hex));
        expect([picture.at(x1 - out - 1, middleY), picture.at(x2 + out, middleY), picture.at(middleX, y2 + out)]).toEqual(Array(3).fill(background.hex));
        // Corners belong to the line, and the outline turns around them.
        expect([picture.at(x1, y1), picture.at(x2 - 1, y1), picture.at(x1, y2 - 1), picture.at(x2 - 1, y2 - 1)]).toEqual(Array(4).fill(colour));
        expect([picture.at(x1 - 1, y2), picture.at(x2, y2)]).toEqual([OUTLINE, OUTLINE]);
      });
    }

    it(`that fills the picture has its line on the outermost pixels of all four edges at ${height}`, () => {
      const picture = draw(size, [detection([0, 0, size.widthPx, size.heightPx])]);
      const right = size.widthPx - 1;
      const bottom = size.heightPx - 1;
      const middle = [Math.floor(right / 2), Math.floor(bottom / 2)] as const;
      expect([picture.at(0, middle[1]), picture.at(right, middle[1]), picture.at(middle[0], 0), picture.at(middle[0], bottom), picture.at(right, bottom), picture.at(right, 0)]).toEqual(Array(6).fill(classColour(1)));
    });
  }

  it('rounds its edges to the nearest pixel border', () => {
    const picture = draw(P360, [detection([100.4, 99.6, 199.5, 200.4])]);
    const colour = classColour(1);
    expect([picture.at(99, 150), picture.at(100, 150), picture.at(199, 150), picture.at(200, 150)]).toEqual([OUTLINE, colour, colour, OUTLINE]);
    expect([picture.at(190, 99), picture.at(190, 100), picture.at(150, 199), picture.at(150, 200)]).toEqual(['#101418', colour, colour, OUTLINE]);
  });

  it('in pixels of the source lies at its scaled place in a smaller display picture', () => {
    const picture = draw(P360, [detection([600, 450, 1200, 900])], [0, 0, 0], P1080);
    expect([picture.at(199, 225), picture.at(200, 225), picture.at(399, 225), picture.at(400, 225)]).toEqual([OUTLINE, classColour(1), classColour(1), OUTLINE]);
    expect([picture.at(300, 299), picture.at(300, 300)]).toEqual([classColour(1), OUTLINE]);
  });

  it.each([
    ['empty', [300, 200, 300, 200]],
    ['one pixel', [300, 200, 301, 201]],
    ['a flat line', [300, 200, 420, 200]],
    ['outside to the left and above', [-50, -40, -10, -10]],
    ['outside to the right and below', [700, 400, 900, 600]],
    ['with its corners swapped', [400, 300, 300, 200]],
    ['larger than the picture', [-1e9, -1e9, 1e9, 1e9]],
  ] as const)('that is %s is drawn without harm', (_, box) => {
    expect(() => draw(P360, [detection(box)])).not.toThrow();
  });

  it('with a coordinate that is no number is left out', () => {
    const picture = draw(P360, [detection([Number.NaN, 10, 100, 100]), detection([10, 10, Number.POSITIVE_INFINITY, 100])]);
    expect(picture.at(10, 50)).toBe('#000000');
  });

  it('has the colour of its class on every frame, whatever stands beside it', () => {
    const box: BoxXyxyPx = [200, 150, 400, 300];
    const alone = draw(P360, [detection(box, { classId: 85, label: 'clock' })]);
    const beside = draw(P360, [detection([10, 10, 60, 60], { classId: 3 }), detection(box, { classId: 85, label: 'other name', score: 0.4 })]);
    expect(alone.at(200, 225)).toBe(classColour(85));
    expect(beside.at(200, 225)).toBe(classColour(85));
  });
});

describe('a label', () => {
  it.each([['360p', P360], ['1080p', P1080]] as const)('stands on a plate of the class colour above its box, with text in black or white, at %s', (_, size) => {
    const style = annotationStyle(size);
    const picture = draw(size, [detection([200, 150, 400, 300])]);
    const bottom = 150 - style.outlineWidthPx;
    const left = 200 - style.outlineWidthPx;
    const top = bottom - style.plateHeightPx;
    expect(picture.at(left, top)).toBe(OUTLINE);
    expect(picture.at(left + style.plateBorderPx, top + style.plateBorderPx)).toBe(classColour(1));
    expect(picture.at(left + style.plateBorderPx, top - 1)).toBe('#000000');
    let textPixels = 0;
    for (let y = top; y < bottom; y += 1) for (let x = left + style.plateBorderPx; x < left + style.plateHeightPx * 3; x += 1) if (picture.at(x, y) === classTextColour(1)) textPixels += 1;
    expect(textPixels).toBeGreaterThan(style.fontSizePx * 2);
  });

  it('moves inside the box when there is no room above', () => {
    const style = annotationStyle(P360);
    const picture = draw(P360, [detection([200, 5, 400, 300])], [128, 128, 128]);
    expect(picture.at(200 - style.outlineWidthPx + style.plateBorderPx, 5 + style.plateBorderPx)).toBe(classColour(1));
    expect(picture.at(300, 3)).toBe('#808080');
  });

  it('draws no control characters and survives any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (label) => {
        draw({ widthPx: 160, heightPx: 90 }, [detection([10, 40, 100, 80], { label })]);
      }),
      { numRuns: 60 },
    );
  });
});

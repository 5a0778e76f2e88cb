import { describe, expect, it } from 'vitest';
import { orientationOf, UPRIGHT, uprightSize } from '../../../src/sources/opening/orientation.js';

/** As ffprobe prints it. */
const matrix = (a: number, b: number, c: number, d: number): string => `\n00000000: ${String(a)} ${String(b)} 0\n00000001: ${String(c)} ${String(d)} 0\n00000002: 0 0 1073741824\n`;

describe('orientationOf', () => {
  it.each([
    [{}, []],
    [{ displayMatrix: matrix(65_536, 0, 0, 65_536) }, []],
    [{ displayMatrix: matrix(0, 65_536, -65_536, 0), rotationDegrees: -90 }, ['transpose=clock']],
    [{ displayMatrix: matrix(0, -65_536, 65_536, 0), rotationDegrees: 90 }, ['transpose=cclock']],
    [{ displayMatrix: matrix(-65_536, 0, 0, -65_536) }, ['hflip', 'vflip']],
    [{ displayMatrix: matrix(-65_536, 0, 0, 65_536) }, ['hflip']],
    [{ displayMatrix: matrix(65_536, 0, 0, -65_536) }, ['vflip']],
    [{ displayMatrix: matrix(0, 65_536, 65_536, 0) }, ['transpose=cclock_flip']],
    [{ displayMatrix: matrix(0, -65_536, -65_536, 0) }, ['transpose=clock_flip']],
    [{ displayMatrix: matrix(46_341, 46_341, -46_341, 46_341), rotationDegrees: -45 }, []],
    [{ displayMatrix: 'nonsense', rotationDegrees: 180 }, ['hflip', 'vflip']],
    [{ rotationDegrees: 89.5 }, ['transpose=cclock']],
    [{ rotateTag: '90' }, ['transpose=clock']],
    [{ rotateTag: '-90' }, ['transpose=cclock']],
    [{ rotateTag: '450' }, ['transpose=clock']],
    [{ rotateTag: 'sideways' }, []],
  ])('%j → %j', (facts, filters) => {
    expect(orientationOf(facts).filters).toEqual(filters);
  });
});

describe('uprightSize', () => {
  it.each([
    [{ widthPx: 720, heightPx: 576 }, 16 / 15, UPRIGHT, { widthPx: 768, heightPx: 576 }],
    [{ widthPx: 1920, heightPx: 1080 }, 1, orientationOf({ rotateTag: '90' }), { widthPx: 1080, heightPx: 1920 }],
    [{ widthPx: 1440, heightPx: 1080 }, 4 / 3, orientationOf({ rotateTag: '270' }), { widthPx: 1080, heightPx: 1920 }],
    [{ widthPx: 1, heightPx: 9 }, 0.1, UPRIGHT, { widthPx: 1, heightPx: 9 }],
  ])('%j with %d', (coded, aspect, orientation, expected) => {
    expect(uprightSize(coded, aspect, orientation)).toEqual(expected);
  });
});

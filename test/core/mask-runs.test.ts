import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DetectionMask } from '../../src/core/frames.js';
import type { BoxXyxyPx } from '../../src/core/geometry.js';
import { decodeMask, encodeMask, MAX_MASK_CELLS, type MaskRuns } from '../../src/core/mask-runs.js';

const PICTURE = { widthPx: 64, heightPx: 36 };
const mask = (widthPx: number, heightPx: number, values: readonly number[], box: BoxXyxyPx = [0, 0, widthPx, heightPx]): DetectionMask => ({ widthPx, heightPx, data: Float32Array.from(values), box });

describe('a mask as runs', () => {
  it.each([
    ['one cell inside', mask(1, 1, [1]), [0, 1]],
    ['one cell outside', mask(1, 1, [0]), [1]],
    ['exactly at the level, which is outside', mask(1, 1, [0.5]), [1]],
    ['a row that begins inside', mask(4, 1, [1, 1, 0, 1]), [0, 2, 1, 1]],
    ['rows one after the other', mask(3, 2, [0, 0, 1, 1, 0, 0]), [2, 2, 2]],
  ])('counts %s', (_name, given, runs) => {
    expect(encodeMask(given, PICTURE)).toEqual({ box: given.box, widthPx: given.widthPx, heightPx: given.heightPx, runs });
  });

  it('holds what is visible of the box, and nothing when that is nothing', () => {
    // The left half, outside the picture, is not the object.
    expect(encodeMask(mask(8, 1, [0, 0, 0, 0, 1, 1, 1, 1], [-4, 0, 4, 1]), PICTURE)).toEqual({ box: [0, 0, 4, 1], widthPx: 4, heightPx: 1, runs: [0, 4] });
    expect(encodeMask(mask(1, 1, [1], [70, 0, 80, 9]), PICTURE)).toBeNull();
    expect(encodeMask(mask(1, 1, [1], [5, 5, 5, 9]), PICTURE)).toBeNull();
    expect(encodeMask(mask(1, 1, [1], [Number.NaN, 5, 9, 9]), PICTURE)).toBeNull();
  });

  it('is stretched bilinearly over its box', () => {
    // Between the middles of both cells, at 4 and 12 of 16 pixels, the value falls evenly; it passes a half in the middle.
    expect(encodeMask(mask(2, 1, [1, 0], [0, 0, 16, 1]), PICTURE)?.runs).toEqual([0, 8, 8]);
    expect(encodeMask(mask(2, 1, [0.75, 0], [0, 0, 16, 1]), PICTURE)?.runs).toEqual([0, 7, 9]);
  });

  it('is bounded, however large the box', () => {
    const large = encodeMask(mask(1, 1, [1], [-1e9, -1e9, 1e9, 1e9]), { widthPx: 7680, heightPx: 4320 });
    expect(large).toEqual({ box: [0, 0, 7680, 4320], widthPx: MAX_MASK_CELLS, heightPx: MAX_MASK_CELLS, runs: [0, MAX_MASK_CELLS ** 2] });
  });

  it('comes back cell by cell', () => {
    const masks = fc
      .record({ widthPx: fc.integer({ min: 1, max: MAX_MASK_CELLS }), heightPx: fc.integer({ min: 1, max: MAX_MASK_CELLS }) })
      .chain((size) => fc.array(fc.boolean(), { minLength: size.widthPx * size.heightPx, maxLength: size.widthPx * size.heightPx, size: 'max' }).map((cells) => ({ ...size, cells })));
    fc.assert(
      fc.property(masks, ({ widthPx, heightPx, cells }) => {
        // A cell a pixel: nothing is between cells.
        const given = mask(widthPx, heightPx, cells.map(Number));
        const encoded = encodeMask(given, { widthPx, heightPx });
        expect(encoded === null ? null : decodeMask(encoded)).toEqual(given);
        expect(encoded?.runs.reduce((sum, run) => sum + run, 0)).toBe(widthPx * heightPx);
        // A client needs no more than that the runs alternate.
        expect(encoded?.runs.slice(1).every((run) => run > 0)).toBe(true);
      }),
      { numRuns: 40 },
    );
  });

  it('of any numbers is a mask of its size, or none', () => {
    const anything = fc.record<MaskRuns>({
      box: fc.constant([0, 0, 1, 1] as const),
      widthPx: fc.oneof(fc.integer({ min: 1, max: 9 }), fc.double(), fc.constant(1e9)),
      heightPx: fc.integer({ min: -1, max: 9 }),
      runs: fc.array(fc.oneof(fc.double(), fc.integer())),
    });
    fc.assert(
      fc.property(anything, (runs) => {
        const decoded = decodeMask(runs);
        if (decoded !== null) expect(decoded.data).toHaveLength(runs.widthPx * runs.heightPx);
        expect(decoded?.data.every((value) => value === 0 || value === 1) ?? true).toBe(true);
      }),
    );
  });
});

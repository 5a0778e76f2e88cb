import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { letterbox, type Letterbox } from '../../../src/core/geometry.js';
import { COCO_IDS } from '../../../src/core/coco-ids.js';
import { toDetectionRows, type DetectionRow } from '../../../src/model-server/recipe/detection-rows.js';
import { readCandidates } from '../../../src/model-server/recipe/read-candidates.js';
import { MAX_DETECTIONS } from '../../../src/model-server/store/recipe.js';

const canvas = { widthPx: 512, heightPx: 512 };
const whole = letterbox(canvas, canvas);

/** Reads the output of a graph that gives rows in pixels, as the default model's does. */
function readDetectionRows(values: number[], place: Letterbox, nms: number | null = 0.6): DetectionRow[] {
  const outputs = new Map([['found', { shape: [1, values.length / 6, 6], data: Float32Array.from(values) }]]);
  return toDetectionRows(readCandidates(outputs, 0, { kind: 'rows', output: 'found', boxUnits: 'pixels', classIds: COCO_IDS, nms }, place.canvas), place, nms);
}

describe('COCO_IDS', () => {
  it('maps 80 class indexes to the ids of the label map', () => {
    expect(COCO_IDS).toHaveLength(80);
    expect([COCO_IDS[0], COCO_IDS[11], COCO_IDS[74], COCO_IDS[79]]).toEqual([1, 13, 85, 90]);
  });
});

describe('toDetectionRows', () => {
  it('maps a box back through the letterbox, normalised to the picture', () => {
    const lb = letterbox({ widthPx: 1280, heightPx: 720 }, canvas);
    expect(readDetectionRows([128, 112, 256, 256, 0.5, 74], lb)).toEqual([{ box: [0, 0.25, 0.5, 0.5], classId: 85, score: 0.5 }]);
  });

  it('clips to the picture and drops boxes that lie in the grey', () => {
    const lb = letterbox({ widthPx: 1280, heightPx: 720 }, canvas);
    expect(readDetectionRows([-20, 0, 600, 256, 0.5, 0, 0, 0, 512, 100, 0.9, 0], lb)).toEqual([{ box: [0, 0, 0.5, 1], classId: 1, score: 0.5 }]);
  });

  it.each([
    ['NaN', [NaN, 0, 9, 9, 0.5, 0]],
    ['a score that is none', [0, 0, 9, 9, NaN, 0]],
    ['a score of 0', [0, 0, 9, 9, 0, 0]],
    ['class 80', [0, 0, 9, 9, 0.5, 80]],
    ['class 0.5', [0, 0, 9, 9, 0.5, 0.5]],
    ['class -1', [0, 0, 9, 9, 0.5, -1]],
    ['a box turned inside out', [9, 9, 0, 0, 0.5, 0]],
    ['no rows at all', []],
  ])('drops %s', (_what, values) => {
    expect(readDetectionRows(values, whole)).toEqual([]);
  });

  it('keeps the best of boxes of one class that overlap, and all of different classes', () => {
    const rows = readDetectionRows([0, 0, 100, 100, 0.25, 0, 0, 0, 100, 90, 0.75, 0, 0, 0, 100, 100, 0.5, 1, 0, 0, 100, 50, 0.125, 0], whole);
    expect(rows.map(({ classId, score }) => [classId, score])).toEqual([[1, 0.75], [2, 0.5], [1, 0.125]]);
  });

  it('keeps boxes that overlap where the graph has seen to them', () => {
    expect(readDetectionRows([0, 0, 100, 100, 0.25, 0, 0, 0, 100, 100, 0.75, 0], whole, null).map(({ score }) => score)).toEqual([0.75, 0.25]);
  });

  it('gives at most 100 rows in [0, 1], best first, whatever the graph says', () => {
    const value = fc.oneof(fc.double(), fc.integer({ min: -100, max: 700 }));
    const row = fc.tuple(value, value, value, value, fc.double({ min: -1, max: 2 }), fc.integer({ min: -1, max: 81 }));
    fc.assert(
      fc.property(fc.array(row, { maxLength: 150 }), fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 2000 }), (rows, widthPx, heightPx) => {
        const found = readDetectionRows(rows.flat(), letterbox({ widthPx, heightPx }, canvas));
        expect(found.length).toBeLessThanOrEqual(MAX_DETECTIONS);
        found.forEach(({ box, score }, index) => {
          expect(score <= (found[index - 1]?.score ?? 1) && score > 0).toBe(true);
          expect(box.every((side) => side >= 0 && side <= 1) && box[0] < box[2] && box[1] < box[3]).toBe(true);
        });
      }),
    );
  });
});

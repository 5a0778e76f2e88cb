import { describe, expect, it } from 'vitest';
import { fromRecord, MAX_MASKS, MAX_RUNS, toRecords } from '../../src/core/detection-record.js';
import type { Detection } from '../../src/core/frames.js';
import { MAX_MASK_CELLS } from '../../src/core/mask-runs.js';

const PICTURE = { widthPx: 1280, heightPx: 720 };
const PERSON = { classId: 1, label: 'person', score: 0.5, box: [0, 0, 200, 200] } as const;
const full: Detection = { ...PERSON, mask: { widthPx: 1, heightPx: 1, data: Float32Array.of(1), box: PERSON.box } };

describe('what is written of detections', () => {
  it('is no more than the box where the model gives no more', () => {
    expect(toRecords([PERSON], PICTURE)).toEqual([PERSON]);
    expect(fromRecord(PERSON)).toEqual(PERSON);
  });

  it('are keypoints as short lists, which come back', () => {
    const keypoints = [{ xPx: 1.234567, yPx: -3, score: 0.98765 }, { xPx: 2, yPx: 1e9, score: null }];
    const [record] = toRecords([{ ...PERSON, keypoints }], PICTURE);
    expect(record).toEqual({ ...PERSON, keypoints: [[1.23, -3, 0.988], [2, 1e9, null]] });
    expect(fromRecord(record ?? PERSON).keypoints).toEqual([{ xPx: 1.23, yPx: -3, score: 0.988 }, { xPx: 2, yPx: 1e9, score: null }]);
  });

  it('are masks of the best hundred', () => {
    const records = toRecords(Array<Detection>(MAX_MASKS + 5).fill(full), PICTURE);
    expect(records).toHaveLength(MAX_MASKS + 5);
    expect(records.map((record) => record.mask !== undefined)).toEqual([...Array<boolean>(MAX_MASKS).fill(true), ...Array<boolean>(5).fill(false)]);
  });

  it('has a bound for all runs of a frame, however ragged its masks are', () => {
    const cells = MAX_MASK_CELLS ** 2;
    const ragged: Detection = { ...PERSON, mask: { widthPx: MAX_MASK_CELLS, heightPx: MAX_MASK_CELLS, data: Float32Array.from({ length: cells }, (_, index) => (index + Math.floor(index / MAX_MASK_CELLS)) % 2), box: [0, 0, MAX_MASK_CELLS, MAX_MASK_CELLS] } };
    const records = toRecords([...Array<Detection>(5).fill(ragged), full], PICTURE);
    // Each has 9121; once one does not fit, no more come.
    expect(records.map((record) => record.mask !== undefined)).toEqual([true, true, true, false, false, false]);
    expect(records.reduce((sum, { mask }) => sum + (mask?.runs.length ?? 0), 0)).toBeLessThanOrEqual(MAX_RUNS);
  });

  it('leaves out a mask of which nothing is in the picture', () => {
    const outside: Detection = { ...full, mask: { widthPx: 1, heightPx: 1, data: Float32Array.of(1), box: [-9, -9, -1, -1] } };
    expect(toRecords([outside], PICTURE)).toEqual([PERSON]);
  });
});

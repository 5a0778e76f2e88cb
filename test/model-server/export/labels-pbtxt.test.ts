import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePbtxtLabels } from '../../../src/detection/label-pbtxt.js';
import { formatPbtxtLabels } from '../../../src/model-server/export/labels-pbtxt.js';

describe('formatPbtxtLabels', () => {
  it('writes what the reader of label maps reads, in the order of ids', () => {
    const labels = fc.uniqueArray(fc.tuple(fc.nat(999_999_999), fc.string({ unit: 'binary', maxLength: 20 })), { selector: ([id]) => id, maxLength: 20 });
    fc.assert(fc.property(labels, (entries) => {
      const sorted = [...entries].sort(([a], [b]) => a - b);
      expect(parsePbtxtLabels(formatPbtxtLabels(new Map(entries))).map(({ id, label }) => [id, label])).toEqual(sorted);
    }));
  });

  it('looks like those of the Object Detection API', () => {
    expect(formatPbtxtLabels(new Map([[2, "driver's \"seat\""], [1, 'tür']]))).toBe('item {\n  id: 1\n  name: "tür"\n}\nitem {\n  id: 2\n  name: "driver\'s \\"seat\\""\n}\n');
  });
});

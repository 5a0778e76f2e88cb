import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { boxIou, type BoxXyxyPx } from '../../../src/core/geometry.js';
import { bestRows, suppressOverlaps } from '../../../src/detection/contract/suppress-overlaps.js';

type Candidate = { readonly box: BoxXyxyPx; readonly classId: number };

const suppress = (candidates: readonly Candidate[], maxIou: number, maxKept = 300): number[] =>
  suppressOverlaps({ boxes: Float64Array.from(candidates.flatMap(({ box }) => box)), classes: candidates.map(({ classId }) => classId) }, candidates.length, { maxIou, maxKept });

/** Small whole numbers, so that boxes often coincide, touch and nest. */
const candidate: fc.Arbitrary<Candidate> = fc
  .record({ x: fc.nat(8), y: fc.nat(8), width: fc.nat(6), height: fc.nat(6), classId: fc.nat(2) })
  .map(({ x, y, width, height, classId }) => ({ box: [x, y, x + width, y + height], classId }));

describe('bestRows', () => {
  it.each<[string, number[], number, number, number[]]>([
    ['nothing', [], 0.5, 3, []],
    ['one that reaches the least score', [0.5], 0.5, 3, [0]],
    ['none below it', [0.4], 0.5, 3, []],
    ['the best first', [0.6, 0.9, 0.7], 0.5, 3, [1, 2, 0]],
    ['no more than asked for', [0.6, 0.9, 0.7, 0.8], 0.5, 2, [1, 3]],
    ['the first among equals', [0.5, 0.9, 0.5, 0.5], 0.5, 3, [1, 0, 2]],
  ])('finds %s', (_what, scores, minScore, maxRows, expected) => {
    expect([...bestRows(Float32Array.from(scores), minScore, maxRows)]).toEqual(expected);
  });

  it('finds what sorting all would find', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(20).map((score) => score / 20), { maxLength: 60 }), fc.integer({ min: 1, max: 20 }), (values, maxRows) => {
        const scores = Float32Array.from(values);
        const sorted = [...scores.keys()].filter((row) => (scores[row] ?? 0) >= 0.25).sort((a, b) => (scores[b] ?? 0) - (scores[a] ?? 0) || a - b);
        expect([...bestRows(scores, 0.25, maxRows)]).toEqual(sorted.slice(0, maxRows));
      }),
    );
  });
});

describe('suppressOverlaps', () => {
  const box: BoxXyxyPx = [0, 0, 10, 10];

  it.each<[string, Candidate[], number[]]>([
    ['nothing', [], []],
    ['the better of two that are the same', [{ box, classId: 1 }, { box, classId: 1 }], [0]],
    ['both of two classes', [{ box, classId: 1 }, { box, classId: 2 }], [0, 1]],
    ['both of two that overlap by just as much as is allowed', [{ box, classId: 1 }, { box: [0, 0, 10, 5], classId: 1 }], [0, 1]],
    ['the better of two that overlap by more', [{ box, classId: 1 }, { box: [0, 0, 10, 6], classId: 1 }], [0]],
    ['what only a box that went had overlapped', [{ box, classId: 1 }, { box: [0, 3, 10, 13], classId: 1 }, { box: [0, 7, 10, 17], classId: 1 }], [0, 2]],
    ['empty boxes', [{ box: [5, 5, 5, 5], classId: 1 }, { box: [5, 5, 5, 5], classId: 1 }], [0, 1]],
  ])('keeps %s', (_what, candidates, kept) => {
    expect(suppress(candidates, 0.5)).toEqual(kept);
  });

  it('keeps what comparing every pair would keep', () => {
    fc.assert(
      fc.property(fc.array(candidate, { maxLength: 30 }), fc.constantFrom(0, 0.3, 0.5, 0.7, 1), fc.integer({ min: 1, max: 30 }), (candidates, maxIou, maxKept) => {
        const gone = new Set<number>();
        candidates.forEach((better, index) => {
          if (gone.has(index)) return;
          candidates.forEach((other, later) => {
            if (later > index && other.classId === better.classId && boxIou(better.box, other.box) > maxIou) gone.add(later);
          });
        });
        const expected = [...candidates.keys()].filter((index) => !gone.has(index)).slice(0, maxKept);
        expect(suppress(candidates, maxIou, maxKept)).toEqual(expected);
      }),
    );
  });
});

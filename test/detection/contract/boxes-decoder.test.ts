import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../../src/core/errors.js';
import type { Detection } from '../../../src/core/frames.js';
import { decodeBoxes } from '../../../src/detection/contract/boxes-decoder.js';
import type { DecodeContext } from '../../../src/detection/contract/decode-context.js';
import type { BoxesMapping, BoxFormat, BoxUnits } from '../../../src/detection/contract/model-wishes.js';
import type { Tensor } from '../../../src/serving/tensor.js';
import { answerOf, anyTensor, contextOf, DOUBLED, float, PETS, px } from './answers.js';

const PLAN: BoxesMapping = { kind: 'boxes', boxes: 'b', boxFormat: 'xyxy', boxUnits: 'pixels', scores: 's', classes: null, count: null, classOffset: null, nms: null };
const TWO = float([1, 2, 4], [10, 20, 30, 40, 50, 50, 60, 70]);

const decode = (outputs: Record<string, Tensor>, plan: Partial<BoxesMapping> = {}, context: Partial<DecodeContext> = {}): Detection[][] => decodeBoxes(answerOf(outputs), { ...PLAN, ...plan }, contextOf({ labels: PETS, ...context }));

describe('mapped boxes', () => {
  it.each<[BoxFormat, BoxUnits, number[]]>([
    ['xyxy', 'pixels', [10, 20, 30, 60]],
    ['yxyx', 'pixels', [20, 10, 60, 30]],
    ['cxcywh', 'pixels', [20, 40, 20, 40]],
    ['xyxy', 'normalized', [0.125, 0.25, 0.375, 0.75]],
    ['yxyx', 'normalized', [0.25, 0.125, 0.75, 0.375]],
    ['cxcywh', 'normalized', [0.25, 0.5, 0.25, 0.5]],
  ])('as %s in %s lie in source pixels', (boxFormat, boxUnits, values) => {
    const [[found] = []] = decode({ b: float([1, 1, 4], values), s: float([1, 1], [0.5]) }, { boxFormat, boxUnits });
    expect(found).toEqual({ classId: 1, label: 'cat', score: 0.5, box: boxUnits === 'pixels' ? [20, 40, 60, 120] : [25, 50, 75, 150] });
  });

  it('in pixels are those of the model input, to which frames of another size were stretched', () => {
    expect(decode({ b: float([1, 1, 4], [10, 20, 30, 40]), s: float([1, 1], [0.5]) }, {}, { inputSize: px(50, 50) })[0]?.[0]?.box).toEqual([40, 80, 120, 160]);
  });

  it('have classes of an output of their own, whole numbers of any type, which are ids already', () => {
    const outputs = { b: TWO, s: float([1, 2], [0.5, 0.75]), c: { dtype: 'int64', shape: [1, 2], data: BigInt64Array.of(2n, 3n) } as const };
    expect(decode(outputs, { classes: 'c' })[0]?.map(({ classId, label }) => [classId, label])).toEqual([[3, 'fish'], [2, 'dog']]);
    expect(decode(outputs, { classes: 'c', classOffset: -1 })[0]?.map(({ classId, label }) => [classId, label])).toEqual([[2, 'dog'], [1, 'cat']]);
  });

  it('have the class of the best of several scores, the first of which is the first label', () => {
    const outputs = { b: TWO, s: float([1, 2, 3], [0, 0.5, 0.25, 0.125, 0, 0]) };
    expect(decode(outputs)[0]?.map(({ label, score }) => [label, score])).toEqual([['dog', 0.5], ['cat', 0.125]]);
    // A model with a background class before all others.
    expect(decode(outputs, { classOffset: 0 })[0]?.map(({ label, score }) => [label, score])).toEqual([['cat', 0.5], ['0', 0.125]]);
  });

  it.each<[string, Tensor]>([['[n]', float([1], [1])], ['[n, 1] whole numbers', { dtype: 'int32', shape: [1, 1], data: Int32Array.of(1) }]])('are as many as a count %s says', (_shape, count) => {
    expect(decode({ b: TWO, s: float([1, 2], [0.5, 0.75]), n: count }, { count: 'n' })[0]).toMatchObject([{ score: 0.5 }]);
  });

  it('overlap as they do, unless the mapping says how far they may', () => {
    const outputs = { b: float([1, 2, 4], [10, 10, 20, 20, 10, 10, 20, 19]), s: float([1, 2], [0.5, 0.75]) };
    expect(decode(outputs)[0]).toHaveLength(2);
    expect(decode(outputs, { nms: 0.5 })[0]).toMatchObject([{ score: 0.75 }]);
  });

  it('are left out where they are empty, outside or without a score', () => {
    const outputs = { b: float([1, 3, 4], [10, 10, 10, 20, 110, 110, 120, 120, 10, 10, 20, 20]), s: float([1, 3], [0.5, 0.5, 0]) };
    expect(decode(outputs)).toEqual([[]]);
  });

  it('keep the frames of a batch apart and skip those that only filled it', () => {
    const outputs = { b: float([3, 1, 4], [10, 10, 20, 20, 30, 30, 40, 40, 0, 0, 1, 1]), s: float([3, 1], [0.5, 0.75, 1]) };
    expect(decode(outputs, {}, { batchSize: 3, letterboxes: [DOUBLED, DOUBLED] }).map((list) => list.map(({ score }) => score))).toEqual([[0.5], [0.75]]);
  });

  const scores = float([1, 2], [0.5, 0.75]);
  it.each<[string, Record<string, Tensor>, Partial<BoxesMapping>, RegExp]>([
    ['a missing output', { b: TWO }, {}, /no output s, only b/],
    ['boxes of another shape', { b: float([1, 8], Array<number>(8).fill(0)), s: scores }, {}, /output b has shape \[1, 8\], expected \[1, 8, 4\]/],
    ['another batch size', { b: TWO, s: float([2, 2], [0, 0, 0, 0]) }, {}, /output s has shape \[2, 2\], expected \[1, 2\]/],
    ['scores of no class', { b: TWO, s: float([1, 2, 0], []) }, {}, /output s has shape \[1, 2, 0\], expected at least one class/],
    ['a score for each class beside classes', { b: TWO, s: float([1, 2, 1], [0, 0]), c: scores }, { classes: 'c' }, /output s has shape \[1, 2, 1\], expected \[1, 2\]/],
    ['a logit for a score', { b: TWO, s: float([1, 2], [0.5, -3]) }, {}, /s holds -3, expected values from 0 to 1/],
    ['half a class', { b: TWO, s: scores, c: float([1, 2], [1, 1.5]) }, { classes: 'c' }, /c holds 1.5, expected whole numbers/],
    ['a text for a class', { b: TWO, s: scores, c: { dtype: 'string', shape: [1, 2], data: [Buffer.from('a'), Buffer.from('b')] } }, { classes: 'c' }, /output c is string, expected whole numbers/],
    ['a box that is no number', { b: float([1, 1, 4], [0, 0, NaN, 1]), s: float([1, 1], [0]) }, {}, /b holds a value that is not a number/],
    ['more rows than there are', { b: TWO, s: scores, n: float([1], [3]) }, { count: 'n' }, /n is 3, expected a whole number from 0 to 2/],
  ])('refuse %s', (_what, outputs, plan, message) => {
    expect(() => decode(outputs, plan)).toThrow(ModelOutputError);
    expect(() => decode(outputs, plan)).toThrow(message);
  });

  it('are what the plain definition gives', () => {
    const row = fc.record({ x: fc.nat(90), y: fc.nat(90), width: fc.integer({ min: 1, max: 10 }), height: fc.integer({ min: 1, max: 10 }), scores: fc.array(fc.integer({ min: 1, max: 64 }).map((score) => score / 64), { minLength: 3, maxLength: 3 }) });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 20 }), fc.nat(20), (rows, limit) => {
        const count = Math.min(limit, rows.length);
        const outputs = { b: float([1, rows.length, 4], rows.flatMap(({ x, y, width, height }) => [y, x, y + height, x + width])), s: float([1, rows.length, 3], rows.flatMap(({ scores }) => scores)), n: float([1], [count]) };
        const expected = rows
          .slice(0, count)
          .map(({ x, y, width, height, scores }) => ({ classId: scores.indexOf(Math.max(...scores)) + 1, score: Math.max(...scores), box: [x, y, x + width, y + height].map((value) => value * 2) }))
          .sort((a, b) => b.score - a.score);
        expect(decode(outputs, { boxFormat: 'yxyx', count: 'n' })[0]?.map(({ classId, score, box }) => ({ classId, score, box: [...box] }))).toEqual(expected);
      }),
    );
  });

  it('throw nothing but typed errors, whatever comes', () => {
    fc.assert(
      fc.property(fc.record({ b: anyTensor, s: anyTensor, c: anyTensor, n: anyTensor }), fc.constantFrom({}, { classes: 'c' }, { classes: 'c', count: 'n' }, { nms: 0.5 }), (outputs, plan) => {
        try {
          decode(outputs, plan);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelOutputError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../../src/core/errors.js';
import type { ClassScore } from '../../../src/core/frames.js';
import { decodeClassification } from '../../../src/detection/contract/classification-decoder.js';
import type { DecodeContext } from '../../../src/detection/contract/decode-context.js';
import type { ClassificationPlan } from '../../../src/detection/contract/output-plan.js';
import type { Tensor } from '../../../src/serving/tensor.js';
import { answerOf, anyTensor, COCO, contextOf, DOUBLED, float, PETS } from './answers.js';

const PLAN: ClassificationPlan = { kind: 'classification', output: 'p', topK: 5, scoreType: null, classOffset: null };

const decode = (tensor: Tensor, plan: Partial<ClassificationPlan> = {}, context: Partial<DecodeContext> = {}): ClassScore[][] => decodeClassification(answerOf({ p: tensor }), { ...PLAN, ...plan }, contextOf({ labels: PETS, ...context }));
const named = (classes: readonly ClassScore[] | undefined): (readonly [string, number])[] => (classes ?? []).map(({ label, score }) => [label, Number(score.toFixed(4))] as const);

describe('decodeClassification', () => {
  it('takes probabilities as they are, the best first, named by the label file from its first line on', () => {
    expect(decode(float([1, 3], [0.25, 0.5, 0.25]))).toEqual([[
      { classId: 2, label: 'dog', score: 0.5 },
      { classId: 1, label: 'cat', score: 0.25 },
      { classId: 3, label: 'fish', score: 0.25 },
    ]]);
  });

  it('takes scores of each class by itself as they are', () => {
    expect(named(decode(float([1, 3], [1, 0.75, 0]))[0])).toEqual([['cat', 1], ['dog', 0.75], ['fish', 0]]);
  });

  it('makes probabilities of logits, however large', () => {
    expect(named(decode(float([1, 3], [0, Math.log(3), -1000]))[0])).toEqual([['dog', 0.75], ['cat', 0.25], ['fish', 0]]);
    expect(named(decode(float([1, 2], [3e38, 3e38]))[0])).toEqual([['cat', 0.5], ['dog', 0.5]]);
    expect(named(decode({ dtype: 'double', shape: [1, 2], data: Float64Array.of(-1e300, 1e300) })[0])).toEqual([['dog', 1], ['cat', 0]]);
  });

  it('takes values for logits when one of the answer is no probability, or when told so', () => {
    expect(named(decode(float([2, 2], [0, 0, 0, 4]), {}, { letterboxes: [DOUBLED, DOUBLED] })[0])).toEqual([['cat', 0.5], ['dog', 0.5]]);
    expect(named(decode(float([1, 2], [0, 0]), { scoreType: 'logits' })[0])).toEqual([['cat', 0.5], ['dog', 0.5]]);
  });

  it('gives as many classes as asked for', () => {
    expect(decode(float([1, 3], [0.25, 0.5, 0.25]), { topK: 1 })[0]).toHaveLength(1);
    expect(decode(float([1, 9], Array<number>(9).fill(0.1)))[0]).toHaveLength(5);
  });

  it('does not name the classes of another model by COCO, and shifts ids as told', () => {
    expect(named(decode(float([1, 2], [0.25, 0.75]), {}, { labels: COCO })[0])).toEqual([['1', 0.75], ['0', 0.25]]);
    expect(named(decode(float([1, 2], [0.25, 0.75]), { classOffset: 0 })[0])).toEqual([['cat', 0.75], ['0', 0.25]]);
  });

  it('keeps the frames of a batch apart and skips those that only filled it', () => {
    expect(decode(float([3, 2], [1, 0, 0, 1, 1, 0]), { topK: 1 }, { batchSize: 3, letterboxes: [DOUBLED, DOUBLED] }).map(named)).toEqual([[['cat', 1]], [['dog', 1]]]);
  });

  it.each<[string, Tensor, Partial<ClassificationPlan>, RegExp]>([
    ['another batch size', float([2, 2], [0, 1, 0, 1]), {}, /output p has shape \[2, 2\], expected \[1, -1\]/],
    ['another rank', float([1, 1, 2], [0, 1]), {}, /output p has shape \[1, 1, 2\], expected \[1, -1\]/],
    ['no class', float([1, 0], []), {}, /output p has shape \[1, 0\], expected at least one class/],
    ['names', { dtype: 'string', shape: [1, 1], data: [Buffer.from('cat')] }, {}, /output p is string, expected float32/],
    ['a score that is no number', float([1, 2], [0, NaN]), {}, /p holds a value that is not a number/],
    ['a logit where probabilities were promised', float([1, 2], [0, 7]), { scoreType: 'probabilities' }, /p holds 7, expected values from 0 to 1/],
  ])('refuses %s', (_what, tensor, plan, message) => {
    expect(() => decode(tensor, plan)).toThrow(ModelOutputError);
    expect(() => decode(tensor, plan)).toThrow(message);
  });

  it('gives what the plain definition gives', () => {
    const logits = fc.array(fc.integer({ min: -40, max: 40 }).map((value) => value / 4), { minLength: 1, maxLength: 12 });
    fc.assert(
      fc.property(logits, fc.integer({ min: 1, max: 6 }), (values, topK) => {
        const sum = values.reduce((total, value) => total + Math.exp(value), 0);
        const sorted = values.map((value, index) => ({ index, score: Math.exp(value) / sum })).sort((a, b) => b.score - a.score || a.index - b.index);
        const [found = []] = decode(float([1, values.length], values), { topK, scoreType: 'logits', classOffset: 0 });
        expect(found.map(({ classId, score }) => ({ index: classId, score }))).toEqual(sorted.slice(0, topK).map(({ index, score }) => ({ index, score: expect.closeTo(score, 5) as number })));
      }),
    );
  });

  it('gives scores in order or a typed error, whatever comes', () => {
    fc.assert(
      fc.property(anyTensor, (tensor) => {
        try {
          for (const classes of decode(tensor)) expect(classes.every(({ score }, index) => score >= 0 && score <= (classes[index - 1]?.score ?? 1))).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelOutputError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});

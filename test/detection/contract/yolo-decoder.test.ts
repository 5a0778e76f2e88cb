import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ModelOutputError } from '../../../src/core/errors.js';
import type { Detection } from '../../../src/core/frames.js';
import { boxIou, letterbox, type BoxXyxyPx } from '../../../src/core/geometry.js';
import type { DecodeContext } from '../../../src/detection/contract/decode-context.js';
import type { YoloPlan } from '../../../src/detection/contract/output-plan.js';
import { decodeYolo } from '../../../src/detection/contract/yolo-decoder.js';
import type { Tensor } from '../../../src/serving/tensor.js';
import { answerOf, anyTensor, contextOf, DOUBLED, float, headOf, PETS, px } from './answers.js';

const PLAN: YoloPlan = { kind: 'yolo', output: 'y', objectness: null, classCount: null, classOffset: null, nms: 0.7 };

const decode = (tensor: Tensor, context: Partial<DecodeContext> = {}, plan: Partial<YoloPlan> = {}): Detection[][] => decodeYolo(answerOf({ y: tensor }), { ...PLAN, ...plan }, contextOf(context));

/** An anchor of a model with so many classes: one of them has the score, the rest none. */
const anchor = (box: readonly number[], index: number, score: number, classCount = 3): number[] => [...box, ...Array.from({ length: classCount }, (_, at) => (at === index ? score : 0))];
const EMPTY = anchor([0, 0, 0, 0], 0, 0);
/** So many that the anchors are more than the channels. */
const padded = (rows: readonly number[][], count = 9): number[][] => [...rows, ...Array.from({ length: count - rows.length }, () => EMPTY)];

describe('a raw YOLO head', () => {
  it.each([['channels first', true], ['anchors first', false]])('with %s gives boxes in source pixels, the best first', (_layout, channelsFirst) => {
    const head = headOf([padded([anchor([20, 30, 10, 20], 1, 0.5), anchor([50, 50, 20, 20], 2, 0.75)])], channelsFirst);
    expect(decode(head, { labels: PETS })).toEqual([[
      { classId: 3, label: 'fish', score: 0.75, box: [80, 80, 120, 120] },
      { classId: 2, label: 'dog', score: 0.5, box: [30, 40, 50, 80] },
    ]]);
  });

  it('with 80 classes and no label file speaks of COCO under its Object Detection API ids', () => {
    const rows = [anchor([20, 20, 10, 10], 0, 0.75, 80), anchor([50, 50, 10, 10], 74, 0.5, 80), anchor([80, 80, 10, 10], 79, 0.25, 80)];
    const head = headOf([[...rows, ...Array.from({ length: 97 }, () => anchor([0, 0, 0, 0], 0, 0, 80))]], true);
    expect(head.shape).toEqual([1, 84, 100]);
    expect(decode(head)[0]?.map(({ classId, label }) => [classId, label])).toEqual([[1, 'person'], [85, 'clock'], [90, 'toothbrush']]);
  });

  it('with other classes and no label file names them by their index, not by COCO', () => {
    expect(decode(headOf([padded([anchor([50, 50, 20, 20], 0, 0.5)])], true))[0]).toMatchObject([{ classId: 0, label: '0' }]);
  });

  it('of 85 channels is YOLOv5, whose scores are its objectness times those of the classes', () => {
    const rows = Array.from({ length: 90 }, (_, index) => [50, 50, 20, 20, index === 7 ? 0.5 : 0, ...Array.from({ length: 80 }, (_unused, at) => (at === 1 && index !== 7 ? 0.5 : at === 1 ? 0.25 : 0))]);
    expect(decode(headOf([rows], false))).toEqual([[{ classId: 2, label: 'bicycle', score: 0.125, box: [80, 80, 120, 120] }]]);
    const asConfigured = decode(headOf([rows], false), {}, { objectness: false });
    // Of 81 classes then, the first of which is what was the objectness.
    expect(asConfigured[0]?.map(({ classId, label, score }) => [classId, label, score])).toEqual([[2, '2', 0.5], [0, '0', 0.5]]);
  });

  it('of other channels has an objectness where the configuration says so', () => {
    const rows = padded([[50, 50, 20, 20, 0.5, 0, 0.5]]);
    expect(decode(headOf([rows], true), { labels: PETS }, { objectness: true })[0]).toMatchObject([{ classId: 2, label: 'dog', score: 0.25 }]);
  });

  it('with values behind the scores is read as far as the configured number of classes', () => {
    const rows = padded([[50, 50, 20, 20, 0.5, -17, 400]]);
    expect(decode(headOf([rows], true), { labels: PETS }, { classCount: 1 })[0]).toMatchObject([{ label: 'cat', score: 0.5 }]);
  });

  it('is normalised when no coordinate of the answer is above 2', () => {
    expect(decode(headOf([padded([anchor([0.5, 0.5, 0.2, 0.2], 0, 0.5)])], true))[0]?.[0]?.box.map(Math.round)).toEqual([80, 80, 120, 120]);
    expect(decode(headOf([padded([anchor([1, 1, 2, 2], 0, 0.5)])], true))[0]?.[0]?.box).toEqual([0, 0, 200, 200]);
    expect(decode(headOf([padded([anchor([1, 1, 2.5, 2], 0, 0.5)])], true))[0]?.[0]?.box).toEqual([0, 0, 4.5, 4]);
  });

  it('speaks of pixels of the model input, to which frames of another size were stretched', () => {
    const wide = letterbox(px(400, 200), px(100, 100));
    expect(decode(headOf([padded([anchor([25, 25, 50, 12.5], 0, 0.5)])], true), { letterboxes: [wide], inputSize: px(50, 50) })[0]?.[0]?.box).toEqual([0, 50, 400, 150]);
  });

  it('has the weaker of two boxes of a class suppressed when they overlap by more than allowed', () => {
    const rows = padded([anchor([50, 50, 20, 20], 0, 0.5), anchor([51, 50, 20, 20], 0, 0.6), anchor([50, 50, 20, 20], 1, 0.4)]);
    expect(decode(headOf([rows], true))[0]?.map(({ classId, score }) => [classId, Number(score.toFixed(2))])).toEqual([[0, 0.6], [1, 0.4]]);
    expect(decode(headOf([rows], true), {}, { nms: 0.95 })[0]).toHaveLength(3);
  });

  it('keeps the frames of a batch apart and skips those that only filled it', () => {
    const frames = [[anchor([20, 20, 10, 10], 0, 0.5)], [anchor([70, 70, 10, 10], 1, 0.5)], [anchor([40, 40, 10, 10], 2, 0.5)]].map((rows) => padded(rows));
    const found = decode(headOf(frames, true), { letterboxes: [DOUBLED, DOUBLED], batchSize: 3 });
    expect(found.map((list) => list.map(({ classId }) => classId))).toEqual([[0], [1]]);
  });

  it('gives at most 300 detections a frame', () => {
    const rows = Array.from({ length: 400 }, (_, index) => anchor([(index % 20) * 5 + 2.5, Math.floor(index / 20) * 5 + 2.5, 4, 4], 0, 0.5));
    expect(decode(headOf([rows], true))[0]).toHaveLength(300);
  });

  it('decodes to what the plain definition gives', () => {
    const box = fc.tuple(fc.nat(100), fc.nat(100), fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 60 }));
    const row = fc.record({ box, index: fc.nat(2), score: fc.integer({ min: 0, max: 64 }).map((score) => score / 64) }).map(({ box: values, index, score }) => anchor(values, index, score));
    fc.assert(
      fc.property(fc.array(fc.array(row, { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 3 }), fc.boolean(), (frames, channelsFirst) => {
        // One anchor in pixels beyond 2 fixes the unit.
        const all = frames.map((rows) => [...rows, anchor([50, 50, 50, 50], 0, 0)]);
        const found = decode(headOf(all, channelsFirst), { letterboxes: frames.map(() => DOUBLED), labels: PETS });
        expect(found.map((list) => list.map(({ classId, score, box: at }) => ({ classId, score, box: at })))).toEqual(all.map(plainly));
      }),
    );
  });

  it('of a large model gives a bounded number of detections, even when every anchor is an object', () => {
    const anchors = 21_504;
    const data = new Float32Array(84 * anchors);
    for (let index = 0; index < anchors; index += 1) {
      data[index] = (index % 160) * 6;
      data[anchors + index] = Math.floor(index / 160) * 7;
      data[2 * anchors + index] = 40;
      data[3 * anchors + index] = 40;
      data[(4 + (index % 80)) * anchors + index] = 0.5 + (index % 100) / 250;
    }
    const head: Tensor = { dtype: 'float', shape: [1, 84, anchors], data };
    const found = decode(head, { letterboxes: [letterbox(px(1920, 1080), px(1024, 1024))] })[0]?.length;
    expect(found).toBeGreaterThan(100);
    expect(found).toBeLessThanOrEqual(300);
  });
});

describe('rows of a YOLO model that suppresses by itself', () => {
  it('are taken as they are, without those of no score', () => {
    const rows = [[10, 20, 30, 40, 0.5, 0], [10, 20, 30, 40, 0.75, 0], [0, 0, 0, 0, 0, 0]];
    expect(decode(float([1, 3, 6], rows.flat()))).toEqual([[
      { classId: 1, label: 'person', score: 0.75, box: [20, 40, 60, 80] },
      { classId: 1, label: 'person', score: 0.5, box: [20, 40, 60, 80] },
    ]]);
  });

  it('may be normalised, and may be none', () => {
    expect(decode(float([1, 1, 6], [0.25, 0.25, 0.5, 0.75, 0.5, 1]), { labels: PETS })).toEqual([[{ classId: 2, label: 'dog', score: 0.5, box: [50, 50, 100, 150] }]]);
    expect(decode(float([1, 0, 6], []))).toEqual([[]]);
  });

  it('are a raw head of two classes when there are more than 300, or a configuration says how many classes there are', () => {
    const rows = Array.from({ length: 301 }, (_, index) => (index === 0 ? [50, 50, 20, 20, 0, 0.5] : [0, 0, 0, 0, 0, 0]));
    expect(decode(headOf([rows], false), { labels: PETS })).toEqual([[{ classId: 2, label: 'dog', score: 0.5, box: [80, 80, 120, 120] }]]);
    expect(decode(headOf([rows.slice(0, 20)], false), { labels: PETS }, { classCount: 2 })).toEqual([[{ classId: 2, label: 'dog', score: 0.5, box: [80, 80, 120, 120] }]]);
  });
});

describe('decodeYolo', () => {
  const good = padded([anchor([50, 50, 20, 20], 0, 0.5)]);
  it.each<[string, Tensor, Partial<YoloPlan>, RegExp]>([
    ['a missing output', float([1, 7, 9], Array<number>(63).fill(0)), { output: 'z' }, /no output z, only y/],
    ['whole numbers', { dtype: 'int32', shape: [1, 1, 6], data: new Int32Array(6) }, {}, /output y is int32, expected float32/],
    ['another batch size', headOf([good, good], true), {}, /output y has shape \[2, 7, 9\], expected \[1, -1, -1\]/],
    ['another rank', float([1, 7], [0, 0, 0, 0, 0, 0, 0]), {}, /output y has shape \[1, 7\], expected \[1, -1, -1\]/],
    ['a square', float([1, 7, 7], Array<number>(49).fill(0)), {}, /output y has shape \[1, 7, 7\], expected a YOLO head \[batch, 4 \+ classes, boxes\]/],
    ['boxes alone', float([1, 4, 9], Array<number>(36).fill(0)), {}, /expected a YOLO head/],
    ['fewer classes than configured', headOf([good], true), { classCount: 4 }, /expected a YOLO head \[batch, 4 \+ classes, boxes\] with 4 classes/],
    ['a logit for a score', headOf([padded([anchor([50, 50, 20, 20], 0, 4.5)])], true), {}, /y holds 4.5, expected values from 0 to 1/],
    ['a score that is no number', headOf([padded([anchor([50, 50, 20, 20], 0, NaN)])], false), {}, /y holds NaN, expected values from 0 to 1/],
    ['a box that is no number', headOf([padded([anchor([50, NaN, 20, 20], 0, 0)])], true), {}, /y holds a value that is not a number/],
    ['an endless box', headOf([padded([anchor([50, 50, Infinity, 20], 0, 0.5)])], true), {}, /y holds a value that is not a number/],
    ['half a class', float([1, 1, 6], [0, 0, 1, 1, 0.5, 1.5]), {}, /y holds 1.5, expected whole numbers/],
  ])('refuses %s', (_what, tensor, plan, message) => {
    expect(() => decode(tensor, {}, plan)).toThrow(ModelOutputError);
    expect(() => decode(tensor, {}, plan)).toThrow(message);
  });

  it('throws nothing but typed errors, whatever comes', () => {
    fc.assert(
      fc.property(anyTensor, fc.constantFrom({}, { objectness: true }, { classCount: 1 }), (tensor, plan) => {
        try {
          for (const { score, box } of decode(tensor, {}, plan).flat()) expect([score, ...box].every(Number.isFinite)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(ModelOutputError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

/** The definition, without any thought for time: in source pixels of `DOUBLED`, classes from 1. */
function plainly(rows: readonly number[][]): { classId: number; score: number; box: BoxXyxyPx }[] {
  const candidates = rows
    .map(([cx = 0, cy = 0, width = 0, height = 0, ...scores]) => {
      const score = Math.max(...scores);
      return { classId: scores.indexOf(score) + 1, score, whole: [cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2] as BoxXyxyPx };
    })
    .filter(({ score }) => score >= 0.01)
    .sort((a, b) => b.score - a.score);
  const kept: typeof candidates = [];
  for (const one of candidates) if (!kept.some((better) => better.classId === one.classId && boxIou(better.whole, one.whole) > 0.7)) kept.push(one);
  return kept
    .map(({ classId, score, whole }) => ({ classId, score, box: whole.map((value) => Math.min(200, Math.max(0, value * 2))) as unknown as BoxXyxyPx }))
    .filter(({ box: [x1, y1, x2, y2] }) => x2 > x1 && y2 > y1);
}

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { BoxXyxyPx, Size } from '../../../../src/core/geometry.js';
import type { Recipe } from '../../../../src/model-server/store/recipe.js';
import { cannedModel, type CannedOutput } from '../../../fixtures/models/canned-model.js';
import { referenceRows, type Candidate, type Row } from './reference-answer.js';
import { loadComposed, pictureOf, type Answer } from './run-composed.js';

const CANVAS = { widthPx: 64, heightPx: 64 };
const INPUT: Recipe['input'] = { name: 'images', size: CANVAS, layout: 'nchw', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [0, 0, 0], deviation: [1, 1, 1], batchSize: null };
const BOXES: Extract<Recipe['output'], { kind: 'boxes' }> = { kind: 'boxes', boxes: 'boxes', boxFormat: 'yxyx', boxUnits: 'normalized', scores: 'scores', activation: 'none', classes: 'classes', count: 'count', background: null, classIds: [10, 20, 30, 40], nms: null };

async function answerOf(outputs: readonly CannedOutput[], output: Recipe['output'], source: Size = CANVAS, input: Partial<Recipe['input']> = {}): Promise<Answer> {
  const runner = await loadComposed(cannedModel(outputs), { input: { ...INPUT, ...input }, output });
  return runner.run({ count: 1, ...source, data: new Uint8Array(source.widthPx * source.heightPx * 3) });
}

function rowsOf(answer: Answer): Row[] {
  const [count = 0] = pictureOf(answer, 'num_detections', 0);
  const [boxes, scores, classes] = ['detection_boxes', 'detection_scores', 'detection_classes'].map((name) => pictureOf(answer, name, 0)) as [number[], number[], number[]];
  return Array.from({ length: count }, (_, row) => ({ box: boxes.slice(row * 4, row * 4 + 4), score: scores[row] ?? NaN, classId: classes[row] ?? NaN }));
}

const summary = (answer: Answer): [number, number][] => rowsOf(answer).map(({ classId, score }) => [classId, Math.round(score * 1000) / 1000]);

describe('the operators behind a graph', () => {
  const strange = fc.constantFrom(NaN, Infinity, -Infinity, -5, 1e9);
  const value = fc.oneof({ weight: 12, arbitrary: fc.integer({ min: -10, max: 80 }) }, { weight: 1, arbitrary: strange });
  const score = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 1, max: 900 }).map((number) => Math.fround(number / 900)) }, { weight: 1, arbitrary: fc.constantFrom(NaN, 0, -1, 1.5, Infinity) });
  const classIndex = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: 0, max: 3 }) }, { weight: 1, arbitrary: fc.constantFrom(-1, 4, 0.5, NaN, 1e9) });
  const row = fc.tuple(value, value, value, value, score, classIndex);

  it.each([0.4321, null])('answer whatever rows a graph gives, suppressed above %s', async (nms) => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 130 }), fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 200 }), async (rows, widthPx, heightPx) => {
        const ids = [5, 6, 9, 1000];
        const answer = await answerOf([{ name: 'rows', shape: [1, rows.length, 6], values: rows.flat() }], { kind: 'rows', output: 'rows', boxUnits: 'pixels', classIds: ids, nms }, { widthPx, heightPx });
        const candidates = rows.map(([x1, y1, x2, y2, score, index]): Candidate => ({ box: [x1, y1, x2, y2] as BoxXyxyPx, score, classId: ids[index] }));
        const expected = referenceRows(candidates, { widthPx, heightPx }, CANVAS, nms);
        const found = rowsOf(answer);
        expect(found.map(({ score }) => score)).toEqual(expected.map(({ score }) => Math.fround(score)));
        expect(found.map(({ classId }) => classId)).toEqual(expected.map(({ classId }) => classId));
        found.forEach(({ box }, index) => {
          box.forEach((side, at) => {
            expect(side).toBeCloseTo(expected[index]?.box[at] ?? NaN, 5);
          });
        });
      }),
      { numRuns: 120 },
    );
  });

  it('answer nothing for a graph that gives no row', async () => {
    const answer = await answerOf([{ name: 'rows', shape: [1, 0, 6], values: [] }], { kind: 'rows', output: 'rows', boxUnits: 'pixels', classIds: [1], nms: 0.5 });
    expect([pictureOf(answer, 'num_detections', 0), answer.get('detection_boxes')?.shape]).toEqual([[0], [1, 100, 4]]);
  });

  it('read classes and the number of rows from outputs of their own', async () => {
    const outputs: CannedOutput[] = [
      { name: 'boxes', shape: [1, 3, 4], values: [0, 0, 0.5, 0.5, 0, 0.5, 0.5, 1, 0, 0, 1, 1] },
      { name: 'scores', shape: [1, 3], values: [0.5, 0.75, 1] },
      { name: 'classes', shape: [1, 3], values: [3, 0, 1], dtype: 'int64' },
      { name: 'count', shape: [1, 1], values: [2] },
    ];
    const answer = await answerOf(outputs, BOXES);
    expect(rowsOf(answer)).toEqual([{ box: [0, 0.5, 0.5, 1], score: 0.75, classId: 10 }, { box: [0, 0, 0.5, 0.5], score: 0.5, classId: 40 }]);
    expect(summary(await answerOf(outputs, { ...BOXES, count: null, background: 1, activation: 'sigmoid' }))).toEqual([[10, 0.679], [30, 0.622]]);
  });

  it.each<[string, Partial<typeof BOXES>, [number, number][]]>([
    ['the last class as background, softmax over all', { background: 2, activation: 'softmax' }, [[10, 0.665], [20, 0.111]]],
    ['the first class as background', { background: 0 }, [[10, 1], [20, 1]]],
    ['a class in the middle as background, sigmoid', { background: 1, activation: 'sigmoid' }, [[20, 0.953], [10, 0.881]]],
    ['no background', {}, [[10, 1], [30, 1]]],
    ['fewer ids than classes: others are left out', { classIds: [10] }, [[10, 1]]],
  ])('take the best class of a row: %s', async (_what, changes, expected) => {
    const answer = await answerOf([
      { name: 'boxes', shape: [1, 2, 4], values: [0, 0, 1, 1, 0, 0, 0.5, 1] },
      { name: 'scores', shape: [1, 2, 3], values: [2, 1, 0.003, 0.5, 1, 3] },
    ], { ...BOXES, classes: null, count: null, ...changes });
    expect(summary(answer)).toEqual(expected);
  });

  it('pass on what an Object Detection API graph answers', async () => {
    const graph = cannedModel([
      { name: 'b', shape: [1, 2, 4], values: [0, 0, 0.5, 0.25, 0.5, 0.5, 1, 1] },
      { name: 'c', shape: [1, 2], values: [85, 3] },
      { name: 's', shape: [1, 2], values: [0.25, 0.75] },
      { name: 'n', shape: [1], values: [2] },
      { name: 'm', shape: [1, 2, 1, 2], values: [0.1, 0.2, 0.3, 0.4].map(Math.fround) },
      { name: 'k', shape: [1, 2, 1, 2], values: [0, 0.5, 0.25, 0.75] },
      { name: 'ks', shape: [1, 2, 1], values: [0.5, 1] },
    ], { name: 'images', dtype: 'uint8', shape: [1, null, null, 3] });
    const output: Recipe['output'] = { kind: 'object-detection', boxes: 'b', classes: 'c', scores: 's', count: 'n', masks: 'm', keypoints: { points: 'k', scores: 'ks' } };
    const runner = await loadComposed(graph, { input: { ...INPUT, layout: 'nhwc', dtype: 'uint8', resize: 'none', batchSize: 1 }, output });
    const answer = await runner.run({ count: 2, widthPx: 50, heightPx: 30, data: new Uint8Array(2 * 50 * 30 * 3) });
    expect(answer.get('num_detections')?.data).toEqual(Float32Array.from([2, 2]));
    expect(rowsOf(answer)).toEqual([{ box: [0.5, 0.5, 1, 1], score: 0.75, classId: 3 }, { box: [0, 0, 0.5, 0.25], score: 0.25, classId: 85 }]);
    expect(pictureOf(answer, 'detection_masks', 1).slice(0, 5)).toEqual([0.3, 0.4, 0.1, 0.2, 0].map(Math.fround));
    expect(pictureOf(answer, 'detection_keypoints', 1).slice(0, 5)).toEqual([0.25, 0.75, 0, 0.5, 0]);
    expect(pictureOf(answer, 'detection_keypoint_scores', 1).slice(0, 3)).toEqual([1, 0.5, 0]);
  });

  it('keep boxes of thousands of classes apart, and suppress those of one class', async () => {
    const classIds = Array.from({ length: 3000 }, (_, index) => index + 1);
    const rows = [2999, 2998, 2999, 63, 64].flatMap((index, row) => [0, 0, 60 - row, 60, 0.9 - row / 10, index]);
    const answer = await answerOf([{ name: 'rows', shape: [1, 5, 6], values: rows }], { kind: 'rows', output: 'rows', boxUnits: 'pixels', classIds, nms: 0.9 });
    expect(summary(answer).map(([id]) => id)).toEqual([3000, 2999, 64, 65]);
  });

  it('give no number that is none for masks and keypoints of broken rows', async () => {
    const head = Array.from({ length: 2 }, (_, row) => [32, 32, 16, 16, 0.5 + row / 4, NaN, Infinity]);
    const anchorsLast = [0, 1, 2, 3, 4, 5, 6].flatMap((channel) => head.map((values) => values[channel] ?? NaN));
    const yolo = { kind: 'yolo', output: 'head', channelsLast: false, objectness: false, boxUnits: 'pixels', classIds: [1], nms: 0.99, prototypes: null, keypoints: { count: 1, scored: false } } as const;
    const poses = await answerOf([{ name: 'head', shape: [1, 7, 2], values: anchorsLast }], yolo);
    const masks = await answerOf([{ name: 'head', shape: [1, 7, 2], values: anchorsLast }, { name: 'protos', shape: [1, 2, 4, 4], values: Array<number>(32).fill(1) }], { ...yolo, prototypes: 'protos', keypoints: null });
    expect([...poses.values(), ...masks.values()].every(({ data }) => data.every(Number.isFinite))).toBe(true);
    expect(pictureOf(poses, 'num_detections', 0)).toEqual([1]);
  });
});

import { describe, expect, it } from 'vitest';
import type { Recipe } from '../../../../src/model-server/store/recipe.js';
import { composeServable } from '../../../../src/model-server/export/compose/compose-servable.js';
import type { OnnxModel } from '../../../../src/model-server/export/onnx/onnx-model.js';
import { detrModel, rowsModel, ssdModel } from '../../../fixtures/models/box-models.js';
import { cannedModel } from '../../../fixtures/models/canned-model.js';
import { colourClassifier } from '../../../fixtures/models/colour-classifier.js';
import type { BatchOf } from '../../../fixtures/models/square-features.js';
import { yoloModel } from '../../../fixtures/models/yolo-model.js';
import { highest, referenceRows, squareColoursOf, type Candidate } from './reference-answer.js';
import { loadComposed, pictureOf, type Answer, type Pictures } from './run-composed.js';

const CANVAS = { widthPx: 64, heightPx: 64 };
const IDS = [7, 3, 11];
const INPUT: Recipe['input'] = { name: 'images', size: CANVAS, layout: 'nchw', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [0, 0, 0], deviation: [255, 255, 255], batchSize: null };
const YOLO: Extract<Recipe['output'], { kind: 'yolo' }> = { kind: 'yolo', output: 'output0', channelsLast: false, objectness: false, boxUnits: 'pixels', classIds: IDS, nms: 0.3, prototypes: null, keypoints: null };
const BOXES: Extract<Recipe['output'], { kind: 'boxes' }> = { kind: 'boxes', boxes: 'boxes', boxFormat: 'xyxy', boxUnits: 'normalized', scores: 'scores', activation: 'none', classes: null, count: null, background: null, classIds: IDS, nms: null };

type Square = { readonly x: number; readonly y: number; readonly side: number; readonly colour: readonly [number, number, number] };

/** Black pictures with squares, each of as many as there are lists. */
function draw(widthPx: number, heightPx: number, squares: readonly (readonly Square[])[]): Pictures {
  const data = new Uint8Array(squares.length * widthPx * heightPx * 3);
  squares.forEach((list, picture) => {
    for (const { x, y, side, colour } of list) {
      for (let dy = 0; dy < side; dy += 1) for (let dx = 0; dx < side; dx += 1) data.set(colour, ((picture * heightPx + y + dy) * widthPx + x + dx) * 3);
    }
  });
  return { count: squares.length, widthPx, heightPx, data };
}

const RED = [255, 0, 0] as const;
const BLUE = [0, 0, 250] as const;
const SCENES: readonly (readonly [string, Pictures])[] = [
  ['one picture of the right size', draw(64, 64, [[{ x: 16, y: 8, side: 16, colour: RED }]])],
  ['one wide picture', draw(128, 64, [[{ x: 32, y: 16, side: 32, colour: RED }, { x: 96, y: 0, side: 30, colour: BLUE }]])],
  ['three tall pictures, one of them empty', draw(40, 90, [[{ x: 3, y: 50, side: 22, colour: BLUE }], [], [{ x: 18, y: 0, side: 22, colour: RED }]])],
  ['three black pictures', draw(64, 64, [[], [], []])],
  ['one pixel', draw(1, 1, [[{ x: 0, y: 0, side: 1, colour: BLUE }]])],
];

type Kind = { readonly name: string; readonly core: (batch: BatchOf) => OnnxModel; readonly output: Recipe['output']; readonly read: (colours: readonly number[]) => { readonly index: number; readonly value: number } };

const sigmoid = (value: number): number => 1 / (1 + Math.exp(-value));
function ssdScore(colours: readonly number[]): { index: number; value: number } {
  const powers = [5, ...colours.map((value) => value * 10)].map(Math.exp);
  const { index, value } = highest(powers.slice(1));
  return { index, value: value / powers.reduce((sum, power) => sum + power, 0) };
}
function logit(colours: readonly number[]): { index: number; value: number } {
  const { index, value } = highest(colours);
  return { index, value: sigmoid((value - 0.5) * 10) };
}

const KINDS: readonly Kind[] = [
  { name: 'a YOLO head', core: (batch) => yoloModel({ batch }), output: YOLO, read: highest },
  { name: 'a YOLO head with rows first', core: (batch) => yoloModel({ batch, channelsLast: true }), output: { ...YOLO, channelsLast: true }, read: highest },
  { name: 'a YOLO head with objectness', core: (batch) => yoloModel({ batch, objectness: true, channelsLast: true }), output: { ...YOLO, channelsLast: true, objectness: true }, read: (colours) => ({ index: highest(colours).index, value: highest(colours).value / 2 }) },
  { name: 'rows', core: (batch) => rowsModel({ batch }), output: { kind: 'rows', output: 'output0', boxUnits: 'pixels', classIds: IDS, nms: 0.3 }, read: highest },
  { name: 'boxes with a background (SSD)', core: (batch) => ssdModel({ batch }), output: { ...BOXES, background: 0, nms: 0.3 }, read: ssdScore },
  { name: 'boxes with logits (RT-DETR)', core: (batch) => detrModel({ batch }), output: { ...BOXES, boxes: 'pred_boxes', scores: 'logits', boxFormat: 'cxcywh', activation: 'sigmoid' }, read: logit },
];

function expectRows(answer: Answer, picture: number, pictures: Pictures, kind: Kind): void {
  const candidates = squareColoursOf(pictures, picture).map(({ box, colours }): Candidate => {
    const { index, value } = kind.read(colours);
    return { box, score: value, classId: IDS[index] };
  });
  const nms = 'nms' in kind.output ? kind.output.nms : null;
  const expected = referenceRows(candidates, pictures, CANVAS, nms);
  const rows = rowsOf(answer, picture);
  expect(rows.length).toBe(expected.length);
  // Rows of one score may stand in any order.
  for (const row of expected) {
    const match = rows.find(({ box, score, classId }) => classId === row.classId && Math.abs(score - row.score) < 1e-4 && box.every((side, index) => Math.abs(side - (row.box[index] ?? NaN)) < 1e-5));
    expect(match, `${JSON.stringify(row)} in ${JSON.stringify(rows.slice(0, 5))}`).toBeDefined();
  }
  expect(rows.map(({ score }) => score)).toEqual(rows.map(({ score }) => score).sort((a, b) => b - a));
}

/** Rows that count; the others have to be zeros. */
function rowsOf(answer: Answer, picture: number): { box: number[]; score: number; classId: number }[] {
  const [count = NaN] = pictureOf(answer, 'num_detections', picture);
  const [boxes, scores, classes] = ['detection_boxes', 'detection_scores', 'detection_classes'].map((name) => pictureOf(answer, name, picture)) as [number[], number[], number[]];
  expect([boxes.length, scores.length, classes.length]).toEqual([400, 100, 100]);
  expect([...boxes.slice(count * 4), ...scores.slice(count), ...classes.slice(count)].every((value) => value === 0)).toBe(true);
  return Array.from({ length: count }, (_, row) => ({ box: boxes.slice(row * 4, row * 4 + 4), score: scores[row] ?? NaN, classId: classes[row] ?? NaN }));
}

describe.each([1, null] as const)('composeServable, of graphs that take %s pictures at once', (batch) => {
  describe.each(KINDS)('$name', (kind) => {
    it.each(SCENES)('answers for %s as plain code does', async (_what, pictures) => {
      const runner = await loadComposed(kind.core(batch), { input: { ...INPUT, batchSize: batch }, output: kind.output });
      const answer = await runner.run(pictures);
      expect(answer.get('detection_boxes')?.shape).toEqual([pictures.count, 100, 4]);
      for (let picture = 0; picture < pictures.count; picture += 1) expectRows(answer, picture, pictures, kind);
    });
  });

  it('finds the square where it is', async () => {
    const runner = await loadComposed(yoloModel({ batch }), { input: { ...INPUT, batchSize: batch }, output: YOLO });
    const answer = await runner.run(draw(128, 64, [[{ x: 32, y: 16, side: 32, colour: RED }]]));
    const [best] = rowsOf(answer, 0);
    expect(best?.box).toEqual([0.25, 0.25, 0.75, 0.5]);
    expect(best?.classId).toBe(7);
    expect(best?.score).toBeGreaterThan(0.95);
  });

  it('gives masks, relative to the box', async () => {
    const runner = await loadComposed(yoloModel({ batch, masks: true }), { input: { ...INPUT, batchSize: batch }, output: { ...YOLO, prototypes: 'output1' } });
    // The best row covers the square; only the right half of the second picture's square is bright.
    const answer = await runner.run(draw(64, 64, [[{ x: 16, y: 16, side: 16, colour: RED }], [{ x: 24, y: 16, side: 8, colour: RED }, { x: 24, y: 24, side: 8, colour: RED }]]));
    expect(answer.get('detection_masks')?.shape).toEqual([2, 100, 28, 28]);
    const [first, second] = [pictureOf(answer, 'detection_masks', 0), pictureOf(answer, 'detection_masks', 1)] as [number[], number[]];
    const middle = (mask: number[], x: number): number => mask[14 * 28 + x] ?? NaN;
    expect([2, 14, 25].map((x) => middle(first, x) > 0.9)).toEqual([true, true, true]);
    const [box] = rowsOf(answer, 1);
    const bright = [2, 8, 19, 25].map((x) => middle(second, x) > 0.5);
    // Squares at 16 and at 24 are as red: whichever came first.
    expect(bright).toEqual(box?.box[1] === 0.25 ? [false, false, true, true] : [true, true, false, false]);
    const [count = NaN] = pictureOf(answer, 'num_detections', 0);
    expect(first.slice(count * 28 * 28).every((value) => value === 0)).toBe(true);
  });

  it('gives keypoints, normalised to the picture, and their scores', async () => {
    const runner = await loadComposed(yoloModel({ batch, keypoints: true }), { input: { ...INPUT, batchSize: batch }, output: { ...YOLO, keypoints: { count: 2, scored: true } } });
    const answer = await runner.run(draw(128, 64, [[], [{ x: 32, y: 16, side: 32, colour: RED }]]));
    expect(answer.get('detection_keypoints')?.shape).toEqual([2, 100, 2, 2]);
    expect(pictureOf(answer, 'detection_keypoints', 1).slice(0, 4)).toEqual([0.5, 0.375, 0.25, 0.5]);
    expect(pictureOf(answer, 'detection_keypoint_scores', 1).slice(0, 2)).toEqual([1, 0.25]);
    const [count = NaN] = pictureOf(answer, 'num_detections', 0);
    expect(pictureOf(answer, 'detection_keypoints', 0).slice(count * 4).some((value) => value !== 0)).toBe(false);
  });

  it.each([true, false])('gives probabilities', async (flat) => {
    const runner = await loadComposed(colourClassifier({ batch, flat }), { input: { ...INPUT, batchSize: batch, resize: 'stretch' }, output: { kind: 'classification', output: 'logits', activation: 'softmax' } });
    const answer = await runner.run(draw(30, 20, [[{ x: 0, y: 0, side: 20, colour: RED }], []]));
    const powers = [(10 * 20) / 30, 0, 0].map(Math.exp);
    const sum = powers.reduce((total, value) => total + value, 0);
    expect(answer.get('probabilities')?.shape).toEqual([2, 3]);
    pictureOf(answer, 'probabilities', 0).forEach((value, index) => {
      expect(value).toBeCloseTo((powers[index] ?? NaN) / sum, 4);
    });
    expect(pictureOf(answer, 'probabilities', 1).map((value) => value.toFixed(4))).toEqual(['0.3333', '0.3333', '0.3333']);
  });
});

describe('composeServable', () => {
  it('fills up the last group of a graph that takes two pictures at once', async () => {
    const rows = [0, 0, 32, 64, 0.5, 1, 0, 0, 16, 16, 0.25, 2];
    const core = cannedModel([{ name: 'rows', shape: [2, 1, 6], values: rows }], { name: 'images', dtype: 'float', shape: [2, 3, 64, 64] });
    const runner = await loadComposed(core, { input: { ...INPUT, batchSize: 2 }, output: { kind: 'rows', output: 'rows', boxUnits: 'pixels', classIds: IDS, nms: null } });
    const answer = await runner.run(draw(64, 64, [[], [], []]));
    expect([0, 1, 2].map((picture) => rowsOf(answer, picture)[0]?.score)).toEqual([0.5, 0.25, 0.5]);
  });

  it.each([1, null])('refuses no pictures, and pictures without pixels, and goes on (a graph for %s)', async (batchSize) => {
    const runner = await loadComposed(yoloModel({ batch: batchSize === 1 ? 1 : null, masks: true }), { input: { ...INPUT, batchSize }, output: { ...YOLO, prototypes: 'output1' } });
    for (const [count, heightPx, widthPx] of [[0, 64, 64], [1, 0, 64], [1, 64, 0], [0, 0, 0]] as const) {
      await expect(runner.run({ count, heightPx, widthPx, data: new Uint8Array(0) })).rejects.toThrow(/out of data bounds/);
    }
    expect((await runner.run(draw(64, 64, [[]]))).get('num_detections')?.data).toEqual(Float32Array.from([0]));
  });

  it('leaves out what the answer does not need', () => {
    const recipe: Recipe = { input: { ...INPUT, batchSize: 1 }, output: YOLO };
    const everything = JSON.stringify(composeServable(yoloModel({ masks: true, batch: 1 }), recipe).model, (_key, value: unknown) => (value instanceof Map ? [...(value as Map<string, unknown>)] : value));
    expect(everything).toContain('core/output0');
    expect(everything).not.toContain('core/output1');
  });

  it('says what it takes and gives', () => {
    const { signature, model } = composeServable(yoloModel({ masks: true, batch: 1 }), { input: { ...INPUT, batchSize: 1 }, output: { ...YOLO, prototypes: 'output1' } });
    expect([...signature.inputs]).toEqual([['inputs', { name: 'inputs:0', dtype: 'uint8', shape: [-1, -1, -1, 3] }]]);
    expect([...signature.outputs].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ['detection_boxes', 'float', [-1, 100, 4]],
      ['detection_classes', 'float', [-1, 100]],
      ['detection_scores', 'float', [-1, 100]],
      ['num_detections', 'float', [-1]],
      ['detection_masks', 'float', [-1, 100, 28, 28]],
    ]);
    expect(model.graph.outputs.map(({ name }) => name)).toEqual([...signature.outputs.keys()]);
    expect(composeServable(colourClassifier(), { input: INPUT, output: { kind: 'classification', output: 'logits', activation: 'none' } }).signature.outputs.get('probabilities')?.shape).toEqual([-1, 3]);
  });

  it.each<[string, Partial<Recipe['input']>, Recipe['output'], RegExp]>([
    ['an input that is not there', { name: 'pictures' }, YOLO, /model: it has the inputs images: expected one, pictures, which takes pictures/],
    ['an output that is not there', {}, { ...YOLO, output: 'head' }, /model: it has no output head, only output0/],
  ])('refuses %s', (_what, input, output, message) => {
    expect(() => composeServable(yoloModel(), { input: { ...INPUT, ...input }, output })).toThrow(message);
  });
});

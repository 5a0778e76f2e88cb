import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { letterbox, type Size } from '../../src/core/geometry.js';
import { writeSavedModel } from '../../src/model-server/export/saved-model/write-saved-model.js';
import type { InputRecipe, OutputRecipe } from '../../src/model-server/store/recipe.js';
import { cannedGraph, type CannedOutput } from '../fixtures/graphs/canned-graph.js';
import { runSavedModels, type PictureBatch, type RanSavedModel, type SavedModelAnswer } from './run-saved-models.js';

const CANVAS: Size = { widthPx: 16, heightPx: 8 };
/** The grey around a picture becomes 1, so graphs that begin to look there give what they were told to. */
const INPUT: InputRecipe = { name: 'image', size: CANVAS, layout: 'nhwc', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [113, 113, 113], deviation: [1, 1, 1], batchSize: 1 };
const NHWC = [CANVAS.heightPx, CANVAS.widthPx, 3];
const IDS = [11, 22];
/** Half as wide as the canvas: it lies in its middle, 4 pixels from the left. */
const SQUARE = uniform([114], { widthPx: 8, heightPx: 8 });

/** Score, class id, yMin, xMin, yMax, xMax. */
type Row = readonly [number, number, number, number, number, number];
type Case = { readonly title: string; readonly input?: Partial<InputRecipe>; readonly outputs: readonly CannedOutput[]; readonly recipe: OutputRecipe; readonly pictures?: PictureBatch; readonly expected: readonly (readonly Row[])[] };

const ROWS = [
  [4, 0, 8, 4, 0.9, 0],
  [4, 0, 8, 4.4, 0.8, 0], // the same object again
  [4, 0, 8, 4, 0.7, 1], // of another class
  [0, 0, 3, 8, 0.95, 0], // beside the picture
  [6, 2, 20, 6, 0.5, 1], // partly outside
  [4, 0, 12, 8, 0.99, 2], // of no class
  [4, 0, 12, 8, 0.99, 0.5],
  [4, 0, 12, 8, NaN, 0],
  [4, 0, NaN, 8, 0.99, 0],
  [4, 0, 12, 8, -1, 0],
  [4, 4, 12, 8, 1.5, 1], // surer than sure
];
const ROW_DETECTIONS: readonly Row[] = [[1, 22, 0.5, 0, 1, 1], [0.9, 11, 0, 0, 0.5, 0.5], [0.7, 22, 0, 0, 0.5, 0.5], [0.5, 22, 0.25, 0.25, 0.75, 1]];
const rows: CannedOutput = { name: 'rows', shape: [ROWS.length, 6], values: ROWS.flat() };
const rowsRecipe: OutputRecipe = { kind: 'rows', output: 'rows', boxUnits: 'pixels', classIds: IDS, nms: 0.6 };

const DETECTORS: readonly Case[] = [
  { title: 'rows', outputs: [rows], recipe: rowsRecipe, pictures: SQUARE, expected: [ROW_DETECTIONS] },
  { title: 'rows that nothing is suppressed of', outputs: [{ name: 'rows', shape: [2, 6], values: [4, 0, 8, 4, 0.5, 0, 4, 0, 8, 4, 0.25, 0] }], recipe: { ...rowsRecipe, nms: null }, pictures: SQUARE, expected: [[[0.5, 11, 0, 0, 0.5, 0.5], [0.25, 11, 0, 0, 0.5, 0.5]]] },
  { title: 'rows of a graph that takes two pictures at once, for three', input: { batchSize: 2 }, outputs: [rows], recipe: rowsRecipe, pictures: uniform([114, 113, 114], CANVAS), expected: [whole(), [], whole()] },
  { title: 'rows of a graph that takes any number, for three', input: { batchSize: null }, outputs: [rows], recipe: rowsRecipe, pictures: uniform([113, 114, 113], CANVAS), expected: [[], whole(), []] },
  { title: 'rows for no picture', outputs: [rows], recipe: rowsRecipe, pictures: uniform([], CANVAS), expected: [] },
  {
    title: 'normalised rows, stretched',
    input: { resize: 'stretch' },
    outputs: [{ name: 'rows', shape: [1, 6], values: [0.25, 0.5, 0.75, 1, 0.5, 1] }],
    recipe: { ...rowsRecipe, boxUnits: 'normalized' },
    pictures: SQUARE,
    expected: [[[0.5, 22, 0.5, 0.25, 1, 0.75]]],
  },
  {
    title: 'a YOLO head with objectness',
    // Two anchors and, behind the classes, what nobody asked for.
    outputs: [{ name: 'head', shape: [8, 2], values: [8, 8, 4, 4, 8, 8, 8, 4, 0.5, 1, 0.2, 0.25, 0.8, 0.125, 9, 9] }],
    recipe: { kind: 'yolo', output: 'head', channelsLast: false, objectness: true, boxUnits: 'pixels', classIds: IDS, nms: 0.5, prototypes: null, keypoints: null },
    pictures: SQUARE,
    expected: [[[0.4, 22, 0, 0, 1, 1], [0.25, 11, 0.25, 0, 0.75, 1]]],
  },
  {
    title: 'normalised YOLO, channels last',
    outputs: [{ name: 'head', shape: [1, 6], values: [0.5, 0.5, 0.25, 0.5, 0.125, 0.75] }],
    recipe: { kind: 'yolo', output: 'head', channelsLast: true, objectness: false, boxUnits: 'normalized', classIds: IDS, nms: null, prototypes: null, keypoints: null },
    pictures: SQUARE,
    expected: [[[0.75, 22, 0.25, 0.25, 0.75, 0.75]]],
  },
  {
    title: 'boxes with logits, the last class nothing',
    outputs: [
      { name: 'boxes', shape: [2, 4], values: [0.5, 0.5, 0.5, 1, 0.5, 0.5, 0.25, 0.5] },
      { name: 'scores', shape: [2, 3], values: [Math.log(1), Math.log(3), Math.log(4), Math.log(3), Math.log(2), Math.log(5)] },
    ],
    recipe: { kind: 'boxes', boxes: 'boxes', boxFormat: 'cxcywh', boxUnits: 'normalized', scores: 'scores', activation: 'softmax', classes: null, count: null, background: 2, classIds: IDS, nms: null },
    pictures: SQUARE,
    expected: [[[0.375, 22, 0, 0, 1, 1], [0.3, 11, 0.25, 0.25, 0.75, 0.75]]],
  },
  {
    title: 'boxes with classes and a count, the first class nothing',
    outputs: [
      { name: 'boxes', shape: [4, 4], values: [0, 4, 8, 12, 0, 4, 4, 8, 2, 4, 8, 12, 0, 4, 8, 12] },
      { name: 'scores', shape: [4], values: [0, -1, 5, 5] },
      { name: 'classes', shape: [4], values: [1, 2, 0, 1] },
      { name: 'count', shape: [1], values: [3] },
    ],
    recipe: { kind: 'boxes', boxes: 'boxes', boxFormat: 'yxyx', boxUnits: 'pixels', scores: 'scores', activation: 'sigmoid', classes: 'classes', count: 'count', background: 0, classIds: IDS, nms: 0.5 },
    pictures: SQUARE,
    expected: [[[0.5, 11, 0, 0, 1, 1], [1 / (1 + Math.E), 22, 0, 0, 0.5, 0.5]]],
  },
  {
    title: 'what answers as the Object Detection API',
    outputs: [
      { name: 'boxes', shape: [3, 4], values: [0, 0.25, 0.5, 0.5, 0, 0, 1, 1, 0, 0, 1, 1] },
      { name: 'classes', shape: [3], values: [7, 90, 1] },
      { name: 'scores', shape: [3], values: [0.75, 0.5, 0.25] },
      { name: 'count', shape: [], values: [2] },
      { name: 'masks', shape: [3, 1, 2], values: [1, 0.5, 0.25, 0, 1, 1] },
      { name: 'points', shape: [3, 1, 2], values: [0.5, 0.25, 1, 0.75, 1, 1] },
    ],
    recipe: { kind: 'object-detection', boxes: 'boxes', classes: 'classes', scores: 'scores', count: 'count', masks: 'masks', keypoints: { points: 'points', scores: null } },
    pictures: SQUARE,
    expected: [[[0.75, 7, 0, 0, 0.5, 0.5], [0.5, 90, 0, 0, 1, 1]]],
  },
];

const PIXEL_CASES: readonly { readonly title: string; readonly input: Partial<InputRecipe>; readonly shape: readonly number[]; readonly picture: Size }[] = [
  { title: 'letterboxed, smaller', input: {}, shape: NHWC, picture: { widthPx: 41, heightPx: 33 } },
  { title: 'letterboxed, larger', input: {}, shape: NHWC, picture: { widthPx: 5, heightPx: 3 } },
  { title: 'letterboxed, two and a half pixels wide, which are three', input: {}, shape: NHWC, picture: { widthPx: 5, heightPx: 16 } },
  { title: 'untouched', input: {}, shape: NHWC, picture: CANVAS },
  { title: 'stretched, blue first, channels first, scaled', input: { resize: 'stretch', channels: 'bgr', layout: 'nchw', mean: [10, 20, 30], deviation: [2, 4, 8] }, shape: [3, CANVAS.heightPx, CANVAS.widthPx], picture: { widthPx: 23, heightPx: 5 } },
  { title: 'as they are', input: { resize: 'none', channels: 'bgr' }, shape: [4, 7, 3], picture: { widthPx: 7, heightPx: 4 } },
];

describe('recipes as operators of TensorFlow', () => {
  let folder: string;
  let ran: ReadonlyMap<string, RanSavedModel>;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sightline-recipes-'));
    const models: { title: string; folder: string; batches: PictureBatch[] }[] = [];
    const prepare = async (title: string, input: InputRecipe, shape: readonly number[], outputs: readonly CannedOutput[], output: OutputRecipe, pictures: PictureBatch): Promise<void> => {
      const own = join(folder, String(models.length));
      await writeSavedModel(cannedGraph(input.batchSize, shape, outputs), { input, output }, own);
      models.push({ title, folder: own, batches: [pictures] });
    };
    for (const { title, input, outputs, recipe, pictures } of DETECTORS) await prepare(title, { ...INPUT, ...input }, NHWC, outputs, recipe, pictures ?? SQUARE);
    for (const { title, input, shape, picture } of PIXEL_CASES) {
      await prepare(title, { ...INPUT, ...input }, shape, [{ name: 'image', shape: [], values: [] }], { kind: 'classification', output: 'image', activation: 'none' }, noise(picture));
    }
    await prepare('classes', INPUT, NHWC, [{ name: 'logits', shape: [3, 1, 1], values: [Math.log(1), Math.log(3), Math.log(4)] }], { kind: 'classification', output: 'logits', activation: 'softmax' }, SQUARE);
    const results = await runSavedModels(models);
    ran = new Map(models.map(({ title }, index) => [title, results[index] as RanSavedModel]));
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true }));

  test.each(DETECTORS)('$title', ({ title, expected }) => {
    const { loader, answers } = ran.get(title) as RanSavedModel;
    expect(loader).toBe('OK');
    expect(answers[0]?.functionOff).toBeLessThan(1e-6);
    const found = rowsOf(answers[0] as SavedModelAnswer);
    expect(found.map((picture) => picture.length)).toEqual(expected.map((picture) => picture.length));
    expected.forEach((picture, at) => {
      picture.forEach((row, index) => {
        row.forEach((value, column) => { expect(found[at]?.[index]?.[column], `row ${String(index)}`).toBeCloseTo(value, 5); });
      });
    });
  });

  test('masks come along, keypoints go back into the picture', () => {
    const { outputs } = ran.get('what answers as the Object Detection API')?.answers[0] as SavedModelAnswer;
    expect(outputs['detection_masks']?.shape).toEqual([1, 100, 1, 2]);
    expect(outputs['detection_masks']?.values.slice(0, 6)).toEqual([1, 0.5, 0.25, 0, 0, 0]);
    expect(outputs['detection_keypoints']?.shape).toEqual([1, 100, 1, 2]);
    expect(outputs['detection_keypoints']?.values.slice(0, 6)).toEqual([0.5, 0, 1, 1, 0, 0]);
  });

  test('classes', () => {
    const { loader, answers } = ran.get('classes') as RanSavedModel;
    expect(loader).toBe('OK');
    expect(answers[0]?.outputs['probabilities']?.shape).toEqual([1, 3]);
    [0.125, 0.375, 0.5].forEach((value, index) => { expect(answers[0]?.outputs['probabilities']?.values[index]).toBeCloseTo(value, 5); });
  });

  test.each(PIXEL_CASES)('pixels: $title', ({ title, input, picture }) => {
    const values = ran.get(title)?.answers[0]?.outputs['probabilities']?.values ?? [];
    const expected = expectedPixels(noise(picture).data, picture, { ...INPUT, ...input });
    expect(values.length).toBe(expected.length);
    expect(Math.max(...values.map((value, index) => Math.abs(value - (expected[index] ?? NaN))))).toBeLessThan(0.01);
  });
});

/** What {@link ROWS} are for a picture that fills the canvas. */
function whole(): Row[] {
  return [[1, 22, 0.5, 0.25, 1, 0.75], [0.95, 11, 0, 0, 1, 3 / 16], [0.9, 11, 0, 0.25, 0.5, 0.5], [0.7, 22, 0, 0.25, 0.5, 0.5], [0.5, 22, 0.25, 0.375, 0.75, 1]];
}

/** Pictures of one value each. */
function uniform(values: readonly number[], { widthPx, heightPx }: Size): PictureBatch {
  return { shape: [values.length, heightPx, widthPx, 3], data: Buffer.concat(values.map((value) => Buffer.alloc(widthPx * heightPx * 3, value))) };
}

/** A picture whose neighbouring pixels have nothing in common. */
function noise({ widthPx, heightPx }: Size): PictureBatch {
  return { shape: [1, heightPx, widthPx, 3], data: Buffer.from(Array.from({ length: widthPx * heightPx * 3 }, (_, index) => (index * index * 31 + index * 97) % 256)) };
}

function rowsOf({ outputs }: SavedModelAnswer): Row[][] {
  const at = (name: string, index: number): number => outputs[name]?.values[index] ?? NaN;
  return (outputs['num_detections']?.values ?? []).map((count, picture) =>
    Array.from({ length: count }, (_, index): Row => {
      const row = picture * 100 + index;
      return [at('detection_scores', row), at('detection_classes', row), at('detection_boxes', row * 4), at('detection_boxes', row * 4 + 1), at('detection_boxes', row * 4 + 2), at('detection_boxes', row * 4 + 3)];
    }),
  );
}

/** The recipe's input by its definition: each pixel the mean of those under a triangle as wide as the scale, at least a pixel. */
function expectedPixels(pixels: Buffer, size: Size, recipe: InputRecipe): number[] {
  const canvas = recipe.resize === 'none' ? size : recipe.size;
  const lb = recipe.resize === 'letterbox' ? letterbox(size, canvas) : { content: canvas, offsetXPx: 0, offsetYPx: 0 };
  const weights = (from: number, to: number, index: number): number[] => {
    const scale = from / to;
    const raw = Array.from({ length: from }, (_, at) => Math.max(0, 1 - Math.abs(at + 0.5 - (index + 0.5) * scale) / Math.max(1, scale)));
    return raw.map((weight) => weight / raw.reduce((sum, value) => sum + value, 0));
  };
  const pixel = (x: number, y: number, channel: number): number => {
    const [inX, inY] = [x - lb.offsetXPx, y - lb.offsetYPx];
    if (inX < 0 || inY < 0 || inX >= lb.content.widthPx || inY >= lb.content.heightPx) return 114;
    const across = weights(size.widthPx, lb.content.widthPx, inX);
    const down = weights(size.heightPx, lb.content.heightPx, inY);
    return down.reduce((sum, weight, row) => sum + weight * across.reduce((rowSum, share, column) => rowSum + share * (pixels[(row * size.widthPx + column) * 3 + channel] ?? NaN), 0), 0);
  };
  const value = (x: number, y: number, channel: number): number => (pixel(x, y, recipe.channels === 'bgr' ? 2 - channel : channel) - (recipe.mean[channel] ?? NaN)) / (recipe.deviation[channel] ?? NaN);
  const [xs, ys, channels] = [canvas.widthPx, canvas.heightPx, 3].map((length) => [...Array(length).keys()]) as [number[], number[], number[]];
  if (recipe.layout === 'nchw') return channels.flatMap((channel) => ys.flatMap((y) => xs.map((x) => value(x, y, channel))));
  return ys.flatMap((y) => xs.flatMap((x) => channels.map((channel) => value(x, y, channel))));
}

import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COCO_IDS } from '../../src/core/coco-ids.js';
import { boxIou, type BoxXyxyPx, type Size } from '../../src/core/geometry.js';
import { DEMO_SIZE, StreetScene } from '../../src/demo/street-scene.js';
import { readTfjsGraph } from '../../src/model-server/export/graph/read-tfjs-graph.js';
import { readSavedModelSignatures } from '../../src/model-server/export/saved-model/read-signatures.js';
import { writeSavedModel } from '../../src/model-server/export/saved-model/write-saved-model.js';
import { startModelServer, type ModelServer } from '../../src/model-server/model-server.js';
import type { Recipe } from '../../src/model-server/store/recipe.js';
import type { SignatureDef } from '../../src/serving/metadata-messages.js';
import { ServingClient } from '../../src/serving/serving-client.js';
import { tensorNumbers } from '../../src/serving/tensor.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { runSavedModels, type RanSavedModel, type SavedModelAnswer } from './run-saved-models.js';

type Pictures = { readonly title: string; readonly count: number; readonly size: Size; readonly data: Buffer };
type Found = { readonly box: BoxXyxyPx; readonly classId: number; readonly score: number };

const ROWS = 100;
const SQUARE = { widthPx: 512, heightPx: 512 };
const MODEL = join(dirname(createRequire(import.meta.url).resolve('@vladmandic/human')), '../models/centernet.json');
const RECIPE: Recipe = {
  input: { name: 'tower_0/images', size: SQUARE, layout: 'nhwc', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [0, 0, 0], deviation: [1, 1, 1], batchSize: 1 },
  output: { kind: 'rows', output: 'tower_0/detections', boxUnits: 'pixels', classIds: COCO_IDS, nms: 0.6 },
};
/** As a viewer would show. */
const SURE = 0.3;
/** What nearly is sure may be so on one side only. */
const NEARLY = 0.01;

describe('the default model, exported as a SavedModel, in TensorFlow', () => {
  let folder: string;
  let signature: SignatureDef;
  let batches: Pictures[];
  let ran: RanSavedModel;
  let wasm: Found[][][];

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sightline-exported-'));
    signature = await writeSavedModel(await readTfjsGraph(MODEL), RECIPE, folder);
    batches = await pictures();
    ran = (await runSavedModels([{ folder, batches: batches.map(({ count, size, data }) => ({ shape: [count, size.heightPx, size.widthPx, 3], data })) }]))[0] as RanSavedModel;
    wasm = await wasmAnswers(batches);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true }));

  test("loads in TensorFlow's C++ loader, the one of TensorFlow Serving", () => {
    expect(ran.loader).toBe('OK');
  });

  test('has none of the operators that only TensorFlow.js knows', () => {
    expect(ran.operators).toEqual(expect.arrayContaining(['Conv2D', 'DepthwiseConv2dNative', 'BiasAdd', 'ScaleAndTranslate', 'CombinedNonMaxSuppression']));
    expect(ran.operators.filter((op) => /Fused|Prelu/.test(op))).toEqual([]);
  });

  test('has the signature that its writer returned', async () => {
    expect(await readSavedModelSignatures(folder)).toEqual(new Map([['serving_default', signature]]));
  });

  test('answers any number of pictures of any size in the form of the Object Detection API, in a session and as a function', () => {
    for (const [index, { count, title }] of batches.entries()) {
      const shapes = Object.fromEntries(Object.entries(ran.answers[index]?.outputs ?? {}).map(([name, { shape, dtype }]) => [name, { shape, dtype }]));
      expect(shapes, title).toEqual({
        detection_boxes: { shape: [count, ROWS, 4], dtype: 'float32' },
        detection_classes: { shape: [count, ROWS], dtype: 'float32' },
        detection_scores: { shape: [count, ROWS], dtype: 'float32' },
        num_detections: { shape: [count], dtype: 'float32' },
      });
      expect(ran.answers[index]?.functionOff, title).toBeLessThan(1e-3);
    }
  });

  test('finds what the same graph finds in TensorFlow.js, every sure detection at its place', () => {
    let compared = 0;
    for (const [index, { count, size, title }] of batches.entries()) {
      for (let picture = 0; picture < count; picture += 1) {
        const here = foundIn(ran.answers[index]?.outputs ?? {}, picture, size);
        const there = wasm[index]?.[picture] ?? [];
        expect(unmatched(here, there), `${title}, picture ${String(picture)}: only in TensorFlow`).toEqual([]);
        expect(unmatched(there, here), `${title}, picture ${String(picture)}: only in TensorFlow.js`).toEqual([]);
        compared += there.filter(({ score }) => score > SURE).length;
      }
    }
    // The street alone has a clock and a stop sign in each of its pictures.
    expect(compared).toBeGreaterThanOrEqual(12);
  });

  test('leaves rows without a detection zero', () => {
    for (const { outputs } of ran.answers) {
      const counts = outputs['num_detections']?.values ?? [];
      for (const [picture, count] of counts.entries()) {
        for (let row = 0; row < ROWS; row += 1) {
          const values = [outputs['detection_scores'], outputs['detection_classes']].map((output) => output?.values[picture * ROWS + row] ?? NaN);
          if (row < count) expect(Math.min(...values)).toBeGreaterThan(0);
          else expect([...values, ...(outputs['detection_boxes']?.values.slice((picture * ROWS + row) * 4, (picture * ROWS + row + 1) * 4) ?? [])]).toEqual([0, 0, 0, 0, 0, 0]);
        }
      }
    }
  });
});

/** Sure detections that have no counterpart. */
function unmatched(found: readonly Found[], others: readonly Found[]): Found[] {
  return found.filter(({ score }) => score > SURE).filter((one) => !others.some((other) => other.classId === one.classId && Math.abs(other.score - one.score) <= NEARLY && boxIou(other.box, one.box) >= 0.99));
}

function foundIn(outputs: SavedModelAnswer['outputs'], picture: number, size: Size): Found[] {
  const rowsOf = (name: string, width: number): readonly number[] => outputs[name]?.values.slice(picture * ROWS * width, (picture + 1) * ROWS * width) ?? [];
  const [boxes, classes, scores] = [rowsOf('detection_boxes', 4), rowsOf('detection_classes', 1), rowsOf('detection_scores', 1)];
  return scores.map((score, row) => {
    const [yMin = NaN, xMin = NaN, yMax = NaN, xMax = NaN] = boxes.slice(row * 4, row * 4 + 4);
    return { score, classId: classes[row] ?? NaN, box: [xMin * size.widthPx, yMin * size.heightPx, xMax * size.widthPx, yMax * size.heightPx] };
  });
}

/** What the embedded model server says of them, on WebAssembly. */
async function wasmAnswers(batches: readonly Pictures[]): Promise<Found[][][]> {
  const server: ModelServer = await startModelServer({ port: 'auto', modelName: 'detector', modelBasePath: null, cacheDir: null, engine: 'wasm', log: createLogger({ level: 'silent', format: 'json' }) });
  const client = new ServingClient({ endpoint: `${server.host}:${String(server.port)}` });
  try {
    const answers: Found[][][] = [];
    for (const { count, size, data } of batches) {
      const { outputs } = await client.predict({ model: { name: 'detector' }, inputs: { inputs: { dtype: 'uint8', shape: [count, size.heightPx, size.widthPx, 3], data } } }, { deadlineMs: 60_000 });
      const values = Object.fromEntries([...outputs].map(([name, tensor]) => [name, { shape: tensor.shape, dtype: tensor.dtype, values: Array.from(tensorNumbers(tensor)) }]));
      answers.push(Array.from({ length: count }, (_, picture) => foundIn(values, picture, size)));
    }
    return answers;
  } finally {
    await client.close();
    await server.close();
  }
}

/** The demo street whole, cut to a wide and a high picture, and of the model's own size; real people where there is a recording. */
async function pictures(): Promise<Pictures[]> {
  const { widthPx, heightPx } = DEMO_SIZE;
  const recording = process.env['SIGHTLINE_SHARED'] === undefined ? [] : [await recorded(join(process.env['SIGHTLINE_SHARED'], 'media', 'one-by-one-person-detection.mp4'), { widthPx: 768, heightPx: 432 })];
  return [
    street('the street', [0], { x: 0, y: 0, widthPx, heightPx }),
    street('three moments of it', [50, 200, 400], { x: 0, y: 0, widthPx, heightPx }),
    street('a wide part', [0], { x: 3, y: 150, widthPx: 1271, heightPx: 433 }),
    street('a high part', [0], { x: 100, y: 0, widthPx: 331, heightPx: 720 }),
    street('a part that needs no scaling', [0], { x: 500, y: 150, ...SQUARE }),
    ...recording,
  ];
}

function street(title: string, moments: readonly number[], part: Size & { readonly x: number; readonly y: number }): Pictures {
  const { x, y, widthPx, heightPx } = part;
  const each = moments.map((moment) => {
    const { data } = new StreetScene().draw(moment).getContext('2d').getImageData(x, y, widthPx, heightPx);
    return Buffer.from(data.filter((_, index) => index % 4 !== 3));
  });
  return { title, count: moments.length, size: { widthPx, heightPx }, data: Buffer.concat(each) };
}

/** Three frames, ten seconds apart. */
async function recorded(path: string, size: Size): Promise<Pictures> {
  const args = ['-nostdin', '-loglevel', 'error', '-ss', '5', '-i', path, '-vf', `fps=1/10,scale=${String(size.widthPx)}:${String(size.heightPx)}`, '-frames:v', '3', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-'];
  const { stdout } = await promisify(execFile)('ffmpeg', args, { encoding: 'buffer', maxBuffer: 64 * 1024 * 1024 });
  return { title: 'people', count: stdout.length / (size.widthPx * size.heightPx * 3), size, data: stdout };
}

import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COCO_IDS } from '../../src/core/coco-ids.js';
import { DEMO_SIZE, StreetScene } from '../../src/demo/street-scene.js';
import type { LoadedServable } from '../../src/model-server/engines/engine.js';
import { chooseEngine } from '../../src/model-server/engines/load-engine.js';
import { readTfjsGraph } from '../../src/model-server/export/graph/read-tfjs-graph.js';
import { writeSavedModel } from '../../src/model-server/export/saved-model/write-saved-model.js';
import type { Recipe } from '../../src/model-server/store/recipe.js';
import type { ServableFolder } from '../../src/model-server/store/servable-manifest.js';
import type { SignatureDef } from '../../src/serving/metadata-messages.js';
import type { Tensor } from '../../src/serving/tensor.js';
import { createLogger } from '../../src/telemetry/logger.js';
import { requireTfjsNode, TFJS_NODE } from './tfjs-node.js';

const GRAPH = fileURLToPath(new URL('../../node_modules/@vladmandic/human/models/centernet.json', import.meta.url));
const OUTPUTS = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'];
const STOP_SIGN = 13;
const CLOCK = 85;

/** The default model's. */
const RECIPE: Recipe = {
  input: { name: 'tower_0/images', size: { widthPx: 512, heightPx: 512 }, layout: 'nhwc', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [0, 0, 0], deviation: [1, 1, 1], batchSize: 1 },
  output: { kind: 'rows', output: 'tower_0/detections', boxUnits: 'pixels', classIds: COCO_IDS, nms: 0.5 },
};

type Detections = { readonly boxes: Float32Array; readonly classes: Float32Array; readonly scores: Float32Array };

// Skipped where the library could not be had: `npm run test:conformance` says why.
describe.skipIf(TFJS_NODE === null)('the engine tfjs-node on the real library, with the default model', () => {
  const lines: string[] = [];
  const log = createLogger({ level: 'info', format: 'json', destination: new Writable({ write: (chunk: Buffer, _, done) => { lines.push((JSON.parse(chunk.toString()) as { msg: string }).msg); done(); } }) });
  const load = async (servable: ServableFolder): Promise<LoadedServable> => {
    const engine = await chooseEngine('tfjs-node', servable, log, () => Promise.resolve(requireTfjsNode()));
    expect(engine).toMatchObject({ name: 'tfjs-node', version: '4.22.0', device: 'CPU' });
    return engine.load(servable, { threads: 1 });
  };
  const loaded: LoadedServable[] = [];
  let folder: string;
  let graph: LoadedServable;
  let savedModel: LoadedServable;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sightline-tfjs-node-engine-'));
    // Weights are named by the graph, beside it.
    await mkdir(join(folder, 'graph'));
    for (const file of [GRAPH, GRAPH.replace(/json$/u, 'bin')]) await cp(file, join(folder, 'graph', basename(file)));
    const signature = await writeSavedModel(await readTfjsGraph(GRAPH), RECIPE, folder);
    graph = await load(servableOf(folder, signature, { tfjs: `graph/${basename(GRAPH)}`, savedModel: false }));
    loaded.push(graph);
    savedModel = await load(servableOf(folder, signature, { tfjs: null, savedModel: true }));
    loaded.push(savedModel);
  }, 120_000);
  afterAll(async () => {
    for (const servable of loaded) await servable.close();
    await rm(folder, { recursive: true });
  });

  test('says which engine computes', () => {
    expect(lines[0]).toBe('engine tfjs-node 4.22.0 on CPU: asked for by name');
  });

  test.each(['graph', 'SavedModel'] as const)('its %s finds the clock and the stop sign of the demo street', async (form) => {
    const { classes, scores } = await detect(form === 'graph' ? graph : savedModel, streetPicture(), 1);
    const found = new Set([...classes].filter((_, index) => (scores[index] ?? 0) > 0.4));
    expect([...found]).toEqual(expect.arrayContaining([CLOCK, STOP_SIGN]));
  });

  test('its graph, by our pre- and post-processing, and its SavedModel, with both inside, see the same', async () => {
    const [one, other] = [await detect(graph, streetPicture(), 1), await detect(savedModel, streetPicture(), 1)];
    const sure = one.scores.filter((score) => score > 0.3).length;
    expect(sure).toBeGreaterThan(1);
    for (let row = 0; row < sure; row++) {
      expect(other.classes[row]).toBe(one.classes[row]);
      expect(Math.abs((other.scores[row] ?? NaN) - (one.scores[row] ?? NaN))).toBeLessThan(0.01);
      expect(iou(boxOf(one, row), boxOf(other, row))).toBeGreaterThan(0.99);
    }
  });

  test('its SavedModel answers for a batch as for each picture alone', async () => {
    const alone = await detect(savedModel, streetPicture(), 1);
    const both = await detect(savedModel, Buffer.concat([streetPicture(), streetPicture()]), 2);
    for (const picture of [0, 1]) {
      const rows = alone.scores.length;
      expect([...both.scores.subarray(picture * rows, (picture + 1) * rows)]).toEqual([...alone.scores]);
      expect([...both.boxes.subarray(picture * rows * 4, (picture + 1) * rows * 4)]).toEqual([...alone.boxes]);
    }
  });

  test('leaves no tensor behind', async () => {
    const before = savedModel.tensorCount();
    for (const servable of loaded) await detect(servable, streetPicture(), 1);
    expect(savedModel.tensorCount()).toBe(before);
  });
});

function servableOf(path: string, signature: SignatureDef, files: { readonly tfjs: string | null; readonly savedModel: boolean }): ServableFolder {
  return {
    path,
    version: '1',
    manifest: {
      format: 1,
      kind: 'detection',
      source: { name: basename(GRAPH), kind: 'tfjs', sha256: '0'.repeat(64) },
      producer: 'sightline 0.1.0',
      signature,
      inputSize: RECIPE.input.size,
      recipe: RECIPE,
      files: { onnx: null, labels: null, ...files },
    },
  };
}

async function detect(servable: LoadedServable, pixels: Buffer, count: number): Promise<Detections> {
  const answer = await servable.run(new Map<string, Tensor>([['inputs', { dtype: 'uint8', shape: [count, DEMO_SIZE.heightPx, DEMO_SIZE.widthPx, 3], data: pixels }]]), OUTPUTS);
  const [boxes, classes, scores, counts] = OUTPUTS.map((name) => answer.get(name)?.data as Float32Array);
  if (boxes === undefined || classes === undefined || scores === undefined || counts === undefined) throw new Error('an output is missing');
  expect(counts).toHaveLength(count);
  return { boxes, classes, scores };
}

function boxOf({ boxes }: Detections, row: number): Float32Array {
  return boxes.subarray(row * 4, row * 4 + 4);
}

/** Overlap of two boxes yMin, xMin, yMax, xMax. */
function iou(a: Float32Array, b: Float32Array): number {
  const [aTop = 0, aLeft = 0, aBottom = 0, aRight = 0] = a;
  const [bTop = 0, bLeft = 0, bBottom = 0, bRight = 0] = b;
  const both = Math.max(0, Math.min(aBottom, bBottom) - Math.max(aTop, bTop)) * Math.max(0, Math.min(aRight, bRight) - Math.max(aLeft, bLeft));
  return both / ((aBottom - aTop) * (aRight - aLeft) + (bBottom - bTop) * (bRight - bLeft) - both);
}

/** A frame of the demo, as rgb24. */
function streetPicture(): Buffer {
  const { data } = new StreetScene().draw(0).getContext('2d').getImageData(0, 0, DEMO_SIZE.widthPx, DEMO_SIZE.heightPx);
  const rgb = Buffer.alloc((data.length / 4) * 3);
  for (let pixel = 0; pixel < data.length / 4; pixel++) {
    for (let channel = 0; channel < 3; channel++) rgb[pixel * 3 + channel] = data[pixel * 4 + channel] ?? 0;
  }
  return rgb;
}

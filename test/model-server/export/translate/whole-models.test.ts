import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import { createCanvas } from 'canvas';
import * as tf from '@tensorflow/tfjs-core';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../src/core/errors.js';
import { StreetScene } from '../../../../src/demo/street-scene.js';
import { readTfjsGraph } from '../../../../src/model-server/export/graph/read-tfjs-graph.js';
import { translateGraph } from '../../../../src/model-server/export/translate/translate-graph.js';
import { difference, executeModel, noise, runInOnnxRuntime, type Data } from './tfjs-reference.js';

/** Models of other kinds in the package that the default model comes from. */
const folder = (createRequire(import.meta.url).resolve.paths('@vladmandic/human') ?? []).map((path) => join(path, '@vladmandic/human/models')).find((path) => existsSync(path)) ?? '';

async function runInTfjs(name: string, feeds: Readonly<Record<string, Data>>, outputs: readonly string[]): Promise<Data[]> {
  const json = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as { modelTopology: object; weightsManifest: { weights: [] }[]; signature?: object };
  const weights = Uint8Array.from(await readFile(join(folder, `${name}.bin`)));
  const model = await loadGraphModel({ load: () => Promise.resolve({ modelTopology: json.modelTopology, ...(json.signature === undefined ? {} : { signature: json.signature }), weightSpecs: json.weightsManifest.flatMap((group) => group.weights), weightData: weights.buffer }) });
  const inputs = Object.fromEntries(Object.entries(feeds).map(([key, { dtype, shape, values }]) => [key, tf.tensor([...values], [...shape], dtype)]));
  return executeModel(model, inputs, [...outputs], false);
}

/** A picture of soft colours with a few hard edges, bytes. */
function picture(shape: readonly number[]): Data {
  const [, height = 1, width = 1] = shape;
  const rough = noise(shape, 7, 12).values;
  const values = rough.map((value, index) => {
    const [y, x] = [Math.floor(index / (width * 3)) / height, (Math.floor(index / 3) % width) / width];
    const inside = (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.06;
    return Math.max(0, Math.min(255, Math.round((inside ? 220 : 90) + 40 * Math.sin(6 * x + index % 3) + value)));
  });
  return { dtype: 'float32', shape, values };
}

/** A picture of the demo as the default model looks at it: 512 × 512, letterboxed. */
function drawStreet(): Data {
  const canvas = createCanvas(512, 512);
  const ctx = canvas.getContext('2d');
  ctx.fillStyle = 'rgb(114, 114, 114)';
  ctx.fillRect(0, 0, 512, 512);
  ctx.drawImage(new StreetScene().draw(0), 0, 112, 512, 288);
  const rgba = ctx.getImageData(0, 0, 512, 512).data;
  return { dtype: 'float32', shape: [1, 512, 512, 3], values: Array.from(rgba).filter((_, index) => index % 4 < 3) };
}

type Row = { readonly box: readonly number[]; readonly score: number; readonly classIndex: number };

/** Rows x1, y1, x2, y2, score, class that count. */
function detectionRows(data: Data | undefined): Row[] {
  const rows = Array.from({ length: (data?.values.length ?? 0) / 6 }, (_, index) => data?.values.slice(6 * index, 6 * index + 6) ?? []);
  return rows.map(([x1 = 0, y1 = 0, x2 = 0, y2 = 0, score = 0, classIndex = 0]) => ({ box: [x1, y1, x2, y2], score, classIndex })).filter(({ score }) => score > 0.3);
}

function overlap([ax1 = 0, ay1 = 0, ax2 = 0, ay2 = 0]: readonly number[], [bx1 = 0, by1 = 0, bx2 = 0, by2 = 0]: readonly number[]): number {
  const shared = Math.max(0, Math.min(ax2, bx2) - Math.max(ax1, bx1)) * Math.max(0, Math.min(ay2, by2) - Math.max(ay1, by1));
  return shared / ((ax2 - ax1) * (ay2 - ay1) + (bx2 - bx1) * (by2 - by1) - shared);
}

describe('whole models', () => {
  beforeAll(async () => {
    await tf.setBackend('wasm');
  });

  it.each([
    ['emotion', 1 / 255],
    ['movenet-lightning', 1],
    ['blazeface', 1 / 255],
    ['facemesh', 1 / 255],
    ['faceres', 1],
    ['iris', 1 / 255],
    ['liveness', 1 / 255],
    ['antispoof', 1 / 255],
    ['handlandmark-lite', 1 / 255],
  ])('%s gives in ONNX Runtime what it gives in TensorFlow.js', async (name, scale) => {
    const graph = await readTfjsGraph(join(folder, `${name}.json`));
    const feeds = Object.fromEntries(graph.inputs.map(({ name: key, dtype, shape }): [string, Data] => {
      const data = picture((shape ?? []).map((size) => (size < 0 ? 1 : size)));
      return [key, { ...data, dtype: dtype === 'int32' ? 'int32' : 'float32', values: data.values.map((value) => value * scale) }];
    }));
    const translated = await runInOnnxRuntime(translateGraph(graph), feeds);
    const ports = graph.outputs.map(({ port }) => (port.index === 0 ? port.node : `${port.node}:${port.index}`));
    const expected = await runInTfjs(name, Object.fromEntries(graph.inputs.map(({ name: key, port }) => [port.node, feeds[key] as Data])), ports);
    expect(difference(translated, expected, 2e-3)).toBeNull();
    expect(expected.flatMap(({ values }) => values).every(Number.isFinite)).toBe(true);
  });

  it('the default model finds the same in both', async () => {
    const graph = await readTfjsGraph(join(folder, 'centernet.json'));
    const street = drawStreet();
    const model = translateGraph(graph);
    const [translated] = await runInOnnxRuntime({ ...model, graph: { ...model.graph, outputs: model.graph.outputs.filter(({ name }) => name === 'tower_0/detections') } }, { 'tower_0/images': street });
    const [expected] = await runInTfjs('centernet', { 'tower_0/images': street }, ['tower_0/detections']);
    const [found, wanted] = [detectionRows(translated), detectionRows(expected)];
    // The clock and the stop sign.
    expect(wanted.map(({ classIndex }) => classIndex)).toEqual(expect.arrayContaining([74, 11]));
    expect(found).toHaveLength(wanted.length);
    for (const [index, row] of wanted.entries()) {
      expect(found[index]?.classIndex).toBe(row.classIndex);
      expect(Math.abs((found[index]?.score ?? 0) - row.score)).toBeLessThan(0.01);
      expect(overlap(found[index]?.box ?? [], row.box)).toBeGreaterThan(0.99);
    }
  });

  it('the default model is computed channels first: a Transpose at its beginning, and one before each output', async () => {
    const { graph } = translateGraph(await readTfjsGraph(join(folder, 'centernet.json')));
    expect(graph.nodes.filter(({ opType }) => opType === 'Transpose')).toHaveLength(4);
  });

  it('says which operators of a model with loops cannot be translated', async () => {
    const graph = await readTfjsGraph(join(folder, 'handtrack.json'));
    expect(() => translateGraph(graph)).toThrow(ConfigError);
    expect(() => translateGraph(graph)).toThrow(/TensorListReserve \(2, .*Enter \(6, .*NextIteration \(6, .*the outputs .* need them$/);
  });
});

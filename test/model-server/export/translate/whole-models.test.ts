import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs-core';
import { loadGraphModel } from '@tensorflow/tfjs-converter';
import '@tensorflow/tfjs-backend-wasm';
import { beforeAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../../src/core/errors.js';
import { readTfjsGraph } from '../../../../src/model-server/export/graph/read-tfjs-graph.js';
import { translateGraph } from '../../../../src/model-server/export/translate/translate-graph.js';
import { difference, noise, runInOnnxRuntime, type Data } from './tfjs-reference.js';

/** Models of other kinds in the package that the default model comes from. */
const folder = (createRequire(import.meta.url).resolve.paths('@vladmandic/human') ?? []).map((path) => join(path, '@vladmandic/human/models')).find((path) => existsSync(path)) ?? '';

async function runInTfjs(name: string, feeds: Readonly<Record<string, Data>>, outputs: readonly string[]): Promise<Data[]> {
  const json = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as { modelTopology: object; weightsManifest: { weights: [] }[]; signature?: object };
  const weights = Uint8Array.from(await readFile(join(folder, `${name}.bin`)));
  const model = await loadGraphModel({ load: () => Promise.resolve({ modelTopology: json.modelTopology, ...(json.signature === undefined ? {} : { signature: json.signature }), weightSpecs: json.weightsManifest.flatMap((group) => group.weights), weightData: weights.buffer }) });
  const inputs = Object.fromEntries(Object.entries(feeds).map(([key, { dtype, shape, values }]) => [key, tf.tensor([...values], [...shape], dtype)]));
  const results = await model.executeAsync(inputs, [...outputs]);
  return (Array.isArray(results) ? results : [results]).map((tensor) => ({ dtype: tensor.dtype as Data['dtype'], shape: tensor.shape, values: Array.from(tensor.dataSync()) }));
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
    const feeds = Object.fromEntries(graph.inputs.map(({ name: key, dtype, shape }) => {
      const data = picture((shape ?? []).map((size) => (size < 0 ? 1 : size)));
      return [key, { ...data, dtype: dtype === 'int32' ? 'int32' : 'float32', values: data.values.map((value) => value * scale) } as Data];
    }));
    const translated = await runInOnnxRuntime(translateGraph(graph), feeds);
    const ports = graph.outputs.map(({ port }) => (port.index === 0 ? port.node : `${port.node}:${port.index}`));
    const expected = await runInTfjs(name, Object.fromEntries(graph.inputs.map(({ name: key, port }) => [port.node, feeds[key] as Data])), ports);
    expect(difference(translated, expected, 2e-3)).toBeNull();
  });

  it('says which operators of a model with loops cannot be translated', async () => {
    const graph = await readTfjsGraph(join(folder, 'handtrack.json'));
    expect(() => translateGraph(graph)).toThrow(ConfigError);
    expect(() => translateGraph(graph)).toThrow(/TensorListReserve \(2, .*Enter \(6, .*NextIteration \(6, .*the outputs .* need them$/);
  });
});

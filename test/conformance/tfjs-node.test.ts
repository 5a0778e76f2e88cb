import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { askPython } from './python.js';
import { requireTfjsNode, TFJS_NODE, type NodeTensor, type TfjsNode } from './tfjs-node.js';

type Computed = { readonly tensorflow: string; readonly outputs: Readonly<Record<string, { readonly shape: readonly number[]; readonly values: readonly number[] }>> };

const SIZE = { widthPx: 40, heightPx: 30 };
const PICTURES = 3;

// Skipped where the library could not be had: `npm run test:conformance` says why.
describe.skipIf(TFJS_NODE === null)('@tensorflow/tfjs-node, the real one', () => {
  let tf: TfjsNode;
  let folder: string;
  let computed: Computed;
  let aliveBefore: number;
  const pictures = Buffer.from(Array.from({ length: PICTURES * SIZE.heightPx * SIZE.widthPx * 3 }, (_, at) => (at * 31 + Math.floor(at / 977) * 13) % 256));

  beforeAll(async () => {
    tf = requireTfjsNode();
    folder = await mkdtemp(join(tmpdir(), 'sightline-tfjs-node-'));
    computed = await askPython<Computed>('tfjs_node_saved_model.py', [folder, String(SIZE.heightPx), String(SIZE.widthPx)], pictures);
    aliveBefore = tf.memory().numTensors;
  }, 120_000);
  afterEach(() => {
    expect(tf.memory().numTensors).toBe(aliveBefore);
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('computes with the TensorFlow from PyPI', () => {
    expect(tf.getBackend()).toBe('tensorflow');
    expect(tf.backend().binding.TF_Version).toBe(computed.tensorflow);
  });

  test('computes a graph model of TensorFlow.js', async () => {
    const model = await tf.loadGraphModel(tf.io.fromMemory(affineGraph()));
    const x = tf.tensor([1, 2, -3, 4], [2, 2], 'float32');
    const y = model.execute({ x }, ['y']);
    // relu(x · [[1, 2], [3, 4]] + [0.5, -20])
    expect({ shape: y.shape, values: [...Array.from(y.dataSync())] }).toEqual({ shape: [2, 2], values: [7.5, 0, 9.5, 0] });
    disposeAll([x, y]);
    model.dispose();
  });

  test('computes a SavedModel with a variable and a loop, for a batch of bytes, as TensorFlow does', async () => {
    const model = await tf.node.loadSavedModel(folder, ['serve'], 'serving_default');
    // TensorFlow.js has no uint8: the library makes it of int32.
    const inputs = tf.tensor(Int32Array.from(pictures), [PICTURES, SIZE.heightPx, SIZE.widthPx, 3], 'int32');
    const outputs = model.predict({ inputs });
    expect(Object.keys(outputs).sort()).toEqual(Object.keys(computed.outputs).sort());
    for (const [name, { shape, values }] of Object.entries(computed.outputs)) {
      expect(outputs[name]?.shape, name).toEqual(shape);
      const got = Array.from(outputs[name]?.dataSync() ?? []);
      expect(Math.max(...got.map((value, at) => Math.abs(value - (values[at] ?? NaN)))), name).toBeLessThan(1e-5);
    }
    disposeAll([inputs, ...Object.values(outputs)]);
    model.dispose();
  });
});

function disposeAll(tensors: readonly NodeTensor[]): void {
  for (const tensor of tensors) tensor.dispose();
}

/** `y = relu(x · weights + bias)`, as tensorflowjs_converter writes it. */
function affineGraph(): object {
  const type = { T: { type: 'DT_FLOAT' } };
  const constant = (name: string, sizes: readonly number[]): object => ({
    name,
    op: 'Const',
    attr: { dtype: { type: 'DT_FLOAT' }, value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: sizes.map((size) => ({ size: String(size) })) } } } },
  });
  return {
    modelTopology: {
      node: [
        { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '2' }] } } } },
        constant('weights', [2, 2]),
        constant('bias', [2]),
        { name: 'product', op: 'MatMul', input: ['x', 'weights'], attr: { ...type, transpose_a: { b: false }, transpose_b: { b: false } } },
        { name: 'sum', op: 'BiasAdd', input: ['product', 'bias'], attr: type },
        { name: 'y', op: 'Relu', input: ['sum'], attr: type },
      ],
      library: {},
      versions: { producer: 1000 },
    },
    weightSpecs: [
      { name: 'weights', shape: [2, 2], dtype: 'float32' },
      { name: 'bias', shape: [2], dtype: 'float32' },
    ],
    weightData: Float32Array.of(1, 2, 3, 4, 0.5, -20).buffer,
  };
}

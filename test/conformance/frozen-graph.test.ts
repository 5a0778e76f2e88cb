import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readFrozenGraph } from '../../src/model-server/export/graph/read-frozen-graph.js';
import { writeSavedModel } from '../../src/model-server/export/saved-model/write-saved-model.js';
import { askPython } from './python.js';
import { runSavedModels } from './run-saved-models.js';

const SIZE = { widthPx: 24, heightPx: 16 };
const PICTURES = 3;

test('a graph that TensorFlow froze answers as a SavedModel what its function answers', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-frozen-'));
  try {
    const length = SIZE.widthPx * SIZE.heightPx * 3;
    const data = Buffer.from(Array.from({ length: PICTURES * length }, (_, index) => (((index * index * 31 + index * 97) % 256) * (1 + Math.floor(index / length))) / PICTURES));
    const made = await askPython<{ input: string; output: string; probabilities: number[] }>('make_frozen_graph.py', [join(folder, 'graph.pb')], data);
    const graph = await readFrozenGraph(join(folder, 'graph.pb'));
    const zeros = [0, 0, 0] as const;
    await writeSavedModel(
      graph,
      {
        input: { name: made.input, size: SIZE, layout: 'nhwc', dtype: 'float', resize: 'stretch', channels: 'rgb', mean: zeros, deviation: [255, 255, 255], batchSize: null },
        output: { kind: 'classification', output: made.output, activation: 'softmax' },
      },
      folder,
    );
    const [ran] = await runSavedModels([{ folder, batches: [{ shape: [PICTURES, SIZE.heightPx, SIZE.widthPx, 3], data }] }]);
    expect(ran?.loader).toBe('OK');
    const values = ran?.answers[0]?.outputs['probabilities']?.values ?? [];
    expect(values.length).toBe(PICTURES * 5);
    // The pictures differ, and so does what is said of them.
    expect(new Set(made.probabilities.map((value) => value.toFixed(4))).size).toBeGreaterThan(10);
    values.forEach((value, index) => { expect(value).toBeCloseTo(made.probabilities[index] ?? NaN, 4); });
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

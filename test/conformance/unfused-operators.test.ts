import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeSavedModel } from '../../src/model-server/export/saved-model/write-saved-model.js';
import type { Recipe } from '../../src/model-server/store/recipe.js';
import { fusedCases, fusedGraph } from '../fixtures/graphs/fused-graph.js';
import { runSavedModels } from './run-saved-models.js';

const RECIPE: Recipe = {
  input: { name: 'image', size: { widthPx: 1, heightPx: 1 }, layout: 'nhwc', dtype: 'float', resize: 'stretch', channels: 'rgb', mean: [128, 128, 128], deviation: [1, 1, 1], batchSize: null },
  output: { kind: 'classification', output: 'out', activation: 'none' },
};
/** 1, -2 and 3 for the graph. */
const PICTURE = Buffer.from([129, 126, 131]);

test("what TensorFlow.js's converter fuses computes the same in TensorFlow, taken apart", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'sightline-unfused-'));
  try {
    const cases = fusedCases();
    for (const [index, fused] of cases.entries()) await writeSavedModel(fusedGraph(fused), RECIPE, join(folder, String(index)));
    const ran = await runSavedModels(cases.map((_, index) => ({ folder: join(folder, String(index)), batches: [{ shape: [1, 1, 1, 3], data: PICTURE }] })));
    for (const [index, { title, expected }] of cases.entries()) {
      expect(ran[index]?.loader, title).toBe('OK');
      const values = ran[index]?.answers[0]?.outputs['probabilities']?.values ?? [];
      expect(values.length, title).toBe(expected.length);
      expected.forEach((value, at) => { expect(values[at], title).toBeCloseTo(value, 4); });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
}, 120_000);

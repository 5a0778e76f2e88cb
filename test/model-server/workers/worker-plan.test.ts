import { describe, expect, it } from 'vitest';
import type { EngineName } from '../../../src/model-server/engines/engine.js';
import { planWorkers, type WorkerPlan } from '../../../src/model-server/workers/worker-plan.js';

describe('planWorkers', () => {
  it.each<[EngineName, string, number | 'auto', number, WorkerPlan]>([
    ['onnxruntime', 'CPU', 'auto', 1, { workers: 1, threads: 1, gainsFromBatches: false }],
    ['onnxruntime', 'CPU', 'auto', 2, { workers: 2, threads: 1, gainsFromBatches: false }],
    ['onnxruntime', 'CPU', 'auto', 16, { workers: 4, threads: 4, gainsFromBatches: false }],
    ['onnxruntime', 'CPU', 1, 2, { workers: 1, threads: 2, gainsFromBatches: false }],
    ['onnxruntime', 'CPU', 3, 2, { workers: 3, threads: 1, gainsFromBatches: false }],
    ['onnxruntime', 'CUDA', 'auto', 8, { workers: 1, threads: 8, gainsFromBatches: true }],
    ['tfjs-node-gpu', 'CUDA', 2, 8, { workers: 2, threads: 8, gainsFromBatches: true }],
    ['wasm', 'WebAssembly', 'auto', 1, { workers: 1, threads: 1, gainsFromBatches: false }],
    ['wasm', 'WebAssembly', 'auto', 2, { workers: 1, threads: 1, gainsFromBatches: false }],
    ['wasm', 'WebAssembly', 'auto', 16, { workers: 4, threads: 1, gainsFromBatches: false }],
  ])('%s on %s, %s wanted, %i cores', (name, device, wanted, cores, expected) => {
    expect(planWorkers({ name, device }, { recipe: null }, wanted, cores)).toEqual(expected);
  });

  it('gives images one by one to a graph that takes them so, on whatever', () => {
    const recipe = { input: { batchSize: 1 } } as Parameters<typeof planWorkers>[1]['recipe'];
    expect(planWorkers({ name: 'onnxruntime', device: 'CUDA' }, { recipe }, 'auto', 8).gainsFromBatches).toBe(false);
  });
});

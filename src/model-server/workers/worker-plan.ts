import type { EngineName } from '../engines/engine.js';
import type { ServableManifest } from '../store/servable-manifest.js';

/** How an engine is spread over a machine. */
export type WorkerPlan = {
  /** Processes. */
  readonly workers: number;
  /** Of one of them. */
  readonly threads: number;
  /** Whether several images at once take less time than one after the other. */
  readonly gainsFromBatches: boolean;
};

/** Each holds a model of its own, 200 MB and more. */
const MAX_AUTOMATIC_WORKERS = 4;

/** Decides how many processes an engine gets, and how many threads each of them.
 * @param wanted processes, or `auto`: what suits the engine
 * @param cores of the machine, >= 1 */
export function planWorkers(engine: { readonly name: EngineName; readonly device: string }, manifest: Pick<ServableManifest, 'recipe'>, wanted: number | 'auto', cores: number): WorkerPlan {
  const isAccelerated = !['CPU', 'WebAssembly'].includes(engine.device);
  const workers = wanted === 'auto' ? automaticWorkers(engine.name, isAccelerated, cores) : wanted;
  const threads = engine.name === 'wasm' ? 1 : isAccelerated ? cores : Math.max(1, Math.floor(cores / workers));
  return { workers, threads, gainsFromBatches: isAccelerated && manifest.recipe?.input.batchSize !== 1 };
}

/** One process has an accelerator's memory to itself. Of the processor, processes of one thread give more than threads of one process (measured 2026-11 by benchmark B10, the default model with ONNX
 * Runtime on two cores, images a second over gRPC: 2 x 1 threads 24.5 one by one and 26.7 in batches of 8, 1 x 2 threads 19.2 and 17.3). WebAssembly leaves a core to those who decode and draw pictures. */
function automaticWorkers(name: EngineName, isAccelerated: boolean, cores: number): number {
  if (isAccelerated) return 1;
  return Math.min(MAX_AUTOMATIC_WORKERS, Math.max(1, name === 'wasm' ? cores - 1 : cores));
}

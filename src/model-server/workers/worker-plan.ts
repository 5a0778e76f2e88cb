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

/** Decides how many processes an engine gets, and how many threads each of them.
 * @param wanted processes, or `auto`: what suits the engine
 * @param cores of the machine, >= 1 */
export function planWorkers(engine: { readonly name: EngineName; readonly device: string }, manifest: Pick<ServableManifest, 'recipe'>, wanted: number | 'auto', cores: number): WorkerPlan {
  const isAccelerated = !['CPU', 'WebAssembly'].includes(engine.device);
  const workers = wanted === 'auto' ? automaticWorkers(engine.name, isAccelerated, cores) : wanted;
  const threads = engine.name === 'wasm' ? 1 : isAccelerated ? cores : Math.max(1, Math.floor(cores / workers));
  return { workers, threads, gainsFromBatches: isAccelerated && manifest.recipe?.input.batchSize !== 1 };
}

function automaticWorkers(name: EngineName, isAccelerated: boolean, cores: number): number {
  // One process has the accelerator's memory to itself; a core is left to those who decode and draw pictures.
  if (isAccelerated || name !== 'wasm') return 1;
  return Math.min(MAX_AUTOMATIC_WORKERS, Math.max(1, cores - 1));
}

/** Each holds a model of its own, 200 MB and more. */
const MAX_AUTOMATIC_WORKERS = 4;

import type { SignatureDef } from '../../serving/metadata-messages.js';
import type { Tensor } from '../../serving/tensor.js';
import type { ServableFolder } from '../store/servable-manifest.js';

/** What computes, in order of preference. */
export const ENGINE_NAMES = ['onnxruntime', 'tfjs-node-gpu', 'tfjs-node', 'wasm'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** `auto`: the first of {@link ENGINE_NAMES} that is installed, loads, and runs what the servable has. */
export type EngineChoice = EngineName | 'auto';

/** A servable in an engine's memory, warmed up. Calls come one at a time. */
export interface LoadedServable {
  readonly signature: SignatureDef;
  /** Computes outputs of the signature for one batch. What is passed in is only read, until the promise settles; what comes out is the caller's.
   * @throws {GrpcStatusError} INVALID_ARGUMENT when the graph does not take it; INTERNAL otherwise */
  run(inputs: ReadonlyMap<string, Tensor>, outputNames: readonly string[]): Promise<Map<string, Tensor>>;
  /** Tensors alive in this process, where the engine counts them, else 0. */
  tensorCount(): number;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Runs servables. */
export interface Engine {
  readonly name: EngineName;
  /** Of the library: `1.30.0`. */
  readonly version: string;
  /** What it computes on: `CPU`, `CUDA`, `WebAssembly`, … */
  readonly device: string;
  /** `null`, or why it cannot run it, one line: `it has no model.onnx`. */
  refuses(servable: ServableFolder): string | null;
  /** @param threads for one call
   * @throws {ConfigError} when the files are not a model that this engine can run */
  load(servable: ServableFolder, options: { readonly threads: number }): Promise<LoadedServable>;
}

import type { EngineName } from './engine.js';

/** A tensor in ordinary memory. */
export type GraphTensor = { readonly shape: readonly number[]; readonly data: Float32Array };

/** Files of a TensorFlow.js graph model, read. */
export type GraphFiles = {
  /** `model.json`, parsed. */
  readonly manifest: GraphManifest;
  /** All weight files, one after the other. */
  readonly weights: Buffer;
};

/** The parts of `model.json` that are used. */
export type GraphManifest = {
  readonly format?: string;
  readonly signature?: unknown;
  readonly modelTopology: object;
  readonly weightsManifest: readonly { readonly paths: readonly string[]; readonly weights: readonly object[] }[];
};

/** A loaded graph; who loads it closes it. */
export interface Graph {
  /** Names and shapes as the graph declares them; -1 or a missing shape: unknown. */
  readonly inputs: readonly { readonly name: string; readonly dtype: string; readonly shape: readonly number[] | null }[];
  readonly outputNames: readonly string[];
  /** Computes outputs. Leaves no tensor behind, whatever happens. */
  run(inputName: string, input: GraphTensor, outputNames: readonly string[]): Promise<GraphTensor[]>;
  /** Idempotent. */
  close(): void;
}

/** Runs graphs. */
export interface GraphEngine {
  readonly name: EngineName;
  /** Version of TensorFlow.js. */
  readonly version: string;
  /** @throws {Error} when the files are not a graph that this engine can run */
  load(files: GraphFiles): Promise<Graph>;
  /** Tensors alive in this process, weights included. */
  tensorCount(): number;
}

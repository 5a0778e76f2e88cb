import { createRequire } from 'node:module';

/** A tensor of tfjs-node. */
export type NodeTensor = { readonly shape: readonly number[]; readonly dtype: string; dataSync(): ArrayLike<number>; dispose(): void };

type NodeModel = { predict(inputs: Record<string, NodeTensor>): Record<string, NodeTensor>; dispose(): void };
type NodeGraphModel = { execute(inputs: Record<string, NodeTensor>, outputs: readonly string[]): NodeTensor; dispose(): void };

/** What these tests use of @tensorflow/tfjs-node beside our engine. */
export type TfjsNode = {
  readonly node: { loadSavedModel(folder: string, tags: readonly string[], signature: string): Promise<NodeModel> };
  readonly io: { fromMemory(artifacts: object): unknown };
  getBackend(): string;
  backend(): { readonly binding: { readonly TF_Version: string } };
  memory(): { readonly numTensors: number };
  tensor(values: ArrayLike<number>, shape: readonly number[], dtype: 'float32' | 'int32'): NodeTensor;
  loadGraphModel(handler: unknown): Promise<NodeGraphModel>;
};

/** Where `npm run test:conformance` has put a @tensorflow/tfjs-node that runs; `null` where it could not be had, which was said. */
export const TFJS_NODE = process.env['SIGHTLINE_CONFORMANCE_TFJS_NODE'] ?? null;

/** Loads the real library, with TensorFlow's own log kept to errors and the kernels that compute the same everywhere. */
export function requireTfjsNode(): TfjsNode {
  if (TFJS_NODE === null) throw new Error('run these tests with `npm run test:conformance`');
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '2';
  process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '0';
  return createRequire(import.meta.url)(TFJS_NODE) as TfjsNode;
}

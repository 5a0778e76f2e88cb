import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { COCO_IDS } from '../../core/coco-ids.js';
import { packageVersion } from '../../core/package-paths.js';
import { SERVED_SIGNATURE } from '../served-signature.js';
import { GRAPH_EXPECTATION, isObject, parseGraphManifest, readGraphManifest, weightFiles } from './graph-files.js';
import type { Recipe } from './recipe.js';
import type { ServableManifest } from './servable-manifest.js';
import { readFailure, storeProblem } from './store-problem.js';

/** Name of an input or output of a graph with its shape: -1 where a size is unknown, `null` when not even the rank is known. */
export type GraphEndpoint = { readonly name: string; readonly shape: readonly number[] | null };

/** Overlap (IoU) above which the weaker of two boxes of one class is the same object: what the Object Detection API's SSD configurations use
 * (`batch_non_max_suppression { iou_threshold: 0.6 }`). */
export const ROWS_NMS = 0.6;
const CHANNELS = 3;
const MAX_SIDE_PX = 4096;

/** Describes a graph of TensorFlow.js that lies in a folder without a manifest: a detector that takes one image, float `[1, height, width, 3]`, RGB, 0 to 255, and has an
 * output `[1, n, 6]`: x1, y1, x2, y2 in pixels of its input, score, index of a class of COCO. Which output that is, its engine finds out by running it.
 * @param path of `model.json`
 * @throws {ConfigError} it is no such graph, or a file is missing */
export async function describeGraphFile(path: string): Promise<ServableManifest> {
  const bytes = await readGraphManifest(path);
  const graph = parseGraphManifest(bytes, path);
  for (const file of weightFiles(graph)) await requireFile(join(dirname(path), file));
  const recipe = recipeOf(signatureInputs(graph.signature) ?? placeholders(graph.modelTopology), path);
  return {
    format: 1,
    kind: 'detection',
    source: { name: basename(path), kind: 'tfjs', sha256: createHash('sha256').update(bytes).digest('hex') },
    producer: `sightline ${packageVersion()}`,
    signature: SERVED_SIGNATURE,
    inputSize: recipe.input.size,
    recipe,
    files: { onnx: null, tfjs: basename(path), savedModel: false, labels: null },
  };
}

/** Names of the weight files of a graph, which lie beside it.
 * @throws {ConfigError} as {@link describeGraphFile} */
export async function weightFilesOf(path: string): Promise<readonly string[]> {
  return weightFiles(parseGraphManifest(await readGraphManifest(path), path));
}

function recipeOf(inputs: readonly GraphEndpoint[], path: string): Recipe {
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) throw storeProblem(`${path} has ${String(inputs.length)} inputs: expected one, the image`);
  const [batch, heightPx, widthPx, channels] = input.shape ?? [];
  if (input.shape?.length !== 4 || (batch !== 1 && batch !== -1) || !isSide(heightPx) || !isSide(widthPx) || channels !== CHANNELS) {
    throw storeProblem(`${path} has the input ${input.name} of shape [${input.shape?.join(',') ?? 'unknown'}]: expected [1, height, width, 3]`);
  }
  return {
    input: { name: input.name, size: { widthPx, heightPx }, layout: 'nhwc', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [0, 0, 0], deviation: [1, 1, 1], batchSize: batch === 1 ? 1 : null },
    output: { kind: 'rows', output: '', boxUnits: 'pixels', classIds: COCO_IDS, nms: ROWS_NMS },
  };
}

/** Inputs that the signature declares; `null` where it declares none. */
function signatureInputs(signature: unknown): readonly GraphEndpoint[] | null {
  const inputs = isObject(signature) && isObject(signature['inputs']) ? Object.values(signature['inputs']) : [];
  const found = inputs.flatMap((info) => (isObject(info) && typeof info['name'] === 'string' ? [{ name: info['name'].replace(/:0$/u, ''), shape: shapeOf(info['tensorShape']) }] : []));
  return found.length === 0 ? null : found;
}

function placeholders(topology: object): readonly GraphEndpoint[] {
  const nodes: unknown[] = 'node' in topology && Array.isArray(topology.node) ? topology.node : [];
  return nodes.flatMap((node) => {
    if (!isObject(node) || node['op'] !== 'Placeholder' || typeof node['name'] !== 'string') return [];
    const attr = isObject(node['attr']) && isObject(node['attr']['shape']) ? node['attr']['shape']['shape'] : null;
    return [{ name: node['name'], shape: shapeOf(attr) }];
  });
}

/** Sizes are texts in JSON that was made of protocol buffers, and numbers elsewhere. */
function shapeOf(shape: unknown): readonly number[] | null {
  if (!isObject(shape) || !Array.isArray(shape['dim'])) return null;
  const sizes = shape['dim'].map((dim) => (isObject(dim) ? Number(dim['size']) : Number.NaN));
  return sizes.every(Number.isInteger) ? sizes : null;
}

async function requireFile(path: string): Promise<void> {
  await stat(path).catch((error: unknown) => {
    throw storeProblem(`cannot read ${path} (${readFailure(error, 'file')}): ${GRAPH_EXPECTATION}`);
  });
}

function isSide(value: number | undefined): value is number {
  return value !== undefined && value >= 1 && value <= MAX_SIDE_PX;
}

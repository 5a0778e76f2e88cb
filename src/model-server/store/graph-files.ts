import { dirname, join } from 'node:path';
import { readBoundedFile } from './bounded-file.js';
import { storeProblem } from './store-problem.js';

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

const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
const MAX_WEIGHTS_BYTES = 2 ** 30;
/** End of the messages about what is no such model. */
export const GRAPH_EXPECTATION = 'expected a TensorFlow.js graph model, model.json with its weight files beside it';

/** Reads a TensorFlow.js graph model and its weights.
 * @param path of its `model.json`
 * @throws {ConfigError} saying what is missing or wrong there */
export async function readGraphFiles(path: string): Promise<GraphFiles> {
  const manifest = parseGraphManifest(await readGraphManifest(path), path);
  const parts: Buffer[] = [];
  let total = 0;
  for (const name of weightFiles(manifest)) {
    const part = await readBoundedFile(join(dirname(path), name), MAX_WEIGHTS_BYTES - total, GRAPH_EXPECTATION);
    total += part.byteLength;
    parts.push(part);
  }
  return { manifest, weights: parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts) };
}

/** Reads a `model.json`, which is not parsed yet.
 * @throws {ConfigError} it is not there, cannot be read, or is larger than 64 MiB */
export async function readGraphManifest(path: string): Promise<Buffer> {
  return readBoundedFile(path, MAX_MANIFEST_BYTES, GRAPH_EXPECTATION);
}

/** Parses a `model.json` and checks what is used of it.
 * @param path for messages
 * @throws {ConfigError} it is no graph model, or names weight files that do not lie beside it */
export function parseGraphManifest(bytes: Buffer, path: string): GraphManifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw storeProblem(`${path} is not JSON: ${GRAPH_EXPECTATION}`);
  }
  if (!isObject(parsed)) throw storeProblem(`${path} is not a model: ${GRAPH_EXPECTATION}`);
  if (parsed['format'] === 'layers-model') throw storeProblem(`${path} is a TensorFlow.js layers model: ${GRAPH_EXPECTATION}`);
  const groups: unknown = parsed['weightsManifest'];
  const isManifest = Array.isArray(groups) && groups.every((group) => isObject(group) && isArrayOf(group['paths'], 'string') && isArrayOf(group['weights'], 'object'));
  if (!isObject(parsed['modelTopology']) || !isManifest) throw storeProblem(`${path} has no modelTopology and weightsManifest: ${GRAPH_EXPECTATION}`);
  const manifest = parsed as unknown as GraphManifest;
  // A model comes from outside: it names files of its own folder and no others.
  const strange = weightFiles(manifest).find((name) => !/^[\w-][\w.-]*$/u.test(name));
  if (strange !== undefined) throw storeProblem(`${path} names the weight file ${JSON.stringify(strange)}: expected a file name beside it`);
  return manifest;
}

/** Names of the weight files, which lie beside `model.json`, in the order in which they are read. */
export function weightFiles({ weightsManifest }: GraphManifest): readonly string[] {
  return weightsManifest.flatMap((group) => group.paths);
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArrayOf(value: unknown, type: 'string' | 'object'): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type && item !== null);
}

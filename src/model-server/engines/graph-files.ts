import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError } from '../../core/errors.js';

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
const EXPECTATION = 'expected a TensorFlow.js graph model, model.json with its weight files beside it';

/** Reads a TensorFlow.js graph model and its weights.
 * @param path of its `model.json`
 * @throws {ConfigError} saying what is missing or wrong there */
export async function readGraphFiles(path: string): Promise<GraphFiles> {
  const manifest = parseManifest(await readBounded(path, MAX_MANIFEST_BYTES), path);
  const folder = join(path, '..');
  const parts: Buffer[] = [];
  let total = 0;
  for (const name of manifest.weightsManifest.flatMap((group) => group.paths)) {
    // A manifest comes from outside: it names files of its own folder and no others.
    if (!/^[\w.-]+$/.test(name) || name.startsWith('.')) throw problem(`${path} names the weight file ${JSON.stringify(name)}: expected a file name beside it`);
    const part = await readBounded(join(folder, name), MAX_WEIGHTS_BYTES - total);
    total += part.byteLength;
    parts.push(part);
  }
  return { manifest, weights: parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts) };
}

async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw problem(`${path} is larger than ${String(maxBytes)} bytes`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw problem(`cannot read ${path} (${code === 'ENOENT' ? 'no such file' : code}): ${EXPECTATION}`);
  }
}

function parseManifest(bytes: Buffer, path: string): GraphManifest {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch {
    throw problem(`${path} is not JSON: ${EXPECTATION}`);
  }
  if (!isObject(parsed)) throw problem(`${path} is not a model: ${EXPECTATION}`);
  if (parsed['format'] === 'layers-model') throw problem(`${path} is a TensorFlow.js layers model: ${EXPECTATION}`);
  const groups: unknown = parsed['weightsManifest'];
  const isManifest = Array.isArray(groups) && groups.every((group) => isObject(group) && isArrayOf(group['paths'], 'string') && isArrayOf(group['weights'], 'object'));
  if (!isObject(parsed['modelTopology']) || !isManifest) throw problem(`${path} has no modelTopology and weightsManifest: ${EXPECTATION}`);
  return parsed as unknown as GraphManifest;
}

function problem(message: string): ConfigError {
  return new ConfigError([{ file: null, path: '--model_base_path', message }]);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isArrayOf(value: unknown, type: 'string' | 'object'): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === type && item !== null);
}

import { existsSync } from 'node:fs';
import { readFile, readdir, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ConfigError } from '../core/errors.js';
import type { GraphFiles, GraphManifest } from './engines/graph.js';

/** A version of a model on disk. */
export type ModelFiles = {
  /** Decimal digits. */
  readonly version: string;
  /** Folder or file it was read from, for messages. */
  readonly path: string;
  readonly files: GraphFiles;
};

const DEFAULT_MODEL_VERSION = '1';
const DEFAULT_MODEL_FILE = '@vladmandic/human/models/centernet.json';
const MAX_MANIFEST_BYTES = 64 * 1024 * 1024;
const MAX_WEIGHTS_BYTES = 2 ** 30;
const EXPECTATION = 'expected a TensorFlow.js graph model, VERSION/model.json with its weight files beside it';

/** Reads the newest version of a model.
 * @param basePath folder with one sub-folder a version, named by its number; `null`: the built-in default model
 * @throws {ConfigError} saying what is missing there */
export async function readModelFiles(modelName: string, basePath: string | null): Promise<ModelFiles> {
  if (basePath === null) return readVersion(DEFAULT_MODEL_VERSION, defaultModelPath());
  const version = await newestVersion(modelName, basePath);
  const folder = join(basePath, version);
  const manifestPath = join(folder, 'model.json');
  if (existsSync(manifestPath)) return readVersion(String(BigInt(version)), manifestPath);
  if (existsSync(join(folder, 'saved_model.pb'))) {
    throw problem(`${folder} holds a TensorFlow SavedModel, which the embedded server does not run: ${EXPECTATION} (tensorflowjs_converter makes one), or serve it with tensorflow_model_server and name that as the backend`);
  }
  throw problem(`${folder} holds no model.json: ${EXPECTATION}`);
}

async function newestVersion(modelName: string, basePath: string): Promise<string> {
  const entries = await readdir(basePath, { withFileTypes: true }).catch((error: unknown) => {
    const code = (error as NodeJS.ErrnoException).code;
    const reason = code === 'ENOENT' ? 'no such folder' : code === 'ENOTDIR' ? 'not a folder' : String(code);
    throw problem(`Could not find base path ${basePath} for servable ${modelName} with error ${reason}: ${EXPECTATION}`);
  });
  const versions = entries.filter((entry) => !entry.isFile() && /^[0-9]{1,18}$/.test(entry.name)).map((entry) => entry.name);
  const newest = versions.sort((a, b) => Number(BigInt(b) - BigInt(a)))[0];
  if (newest === undefined) {
    throw problem(`No versions of servable ${modelName} found under base path ${basePath}. Did you forget to name your leaf directory as a number (eg. '/1/')?`);
  }
  return newest;
}

async function readVersion(version: string, manifestPath: string): Promise<ModelFiles> {
  const manifest = parseManifest(await readBounded(manifestPath, MAX_MANIFEST_BYTES), manifestPath);
  const folder = join(manifestPath, '..');
  const parts: Buffer[] = [];
  let total = 0;
  for (const path of manifest.weightsManifest.flatMap((group) => group.paths)) {
    // A manifest comes from outside: it names files of its own folder and no others.
    if (!/^[\w.-]+$/.test(path) || path.startsWith('.')) throw problem(`${manifestPath} names the weight file ${JSON.stringify(path)}: expected a file name beside it`);
    const part = await readBounded(join(folder, path), MAX_WEIGHTS_BYTES - total);
    total += part.byteLength;
    parts.push(part);
  }
  return { version, path: manifestPath, files: { manifest, weights: parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts) } };
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

/** The package hides its folder from `require.resolve`, so its folder is looked for where Node would. */
function defaultModelPath(): string {
  for (const folder of createRequire(import.meta.url).resolve.paths('@vladmandic/human') ?? []) {
    const path = join(folder, DEFAULT_MODEL_FILE);
    if (existsSync(path)) return path;
  }
  throw problem(`the default model is missing (package @vladmandic/human): install again with npm ci, or give --model_base_path`);
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

import { existsSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { packageVersion } from '../../core/package-paths.js';
import type { ExportReport } from '../export/export-report.js';
import { DEFAULT_MODEL, DEFAULT_MODEL_OUTPUT, defaultModelPath } from './default-graph.js';
import { describeGraphFile } from './graph-folder.js';
import { MANIFEST_FILE, parseManifest } from './manifest-json.js';
import type { ReadServableOptions } from './read-servable.js';
import type { ServableFolder } from './servable-manifest.js';

/** Counts up when the servable that is written of it changes. */
const EXPORT_REVISION = 1;

/** Where the default model's servable lies once it is made: a folder of its own for each version of this package, so that none takes it away from another. */
export function defaultServablePath(cacheDir: string): string {
  return join(cacheDir, 'models', `${packageVersion()}-${String(EXPORT_REVISION)}`, DEFAULT_MODEL.name, String(DEFAULT_MODEL.version));
}

/** Reads the default model's servable, made now where it is missing. Where it cannot be made, its graph is used as it is, and that is told in one warning.
 * @throws {ConfigError} the package with the graph is not installed */
export async function readDefaultServable({ cacheDir, log }: ReadServableOptions): Promise<ServableFolder> {
  if (cacheDir === null) return plainDefaultModel();
  try {
    const made = await readMade(cacheDir);
    if (made !== null) return made;
    const report = await ensureDefaultServable(cacheDir);
    if (report !== null) log.info({ path: report.folder, seconds: Math.round(report.elapsedMs / 100) / 10 }, 'default model exported, once');
    return (await readMade(cacheDir)) ?? (await plainDefaultModel());
  } catch (error) {
    log.warn(`the default model was not exported to ${defaultServablePath(cacheDir)} (${firstLine(error)}): its TensorFlow.js graph is used as it is, which is slower`);
    return plainDefaultModel();
  }
}

/** Makes the default model's servable where it is not there yet; two processes may do so at once.
 * @returns `null` when there was nothing to do
 * @throws {ConfigError} it cannot be made or written */
export async function ensureDefaultServable(cacheDir: string): Promise<ExportReport | null> {
  if ((await readMade(cacheDir)) !== null) return null;
  // Loaded now: whoever only serves needs none of it.
  const { exportModel } = await import('../export/export-model.js');
  const path = defaultServablePath(cacheDir);
  // What is there and cannot be used is of no use to anybody; what another process has just put there is.
  if (existsSync(path) && (await readMade(cacheDir)) === null) await rm(path, { recursive: true, force: true });
  try {
    return await exportModel({ source: 'default', outFolder: dirname(dirname(path)), name: DEFAULT_MODEL.name, version: DEFAULT_MODEL.version });
  } catch (error) {
    if ((await readMade(cacheDir)) !== null) return null;
    throw error;
  }
}

/** @returns `null` where there is none, or one that cannot be used */
async function readMade(cacheDir: string): Promise<ServableFolder | null> {
  const path = defaultServablePath(cacheDir);
  const file = join(path, MANIFEST_FILE);
  try {
    const manifest = parseManifest(await readFile(file, 'utf8'), file);
    const files = [manifest.files.onnx, manifest.files.tfjs, manifest.files.labels].filter((name) => name !== null);
    return files.every((name) => existsSync(join(path, name))) ? { path, version: basename(path), manifest } : null;
  } catch {
    // Missing or broken: it is made anew.
    return null;
  }
}

/** The graph by itself, as the package has it. */
async function plainDefaultModel(): Promise<ServableFolder> {
  const path = defaultModelPath();
  const manifest = await describeGraphFile(path);
  const { recipe } = manifest;
  if (recipe?.output.kind !== 'rows') return { path: dirname(path), version: String(DEFAULT_MODEL.version), manifest };
  return { path: dirname(path), version: String(DEFAULT_MODEL.version), manifest: { ...manifest, recipe: { ...recipe, output: { ...recipe.output, output: DEFAULT_MODEL_OUTPUT } } } };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}

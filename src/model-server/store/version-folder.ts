import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { MANIFEST_FILE } from './manifest-json.js';
import { readFailure, storeProblem } from './store-problem.js';

/** A version of a model on disk, not looked into yet. */
export type VersionFolder = { readonly path: string; /** Decimal digits. */ readonly version: string };

const VERSION_NAME = /^[0-9]{1,18}$/u;
/** What a version folder can hold for an engine to run. */
const MODEL_FILES = [MANIFEST_FILE, 'model.json', 'saved_model.pb', 'model.onnx'];

/** What a folder of a model is to look like; the end of messages about one that does not. */
export const EXPECTED_LAYOUT = 'expected VERSION/ folders as sightline model export writes them';

/** Finds the newest version of a model.
 * @param basePath folder with one sub-folder a version, named by its number; or such a sub-folder itself
 * @throws {ConfigError} saying what is missing there, in tensorflow_model_server's words */
export async function newestVersion(modelName: string, basePath: string): Promise<VersionFolder> {
  if (isVersionFolder(basePath)) return { path: basePath, version: plainVersion(basename(basePath)) };
  const entries = await readdir(basePath, { withFileTypes: true }).catch((error: unknown) => {
    throw storeProblem(`Could not find base path ${basePath} for servable ${modelName} with error ${readFailure(error, 'folder')}: ${EXPECTED_LAYOUT}`);
  });
  const names = entries.filter((entry) => !entry.isFile() && VERSION_NAME.test(entry.name)).map((entry) => entry.name);
  const newest = names.sort((a, b) => Number(BigInt(b) - BigInt(a)))[0];
  if (newest === undefined) {
    throw storeProblem(`No versions of servable ${modelName} found under base path ${basePath}. Did you forget to name your leaf directory as a number (eg. '/1/')?`);
  }
  return { path: join(basePath, newest), version: plainVersion(newest) };
}

/** Whether a path is that of a version: a folder named by a number that holds a model. */
export function isVersionFolder(path: string): boolean {
  return VERSION_NAME.test(basename(path)) && MODEL_FILES.some((file) => existsSync(join(path, file)));
}

/** Whether a folder has versions in it. */
export async function hasVersions(path: string): Promise<boolean> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => []);
  return entries.some((entry) => !entry.isFile() && VERSION_NAME.test(entry.name));
}

/** Without leading zeros, as TensorFlow Serving counts. */
function plainVersion(name: string): string {
  return String(BigInt(name));
}

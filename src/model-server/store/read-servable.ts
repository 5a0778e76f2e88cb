import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Logger } from '../../telemetry/logger.js';
import { readBoundedFile } from './bounded-file.js';
import { readDefaultServable } from './default-model.js';
import { describeGraphFile } from './graph-folder.js';
import { MANIFEST_FILE, parseManifest } from './manifest-json.js';
import { describeSavedModel, SAVED_MODEL_FILE } from './saved-model-folder.js';
import type { ServableFolder, ServableManifest } from './servable-manifest.js';
import { readFailure, storeProblem } from './store-problem.js';
import { EXPECTED_LAYOUT, newestVersion } from './version-folder.js';

export type ReadServableOptions = {
  /** Where the default model's servable is kept between runs; `null`: nowhere, its graph is used as it is. */
  readonly cacheDir: string | null;
  readonly log: Pick<Logger, 'info' | 'warn'>;
};

const MAX_MANIFEST_BYTES = 16 * 1024 * 1024;
const GRAPH_FILE = 'model.json';

/** Reads the newest version of a model: its manifest, not its weights. A folder without a manifest is described as far as its files tell.
 * @param basePath folder with one sub-folder a version, named by its number, or such a sub-folder itself; `null`: the built-in default model
 * @throws {ConfigError} saying what is missing there, and which command makes a servable of what is there */
export async function readServable(modelName: string, basePath: string | null, options: ReadServableOptions): Promise<ServableFolder> {
  if (basePath === null) return readDefaultServable(options);
  const { path, version } = await newestVersion(modelName, basePath);
  return { path, version, manifest: await readManifest(path, modelName) };
}

/** Reads what a version folder holds.
 * @throws {ConfigError} as {@link readServable} */
export async function readManifest(folder: string, modelName: string): Promise<ServableManifest> {
  const manifestPath = join(folder, MANIFEST_FILE);
  if (existsSync(manifestPath)) return withFiles(parseManifest((await readBoundedFile(manifestPath, MAX_MANIFEST_BYTES, EXPECTED_LAYOUT)).toString('utf8'), manifestPath), folder);
  if (existsSync(join(folder, GRAPH_FILE))) return describeGraphFile(join(folder, GRAPH_FILE));
  if (existsSync(join(folder, SAVED_MODEL_FILE))) return describeSavedModel(folder);
  const given = await findExportable(folder);
  if (given !== null) {
    const models = dirname(dirname(folder));
    throw storeProblem(`${folder} holds ${basename(given)} without a ${MANIFEST_FILE}, which says how it is used: make a version of it with sightline model export ${given} --name ${modelName} --out ${models}`);
  }
  throw storeProblem(`${folder} holds no ${MANIFEST_FILE} and no ${GRAPH_FILE} or ${SAVED_MODEL_FILE}: ${EXPECTED_LAYOUT}`);
}

/** @throws {ConfigError} the manifest names a file that is not there */
async function withFiles(manifest: ServableManifest, folder: string): Promise<ServableManifest> {
  const { onnx, tfjs, savedModel, labels } = manifest.files;
  for (const file of [onnx, tfjs, savedModel ? SAVED_MODEL_FILE : null, labels]) {
    if (file === null) continue;
    const isFile = await stat(join(folder, file)).then((facts) => facts.isFile(), (error: unknown) => {
      throw storeProblem(`${join(folder, MANIFEST_FILE)} names ${file}, which cannot be read (${readFailure(error, 'file')}): export the model again with sightline model export`);
    });
    if (!isFile) throw storeProblem(`${join(folder, MANIFEST_FILE)} names ${file}, which is no file: export the model again with sightline model export`);
  }
  if (onnx === null && tfjs === null && !savedModel) throw storeProblem(`${join(folder, MANIFEST_FILE)} names no model: export it again with sightline model export`);
  return manifest;
}

/** A file that `sightline model export` makes a servable of. */
async function findExportable(folder: string): Promise<string | null> {
  const names = await readdir(folder).catch((error: unknown) => {
    throw storeProblem(`cannot read ${folder} (${readFailure(error, 'folder')}): ${EXPECTED_LAYOUT}`);
  });
  const name = names.sort().find((each) => /\.(?:onnx|pb)$/iu.test(each));
  return name === undefined ? null : join(folder, name);
}

import { readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Size } from '../../core/geometry.js';
import { readServable, type ReadServableOptions } from './read-servable.js';
import type { ServableFolder } from './servable-manifest.js';
import { storeProblem } from './store-problem.js';
import { hasVersions, isVersionFolder } from './version-folder.js';

/** A model for the embedded server, found in a folder that a person named. */
export type EmbeddedModel = {
  /** What the server serves it as. */
  readonly name: string;
  /** What the server is started on: folder of the model, or of one of its versions; `null`: the default model. */
  readonly basePath: string | null;
  /** The label map that belongs to it, absolute; `null`: it has none. */
  readonly labelsFile: string | null;
  /** Size of pictures that cost it no resizing; `null`: any is as good. */
  readonly inputSize: Size | null;
  readonly servable: ServableFolder;
};

/** What a model is served as when nobody says: tensorflow_model_server's own. */
const DEFAULT_NAME = 'default';

/** Finds the model that is meant by a folder, and reads what it says of itself.
 * @param modelDir folder of models (`models`), of a model (`models/NAME`) or of a version (`models/NAME/3`); `null`: the default model
 * @param name which of several models; `null`: the only one
 * @throws {ConfigError} there is none, more than one, or it cannot be used */
export async function findEmbeddedModel(modelDir: string | null, name: string | null, options: ReadServableOptions): Promise<EmbeddedModel> {
  const place = modelDir === null ? null : await findModelFolder(modelDir, name);
  const servedName = name ?? place?.name ?? DEFAULT_NAME;
  const servable = await readServable(servedName, place?.basePath ?? null, options);
  const { labels } = servable.manifest.files;
  return { name: servedName, basePath: place?.basePath ?? null, labelsFile: labels === null ? null : join(servable.path, labels), inputSize: servable.manifest.inputSize, servable };
}

type ModelPlace = { readonly name: string; readonly basePath: string };

async function findModelFolder(modelDir: string, name: string | null): Promise<ModelPlace> {
  if (isVersionFolder(modelDir)) return { name: basename(dirname(modelDir)), basePath: modelDir };
  // What is wrong with it is said when it is read.
  if (await hasVersions(modelDir)) return { name: basename(modelDir), basePath: modelDir };
  const names = await modelsIn(modelDir);
  const [only, ...others] = names;
  if (only === undefined) return { name: name ?? basename(modelDir), basePath: modelDir };
  if (name !== null) {
    if (!names.includes(name)) throw storeProblem(`${modelDir} has no model ${name}, only ${names.join(', ')}`);
    return { name, basePath: join(modelDir, name) };
  }
  if (others.length > 0) throw storeProblem(`${modelDir} holds the models ${names.join(', ')}: say which one with --model NAME`);
  return { name: only, basePath: join(modelDir, only) };
}

/** Names of the folders that have versions in them, in alphabetical order. */
async function modelsIn(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
  const names = entries.filter((entry) => !entry.isFile() && !entry.name.startsWith('.')).map((entry) => entry.name).sort();
  const found = await Promise.all(names.map(async (each) => ((await hasVersions(join(folder, each))) ? [each] : [])));
  return found.flat();
}

import { writeFile } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { COCO_LABELS } from '../../core/coco-labels.js';
import { packageVersion } from '../../core/package-paths.js';
import { defaultModelPath, DEFAULT_MODEL_OUTPUT } from '../store/default-graph.js';
import { ROWS_NMS } from '../store/graph-folder.js';
import { formatManifest, MANIFEST_FILE } from '../store/manifest-json.js';
import type { ServableManifest } from '../store/servable-manifest.js';
import type { ExportReport } from './export-report.js';
import { writeEngineFiles } from './engine-files.js';
import { formatPbtxtLabels } from './labels-pbtxt.js';
import type { RecipeWishes } from './recognise/recipe-wishes.js';
import { recogniseSource } from './source-kind.js';
import { writeVersion } from './write-version.js';

export type ExportOptions = {
  /** `default`: the built-in model; else a file or folder. */
  readonly source: string;
  /** Folder of models; the version is written to `outFolder/name/version`. */
  readonly outFolder: string;
  /** Default: what the source is called. */
  readonly name?: string;
  /** `next` (the default): one above the highest that is there. */
  readonly version?: number | 'next';
  /** What the model does not say of itself; labels go before those that it has. */
  readonly wishes?: RecipeWishes;
};

const LABELS_FILE = 'labels.pbtxt';
/** What the default model's graph does not say. */
const DEFAULT_MODEL_WISHES: RecipeWishes = { kind: 'rows', outputs: { output: DEFAULT_MODEL_OUTPUT }, normalization: 'none', resize: 'letterbox', boxUnits: 'pixels', classIds: 'coco90', nms: ROWS_NMS, labels: new Map(COCO_LABELS) };

/** Makes a servable of a model: a version folder that the embedded server, and where it holds a SavedModel TensorFlow Serving too, serves as it is.
 * @throws {ConfigError} what is wrong with the model, what has to be said of it, or why it cannot be written; one line each */
export async function exportModel(options: ExportOptions): Promise<ExportReport> {
  const startMs = performance.now();
  const isDefault = options.source === 'default';
  const source = await recogniseSource(isDefault ? defaultModelPath() : resolve(options.source));
  const wishes = isDefault ? { ...DEFAULT_MODEL_WISHES, ...options.wishes } : (options.wishes ?? {});
  const name = options.name ?? (isDefault ? 'default' : nameOf(source.path));
  const written = await writeVersion({ outFolder: options.outFolder, name, version: options.version ?? 'next' }, async (folder) => {
    const { labels, notes, ...found } = await writeEngineFiles(source, folder, wishes);
    if (labels !== null && labels.size > 0) await writeFile(join(folder, LABELS_FILE), formatPbtxtLabels(labels), { flush: true });
    const manifest: ServableManifest = { format: 1, producer: `sightline ${packageVersion()}`, ...found, files: { ...found.files, labels: labels === null || labels.size === 0 ? null : LABELS_FILE } };
    await writeFile(join(folder, MANIFEST_FILE), formatManifest(manifest), { flush: true });
    return { manifest, notes };
  });
  return { folder: written.folder, name, version: written.version, ...written.filled, elapsedMs: performance.now() - startMs };
}

/** What a model is called by its path: a file that is called as all of its kind, and a version, by the folder they are in. */
function nameOf(path: string): string {
  const name = basename(path).replace(/\.(?:onnx|pb|json)$/iu, '');
  const isGeneral = /^(?:model|saved_?model|frozen_inference_graph|frozen_graph|[0-9]+)$/iu.test(name) && dirname(path) !== path;
  return isGeneral ? nameOf(dirname(path)) : name.replace(/[^\w.-]+/gu, '-').replace(/^[^A-Za-z0-9]+/u, '').slice(0, 64) || 'model';
}

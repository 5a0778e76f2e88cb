import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { COCO_IDS } from '../core/coco-ids.js';
import { ConfigError } from '../core/errors.js';
import type { Size } from '../core/geometry.js';
import { SERVED_SIGNATURE } from './served-signature.js';
import type { ServableFolder } from './store/servable-manifest.js';

const DEFAULT_MODEL_VERSION = '1';
const DEFAULT_MODEL_FILE = '@vladmandic/human/models/centernet.json';
const DEFAULT_MODEL_SIZE: Size = { widthPx: 512, heightPx: 512 };
const EXPECTATION = 'expected a TensorFlow.js graph model, VERSION/model.json with its weight files beside it';

/** Overlap above which the weaker of two boxes of one class is the same object: what the Object Detection API's SSD configurations
 * use (`batch_non_max_suppression { iou_threshold: 0.6 }`). */
const NMS_IOU_THRESHOLD = 0.6;

/** Finds the newest version of a model.
 * @param basePath folder with one sub-folder a version, named by its number; `null`: the built-in default model
 * @throws {ConfigError} saying what is missing there */
export async function readModelFiles(modelName: string, basePath: string | null): Promise<ServableFolder> {
  if (basePath === null) return bareGraph(DEFAULT_MODEL_VERSION, defaultModelPath(), DEFAULT_MODEL_SIZE);
  const version = await newestVersion(modelName, basePath);
  const folder = join(basePath, version);
  const modelPath = join(folder, 'model.json');
  if (existsSync(modelPath)) return bareGraph(String(BigInt(version)), modelPath, null);
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

/** A graph without a word about it: a detector of COCO classes whose rows the engine finds by running it. */
async function bareGraph(version: string, modelPath: string, inputSize: Size | null): Promise<ServableFolder> {
  const sha256 = createHash('sha256').update(await readFile(modelPath)).digest('hex');
  return {
    path: dirname(modelPath),
    version,
    manifest: {
      format: 1,
      kind: 'detection',
      source: { name: basename(modelPath), kind: 'tfjs', sha256 },
      producer: '',
      signature: SERVED_SIGNATURE,
      inputSize,
      recipe: {
        input: { name: '', size: { widthPx: 1, heightPx: 1 }, layout: 'nhwc', dtype: 'float', resize: 'letterbox', channels: 'rgb', mean: [0, 0, 0], deviation: [1, 1, 1], batchSize: 1 },
        output: { kind: 'rows', output: '', boxUnits: 'pixels', classIds: COCO_IDS, nms: NMS_IOU_THRESHOLD },
      },
      files: { onnx: null, tfjs: basename(modelPath), savedModel: false, labels: null },
    },
  };
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

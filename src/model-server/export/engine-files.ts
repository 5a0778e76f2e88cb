import { copyFile, cp, mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ConfigError, formatConfigIssue } from '../../core/errors.js';
import { weightFilesOf } from '../store/graph-folder.js';
import type { Recipe } from '../store/recipe.js';
import { savedModelSignature, SAVED_MODEL_FILE, sha256Of } from '../store/saved-model-folder.js';
import type { ServableManifest } from '../store/servable-manifest.js';
import { signatureKind } from '../store/signature-kind.js';
import { composeServable } from './compose/compose-servable.js';
import { readFrozenGraph } from './graph/read-frozen-graph.js';
import { readTfjsGraph } from './graph/read-tfjs-graph.js';
import type { TfGraph } from './graph/tf-graph.js';
import { decodeOnnxModel, encodeOnnxModel } from './onnx/onnx-codec.js';
import type { OnnxModel } from './onnx/onnx-model.js';
import { recogniseRecipe, type GraphEndpoints, type RecipeWishes } from './recognise/recognise-recipe.js';
import { writeSavedModel } from './saved-model/write-saved-model.js';
import { sourceProblem, type ModelSource } from './source-kind.js';
import { translateGraph } from './translate/translate-graph.js';

/** What was written for engines, and what the model says of its classes. */
export type EngineFiles = Pick<ServableManifest, 'kind' | 'source' | 'signature' | 'inputSize' | 'recipe'> & {
  readonly files: Omit<ServableManifest['files'], 'labels'>;
  readonly labels: ReadonlyMap<number, string> | null;
  readonly notes: readonly string[];
};

const ONNX_FILE = 'model.onnx';
const GRAPH_FOLDER = 'graph';
/** What protocol buffers can hold. */
const MAX_ONNX_BYTES = 2 ** 31 - 1;
/** Folders of a SavedModel beside its file. */
const SAVED_MODEL_PARTS = ['variables', 'assets', 'assets.extra'];

/** Writes the files of a servable that engines read.
 * @param folder an empty one
 * @throws {ConfigError} the model cannot be read, recognised or translated */
export async function writeEngineFiles(source: ModelSource, folder: string, wishes: RecipeWishes): Promise<EngineFiles> {
  switch (source.kind) {
    case 'tfjs':
      return writeGraph(await readTfjsGraph(source.path), source, folder, wishes);
    case 'frozen-graph':
      return writeGraph(await readFrozenGraph(source.path), source, folder, wishes);
    case 'onnx':
      return writeOnnx(source, folder, wishes);
    case 'saved-model':
      return copySavedModel(source, folder, wishes);
  }
}

async function writeGraph(graph: TfGraph, source: ModelSource, folder: string, wishes: RecipeWishes): Promise<EngineFiles> {
  const { recipe, labels } = recogniseRecipe({ inputs: graph.inputs, outputs: graph.outputs.map((output) => ({ ...output, ...opOf(graph.nodes.get(output.port.node)?.op) })), metadata: new Map() }, wishes);
  const notes: string[] = [];
  const { model, signature } = composeServable(translateGraph(graph), recipe);
  await writeFile(join(folder, ONNX_FILE), encodeOnnxModel(model), { flush: true });
  const tfjs = source.kind === 'tfjs' ? await copyGraph(source.path, folder) : null;
  const savedModel = await writeSavedModel(graph, recipe, folder).then(() => true, (error: unknown) => {
    if (!(error instanceof ConfigError)) throw error;
    notes.push(`no SavedModel was written, so TensorFlow Serving cannot serve it: ${error.issues.map(formatConfigIssue).join('; ')}`);
    return false;
  });
  return { kind: kindOf(recipe), source: await describeSource(source), signature, inputSize: recipe.input.size, recipe, files: { onnx: ONNX_FILE, tfjs, savedModel }, labels: wishes.labels ?? labels, notes };
}

async function writeOnnx(source: ModelSource, folder: string, wishes: RecipeWishes): Promise<EngineFiles> {
  const { size } = await stat(source.path);
  if (size > MAX_ONNX_BYTES) throw sourceProblem(source.path, 'is larger than 2 GiB, which no ONNX file is');
  const core = decodeOnnxModel(await readFile(source.path), source.path);
  const { recipe, labels } = recogniseRecipe({ ...endpointsOf(core), metadata: core.metadata }, wishes);
  const { model, signature } = composeServable(core, recipe);
  await writeFile(join(folder, ONNX_FILE), encodeOnnxModel(model), { flush: true });
  return {
    kind: kindOf(recipe),
    source: await describeSource(source),
    signature,
    inputSize: recipe.input.size,
    recipe,
    files: { onnx: ONNX_FILE, tfjs: null, savedModel: false },
    labels: wishes.labels ?? labels,
    notes: ['it is for the embedded server: TensorFlow Serving does not serve ONNX'],
  };
}

async function copySavedModel(source: ModelSource, folder: string, wishes: RecipeWishes): Promise<EngineFiles> {
  const signature = await savedModelSignature(source.path);
  await copyFile(join(source.path, SAVED_MODEL_FILE), join(folder, SAVED_MODEL_FILE));
  for (const part of SAVED_MODEL_PARTS) if (existsSync(join(source.path, part))) await cp(join(source.path, part), join(folder, part), { recursive: true });
  return {
    kind: signatureKind(signature),
    source: await describeSource(source),
    signature,
    inputSize: null,
    recipe: null,
    files: { onnx: null, tfjs: null, savedModel: true },
    labels: wishes.labels ?? null,
    notes: ['it was taken as it is: TensorFlow Serving serves it, and the embedded server where @tensorflow/tfjs-node or @tensorflow/tfjs-node-gpu is installed; as ONNX (python -m tf2onnx.convert --saved-model FOLDER --output model.onnx) it runs without'],
  };
}

/** Copies a graph of TensorFlow.js as it is. @returns its file in the folder */
async function copyGraph(path: string, folder: string): Promise<string> {
  await mkdir(join(folder, GRAPH_FOLDER));
  await copyFile(path, join(folder, GRAPH_FOLDER, 'model.json'));
  for (const file of await weightFilesOf(path)) await copyFile(join(dirname(path), file), join(folder, GRAPH_FOLDER, file));
  return `${GRAPH_FOLDER}/model.json`;
}

function endpointsOf({ graph }: OnnxModel): Pick<GraphEndpoints, 'inputs' | 'outputs'> {
  // Older files list their weights among the inputs.
  const weights = new Set(graph.initializers.map(({ name }) => name));
  const ops = new Map(graph.nodes.flatMap(({ opType, outputs }) => outputs.map((name) => [name, opType])));
  return { inputs: graph.inputs.filter(({ name }) => !weights.has(name)), outputs: graph.outputs.map((output) => ({ ...output, ...opOf(ops.get(output.name)) })) };
}

function opOf(op: string | undefined): { readonly op?: string } {
  return op === undefined ? {} : { op };
}

function kindOf({ output }: Recipe): ServableManifest['kind'] {
  return output.kind === 'classification' ? 'classification' : 'detection';
}

async function describeSource({ kind, path }: ModelSource): Promise<ServableManifest['source']> {
  return { name: basename(path), kind, sha256: await sha256Of(kind === 'saved-model' ? join(path, SAVED_MODEL_FILE) : path) };
}

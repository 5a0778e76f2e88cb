import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import type { EngineName } from '../../../src/model-server/engines/engine.js';
import { chooseEngine, type Importer } from '../../../src/model-server/engines/load-engine.js';
import type { RowsRecipe, YoloRecipe } from '../../../src/model-server/store/recipe.js';
import type { ServableFolder } from '../../../src/model-server/store/servable-manifest.js';
import { recordingLog } from '../../helpers/recording-log.js';
import { ScriptedTfjs } from '../../helpers/scripted-tfjs.js';
import { PLAIN_INPUT, ROWS_RECIPE, servableFolder, signatureOf } from '../../helpers/servables.js';

const everything = servableFolder('/models/m/1', { files: { onnx: 'model.onnx', tfjs: 'graph/model.json', savedModel: true } });
const graphOnly = servableFolder('/models/m/1', { files: { tfjs: 'model.json' } });
const yolo: YoloRecipe = { kind: 'yolo', output: 'o', channelsLast: false, objectness: false, boxUnits: 'pixels', classIds: [1], nms: 0.5, prototypes: null, keypoints: null };
const rows = ROWS_RECIPE.output as RowsRecipe;

function notInstalled(name: string): Promise<never> {
  return Promise.reject(Object.assign(new Error(`Cannot find package '${name}' imported from here`), { code: 'ERR_MODULE_NOT_FOUND' }));
}

/** Imports what is really there, and stand-ins for the rest. */
function having(packages: Readonly<Record<string, unknown>>): Importer {
  return (name) => (Object.hasOwn(packages, name) ? Promise.resolve(packages[name]) : notInstalled(name));
}

const onnxruntime: unknown = await import('onnxruntime-node');
const tfjs = new ScriptedTfjs().module;

describe('chooseEngine', () => {
  it.each<[string, Record<string, unknown>, ServableFolder, EngineName, string]>([
    ['onnxruntime first', { 'onnxruntime-node': onnxruntime, '@tensorflow/tfjs-node': tfjs }, everything, 'onnxruntime', 'engine onnxruntime VERSION on CPU: first that is installed and runs this model'],
    ['native TensorFlow on a GPU next', { '@tensorflow/tfjs-node-gpu': tfjs, '@tensorflow/tfjs-node': { default: tfjs } }, everything, 'tfjs-node-gpu', 'engine tfjs-node-gpu VERSION on CUDA: onnxruntime-node is not installed'],
    ['native TensorFlow then', { '@tensorflow/tfjs-node': { default: tfjs } }, everything, 'tfjs-node', 'engine tfjs-node VERSION on CPU: onnxruntime-node is not installed, @tensorflow/tfjs-node-gpu is not installed'],
    ['wasm where nothing else is installed', {}, everything, 'wasm', 'engine wasm VERSION on WebAssembly: onnxruntime-node is not installed, @tensorflow/tfjs-node-gpu is not installed, @tensorflow/tfjs-node is not installed'],
    ['the first that has something to run', { 'onnxruntime-node': onnxruntime }, graphOnly, 'wasm', 'engine wasm VERSION on WebAssembly: onnxruntime does not run this model (it has no model.onnx), @tensorflow/tfjs-node-gpu is not installed, @tensorflow/tfjs-node is not installed'],
  ])('takes %s, and says so in one line', async (_what, packages, servable, expected, line) => {
    const { log, lines } = recordingLog();
    const engine = await chooseEngine('auto', servable, log, having(packages));
    expect(engine.name).toBe(expected);
    expect(engine.refuses(servable)).toBeNull();
    expect(engine.version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(lines.map(({ level, msg }) => [level, msg])).toEqual([[30, line.replace('VERSION', engine.version)]]);
  });

  it('takes the one that was asked for', async () => {
    const { log, lines } = recordingLog();
    const engine = await chooseEngine('tfjs-node', everything, log, having({ 'onnxruntime-node': onnxruntime, '@tensorflow/tfjs-node': tfjs }));
    expect([engine.name, engine.version, engine.device]).toEqual(['tfjs-node', '4.99.0', 'CPU']);
    expect(lines.map(({ msg }) => msg)).toEqual(['engine tfjs-node 4.99.0 on CPU: asked for by name']);
  });

  it.each<[string, Importer]>([
    ['its binding is missing', () => Promise.reject(Object.assign(new Error('Cannot find module tfjs_binding.node\nRequire stack'), { code: 'MODULE_NOT_FOUND' }))],
    ['it is something else', () => Promise.resolve({ hello: 1 })],
  ])('passes over tfjs-node with one warning when it is installed but broken: %s', async (_what, broken) => {
    const { log, lines } = recordingLog();
    const engine = await chooseEngine('auto', graphOnly, log, (name) => (name === '@tensorflow/tfjs-node' ? broken(name) : notInstalled(name)));
    expect(engine.name).toBe('wasm');
    expect(lines.map(({ level }) => level)).toEqual([40, 30]);
    expect(lines[0]?.msg).toMatch(/^@tensorflow\/tfjs-node is installed but does not load \(.*\): computing with wasm instead$/);
  });

  it.each<[string, Importer]>([
    ['its binding does not load', () => Promise.reject(new Error('libonnxruntime.so.1: cannot open shared object file'))],
    ['it is something else', () => Promise.resolve({ InferenceSession: {} })],
    ['it cannot make a session', () => Promise.resolve({ InferenceSession: { create: () => Promise.reject(new Error('no')) }, Tensor: class {}, env: { versions: {} }, listSupportedBackends: () => [] })],
  ])('passes over ONNX Runtime with one warning when it is installed but broken: %s', async (_what, broken) => {
    const { log, lines } = recordingLog();
    const engine = await chooseEngine('auto', everything, log, (name) => (name === 'onnxruntime-node' ? broken(name) : notInstalled(name)));
    expect(engine.name).toBe('wasm');
    expect(lines.filter(({ level }) => level === 40).map(({ msg }) => msg)).toEqual([expect.stringMatching(/^onnxruntime-node is installed but does not load \(.*\): computing with wasm instead$/)]);
  });

  it.each<[EngineName, ServableFolder, Importer, string]>([
    ['tfjs-node', everything, notInstalled, '--engine: @tensorflow/tfjs-node is not installed: npm install @tensorflow/tfjs-node, or take engine auto'],
    ['onnxruntime', everything, notInstalled, '--engine: onnxruntime-node is not installed: npm install onnxruntime-node, or take engine auto'],
    ['tfjs-node-gpu', everything, () => Promise.reject(new Error('no CUDA\nat all')), '--engine: @tensorflow/tfjs-node-gpu is installed but does not load (no CUDA): install it again, or take engine auto'],
    ['onnxruntime', graphOnly, having({ 'onnxruntime-node': onnxruntime }), '--engine: onnxruntime does not run /models/m/1: it has no model.onnx; take engine auto, or export the model again'],
  ])('refuses %s when it was asked for by name and cannot be had: case %#', async (name, servable, importer, message) => {
    const error = await chooseEngine(name, servable, recordingLog().log, importer).then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toBe(message);
  });

  it('says for every engine why not when none can', async () => {
    const empty = servableFolder('/models/m/1');
    await expect(chooseEngine('auto', empty, recordingLog().log, having({ '@tensorflow/tfjs-node': tfjs }))).rejects.toThrow(
      '--engine: no engine runs /models/m/1: onnxruntime does not run this model (it has no model.onnx), tfjs-node-gpu does not run this model (it has neither a SavedModel nor a TensorFlow.js graph), tfjs-node does not run this model (it has neither a SavedModel nor a TensorFlow.js graph), wasm does not run this model (it has no TensorFlow.js graph)',
    );
  });

  it('leaves no listener of the wasm runtime on the process', async () => {
    const before = process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection');
    await chooseEngine('wasm', everything, recordingLog().log);
    expect(process.listenerCount('uncaughtException') + process.listenerCount('unhandledRejection')).toBe(before);
  });
});

describe('an engine refuses', () => {
  const graph = { tfjs: 'model.json' };
  it.each<[string, EngineName, ServableFolder, string]>([
    ['masks', 'wasm', servableFolder('m', { files: graph, recipe: { ...ROWS_RECIPE, output: { ...yolo, prototypes: 'p' } } }), 'it has instance masks, which only its ONNX model and its SavedModel make'],
    ['keypoints', 'wasm', servableFolder('m', { files: graph, recipe: { ...ROWS_RECIPE, output: { ...yolo, keypoints: { count: 17, scored: true } } } }), 'it has keypoints, which only its ONNX model and its SavedModel make'],
    ['half precision', 'wasm', servableFolder('m', { files: graph, recipe: { ...ROWS_RECIPE, input: { ...PLAIN_INPUT, dtype: 'half' } } }), 'its graph takes half precision, which TensorFlow.js does not have'],
    ['a graph without a recipe', 'wasm', servableFolder('m', { files: graph, recipe: null }), 'nothing says what goes into its graph and what comes out'],
    ['inputs that are no pictures', 'wasm', servableFolder('m', { files: graph, signature: signatureOf({ a: ['float', [1]] }, {}) }), 'it takes something else than pictures'],
    ['outputs that no recipe makes', 'wasm', servableFolder('m', { files: graph, signature: signatureOf({ inputs: ['uint8', [-1, -1, -1, 3]] }, { embedding: ['float', [-1, 9]] }) }), 'its graph answers without embedding'],
    ['strings in native TensorFlow', 'tfjs-node', servableFolder('m', { files: { savedModel: true }, signature: signatureOf({ text: ['string', [-1]] }, {}) }), 'its text is of string, which TensorFlow.js does not have'],
  ])('%s', async (_what, name, servable, reason) => {
    const importer = having({ '@tensorflow/tfjs-node': tfjs });
    const engine = await chooseEngine(name, everything, recordingLog().log, importer);
    expect(engine.refuses(servable)).toBe(reason);
    await expect(engine.load(servable, { threads: 1 })).rejects.toThrow(reason);
    await expect(chooseEngine(name, servable, recordingLog().log, importer)).rejects.toThrow(reason);
  });

  it('none of what it can run', async () => {
    const engine = await chooseEngine('wasm', everything, recordingLog().log);
    expect(engine.refuses(servableFolder('m', { files: graph, recipe: { ...ROWS_RECIPE, output: yolo } }))).toBeNull();
    expect(engine.refuses(servableFolder('m', { files: graph, recipe: { ...ROWS_RECIPE, output: rows } }))).toBeNull();
  });
});

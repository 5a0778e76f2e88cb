import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { loadLabelMap } from '../../../src/detection/label-map.js';
import { exportModel, type ExportOptions } from '../../../src/model-server/export/export-model.js';
import { encodeOnnxModel } from '../../../src/model-server/export/onnx/onnx-codec.js';
import type { OnnxModel } from '../../../src/model-server/export/onnx/onnx-model.js';
import { defaultModelPath } from '../../../src/model-server/store/default-graph.js';
import { readServable } from '../../../src/model-server/store/read-servable.js';
import type { SignatureDef } from '../../../src/serving/metadata-messages.js';
import { colourClassifier } from '../../fixtures/models/colour-classifier.js';
import { yoloModel } from '../../fixtures/models/yolo-model.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'sightline-export-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const log = { info: () => undefined, warn: () => undefined };
const models = (): string => join(folder, 'models');
const read = (name: string): ReturnType<typeof readServable> => readServable(name, join(models(), name), { cacheDir: null, log });

async function put(name: string, bytes: string | Uint8Array): Promise<string> {
  const path = join(folder, name);
  await mkdir(join(path, '..'), { recursive: true });
  await writeFile(path, bytes);
  return path;
}

/** A head for three classes that declares what it gives, as the exporters of YOLO do. */
function squares(): OnnxModel {
  const model = yoloModel();
  return { ...model, graph: { ...model.graph, outputs: model.graph.outputs.map((output) => ({ ...output, shape: ['batch', 7, 49] })) } };
}

const onnx = (name: string, model: OnnxModel): Promise<string> => put(name, encodeOnnxModel(model));

/** One line a problem, with `~` for the test's folder. */
async function problemOf(options: Omit<ExportOptions, 'outFolder'>): Promise<string> {
  const error = await exportModel({ outFolder: models(), ...options }).then(() => null, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(ConfigError);
  const { message } = error as ConfigError;
  expect(message).not.toContain('\n');
  return message.replaceAll(folder, '~');
}

describe('exportModel', () => {
  it('makes a servable of the default model: for ONNX Runtime, TensorFlow.js and TensorFlow Serving', async () => {
    const report = await exportModel({ source: 'default', outFolder: models() });
    expect(report).toMatchObject({ folder: join(models(), 'default', '1'), name: 'default', version: '1', notes: [] });
    expect(await readdir(report.folder)).toEqual(expect.arrayContaining(['graph', 'labels.pbtxt', 'model.onnx', 'saved_model.pb', 'servable.json']));
    const { manifest } = await read('default');
    expect(manifest).toEqual(report.manifest);
    expect(manifest).toMatchObject({ kind: 'detection', source: { name: 'centernet.json', kind: 'tfjs' }, inputSize: { widthPx: 512, heightPx: 512 }, files: { onnx: 'model.onnx', tfjs: 'graph/model.json', savedModel: true, labels: 'labels.pbtxt' } });
    expect(manifest.recipe?.output).toMatchObject({ kind: 'rows', output: 'tower_0/detections', nms: 0.6 });
    expect([...manifest.signature.outputs.keys()]).toEqual(['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections']);
    expect((await loadLabelMap(join(report.folder, 'labels.pbtxt'))).label(85)).toBe('clock');
  });

  it('copies a graph of TensorFlow.js as it was given', async () => {
    const { folder: version } = await exportModel({ source: 'default', outFolder: models() });
    for (const [file, original] of [['model.json', 'centernet.json'], ['centernet.bin', 'centernet.bin']] as const) {
      expect((await readFile(join(version, 'graph', file))).equals(await readFile(join(defaultModelPath(), '..', original)))).toBe(true);
    }
  });

  it('makes a servable of an ONNX file, whatever it is called, with the labels that it has', async () => {
    const model = { ...squares(), metadata: new Map([['task', 'detect'], ['names', "{0: 'red', 1: 'green', 2: \"driver's blue\"}"]]) };
    const report = await exportModel({ source: await onnx('squares/best.bin', model), outFolder: models() });
    expect(report.name).toBe('best.bin');
    expect(report.manifest).toMatchObject({ kind: 'detection', source: { kind: 'onnx' }, recipe: { output: { kind: 'yolo', classIds: [1, 2, 3] } }, files: { onnx: 'model.onnx', tfjs: null, savedModel: false, labels: 'labels.pbtxt' } });
    const labels = await loadLabelMap(join(report.folder, 'labels.pbtxt'));
    expect([1, 2, 3].map((id) => labels.label(id))).toEqual(['red', 'green', "driver's blue"]);
  });

  it('makes a servable of an image classifier, with labels that were given', async () => {
    const labels = new Map([[0, 'red'], [1, 'green'], [2, 'blue']]);
    const report = await exportModel({ source: await onnx('colours.onnx', colourClassifier()), outFolder: models(), wishes: { labels } });
    expect(report.manifest).toMatchObject({ kind: 'classification', recipe: { output: { kind: 'classification', output: 'logits' } } });
    expect([...report.manifest.signature.outputs.keys()]).toEqual(['probabilities']);
    expect((await loadLabelMap(join(report.folder, 'labels.pbtxt'))).classAt(2, 3)).toEqual({ classId: 2, label: 'blue' });
  });

  it('takes a SavedModel as it is, by its folder or its file', async () => {
    const exported = await exportModel({ source: 'default', outFolder: join(folder, 'other') });
    const saved = await put('detector/7/saved_model.pb', await readFile(join(exported.folder, 'saved_model.pb')));
    await put('detector/7/variables/variables.index', 'x');
    await put('detector/7/keras_metadata.pb', 'x');
    const first = await exportModel({ source: join(saved, '..'), outFolder: models() });
    expect(first).toMatchObject({ name: 'detector', version: '1', manifest: { kind: 'detection', recipe: null, files: { onnx: null, tfjs: null, savedModel: true, labels: null } } });
    expect(await readdir(join(first.folder, 'variables'))).toEqual(['variables.index']);
    const second = await exportModel({ source: saved, outFolder: models() });
    expect(second).toMatchObject({ name: 'detector', version: '2' });
    const shapes = ({ inputs, outputs }: SignatureDef): unknown => [...inputs, ...outputs].map(([name, { dtype, shape }]) => [name, dtype, shape]);
    expect(shapes((await read('detector')).manifest.signature)).toEqual(shapes(exported.manifest.signature));
  });

  it('counts versions up, keeps those that are there, and leaves nothing behind', async () => {
    const source = await onnx('m.onnx', squares());
    await mkdir(join(models(), 'm', '7'), { recursive: true });
    expect((await exportModel({ source, outFolder: models() })).version).toBe('8');
    expect((await exportModel({ source, outFolder: models(), version: 3 })).version).toBe('3');
    expect(await problemOf({ source, version: 3 })).toBe('--version: ~/models/m/3 is there already: name another version, or leave it out for the next one');
    expect((await readdir(join(models(), 'm'))).sort()).toEqual(['3', '7', '8']);
  });

  it('gives each of several exports at once a version of its own', async () => {
    const source = await onnx('m.onnx', squares());
    const reports = await Promise.all(Array.from({ length: 5 }, () => exportModel({ source, outFolder: models() })));
    expect(reports.map(({ version }) => version).sort()).toEqual(['1', '2', '3', '4', '5']);
    expect((await readdir(join(models(), 'm'))).sort()).toEqual(['1', '2', '3', '4', '5']);
  });

  it('leaves no version behind when the model cannot be used', async () => {
    await problemOf({ source: await put('bad.onnx', Buffer.from([0x08, 0x08, 0x3a, 0x03, 1, 2, 3])) });
    expect(await readdir(join(models(), 'bad'))).toEqual([]);
  });

  it.each<[string, string, string | Uint8Array, string]>([
    ['a PyTorch file', 'yolo.pt', Buffer.from('PK\u0003\u0004....'), '~/yolo.pt: is a zip archive, as PyTorch (.pt) and Keras (.keras) write: export it as ONNX there'],
    ['a Keras file', 'net.h5', Buffer.from('\u0089HDF\r\n', 'latin1'), '~/net.h5: is an HDF5 file, as Keras writes: export it as a SavedModel there'],
    ['a TensorFlow Lite model', 'net.tflite', Buffer.from('\u001c\0\0\0TFL3....', 'latin1'), '~/net.tflite: is a TensorFlow Lite model: give the SavedModel or the graph that it was made of'],
    ['a text', 'notes.txt', 'hello', '~/notes.txt: is no model: expected a TensorFlow.js model.json, a frozen graph (.pb), an ONNX file, or a SavedModel folder'],
    ['an empty file', 'empty.onnx', '', '~/empty.onnx: is no model'],
    ['a layers model', 'model.json', '{"format":"layers-model","modelTopology":{},"weightsManifest":[]}', 'layers model'],
    ['JSON of something else', 'package.json', '{"name":"x"}', '~/package.json'],
  ])('says what to do with %s', async (_what, name, bytes, expected) => {
    expect(await problemOf({ source: await put(name, bytes) })).toContain(expected);
  });

  it('says that a source is not there, and what a folder should hold', async () => {
    expect(await problemOf({ source: join(folder, 'nope.onnx') })).toBe('~/nope.onnx: cannot be read (no such file)');
    await mkdir(join(folder, 'empty'));
    expect(await problemOf({ source: join(folder, 'empty') })).toContain('~/empty: holds no model.json and no saved_model.pb');
    const { folder: version } = await exportModel({ source: await onnx('m.onnx', squares()), outFolder: models() });
    expect(await problemOf({ source: version })).toContain('is a servable already: serve it with --model-dir');
  });

  it('refuses names that are no folder of its own', async () => {
    const source = await onnx('m.onnx', squares());
    for (const name of ['../up', '.hidden', 'a/b', '']) expect(await problemOf({ source, name })).toContain('--name: expected 1 to 64 letters');
  });

  it('says that the folder of models cannot be written', async () => {
    await put('models', 'a file');
    expect(await problemOf({ source: await onnx('m.onnx', squares()) })).toBe('--out: ~/models/m cannot be written (ENOTDIR): name another folder');
  });
});

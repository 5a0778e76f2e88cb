import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { readServable } from '../../../src/model-server/store/read-servable.js';

const OPTIONS = { cacheDir: null, log: { info: () => undefined, warn: () => undefined } };

let base = '';
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'sightline-model-'));
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

const info = (size: string): object => ({ name: 'images:0', dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '1' }, { size }, { size }, { size: '3' }] } });
const graph = (paths: string[], size = '64'): string => JSON.stringify({ format: 'graph-model', signature: { inputs: { images: info(size) } }, modelTopology: { node: [] }, weightsManifest: [{ paths, weights: [] }] });

const MANIFEST = {
  format: 1,
  kind: 'classification',
  source: { name: 'cats.onnx', kind: 'onnx', sha256: 'ab'.repeat(32) },
  producer: 'sightline 0.1.0',
  signature: { inputs: { inputs: { name: 'inputs', dtype: 'uint8', shape: [-1, -1, -1, 3] } }, outputs: {}, methodName: 'tensorflow/serving/predict' },
  inputSize: null,
  recipe: null,
  files: { onnx: 'model.onnx', tfjs: null, savedModel: false, labels: 'labels.pbtxt' },
};

async function put(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(base, path, '..'), { recursive: true });
    await writeFile(join(base, path), text);
  }
}

describe('readServable', () => {
  it('reads the manifest of the highest version by number', async () => {
    await put({ '9/model.json': graph([]), '010/servable.json': JSON.stringify(MANIFEST), '010/model.onnx': '', '010/labels.pbtxt': '', 'notes.txt': 'x', '99': 'a file' });
    const { path, version, manifest } = await readServable('m', base, OPTIONS);
    expect({ path, version, source: manifest.source.name }).toEqual({ path: join(base, '010'), version: '10', source: 'cats.onnx' });
  });

  it('takes the folder of a version as well', async () => {
    await put({ '3/model.json': graph([]), '4/model.json': graph([]) });
    expect(await readServable('m', join(base, '3'), OPTIONS)).toMatchObject({ path: join(base, '3'), version: '3' });
  });

  it('describes a graph of TensorFlow.js without a manifest', async () => {
    await put({ '1/model.json': graph(['a.bin']), '1/a.bin': 'ab' });
    const { manifest } = await readServable('m', base, OPTIONS);
    expect(manifest).toMatchObject({ kind: 'detection', inputSize: { widthPx: 64, heightPx: 64 }, files: { onnx: null, tfjs: 'model.json', savedModel: false, labels: null } });
    expect(manifest.recipe).toMatchObject({ input: { name: 'images', resize: 'letterbox', batchSize: 1 }, output: { kind: 'rows', output: '' } });
  });

  it.each<[string, Record<string, string>, string]>([
    ['no version', { 'saved/model.json': '{}' }, "No versions of servable m found under base path BASE. Did you forget to name your leaf directory as a number (eg. '/1/')?"],
    ['an empty version', { '1/readme': '' }, 'BASE/1 holds no servable.json and no model.json or saved_model.pb: expected VERSION/ folders as sightline model export writes them'],
    ['an ONNX file by itself', { '1/yolo.onnx': '' }, 'BASE/1 holds yolo.onnx without a servable.json, which says how it is used: make a version of it with sightline model export BASE/1/yolo.onnx --name m --out'],
    ['a manifest that is cut off', { '1/servable.json': '{' }, 'BASE/1/servable.json: is not JSON'],
    ['a manifest whose model is gone', { '1/servable.json': JSON.stringify(MANIFEST) }, 'BASE/1/servable.json names model.onnx, which cannot be read (no such file)'],
    ['a manifest whose model is a folder', { '1/servable.json': JSON.stringify(MANIFEST), '1/model.onnx/x': '' }, 'BASE/1/servable.json names model.onnx, which is no file'],
    ['a manifest that names no model', { '1/servable.json': JSON.stringify({ ...MANIFEST, files: { onnx: null, tfjs: null, savedModel: false, labels: null } }) }, 'BASE/1/servable.json names no model'],
    ['text', { '1/model.json': 'hello' }, 'BASE/1/model.json is not JSON'],
    ['an array', { '1/model.json': '[]' }, 'BASE/1/model.json is not a model'],
    ['no weights', { '1/model.json': '{"modelTopology":{}}' }, 'BASE/1/model.json has no modelTopology and weightsManifest'],
    ['a layers model', { '1/model.json': '{"format":"layers-model"}' }, 'BASE/1/model.json is a TensorFlow.js layers model'],
    ['a missing weight file', { '1/model.json': graph(['w.bin']) }, 'cannot read BASE/1/w.bin (no such file)'],
    ['a weight file elsewhere', { '1/model.json': graph(['../../w.bin']) }, 'BASE/1/model.json names the weight file "../../w.bin"'],
    ['an absolute weight file', { '1/model.json': graph(['/etc/passwd']) }, 'BASE/1/model.json names the weight file "/etc/passwd"'],
    ['weights that are no list', { '1/model.json': '{"modelTopology":{},"weightsManifest":[{"paths":[1],"weights":[]}]}' }, 'has no modelTopology and weightsManifest'],
    ['an input of unknown size', { '1/model.json': graph([], '-1') }, 'BASE/1/model.json has the input images of shape [1,-1,-1,3]: expected [1, height, width, 3]'],
    ['no input', { '1/model.json': JSON.stringify({ modelTopology: { node: [] }, weightsManifest: [] }) }, 'BASE/1/model.json has 0 inputs: expected one, the image'],
  ])('says what is wrong with %s', async (_what, files, expected) => {
    await put(files);
    const error = await readServable('m', base, OPTIONS).then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(expected.replaceAll('BASE', base));
    expect((error as Error).message).not.toContain('\n');
  });

  it('says that the folder is not there', async () => {
    await expect(readServable('m', join(base, 'nope'), OPTIONS)).rejects.toThrow(`Could not find base path ${join(base, 'nope')} for servable m with error no such folder`);
  });
});

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/core/errors.js';
import { readGraphFiles } from '../../src/model-server/engines/graph-files.js';
import { readModelFiles } from '../../src/model-server/model-files.js';

let base = '';
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'sightline-model-'));
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

const manifest = (paths: string[]): string => JSON.stringify({ format: 'graph-model', modelTopology: { node: [] }, weightsManifest: [{ paths, weights: [] }] });

async function put(files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(base, path, '..'), { recursive: true });
    await writeFile(join(base, path), text);
  }
}

describe('readModelFiles', () => {
  it('finds the built-in model', async () => {
    const model = await readModelFiles('default', null);
    expect(model.version).toBe('1');
    expect(model.manifest.files.tfjs).toBe('centernet.json');
    expect((await readGraphFiles(join(model.path, 'centernet.json'))).weights.length).toBe(4_030_290);
  });

  it('takes the highest version by number and joins its weight files', async () => {
    await put({ '9/model.json': manifest([]), '010/model.json': manifest(['a.bin', 'b.bin']), '010/a.bin': 'ab', '010/b.bin': 'c', 'notes.txt': 'x', '99': 'a file' });
    const model = await readModelFiles('m', base);
    expect(model.version).toBe('10');
    expect(model.path).toBe(join(base, '010'));
    expect((await readGraphFiles(join(model.path, model.manifest.files.tfjs ?? ''))).weights.toString()).toBe('abc');
  });

  it.each<[string, Record<string, string>, string]>([
    ['no version', { 'saved/model.json': '{}' }, "No versions of servable m found under base path BASE. Did you forget to name your leaf directory as a number (eg. '/1/')?"],
    ['a SavedModel', { '1/saved_model.pb': '' }, 'BASE/1 holds a TensorFlow SavedModel, which the embedded server does not run'],
    ['an empty version', { '1/readme': '' }, 'BASE/1 holds no model.json: expected a TensorFlow.js graph model'],
  ])('says what is wrong with %s', async (_what, files, expected) => {
    await put(files);
    const error = await readModelFiles('m', base).then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(expected.replace('BASE', base));
    expect((error as Error).message).not.toContain('\n');
  });

  it('says that the folder is not there', async () => {
    await expect(readModelFiles('m', join(base, 'nope'))).rejects.toThrow(`Could not find base path ${join(base, 'nope')} for servable m with error no such folder`);
  });
});

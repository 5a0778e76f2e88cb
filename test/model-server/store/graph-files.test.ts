import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfigError } from '../../../src/core/errors.js';
import { readGraphFiles } from '../../../src/model-server/store/graph-files.js';

let base = '';
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'sightline-graph-'));
});
afterEach(async () => {
  await rm(base, { recursive: true });
});

const manifest = (paths: string[]): string => JSON.stringify({ format: 'graph-model', modelTopology: { node: [] }, weightsManifest: [{ paths, weights: [] }] });

async function put(files: Record<string, string>): Promise<string> {
  for (const [path, text] of Object.entries(files)) await writeFile(join(base, path), text);
  return join(base, 'model.json');
}

describe('readGraphFiles', () => {
  it('joins weight files in the order of the manifest', async () => {
    const path = await put({ 'model.json': manifest(['b.bin', 'a.bin']), 'a.bin': 'ab', 'b.bin': 'c' });
    expect((await readGraphFiles(path)).weights.toString()).toBe('cab');
  });

  it.each<[string, Record<string, string>, string]>([
    ['no model.json', {}, 'cannot read BASE/model.json (no such file)'],
    ['text', { 'model.json': 'hello' }, 'BASE/model.json is not JSON'],
    ['an array', { 'model.json': '[]' }, 'BASE/model.json is not a model'],
    ['no weights', { 'model.json': '{"modelTopology":{}}' }, 'BASE/model.json has no modelTopology and weightsManifest'],
    ['a layers model', { 'model.json': '{"format":"layers-model"}' }, 'BASE/model.json is a TensorFlow.js layers model'],
    ['a missing weight file', { 'model.json': manifest(['w.bin']) }, 'cannot read BASE/w.bin (no such file)'],
    ['a weight file elsewhere', { 'model.json': manifest(['../../w.bin']) }, 'BASE/model.json names the weight file "../../w.bin"'],
    ['an absolute weight file', { 'model.json': manifest(['/etc/passwd']) }, 'BASE/model.json names the weight file "/etc/passwd"'],
    ['weights that are no list', { 'model.json': '{"modelTopology":{},"weightsManifest":[{"paths":[1],"weights":[]}]}' }, 'has no modelTopology and weightsManifest'],
  ])('says what is wrong with %s', async (_what, files, expected) => {
    const error = await readGraphFiles(await put(files)).then(() => null, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toContain(expected.replace('BASE', base));
    expect((error as Error).message).not.toContain('\n');
  });
});

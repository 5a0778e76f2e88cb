import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';

import { describe, expect, it } from 'vitest';

import { cacheDir } from '../../src/config/cache-dir.js';
import { SETTING_VARIABLES } from '../../src/config/environment-layer.js';
import { nearestWord } from '../../src/config/nearest-word.js';
import { serviceSchema } from '../../src/config/service-schema.js';
import { streamSchema } from '../../src/config/stream-schema.js';

describe('cacheDir', () => {
  it.each([
    [{ HOME: '/home/a' }, 'linux', '/home/a/.cache/sightline'],
    [{ HOME: '/Users/a' }, 'darwin', '/Users/a/Library/Caches/sightline'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: '/var/cache/a' }, 'linux', '/var/cache/a/sightline'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: 'relative' }, 'linux', '/home/a/.cache/sightline'],
    [{ HOME: '/home/a', XDG_CACHE_HOME: '/x', SIGHTLINE_CACHE_DIR: '/own' }, 'linux', '/own'],
    [{ HOME: '/home/a', SIGHTLINE_CACHE_DIR: '' }, 'linux', '/home/a/.cache/sightline'],
    [{}, 'linux', `${homedir()}/.cache/sightline`],
  ] as const)('of %j on %s is %s', (env, platform, folder) => {
    expect(cacheDir(env, platform)).toBe(folder);
  });
});

describe('nearestWord', () => {
  it.each([
    ['prot', 'port'],
    ['max_batch_size', 'maxBatchSize'],
    ['maxBatchsize', 'maxBatchSize'],
    ['maxBatchSizes', 'maxBatchSize'],
    ['hots', 'host'],
    ['ho', null],
    ['', null],
    ['completely different', null],
  ])('of %j is %j', (word, nearest) => {
    expect(nearestWord(word, ['host', 'port', 'maxBatchSize'])).toBe(nearest);
  });
});

describe('the variables', () => {
  it('are the settings in upper snake case', () => {
    expect(SETTING_VARIABLES).toEqual(expect.arrayContaining(['SIGHTLINE_SERVER_PORT', 'SIGHTLINE_BACKEND_ENDPOINTS', 'SIGHTLINE_BATCHING_MAX_BATCH_SIZE', 'SIGHTLINE_BACKEND_EMBEDDED_MODEL_DIR', 'SIGHTLINE_LABELS']));
  });
});

describe('docs/configuration.md', () => {
  it('tells every variable', () => {
    const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    expect(SETTING_VARIABLES.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  it('tells every key', () => {
    const text = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8');
    expect(Object.keys(streamSchema.shape).filter((key) => !text.includes(`| \`${key}\` |`))).toEqual([]);
    expect(Object.keys(serviceSchema.shape).filter((key) => !text.includes(`### ${key}\n`))).toEqual([]);
  });
});

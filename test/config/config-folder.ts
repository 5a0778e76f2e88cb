import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { ConfigError } from '../../src/core/errors.js';
import { loadConfig, type LoadConfigOptions } from '../../src/config/load-config.js';
import type { ServiceConfig } from '../../src/config/service-config.js';

/** Files of a folder, by their path in it. */
export type Files = Readonly<Record<string, string>>;

/** Writes files into a new folder, hands it to `use` and removes it. */
export async function inFolder<T>(files: Files, use: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'config-'));
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      await writeFile(join(folder, path), text);
    }
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Loads a folder's configuration; paths below it read `~/…`. */
export async function load(files: Files, options: Omit<LoadConfigOptions, 'cwd'> = {}): Promise<ServiceConfig> {
  return inFolder(files, async (folder) => JSON.parse(JSON.stringify(await loadConfig({ env: {}, ...options, cwd: folder })).replaceAll(folder, '~')) as ServiceConfig);
}

/** Lines of the error that loading ends with. */
export async function problems(files: Files, options: Omit<LoadConfigOptions, 'cwd'> = {}): Promise<string[]> {
  return inFolder(files, async (folder) => {
    try {
      await loadConfig({ env: {}, ...options, cwd: folder });
    } catch (error) {
      if (error instanceof ConfigError) return error.message.replaceAll(folder, '~').split('\n');
      throw error;
    }
    return [];
  });
}

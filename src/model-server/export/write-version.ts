import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigError } from '../../core/errors.js';

/** Where a version of a model is to be written: `outFolder/name/version`; `next`: one above the highest that is there. */
export type VersionPlace = { readonly outFolder: string; readonly name: string; readonly version: number | 'next' };

const MODEL_NAME = /^[A-Za-z0-9][\w.-]{0,63}$/u;
/** Others may take the next number at the same time. */
const MAX_TRIES = 20;

/** Writes a version folder as a whole: whoever watches the model's folder finds all of it or nothing.
 * @param fill writes the files into the folder it is given
 * @throws {ConfigError} the version is there already, or the folder cannot be written; nothing is left behind */
export async function writeVersion<T>({ outFolder, name, version }: VersionPlace, fill: (folder: string) => Promise<T>): Promise<{ readonly folder: string; readonly version: string; readonly filled: T }> {
  if (!MODEL_NAME.test(name)) throw new ConfigError([{ file: null, path: '--name', message: `expected 1 to 64 letters, digits, -, _ and ., got ${JSON.stringify(name.slice(0, 80))}` }]);
  const modelFolder = resolve(outFolder, name);
  if (version !== 'next' && existsSync(join(modelFolder, String(version)))) throw exists(modelFolder, version);
  // Hidden, and no number: no server takes it for a version.
  const temporary = join(modelFolder, `.${randomBytes(6).toString('hex')}.tmp`);
  try {
    await mkdir(temporary, { recursive: true });
    const filled = await fill(temporary);
    const folder = await settle(temporary, modelFolder, version);
    return { ...folder, filled };
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    if (error instanceof Error && 'code' in error && 'syscall' in error) throw new ConfigError([{ file: null, path: '--out', message: `${modelFolder} cannot be written (${String(error.code)}): name another folder` }]);
    throw error;
  }
}

async function settle(temporary: string, modelFolder: string, version: number | 'next'): Promise<{ readonly folder: string; readonly version: string }> {
  for (let attempt = 0; attempt < MAX_TRIES; attempt += 1) {
    const number = version === 'next' ? await nextVersion(modelFolder) : version;
    const folder = join(modelFolder, String(number));
    // An empty folder would be replaced.
    if (existsSync(folder) && version !== 'next') throw exists(modelFolder, version);
    if (existsSync(folder)) continue;
    try {
      await rename(temporary, folder);
      return { folder, version: String(number) };
    } catch (error) {
      const code = error instanceof Error && 'code' in error ? error.code : null;
      if (code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
      if (version !== 'next') throw exists(modelFolder, version);
    }
  }
  throw new ConfigError([{ file: null, path: '--version', message: `others write versions of ${modelFolder} all the time: name one` }]);
}

async function nextVersion(modelFolder: string): Promise<number> {
  const names = await readdir(modelFolder);
  return 1 + Math.max(0, ...names.filter((name) => /^[0-9]{1,15}$/u.test(name)).map(Number));
}

function exists(modelFolder: string, version: number | string): ConfigError {
  return new ConfigError([{ file: null, path: '--version', message: `${join(modelFolder, String(version))} is there already: name another version, or leave it out for the next one` }]);
}

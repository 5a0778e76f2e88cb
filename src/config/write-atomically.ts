import { randomBytes } from 'node:crypto';
import { lstat, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Files with passwords in them are for their owner; one that is there keeps its own mode. */
const NEW_FILE_MODE = 0o600;

/** Puts a text in place of a file as a whole: whoever reads it, at whatever moment, also after a loss of power, finds all of the old one or all of the new one.
 * @throws {NodeJS.ErrnoException} the old file is as it was, and nothing is left beside it */
export async function writeAtomically(file: string, text: string): Promise<void> {
  const folder = dirname(file);
  const mode = await lstat(file).then((facts) => facts.mode & 0o777, () => NEW_FILE_MODE);
  // Hidden, and of another ending: it is no stream while it is there.
  const temporary = join(folder, `.${basename(file)}.${randomBytes(6).toString('hex')}.tmp`);
  try {
    const handle = await open(temporary, 'wx', mode);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(folder);
}

/** Takes a file away for good.
 * @throws {NodeJS.ErrnoException} it is still there */
export async function removeFile(file: string): Promise<void> {
  await rm(file);
  await syncFolder(dirname(file));
}

/** Makes sure that a rename outlives a loss of power. */
async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    // Some file systems do not sync folders; what was renamed is in place all the same.
    if (!(error instanceof Error && 'code' in error)) throw error;
  }
}

import { readFile, stat } from 'node:fs/promises';
import { ConfigError } from '../../core/errors.js';
import { readFailure } from './store-problem.js';

/** Reads a file that comes from outside.
 * @param expectation end of the message when it cannot be read
 * @throws {ConfigError} it is not there, cannot be read, or is larger than `maxBytes` */
export async function readBoundedFile(path: string, maxBytes: number, expectation: string): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw new ConfigError([{ file: null, path: '', message: `${path} is larger than ${String(maxBytes)} bytes: ${expectation}` }]);
    return await readFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([{ file: null, path: '', message: `cannot read ${path} (${readFailure(error, 'file')}): ${expectation}` }]);
  }
}

import { readFile, stat } from 'node:fs/promises';
import { ConfigError } from '../../../core/errors.js';

/** What is wrong with a file of a graph. */
export function graphProblem(file: string | null, path: string, message: string): ConfigError {
  return new ConfigError([{ file, path, message }]);
}

/** Reads a whole file.
 * @throws {ConfigError} when it cannot be read or is larger than that */
export async function readBounded(path: string, maxBytes: number): Promise<Buffer> {
  try {
    const { size } = await stat(path);
    if (size > maxBytes) throw graphProblem(path, '', `it is larger than ${maxBytes} bytes, the most that is read`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? String(error);
    throw graphProblem(path, '', `cannot be read (${code === 'ENOENT' ? 'no such file' : code})`);
  }
}

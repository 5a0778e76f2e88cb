import { ConfigError } from '../../core/errors.js';

/** What is wrong with a folder of models. */
export function storeProblem(message: string): ConfigError {
  return new ConfigError([{ file: null, path: '', message }]);
}

/** Why a file or folder cannot be read, in words: `no such file`. */
export function readFailure(error: unknown, what: 'file' | 'folder'): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  if (code === 'ENOENT') return `no such ${what}`;
  return code === 'ENOTDIR' ? 'not a folder' : code;
}

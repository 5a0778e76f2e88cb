import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The Python that has TensorFlow and the official stubs.
 * @throws without one: `npm run test:conformance` makes it */
export function conformancePython(): string {
  const python = process.env['SIGHTLINE_CONFORMANCE_PYTHON'];
  if (python === undefined) throw new Error('run these tests with `npm run test:conformance`');
  return python;
}

/** Path of a script of this folder. */
export function scriptPath(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Runs a script of this folder to its end.
 * @returns what it printed, one JSON value */
export function askPython<T>(script: string, args: readonly string[], input: string | Buffer): Promise<T> {
  return new Promise((resolve, reject) => {
    const child = execFile(conformancePython(), [scriptPath(script), ...args], { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(JSON.parse(stdout) as T);
      else reject(new Error(stderr, { cause: error }));
    });
    child.stdin?.end(input);
  });
}

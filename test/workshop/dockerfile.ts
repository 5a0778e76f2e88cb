import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './sandbox.js';

/** `Dockerfile.gpu`, a line an instruction: none goes on over several. */
export function readInstructions(): string[] {
  return readDockerfile().split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}

export function readDockerfile(): string {
  return readFileSync(join(ROOT, 'Dockerfile.gpu'), 'utf8');
}

/** The instructions of a stage, without its FROM.
 * @throws when there is no such stage */
export function readStage(name: string): string[] {
  const instructions = readInstructions();
  const start = instructions.findIndex((line) => line.startsWith('FROM ') && line.endsWith(` AS ${name}`));
  if (start < 0) throw new Error(`no stage ${name}`);
  const rest = instructions.slice(start + 1);
  const end = rest.findIndex((line) => line.startsWith('FROM '));
  return end < 0 ? rest : rest.slice(0, end);
}

import { ConfigError } from '../core/errors.js';

/** Reads `--threshold`.
 * @throws {ConfigError} it is no number from 0 to 1 */
export function parseThreshold(text: string): number {
  const threshold = Number(text);
  if (text.trim() === '' || !(threshold >= 0 && threshold <= 1)) throw new ConfigError([{ file: null, path: '--threshold', message: `expected a number from 0 to 1, got ${text}` }]);
  return threshold;
}

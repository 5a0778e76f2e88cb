import { homedir } from 'node:os';
import { isAbsolute, join, resolve } from 'node:path';

/** Finds the folder for what can be made again (the demo clip, the default model): `SIGHTLINE_CACHE_DIR`, else `sightline` in `XDG_CACHE_HOME`, else in
 * `~/Library/Caches` on macOS and in `~/.cache` elsewhere. Nothing is created.
 * @returns an absolute path
 */
export function cacheDir(env: NodeJS.ProcessEnv = process.env, platform: NodeJS.Platform = process.platform): string {
  const own = env['SIGHTLINE_CACHE_DIR'] ?? '';
  if (own !== '') return resolve(own);
  // The XDG specification: relative paths are to be ignored.
  const xdg = env['XDG_CACHE_HOME'] ?? '';
  if (isAbsolute(xdg)) return join(xdg, 'sightline');
  const home = env['HOME'] ?? '';
  return join(isAbsolute(home) ? home : homedir(), platform === 'darwin' ? 'Library/Caches' : '.cache', 'sightline');
}

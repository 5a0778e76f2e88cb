import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, run, say } from './commands.mjs';
import { Problem } from './problem.mjs';

/**
 * Draws the demo clip into the user's cache folder, where it is not there yet.
 *
 * Where it lies and how it looks is the package's own business: both are asked of the build. Drawing is done by a process of
 * its own, which takes the memory it needs along when it ends.
 */
export async function ensureDemoClip() {
  const { cacheDir } = await load('config/cache-dir.js');
  const { demoClipPath } = await load('demo/demo-clip.js');
  if (existsSync(demoClipPath(cacheDir()))) return;
  say('drawing the demo clip (about ten seconds)');
  const { code, output } = await run(process.execPath, [join(ROOT, 'scripts/lib/draw-demo-clip.mjs')]);
  if (code !== 0) throw new Problem(`the demo clip could not be drawn: ${output.trim()}`);
}

/**
 * @param {string} path of a module of the build
 * @returns {Promise<any>} its exports; their types are those of `src`, which may not be built when this is checked
 */
export function load(path) {
  return import(new URL(`../../dist/${path}`, import.meta.url).href);
}

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { load } from './demo-clip.mjs';
import { ROOT, run, say } from './commands.mjs';

/**
 * Makes the default model ready for its engines, in the user's cache folder, where it is not there yet.
 *
 * A failure is told and is no end: the service makes it itself, or uses the model as it is.
 */
export async function ensureDefaultModel() {
  const { cacheDir } = await load('config/cache-dir.js');
  const { defaultServablePath } = await load('model-server/store/default-model.js');
  if (existsSync(join(defaultServablePath(cacheDir()), 'servable.json'))) return;
  say('making the default model ready (a few seconds)');
  const { code, output } = await run(process.execPath, [join(ROOT, 'scripts/lib/export-default-model.mjs')]);
  if (code !== 0) say(`the default model could not be made ready: ${output.trim()}; it is used as it is, which is slower`);
}

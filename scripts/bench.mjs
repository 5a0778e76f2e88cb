#!/usr/bin/env node
// npm run bench [-- --quick] [NAME…]
import { join, resolve } from 'node:path';
import { ROOT } from './lib/commands.mjs';
import { runMain } from './lib/problem.mjs';
import { setUp } from './lib/set-up.mjs';

await runMain(async () => {
  // Cameras and stand-in backends are those of the tests.
  await setUp({ test: true, steps: ['packages', 'modules', 'build'] });
  // Only now: before set-up there may be no Vite.
  const { runnerImport } = await import('vite');

  /**
   * Loads a TypeScript file of the suite. What it imports from `src` is taken from the build, as users run it.
   * @param {string} path
   */
  const load = async (path) => {
    /** @type {import('vite').Plugin} */
    const useBuild = {
      name: 'use-build',
      enforce: 'pre',
      resolveId(source, importer) {
        if (importer === undefined || !source.startsWith('.')) return null;
        const target = resolve(importer, '..', source);
        const sources = join(ROOT, 'src/');
        return target.startsWith(sources) ? { id: join(ROOT, 'dist', target.slice(sources.length)), external: true } : null;
      },
    };
    const { module } = await runnerImport(path, { configFile: false, root: ROOT, logLevel: 'error', plugins: [useBuild] });
    return module;
  };
  const { runSuite } = await load(join(ROOT, 'bench/run.ts'));
  return await runSuite(process.argv.slice(2), load);
});

#!/usr/bin/env node
// npm start [-- ARGUMENTS OF `sightline serve`]
import { fileURLToPath } from 'node:url';
import { runMain } from './lib/problem.mjs';
import { setUp } from './lib/set-up.mjs';

await runMain(async () => {
  await setUp();
  const command = new URL('../bin/sightline.js', import.meta.url);
  // In this very process: Ctrl-C and signals reach the service directly, and nothing stands between it and its parent.
  process.argv = [process.execPath, fileURLToPath(command), 'serve', ...process.argv.slice(2)];
  await import(command.href);
});

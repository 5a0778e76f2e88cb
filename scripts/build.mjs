#!/usr/bin/env node
// npm run build
import { ensureBuilt } from './lib/build.mjs';
import { runMain } from './lib/problem.mjs';

await runMain(async () => {
  await ensureBuilt();
  return 0;
});

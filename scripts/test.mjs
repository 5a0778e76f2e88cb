#!/usr/bin/env node
// npm test [-- ARGUMENTS OF `vitest run`]
import { runMain } from './lib/problem.mjs';
import { setUp } from './lib/set-up.mjs';
import { formatCounts, runVitest } from './lib/vitest.mjs';

await runMain(async () => {
  await setUp({ test: true });
  const { code, counts } = await runVitest(process.argv.slice(2));
  process.stdout.write(`${formatCounts(counts)}\n`);
  return code;
});

#!/usr/bin/env node
// npm run setup [-- --test] [-- --only STEP[,STEP]]
import { Problem, runMain } from './lib/problem.mjs';
import { setUp, STEPS } from './lib/set-up.mjs';

await runMain(async () => {
  const { test, steps } = parse(process.argv.slice(2));
  await setUp({ test, steps });
  return 0;
});

/** @param {readonly string[]} args */
function parse(args) {
  /** @type {readonly string[]} */
  let steps = STEPS;
  let test = false;
  for (let index = 0; index < args.length; index++) {
    if (args[index] === '--test') test = true;
    else if (args[index] === '--only') steps = (args[++index] ?? '').split(',');
    else throw new Problem(`unknown argument ${String(args[index])}: usage is npm run setup [-- --test] [--only ${STEPS.join('|')}]`);
  }
  const unknown = steps.find((step) => !STEPS.some((known) => known === step));
  if (unknown !== undefined) throw new Problem(`unknown step "${unknown}": one of ${STEPS.join(', ')}`);
  return { test, steps };
}

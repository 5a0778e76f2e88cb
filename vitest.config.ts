import { defineConfig } from 'vitest/config';

/** Tests that take the whole machine: they run when all others are through, as those measure times. */
const LOUD = ['test/faults/starvation.test.ts', 'test/faults/crowd.test.ts'];

export default defineConfig({
  test: {
    maxWorkers: 2,
    pool: 'forks',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Real processes and sockets on a machine that others use too: a test fails when it fails twice. Those that needed it are named at the end.
    retry: 1,
    projects: [
      {
        extends: true,
        // Those of conformance need packages from PyPI: `npm run test:conformance`.
        test: { name: 'tests', include: ['test/**/*.test.ts'], exclude: ['test/conformance/**', ...LOUD], sequence: { groupOrder: 0 } },
      },
      { extends: true, test: { name: 'loud', include: LOUD, sequence: { groupOrder: 1 }, fileParallelism: false, maxWorkers: 1 } },
    ],
  },
});

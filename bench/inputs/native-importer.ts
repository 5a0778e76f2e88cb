import { createRequire } from 'node:module';
import type { Importer } from '../../src/model-server/engines/load-engine.js';

const require = createRequire(import.meta.url);

/** Loads native packages by Node itself: what loads the suite's TypeScript has gone when a benchmark runs, and can import nothing any more. */
export const importNative: Importer = (name) => Promise.resolve(require(name) as unknown);

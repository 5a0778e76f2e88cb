import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { storeProblem } from './store-problem.js';

/** What the default model is called, and its one version. */
export const DEFAULT_MODEL = { name: 'default', version: 1 } as const;
/** Output of the default model's graph that its detections are in. */
export const DEFAULT_MODEL_OUTPUT = 'tower_0/detections';

const PACKAGE_NAME = '@vladmandic/human';
const GRAPH_FILE = 'models/centernet.json';

/** Finds the graph of the default model.
 *
 * The package hides its folder from `require.resolve`, so its folder is looked for where Node would.
 * @throws {ConfigError} the package is not installed */
export function defaultModelPath(): string {
  for (const folder of createRequire(import.meta.url).resolve.paths(PACKAGE_NAME) ?? []) {
    const path = join(folder, PACKAGE_NAME, GRAPH_FILE);
    if (existsSync(path)) return path;
  }
  throw storeProblem(`the default model is missing (package ${PACKAGE_NAME}): install again with npm ci, or give --model_base_path`);
}

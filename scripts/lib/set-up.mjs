import { ensureBuilt } from './build.mjs';
import { ensureDefaultModel } from './default-model.mjs';
import { ensureDemoClip } from './demo-clip.mjs';
import { ensureNodeModules } from './node-modules.mjs';
import { requireNode } from './problem.mjs';
import { ensureSystemPackages, RUN_NEEDS, TEST_NEEDS } from './system-packages.mjs';

/** In the order in which they build on each other. */
export const STEPS = /** @type {const} */ (['packages', 'modules', 'build', 'model', 'demo']);

/**
 * Brings the checkout to where the service runs; does nothing, silently, where it already does.
 * @param {{ test?: boolean, steps?: readonly string[] }} [options] `test`: with what tests need beside it; `steps`: only these of {@link STEPS}
 */
export async function setUp(options = {}) {
  requireNode(process.versions.node);
  const steps = options.steps ?? STEPS;
  if (steps.includes('packages')) await ensureSystemPackages(options.test === true ? [...RUN_NEEDS, ...TEST_NEEDS] : RUN_NEEDS);
  if (steps.includes('modules')) await ensureNodeModules();
  if (steps.includes('build')) await ensureBuilt();
  if (steps.includes('model')) await ensureDefaultModel();
  if (steps.includes('demo')) await ensureDemoClip();
}

import { LOG_LEVELS, createLogger } from '../../telemetry/logger.js';
import type { LoadedServable } from '../engines/engine.js';
import { chooseEngine } from '../engines/load-engine.js';
import type { ServableManifest } from '../store/servable-manifest.js';
import type { Tensor } from '../../serving/tensor.js';
import { isDivisible } from './batch-parts.js';
import { serveEngine } from './serve-engine.js';
import { planWorkers } from './worker-plan.js';

/** Side of the picture that the time is measured with where a model takes all sizes alike. */
const ANY_SIDE_PX = 256;

const level = process.argv.find((argument) => argument.startsWith('--log-level='))?.slice('--log-level='.length);
const log = createLogger({ level: LOG_LEVELS.find((known) => known === level) ?? 'info', format: 'json' });

// Entry of an engine's own process: one engine, one servable.
await serveEngine(async ({ servable, engine: choice, workers, cores }) => {
  const engine = await chooseEngine(choice, servable, log);
  const { name, version, device } = engine;
  const plan = planWorkers(engine, servable.manifest, workers, cores);
  const loaded = await engine.load(servable, { threads: plan.threads });
  return { servable: loaded, facts: { engine: { name, version, device }, signature: loaded.signature, plan, msPerImage: await measure(loaded, servable.manifest) } };
}, log);

/** Time of one picture, ms; `null` for servables that take something else. */
async function measure(loaded: LoadedServable, { inputSize }: ServableManifest): Promise<number | null> {
  const [input] = loaded.signature.inputs.keys();
  if (input === undefined || !isDivisible(loaded.signature)) return null;
  const [heightPx, widthPx] = [inputSize?.heightPx ?? ANY_SIDE_PX, inputSize?.widthPx ?? ANY_SIDE_PX];
  const picture: Tensor = { dtype: 'uint8', shape: [1, heightPx, widthPx, 3], data: new Uint8Array(heightPx * widthPx * 3) };
  const startMs = performance.now();
  await loaded.run(new Map([[input, picture]]), [...loaded.signature.outputs.keys()]);
  return performance.now() - startMs;
}

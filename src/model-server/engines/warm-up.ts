import { NUMERIC_LAYOUTS, type Tensor } from '../../serving/tensor.js';
import type { ServableManifest } from '../store/servable-manifest.js';
import { LETTERBOX_GREY } from '../store/recipe.js';
import { oneLine, servableProblem } from './engine-problems.js';
import type { LoadedServable } from './engine.js';

/** The first run prepares kernels and memory and takes about twice the time of the others. */
const WARM_UP_RUNS = 3;
/** Side of a warm-up picture where a model takes all sizes alike. */
const ANY_SIDE_PX = 256;

/** Runs a servable on a grey picture until it is warm, and closes it when it cannot do that.
 * @param path of the servable, for messages
 * @throws {ConfigError} when it does not run, or answers with something else than its signature says. Of models whose inputs are not known to be pictures only the answer counts: what they take
 * is guessed */
export async function warmUp<T extends LoadedServable>(servable: T, manifest: ServableManifest, path: string): Promise<T> {
  try {
    const inputs = warmUpInputs(manifest);
    const outputNames = [...manifest.signature.outputs.keys()];
    for (let run = 0; inputs !== null && run < WARM_UP_RUNS; run += 1) await servable.run(inputs, outputNames);
    return servable;
  } catch (error) {
    if (manifest.kind === 'other') return servable;
    await servable.close();
    throw servableProblem(path, `does not run: ${oneLine(error)}`);
  }
}

/** One grey picture where the signature has sizes for one, ones where it leaves a size open; `null`: its inputs cannot be made up. */
function warmUpInputs({ signature, inputSize }: ServableManifest): Map<string, Tensor> | null {
  const inputs = new Map<string, Tensor>();
  for (const [name, info] of signature.inputs) {
    if (info.shape === null || !(info.dtype in NUMERIC_LAYOUTS)) return null;
    const dtype = info.dtype as keyof typeof NUMERIC_LAYOUTS;
    const isPicture = dtype === 'uint8' && info.shape.length === 4 && info.shape[3] === 3;
    const sides = [1, inputSize?.heightPx ?? ANY_SIDE_PX, inputSize?.widthPx ?? ANY_SIDE_PX, 3];
    const shape = info.shape.map((size, axis) => (size >= 0 ? size : isPicture ? (sides[axis] ?? 1) : 1));
    const layout = NUMERIC_LAYOUTS[dtype];
    const data = new layout.array(shape.reduce((product, size) => product * size, layout.valuesPerElement));
    if (data instanceof Uint8Array && isPicture) data.fill(LETTERBOX_GREY);
    inputs.set(name, { dtype, shape, data } as Tensor);
  }
  return inputs;
}

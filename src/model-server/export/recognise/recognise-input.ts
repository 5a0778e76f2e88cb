import type { InputRecipe } from '../../store/recipe.js';
import { describe, describeAll, recognitionProblem, sizeOf, type Endpoint } from './endpoint.js';
import { WISH_OPTIONS, type Normalization, type RecipeWishes } from './recipe-wishes.js';
import type { Size } from '../../../core/geometry.js';

/** What the kind of a graph says of its input, where nobody says anything else. */
export type InputHabits = { readonly normalization: Normalization; readonly resize: InputRecipe['resize']; /** For graphs of any size. */ readonly size: Size | null };

const CHANNELS = 3;
const MAX_SIDE_PX = 16_384;
const DTYPES: Readonly<Record<string, InputRecipe['dtype']>> = { float: 'float', float32: 'float', half: 'half', float16: 'half', uint8: 'uint8', int32: 'int32' };

type Triple = readonly [number, number, number];
const NORMALIZATIONS: Readonly<Record<Normalization, { readonly mean: Triple; readonly deviation: Triple }>> = {
  none: { mean: [0, 0, 0], deviation: [1, 1, 1] },
  'zero-to-one': { mean: [0, 0, 0], deviation: [255, 255, 255] },
  'minus-one-to-one': { mean: [127.5, 127.5, 127.5], deviation: [127.5, 127.5, 127.5] },
  // torchvision's mean and deviation of [0, 1], in bytes.
  imagenet: { mean: [123.675, 116.28, 103.53], deviation: [58.395, 57.12, 57.375] },
};

/** The one input, which takes pictures.
 * @throws {ConfigError} when there are several, or it is not a picture's */
export function pictureInput(inputs: readonly Endpoint[]): Endpoint {
  const [input, ...others] = inputs;
  if (input === undefined || others.length > 0) throw recognitionProblem('inputs', `it has the inputs ${describeAll(inputs)}: expected one that takes pictures; export the model without the others`);
  if (input.shape?.length !== 4 || DTYPES[input.dtype] === undefined) throw recognitionProblem('inputs', `its input ${describe(input)} takes no pictures: expected float, half, uint8 or int32 [batch, height, width, 3] or [batch, 3, height, width]`);
  return input;
}

/** @throws {ConfigError} when the layout is not to be seen, or not three channels */
export function layoutOf(input: Endpoint, wishes: RecipeWishes): InputRecipe['layout'] {
  const [first, last] = [sizeOf(input, 1), sizeOf(input, 3)];
  const fits = { nchw: first === CHANNELS || first === null, nhwc: last === CHANNELS || last === null };
  if (wishes.layout !== undefined) {
    if (fits[wishes.layout]) return wishes.layout;
    throw recognitionProblem(WISH_OPTIONS.layout, `its input ${describe(input)} is not ${wishes.layout}`);
  }
  if ((first === CHANNELS) !== (last === CHANNELS)) return first === CHANNELS ? 'nchw' : 'nhwc';
  if (fits.nchw || fits.nhwc) throw recognitionProblem(WISH_OPTIONS.layout, `its input ${describe(input)} has its channels first or last: expected ${WISH_OPTIONS.layout} nchw or nhwc`);
  throw recognitionProblem('inputs', `its input ${describe(input)} takes no pictures of three channels`);
}

/** @throws {ConfigError} when its size is not known, or wishes contradict it */
export function inputRecipe(input: Endpoint, habits: InputHabits, wishes: RecipeWishes): InputRecipe {
  const layout = layoutOf(input, wishes);
  const resize = wishes.resize ?? habits.resize;
  const normalization = NORMALIZATIONS[wishes.normalization ?? habits.normalization];
  return {
    name: input.name,
    size: sizeFor(input, layout, habits, wishes),
    layout,
    dtype: DTYPES[input.dtype] ?? 'float',
    resize,
    channels: wishes.channels ?? 'rgb',
    mean: wishes.mean ?? normalization.mean,
    deviation: wishes.deviation ?? normalization.deviation,
    batchSize: sizeOf(input, 0),
  };
}

function sizeFor(input: Endpoint, layout: InputRecipe['layout'], habits: InputHabits, wishes: RecipeWishes): Size {
  const axis = layout === 'nchw' ? 2 : 1;
  const wish = wishes.inputSize ?? habits.size;
  const [heightPx, widthPx] = [sizeOf(input, axis) ?? wish?.heightPx, sizeOf(input, axis + 1) ?? wish?.widthPx];
  if (heightPx === undefined || widthPx === undefined) throw recognitionProblem(WISH_OPTIONS.inputSize, `its input ${describe(input)} takes pictures of any size: expected ${WISH_OPTIONS.inputSize} WIDTHxHEIGHT, the size that it was trained for`);
  if (wishes.inputSize !== undefined && (wishes.inputSize.heightPx !== heightPx || wishes.inputSize.widthPx !== widthPx)) {
    throw recognitionProblem(WISH_OPTIONS.inputSize, `its input ${describe(input)} takes pictures of ${widthPx}x${heightPx} only`);
  }
  if (heightPx < 1 || widthPx < 1 || heightPx > MAX_SIDE_PX || widthPx > MAX_SIDE_PX) throw recognitionProblem('inputs', `its input ${describe(input)} has no size of a picture: expected 1 to ${MAX_SIDE_PX} pixels a side`);
  return { heightPx, widthPx };
}

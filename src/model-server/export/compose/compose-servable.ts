import type { SignatureDef } from '../../../serving/metadata-messages.js';
import type { ClassificationRecipe, Recipe } from '../../store/recipe.js';
import { attr, OnnxBuilder } from '../onnx/onnx-builder.js';
import type { OnnxModel } from '../onnx/onnx-model.js';
import { adoptCore, recipeOutputs, type Core } from './adopt-core.js';
import { addDetectionOperators } from './detection-operators.js';
import { toFloat } from './found-rows.js';
import { addPictureOperators } from './picture-operators.js';
import { pruneGraph } from './prune-graph.js';
import { PICTURES_INPUT, PROBABILITIES_OUTPUT, recipeSignature } from './recipe-signature.js';
import { addCore } from './run-core.js';

/** Names of values that are neither the graph's nor the servable's. */
const PREFIX = 'sightline/';

/** A servable's model: complete, and what it takes and gives. */
export type ComposedServable = { readonly model: OnnxModel; readonly signature: SignatureDef };

/** Puts a graph between the operators that make its input of pictures and those that make the answer of its outputs. The model takes `inputs` uint8 `[n, h, w, 3]`,
 * RGB, any number of pictures of any size, and answers as the Object Detection API does, or with `probabilities` `[n, classes]`. The graph's operator sets are
 * kept; ONNX's own is raised to 18 where it is older, as scaling with antialiasing needs that.
 * @throws {ConfigError} when the graph is not what the recipe says, or its operator set cannot be raised */
export function composeServable(core: OnnxModel, recipe: Recipe): ComposedServable {
  const adopted = adoptCore(core, recipe);
  const signature = recipeSignature(recipe.output, knownSizes(adopted, recipe));
  const b = new OnnxBuilder(PREFIX);
  b.input(PICTURES_INPUT, 'uint8', ['n', 'h', 'w', 3]);
  const { value, place } = addPictureOperators(b, PICTURES_INPUT, recipe.input);
  const answer = addCore(b, adopted, value, recipe.input.batchSize, (inner) => addAnswer(inner, adopted, recipe, place));
  for (const [name, { shape }] of signature.outputs) b.output(name, answer.get(name) ?? '', 'float', shape?.map((size, axis) => (axis === 0 ? 'n' : size < 0 ? null : size)) ?? null);
  const model = b.toModel(core.metadata);
  return { model: { ...model, graph: pruneGraph(model.graph), irVersion: Math.max(model.irVersion, core.irVersion) }, signature };
}

function addAnswer(b: OnnxBuilder, core: Core, { input, output }: Recipe, place: Parameters<typeof addDetectionOperators>[4]): ReadonlyMap<string, string> {
  const outputOf = (name: string): string => {
    const { value, dtype } = core.output(name);
    return dtype === 'float' ? value : toFloat(b, value);
  };
  return output.kind === 'classification' ? new Map([[PROBABILITIES_OUTPUT, addProbabilities(b, output, outputOf)]]) : addDetectionOperators(b, output, input, outputOf, place);
}

function addProbabilities(b: OnnxBuilder, { output, activation }: ClassificationRecipe, outputOf: (name: string) => string): string {
  const flat = b.op('Flatten', [outputOf(output)], { axis: attr.int(1) });
  if (activation === 'none') return flat;
  return activation === 'sigmoid' ? b.op('Sigmoid', [flat]) : b.op('Softmax', [flat], { axis: attr.int(1) });
}

function knownSizes(core: Core, { output }: Recipe): ReadonlyMap<string, readonly number[]> {
  return new Map(recipeOutputs(output).map((name) => [name, (core.output(name).shape ?? []).map((size) => (typeof size === 'number' ? size : -1))]));
}

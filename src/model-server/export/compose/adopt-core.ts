import { ConfigError } from '../../../core/errors.js';
import type { OutputRecipe, Recipe } from '../../store/recipe.js';
import { BUILDER_OPSET } from '../onnx/onnx-builder.js';
import type { OnnxAttr, OnnxDType, OnnxGraph, OnnxModel } from '../onnx/onnx-model.js';
import { raiseOpset } from './raise-opset.js';

const PREFIX = 'core/';

/** A graph whose names collide with none of ours, at an operator set that ours are in too. */
export type Core = {
  readonly graph: OnnxGraph;
  readonly opsets: ReadonlyMap<string, number>;
  /** What it reads its pictures from. */
  readonly input: string;
  readonly inputDType: OnnxDType;
  /** Of an output that the recipe names: what it is called now and its element type. */
  readonly output: (name: string) => { readonly value: string; readonly dtype: OnnxDType; readonly shape: readonly (number | string | null)[] | null };
};

/** Names of the graph's outputs that a recipe reads. */
export function recipeOutputs(recipe: OutputRecipe): readonly string[] {
  switch (recipe.kind) {
    case 'rows':
    case 'classification':
      return [recipe.output];
    case 'yolo':
      return present([recipe.output, recipe.prototypes]);
    case 'boxes':
      return present([recipe.boxes, recipe.scores, recipe.classes, recipe.count]);
    case 'object-detection':
      return present([recipe.boxes, recipe.classes, recipe.scores, recipe.count, recipe.masks, recipe.keypoints?.points ?? null, recipe.keypoints?.scores ?? null]);
  }
}

/** Prepares a graph for standing inside another.
 * @throws {ConfigError} when it has not the input and the outputs that the recipe names, more inputs, or an operator set that cannot be used */
export function adoptCore(model: OnnxModel, recipe: Recipe): Core {
  const { graph, opsets } = raiseOpset(model, BUILDER_OPSET);
  const constants = new Set(graph.initializers.map(({ name }) => name));
  // Until version 4 of the format, constants were inputs too.
  const inputs = graph.inputs.filter(({ name }) => !constants.has(name));
  const [input, ...others] = inputs;
  if (input?.name !== recipe.input.name || others.length > 0) throw problem(`it has the inputs ${list(inputs.map(({ name }) => name))}: expected one, ${recipe.input.name}, which takes pictures`);
  const outputs = new Map(graph.outputs.map((output) => [output.name, output]));
  const missing = recipeOutputs(recipe.output).filter((name) => !outputs.has(name));
  if (missing.length > 0) throw problem(`it has no output ${list(missing)}, only ${list([...outputs.keys()])}`);
  return {
    graph: prefixed({ ...graph, inputs: [], outputs: [] }),
    opsets,
    input: `${PREFIX}${recipe.input.name}`,
    inputDType: input.dtype,
    output: (name) => {
      const output = outputs.get(name);
      if (output === undefined) throw new RangeError(`Expected an output of the graph, got ${name}`);
      return { value: `${PREFIX}${name}`, dtype: output.dtype, shape: output.shape };
    },
  };
}

function prefixed(graph: OnnxGraph): OnnxGraph {
  const rename = (name: string): string => (name === '' ? '' : `${PREFIX}${name}`);
  const renameAttr = (attr: OnnxAttr): OnnxAttr => (attr.kind === 'graph' ? { kind: 'graph', value: prefixed(attr.value) } : attr);
  const named = <T extends { readonly name: string }>(value: T): T => ({ ...value, name: rename(value.name) });
  return {
    name: graph.name,
    nodes: graph.nodes.map((node) => ({
      ...named(node),
      inputs: node.inputs.map(rename),
      outputs: node.outputs.map(rename),
      attrs: new Map([...node.attrs].map(([name, attr]) => [name, renameAttr(attr)])),
    })),
    initializers: graph.initializers.map(named),
    inputs: graph.inputs.map(named),
    outputs: graph.outputs.map(named),
  };
}

function present(names: readonly (string | null)[]): string[] {
  return names.filter((name) => name !== null);
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ');
}

function problem(message: string): ConfigError {
  return new ConfigError([{ file: null, path: 'model', message }]);
}

import type { ClassificationRecipe } from '../store/recipe.js';
import { activate } from './activation.js';
import { sliceOutput, type GraphOutputs } from './graph-outputs.js';

/** Reads how likely each class is in one picture of a batch.
 * @returns one value a class
 * @throws {Error} when the output is not there or has another shape than the recipe says */
export function readProbabilities(outputs: GraphOutputs, image: number, recipe: ClassificationRecipe): Float32Array {
  const isRow = ([classes, ...more]: readonly number[]): boolean => classes !== undefined && more.every((side) => side === 1);
  return activate(sliceOutput(outputs, recipe.output, image, isRow, '[n, classes]').data, recipe.activation);
}

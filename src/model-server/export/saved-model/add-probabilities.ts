import type { ClassificationRecipe } from '../../store/recipe.js';
import { activated, outputOf, type GraphOutputs } from './add-candidates.js';
import type { TfValue } from './graph-def-builder.js';
import type { TfOperators } from './tf-operators.js';

/** Adds what makes probabilities of what a classifier gives.
 * @returns float `[n, classes]` */
export function addProbabilities(tf: TfOperators, outputs: GraphOutputs, recipe: ClassificationRecipe): TfValue {
  const given = outputOf(tf, outputs, recipe.output);
  const count = tf.element(tf.shapeOf(given), 0);
  return activated(tf, tf.reshape(given, tf.pack([count, tf.int(-1)])), recipe.activation);
}

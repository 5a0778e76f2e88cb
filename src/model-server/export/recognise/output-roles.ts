import type { OutputRecipe } from '../../store/recipe.js';
import { describeAll, recognitionProblem, type Endpoint } from './endpoint.js';
import type { InputHabits } from './recognise-input.js';
import { WISH_OPTIONS } from './recipe-wishes.js';

/** What a graph's outputs are, and what that says of its input. */
export type RecognisedOutput = { readonly recipe: OutputRecipe; readonly labels: ReadonlyMap<number, string> | null; readonly habits: InputHabits };

/** The output of that name.
 * @throws {ConfigError} when there is none */
export function outputOf(outputs: readonly Endpoint[], name: string): Endpoint {
  const output = outputs.find((candidate) => candidate.name === name);
  if (output === undefined) throw recognitionProblem(WISH_OPTIONS.outputs, `it has no output ${name}, only ${describeAll(outputs)}`);
  return output;
}

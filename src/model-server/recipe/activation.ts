/** What makes a score in [0, 1] of what a graph gives. */
export type Activation = 'none' | 'sigmoid' | 'softmax';

/** Makes scores of all classes.
 * @param values of one picture or one box
 * @returns as many */
export function activate(values: Float32Array, activation: Activation): Float32Array {
  if (activation === 'none') return values;
  if (activation === 'sigmoid') return values.map(sigmoid);
  const highest = maximum(values);
  const powers = values.map((value) => Math.exp(value - highest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Makes the score of one class: the same as in {@link activate}, without the others.
 * @param value one of `values` */
export function activateOne(value: number, values: Float32Array, activation: Activation): number {
  if (activation === 'none') return value;
  if (activation === 'sigmoid') return sigmoid(value);
  const highest = maximum(values);
  let sum = 0;
  for (const other of values) sum += Math.exp(other - highest);
  return Math.exp(value - highest) / sum;
}

function sigmoid(value: number): number {
  return 1 / (1 + Math.exp(-value));
}

function maximum(values: Float32Array): number {
  let highest = -Infinity;
  for (const value of values) if (value > highest) highest = value;
  return highest;
}

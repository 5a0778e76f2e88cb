import type { GraphTensor } from '../engines/graph.js';

/** What a graph answered for a batch, by the graph's own names. */
export type GraphOutputs = ReadonlyMap<string, GraphTensor>;

/** An output's values for one picture. */
export type OutputSlice = {
  /** Without the batch. */
  readonly shape: readonly number[];
  readonly data: Float32Array;
};

/** Takes one picture's part out of an output.
 * @param image index in the batch
 * @param accepts whether it is what the recipe says, by its shape without the batch
 * @param expected that shape in words, `[n, rows, 4]`
 * @throws {Error} when the graph answers with something else */
export function sliceOutput(outputs: GraphOutputs, name: string, image: number, accepts: (shape: readonly number[]) => boolean, expected: string): OutputSlice {
  const output = outputs.get(name);
  if (output === undefined) throw new Error(`it has no output ${name}`);
  const [count = 0, ...shape] = output.shape;
  const size = shape.reduce((product, side) => product * side, 1);
  if (output.shape.length === 0 || image >= count || !accepts(shape)) throw new Error(`its output ${name} has the shape [${output.shape.join(',')}]: expected ${expected}`);
  return { shape, data: output.data.subarray(image * size, (image + 1) * size) };
}

import type { Recipe } from '../store/recipe.js';
import { VALUES_PER_ROW } from '../recipe/read-candidates.js';
import { shapeText } from './check-inputs.js';
import { servableProblem, oneLine } from './engine-problems.js';
import type { Graph, GraphTensor } from './graph.js';

const CHANNELS = 3;
const GREY = 114;
const MAX_SIDE_PX = 4096;

/** Completes the recipe of a graph that came without one (an output of rows named ''): takes the input's name and size as the graph declares them and finds the output
 * by running the graph once, as graphs often do not declare the shapes of their outputs. Other recipes pass as they are.
 * @param path of the servable, for messages
 * @throws {ConfigError} when the graph is no detector of this kind */
export async function completeRecipe(graph: Graph, recipe: Recipe, path: string): Promise<Recipe> {
  if (recipe.output.kind !== 'rows' || recipe.output.output !== '') return recipe;
  const [input, ...others] = graph.inputs;
  if (input === undefined || others.length > 0) throw servableProblem(path, `has ${String(graph.inputs.length)} inputs: expected one, the image`);
  const [batch, height, width, channels] = input.shape ?? [];
  if (input.shape?.length !== 4 || (batch !== 1 && batch !== -1) || !isSide(height) || !isSide(width) || channels !== CHANNELS) {
    throw servableProblem(path, `has the input ${input.name} of shape ${shapeText(input.shape)}: expected [1, height, width, 3]`);
  }
  const grey = { shape: [1, height, width, CHANNELS], data: new Float32Array(width * height * CHANNELS).fill(GREY) };
  const outputs = await graph.run(input.name, grey, graph.outputNames).catch((error: unknown): GraphTensor[] => {
    throw servableProblem(path, `does not run: ${oneLine(error)}`);
  });
  const at = outputs.findIndex(({ shape }) => shape.length === 3 && shape[0] === 1 && shape[2] === VALUES_PER_ROW);
  const output = graph.outputNames[at];
  if (output === undefined) {
    const found = outputs.map(({ shape }, index) => `${graph.outputNames[index] ?? ''} ${shapeText(shape)}`);
    throw servableProblem(path, `has no output of shape [1, n, ${String(VALUES_PER_ROW)}] (x1, y1, x2, y2, score, class), only ${found.join(', ')}`);
  }
  return { input: { ...recipe.input, name: input.name, size: { widthPx: width, heightPx: height }, layout: 'nhwc', batchSize: 1 }, output: { ...recipe.output, output } };
}

function isSide(value: number | undefined): value is number {
  return value !== undefined && value >= 1 && value <= MAX_SIDE_PX;
}

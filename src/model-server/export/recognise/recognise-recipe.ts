import type { InputRecipe, Recipe } from '../../store/recipe.js';
import { describeAll, recognitionProblem, sizeOf, type Endpoint, type GraphEndpoints } from './endpoint.js';
import { outputOf, type RecognisedOutput } from './output-roles.js';
import { recogniseBoxes, recogniseObjectDetection } from './recognise-boxes.js';
import { inputRecipe, layoutOf, pictureInput } from './recognise-input.js';
import { recogniseClassification, recogniseRows, recogniseYolo, type Surroundings } from './recognise-single.js';
import { WISH_OPTIONS, type RecipeWishes } from './recipe-wishes.js';
import { readUltralyticsMetadata } from './ultralytics-metadata.js';

export type { GraphEndpoints } from './endpoint.js';
export type { RecipeWishes } from './recipe-wishes.js';

/** What a graph is. */
export type Recognised = {
  readonly recipe: Recipe;
  /** Labels by class id, from the model's own metadata or the wishes; `null`: COCO's where ids are those, else nobody knows. Of classifiers, class index i is id i + 1, as in label maps without an id 0. */
  readonly labels: ReadonlyMap<number, string> | null;
};

/** Rows of models that see to suppression themselves (YOLOv10: 300); heads have thousands. */
const MAX_ROWS = 1_000;
const VALUES_PER_ROW = 6;

/** Finds out from names, element types and shapes of a graph's inputs and outputs, and from what Ultralytics writes into ONNX files, how pictures go into it and what comes out: YOLO (v5, v8 and
 * later; detection, segmentation, poses, classification; end to end), RT-DETR and DETR, SSD, rows as the default model gives them, the Object Detection API's own outputs, classifiers.
 * @throws {ConfigError} when it is none of them, naming what was found and the option of `sightline model export` that would tell */
export function recogniseRecipe(endpoints: GraphEndpoints, wishes: RecipeWishes = {}): Recognised {
  const input = pictureInput(endpoints.inputs);
  const layout = layoutOf(input, wishes);
  const metadata = readUltralyticsMetadata(endpoints.metadata);
  if (metadata?.task === 'other' && wishes.kind === undefined) throw recognitionProblem(WISH_OPTIONS.kind, `its metadata names the task ${endpoints.metadata.get('task') ?? ''}, which is not known: expected a model that detects, segments, classifies or finds poses`);
  const found = recogniseOutput(countingOutputs(endpoints.outputs, wishes), { wishes, metadata, layout });
  return { recipe: { input: inputRecipe(input, { ...found.habits, resize: resizeOf(found, input, layout) }, wishes), output: found.recipe }, labels: found.labels };
}

/** All outputs; the one that the wishes name, and what goes with it, where they name one. */
function countingOutputs(outputs: readonly Endpoint[], { outputs: named }: RecipeWishes): readonly Endpoint[] {
  if (named?.output === undefined) return outputs;
  return [named.output, named.prototypes].flatMap((name) => (name === undefined ? [] : [outputOf(outputs, name)]));
}

function recogniseOutput(outputs: readonly Endpoint[], surroundings: Surroundings): RecognisedOutput {
  const { wishes, metadata } = surroundings;
  switch (wishes.kind) {
    case 'object-detection':
      return recogniseObjectDetection(outputs, wishes) ?? unknown(outputs);
    case 'boxes':
      return recogniseBoxes(outputs, wishes, metadata?.names ?? null) ?? unknown(outputs);
    case 'rows':
      return recogniseRows(chosen(outputs, wishes, areRows), surroundings);
    case 'yolo':
      return recogniseHead(outputs, surroundings);
    case 'classification':
      return recogniseClassification(chosen(outputs, wishes, isFlat), surroundings);
    default:
      return recogniseAny(outputs, surroundings);
  }
}

function recogniseAny(outputs: readonly Endpoint[], surroundings: Surroundings): RecognisedOutput {
  const { wishes, metadata } = surroundings;
  if (metadata?.task === 'classify') return recogniseClassification(chosen(outputs, wishes, isFlat), surroundings);
  const given = recogniseObjectDetection(outputs, wishes);
  if (given !== null) return given;
  const rows = outputs.filter((output) => areRows(output));
  const [row] = rows;
  if (row !== undefined && rows.length === 1 && !isHeadOfTwoClasses(row, metadata?.names ?? null)) return recogniseRows(row, surroundings);
  const isUltralytics = metadata !== null;
  const boxes = isUltralytics ? null : recogniseBoxes(outputs, wishes, null);
  if (boxes !== null) return boxes;
  const heads = outputs.filter(({ shape }) => shape?.length === 3);
  const [head] = heads;
  // YOLOv5 gives what it made its head of as well, with five axes; they are passed over.
  if (head !== undefined && heads.length === 1 && outputs.every(({ shape }) => [3, 4, 5].includes(shape?.length ?? 0))) return recogniseHead(outputs, surroundings);
  const [only, ...others] = outputs;
  return only !== undefined && others.length === 0 && isFlat(only) ? recogniseClassification(only, surroundings) : unknown(outputs);
}

function recogniseHead(outputs: readonly Endpoint[], surroundings: Surroundings): RecognisedOutput {
  const { wishes } = surroundings;
  const prototypes = wishes.outputs?.prototypes === undefined ? outputs.find(({ shape }) => shape?.length === 4) : outputOf(outputs, wishes.outputs.prototypes);
  return recogniseYolo(chosen(outputs, wishes, ({ shape }) => shape?.length === 3), prototypes ?? null, surroundings);
}

/** The output that the wishes name, else the only one, else the only one that fits.
 * @throws {ConfigError} when that is none, or several are */
function chosen(outputs: readonly Endpoint[], { outputs: named }: RecipeWishes, fits: (output: Endpoint) => boolean): Endpoint {
  if (named?.output !== undefined) return outputOf(outputs, named.output);
  const [first, ...others] = outputs.length === 1 ? outputs : outputs.filter(fits);
  if (first !== undefined && others.length === 0) return first;
  throw recognitionProblem(WISH_OPTIONS.outputs, `which of its outputs counts is not to be seen (${describeAll(outputs)}): expected ${WISH_OPTIONS.outputs} NAME`);
}

function areRows(output: Endpoint): boolean {
  return output.shape?.length === 3 && sizeOf(output, 2) === VALUES_PER_ROW && (sizeOf(output, 1) ?? 0) <= MAX_ROWS;
}

/** A head `[n, anchors, 4 + 2]` with few anchors looks like rows. */
function isHeadOfTwoClasses(output: Endpoint, names: readonly string[] | null): boolean {
  return names?.length === 2 && sizeOf(output, 1) !== 300;
}

function isFlat(output: Endpoint): boolean {
  return output.shape?.length === 2 || (output.shape?.length === 4 && [2, 3].every((axis) => sizeOf(output, axis) === 1));
}

/** Graphs of the Object Detection API that take any size scale pictures themselves. */
function resizeOf({ recipe, habits }: RecognisedOutput, input: Endpoint, layout: InputRecipe['layout']): InputRecipe['resize'] {
  const sides = layout === 'nchw' ? [2, 3] : [1, 2];
  return recipe.kind === 'object-detection' && sides.some((axis) => sizeOf(input, axis) === null) ? 'none' : habits.resize;
}

function unknown(outputs: readonly Endpoint[]): never {
  throw recognitionProblem(WISH_OPTIONS.kind, `what its outputs mean is not to be seen (${describeAll(outputs)}): expected ${WISH_OPTIONS.kind} yolo, rows, boxes, object-detection or classification, with ${WISH_OPTIONS.outputs} where it has several`);
}

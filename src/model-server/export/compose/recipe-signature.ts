import type { SignatureDef, TensorInfo } from '../../../serving/metadata-messages.js';
import { MAX_DETECTIONS, type OutputRecipe } from '../../store/recipe.js';
import { MASK_SIZE } from './mask-operators.js';

/** Name of the one input. */
export const PICTURES_INPUT = 'inputs';
export const PROBABILITIES_OUTPUT = 'probabilities';

/** What a servable made by a recipe takes and gives.
 * @param sizes of the graph's own outputs by name, as far as they are known: how many classes or keypoints there are, how large masks; -1 elsewhere */
export function recipeSignature(recipe: OutputRecipe, sizes: ReadonlyMap<string, readonly number[]> = new Map()): SignatureDef {
  return {
    inputs: new Map([[PICTURES_INPUT, { name: `${PICTURES_INPUT}:0`, dtype: 'uint8', shape: [-1, -1, -1, 3] }]]),
    outputs: new Map(outputShapes(recipe, sizes).map(([name, shape]): [string, TensorInfo] => [name, { name: `${name}:0`, dtype: 'float', shape: [-1, ...shape] }])),
    methodName: 'tensorflow/serving/predict',
  };
}

type NamedShape = readonly [name: string, shape: readonly number[]];

function outputShapes(recipe: OutputRecipe, sizes: ReadonlyMap<string, readonly number[]>): NamedShape[] {
  const sizeOf = (name: string, axis: number): number => sizes.get(name)?.[axis] ?? -1;
  if (recipe.kind === 'classification') return [[PROBABILITIES_OUTPUT, [sizeOf(recipe.output, 1)]]];
  const shapes: NamedShape[] = [
    ['detection_boxes', [MAX_DETECTIONS, 4]],
    ['detection_classes', [MAX_DETECTIONS]],
    ['detection_scores', [MAX_DETECTIONS]],
    ['num_detections', []],
  ];
  if (recipe.kind === 'yolo') {
    if (recipe.prototypes !== null) shapes.push(['detection_masks', [MAX_DETECTIONS, MASK_SIZE, MASK_SIZE]]);
    if (recipe.keypoints !== null) shapes.push(['detection_keypoints', [MAX_DETECTIONS, recipe.keypoints.count, 2]]);
    if (recipe.keypoints?.scored === true) shapes.push(['detection_keypoint_scores', [MAX_DETECTIONS, recipe.keypoints.count]]);
  }
  if (recipe.kind === 'object-detection') {
    if (recipe.masks !== null) shapes.push(['detection_masks', [MAX_DETECTIONS, sizeOf(recipe.masks, 2), sizeOf(recipe.masks, 3)]]);
    if (recipe.keypoints !== null) shapes.push(['detection_keypoints', [MAX_DETECTIONS, sizeOf(recipe.keypoints.points, 2), 2]]);
    if (recipe.keypoints !== null && recipe.keypoints.scores !== null) shapes.push(['detection_keypoint_scores', [MAX_DETECTIONS, sizeOf(recipe.keypoints.points, 2)]]);
  }
  return shapes;
}

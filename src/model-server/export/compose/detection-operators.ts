import type { InputRecipe } from '../../store/recipe.js';
import type { OnnxBuilder } from '../onnx/onnx-builder.js';
import { addCount, addRowChoice, padded, type AnswerRows } from './answer-rows.js';
import { addGivenKeypoints, addPoseKeypoints, type Keypoints } from './keypoint-operators.js';
import { addMasks, whereRow } from './mask-operators.js';
import type { PicturePlace } from './picture-operators.js';
import { addRowReading, type DetectionRecipe } from './read-rows.js';

/** Writes the operators that make the answer of an Object Detection API model from a graph's outputs.
 * @param outputOf name of the value of one of the graph's outputs, float, the pictures on its first axis
 * @returns values by names of the answer's outputs, all float, 100 rows a picture */
export function addDetectionOperators(b: OnnxBuilder, recipe: DetectionRecipe, input: InputRecipe, outputOf: (name: string) => string, place: PicturePlace): ReadonlyMap<string, string> {
  const found = addRowReading(b, recipe, outputOf, place);
  const rules = recipe.kind === 'object-detection' ? { classIds: null, nms: null } : { classIds: recipe.classIds, nms: recipe.nms };
  const rows = addRowChoice(b, found, place, rules);
  const answer = new Map([
    ['detection_boxes', padded(b, rows.boxes)],
    ['detection_classes', padded(b, rows.classes)],
    ['detection_scores', padded(b, rows.scores)],
    ['num_detections', addCount(b, rows.counts)],
  ]);
  const masks = masksOf(b, recipe, input, rows, outputOf, place);
  if (masks !== null) answer.set('detection_masks', padded(b, masks));
  const keypoints = keypointsOf(b, recipe, rows, place);
  if (keypoints !== null) answer.set('detection_keypoints', padded(b, keypoints.points));
  if (keypoints !== null && keypoints.scores !== null) answer.set('detection_keypoint_scores', padded(b, keypoints.scores));
  return answer;
}

function masksOf(b: OnnxBuilder, recipe: DetectionRecipe, input: InputRecipe, rows: AnswerRows, outputOf: (name: string) => string, place: PicturePlace): string | null {
  const { masks, more } = rows.extras;
  if (recipe.kind === 'yolo' && recipe.prototypes !== null && more !== undefined) return addMasks(b, rows, more, outputOf(recipe.prototypes), place, input.size);
  return masks === undefined ? null : whereRow(b, rows, masks, 2);
}

function keypointsOf(b: OnnxBuilder, recipe: DetectionRecipe, rows: AnswerRows, place: PicturePlace): Keypoints | null {
  const { points, pointScores, more } = rows.extras;
  if (recipe.kind === 'yolo' && recipe.keypoints !== null && more !== undefined) return addPoseKeypoints(b, rows, more, recipe.keypoints, recipe.boxUnits, place);
  return points === undefined ? null : addGivenKeypoints(b, rows, points, pointScores ?? null, place);
}

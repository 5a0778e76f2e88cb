import type { Recipe } from '../store/recipe.js';

/** Says why JavaScript does not do what a recipe asks for, one line, or `null` when it does: instance masks and keypoints are read by the operators of the ONNX model
 * and of the SavedModel alone. */
export function unsupportedRecipe({ input, output }: Recipe): string | null {
  if (input.dtype === 'half') return 'its graph takes half precision, which TensorFlow.js does not have';
  const hasMasks = (output.kind === 'yolo' && output.prototypes !== null) || (output.kind === 'object-detection' && output.masks !== null);
  if (hasMasks) return 'it has instance masks, which only its ONNX model and its SavedModel make';
  if ((output.kind === 'yolo' || output.kind === 'object-detection') && output.keypoints !== null) return 'it has keypoints, which only its ONNX model and its SavedModel make';
  if (output.kind === 'boxes' && output.classes !== null && output.activation === 'softmax') return 'it has one score a box and a softmax over classes';
  return null;
}

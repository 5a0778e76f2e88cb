import type { SignatureDef, TensorInfo } from '../serving/metadata-messages.js';
import { MAX_DETECTIONS } from './store/recipe.js';

/** Name of the one input. */
export const INPUT_NAME = 'inputs';
/** Name of the tensor inside the graph that the input would have in TensorFlow; messages mention it. */
export const INPUT_FEED_NAME = 'image_tensor:0';

/** What the server presents every model as: an Object Detection API model for any number of images of any size. */
export const SERVED_SIGNATURE: SignatureDef = {
  inputs: new Map([[INPUT_NAME, { name: INPUT_FEED_NAME, dtype: 'uint8', shape: [-1, -1, -1, 3] }]]),
  outputs: new Map([
    ['detection_boxes', float('detection_boxes', [-1, MAX_DETECTIONS, 4])],
    ['detection_classes', float('detection_classes', [-1, MAX_DETECTIONS])],
    ['detection_scores', float('detection_scores', [-1, MAX_DETECTIONS])],
    ['num_detections', float('num_detections', [-1])],
  ]),
  methodName: 'tensorflow/serving/predict',
};

function float(name: string, shape: readonly number[]): TensorInfo {
  return { name: `${name}:0`, dtype: 'float', shape };
}

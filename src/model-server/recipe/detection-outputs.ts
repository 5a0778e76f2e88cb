import type { Tensor } from '../../serving/tensor.js';
import { MAX_DETECTIONS } from '../store/recipe.js';
import type { DetectionRow } from './detection-rows.js';

/** Lays the detections of a batch out as the four outputs of an Object Detection API model, rows without a detection zero.
 * @param lists one list an image, best first, at most 100 long */
export function toDetectionOutputs(lists: readonly (readonly DetectionRow[])[]): Map<string, Tensor> {
  const count = lists.length;
  const boxes = new Float32Array(count * MAX_DETECTIONS * 4);
  const classes = new Float32Array(count * MAX_DETECTIONS);
  const scores = new Float32Array(count * MAX_DETECTIONS);
  lists.forEach((rows, image) => {
    rows.forEach((row, index) => {
      const at = image * MAX_DETECTIONS + index;
      boxes.set(row.box, at * 4);
      classes[at] = row.classId;
      scores[at] = row.score;
    });
  });
  return new Map<string, Tensor>([
    ['detection_boxes', { dtype: 'float', shape: [count, MAX_DETECTIONS, 4], data: boxes }],
    ['detection_classes', { dtype: 'float', shape: [count, MAX_DETECTIONS], data: classes }],
    ['detection_scores', { dtype: 'float', shape: [count, MAX_DETECTIONS], data: scores }],
    ['num_detections', { dtype: 'float', shape: [count], data: Float32Array.from(lists, (rows) => rows.length) }],
  ]);
}

import { ModelOutputError } from '../../core/errors.js';
import type { Detection, DetectionMask, Keypoint } from '../../core/frames.js';
import { boxArea, denormalizeBox, unletterboxBox, unletterboxPoint, type BoxXyxyPx, type Letterbox } from '../../core/geometry.js';
import type { Tensor } from '../../serving/tensor.js';
import type { DecodeContext } from './decode-context.js';
import { checkedClass, checkedCount, checkedScore, expectFinite, expectShape, floatOutput, type NumericOutput } from './numeric-output.js';

/** Outputs that a TensorFlow Object Detection API model always has. */
export const OBJECT_DETECTION_OUTPUTS = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'] as const;
/** Outputs that it may have besides and that are read. */
export const MASK_OUTPUT = 'detection_masks';
export const KEYPOINT_OUTPUTS = ['detection_keypoints', 'detection_keypoint_scores'] as const;

/** Which outputs there are beside {@link OBJECT_DETECTION_OUTPUTS}. */
export type ObjectDetectionExtras = { readonly masks: boolean; readonly keypoints: 'none' | 'plain' | 'scored' };

/** More boxes than this in one frame is not an answer but an attack or a defect (exports give 100 to 300). */
const MAX_BOXES_PER_FRAME = 10_000;
/** More keypoints of one object than this are a defect (exports give 17). */
const MAX_KEYPOINTS = 1_000;

type Outputs = { readonly boxes: NumericOutput; readonly classes: NumericOutput; readonly scores: NumericOutput; readonly masks: NumericOutput | null; readonly points: NumericOutput | null; readonly pointScores: NumericOutput | null };

/** Decodes one answer of an Object Detection API model into detections, one list a frame of the batch, ordered by score, descending.
 *
 * Boxes outside the picture (in the letterbox's bars) are left out; nothing is suppressed or thresholded.
 * @param outputs `detection_boxes` `[n, k, 4]` `[yMin, xMin, yMax, xMax]` normalised to the model input; `detection_classes` and
 *   `detection_scores` `[n, k]`; `num_detections` `[n]`; where asked for `detection_masks` `[n, k, h, w]` in [0, 1], `detection_keypoints`
 *   `[n, k, p, 2]` `[y, x]` normalised and `detection_keypoint_scores` `[n, k, p]`; all real numbers
 * @throws {ModelOutputError} if an output is missing or its dtype, shape or values are not as above
 * @see TensorFlow Object Detection API, exporter.py and exporter_lib_v2.py */
export function decodeObjectDetection(outputs: ReadonlyMap<string, Tensor>, { batchSize, letterboxes, labels }: Omit<DecodeContext, 'inputSize'>, extras: ObjectDetectionExtras = { masks: false, keypoints: 'none' }): Detection[][] {
  const boxes = floatOutput(outputs, 'detection_boxes');
  const rows = boxes.shape[1] ?? 0;
  if (rows > MAX_BOXES_PER_FRAME) throw new ModelOutputError(`detection_boxes has ${String(rows)} boxes a frame, more than ${String(MAX_BOXES_PER_FRAME)}`);
  expectShape(boxes, [batchSize, rows, 4]);
  const shaped = (name: string, shape: readonly number[]): NumericOutput => {
    const output = floatOutput(outputs, name);
    expectShape(output, shape);
    return output;
  };
  const all: Outputs = {
    boxes,
    classes: shaped('detection_classes', [batchSize, rows]),
    scores: shaped('detection_scores', [batchSize, rows]),
    masks: extras.masks ? shaped(MASK_OUTPUT, [batchSize, rows, -1, -1]) : null,
    points: extras.keypoints === 'none' ? null : shaped(KEYPOINT_OUTPUTS[0], [batchSize, rows, -1, 2]),
    pointScores: extras.keypoints === 'scored' ? shaped(KEYPOINT_OUTPUTS[1], [batchSize, rows, -1]) : null,
  };
  if (all.points !== null && (all.points.shape[2] ?? 0) > MAX_KEYPOINTS) throw new ModelOutputError(`detection_keypoints has more than ${String(MAX_KEYPOINTS)} points an object`);
  if (all.points !== null && all.pointScores !== null) expectShape(all.pointScores, all.points.shape.slice(0, 3));
  const counts = shaped('num_detections', [batchSize]);

  return letterboxes.map((lb, frame) => {
    const count = checkedCount(counts.data[frame] ?? NaN, rows, 'num_detections');
    const detections: Detection[] = [];
    for (let row = frame * rows; row < frame * rows + count; row += 1) {
      const box = boxOf(all.boxes, row, lb);
      const classId = checkedClass(all.classes.data[row] ?? NaN, 'detection_classes');
      const detection: Detection = {
        classId,
        label: labels.label(classId),
        score: checkedScore(all.scores.data[row] ?? NaN, 'detection_scores'),
        box: unletterboxBox(box, lb),
        ...(all.masks === null ? {} : { mask: maskOf(all.masks, row, box, lb) }),
        ...(all.points === null ? {} : { keypoints: keypointsOf(all.points, all.pointScores, row, lb) }),
      };
      if (boxArea(detection.box) > 0) detections.push(detection);
    }
    return detections.sort((a, b) => b.score - a.score);
  });
}

/** @returns pixels of the letterbox's canvas */
function boxOf(boxes: NumericOutput, row: number, lb: Letterbox): BoxXyxyPx {
  expectFinite(boxes, row * 4, row * 4 + 4);
  const [yMin = 0, xMin = 0, yMax = 0, xMax = 0] = boxes.data.subarray(row * 4, row * 4 + 4);
  return denormalizeBox([yMin, xMin, yMax, xMax], lb.canvas);
}

function maskOf(masks: NumericOutput, row: number, [x1, y1, x2, y2]: BoxXyxyPx, lb: Letterbox): DetectionMask {
  const [, , heightPx = 0, widthPx = 0] = masks.shape;
  const values = heightPx * widthPx;
  expectFinite(masks, row * values, (row + 1) * values);
  const data = masks.data.subarray(row * values, (row + 1) * values);
  return { widthPx, heightPx, data: data instanceof Float32Array ? data : Float32Array.from(data), box: [...unletterboxPoint(x1, y1, lb), ...unletterboxPoint(x2, y2, lb)] };
}

function keypointsOf(points: NumericOutput, scores: NumericOutput | null, row: number, lb: Letterbox): Keypoint[] {
  const count = points.shape[2] ?? 0;
  expectFinite(points, row * count * 2, (row + 1) * count * 2);
  if (scores !== null) expectFinite(scores, row * count, (row + 1) * count);
  return Array.from({ length: count }, (_, index) => {
    const at = row * count + index;
    const [xPx, yPx] = unletterboxPoint((points.data[at * 2 + 1] ?? 0) * lb.canvas.widthPx, (points.data[at * 2] ?? 0) * lb.canvas.heightPx, lb);
    return { xPx, yPx, score: scores === null ? null : (scores.data[at] ?? 0) };
  });
}

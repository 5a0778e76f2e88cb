import { ModelOutputError } from '../core/errors.js';
import type { Detection } from '../core/frames.js';
import { boxArea, denormalizeBox, unletterboxBox, type Letterbox } from '../core/geometry.js';
import type { Tensor } from '../serving/tensor.js';
import type { LabelMap } from './label-map.js';

/** Outputs that a TensorFlow Object Detection API model always has; the decoder reads these and no others. */
export const OBJECT_DETECTION_OUTPUTS = ['detection_boxes', 'detection_classes', 'detection_scores', 'num_detections'] as const;

/** More boxes than this in one frame is not an answer but an attack or a defect (exports give 100 to 300). */
const MAX_BOXES_PER_FRAME = 10_000;
/** Rounding in float16 models puts scores a little outside [0, 1]. */
const SCORE_TOLERANCE = 1e-3;

/** Decodes one answer of an Object Detection API model into detections, one list a frame of the batch, ordered by score, descending.
 *
 * Boxes outside the picture (in the letterbox's bars) are left out; nothing is suppressed or thresholded.
 * @param outputs `detection_boxes` `[n, k, 4]` `[yMin, xMin, yMax, xMax]` normalised to the model input; `detection_classes` and
 *   `detection_scores` `[n, k]`; `num_detections` `[n]`; all float32
 * @param letterboxes one a frame; boxes are mapped back through them to source pixels and clipped
 * @throws {ModelOutputError} if an output is missing or its dtype, shape or values are not as above
 * @see TensorFlow Object Detection API, exporter.py and exporter_lib_v2.py */
export function decodeObjectDetection(outputs: ReadonlyMap<string, Tensor>, letterboxes: readonly Letterbox[], labels: LabelMap): Detection[][] {
  const frames = letterboxes.length;
  const boxes = floats(outputs, 'detection_boxes');
  const boxesPerFrame = boxes.shape[1] ?? 0;
  if (boxesPerFrame > MAX_BOXES_PER_FRAME) throw new ModelOutputError(`detection_boxes has ${String(boxesPerFrame)} boxes a frame, more than ${String(MAX_BOXES_PER_FRAME)}`);
  expectShape('detection_boxes', boxes.shape, [frames, boxesPerFrame, 4]);
  const classes = floats(outputs, 'detection_classes');
  expectShape('detection_classes', classes.shape, [frames, boxesPerFrame]);
  const scores = floats(outputs, 'detection_scores');
  expectShape('detection_scores', scores.shape, [frames, boxesPerFrame]);
  const counts = floats(outputs, 'num_detections');
  expectShape('num_detections', counts.shape, [frames]);

  return letterboxes.map((lb, frame) => {
    const count = counts.data[frame] ?? 0;
    if (!Number.isInteger(count) || count < 0 || count > boxesPerFrame) {
      throw new ModelOutputError(`num_detections is ${String(count)}, expected a whole number from 0 to ${String(boxesPerFrame)}`);
    }
    const detections: Detection[] = [];
    for (let index = frame * boxesPerFrame; index < frame * boxesPerFrame + count; index += 1) {
      const detection = decodeOne(boxes.data, classes.data, scores.data, index, lb, labels);
      if (boxArea(detection.box) > 0) detections.push(detection);
    }
    return detections.sort((a, b) => b.score - a.score);
  });
}

function decodeOne(boxes: Float32Array, classes: Float32Array, scores: Float32Array, index: number, lb: Letterbox, labels: LabelMap): Detection {
  const [yMin, xMin, yMax, xMax] = boxes.subarray(index * 4, index * 4 + 4);
  const score = scores[index];
  const classId = classes[index];
  if (yMin === undefined || xMin === undefined || yMax === undefined || xMax === undefined || ![yMin, xMin, yMax, xMax].every(Number.isFinite)) {
    throw new ModelOutputError('detection_boxes holds a value that is not a number');
  }
  if (score === undefined || !(score >= -SCORE_TOLERANCE && score <= 1 + SCORE_TOLERANCE)) {
    throw new ModelOutputError(`detection_scores holds ${String(score)}, expected values from 0 to 1`);
  }
  if (classId === undefined || !Number.isInteger(classId)) throw new ModelOutputError(`detection_classes holds ${String(classId)}, expected whole numbers`);
  return {
    classId,
    label: labels.label(classId),
    score: Math.min(1, Math.max(0, score)),
    box: unletterboxBox(denormalizeBox([yMin, xMin, yMax, xMax], lb.canvas), lb),
  };
}

function floats(outputs: ReadonlyMap<string, Tensor>, name: string): { shape: readonly number[]; data: Float32Array } {
  const tensor = outputs.get(name);
  if (tensor === undefined) throw new ModelOutputError(`the answer has no output ${name}, only ${[...outputs.keys()].sort().join(', ') || 'none'}`);
  if (!(tensor.data instanceof Float32Array)) throw new ModelOutputError(`output ${name} is ${tensor.dtype}, expected float32`);
  return { shape: tensor.shape, data: tensor.data };
}

function expectShape(name: string, shape: readonly number[], expected: readonly number[]): void {
  if (shape.length !== expected.length || shape.some((size, axis) => size !== expected[axis])) {
    throw new ModelOutputError(`output ${name} has shape [${shape.join(', ')}], expected [${expected.join(', ')}]`);
  }
}

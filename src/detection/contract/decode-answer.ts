import type { Letterbox } from '../../core/geometry.js';
import type { Tensor } from '../../serving/tensor.js';
import type { LabelMap } from '../label-map.js';
import { decodeBoxes } from './boxes-decoder.js';
import { decodeClassification } from './classification-decoder.js';
import type { DecodeContext, FrameFindings } from './decode-context.js';
import type { ModelPlan } from './model-plan.js';
import { decodeObjectDetection } from './object-detection-decoder.js';
import { decodeYolo } from './yolo-decoder.js';

/** Decodes one answer: what was found on each frame, in the order of the frames.
 * @param letterboxes one for each frame of the request, without those that only filled a fixed batch
 * @throws {ModelOutputError} the answer does not fit the plan, one line */
export function decodeAnswer(plan: ModelPlan, outputs: ReadonlyMap<string, Tensor>, letterboxes: readonly Letterbox[], labels: LabelMap): FrameFindings[] {
  const { fixedBatchSize, fixedInputSize } = plan.input;
  const context: DecodeContext = { batchSize: Math.max(letterboxes.length, fixedBatchSize ?? 0), letterboxes, inputSize: fixedInputSize, labels };
  const { output } = plan;
  if (output.kind === 'classification') return decodeClassification(outputs, output, context).map((classes) => ({ detections: [], classes }));
  const lists = output.kind === 'object-detection' ? decodeObjectDetection(outputs, context, output) : output.kind === 'yolo' ? decodeYolo(outputs, output, context) : decodeBoxes(outputs, output, context);
  return lists.map((detections) => ({ detections, classes: [] }));
}
